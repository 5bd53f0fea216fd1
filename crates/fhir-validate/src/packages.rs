//! Definitions from packages: profiles, extensions, value sets and code systems.

use std::collections::HashMap;

use serde_json::Value;

use crate::terminology::Terminology;

/// Why a definition cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It is XML that is no FHIR.
    #[error("{0}")]
    Xml(#[from] fhir_xml::XmlError),
    /// It is no JSON.
    #[error("not JSON")]
    Json,
}

/// Definitions to validate by: those of R4 ([`Packages::r4`]) and what is added; later ones of the
/// same URL replace. The default has none.
#[derive(Debug, Default)]
pub struct Packages {
    pub(crate) structures: HashMap<String, Value>,
    pub(crate) terminology: Terminology,
}

impl Packages {
    /// The definitions of R4 itself.
    pub fn r4() -> Self {
        let mut structures = HashMap::new();
        for line in fhir_definitions::PROFILES.lines() {
            if let Ok(structure) = serde_json::from_str::<Value>(line)
                && let Some(url) = structure["url"].as_str()
            {
                structures.insert(url.to_owned(), structure);
            }
        }
        Self { structures, terminology: Terminology::r4() }
    }

    /// Takes a resource in JSON or XML: a StructureDefinition, ValueSet or CodeSystem, or a Bundle
    /// of them. Others are passed over. Tells whether anything was taken.
    pub fn add(&mut self, bytes: &[u8]) -> Result<bool, PackageError> {
        let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let resource: Value = if matches!(start, Some(b'{' | b'[')) {
            serde_json::from_slice(bytes).map_err(|_| PackageError::Json)?
        } else {
            let json = fhir_xml::to_json(bytes)?;
            serde_json::from_str(&json).map_err(|_| PackageError::Json)?
        };
        Ok(self.take(resource, 0))
    }

    fn take(&mut self, mut resource: Value, depth: usize) -> bool {
        match resource["resourceType"].as_str() {
            Some("StructureDefinition") => {
                let Some(url) = resource["url"].as_str().map(str::to_owned) else {
                    return false;
                };
                self.structures.insert(url, resource);
                true
            }
            Some("ValueSet") => {
                self.terminology.add_set(&resource);
                true
            }
            Some("CodeSystem") => {
                self.terminology.add_system(&resource);
                true
            }
            Some("Bundle") if depth == 0 => {
                let entries = resource["entry"].as_array_mut().map(std::mem::take);
                let mut any = false;
                for mut entry in entries.unwrap_or_default() {
                    any |= self.take(entry["resource"].take(), depth + 1);
                }
                any
            }
            _ => false,
        }
    }
}
