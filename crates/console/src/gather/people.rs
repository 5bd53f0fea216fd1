//! Patients, as far as a page on a wall may show them.

use std::collections::HashMap;

use fhir::resources::Encounter;
use fhir::systems::NHS_NUMBER;
use fhir::types::Reference;
use fhir::{Id, ResourceType};
use medicines::RowKind;
use record::Reader;
use serde::Deserialize;

use super::Trouble;
use crate::view::PatientRef;

/// How much of the NHS number is shown, in digits.
const TAIL_DIGITS: usize = 3;
/// The code of a bed in FHIR's location-physical-type.
const BED: &str = "bd";

/// As much of a patient's row as the page needs.
#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    identifiers: Vec<String>,
    #[serde(default)]
    encounters: Vec<Stay>,
}

#[derive(Deserialize)]
struct Stay {
    id: Id,
    status: String,
    #[serde(default)]
    ward: Option<String>,
}

/// The patients of one page, each read once.
pub(super) struct People<'r> {
    reader: &'r Reader,
    known: HashMap<Id, PatientRef>,
}

impl<'r> People<'r> {
    pub(super) fn new(reader: &'r Reader) -> Self {
        People { reader, known: HashMap::new() }
    }

    /// The patient of a resource.
    pub(super) fn subject(&mut self, subject: &Reference) -> Result<PatientRef, Trouble> {
        match subject.id_of(ResourceType::Patient) {
            Some(id) => self.patient(&id).cloned(),
            None => Ok(PatientRef::default()),
        }
    }

    /// A patient by id.
    pub(super) fn patient(&mut self, id: &Id) -> Result<&PatientRef, Trouble> {
        if !self.known.contains_key(id) {
            let patient = self.read(id)?;
            self.known.insert(id.clone(), patient);
        }
        Ok(&self.known[id])
    }

    fn read(&self, id: &Id) -> Result<PatientRef, Trouble> {
        let Some(row) = self.reader.row(RowKind::Patient, id.as_str())? else {
            return Ok(PatientRef::default());
        };
        let row: Row = serde_json::from_slice(&row).map_err(|_| Trouble::Row("patient"))?;
        let nhs_tail = row.identifiers.iter().find_map(|identifier| tail(identifier));
        let stay = row.encounters.into_iter().rev().find(|stay| stay.status == "in-progress");
        let Some(Stay { id, ward, .. }) = stay else {
            return Ok(PatientRef { nhs_tail, ..PatientRef::default() });
        };
        Ok(PatientRef { ward, bed: self.bed(&id)?, nhs_tail })
    }

    fn bed(&self, encounter: &Id) -> Result<Option<String>, Trouble> {
        let stored = self.reader.read(ResourceType::Encounter, encounter)?;
        let encounter = stored.and_then(|stored| stored.read::<Encounter>().ok());
        Ok(encounter.and_then(|encounter| {
            let bed = encounter.location.into_iter().find(|location| {
                let kind = location.physical_type.as_ref();
                kind.is_some_and(|kind| kind.coding.iter().any(|c| c.code.as_deref() == Some(BED)))
            })?;
            bed.location.display.or_else(|| bed.location.identifier?.value)
        }))
    }
}

/// The end of the NHS number in `system|value`.
fn tail(identifier: &str) -> Option<String> {
    let (system, value) = identifier.rsplit_once('|')?;
    let digits: Vec<char> = value.chars().filter(char::is_ascii_digit).collect();
    let long_enough = system == NHS_NUMBER && digits.len() > TAIL_DIGITS;
    long_enough.then(|| digits[digits.len() - TAIL_DIGITS..].iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_of_an_nhs_number_and_nothing_of_another() {
        let check = |identifier: &str, expected: Option<&str>| {
            assert_eq!(tail(identifier).as_deref(), expected, "{identifier}");
        };
        check("https://fhir.nhs.uk/Id/nhs-number|9990000018", Some("018"));
        check("https://fhir.nhs.uk/Id/nhs-number|018", None);
        check("https://rxx.nhs.uk/Id/mrn|12345678", None);
        check("12345678", None);
    }
}
