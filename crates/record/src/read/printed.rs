//! A page of a register as a sheet, for screens and for paper.

use std::collections::{BTreeMap, BTreeSet};

use fhir::primitives::uk_time_zone;
use fhir::resources::Patient;
use fhir::{Id, ResourceType};
use jiff::Timestamp;
use medicines::controlled::{COLUMNS as TABLE, Csv, Place, RegisterEntry, Schedule, Seen};
use sheets::{Column, Row, Sheet};

use super::Reader;
use super::registers::{MAX_ENTRIES, RegisterPage, RegisterSlice, RegisterWindow};
use crate::Error;

/// The columns: the name, how wide it is beside the others, and whether it holds numbers.
const COLUMNS: [(&str, u16, bool); 11] = [
    ("No.", 4, true),
    ("Done", 10, false),
    ("What", 9, false),
    ("In", 5, true),
    ("Out", 5, true),
    ("Balance", 7, true),
    ("Patient, or from and to", 19, false),
    ("Authority", 14, false),
    ("By and witness", 17, false),
    ("Batch, reason, remarks", 22, false),
    ("Entry", 7, true),
];

/// A page of a register as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// The table, with a head that tells what it is about and to what of the journal it belongs.
    pub sheet: Sheet,
    /// The page.
    pub page: RegisterPage,
    /// The entries that the table shows.
    pub entries: Vec<RegisterEntry>,
    /// The patients whose data it shows.
    pub patients: BTreeSet<Id>,
    /// Whether the window has more entries than were asked for.
    pub more: bool,
}

impl Printed {
    /// The entries as comma-separated values, with every part of each.
    pub fn csv(&self) -> String {
        let page = &self.page;
        let (place, strength) =
            (page.place.to_string(), page.strength.as_deref().unwrap_or_default());
        let mut table = Csv::new(&TABLE);
        for entry in &self.entries {
            table.entry([&place, &page.item, &page.name, strength, &page.unit], entry);
        }
        table.finish()
    }
}

impl Reader {
    /// A page of a register with its first entries of a window, at most `most` of them; none where
    /// there is no such page. `owner` is the hospital's name, else its code stands there; `made` is
    /// the time.
    pub fn register_sheet(
        &self,
        (place, item): (&Place, &str),
        window: &RegisterWindow,
        most: usize,
        (owner, made): (Option<&str>, Timestamp),
    ) -> Result<Option<Printed>, Error> {
        let mut part = RegisterWindow { limit: most.min(MAX_ENTRIES), ..*window };
        let Some(mut slice) = self.register(place, item, &part)? else { return Ok(None) };
        while let Some(next) = slice.next.filter(|_| slice.entries.len() < most) {
            part.after = next;
            part.limit = (most - slice.entries.len()).min(MAX_ENTRIES);
            let Some(more) = self.register(place, item, &part)? else { break };
            slice.entries.extend(more.entries);
            slice.people.extend(more.people);
            slice.next = more.next;
        }
        let entries = slice.entries.iter();
        let patients: BTreeSet<Id> = entries
            .filter_map(|entry| entry.patient.clone())
            .chain(place.patient().cloned())
            .collect();
        let mut names = BTreeMap::new();
        for patient in &patients {
            names.insert(patient.clone(), self.patient_in_words(patient)?);
        }
        let position = self.position()?;
        let code = self.site()?.code;
        let mut head = head(&slice, window, &names);
        head.push(("Generated".to_owned(), moment(made)));
        head.push(("Journal at entry".to_owned(), position.seq.to_string()));
        head.push(("Journal digest, SHA-256".to_owned(), position.hash.to_string()));
        let sheet = Sheet {
            title: "Controlled drugs register".to_owned(),
            owner: owner.map_or_else(|| format!("Site {code}"), str::to_owned),
            head,
            columns: COLUMNS
                .map(|(name, weight, right)| Column { name: name.to_owned(), weight, right })
                .to_vec(),
            rows: rows(&slice, &names),
            end: end(&slice),
            made,
        };
        let more = slice.next.is_some();
        let RegisterSlice { page, entries, .. } = slice;
        Ok(Some(Printed { sheet, page, entries, patients, more }))
    }

    /// A patient by name and NHS number.
    fn patient_in_words(&self, id: &Id) -> Result<String, Error> {
        let stored = self.read(ResourceType::Patient, id)?;
        let Some(patient) = stored.and_then(|stored| stored.read::<Patient>().ok()) else {
            return Ok(format!("patient {id}"));
        };
        let name = patient.name_to_show().map(|name| match (&name.family, name.given.as_slice()) {
            (Some(family), given) if !given.is_empty() => format!("{family}, {}", given.join(" ")),
            (Some(family), _) => family.clone(),
            (None, given) => name.text.clone().unwrap_or_else(|| given.join(" ")),
        });
        let name = name.unwrap_or_else(|| format!("patient {id}"));
        Ok(match patient.nhs_number() {
            Some(number) => format!("{name} (NHS {number})"),
            None => name,
        })
    }
}

fn head(
    slice: &RegisterSlice,
    window: &RegisterWindow,
    names: &BTreeMap<Id, String>,
) -> Vec<(String, String)> {
    let page = &slice.page;
    let patient = page.place.patient().and_then(|patient| names.get(patient));
    let place = match patient {
        Some(patient) => format!("{}, {patient}", place_words(&page.place)),
        None => place_words(&page.place),
    };
    let window = match (window.from, window.to) {
        (None, None) => "all entries".to_owned(),
        (Some(from), None) => format!("from {}", moment(from)),
        (None, Some(to)) => format!("before {}", moment(to)),
        (Some(from), Some(to)) => format!("from {} to before {}", moment(from), moment(to)),
    };
    let or = |text: Option<&str>| text.unwrap_or("not told").to_owned();
    [
        ("Place", place),
        ("Item", format!("{} ({})", page.name, page.item)),
        ("Form, counted in", page.unit.clone()),
        ("Strength", or(page.strength.as_deref())),
        ("Schedule", or(page.schedule.map(Schedule::as_str))),
        ("Done", window),
        ("Carried forward", slice.carried.normalize().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

fn rows(slice: &RegisterSlice, names: &BTreeMap<Id, String>) -> Vec<Row> {
    let numbers: BTreeMap<&Id, u64> =
        slice.entries.iter().map(|entry| (&entry.source, entry.number)).collect();
    let number = |source: &Id| match numbers.get(source) {
        Some(number) => format!("no. {number}"),
        None => format!("entry of {source}"),
    };
    let person = |id: &str| match slice.people.get(id) {
        Some(name) => format!("{name} ({id})"),
        None => id.to_owned(),
    };
    let row = |entry: &RegisterEntry| {
        let amount = |quantity: rust_decimal::Decimal| {
            if quantity.is_zero() { String::new() } else { quantity.normalize().to_string() }
        };
        let mut what = entry.kind.as_str().to_owned();
        if !entry.handled.is_zero() {
            what = format!("{what} {}", entry.handled.normalize());
        }
        let mut who = entry.patient.as_ref().and_then(|id| names.get(id)).cloned();
        if who.is_none() {
            who.clone_from(&entry.counterparty);
        }
        Row {
            strong: entry.correction_of.is_some(),
            cells: vec![
                entry.number.to_string(),
                moment(entry.occurred),
                what,
                amount(entry.received),
                amount(entry.issued),
                entry.balance.normalize().to_string(),
                who.unwrap_or_default(),
                authority(entry),
                people(entry, person),
                remarks(entry, number),
                entry.entry.to_string(),
            ],
        }
    };
    slice.entries.iter().map(row).collect()
}

fn authority(entry: &RegisterEntry) -> String {
    let Some(by) = &entry.authority else { return String::new() };
    let order = by.number.as_ref().map(|number| format!("order {number}"));
    let prescriber = by.prescriber.clone();
    let requisition = by.requisition.as_ref().map(|id| format!("requisition {id}"));
    let told: Vec<String> = [order, prescriber, requisition].into_iter().flatten().collect();
    told.join(", ")
}

fn people(entry: &RegisterEntry, person: impl Fn(&str) -> String) -> String {
    let how = match &entry.witnessed {
        Some(Seen::Device) => " (signed in at the device)".to_owned(),
        Some(Seen::Signed(signature)) => format!(" (signature {signature})"),
        Some(Seen::Alone(reason)) => format!("no witness: {reason}"),
        None => String::new(),
    };
    let mut lines = vec![person(&entry.actor)];
    match &entry.witness {
        Some(witness) => lines.push(format!("witness {}{how}", person(witness))),
        None if !how.is_empty() => lines.push(how),
        None => {}
    }
    if let Some(messenger) = &entry.messenger {
        lines.push(format!("carried by {}", person(messenger)));
    }
    lines.join("\n")
}

fn remarks(entry: &RegisterEntry, number: impl Fn(&Id) -> String) -> String {
    let mut lines = Vec::new();
    if !entry.batches.is_empty() {
        lines.push(format!("batch {}", entry.batches.join(", ")));
    }
    lines.extend(entry.reason.clone());
    if let Some(of) = &entry.correction_of {
        lines.push(format!("Corrects {}", number(of)));
    }
    for by in &entry.corrected_by {
        lines.push(format!("Corrected by {}", number(by)));
    }
    lines.extend(entry.note.clone());
    if entry.late {
        lines.push(format!("entered late, {}", moment(entry.entered)));
    }
    lines.join("\n")
}

fn end(slice: &RegisterSlice) -> String {
    let count = slice.entries.len();
    let entries = if count == 1 { "entry" } else { "entries" };
    let balance = slice.entries.last().map_or(slice.carried, |entry| entry.balance);
    format!("End: {count} {entries}, balance {} {}.", balance.normalize(), slice.page.unit)
}

/// A place as people name it.
pub fn place_words(place: &Place) -> String {
    match place {
        Place::Pharmacy => "Pharmacy".to_owned(),
        Place::Robot(robot) => format!("Robot {robot}"),
        Place::Cabinet(cabinet) => format!("Cabinet {cabinet}"),
        Place::Ward(ward) => format!("Ward {ward}"),
        Place::Own(_) => "Patient’s own".to_owned(),
        Place::TakeHome(_) => "To take home".to_owned(),
        Place::Expired => "Waits for destruction".to_owned(),
    }
}

/// A time in the UK, with its offset, because an hour of autumn comes twice.
fn moment(at: Timestamp) -> String {
    at.to_zoned(uk_time_zone()).strftime("%-d %b %Y %H:%M %Z").to_string()
}
