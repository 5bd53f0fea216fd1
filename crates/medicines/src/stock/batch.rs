//! What is known of a batch of an item.

use fhir::Id;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A batch of which more is known than its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchState {
    /// The local formulary code of the item.
    pub item: String,
    /// The batch.
    pub batch: String,
    /// The last day on which it may be used; of two that were told, the earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Date>,
    /// What one unit cost when it was told last, in the site's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Decimal>,
    /// The recall that is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<RecallInForce>,
}

/// Why a batch may not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecallInForce {
    /// The id of the recall.
    pub id: Id,
    /// The number of the notice, for instance of the MHRA, or the reason in words.
    pub reason: String,
    /// Who put it in force.
    pub by: String,
    /// From when.
    pub since: Timestamp,
}
