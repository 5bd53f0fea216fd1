//! What a device at the bedside tells and is told.

use fhir::Id;
use fhir::types::{CodeableConcept, Identifier};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Quantity;

/// The most acts of one request: what a device did in a night without a network.
pub const MAX_ACTS: usize = 200;
/// The most packs of one dose.
pub const MAX_PACKS: usize = 50;

/// What somebody does at the bedside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Looks whether it may be given; nothing is recorded as given.
    Check,
    /// Gives the dose.
    Give,
    /// Does not give it, for a coded reason.
    Omit,
    /// Starts an infusion.
    Start,
    /// Changes the rate of a running infusion.
    Rate,
    /// Ends a running infusion.
    Stop,
}

/// A pack as it was scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackScan {
    /// The code as the scanner reported it.
    pub code: String,
    /// How many units of it are used; none for what one scan stands for.
    pub units: Option<Decimal>,
}

/// One act at the bedside with all that was scanned for it. The device collects the scans of a
/// dose and tells them together each time, so that nothing depends on what came before.
#[derive(Debug, Clone)]
pub struct Scan {
    /// What is done.
    pub act: Act,
    /// The wristband as the scanner reported it.
    pub band: Option<String>,
    /// The patient by a number that somebody typed, where no band can be scanned.
    pub patient: Vec<Identifier>,
    /// The packs.
    pub packs: Vec<PackScan>,
    /// The item that somebody chose by hand, where a pack has no code.
    pub item: Option<String>,
    /// The placer's number of the order; else the only one that fits is found.
    pub order: Option<Identifier>,
    /// How much is given, in the item's unit; none for one dose.
    pub given: Option<Decimal>,
    /// How much of what was scanned is wasted, in the item's unit.
    pub wasted: Decimal,
    /// How fast an infusion runs.
    pub rate: Option<Quantity>,
    /// The infusion that goes on or ends: the id that its start was given.
    pub infusion: Option<Id>,
    /// Why it is not given, not given whole, or not given in its time.
    pub reason: Option<CodeableConcept>,
    /// The codes of the warnings that somebody has seen and goes on all the same.
    pub confirmed: Vec<String>,
    /// The staff number of whoever acts.
    pub performer: String,
    /// The staff number of a second person, who has signed in too.
    pub witness: Option<String>,
    /// When it is done.
    pub activity: Timestamp,
    /// Whether it was done while the device was cut off: then it has happened, and what should
    /// not have happened becomes a case.
    pub offline: bool,
}

/// How a check came out, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All is right.
    Pass,
    /// Somebody has to see it and say that it is meant.
    Warn,
    /// It needs a second person.
    BlockWithWitness,
    /// It must not be done.
    Block,
}

/// What one check found. A check that found nothing wrong is not mentioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which of the rights it is about: `patient`, `medicine`, `dose`, `route`, `time`,
    /// `document`, `product`, `allergy`, `person`.
    pub check: String,
    /// The code of what was found, part of the interface.
    pub code: String,
    /// What follows.
    pub outcome: Outcome,
    /// What is the matter and what to do, in words that hold no patient data.
    pub text: String,
}

/// What the device is told of one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// The worst of the findings, after what was confirmed and witnessed.
    pub outcome: Outcome,
    /// What was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The order that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Id>,
    /// The item that was scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How many of its units one dose is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<Decimal>,
    /// How many of its units were scanned.
    #[serde(default)]
    pub scanned: Decimal,
    /// The MedicationAdministration, where something was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Id>,
}

impl Outcome {
    /// The word as the interface writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Warn => "warn",
            Outcome::BlockWithWitness => "block-with-witness",
            Outcome::Block => "block",
        }
    }
}

impl Finding {
    pub(super) fn new(check: &str, code: &str, outcome: Outcome, text: &str) -> Self {
        let [check, code, text] = [check, code, text].map(str::to_owned);
        Finding { check, code, outcome, text }
    }
}
