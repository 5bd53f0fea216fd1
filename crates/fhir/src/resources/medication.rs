//! Medication (<https://hl7.org/fhir/R4/medication.html>), used contained in other resources.

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::types::{CodeableConcept, Identifier, Ratio, Reference};

codes! {
    /// Whether a medicine is in use (R4 medication-status).
    pub enum MedicationStatus {
        /// In use.
        Active = "active",
        /// No longer in use.
        Inactive = "inactive",
        /// Never was.
        EnteredInError = "entered-in-error",
    }
}

resource! {
    /// A medicine, where a code alone does not say its form, batch or ingredients.
    pub struct Medication {
        required {}
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// Which: dm+d where there is such a code.
            code: Option<CodeableConcept>,
            /// Whether it is in use.
            status: Option<MedicationStatus>,
            /// Who made it.
            manufacturer: Option<Reference>,
            /// Tablet, injection and so on.
            form: Option<CodeableConcept>,
            /// How much is in the package.
            amount: Option<Ratio>,
            /// What is in it.
            ingredient: Vec<MedicationIngredient>,
            /// Which batch.
            batch: Option<MedicationBatch>,
        }
    }
}

element! {
    /// What is in a medicine (R4 Medication.ingredient).
    pub struct MedicationIngredient {
        /// As a code.
        item_codeable_concept: Option<CodeableConcept>,
        /// As a reference.
        item_reference: Option<Reference>,
        /// Whether it does the work.
        is_active: Option<bool>,
        /// How much of it.
        strength: Option<Ratio>,
    }
}

element! {
    /// A batch (R4 Medication.batch).
    pub struct MedicationBatch {
        /// The batch number.
        lot_number: Option<String>,
        /// When it expires.
        expiration_date: Option<DateTime>,
    }
}
