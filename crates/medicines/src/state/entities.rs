//! What the state keeps of patients, orders, removals and pockets: no more than deciding needs.

use std::sync::Arc;

use fhir::Id;
use fhir::resources::{EncounterStatus, MedicationRequestStatus};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::share::Codings;
use crate::Quantity;
use crate::site::Policies;
use crate::stock::{Transfer, TransferState};

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientState {
    /// The id of the Patient resource.
    pub id: Id,
    /// Its version.
    pub version: u64,
    /// The patient who keeps the record, after a merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<Id>,
    /// Whether others were merged into this one, so that their numbers lead here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_others: bool,
    /// The identifiers, as `system|value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<String>,
    /// The encounters that are not long over, in the order in which they were first told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encounters: Vec<EncounterState>,
    /// The orders that are active or on hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<Id>,
    /// The removals and permits that are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<Id>,
    /// The allergies on record, as `(system|code, id)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allergies: Vec<(String, Id)>,
    /// What the patient got in the last day, on whatever order or none, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent: Vec<Recent>,
}

impl PatientState {
    /// The encounter in which the patient is in hospital now.
    pub fn current(&self) -> Option<&EncounterState> {
        self.encounters.iter().rev().find(|e| e.status == EncounterStatus::InProgress)
    }

    /// The ward where the patient is now.
    pub fn ward(&self) -> Option<&str> {
        self.current()?.ward.as_deref()
    }

    /// Whether the stay in which an order was placed goes on at `at`, or ended within the time of
    /// grace: an order does not outlive its stay, even where nobody stopped it.
    pub(crate) fn stays_for(&self, order: &OrderState, at: Timestamp, policies: &Policies) -> bool {
        let Some(encounter) = &order.encounter else { return true };
        let Some(stay) = self.encounters.iter().find(|stay| stay.id == *encounter) else {
            return false;
        };
        let grace = SignedDuration::from_hours(i64::from(policies.discharge_grace_h));
        let till = stay.ended.and_then(|ended| ended.saturating_add(grace).ok());
        stay.status == EncounterStatus::InProgress || till.is_some_and(|till| at < till)
    }

    /// Whether the patient was known to have left hospital at `at`, the time of grace included. Of
    /// somebody of whom no stay is known nobody can tell.
    pub(crate) fn has_left(&self, at: Timestamp, policies: &Policies) -> bool {
        let grace = SignedDuration::from_hours(i64::from(policies.discharge_grace_h));
        let finished = |stay: &&EncounterState| stay.status == EncounterStatus::Finished;
        let ended = self.encounters.iter().filter(finished).filter_map(|stay| stay.ended).max();
        let till = ended.and_then(|ended| ended.saturating_add(grace).ok());
        self.current().is_none() && till.is_some_and(|till| till <= at)
    }

    /// Whether memory may let the patient go.
    pub(crate) fn at_rest(&self) -> bool {
        self.current().is_none() && self.orders.is_empty() && self.removals.is_empty()
    }
}

/// A patient's stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncounterState {
    /// The id of the Encounter resource.
    pub id: Id,
    /// Its version.
    pub version: u64,
    /// The visit number, as `system|value`; empty where the PAS sends none.
    pub visit: String,
    /// in-progress, finished, cancelled.
    pub status: EncounterStatus,
    /// The ward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ward: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When the newest message about it says that it happened.
    pub told: Timestamp,
}

/// When an order's status or verification changed, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusChange {
    /// When, by the prescriber's system.
    pub at: Timestamp,
    /// The status from then on.
    pub status: MedicationRequestStatus,
    /// Whether a pharmacist had verified it from then on.
    pub verified: bool,
    /// Whether it is a pharmacist's word here, about what the prescriber's system had said before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
    /// Whether a pharmacist held it back: it may not be taken, whatever the site allows of what is
    /// not verified.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
}

/// How often a dose may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// Nothing computable was told: only the quantity is checked.
    Unknown,
    /// A single dose.
    Once,
    /// Doses at fixed intervals (Q6H), in seconds.
    Every(i64),
    /// A number of doses a day at the ward's times (QDS); the mean interval in seconds.
    Daily(i64),
    /// As needed, with the least interval between doses in seconds; zero where none was told.
    AsNeeded(i64),
}

/// Units that were taken on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The removal or the permit; the case of a dose that no removal explains.
    pub removal: Id,
    /// When.
    pub at: Timestamp,
    /// How many units, net of what came back.
    pub units: Decimal,
    /// How many units one dose was then; none where nobody could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<Decimal>,
}

/// A medication order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderState {
    /// The id of the MedicationRequest.
    pub id: Id,
    /// Its version.
    pub version: u64,
    /// Its patient.
    pub patient: Id,
    /// The placer's number, as `system|value`.
    pub number: Arc<str>,
    /// The client that told it by writing it as a FHIR resource; none where a message told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Arc<str>>,
    /// Its status and verification over time, oldest first, the last one in force.
    pub changes: Vec<StatusChange>,
    /// The codes that name the medicine, as `(system, code)`.
    pub codings: Codings,
    /// One dose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<Quantity>,
    /// How often.
    pub schedule: Schedule,
    /// The most in 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Quantity>,
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// What was taken on it in the last day, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken: Vec<Taken>,
    /// Whether anything was ever taken on it.
    #[serde(default)]
    pub begun: bool,
    /// How many doses the course has, where the order tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doses: Option<u32>,
    /// All doses ever taken on it, net of what came back.
    #[serde(default)]
    pub total: Decimal,
    /// The stay in which it was placed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encounter: Option<Id>,
    /// Doses that follow one another (a taper), where there are several; `dose`, `schedule`,
    /// `maximum` and `doses` are then those of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Box<[Step]>>,
    /// How it is given, as far as dm+d has words for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Box<Way>>,
}

/// One of several doses that follow one another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// One dose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<Quantity>,
    /// How often.
    pub schedule: Schedule,
    /// The most in 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Quantity>,
    /// How many doses it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doses: Option<u32>,
}

/// How an order is to be given, by the codes and names of dm+d.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Box<str>>,
    /// The form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Box<str>>,
}

/// What an order says at one time.
#[derive(Debug, Clone, Copy)]
pub struct StepView<'a> {
    /// One dose.
    pub dose: Option<&'a Quantity>,
    /// How often.
    pub schedule: Schedule,
    /// The most in 24 hours.
    pub maximum: Option<&'a Quantity>,
    /// How many doses the course has, or this step of it.
    pub doses: Option<u32>,
    /// From when on these doses are counted; over the whole order where it has no steps.
    pub since: Option<Timestamp>,
}

/// Something that a patient got, or that was taken for the patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The removal or permit; the case of a dose that no removal explains.
    pub by: Id,
    /// The local formulary code.
    pub item: Box<str>,
    /// When.
    pub at: Timestamp,
    /// How many units, net of what came back or was wasted.
    pub units: Decimal,
}

impl OrderState {
    /// The status in force.
    pub fn status(&self) -> MedicationRequestStatus {
        self.changes.last().map_or(MedicationRequestStatus::Unknown, |change| change.status)
    }

    /// Whether a pharmacist has verified the version in force.
    pub fn verified(&self) -> bool {
        self.changes.last().is_some_and(|change| change.verified)
    }

    /// Whether a pharmacist holds the version in force back.
    pub fn held(&self) -> bool {
        self.changes.last().is_some_and(|change| change.held)
    }

    /// When the newest message about it was entered.
    pub fn entered(&self) -> Option<Timestamp> {
        self.changes.iter().rev().find(|change| !change.here).map(|change| change.at)
    }

    /// Status and verification as they were at `at`; `None` before the order was entered.
    pub fn at(&self, at: Timestamp) -> Option<&StatusChange> {
        self.changes.iter().rev().find(|change| change.at <= at)
    }

    /// The dose that is in force at `at`; `None` between the steps of a taper, and after them.
    pub fn step_at(&self, at: Timestamp) -> Option<StepView<'_>> {
        let Some(steps) = &self.steps else {
            let (dose, maximum) = (self.dose.as_ref(), self.maximum.as_ref());
            let (schedule, doses) = (self.schedule, self.doses);
            return Some(StepView { dose, schedule, maximum, doses, since: None });
        };
        let runs = |step: &&Step| {
            step.start.is_none_or(|start| start <= at) && step.end.is_none_or(|end| at < end)
        };
        // Before the first step its dose may be taken a little early.
        let early = || steps.first().filter(|first| first.start.is_some_and(|start| at < start));
        let step = steps.iter().rev().find(runs).or_else(early)?;
        // What was taken early belongs to the first step.
        let is_first = steps.first().is_some_and(|first| std::ptr::eq(first, step));
        let start = step.start.filter(|_| !is_first).unwrap_or(Timestamp::MIN);
        Some(StepView {
            dose: step.dose.as_ref(),
            schedule: step.schedule,
            maximum: step.maximum.as_ref(),
            doses: step.doses,
            since: Some(start),
        })
    }

    /// Whether the order can still be acted on.
    pub fn is_open(&self) -> bool {
        matches!(self.status(), MedicationRequestStatus::Active | MedicationRequestStatus::OnHold)
    }
}

/// A removal from a cabinet, and how many of its units are still in somebody's hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// The transfer into the hands: pending while it is only a permit.
    pub transfer: Transfer,
    /// Units in the hands; zero for a permit that was not used.
    pub in_hands: Decimal,
    /// Units of it that were put back so far.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub back: Decimal,
    /// The unaccounted-dose case, once it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
    /// When it must be accounted for, or when the permit lapses.
    pub due: Timestamp,
}

impl Removal {
    /// Whether it is a permit that can still be used, or units are still in hands.
    pub fn is_open(&self) -> bool {
        self.is_permit() || self.in_hands > Decimal::ZERO
    }

    /// Whether it is only a permit so far.
    pub fn is_permit(&self) -> bool {
        matches!(self.transfer.state, TransferState::Pending { .. })
    }
}

/// Stock on its way between two places, and how much of it has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consignment {
    /// The transfer that sent it off. Its id is the consignment's.
    pub transfer: Transfer,
    /// How much has not arrived, in the item's unit.
    pub left: Decimal,
    /// The case that looks for it, once it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
    /// When it must have arrived.
    pub due: Timestamp,
}

impl Consignment {
    /// Whether all of it has arrived.
    pub fn is_over(&self) -> bool {
        self.left <= Decimal::ZERO
    }
}

/// When a pocket or bin of a cabinet was last told of, for an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PocketState {
    /// The activity time of the newest transaction.
    pub last: Timestamp,
    /// The activity time of the newest transaction that told what was in it: from then on the
    /// balance follows from that, whatever arrives later about the time before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Timestamp>,
    /// The activity time of the transaction that first told it: what was in it before is not
    /// known, and comes from the opening account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened: Option<Timestamp>,
}
