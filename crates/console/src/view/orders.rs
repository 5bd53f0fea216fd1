//! The orders that wait for a pharmacist, and one of them beside its earlier version.

use fhir::Id;
use jiff::Timestamp;
use medicines::orders::Risk;

use crate::words::Words;

/// A patient as somebody who acts for them needs to know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PersonView {
    /// Family name first.
    pub(crate) name: String,
    /// The NHS number in groups: `999 000 0018`.
    pub(crate) nhs_number: Option<String>,
    /// The date of birth with the age: `12 Mar 1950 (76 y)`.
    pub(crate) born: Option<String>,
    pub(crate) gender: Option<String>,
    pub(crate) ward: Option<String>,
    pub(crate) bed: Option<String>,
}

/// An order of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitingRow {
    pub(crate) order: Id,
    pub(crate) risk: Risk,
    /// When the prescriber's system entered it.
    pub(crate) entered: Option<Timestamp>,
    pub(crate) patient: PersonView,
    pub(crate) medicine: String,
    pub(crate) dose: String,
    /// What differs from the version compared with, in words; none for a new order.
    pub(crate) changed: Option<String>,
    /// How many questions about it are open.
    pub(crate) questions: usize,
    pub(crate) held: bool,
}

/// The queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct QueueView {
    pub(crate) now: Timestamp,
    /// The ward whose orders are shown; empty for all.
    pub(crate) ward: String,
    /// The wards of all that wait, with how many.
    pub(crate) wards: Vec<(String, usize)>,
    /// How many wait in all.
    pub(crate) waiting: usize,
    /// How many of the ward wait, shown or not.
    pub(crate) of_ward: usize,
    pub(crate) rows: Vec<WaitingRow>,
}

impl QueueView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }
}

/// How a part of an order differs from the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Same,
    Changed,
    Added,
    Removed,
}

/// A part of an order in two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompareRow {
    pub(crate) label: String,
    pub(crate) before: Option<String>,
    pub(crate) now: Option<String>,
    pub(crate) change: Change,
}

/// An open question about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QuestionView {
    pub(crate) id: Id,
    /// Whether it holds the order back.
    pub(crate) holds: bool,
    pub(crate) by: String,
    pub(crate) opened: Timestamp,
    pub(crate) text: String,
}

/// An allergy on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllergyView {
    pub(crate) words: String,
    pub(crate) high: bool,
}

/// Another live order of the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtherView {
    pub(crate) order: Id,
    pub(crate) medicine: String,
    pub(crate) dose: String,
    pub(crate) status: String,
    pub(crate) verified: bool,
}

/// What can still be said of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for a pharmacist.
    Waits,
    /// A pharmacist verified it as it is; it can still be asked about and held back.
    Verified,
    /// It has ended.
    Ended,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderView {
    pub(crate) now: Timestamp,
    pub(crate) order: Id,
    pub(crate) version: u64,
    pub(crate) number: String,
    pub(crate) risk: Risk,
    pub(crate) entered: Option<Timestamp>,
    pub(crate) medicine: String,
    pub(crate) standing: Standing,
    /// Who verified this version, where somebody did.
    pub(crate) verified_by: Option<String>,
    /// Who holds this version back.
    pub(crate) held_by: Option<String>,
    pub(crate) patient: PersonView,
    pub(crate) allergies: Vec<AllergyView>,
    /// The version that stands beside this one; none for a new order.
    pub(crate) before: Option<String>,
    pub(crate) rows: Vec<CompareRow>,
    pub(crate) questions: Vec<QuestionView>,
    pub(crate) others: Vec<OtherView>,
}

impl OrderView {
    /// Times and ages as of the page.
    pub(crate) fn words(&self) -> Words {
        Words::at(self.now)
    }

    /// How many parts differ.
    pub(crate) fn differences(&self) -> usize {
        self.rows.iter().filter(|row| row.change != Change::Same).count()
    }
}
