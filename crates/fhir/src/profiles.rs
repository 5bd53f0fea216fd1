//! UK Core profiles and the parts that they ask for beyond base R4 (UK Core staging, 2025-06-20).

use crate::primitives::ResourceType;
use crate::systems;
use crate::types::{CodeableConcept, Extension, Identifier, Meta};

/// The base address of UK Core definitions.
pub const UK_CORE: &str = "https://fhir.hl7.org.uk/StructureDefinition/";
/// UK Core Patient 2.6.1.
pub const PATIENT: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient";
/// UK Core Encounter 2.5.0.
pub const ENCOUNTER: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Encounter";
/// UK Core AllergyIntolerance 2.5.0.
pub const ALLERGY_INTOLERANCE: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-AllergyIntolerance";
/// UK Core Medication 2.3.0.
pub const MEDICATION: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Medication";
/// UK Core MedicationRequest 2.5.0.
pub const MEDICATION_REQUEST: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-MedicationRequest";
/// UK Core MedicationDispense 2.4.0.
pub const MEDICATION_DISPENSE: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-MedicationDispense";
/// UK Core MedicationAdministration 2.3.0.
pub const MEDICATION_ADMINISTRATION: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-MedicationAdministration";
/// UK Core Location 2.3.0.
pub const LOCATION: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Location";
/// UK Core Practitioner 2.4.0.
pub const PRACTITIONER: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Practitioner";
/// UK Core PractitionerRole.
pub const PRACTITIONER_ROLE: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-PractitionerRole";
/// UK Core Observation.
pub const OBSERVATION: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Observation";
/// UK Core DiagnosticReport.
pub const DIAGNOSTIC_REPORT: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-DiagnosticReport";
/// UK Core ServiceRequest.
pub const SERVICE_REQUEST: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-ServiceRequest";
/// UK Core DocumentReference.
pub const DOCUMENT_REFERENCE: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/UKCore-DocumentReference";
/// UK Core Appointment.
pub const APPOINTMENT: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Appointment";
/// UK Core Provenance 1.2.0, a draft.
pub const PROVENANCE: &str = "https://fhir.hl7.org.uk/StructureDefinition/UKCore-Provenance";

/// The extension of an NHS number that says whether it is verified.
pub const NHS_NUMBER_STATUS_EXTENSION: &str =
    "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus";
/// The R4 extension that gives a birth date its time.
pub const BIRTH_TIME_EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/patient-birthTime";

/// The UK Core profile of a type, where there is one.
pub const fn of(kind: ResourceType) -> Option<&'static str> {
    Some(match kind {
        ResourceType::Patient => PATIENT,
        ResourceType::Encounter => ENCOUNTER,
        ResourceType::AllergyIntolerance => ALLERGY_INTOLERANCE,
        ResourceType::Medication => MEDICATION,
        ResourceType::MedicationRequest => MEDICATION_REQUEST,
        ResourceType::MedicationDispense => MEDICATION_DISPENSE,
        ResourceType::MedicationAdministration => MEDICATION_ADMINISTRATION,
        ResourceType::Location => LOCATION,
        ResourceType::Practitioner => PRACTITIONER,
        ResourceType::Provenance => PROVENANCE,
        ResourceType::PractitionerRole => PRACTITIONER_ROLE,
        ResourceType::Observation => OBSERVATION,
        ResourceType::DiagnosticReport => DIAGNOSTIC_REPORT,
        ResourceType::ServiceRequest => SERVICE_REQUEST,
        ResourceType::DocumentReference => DOCUMENT_REFERENCE,
        ResourceType::Appointment => APPOINTMENT,
        _ => return None,
    })
}

/// A `meta` that claims the UK Core profile of a type, where there is one.
pub fn meta_of(kind: ResourceType) -> Meta {
    Meta { profile: of(kind).map(str::to_owned).into_iter().collect(), ..Meta::default() }
}

/// Whether an NHS number is verified (UKCore-NHSNumberVerificationStatusEngland).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NhsNumberStatus {
    /// 01: present and verified.
    Verified,
    /// 02: present, not traced.
    NotTraced,
    /// 03: trace required.
    TraceRequired,
    /// 04: trace attempted, no match or more than one.
    NoSingleMatch,
    /// 05: trace to be resolved.
    ToBeResolved,
    /// 06: trace in progress.
    InProgress,
    /// 07: not present, no trace required.
    NotPresent,
    /// 08: trace postponed, baby under six weeks old.
    Newborn,
}

impl NhsNumberStatus {
    /// The code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "01",
            Self::NotTraced => "02",
            Self::TraceRequired => "03",
            Self::NoSingleMatch => "04",
            Self::ToBeResolved => "05",
            Self::InProgress => "06",
            Self::NotPresent => "07",
            Self::Newborn => "08",
        }
    }
}

/// An NHS number as UK Core Patient asks for it: system, value and verification status. The
/// caller has checked the number.
pub fn nhs_number(value: &str, status: NhsNumberStatus) -> Identifier {
    let mut extension = Extension::new(NHS_NUMBER_STATUS_EXTENSION.to_owned());
    let concept = CodeableConcept::of(systems::NHS_NUMBER_STATUS, status.as_str(), None);
    extension.value_codeable_concept = Some(Box::new(concept));
    let mut identifier = Identifier::of(systems::NHS_NUMBER, value);
    identifier.extension.push(extension);
    identifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_named_after_their_type() {
        for kind in ResourceType::ALL {
            if let Some(profile) = of(*kind) {
                assert_eq!(profile, format!("{UK_CORE}UKCore-{kind}"));
            }
        }
    }

    #[test]
    fn an_nhs_number_says_whether_it_is_verified() {
        let identifier = nhs_number("9990000018", NhsNumberStatus::Verified);
        assert_eq!(identifier.nhs_number(), Some("9990000018"));
        assert_eq!(
            serde_json::to_string(&identifier).unwrap(),
            r#"{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018","extension":[{"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-NHSNumberVerificationStatus","valueCodeableConcept":{"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland","code":"01"}]}}]}"#
        );
    }
}
