//! A cabinet that asked tells what was really taken.

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::stock::PocketAddress;

/// The end of a permitted removal at the cabinet.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The permit.
    pub permit: Id,
    /// The cabinet, `system/station`; must be the one that asked.
    pub cabinet: String,
    /// What was taken, in the item's unit; zero when the drawer was closed again.
    pub taken: Decimal,
    /// The pocket it came from.
    pub address: PocketAddress,
    /// The batch, where it was scanned.
    pub batch: Option<String>,
    /// When it was done.
    pub activity: Timestamp,
}
