//! The resource types that the platform knows.

use crate::element::codes;

codes! {
    /// A resource type that the platform stores, reads or answers with. Any other is an error.
    pub enum ResourceType {
        /// A person who is cared for.
        Patient = "Patient",
        /// A stay or a visit.
        Encounter = "Encounter",
        /// An allergy, an intolerance, or the statement that there is none.
        AllergyIntolerance = "AllergyIntolerance",
        /// A medicine, used contained in the resources that name it.
        Medication = "Medication",
        /// A prescription item.
        MedicationRequest = "MedicationRequest",
        /// A supply to a patient, from a pharmacy or a cabinet.
        MedicationDispense = "MedicationDispense",
        /// A dose given, partly given or not given.
        MedicationAdministration = "MedicationAdministration",
        /// Who did what to which resource, and when.
        Provenance = "Provenance",
        /// A site, a ward, a bed or a cabinet.
        Location = "Location",
        /// A member of staff.
        Practitioner = "Practitioner",
        /// What a member of staff does, and where.
        PractitionerRole = "PractitionerRole",
        /// A result or a measurement.
        Observation = "Observation",
        /// The answer of a diagnostic service to a request.
        DiagnosticReport = "DiagnosticReport",
        /// A request for a test or another service.
        ServiceRequest = "ServiceRequest",
        /// A document, and where its content is.
        DocumentReference = "DocumentReference",
        /// Content that is not FHIR.
        Binary = "Binary",
        /// A time at which a patient is to be seen.
        Appointment = "Appointment",
        /// A list of resources, such as the answer to a search.
        Bundle = "Bundle",
        /// What went wrong with a request.
        OperationOutcome = "OperationOutcome",
        /// What a server can do.
        CapabilityStatement = "CapabilityStatement",
    }
}
