//! What was forgotten is exactly what the unaccounted-dose cases are about.

use std::collections::{BTreeMap, HashMap};

use estate::world::Presence;
use fhir::ResourceType;
use medicines::stock::{Account, TransferState};
use rust_decimal::Decimal;

use super::{Report, Truth};

/// Units by patient (the index in the hospital's book) and item.
type Sums = BTreeMap<(usize, String), Decimal>;

pub(super) fn check(report: &mut Report, truth: &Truth<'_>) {
    const RULE: &str = "a forgotten dose and its case differ";
    let forgotten = forgotten(truth);
    let followed = followed(report, truth);
    let keys: std::collections::BTreeSet<_> = forgotten.keys().chain(followed.keys()).collect();
    for key in keys {
        let sum = |sums: &Sums| sums.get(key).copied().unwrap_or_default();
        let (forgotten, followed) = (sum(&forgotten), sum(&followed));
        if forgotten != followed {
            report.wrong(RULE, || {
                format!("patient {} {}: {forgotten} forgotten, {followed} in cases", key.0, key.1)
            });
        }
    }
}

/// The index of the patient who keeps the record, in the hospital's book.
pub(super) fn survivor(truth: &Truth<'_>, index: usize) -> usize {
    let mut index = index;
    for _ in 0..truth.book.patients.len() {
        match truth.book.patients.get(&index).map(|patient| patient.presence) {
            Some(Presence::Merged { into }) => index = into,
            _ => break,
        }
    }
    index
}

/// The patients of the hospital's book by the ids of the node.
pub(super) fn indexes(truth: &Truth<'_>) -> HashMap<String, usize> {
    let by_mrn: HashMap<&str, usize> =
        truth.book.patients.values().map(|patient| (patient.mrn.as_str(), patient.index)).collect();
    let mut indexes = HashMap::new();
    for ((kind, id), json) in &truth.told.resources {
        if *kind != ResourceType::Patient {
            continue;
        }
        let numbers = json["identifier"].as_array().into_iter().flatten();
        let mut numbers = numbers.filter_map(|number| number["value"].as_str());
        if let Some(index) = numbers.find_map(|number| by_mrn.get(number)) {
            indexes.insert(id.clone(), survivor(truth, *index));
        }
    }
    indexes
}

fn forgotten(truth: &Truth<'_>) -> Sums {
    let mut sums = Sums::new();
    for ((index, item), units) in truth.book.in_hands() {
        *sums.entry((survivor(truth, index), item.to_owned())).or_default() += units;
    }
    sums
}

/// What is left of the removals that an open case follows.
fn followed(report: &mut Report, truth: &Truth<'_>) -> Sums {
    let indexes = indexes(truth);
    let mut left: BTreeMap<&str, Decimal> = BTreeMap::new();
    for moved in truth.told.transfers.values() {
        if let (Account::Hands(removal), TransferState::Posted) = (&moved.from, moved.state) {
            *left.entry(removal.as_str()).or_default() -= moved.quantity;
        }
    }
    let mut sums = Sums::new();
    for removal in truth.told.removals() {
        if truth.told.unaccounted_case(&removal.id).is_none() {
            continue;
        }
        let left = removal.quantity + left.get(removal.id.as_str()).copied().unwrap_or_default();
        let patient = removal.patient.as_ref().map(|id| truth.told.survivor(id));
        let Some(index) = patient.and_then(|patient| indexes.get(&patient)) else {
            report.wrong("a removal for nobody", || removal.id.to_string());
            continue;
        };
        *sums.entry((*index, removal.item.clone())).or_default() += left;
    }
    sums
}
