//! MedicationAdministration (<https://hl7.org/fhir/R4/medicationadministration.html>).

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::types::{Annotation, CodeableConcept, Identifier, Period, Quantity, Ratio, Reference};

use super::Medication;

codes! {
    /// How far the giving of a dose has come (R4 medication-admin-status).
    pub enum MedicationAdministrationStatus {
        /// Being given.
        InProgress = "in-progress",
        /// Will not be given.
        NotDone = "not-done",
        /// To be given later.
        OnHold = "on-hold",
        /// Given.
        Completed = "completed",
        /// Never was.
        EnteredInError = "entered-in-error",
        /// Broken off; the dose is what was given.
        Stopped = "stopped",
        /// Not known.
        Unknown = "unknown",
    }
}

resource! {
    /// A dose given, partly given or not given.
    pub struct MedicationAdministration {
        required {
            /// How far it has come.
            status: MedicationAdministrationStatus,
            /// To whom.
            subject: Reference,
        }
        optional {
            /// Numbers.
            identifier: Vec<Identifier>,
            /// What it follows, as addresses.
            instantiates: Vec<String>,
            /// What it is part of.
            part_of: Vec<Reference>,
            /// Why it was not given, or not wholly.
            status_reason: Vec<CodeableConcept>,
            /// Inpatient, outpatient, community, discharge.
            category: Option<CodeableConcept>,
            /// The medicine as a code.
            medication_codeable_concept: Option<CodeableConcept>,
            /// The medicine as a reference.
            medication_reference: Option<Reference>,
            /// During which stay.
            context: Option<Reference>,
            /// What else helps.
            supporting_information: Vec<Reference>,
            /// When, as a time.
            effective_date_time: Option<DateTime>,
            /// When, as a stretch of time.
            effective_period: Option<Period>,
            /// Who gave it, and who witnessed it.
            performer: Vec<AdministrationPerformer>,
            /// Why, as codes.
            reason_code: Vec<CodeableConcept>,
            /// Why, as references.
            reason_reference: Vec<Reference>,
            /// By which request.
            request: Option<Reference>,
            /// With which devices.
            device: Vec<Reference>,
            /// Remarks.
            note: Vec<Annotation>,
            /// How much and how.
            dosage: Option<AdministrationDosage>,
            /// What happened to it, as Provenance.
            event_history: Vec<Reference>,
        }
    }
}

impl MedicationAdministration {
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
    /// Who gave a dose (R4 MedicationAdministration.performer).
    pub struct AdministrationPerformer {
        required {
            /// Who.
            actor: Reference,
        }
        optional {
            /// As what: performer, verifier, witness.
            function: Option<CodeableConcept>,
        }
    }
}

element! {
    /// How much and how (R4 MedicationAdministration.dosage; mad-1: a dose or a rate).
    pub struct AdministrationDosage {
        /// In words.
        text: Option<String>,
        /// Where on the body.
        site: Option<CodeableConcept>,
        /// By which route.
        route: Option<CodeableConcept>,
        /// By which method.
        method: Option<CodeableConcept>,
        /// How much.
        dose: Option<Quantity>,
        /// How fast, as an amount in each stretch of time.
        rate_ratio: Option<Ratio>,
        /// How fast, in a unit that has the time in it.
        rate_quantity: Option<Quantity>,
    }
}
