//! What people ask about controlled drugs outside a cabinet's own transactions.

use fhir::Id;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::discrepancy::Step;
use super::place::Place;

/// A request about controlled drugs.
#[derive(Debug, Clone)]
pub enum ControlledAct {
    /// A second person signs for an act that somebody is about to tell.
    Sign(Signing),
    /// An act, with the second person's signature where it needs one.
    Enter(Entering),
    /// A discrepancy goes on.
    Step(Step),
}

impl ControlledAct {
    /// Whether deciding it reads what was entered long ago.
    pub(crate) fn reads_history(&self) -> bool {
        matches!(
            self,
            ControlledAct::Enter(Entering { act: Act { deed: Deed::Correct(_), .. }, .. })
                | ControlledAct::Sign(Signing { act: Act { deed: Deed::Correct(_), .. }, .. })
        )
    }
}

/// An act: what is done, by whom, when. A witness signs for all of it, so that a signature is good
/// for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What is done.
    pub deed: Deed,
    /// The staff number of the person who does it.
    pub person: String,
    /// When it is done.
    pub activity: Timestamp,
}

/// What is done with controlled drugs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// A place is counted.
    Count(CountDeed),
    /// Units are wasted: out of somebody's hands, or out of a place.
    Waste(WasteDeed),
    /// Stock, or what a patient brought or returned, is destroyed.
    Destroy(DestroyDeed),
    /// What a patient brought along is taken into safe custody.
    TakeIn(TakeInDeed),
    /// An earlier entry is corrected by a new one.
    Correct(CorrectDeed),
    /// A ward asks the pharmacy for stock.
    Requisition(RequisitionDeed),
    /// The pharmacy sends what was asked for.
    Supply(SupplyDeed),
    /// The ward receives what was sent.
    Receive(ReceiveDeed),
}

/// A place is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountDeed {
    /// The place; the pockets of a cabinet are counted there.
    pub place: Place,
    /// The local formulary code.
    pub item: String,
    /// How much there is, in the item's unit.
    pub found: Decimal,
}

/// Units are wasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasteDeed {
    /// The removal by which they came into somebody's hands.
    pub removal: Option<Id>,
    /// The place out of which they are wasted, where nobody took them out before.
    pub place: Option<Place>,
    /// The local formulary code.
    pub item: String,
    /// How much is wasted.
    pub quantity: Decimal,
    /// How much of the removal was given: given and wasted make up what was removed.
    pub given: Option<Decimal>,
    /// Why.
    pub reason: String,
    /// How it was made irretrievable.
    pub denatured: Option<String>,
}

/// Something is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestroyDeed {
    /// Where it was kept.
    pub place: Place,
    /// The local formulary code.
    pub item: String,
    /// How much.
    pub quantity: Decimal,
    /// The batch.
    pub batch: Option<String>,
    /// How it was made irretrievable.
    pub denatured: Option<String>,
    /// Why.
    pub reason: String,
}

/// What a patient brought along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeInDeed {
    /// The patient.
    pub patient: Id,
    /// The local formulary code.
    pub item: String,
    /// How much.
    pub quantity: Decimal,
    /// The batch.
    pub batch: Option<String>,
    /// The last day of the batch.
    pub expiry: Option<Date>,
}

/// An earlier entry is corrected by a new one; the earlier one stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectDeed {
    /// The source of the entry.
    pub of: Id,
    /// By how much more, or less than nothing, moved than was entered; none for a note alone.
    pub difference: Option<Decimal>,
    /// What is right, in words.
    pub note: String,
}

/// A ward asks for stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequisitionDeed {
    /// The ward or the cabinet for which it is.
    pub place: Place,
    /// The local formulary code.
    pub item: String,
    /// How much.
    pub quantity: Decimal,
}

/// The pharmacy sends what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SupplyDeed {
    /// The requisition.
    pub requisition: Id,
    /// The place that it leaves: the pharmacy, a robot, another ward.
    pub from: Place,
    /// How much.
    pub quantity: Decimal,
    /// The batch.
    pub batch: Option<String>,
    /// The last day of the batch.
    pub expiry: Option<Date>,
    /// Who carries it.
    pub messenger: String,
}

/// The ward receives what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiveDeed {
    /// The consignment.
    pub consignment: Id,
    /// How much arrived.
    pub quantity: Decimal,
    /// Whether nothing more is to come of it.
    pub complete: bool,
}

/// A second person signs.
#[derive(Debug, Clone)]
pub struct Signing {
    /// The act, as it will be told.
    pub act: Act,
    /// The staff number of the witness.
    pub witness: String,
    /// The client or session with which the witness signed in.
    pub client: String,
}

/// An act is told.
#[derive(Debug, Clone)]
pub struct Entering {
    /// The act.
    pub act: Act,
    /// What stands for the second person.
    pub second: Option<Second>,
    /// The client or session from which it is told.
    pub client: String,
}

/// What stands for the second person.
#[derive(Debug, Clone)]
pub enum Second {
    /// The number of a signature.
    Signature(Id),
    /// Nobody was there, for this reason.
    Alone(String),
}
