//! May this person take this much of this item for this patient at this cabinet, now?

use fhir::Identifier;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The question of a cabinet that asks before it opens.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The cabinet, `system/station`.
    pub cabinet: String,
    /// The patient, by any identifier.
    pub patient: Vec<Identifier>,
    /// The placer's number of the order, where the cabinet knows it; else the order is found.
    pub order: Option<Identifier>,
    /// The local formulary code.
    pub item: String,
    /// How much, in the item's unit.
    pub quantity: Decimal,
    /// The staff number of the person at the cabinet.
    pub user: String,
    /// The staff number of a second person, separately signed in.
    pub witness: Option<String>,
    /// Why it is needed without an order.
    pub override_reason: Option<String>,
}

/// Why a removal is refused. The codes are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// No live order of the patient is for the item.
    NoLiveOrder,
    /// The order is on hold.
    OnHold,
    /// The order was stopped or cancelled, or its time is over.
    Stopped,
    /// The order's time has not begun.
    NotStarted,
    /// No pharmacist has verified the order.
    NotVerified,
    /// The last dose was taken too short a time ago.
    TooEarly,
    /// The most that may be given in 24 hours has been taken.
    MaximumReached,
    /// More than one dose.
    QuantityExceedsDose,
    /// A quantity that is zero, negative, or has more than three decimals.
    BadQuantity,
    /// No such patient, or more than one.
    UnknownPatient,
    /// The order belongs to another patient, or the patient is merged or discharged.
    WrongPatient,
    /// The cabinet does not serve the patient's ward.
    WrongLocation,
    /// The item is not what the order is for.
    ItemNotOfOrder,
    /// More than one live order fits: the order has to be named.
    AmbiguousOrder,
    /// The formulary has no such item.
    UnknownItem,
    /// The configuration has no such cabinet.
    UnknownCabinet,
    /// The person may not take medicines.
    UserNotAllowed,
    /// The item needs a second, different person.
    WitnessNeeded,
    /// The item may not leave without an order.
    OverrideNotAllowed,
    /// The permit is unknown, lapsed, used, or of another cabinet.
    PermitNotValid,
    /// The same idempotency key came with another question.
    KeyReused,
}

/// A refusal, with a code for the machine and words for the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The coded reason.
    pub code: RefusalCode,
    /// What is the matter and what can be done, in words that hold no patient data.
    pub text: String,
    /// When it would be permitted, for [`RefusalCode::TooEarly`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest: Option<jiff::Timestamp>,
}
