//! Identifier and code systems, as UK Core and R4 write them.

/// NHS number.
pub const NHS_NUMBER: &str = "https://fhir.nhs.uk/Id/nhs-number";
/// The NHS number's OID, as older messages write it.
pub const NHS_NUMBER_OID: &str = "2.16.840.1.113883.2.1.4.1";
/// ODS code of an organisation.
pub const ODS_ORGANISATION: &str = "https://fhir.nhs.uk/Id/ods-organization-code";
/// ODS code of a site.
pub const ODS_SITE: &str = "https://fhir.nhs.uk/Id/ods-site-code";
/// Spine user.
pub const SDS_USER: &str = "https://fhir.nhs.uk/Id/sds-user-id";
/// Spine role profile.
pub const SDS_ROLE_PROFILE: &str = "https://fhir.nhs.uk/Id/sds-role-profile-id";
/// General Medical Council reference number.
pub const GMC: &str = "https://fhir.hl7.org.uk/Id/gmc-number";
/// General Medical Practitioner code.
pub const GMP: &str = "https://fhir.hl7.org.uk/Id/gmp-number";
/// Nursing and Midwifery Council PIN.
pub const NMC: &str = "https://fhir.hl7.org.uk/Id/nmc-number";
/// General Pharmaceutical Council registration number.
pub const GPHC: &str = "https://fhir.hl7.org.uk/Id/gphc-number";
/// Health and Care Professions Council registration number.
pub const HCPC: &str = "https://fhir.hl7.org.uk/Id/hcpc-number";
/// General Dental Council registration number.
pub const GDC: &str = "https://fhir.hl7.org.uk/Id/gdc-number";
/// General Optical Council registration number.
pub const GOC: &str = "https://fhir.hl7.org.uk/Id/goc-number";
/// Prescription Pricing Authority number.
pub const PPA: &str = "https://fhir.hl7.org.uk/Id/ppa-number";
/// Identifier that goes with a patient across care settings.
pub const CROSS_CARE_SETTING: &str = "https://fhir.nhs.uk/Id/cross-care-setting-identifier";

/// dm+d, the NHS dictionary of medicines and devices.
pub const DMD: &str = "https://dmd.nhs.uk";
/// SNOMED CT. Older interfaces send dm+d codes with it: compare by code.
pub const SNOMED: &str = "http://snomed.info/sct";
/// British National Formulary codes.
pub const BNF: &str = "https://fhir.hl7.org.uk/Id/bnf-drug-codes";
/// LOINC codes of observations and documents.
pub const LOINC: &str = "http://loinc.org";
/// UCUM units.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// The systems in which a dm+d code may come, the one to prefer first.
pub const DMD_OR_SNOMED: [&str; 2] = [DMD, SNOMED];

/// Whether an allergy is active (R4).
pub const ALLERGY_CLINICAL_STATUS: &str =
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
/// Whether an allergy is confirmed (R4).
pub const ALLERGY_VERIFICATION_STATUS: &str =
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification";
/// Classes of encounters (R4 Encounter.class).
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// How somebody took part (R4 Encounter.participant.type).
pub const PARTICIPATION_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// Kinds of identifiers (HL7 table 0203).
pub const IDENTIFIER_TYPE: &str = "http://terminology.hl7.org/CodeSystem/v2-0203";
/// Kinds of places (R4 Location.physicalType).
pub const LOCATION_PHYSICAL_TYPE: &str =
    "http://terminology.hl7.org/CodeSystem/location-physical-type";
/// Categories of prescriptions (R4).
pub const REQUEST_CATEGORY: &str =
    "http://terminology.hl7.org/CodeSystem/medicationrequest-category";
/// More categories of prescriptions (UK Core): `leave`, `primarycare`.
pub const UK_REQUEST_CATEGORY: &str =
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-MedicationRequestCategory";
/// Categories of administrations (R4).
pub const ADMINISTRATION_CATEGORY: &str =
    "http://terminology.hl7.org/CodeSystem/medication-admin-category";
/// Categories of dispenses (R4).
pub const DISPENSE_CATEGORY: &str =
    "http://terminology.hl7.org/CodeSystem/medicationdispense-category";
/// Continuous or acute therapy (R4).
pub const COURSE_OF_THERAPY: &str =
    "http://terminology.hl7.org/CodeSystem/medicationrequest-course-of-therapy";
/// Whether a dose was ordered or calculated (R4).
pub const DOSE_RATE_TYPE: &str = "http://terminology.hl7.org/CodeSystem/dose-rate-type";
/// Whether a patient's NHS number is verified (UK Core, England).
pub const NHS_NUMBER_STATUS: &str =
    "https://fhir.hl7.org.uk/CodeSystem/UKCore-NHSNumberVerificationStatusEngland";
/// High, low, abnormal (R4 Observation.interpretation).
pub const INTERPRETATION: &str =
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
/// Kinds of observations (R4 Observation.category).
pub const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// Whether data are absent and why (R4 data-absent-reason).
pub const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// Whether a code of this system may be a dm+d code.
pub fn may_be_dmd(system: &str) -> bool {
    DMD_OR_SNOMED.contains(&system)
}
