//! What a pharmacist compares when an order was changed.

use fhir::StoredResource;

/// The elements of a MedicationRequest that say what is ordered. A difference in any of them is
/// shown; who told it, and when, is not what a pharmacist verifies.
pub const COMPARED: [&str; 10] = [
    "status",
    "doNotPerform",
    "priority",
    "medicationCodeableConcept",
    "medicationReference",
    "contained",
    "dosageInstruction",
    "reasonCode",
    "substitution",
    "note",
];

/// A part of an order that differs between two versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The element of the MedicationRequest.
    pub element: &'static str,
    /// What it was, as JSON; none where it is new.
    pub before: Option<String>,
    /// What it is now, as JSON; none where it went.
    pub now: Option<String>,
}

/// What differs between two versions of an order, by the bytes of its elements: what is written
/// in another way counts as changed, so that nothing is overlooked.
pub fn changes(before: &StoredResource, now: &StoredResource) -> Vec<Change> {
    let differs = |element: &&str| before.member(element) != now.member(element);
    COMPARED
        .into_iter()
        .filter(differs)
        .map(|element| Change {
            element,
            before: before.member(element).map(str::to_owned),
            now: now.member(element).map(str::to_owned),
        })
        .collect()
}
