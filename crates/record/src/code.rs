//! How types of the other crates stand in columns.

use fhir::ResourceType as K;
use jiff::Timestamp;
use medicines::RowKind;
use medicines::deliveries::DeliveryState;
use medicines::stock::{Movement, TransferState};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// A time as nanoseconds since 1970-01-01T00:00:00Z; times beyond the years 1678 to 2262 become
/// the nearest of these, which only matters to the order of dates that nobody lives to see.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    let wide = time.as_nanosecond();
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

/// The time of a column that [`nanoseconds`] wrote.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).expect("64 bits of nanoseconds are a time")
}

/// An entry's number, a version or an ordinal. SQLite's integers have 63 bits and a sign, and no
/// journal holds more entries than that.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The number of a column that [`integer`] wrote.
pub(crate) fn natural(integer: i64) -> u64 {
    u64::try_from(integer).unwrap_or(0)
}

/// A count as SQLite gives it.
pub(crate) fn count(integer: i64) -> u64 {
    natural(integer)
}

/// The hash under which a key of a channel is looked for: FNV-1a over both, mixed (the finalizer
/// of SplitMix64), of which 32 bits are kept. It is part of the file's form.
pub(crate) fn key_hash(channel: &str, key: &str) -> i32 {
    // No UTF-8 holds the byte between them.
    let bytes = channel.bytes().chain([0xff]).chain(key.bytes());
    let mut mixed = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [a, b, c, d, ..] = (mixed ^ (mixed >> 31)).to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// A thing as JSON text.
pub(crate) fn json<T: Serialize>(what: &'static str, thing: &T) -> Result<String, Error> {
    serde_json::to_string(thing).map_err(|_| Error::Json { what })
}

/// A thing from the JSON text that this program wrote.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|_| Error::Json { what })
}

/// The number under which a delivery's state is kept; below 2 it is open.
pub(crate) fn delivery_state(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Deferred => -4,
        DeliveryState::Parked => -3,
        DeliveryState::Accepted => -2,
        DeliveryState::InFlight => -1,
        DeliveryState::Waiting => 0,
        DeliveryState::Unknown => 1,
        DeliveryState::Delivered => 2,
        DeliveryState::Refused => 3,
        DeliveryState::Superseded => 4,
    }
}

/// The state that [`delivery_state`] wrote.
pub(crate) fn delivery_state_of(number: i64) -> Result<DeliveryState, Error> {
    DeliveryState::ALL
        .into_iter()
        .find(|state| delivery_state(*state) == number)
        .ok_or_else(|| Error::Corrupt(format!("delivery state {number}")))
}

/// The number under which a transfer's state is kept.
pub(crate) fn transfer_state(state: TransferState) -> i64 {
    match state {
        TransferState::Pending { .. } => 0,
        TransferState::Posted => 1,
        TransferState::Voided => 2,
    }
}

/// The text under which a movement is kept.
pub(crate) fn movement(movement: Movement) -> &'static str {
    match movement {
        Movement::Opening => "opening",
        Movement::Removal => "removal",
        Movement::Return => "return",
        Movement::Waste => "waste",
        Movement::Administration => "administration",
        Movement::Count => "count",
        Movement::Restock => "restock",
        Movement::Transfer => "transfer",
        Movement::Relabel => "relabel",
    }
}

/// The row kind of a number that [`RowKind::number`] gave.
pub(crate) fn row_kind(number: i64) -> Result<RowKind, Error> {
    RowKind::ALL
        .into_iter()
        .find(|kind| i64::from(kind.number()) == number)
        .ok_or_else(|| Error::Corrupt(format!("row kind {number}")))
}

/// The resource types by the numbers under which they are kept, from 1. New ones come at the end.
const NUMBERED: [K; 146] = [
    K::Patient,
    K::Encounter,
    K::AllergyIntolerance,
    K::Medication,
    K::MedicationRequest,
    K::MedicationDispense,
    K::MedicationAdministration,
    K::Provenance,
    K::Location,
    K::Practitioner,
    K::Bundle,
    K::OperationOutcome,
    K::CapabilityStatement,
    K::PractitionerRole,
    K::Observation,
    K::DiagnosticReport,
    K::ServiceRequest,
    K::DocumentReference,
    K::Binary,
    K::Appointment,
    K::Account,
    K::ActivityDefinition,
    K::AdverseEvent,
    K::AppointmentResponse,
    K::AuditEvent,
    K::Basic,
    K::BiologicallyDerivedProduct,
    K::BodyStructure,
    K::CarePlan,
    K::CareTeam,
    K::CatalogEntry,
    K::ChargeItem,
    K::ChargeItemDefinition,
    K::Claim,
    K::ClaimResponse,
    K::ClinicalImpression,
    K::CodeSystem,
    K::Communication,
    K::CommunicationRequest,
    K::CompartmentDefinition,
    K::Composition,
    K::ConceptMap,
    K::Condition,
    K::Consent,
    K::Contract,
    K::Coverage,
    K::CoverageEligibilityRequest,
    K::CoverageEligibilityResponse,
    K::DetectedIssue,
    K::Device,
    K::DeviceDefinition,
    K::DeviceMetric,
    K::DeviceRequest,
    K::DeviceUseStatement,
    K::DocumentManifest,
    K::EffectEvidenceSynthesis,
    K::Endpoint,
    K::EnrollmentRequest,
    K::EnrollmentResponse,
    K::EpisodeOfCare,
    K::EventDefinition,
    K::Evidence,
    K::EvidenceVariable,
    K::ExampleScenario,
    K::ExplanationOfBenefit,
    K::FamilyMemberHistory,
    K::Flag,
    K::Goal,
    K::GraphDefinition,
    K::Group,
    K::GuidanceResponse,
    K::HealthcareService,
    K::ImagingStudy,
    K::Immunization,
    K::ImmunizationEvaluation,
    K::ImmunizationRecommendation,
    K::ImplementationGuide,
    K::InsurancePlan,
    K::Invoice,
    K::Library,
    K::Linkage,
    K::List,
    K::Measure,
    K::MeasureReport,
    K::Media,
    K::MedicationKnowledge,
    K::MedicationStatement,
    K::MedicinalProduct,
    K::MedicinalProductAuthorization,
    K::MedicinalProductContraindication,
    K::MedicinalProductIndication,
    K::MedicinalProductIngredient,
    K::MedicinalProductInteraction,
    K::MedicinalProductManufactured,
    K::MedicinalProductPackaged,
    K::MedicinalProductPharmaceutical,
    K::MedicinalProductUndesirableEffect,
    K::MessageDefinition,
    K::MessageHeader,
    K::MolecularSequence,
    K::NamingSystem,
    K::NutritionOrder,
    K::ObservationDefinition,
    K::OperationDefinition,
    K::Organization,
    K::OrganizationAffiliation,
    K::Parameters,
    K::PaymentNotice,
    K::PaymentReconciliation,
    K::Person,
    K::PlanDefinition,
    K::Procedure,
    K::Questionnaire,
    K::QuestionnaireResponse,
    K::RelatedPerson,
    K::RequestGroup,
    K::ResearchDefinition,
    K::ResearchElementDefinition,
    K::ResearchStudy,
    K::ResearchSubject,
    K::RiskAssessment,
    K::RiskEvidenceSynthesis,
    K::Schedule,
    K::SearchParameter,
    K::Slot,
    K::Specimen,
    K::SpecimenDefinition,
    K::StructureDefinition,
    K::StructureMap,
    K::Subscription,
    K::Substance,
    K::SubstanceNucleicAcid,
    K::SubstancePolymer,
    K::SubstanceProtein,
    K::SubstanceReferenceInformation,
    K::SubstanceSourceMaterial,
    K::SubstanceSpecification,
    K::SupplyDelivery,
    K::SupplyRequest,
    K::Task,
    K::TerminologyCapabilities,
    K::TestReport,
    K::TestScript,
    K::ValueSet,
    K::VerificationResult,
    K::VisionPrescription,
];

/// The number of each type, by the place of the type in its list.
const NUMBERS: [i64; NUMBERED.len()] = {
    let mut numbers = [0; NUMBERED.len()];
    let mut at = 0;
    let mut number = 1;
    while at < NUMBERED.len() {
        numbers[NUMBERED[at] as usize] = number;
        at += 1;
        number += 1;
    }
    numbers
};

/// The number under which a resource type is kept. Never reused for another type.
pub(crate) fn type_number(resource_type: K) -> i64 {
    NUMBERS[resource_type as usize]
}

/// The type of a number that [`type_number`] gave.
pub(crate) fn type_of(number: i64) -> Result<K, Error> {
    let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let found = at.and_then(|at| NUMBERED.get(at)).copied();
    found.ok_or_else(|| Error::Corrupt(format!("resource type {number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_own_number() {
        for resource_type in K::ALL {
            assert_eq!(type_of(type_number(*resource_type)).unwrap(), *resource_type);
        }
    }

    #[test]
    fn times_are_kept_to_the_nanosecond_and_never_overflow() {
        let time: Timestamp = "2026-11-20T10:15:00.123456789Z".parse().unwrap();
        assert_eq!(timestamp(nanoseconds(time)), time);
        assert_eq!(nanoseconds(Timestamp::MAX), i64::MAX);
        assert_eq!(nanoseconds(Timestamp::MIN), i64::MIN);
        assert!(timestamp(i64::MIN) < timestamp(i64::MAX));
    }
}
