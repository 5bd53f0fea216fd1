//! The rights of the bedside: one check, one file.
//!
//! Right patient, medicine, dose, route, time and document, the second person, the allergy
//! (domain notes on bedside checks). Each check tells what it found; what follows from all of
//! them is `act.rs`.

mod allergy;
mod document;
mod dose;
mod medicine;
mod patient;
mod person;
mod route;
mod time;

use std::sync::Arc;

use rust_decimal::Decimal;
use terminology::Index;

use super::read::Pack;
use super::scan::{Finding, Outcome, Scan};
use crate::formulary::Item;
use crate::orders::Dose;
use crate::site::Site;
use crate::state::{OrderState, PatientState};

pub(super) use medicine::find_order;
pub(super) use patient::find_patient;

/// An act with what it is about, found.
pub(super) struct Bedside<'a> {
    pub(super) scan: &'a Scan,
    pub(super) site: &'a Site,
    pub(super) dictionary: Option<&'a Index>,
    pub(super) patient: &'a PatientState,
    pub(super) packs: &'a [Pack<'a>],
    pub(super) item: &'a Item,
    /// The order as it stood before what was taken for this dose.
    pub(super) order: &'a Arc<OrderState>,
    /// What the patient got before what was taken for this dose.
    pub(super) recent: &'a [crate::state::Recent],
    /// One dose, once it could be told.
    pub(super) dose: Option<Dose>,
    /// How many units were scanned.
    pub(super) scanned: Decimal,
}

type Check = fn(&Bedside<'_>) -> Vec<Finding>;

const CHECKS: [Check; 7] = [
    person::check,
    medicine::check,
    document::check,
    dose::check,
    time::check,
    route::check,
    allergy::check,
];

/// What all checks found.
pub(super) fn all(bedside: &Bedside<'_>) -> Vec<Finding> {
    CHECKS.iter().flat_map(|check| check(bedside)).collect()
}

impl Bedside<'_> {
    /// How much is given: what is said, else one dose, and never more than was scanned.
    pub(super) fn given(&self) -> Decimal {
        let dose = self.dose.map_or(self.scanned, |dose| dose.exact.min(self.scanned));
        self.scan.given.unwrap_or(dose)
    }
}

fn found(check: &str, code: &str, outcome: Outcome, text: &str) -> Vec<Finding> {
    vec![Finding::new(check, code, outcome, text)]
}
