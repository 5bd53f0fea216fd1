//! A movement of an exact quantity between two accounts.

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Account;

/// What kind of act a transfer tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Movement {
    /// The first count that Interlock heard of for a pocket.
    Opening,
    /// Taken out of a pocket.
    Removal,
    /// Put back into a pocket or a return bin.
    Return,
    /// Wasted.
    Waste,
    /// Given to the patient.
    Administration,
    /// A count that differed, or a late movement that explains an earlier difference.
    Count,
    /// Stock put into a pocket or taken off it by the pharmacy, expired stock among it.
    Restock,
}

/// Where a transfer stands. Only a pending one can change, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransferState {
    /// Permitted and reserved, but not yet known to have happened.
    Pending {
        /// When the permit lapses.
        expires: Timestamp,
    },
    /// It happened.
    Posted,
    /// It did not happen and never will.
    Voided,
}

/// A movement of an exact quantity of one item between two accounts.
///
/// A removal permit is a pending transfer from a pocket into somebody's hands: its id is the
/// permit's number, and the id of the [`Account::Hands`] that it moves to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id, which is also the id of the MedicationDispense or MedicationAdministration.
    pub id: Id,
    /// What kind of act it tells of.
    pub movement: Movement,
    /// The local formulary code of the item.
    pub item: String,
    /// The batch, where the cabinet told it. Carried along; accounts are not yet split by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// How much, in the item's unit; always positive.
    pub quantity: Decimal,
    /// The item's unit.
    pub unit: String,
    /// How many units one dose of the order is, where it was told: what is taken on an order is
    /// counted in doses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose: Option<Decimal>,
    /// Where it leaves.
    pub from: Account,
    /// Where it goes.
    pub to: Account,
    /// Whether it happened.
    pub state: TransferState,
    /// The patient for whom it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<Id>,
    /// The order that authorises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Id>,
    /// The case that reviews it, where no order authorises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
    /// The cabinet at which it happened, `system/station`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cabinet: Option<String>,
    /// Who did it.
    pub person: String,
    /// Who saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// When it was done, by the clock of the place where it was done.
    pub activity: Timestamp,
}
