//! A medicine was given, given in part, or not given.

use fhir::Id;
use fhir::resources::MedicationAdministrationStatus;
use fhir::types::{CodeableConcept, Identifier};
use jiff::Timestamp;

use crate::Quantity;

/// What the bedside tells: `POST /administrations` or RAS^O17.
#[derive(Debug, Clone)]
pub struct Administration {
    /// The patient, by any identifier.
    pub patient: Vec<Identifier>,
    /// The placer's number of the order.
    pub order: Option<Identifier>,
    /// The removal whose units were used, where the bedside knows it.
    pub removal: Option<Id>,
    /// The local formulary code, or a code that an order uses.
    pub item: CodeableConcept,
    /// How much was given; zero for a dose that was not given. An empty unit is the item's own;
    /// a mass is counted in units by the item's strength.
    pub quantity: Quantity,
    /// completed, stopped (given in part), not-done.
    pub status: MedicationAdministrationStatus,
    /// Why not, or why in part.
    pub reason: Option<CodeableConcept>,
    /// The staff number of the person who gave it.
    pub performer: String,
    /// The staff number of a second person.
    pub witness: Option<String>,
    /// When it was given.
    pub activity: Timestamp,
}
