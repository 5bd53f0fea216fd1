//! How a subscription stands, and what may become true of it.

use std::collections::VecDeque;

use fhir::Id;
use serde::{Deserialize, Serialize};

use super::{Header, Place, Subscription};

/// How a subscription stands (R4 subscription-status). The server alone says that one is active
/// or an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The client wants it; its endpoint was not reached yet.
    Requested,
    /// Its subscriber is told.
    Active,
    /// Its subscriber is not told, because of an error; the client may ask for it again.
    Error,
    /// It is over, or was switched off.
    Off,
}

impl Status {
    /// The code of R4.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Requested => "requested",
            Status::Active => "active",
            Status::Error => "error",
            Status::Off => "off",
        }
    }

    /// The status of a code of R4.
    pub fn read(code: &str) -> Option<Self> {
        let all = [Status::Requested, Status::Active, Status::Error, Status::Off];
        all.into_iter().find(|status| status.as_str() == code)
    }

    /// The same where a client may ask for it; none for what the server alone says.
    pub fn of_client(self) -> Option<Self> {
        matches!(self, Status::Requested | Status::Off).then_some(self)
    }

    /// Whether its subscriber is to be told.
    pub fn is_on(self) -> bool {
        matches!(self, Status::Requested | Status::Active)
    }
}

/// What became true of a subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A client wrote it.
    Written {
        /// Which one.
        id: Id,
        /// The version that was written.
        version: u64,
        /// The client.
        owner: String,
        /// With what its endpoint is called.
        headers: Vec<Header>,
        /// What the client wants.
        status: Status,
        /// From where on it is told; none where that stays as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        looked: Option<Place>,
    },
    /// The server found that it stands differently.
    Stands {
        /// Which one.
        id: Id,
        /// The version of the resource that says so.
        version: u64,
        /// How it stands.
        status: Status,
        /// Why, where it is an error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Its subscriber took these events, or there were none up to a place.
    Took {
        /// Which one.
        id: Id,
        /// Where they are, in their order.
        events: Vec<Place>,
        /// How far was looked.
        looked: Place,
    },
}

impl Change {
    /// Which subscription it is about.
    pub fn id(&self) -> &Id {
        match self {
            Change::Written { id, .. } | Change::Stands { id, .. } | Change::Took { id, .. } => id,
        }
    }

    /// The subscription that begins with it, where it is one that a client wrote.
    pub(crate) fn first(&self) -> Option<Subscription> {
        let Change::Written { id, version, owner, headers, status, looked } = self else {
            return None;
        };
        Some(Subscription {
            id: id.clone(),
            version: *version,
            owner: owner.clone(),
            headers: headers.clone(),
            status: *status,
            reason: None,
            looked: looked.unwrap_or(Place { seq: 0, ordinal: 0 }),
            events: 0,
            recent: VecDeque::new(),
            marks: VecDeque::new(),
        })
    }
}
