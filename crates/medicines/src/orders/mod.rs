//! Medication orders, as the prescriber's system tells them.
//!
//! Only that system changes an order's status. What happens to an order is told in dispenses and
//! administrations.

mod change;
mod compare;
mod cover;
mod dose;
mod hold;
mod live;
mod place;
mod receive;
mod resume;
mod risk;
mod status;
mod stop;
mod verify;

use fhir::resources::MedicationRequest;
use fhir::types::Identifier;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use compare::{COMPARED, Change, changes};
pub use cover::{NotCovered, Wanted};
pub(crate) use cover::{least_gap, part};
pub use dose::{Dose, NotTold};
pub(crate) use dose::{dose_of, ids as ordered_ids, is_for, units_of};
pub use live::{LiveOrder, NotLive};
pub use receive::receive;
pub use risk::{Risk, risk};
pub use verify::{Verification, Word, verify};

/// The extension that says who verified an order: a reference to the pharmacist. An order without
/// it is not verified.
pub const VERIFIED_BY: &str = "urn:interlock:extension:verified-by";
/// The extension of an order that says which pharmacist holds this version back.
pub const HELD_BY: &str = "urn:interlock:extension:held-by";

/// The extension that says when a pharmacist verified it here; an order that was verified before it
/// was told has none.
pub const VERIFIED_AT: &str = "urn:interlock:extension:verified-at";

/// What an order message asks, whatever code of HL7 table 0119 its sender writes for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// A new order (NW, SN, RO).
    New,
    /// A new version of an order (XO, XX, RP without a new number).
    Change,
    /// Put on hold (HD, OH).
    Hold,
    /// Resumed (RL, OE).
    Resume,
    /// Stopped after it began (DC, OD).
    Stop,
    /// Cancelled; stopped where something was already given (CA, OC).
    Cancel,
}

/// One order of an order message, mapped to FHIR.
#[derive(Debug, Clone)]
pub struct OrderMessage {
    /// What is asked.
    pub control: Control,
    /// The placer's number (ORC-2), by which the order is known.
    pub placer: Identifier,
    /// The number of the order that this one replaces (ORC-8 with RP and RO).
    pub replaces: Option<Identifier>,
    /// All identifiers that the message gives for the patient (PID-3).
    pub patient: Vec<Identifier>,
    /// The order as told; empty elements are unchanged for everything but a new order.
    /// It carries no id, subject or status: the domain gives them.
    pub order: MedicationRequest,
    /// Who verified it (ORC-11 or RXE-14), where somebody did.
    pub verified_by: Option<String>,
    /// When it was entered (ORC-9, else MSH-7).
    pub activity: Timestamp,
    /// The index of the order in its message, from 1, for error locations.
    pub index: usize,
}
