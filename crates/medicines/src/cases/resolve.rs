//! Somebody settles a case.

use fhir::Id;

/// A person's word that a case is settled.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The case.
    pub case: Id,
    /// The staff number or client name.
    pub by: String,
    /// How it was settled, in words or a code.
    pub resolution: String,
}
