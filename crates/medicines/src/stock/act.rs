//! What people and systems tell of stock outside a cabinet's own transactions.

use fhir::Id;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::Account;

/// An act with stock.
#[derive(Debug, Clone)]
pub enum StockAct {
    /// Stock was moved, or sent off.
    Move(Move),
    /// A consignment arrived.
    Receive(Receipt),
    /// Somebody counted a place outside the cabinets.
    Count(StockCount),
    /// A batch must not be used any more.
    Recall(RecallNotice),
    /// A recall is over.
    Lift(RecallNotice),
}

/// Where stock goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Into an account.
    Place(Account),
    /// To a cabinet, `system/station`: what fills its pockets next is what was sent.
    Cabinet(String),
}

/// Stock is moved from one place to another.
#[derive(Debug, Clone)]
pub struct Move {
    /// Where it leaves.
    pub from: Account,
    /// Where it goes.
    pub to: Destination,
    /// Whether it is on its way until somebody receives it; always so to a cabinet.
    pub sent: bool,
    /// The local formulary code.
    pub item: String,
    /// How much, in the item's unit, above zero.
    pub quantity: Decimal,
    /// The batch, where it was scanned or written down.
    pub batch: Option<String>,
    /// The last day of the batch.
    pub expiry: Option<Date>,
    /// What one unit cost, in the site's currency.
    pub cost: Option<Decimal>,
    /// The staff number of the person who did it.
    pub person: String,
    /// The staff number of a second person.
    pub witness: Option<String>,
    /// When it was done.
    pub activity: Timestamp,
}

/// A consignment arrived, in whole or in part.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The consignment.
    pub consignment: Id,
    /// How much arrived, in the item's unit.
    pub quantity: Decimal,
    /// Whether nothing more is to come of it.
    pub complete: bool,
    /// The staff number of the person who received it.
    pub person: String,
    /// The staff number of a second person.
    pub witness: Option<String>,
    /// When it was received.
    pub activity: Timestamp,
}

/// A count of a place outside the cabinets.
#[derive(Debug, Clone)]
pub struct StockCount {
    /// The place.
    pub place: Account,
    /// The local formulary code.
    pub item: String,
    /// How much there is, in the item's unit.
    pub found: Decimal,
    /// The staff number of the person who counted.
    pub person: String,
    /// The staff number of a second person.
    pub witness: Option<String>,
    /// When it was counted.
    pub activity: Timestamp,
}

/// A batch is recalled, or the recall is lifted.
#[derive(Debug, Clone)]
pub struct RecallNotice {
    /// The local formulary code.
    pub item: String,
    /// The batch.
    pub batch: String,
    /// The number of the notice or the reason in words.
    pub reason: String,
    /// The staff number of the person who puts it in force or lifts it.
    pub person: String,
}
