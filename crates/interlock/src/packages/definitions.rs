//! What the node validates by: R4, the packages in use, and the codes of dm+d.

use std::path::PathBuf;
use std::sync::Arc;

use api::Definitions;
use engine::Engine;
use fhir_validate::{Codes, Packages};
use terminology::Index;

use super::{in_use, store};
use crate::dmd;

/// The system of the codes of dm+d (NHS Business Services Authority).
const DMD: &str = "https://dmd.nhs.uk";
/// The system of SNOMED CT, of which the products of dm+d are a part.
const SNOMED: &str = "http://snomed.info/sct";

/// Reads the definitions in use from the data folder.
pub(crate) struct Loader {
    pub(crate) engine: Engine,
    /// The folder of the journal and the record.
    pub(crate) data: PathBuf,
}

impl Definitions for Loader {
    fn load(&self) -> Result<Packages, String> {
        let readers = self.engine.readers();
        let record = readers.get().map_err(|error| error.to_string())?;
        let mut packages = Packages::r4();
        for used in in_use(&record)? {
            let mut wrong = 0;
            let take = |line: &str| wrong += usize::from(packages.add(line.as_bytes()).is_err());
            store::load(&self.data, &used.package.digest, take).map_err(|why| why.to_string())?;
            if wrong > 0 {
                return Err(format!("{wrong} definitions of {} are damaged", used.package.name));
            }
        }
        let journal = self.engine.journal().map_err(|error| error.to_string())?;
        let Some(used) = dmd::in_use(Some(&record), &journal)? else { return Ok(packages) };
        let index = dmd::load(&self.data, &used.dictionary.digest);
        let index = index.map_err(|error| error.to_string())?;
        Ok(packages.with_codes(Arc::new(Products(index))))
    }
}

/// The codes of dm+d.
struct Products(Index);

impl std::fmt::Debug for Products {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Products").field(&self.0.release().day).finish()
    }
}

impl Codes for Products {
    fn has(&self, system: &str, code: &str) -> Option<bool> {
        let known = code.parse().is_ok_and(|id| self.0.find(id).is_some());
        match system {
            DMD => Some(known),
            // SNOMED CT has many more.
            SNOMED if known => Some(true),
            _ => None,
        }
    }
}
