//! Patients as those who act for them have to know them: named in full.

use fhir::resources::{AllergyCriticality, AllergyIntolerance, Patient};
use fhir::types::HumanName;
use fhir::{Id, ResourceType};
use jiff::Timestamp;
use medicines::RowKind;
use medicines::state::PatientState;
use record::Reader;

use super::Trouble;
use super::people::People;
use crate::view::{AllergyView, PersonView};
use crate::words::uk_day;

/// Whom one page names, each read once for the ward and once for the name.
pub(super) struct Persons<'r> {
    reader: &'r Reader,
    people: People<'r>,
}

impl<'r> Persons<'r> {
    pub(super) fn new(reader: &'r Reader) -> Self {
        Persons { reader, people: People::new(reader) }
    }

    /// The ward of a patient.
    pub(super) fn ward(&mut self, id: &Id) -> Result<Option<String>, Trouble> {
        Ok(self.people.patient(id)?.ward.clone())
    }

    /// The patient in full.
    pub(super) fn person(&mut self, id: &Id, now: Timestamp) -> Result<PersonView, Trouble> {
        let place = self.people.patient(id)?;
        let (ward, bed) = (place.ward.clone(), place.bed.clone());
        let stored = self.reader.read(ResourceType::Patient, id)?;
        let Some(patient) = stored.and_then(|stored| stored.read::<Patient>().ok()) else {
            let name = format!("Patient {id}");
            return Ok(PersonView { name, ward, bed, ..PersonView::default() });
        };
        Ok(PersonView {
            name: patient.name_to_show().map_or_else(|| format!("Patient {id}"), name),
            nhs_number: patient.nhs_number().map(grouped),
            born: patient.birth_date.as_ref().map(|born| match born.day() {
                Some(day) => {
                    let years = uk_day(now).since((jiff::Unit::Year, day));
                    let age = years.map_or(0, |span| span.get_years());
                    format!("{} ({age} y)", day.strftime("%-d %b %Y"))
                }
                None => born.to_string(),
            }),
            gender: patient.gender.map(|gender| gender.as_str().to_owned()),
            ward,
            bed,
        })
    }
}

/// The live allergies on a patient's record.
pub(super) fn allergies(
    reader: &Reader,
    state: &PatientState,
) -> Result<Vec<AllergyView>, Trouble> {
    let mut views = Vec::new();
    for (code, id) in &state.allergies {
        let stored = reader.read(ResourceType::AllergyIntolerance, id)?;
        let Some(allergy) = stored.and_then(|stored| stored.read::<AllergyIntolerance>().ok())
        else {
            // It is known by its code alone; leaving it out would be worse.
            views.push(AllergyView { words: code.clone(), high: false });
            continue;
        };
        if !allergy.is_live() {
            continue;
        }
        let words = allergy.code.as_ref().and_then(|code| code.words()).unwrap_or(code);
        let manifested = allergy.reaction.iter().flat_map(|one| &one.manifestation);
        let reactions: Vec<&str> = manifested.filter_map(|one| one.words()).collect();
        let reactions = match reactions.as_slice() {
            [] => String::new(),
            some => format!(": {}", some.join(", ")),
        };
        let high = allergy.criticality == Some(AllergyCriticality::High);
        views.push(AllergyView { words: format!("{words}{reactions}"), high });
    }
    Ok(views)
}

/// What the live state has of a patient.
pub(super) fn state(reader: &Reader, id: &Id) -> Result<Option<PatientState>, Trouble> {
    let row = reader.row(RowKind::Patient, id.as_str())?;
    let read = |row: Vec<u8>| serde_json::from_slice(&row).map_err(|_| Trouble::Row("patient"));
    row.map(read).transpose()
}

/// Family name first, as staff look for people.
fn name(name: &HumanName) -> String {
    match (&name.family, name.given.as_slice()) {
        (Some(family), []) => family.clone(),
        (Some(family), given) => format!("{family}, {}", given.join(" ")),
        (None, given) => name.text.clone().unwrap_or_else(|| given.join(" ")),
    }
}

/// An NHS number in groups of three, three and four digits.
fn grouped(number: &str) -> String {
    match (number.get(..3), number.get(3..6), number.get(6..)) {
        (Some(first), Some(second), Some(third)) => format!("{first} {second} {third}"),
        _ => number.to_owned(),
    }
}
