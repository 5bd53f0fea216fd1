//! Definitions from packages: profiles, extensions, value sets and code systems.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;

use serde_json::Value;

use crate::terminology::{Codes, Terminology};

/// The most bytes of a package when it is unpacked.
pub const MAX_PACKAGE_BYTES: u64 = 1 << 30;
/// How long a block of a tar archive is (POSIX.1-2017, pax, "ustar Interchange Format").
const BLOCK: usize = 512;

/// Why a definition cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// It is XML that is no FHIR.
    #[error("{0}")]
    Xml(#[from] fhir_xml::XmlError),
    /// It is no JSON.
    #[error("not JSON")]
    Json,
    /// It is no `.tgz` archive.
    #[error("not a package in the form of a tar archive compressed by gzip")]
    Archive,
    /// It is larger than [`MAX_PACKAGE_BYTES`] when it is unpacked.
    #[error("the package is too large")]
    TooLarge,
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

    /// Asks this about the codes of systems that no package holds.
    #[must_use]
    pub fn with_codes(mut self, codes: Arc<dyn Codes>) -> Self {
        self.terminology.elsewhere = Some(codes);
        self
    }

    /// Takes the definitions of a package in the form in which FHIR publishes them: a `.tgz` with
    /// JSON files. Files that are no resources are passed over. Tells how many were taken.
    pub fn add_archive(&mut self, bytes: &[u8]) -> Result<usize, PackageError> {
        let mut taken = 0;
        each_file(bytes, |name, content| {
            if is_json(name) && self.add(content) == Ok(true) {
                taken += 1;
            }
        })?;
        Ok(taken)
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

fn is_json(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("json"))
}

/// Goes through the files of a `.tgz` archive: their names and their bytes.
pub fn each_file(bytes: &[u8], mut file: impl FnMut(&str, &[u8])) -> Result<(), PackageError> {
    let mut unpacked = Vec::new();
    let mut reader = GzDecoder::new(bytes).take(MAX_PACKAGE_BYTES + 1);
    reader.read_to_end(&mut unpacked).map_err(|_| PackageError::Archive)?;
    if unpacked.len() as u64 > MAX_PACKAGE_BYTES {
        return Err(PackageError::TooLarge);
    }
    let mut rest = unpacked.as_slice();
    while let Some((header, body)) = rest.split_at_checked(BLOCK) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = octal(&header[124..136]).ok_or(PackageError::Archive)?;
        let content = body.get(..size).ok_or(PackageError::Archive)?;
        rest = body.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
        let name = header[..100].split(|byte| *byte == 0).next().unwrap_or_default();
        if matches!(header[156], b'0' | 0) {
            file(&String::from_utf8_lossy(name), content);
        }
    }
    Ok(())
}

/// A number as tar writes it: digits of base eight, then a space or zero.
fn octal(field: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(field).ok()?;
    usize::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, text) in files {
            let mut header = [0_u8; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            let size = format!("{:011o}\0", text.len());
            header[124..136].copy_from_slice(size.as_bytes());
            header[156] = b'0';
            gzip.write_all(&header).unwrap();
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.write_all(&vec![0; text.len().next_multiple_of(BLOCK) - text.len()]).unwrap();
        }
        gzip.write_all(&[0; 2 * BLOCK]).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn a_package_is_unpacked() {
        let set = r#"{"resourceType":"ValueSet","url":"urn:v","compose":{"include":[
            {"system":"urn:s","concept":[{"code":"a"}]}]}}"#;
        let mut packages = Packages::default();
        let files = [("package/package.json", "{}"), ("package/v.json", set), ("package/x", "y")];
        assert_eq!(packages.add_archive(&archive(&files)), Ok(1));
        assert!(packages.terminology.has_set("urn:v"));
        assert_eq!(packages.add_archive(b"x"), Err(PackageError::Archive));
        let whole = archive(&files);
        assert_eq!(packages.add_archive(&whole[..60]), Err(PackageError::Archive));
    }
}
