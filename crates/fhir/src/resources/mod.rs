//! The resources in use, each as a typed reading of its JSON.

mod allergy_intolerance;
mod appointment;
mod bundle;
mod capability_statement;
mod diagnostic_report;
mod document_reference;
mod encounter;
mod location;
mod medication;
mod medication_administration;
mod medication_dispense;
mod medication_request;
mod observation;
mod operation_outcome;
mod patient;
mod practitioner;
mod practitioner_role;
mod provenance;
mod read;
mod service_request;
pub(crate) mod tag;

pub use allergy_intolerance::{
    AllergyCategory, AllergyCriticality, AllergyIntolerance, AllergyKind, AllergyReaction,
    AllergySeverity,
};
pub use appointment::{
    Appointment, AppointmentParticipant, AppointmentStatus, ParticipationStatus,
};
pub use bundle::{
    Bundle, BundleEntry, BundleKind, BundleLink, BundleRequest, BundleResponse, BundleSearch,
    HttpVerb, SearchMode,
};
pub use capability_statement::{
    CapabilityKind, CapabilityStatement, ConditionalDelete, ConditionalRead, Implementation,
    Interaction, ParamKind, PublicationStatus, RestMode, RestOperation, RestResource,
    RestSearchParam, RestSecurity, RestServer, Software, VersioningPolicy,
};
pub use diagnostic_report::{DiagnosticReport, DiagnosticReportStatus};
pub use document_reference::{
    Binary, DocumentContent, DocumentContext, DocumentReference, DocumentReferenceStatus,
    DocumentRelation, DocumentStatus, RelatedDocument,
};
pub use encounter::{
    Encounter, EncounterLocation, EncounterLocationStatus, EncounterParticipant, EncounterStatus,
    Hospitalization,
};
pub use location::{Location, LocationMode, LocationStatus};
pub use medication::{Medication, MedicationBatch, MedicationIngredient, MedicationStatus};
pub use medication_administration::{
    AdministrationDosage, AdministrationPerformer, MedicationAdministration,
    MedicationAdministrationStatus,
};
pub use medication_dispense::{
    DispensePerformer, DispenseSubstitution, MedicationDispense, MedicationDispenseStatus,
};
pub use medication_request::{
    DispenseRequest, MedicationRequest, MedicationRequestIntent, MedicationRequestStatus,
    RequestPriority, Substitution,
};
pub use observation::{Observation, ObservationComponent, ObservationStatus, ReferenceRange};
pub use operation_outcome::{IssueSeverity, IssueType, OperationOutcome, OutcomeIssue};
pub use patient::{
    AdministrativeGender, Patient, PatientCommunication, PatientContact, PatientLink,
    PatientLinkType,
};
pub use practitioner::{Practitioner, Qualification};
pub use practitioner_role::PractitionerRole;
pub use provenance::{Provenance, ProvenanceAgent, ProvenanceEntity, ProvenanceRole};
pub use read::{ReadError, Resource};
pub use service_request::{ServiceRequest, ServiceRequestIntent, ServiceRequestStatus};
