//! What has to be told to whom: queued messages, their outcomes, and whole profiles again.

mod again;
mod forward;
mod outcome;
mod profile;
mod route;
mod stray;

use std::sync::Arc;

use fhir::{Id, ResourceType};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use again::{MAX_RESENT, Resend, resend};
pub use forward::{Forward, forward};
pub(crate) use outcome::decided;
pub use outcome::{Outcome, outcome};
pub use profile::link_up;
pub(crate) use profile::queue_profile;
pub(crate) use route::{Subject, channels_of, tell_cabinets, tell_recorders};
pub use stray::{Stray, stray};

use crate::orders::Control;
use crate::patients::PatientEvent;

/// A message that is to be sent on one channel.
///
/// It names versions of resources instead of holding text: the channel writes the message in its
/// peer's dialect from exactly these versions, however often it is asked. One that is forwarded
/// names the entry with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id; the message's control id is made from it, so that a repeat carries the same one.
    pub id: Id,
    /// The outbound channel.
    pub channel: Arc<str>,
    /// Messages with the same key keep their order: the patient's id.
    pub key: Id,
    /// What to tell.
    pub notice: Notice,
    /// Whether a newer whole profile of the channel replaces it: it is a part of an older one, or
    /// tells of an order that is open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub profile: bool,
    /// When it was queued (recording time).
    pub at: Timestamp,
}

/// A version of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionOf {
    /// The type of the resource.
    pub resource_type: ResourceType,
    /// Its id.
    pub id: Id,
    /// Its version, from 1.
    pub version: u64,
}

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// A patient was admitted, moved, discharged or changed (ADT).
    Patient {
        /// What happened.
        event: PatientEvent,
        /// The patient.
        patient: VersionOf,
        /// The encounter, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encounter: Option<VersionOf>,
        /// The patient that was merged into this one (A40).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merged: Option<VersionOf>,
    },
    /// An order is new or changed (RDE^O11).
    Order {
        /// What happened to it.
        control: Control,
        /// The order.
        order: VersionOf,
        /// Its patient.
        patient: VersionOf,
        /// The encounter, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        encounter: Option<VersionOf>,
    },
    /// A medicine was removed (RDS^O13).
    Dispense {
        /// The MedicationDispense.
        dispense: VersionOf,
        /// Its patient.
        patient: VersionOf,
    },
    /// A medicine was given or not given (RAS^O17).
    Administration {
        /// The MedicationAdministration.
        administration: VersionOf,
        /// Its patient.
        patient: VersionOf,
    },
    /// A message that came in goes on untouched.
    Forwarded {
        /// The entry that holds its bytes.
        entry: u64,
    },
}

impl Notice {
    /// What it tells of, as a code.
    pub fn kind(&self) -> &'static str {
        match self {
            Notice::Patient { .. } => "patient",
            Notice::Order { .. } => "order",
            Notice::Dispense { .. } => "dispense",
            Notice::Administration { .. } => "administration",
            Notice::Forwarded { .. } => "forwarded",
        }
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// Not sent yet.
    Waiting,
    /// It is about to be sent. Told only on channels whose peer would act on a repeat: what is
    /// found so after a start may have been sent, so its outcome is unknown.
    InFlight,
    /// The peer has stored it (CA) and owes its application acknowledgement (HL7 2.5.1 §2.9.3).
    Accepted,
    /// The peer refused it, and it is sent again after a while by itself.
    Deferred,
    /// The peer refused it, and it waits for a person; the patient's later messages wait behind it.
    Parked,
    /// The peer accepted it.
    Delivered,
    /// The peer refused it; it is not sent again by itself.
    Refused,
    /// It was sent and no answer came; the channel's policy decides what follows.
    Unknown,
    /// A newer, whole profile replaces it; it is not sent.
    Superseded,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 9] = [
        DeliveryState::Waiting,
        DeliveryState::InFlight,
        DeliveryState::Accepted,
        DeliveryState::Deferred,
        DeliveryState::Parked,
        DeliveryState::Delivered,
        DeliveryState::Refused,
        DeliveryState::Unknown,
        DeliveryState::Superseded,
    ];

    /// Whether something is still to be done or to be heard about it.
    pub fn is_open(self) -> bool {
        !matches!(
            self,
            DeliveryState::Delivered | DeliveryState::Refused | DeliveryState::Superseded
        )
    }

    /// The state as a code, as JSON writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryState::Waiting => "waiting",
            DeliveryState::InFlight => "in-flight",
            DeliveryState::Accepted => "accepted",
            DeliveryState::Deferred => "deferred",
            DeliveryState::Parked => "parked",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Refused => "refused",
            DeliveryState::Unknown => "unknown",
            DeliveryState::Superseded => "superseded",
        }
    }
}

/// A change in where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryChange {
    /// The channel.
    pub channel: Arc<str>,
    /// Which deliveries.
    pub which: Which,
    /// Where they stand now.
    pub state: DeliveryState,
    /// The peer's acknowledgement code and its error codes, without free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Whether later messages with the same key may be sent although this one has not ended: the
    /// peer has stored it, and the channel does not wait for the application acknowledgement.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ahead: bool,
    /// When (recording time).
    pub at: Timestamp,
}

impl DeliveryChange {
    /// Whether later messages of the channel with the same key have to wait for this one.
    pub fn blocks(&self) -> bool {
        match self.state {
            DeliveryState::Unknown | DeliveryState::Deferred | DeliveryState::Parked => true,
            DeliveryState::Accepted => !self.ahead,
            // Nothing else is sent while one message is in flight.
            DeliveryState::InFlight
            | DeliveryState::Waiting
            | DeliveryState::Delivered
            | DeliveryState::Refused
            | DeliveryState::Superseded => false,
        }
    }
}

/// Two patients are one (ADT^A40), or one whose messages went on before anybody here knew of the
/// patient is known: the open deliveries of one join those of the other, in the order
/// in which all of them were queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The key that is used no more.
    pub from: Id,
    /// The key that they have now.
    pub to: Id,
}

/// The open deliveries of one channel, queued before this entry, are another's now, with their
/// places in the order in which all of them were queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rerouted {
    /// The channel that sends no more.
    pub from: String,
    /// The channel that sends them.
    pub to: String,
}

/// Which deliveries a change is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// This one.
    One(Id),
    /// All of the channel that a newer whole profile replaces ([`Delivery::profile`]), that wait,
    /// were put off or are unknown, and were queued before this entry.
    OlderProfile,
    /// All of the channel that wait or are unknown, and were queued before this entry.
    Open,
}
