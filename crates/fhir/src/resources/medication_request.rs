//! MedicationRequest (<https://hl7.org/fhir/R4/medicationrequest.html>).

use crate::element::{codes, element, resource};
use crate::primitives::DateTime;
use crate::types::{Annotation, CodeableConcept, Dosage, Identifier, Period, Quantity, Reference};

use super::Medication;

codes! {
    /// The state of the authorisation, which only the prescriber's system changes
    /// (R4 medicationrequest-status).
    pub enum MedicationRequestStatus {
        /// In force.
        Active = "active",
        /// Held back for now.
        OnHold = "on-hold",
        /// Withdrawn before anything was given.
        Cancelled = "cancelled",
        /// Done.
        Completed = "completed",
        /// Never was.
        EnteredInError = "entered-in-error",
        /// Halted after it began.
        Stopped = "stopped",
        /// Not yet in force.
        Draft = "draft",
        /// Not known.
        Unknown = "unknown",
    }
}

codes! {
    /// What kind of request (R4 medicationrequest-intent). UK Core uses `order`.
    pub enum MedicationRequestIntent {
        /// A suggestion.
        Proposal = "proposal",
        /// An intention.
        Plan = "plan",
        /// An authorisation to act.
        Order = "order",
        /// The first order of a chain.
        OriginalOrder = "original-order",
        /// An order that follows from another one.
        ReflexOrder = "reflex-order",
        /// An order by whoever fills it.
        FillerOrder = "filler-order",
        /// An order for one occasion.
        InstanceOrder = "instance-order",
        /// One of several choices.
        Option = "option",
    }
}

codes! {
    /// How urgent (R4 request-priority).
    pub enum RequestPriority {
        /// As usual.
        Routine = "routine",
        /// Before others.
        Urgent = "urgent",
        /// As soon as possible.
        Asap = "asap",
        /// At once.
        Stat = "stat",
    }
}

resource! {
    /// A prescription item. UK Core asks for `substitution`, normally not allowed.
    pub struct MedicationRequest {
        required {
            /// The state of the authorisation.
            status: MedicationRequestStatus,
            /// What kind of request.
            intent: MedicationRequestIntent,
            /// For whom.
            subject: Reference,
        }
        optional {
            /// Numbers: the placer's and the filler's.
            identifier: Vec<Identifier>,
            /// Why it is on hold, cancelled or stopped.
            status_reason: Option<CodeableConcept>,
            /// Inpatient, outpatient, community, discharge.
            category: Vec<CodeableConcept>,
            /// How urgent.
            priority: Option<RequestPriority>,
            /// That the medicine is not to be given; never to be overlooked.
            do_not_perform: Option<bool>,
            /// That somebody else's word is repeated.
            reported_boolean: Option<bool>,
            /// Whose word is repeated.
            reported_reference: Option<Reference>,
            /// The medicine as a code.
            medication_codeable_concept: Option<CodeableConcept>,
            /// The medicine as a reference.
            medication_reference: Option<Reference>,
            /// During which stay.
            encounter: Option<Reference>,
            /// What else helps to fill it.
            supporting_information: Vec<Reference>,
            /// When it was written.
            authored_on: Option<DateTime>,
            /// Who ordered it.
            requester: Option<Reference>,
            /// Who is to give it.
            performer: Option<Reference>,
            /// As what they are to give it.
            performer_type: Option<CodeableConcept>,
            /// Who typed it.
            recorder: Option<Reference>,
            /// Why, as codes.
            reason_code: Vec<CodeableConcept>,
            /// Why, as references.
            reason_reference: Vec<Reference>,
            /// What it fulfils.
            based_on: Vec<Reference>,
            /// The prescription that the item is part of.
            group_identifier: Option<Identifier>,
            /// Continuous or acute.
            course_of_therapy_type: Option<CodeableConcept>,
            /// Remarks.
            note: Vec<Annotation>,
            /// How to take or give it.
            dosage_instruction: Vec<Dosage>,
            /// How to supply it.
            dispense_request: Option<DispenseRequest>,
            /// Whether something else may be supplied.
            substitution: Option<Substitution>,
            /// The request that this one replaces.
            prior_prescription: Option<Reference>,
            /// Who verified it and when, as Provenance.
            event_history: Vec<Reference>,
        }
    }
}

impl MedicationRequest {
    /// The medicine as a concept, whether written here or in a contained Medication.
    pub fn medication_concept(&self) -> Option<CodeableConcept> {
        Medication::concept_of(
            self.medication_codeable_concept.as_ref(),
            self.medication_reference.as_ref(),
            &self.contained,
        )
    }
}

impl Medication {
    /// The concept of a `medication[x]`: its code, or that of the contained Medication meant.
    pub(crate) fn concept_of(
        code: Option<&CodeableConcept>,
        reference: Option<&Reference>,
        contained: &[crate::json::Json],
    ) -> Option<CodeableConcept> {
        if let Some(code) = code {
            return Some(code.clone());
        }
        let id = reference?.contained_id()?;
        let json = crate::types::contained(contained, id)?;
        Self::from_slice(json.get().as_bytes()).ok()?.code
    }
}

element! {
    /// How to supply it (R4 MedicationRequest.dispenseRequest).
    pub struct DispenseRequest {
        /// Between which times it may be supplied.
        validity_period: Option<Period>,
        /// How many more supplies.
        number_of_repeats_allowed: Option<u32>,
        /// How much each time.
        quantity: Option<Quantity>,
        /// How long it should last.
        expected_supply_duration: Option<Quantity>,
        /// By whom.
        performer: Option<Reference>,
    }
}

element! {
    /// Whether something else may be supplied (R4 MedicationRequest.substitution).
    pub struct Substitution {
        /// Yes or no.
        allowed_boolean: Option<bool>,
        /// What kind of substitution.
        allowed_codeable_concept: Option<CodeableConcept>,
        /// Why.
        reason: Option<CodeableConcept>,
    }
}

impl Substitution {
    /// Not allowed: what UK Core expects where nothing else is said.
    pub fn not_allowed() -> Self {
        Self { allowed_boolean: Some(false), ..Self::default() }
    }
}
