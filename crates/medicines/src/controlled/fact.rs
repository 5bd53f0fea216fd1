//! What is true of controlled drugs beside the ledger's transfers.

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::discrepancy::{Discrepancy, StepTaken};
use super::requisition::Requisition;
use super::schedule::Classes;
use super::witness::Signature;
use crate::stock::Account;

/// Something now true of controlled drugs that no transfer tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlledFact {
    /// These items of the formulary are controlled drugs.
    Classified(Classes),
    /// Somebody counted a place, whether the count agreed or not.
    Counted(Count),
    /// What the register says of a transfer beside what the transfer says itself.
    Noted(Note),
    /// A note to an earlier entry, which stays as it is.
    Corrected(Correction),
    /// A second person signed for an act.
    Signed(Signature),
    /// A requisition was signed, or something of it was sent.
    Requisition(Requisition),
    /// A discrepancy was found, or went on.
    Stepped(StepTaken),
}

impl ControlledFact {
    /// What it says in a line, without a name.
    pub fn words(&self) -> String {
        match self {
            ControlledFact::Classified(classes) => {
                format!("{} items are controlled drugs", classes.items.len())
            }
            ControlledFact::Counted(count) => {
                format!("counted {} of {}", count.found.normalize(), count.item)
            }
            ControlledFact::Noted(_) => "an entry of a register was signed".to_owned(),
            ControlledFact::Corrected(told) => format!("corrected the entry of {}", told.of),
            ControlledFact::Signed(signature) => format!("a witness signed: {}", signature.id),
            ControlledFact::Requisition(asked) => {
                let (sent, asked) = (asked.supplied.normalize(), asked.quantity.normalize());
                format!("a requisition has {sent} of {asked}")
            }
            ControlledFact::Stepped(step) => {
                let Discrepancy { id, status, .. } = &step.discrepancy;
                format!("the discrepancy {id} is {}", status.as_str())
            }
        }
    }
}

impl ControlledFact {
    /// The signature that it uses up.
    pub(crate) fn uses(&self) -> Option<&Id> {
        let seen = match self {
            ControlledFact::Counted(count) => &count.seen,
            ControlledFact::Noted(note) => &note.seen,
            ControlledFact::Corrected(correction) => &correction.seen,
            _ => return None,
        };
        match seen {
            Some(Seen::Signed(signature)) => Some(signature),
            _ => None,
        }
    }
}

/// How a second person stood by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// The cabinet or the bedside's device had both sign in.
    Device,
    /// With a signature of the witness's own, from another client: its number.
    Signed(Id),
    /// Nobody: one person was alone, for this reason. A case looks at it.
    Alone(String),
}

/// A count of a controlled drug.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Its id.
    pub id: Id,
    /// What was counted: a ward's cupboard, a pocket.
    pub account: Account,
    /// The local formulary code.
    pub item: String,
    /// What the ledger had there, in the item's unit.
    pub expected: Decimal,
    /// What was found there.
    pub found: Decimal,
    /// Who counted.
    pub person: String,
    /// The second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// How the second person stood by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// When it was counted.
    pub activity: Timestamp,
}

/// What the register says of a transfer beside what the transfer says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// The transfer.
    pub transfer: Option<Id>,
    /// How a second person stood by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// Why it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The requisition on which it was supplied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requisition: Option<Id>,
    /// The firm or person from whom it came or to whom it went, where that is no place here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<String>,
    /// Who carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messenger: Option<String>,
    /// How it was made irretrievable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denatured: Option<String>,
    /// Whether it was destroyed, rather than wasted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub destroyed: bool,
    /// The transfer whose entry it corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Id>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A note to an earlier entry. The entry itself stays (Misuse of Drugs Regulations 2001,
/// regulation 20: no cancellation, obliteration or alteration).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Its id.
    pub id: Id,
    /// The transfer or the count whose entry it is about.
    pub of: Id,
    /// The local formulary code.
    pub item: String,
    /// What is right, in words.
    pub note: String,
    /// Who says so.
    pub person: String,
    /// The second person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// How the second person stood by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// When it was said.
    pub activity: Timestamp,
}
