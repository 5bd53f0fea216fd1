//! The authority to take a medicine out of a cabinet, as a type.

use access::Grant;
use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::orders::{Dose, LiveOrder};

/// Why a removal is permitted.
#[derive(Debug)]
enum Ground {
    Order { id: Id, dose: Decimal, verified: bool },
    Override { reason: String, critical: bool },
}

/// The authority to take a medicine out: a person's [`Grant`], and either a live order or an
/// override with a reason.
///
/// Only this crate can make one, and only from a [`Grant`] that `access` made, so a removal that
/// nothing permits cannot be written. It is used up by value.
#[derive(Debug)]
pub struct RemovalPermit {
    person: String,
    ground: Ground,
}

impl RemovalPermit {
    /// Permits on the strength of a live order; whoever calls this opens a case where it is not
    /// verified.
    pub(super) fn by_order(grant: &Grant, order: &LiveOrder<'_>, dose: Dose) -> Self {
        let (id, dose, verified) = (order.id(), dose.taken, order.is_verified());
        let ground = Ground::Order { id, dose, verified };
        RemovalPermit { person: grant.person().to_owned(), ground }
    }

    /// Permits on a reason instead of an order. Whoever calls this opens a case.
    pub(super) fn by_override(grant: &Grant, reason: &str) -> Self {
        RemovalPermit {
            person: grant.person().to_owned(),
            ground: Ground::Override { reason: reason.to_owned(), critical: false },
        }
    }

    /// Permits because the critical override is on. Whoever calls this opens a case.
    pub(super) fn by_critical_override(grant: &Grant, reason: &str) -> Self {
        RemovalPermit {
            person: grant.person().to_owned(),
            ground: Ground::Override { reason: reason.to_owned(), critical: true },
        }
    }

    /// Whether it is permitted because the critical override is on.
    pub fn is_critical(&self) -> bool {
        matches!(self.ground, Ground::Override { critical: true, .. })
    }

    /// The staff number of the person who may take it.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Uses the permit up: the person in whose hands the units are from now on.
    pub(super) fn into_person(self) -> String {
        self.person
    }

    /// The order, unless it is an override.
    pub fn order(&self) -> Option<&Id> {
        match &self.ground {
            Ground::Order { id, .. } => Some(id),
            Ground::Override { .. } => None,
        }
    }

    /// How many units one dose of the order is.
    pub fn dose(&self) -> Option<Decimal> {
        match &self.ground {
            Ground::Order { dose, .. } => Some(*dose),
            Ground::Override { .. } => None,
        }
    }

    /// Whether no pharmacist had verified the order.
    pub fn is_unverified(&self) -> bool {
        matches!(self.ground, Ground::Order { verified: false, .. })
    }

    /// The reason of an override.
    pub fn override_reason(&self) -> Option<&str> {
        match &self.ground {
            Ground::Order { .. } => None,
            Ground::Override { reason, .. } => Some(reason),
        }
    }
}

/// What the asking cabinet is told: it may open the pocket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// The permit's number, to be given back when the removal is done.
    pub id: Id,
    /// When it lapses.
    pub expires: Timestamp,
    /// The item that may be taken.
    pub item: String,
    /// How much, in the item's unit.
    pub quantity: Decimal,
    /// The item's unit.
    pub unit: String,
    /// The order that permits it; none for an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Id>,
    /// The case that reviews an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
}
