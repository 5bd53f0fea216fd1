//! Which parameters each type can be searched by: one table for the parser, the store and the
//! capability statement.

use crate::primitives::ResourceType;
use crate::primitives::ResourceType as K;
use crate::resources::ParamKind;

/// What a parameter is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParamUse {
    /// The patient that the resource is about.
    Patient,
    /// How far it has come.
    Status,
    /// The date of the type.
    Date,
    /// Its identifiers.
    Identifier,
    /// Its codes.
    Code,
    /// Its logical id.
    Id,
    /// When it was last stored.
    LastUpdated,
}

/// A search parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Param {
    /// Its name in the address.
    pub name: &'static str,
    /// What it is compared with.
    pub of: ParamUse,
    /// What it says, for the capability statement.
    pub documentation: &'static str,
}

impl Param {
    /// Its type as R4 names it.
    pub const fn kind(&self) -> ParamKind {
        match self.of {
            ParamUse::Patient => ParamKind::Reference,
            ParamUse::Status | ParamUse::Identifier | ParamUse::Code | ParamUse::Id => {
                ParamKind::Token
            }
            ParamUse::Date | ParamUse::LastUpdated => ParamKind::Date,
        }
    }
}

const fn param(name: &'static str, of: ParamUse, documentation: &'static str) -> Param {
    Param { name, of, documentation }
}

const ID: Param = param("_id", ParamUse::Id, "Logical id");
const LAST_UPDATED: Param =
    param("_lastUpdated", ParamUse::LastUpdated, "When this version was stored");
const IDENTIFIER: Param = param("identifier", ParamUse::Identifier, "Business identifier");
const PATIENT: Param = param("patient", ParamUse::Patient, "The patient that it is about");
const SUBJECT: Param = param("subject", ParamUse::Patient, "The patient that it is about");
const STATUS: Param = param("status", ParamUse::Status, "How far it has come");
const CODE: Param = param("code", ParamUse::Code, "The medicine, as a code");

const ENCOUNTER: &[Param] = &[
    ID,
    LAST_UPDATED,
    IDENTIFIER,
    PATIENT,
    SUBJECT,
    STATUS,
    param("date", ParamUse::Date, "From admission to discharge"),
    param("class", ParamUse::Code, "Inpatient, outpatient, emergency"),
];

const ALLERGY: &[Param] = &[
    ID,
    LAST_UPDATED,
    IDENTIFIER,
    PATIENT,
    param("clinical-status", ParamUse::Status, "Active, inactive or resolved"),
    param("date", ParamUse::Date, "When it was first recorded"),
    param("code", ParamUse::Code, "What the allergy is to"),
];

/// The resources about a subject with a status differ only in their date and their code.
const fn about_subject(date: Param, code: Param) -> [Param; 8] {
    [ID, LAST_UPDATED, IDENTIFIER, PATIENT, SUBJECT, STATUS, date, code]
}

/// Those about a medicine.
const fn medicine(date: &'static str, documentation: &'static str) -> [Param; 8] {
    about_subject(param(date, ParamUse::Date, documentation), CODE)
}

/// Requests for tests and what comes of them.
const fn service(date: &'static str, documentation: &'static str) -> [Param; 8] {
    let code = param("code", ParamUse::Code, "What was asked for or observed");
    about_subject(param(date, ParamUse::Date, documentation), code)
}

const REQUEST: &[Param] = &medicine("authoredon", "When it was written");
const DISPENSE: &[Param] = &medicine("whenhandedover", "When it was handed over");
const ADMINISTRATION: &[Param] = &medicine("effective-time", "When it was given, or was not");
const OBSERVATION: &[Param] = &service("date", "When the value was true");
const REPORT: &[Param] = &service("date", "When the specimen was taken");
const SERVICE_REQUEST: &[Param] = &service("authored", "When it was asked");
const DOCUMENT: &[Param] = &about_subject(
    param("date", ParamUse::Date, "When it was entered"),
    param("type", ParamUse::Code, "What kind of document"),
);
const APPOINTMENT: &[Param] = &[
    ID,
    LAST_UPDATED,
    IDENTIFIER,
    PATIENT,
    STATUS,
    param("date", ParamUse::Date, "When it begins"),
    param("service-type", ParamUse::Code, "What is to be done"),
];
const PERSON: &[Param] =
    &[ID, LAST_UPDATED, IDENTIFIER, param("birthdate", ParamUse::Date, "Date of birth")];
const PROVENANCE: &[Param] =
    &[ID, LAST_UPDATED, param("recorded", ParamUse::Date, "When it was recorded")];
const BY_ID: &[Param] = &[ID, LAST_UPDATED];
const OF_A_PATIENT: &[Param] = &[ID, LAST_UPDATED, IDENTIFIER, PATIENT];
const BY_NUMBER: &[Param] = &[ID, LAST_UPDATED, IDENTIFIER];

/// The parameters of a type, as R4 names them; the common ones for types that have no struct here.
pub const fn params_of(kind: ResourceType) -> &'static [Param] {
    match kind {
        ResourceType::Patient => PERSON,
        ResourceType::Encounter => ENCOUNTER,
        ResourceType::AllergyIntolerance => ALLERGY,
        ResourceType::MedicationRequest => REQUEST,
        ResourceType::MedicationDispense => DISPENSE,
        ResourceType::MedicationAdministration => ADMINISTRATION,
        ResourceType::Location
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Medication => BY_NUMBER,
        ResourceType::Observation => OBSERVATION,
        ResourceType::DiagnosticReport => REPORT,
        ResourceType::ServiceRequest => SERVICE_REQUEST,
        ResourceType::DocumentReference => DOCUMENT,
        ResourceType::Appointment => APPOINTMENT,
        ResourceType::Provenance => PROVENANCE,
        // R4: never stored.
        ResourceType::Parameters => &[],
        _ => others(kind),
    }
}

/// Types that have no struct here and are found by their numbers and their patient.
const OF_PATIENTS: [K; 45] = [
    K::Basic,
    K::BodyStructure,
    K::CarePlan,
    K::CareTeam,
    K::ChargeItem,
    K::Claim,
    K::ClaimResponse,
    K::ClinicalImpression,
    K::Communication,
    K::CommunicationRequest,
    K::Composition,
    K::Condition,
    K::Consent,
    K::CoverageEligibilityRequest,
    K::CoverageEligibilityResponse,
    K::DetectedIssue,
    K::Device,
    K::DeviceRequest,
    K::DeviceUseStatement,
    K::DocumentManifest,
    K::EpisodeOfCare,
    K::ExplanationOfBenefit,
    K::FamilyMemberHistory,
    K::Flag,
    K::Goal,
    K::GuidanceResponse,
    K::ImagingStudy,
    K::Immunization,
    K::ImmunizationEvaluation,
    K::ImmunizationRecommendation,
    K::Invoice,
    K::List,
    K::MeasureReport,
    K::Media,
    K::MedicationStatement,
    K::MolecularSequence,
    K::NutritionOrder,
    K::Procedure,
    K::QuestionnaireResponse,
    K::RelatedPerson,
    K::RequestGroup,
    K::RiskAssessment,
    K::Specimen,
    K::SupplyDelivery,
    K::VisionPrescription,
];
/// Types that have no struct here and are found by their numbers.
const NUMBERED: [K; 52] = [
    K::Account,
    K::ActivityDefinition,
    K::AppointmentResponse,
    K::Bundle,
    K::ChargeItemDefinition,
    K::CodeSystem,
    K::ConceptMap,
    K::Contract,
    K::Coverage,
    K::DeviceDefinition,
    K::DeviceMetric,
    K::EffectEvidenceSynthesis,
    K::Endpoint,
    K::EnrollmentRequest,
    K::EnrollmentResponse,
    K::EventDefinition,
    K::Evidence,
    K::EvidenceVariable,
    K::ExampleScenario,
    K::Group,
    K::HealthcareService,
    K::InsurancePlan,
    K::Library,
    K::Measure,
    K::MedicinalProduct,
    K::MedicinalProductAuthorization,
    K::MedicinalProductPackaged,
    K::MedicinalProductPharmaceutical,
    K::MessageDefinition,
    K::Organization,
    K::OrganizationAffiliation,
    K::PaymentNotice,
    K::PaymentReconciliation,
    K::Person,
    K::PlanDefinition,
    K::Questionnaire,
    K::ResearchDefinition,
    K::ResearchElementDefinition,
    K::ResearchStudy,
    K::ResearchSubject,
    K::RiskEvidenceSynthesis,
    K::Schedule,
    K::Slot,
    K::SpecimenDefinition,
    K::StructureDefinition,
    K::StructureMap,
    K::Substance,
    K::SupplyRequest,
    K::Task,
    K::TestReport,
    K::TestScript,
    K::ValueSet,
];

const fn others(kind: K) -> &'static [Param] {
    if is_among(kind, &OF_PATIENTS) {
        OF_A_PATIENT
    } else if is_among(kind, &NUMBERED) {
        BY_NUMBER
    } else {
        BY_ID
    }
}

const fn is_among(kind: K, types: &[K]) -> bool {
    let mut at = 0;
    while at < types.len() {
        if types[at] as usize == kind as usize {
            return true;
        }
        at += 1;
    }
    false
}
