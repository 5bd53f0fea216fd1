//! Who looked at a patient's record, and who was refused.

use std::collections::BTreeSet;

use access::{Right, allow};
use fhir::{Id, ResourceType};
use medicines::Site;
use record::{AccessSearch, AccessView, Reader};

use super::Trouble;
use super::persons::Persons;
use crate::view::{LookRow, LooksView};
use crate::words::sentence;

/// Whether somebody's role lets them see who looked.
pub(crate) fn may(reader: &Reader, who: &str) -> Result<bool, Trouble> {
    Ok(allow(reader.site()?.person(who), Right::SeeLooks).is_ok())
}

/// What is looked for: one patient by a number or an id, and further conditions.
pub(crate) struct Wanted {
    pub(crate) patient: String,
    /// By this person or client alone, where one is given.
    pub(crate) who: String,
    pub(crate) refused_only: bool,
    pub(crate) search: AccessSearch,
}

/// A page of looks, and the records of the patient who is asked about.
pub(crate) fn page(
    reader: &Reader,
    wanted: &Wanted,
    now: jiff::Timestamp,
) -> Result<(LooksView, BTreeSet<Id>), Trouble> {
    let records = records(reader, &wanted.patient)?;
    let search =
        AccessSearch { patients: Some(records.iter().cloned().collect()), ..wanted.search.clone() };
    let who = wanted.who.as_str();
    let found = reader.accesses_of(&search, |view| {
        (who.is_empty() || view.access.who == who) && (view.refused || !wanted.refused_only)
    })?;
    let site = reader.site()?;
    let mut persons = Persons::new(reader);
    let mut patients = Vec::new();
    for id in &records {
        let person = persons.person(id, now)?;
        let number = person.nhs_number.map(|number| format!(", NHS {number}"));
        patients.push(format!("{}{} (record {id})", person.name, number.unwrap_or_default()));
    }
    let rows = found.accesses.into_iter().map(|view| row(view, &site)).collect();
    Ok((LooksView { patients, rows, next: found.next }, records))
}

/// Every record of whoever has the number, or the id.
fn records(reader: &Reader, patient: &str) -> Result<BTreeSet<Id>, Trouble> {
    let mut named = reader.patients_with(patient)?;
    if let Ok(id) = Id::new(patient)
        && reader.read(ResourceType::Patient, &id)?.is_some()
    {
        named.push(id);
    }
    let mut records = BTreeSet::new();
    for id in named {
        records.extend(reader.same_person(&id)?);
    }
    Ok(records)
}

fn row(view: AccessView, site: &Site) -> LookRow {
    let AccessView { seq, refused, access, .. } = view;
    let name = site.person(&access.who).map(|person| person.name.clone());
    let why = || access.reason.as_deref().map_or_else(|| "Refused".to_owned(), sentence);
    LookRow {
        seq,
        at: access.at,
        name,
        what: sentence(&access.what),
        refused: refused.then(why),
        who: access.who,
        detail: access.detail,
    }
}
