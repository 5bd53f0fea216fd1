//! MedicationDispense (<https://hl7.org/fhir/R4/medicationdispense.html>).

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::types::{Annotation, CodeableConcept, Dosage, Identifier, Quantity, Reference};

use super::Medication;

codes! {
    /// How far a supply has come (R4 medicationdispense-status).
    pub enum MedicationDispenseStatus {
        /// Being made ready.
        Preparation = "preparation",
        /// Ready to be picked up.
        InProgress = "in-progress",
        /// Withdrawn.
        Cancelled = "cancelled",
        /// Held back for now.
        OnHold = "on-hold",
        /// Handed over.
        Completed = "completed",
        /// Never was.
        EnteredInError = "entered-in-error",
        /// Halted.
        Stopped = "stopped",
        /// Refused.
        Declined = "declined",
        /// Not known.
        Unknown = "unknown",
    }
}

resource! {
    /// A supply to a patient, from a pharmacy or a cabinet.
    pub struct MedicationDispense {
        required {
            /// How far it has come.
            status: MedicationDispenseStatus,
        }
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// What it is part of.
            part_of: Vec<Reference>,
            /// Why it did not happen, as a code.
            status_reason_codeable_concept: Option<CodeableConcept>,
            /// Why it did not happen, as a reference.
            status_reason_reference: Option<Reference>,
            /// Inpatient, outpatient, community, discharge.
            category: Option<CodeableConcept>,
            /// The medicine as a code.
            medication_codeable_concept: Option<CodeableConcept>,
            /// The medicine as a reference.
            medication_reference: Option<Reference>,
            /// For whom.
            subject: Option<Reference>,
            /// During which stay.
            context: Option<Reference>,
            /// What else helps.
            supporting_information: Vec<Reference>,
            /// Who supplied it.
            performer: Vec<DispensePerformer>,
            /// Where.
            location: Option<Reference>,
            /// By which requests; UK Core asks for it where it is known.
            authorizing_prescription: Vec<Reference>,
            /// What kind of supply.
            #[serde(rename = "type")]
            kind: Option<CodeableConcept>,
            /// How much.
            quantity: Option<Quantity>,
            /// How long it lasts.
            days_supply: Option<Quantity>,
            /// When it was labelled and checked.
            when_prepared: Option<DateTime>,
            /// When it was handed over, never before it was prepared (mdd-1).
            when_handed_over: Option<DateTime>,
            /// To where.
            destination: Option<Reference>,
            /// To whom.
            receiver: Vec<Reference>,
            /// Remarks.
            note: Vec<Annotation>,
            /// How to take or give it.
            dosage_instruction: Vec<Dosage>,
            /// Whether something else was supplied.
            substitution: Option<DispenseSubstitution>,
            /// Clinical issues with it.
            detected_issue: Vec<Reference>,
            /// What happened to it, as Provenance.
            event_history: Vec<Reference>,
        }
    }
}

impl MedicationDispense {
    /// The medicine as a concept, whether written here or in a contained Medication.
    pub fn medication_concept(&self) -> Option<CodeableConcept> {
        Medication::concept_of(
            self.medication_codeable_concept.as_ref(),
            self.medication_reference.as_ref(),
            &self.contained,
        )
    }
}

element! {
    /// Who supplied it (R4 MedicationDispense.performer).
    pub struct DispensePerformer {
        required {
            /// Who.
            actor: Reference,
        }
        optional {
            /// As what.
            function: Option<CodeableConcept>,
        }
    }
}

element! {
    /// Whether something else was supplied (R4 MedicationDispense.substitution).
    pub struct DispenseSubstitution {
        required {
            /// Yes or no.
            was_substituted: bool,
        }
        optional {
            /// What kind.
            #[serde(rename = "type")]
            kind: Option<CodeableConcept>,
            /// Why.
            reason: Vec<CodeableConcept>,
            /// Who answers for it.
            responsible_party: Vec<Reference>,
        }
    }
}
