//! What the node has told, against what is true.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::actors::cabinet::numbers;
use crate::book::Book;
use crate::site::{CabinetFacts, ward_code};
use crate::world::{Order, OrderState, Patient, Presence};

/// Something that the node told otherwise than it is. It names patients by their index only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A patient of the ward is not on the cabinet's list.
    PatientMissing {
        /// The cabinet.
        cabinet: String,
        /// The index of the patient.
        patient: usize,
    },
    /// Somebody is on the list who is not on the ward.
    PatientExtra {
        /// The cabinet.
        cabinet: String,
        /// The index, where it is anybody of the book.
        patient: Option<usize>,
    },
    /// A live or held order is not on the list.
    OrderMissing {
        /// The cabinet.
        cabinet: String,
        /// The order.
        order: u32,
    },
    /// An order is on the list that is over, or of somebody else.
    OrderExtra {
        /// The cabinet.
        cabinet: String,
        /// The number as the list has it.
        order: String,
    },
    /// The list is wrong about an order being on hold.
    HoldWrong {
        /// The cabinet.
        cabinet: String,
        /// The order.
        order: u32,
    },
    /// The list has another item, or none, for an order.
    ItemWrong {
        /// The cabinet.
        cabinet: String,
        /// The order.
        order: u32,
    },
    /// The ePMA was told of more or less being taken for an order than was.
    Dispensed {
        /// The order; none for all overrides together.
        order: Option<u32>,
        /// What was taken, in units.
        taken: Decimal,
        /// What the ePMA was told.
        told: Decimal,
    },
    /// The ePMA was told of more or less being given than was told over HTTP.
    Administered {
        /// The order; none for all overrides together.
        order: Option<u32>,
        /// What was given, in units.
        given: Decimal,
        /// What the ePMA was told.
        told: Decimal,
    },
}

/// Compares the cabinets' lists and the ePMA's book with the truth at `now`.
pub(crate) fn differences(
    book: &Book,
    cabinets: &[CabinetFacts],
    now: Timestamp,
    grace_h: u16,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for cabinet in cabinets.iter().filter(|cabinet| cabinet.has_profile()) {
        compare_profile(book, cabinet, now, grace_h, &mut found);
    }
    compare_dispenses(book, &mut found);
    compare_administrations(book, &mut found);
    found
}

/// Whether the patient may still be listed, although no longer there.
fn in_grace(patient: &Patient, now: Timestamp, grace_h: u16, wards: &[String]) -> bool {
    match patient.presence {
        Presence::Discharged { at, from } => {
            let grace = SignedDuration::from_hours(i64::from(grace_h));
            wards.contains(&ward_code(from.ward)) && now <= at + grace
        }
        _ => false,
    }
}

fn compare_profile(
    book: &Book,
    cabinet: &CabinetFacts,
    now: Timestamp,
    grace_h: u16,
    found: &mut Vec<Difference>,
) {
    let id = cabinet.id();
    let profile = book.profiles.get(&id).cloned().unwrap_or_default();
    let there = |patient: &Patient| {
        patient.place().is_some_and(|place| cabinet.wards.contains(&ward_code(place.ward)))
    };
    for patient in book.patients.values().filter(|patient| there(patient)) {
        match profile.find(&numbers(patient)) {
            None => found
                .push(Difference::PatientMissing { cabinet: id.clone(), patient: patient.index }),
            Some(listed) => compare_orders(book, &id, patient, &listed.orders, found),
        }
    }
    let by_number: BTreeMap<&str, &Patient> = book
        .patients
        .values()
        .filter(|patient| !matches!(patient.presence, Presence::Merged { .. }))
        .flat_map(|patient| numbers(patient).into_iter().map(move |number| (number, patient)))
        .collect();
    for listed in &profile.patients {
        let known = listed.numbers.iter().find_map(|number| by_number.get(number.as_str()));
        let fine = known.is_some_and(|patient| {
            there(patient) || in_grace(patient, now, grace_h, &cabinet.wards)
        });
        if !fine {
            let patient = known.map(|patient| patient.index);
            found.push(Difference::PatientExtra { cabinet: id.clone(), patient });
        }
    }
}

fn compare_orders(
    book: &Book,
    cabinet: &str,
    patient: &Patient,
    listed: &BTreeMap<String, crate::actors::profile::Shown>,
    found: &mut Vec<Difference>,
) {
    let cabinet = || cabinet.to_owned();
    let orders: Vec<&Order> =
        book.orders.values().filter(|order| order.patient == patient.index).collect();
    for order in orders.iter().filter(|order| !order.state.is_over()) {
        let number = order.number;
        let Some(shown) = listed.get(&number.to_string()) else {
            // Whether a cabinet lists what no pharmacist has verified is the node's to decide.
            if order.verified_by.is_some() {
                found.push(Difference::OrderMissing { cabinet: cabinet(), order: number });
            }
            continue;
        };
        if shown.held != (order.state == OrderState::Held) {
            found.push(Difference::HoldWrong { cabinet: cabinet(), order: number });
        }
        if shown.item != Some(order.item().code) {
            found.push(Difference::ItemWrong { cabinet: cabinet(), order: number });
        }
    }
    let running: BTreeSet<String> = orders
        .iter()
        .filter(|order| !order.state.is_over())
        .map(|order| order.number.to_string())
        .collect();
    for order in listed.keys().filter(|order| !running.contains(*order)) {
        found.push(Difference::OrderExtra { cabinet: cabinet(), order: order.clone() });
    }
}

type Sums = BTreeMap<Option<u32>, Decimal>;

fn sums(amounts: impl Iterator<Item = (Option<u32>, Decimal)>) -> Sums {
    let mut sums = Sums::new();
    for (order, amount) in amounts {
        *sums.entry(order).or_default() += amount;
    }
    sums
}

fn compare(true_ones: &Sums, told: &Sums, mut differ: impl FnMut(Option<u32>, Decimal, Decimal)) {
    let orders: BTreeSet<Option<u32>> = true_ones.keys().chain(told.keys()).copied().collect();
    for order in orders {
        let amount = |sums: &Sums| sums.get(&order).copied().unwrap_or_default();
        let (truth, told) = (amount(true_ones), amount(told));
        if truth != told {
            differ(order, truth, told);
        }
    }
}

fn compare_dispenses(book: &Book, found: &mut Vec<Difference>) {
    let taken = sums(book.removals.iter().map(|removal| (removal.order, removal.taken)));
    let heard = &book.heard.dispenses;
    let told = sums(heard.iter().map(|told| (told.order, told.quantity.unwrap_or_default())));
    compare(&taken, &told, |order, taken, told| {
        found.push(Difference::Dispensed { order, taken, told });
    });
}

/// The ePMA is not told what it told itself.
fn compare_administrations(book: &Book, found: &mut Vec<Difference>) {
    let over_http = book.administrations.iter().filter(|told| !told.by_epma);
    let given = sums(over_http.map(|told| (told.order, told.quantity)));
    let added = book.heard.administrations.iter().filter(|told| told.action != "D");
    let told = sums(added.map(|told| (told.order, told.quantity.unwrap_or_default())));
    compare(&given, &told, |order, given, told| {
        found.push(Difference::Administered { order, given, told });
    });
}
