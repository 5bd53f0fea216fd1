//! A movement of an exact quantity between two accounts.

use fhir::Id;
use jiff::Timestamp;
use jiff::civil::Date;
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
    /// Stock moved between places outside a cabinet's own acts: bought, sent, received, packed.
    Transfer,
    /// Stock was found to be of another batch than the ledger had.
    Relabel,
}

/// How it is known of which batch the units were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Somebody told it or scanned it, or the place held no other.
    #[default]
    Known,
    /// Nobody told it and the place held several: the one that expires first is written down, and
    /// a recall asks about the others too.
    Assumed,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
impl Basis {
    fn is_known(&self) -> bool {
        *self == Basis::Known
    }
}

/// A part of a transfer that is of one batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// The batch; none where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// How much of it, in the item's unit; always positive.
    pub quantity: Decimal,
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
    /// The batch of all of it, where it is known and one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// The batches, where there are several; their quantities make up the whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<Lot>,
    /// How the batches are known.
    #[serde(default, skip_serializing_if = "Basis::is_known")]
    pub basis: Basis,
    /// The last day on which the batch may be used, where the act told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Date>,
    /// What one unit of the batch cost, where the act told it, in the site's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Decimal>,
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
    /// Where a consignment goes: an account, or `cabinet:` and a cabinet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub towards: Option<String>,
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

impl Transfer {
    /// What of it is of which batch; the quantities make up the whole.
    pub fn parts(&self) -> impl Iterator<Item = (Option<&str>, Decimal)> {
        let one = self.lots.is_empty().then_some((self.batch.as_deref(), self.quantity));
        let lots = self.lots.iter().map(|lot| (lot.batch.as_deref(), lot.quantity));
        one.into_iter().chain(lots)
    }

    /// The same with these parts: one of them is its batch, several are its lots.
    #[must_use]
    pub fn of(mut self, mut parts: Vec<Lot>, basis: Basis) -> Self {
        self.basis = basis;
        (self.batch, self.lots) = match parts.len() {
            0 => (None, Vec::new()),
            1 => (parts.remove(0).batch, Vec::new()),
            _ => (None, parts),
        };
        self
    }
}
