//! Patients and where they are, as the PAS tells it.

mod allergies;
mod identity;
mod merge;
mod renumber;
mod swap;
mod tell;

use fhir::resources::{AllergyIntolerance, Encounter, Patient};
use fhir::types::{CodeableConcept, Identifier};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use allergies::{AllergyAction, AllergyMessage, allergies};
pub(crate) use identity::{find, find_optional, identifier_key, keys, survivor};
pub use merge::merge;
pub use renumber::{RenumberMessage, renumber};
pub use swap::swap;
pub(crate) use tell::introduce;
pub use tell::tell;

/// The extension that says when the message that made a version of a resource says that it
/// happened (EVN-6, ORC-9): what arrives late is recognised by it.
pub const TOLD_AT: &str = "urn:interlock:extension:told-at";

/// The text by which two concepts are found to be the same: the first code, else the words.
pub(crate) fn concept_key(concept: &CodeableConcept) -> Option<String> {
    let coding = concept.coding.iter().find(|coding| coding.code.is_some());
    match coding {
        Some(coding) => {
            let system = coding.system.as_deref().unwrap_or_default();
            Some(crate::state::lookup_key(system, coding.code.as_deref()?))
        }
        None => Some(concept.text.as_deref()?.trim().to_lowercase()),
    }
}

/// What a PAS message says happened to a patient, by its ADT trigger event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PatientEvent {
    /// Admitted.
    A01,
    /// Transferred.
    A02,
    /// Discharged.
    A03,
    /// Registered as an outpatient or emergency patient.
    A04,
    /// Details changed.
    A08,
    /// Admission cancelled.
    A11,
    /// Transfer cancelled.
    A12,
    /// Discharge cancelled.
    A13,
    /// A person added.
    A28,
    /// A person's details changed.
    A31,
    /// Two patients merged.
    A40,
}

/// An ADT message about one patient, mapped to FHIR.
///
/// The resources carry no ids and no subject references: the domain gives them.
#[derive(Debug, Clone)]
pub struct PatientMessage {
    /// What happened.
    pub event: PatientEvent,
    /// The patient as far as the message tells: an element that is absent is unchanged.
    pub patient: Patient,
    /// Elements of the patient that the message deletes (HL7 null `""`), by their FHIR name.
    pub deleted: Vec<&'static str>,
    /// The encounter (visit) that the message is about, with its identifier and location.
    pub encounter: Option<Encounter>,
    /// The ward of the assigned location (PV1-3.1), where the message tells it.
    pub ward: Option<String>,
    /// The allergies that the message lists; `None` where it has no allergy segment at all.
    pub allergies: Option<Vec<AllergyIntolerance>>,
    /// When it happened (EVN-6, else EVN-2, else MSH-7).
    pub activity: Timestamp,
}

/// An ADT^A40 message: `merged` is the same person as `survivor`, who keeps the record.
#[derive(Debug, Clone)]
pub struct MergeMessage {
    /// The surviving patient as far as the message tells (PID).
    pub survivor: Patient,
    /// The identifiers of the patient that ends (MRG-1).
    pub merged: Vec<Identifier>,
    /// When it happened.
    pub activity: Timestamp,
}
