//! Why a removal is refused: codes for machines, words for people.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::orders::{NotCovered, NotLive, NotTold};

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
    /// The most that may be given in 24 hours has been taken, on whatever order.
    MaximumReached,
    /// All doses of the course have been taken.
    CourseOver,
    /// The prescribing system has said nothing of the order for longer than the site allows.
    OrderTooOld,
    /// The prescribing system has said nothing at all for longer than the site allows.
    PrescriberSilent,
    /// More than one dose.
    QuantityExceedsDose,
    /// The dose of the order cannot be told in units of the item.
    DoseNotComparable,
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
    /// The person does not have the training that the item needs.
    UserNotTrained,
    /// The item needs a second, different person.
    WitnessNeeded,
    /// The item is kept for other wards than the patient's.
    RestrictedItem,
    /// The pack, or all that the cabinet holds of the item, has expired.
    Expired,
    /// All that the cabinet holds of the item is, or may be, of a recalled batch.
    Recalled,
    /// More than one item of the cabinet fits the order: one has to be named.
    AmbiguousItem,
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
    pub earliest: Option<Timestamp>,
    /// Why a dose cannot be told in units of the item, or why the item is not what was ordered, as
    /// a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What fits, for [`RefusalCode::AmbiguousItem`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// An item that fits an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The local formulary code.
    pub item: String,
    /// Its name.
    pub name: String,
    /// How many units have to be taken for one dose.
    pub units: Decimal,
    /// How many units are given, where it is less: the rest is wasted.
    pub exact: Decimal,
    /// The unit.
    pub unit: String,
}

impl RefusalCode {
    /// The code as the interface writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            RefusalCode::NoLiveOrder => "no-live-order",
            RefusalCode::OnHold => "on-hold",
            RefusalCode::Stopped => "stopped",
            RefusalCode::NotStarted => "not-started",
            RefusalCode::NotVerified => "not-verified",
            RefusalCode::TooEarly => "too-early",
            RefusalCode::MaximumReached => "maximum-reached",
            RefusalCode::CourseOver => "course-over",
            RefusalCode::OrderTooOld => "order-too-old",
            RefusalCode::PrescriberSilent => "prescriber-silent",
            RefusalCode::QuantityExceedsDose => "quantity-exceeds-dose",
            RefusalCode::DoseNotComparable => "dose-not-comparable",
            RefusalCode::BadQuantity => "bad-quantity",
            RefusalCode::UnknownPatient => "unknown-patient",
            RefusalCode::WrongPatient => "wrong-patient",
            RefusalCode::WrongLocation => "wrong-location",
            RefusalCode::ItemNotOfOrder => "item-not-of-order",
            RefusalCode::AmbiguousOrder => "ambiguous-order",
            RefusalCode::UnknownItem => "unknown-item",
            RefusalCode::UnknownCabinet => "unknown-cabinet",
            RefusalCode::UserNotAllowed => "user-not-allowed",
            RefusalCode::UserNotTrained => "user-not-trained",
            RefusalCode::WitnessNeeded => "witness-needed",
            RefusalCode::RestrictedItem => "restricted-item",
            RefusalCode::Expired => "expired",
            RefusalCode::Recalled => "recalled",
            RefusalCode::AmbiguousItem => "ambiguous-item",
            RefusalCode::OverrideNotAllowed => "override-not-allowed",
            RefusalCode::PermitNotValid => "permit-not-valid",
            RefusalCode::KeyReused => "key-reused",
        }
    }
}

impl Refusal {
    /// A refusal with its words.
    pub(crate) fn new(code: RefusalCode, text: &str) -> Self {
        Refusal { code, text: text.to_owned(), earliest: None, reason: None, choices: Vec::new() }
    }
}

/// An order that was not live.
pub(crate) fn not_live(why: NotLive) -> Refusal {
    let (code, text) = match why {
        NotLive::OnHold => (RefusalCode::OnHold, "The order is on hold."),
        NotLive::Stopped => (RefusalCode::Stopped, "The order was stopped or has ended."),
        NotLive::NotStarted => (RefusalCode::NotStarted, "The order has not begun yet."),
        NotLive::NotVerified => {
            (RefusalCode::NotVerified, "No pharmacist has verified the order yet.")
        }
        NotLive::TooOld => {
            let text = "Nothing was said of the order for too long: have the prescribing system \
                        send it again.";
            (RefusalCode::OrderTooOld, text)
        }
    };
    Refusal::new(code, text)
}

/// An order that does not cover what is wanted.
pub(crate) fn not_covered(why: NotCovered) -> Refusal {
    match why {
        NotCovered::TooEarly(earliest) => {
            let text = "The last dose was taken too short a time ago.";
            Refusal { earliest: Some(earliest), ..Refusal::new(RefusalCode::TooEarly, text) }
        }
        NotCovered::CourseOver => {
            let text = "All doses of the course have been taken.";
            Refusal::new(RefusalCode::CourseOver, text)
        }
        NotCovered::MaximumReached => {
            let text = "The most that may be given in 24 hours has been taken.";
            Refusal::new(RefusalCode::MaximumReached, text)
        }
        NotCovered::QuantityExceedsDose => {
            Refusal::new(RefusalCode::QuantityExceedsDose, "This is more than one dose.")
        }
        NotCovered::NotTold(why) => not_told(why),
    }
}

/// An item of which the dose cannot be told, or that is not what was ordered.
pub(crate) fn not_told(why: NotTold) -> Refusal {
    let (code, text) = if why.is_of_item() {
        let text = "The order is not for this item, or not by its route, form or brand.";
        (RefusalCode::ItemNotOfOrder, text)
    } else {
        let text = "The dose of the order cannot be told in units of this item.";
        (RefusalCode::DoseNotComparable, text)
    };
    Refusal { reason: Some(why.code()), ..Refusal::new(code, text) }
}
