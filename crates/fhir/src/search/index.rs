//! What a resource can be found by.

use crate::json::members;
use crate::primitives::{Id, ResourceType};
use crate::resources::{
    AllergyIntolerance, Appointment, Binary, DiagnosticReport, DocumentReference, Encounter,
    Location, Medication, MedicationAdministration, MedicationDispense, MedicationRequest,
    Observation, Patient, Practitioner, PractitionerRole, Provenance, ReadError, ServiceRequest,
};
use crate::stored::StoredResource;
use crate::types::{CodeableConcept, Coding, Identifier, Reference};

use super::{DateRange, Token};

/// What a resource can be found by, beside its id and the time of its last change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchValues {
    /// The patient that it is about; a Patient is about itself.
    pub patient: Option<Id>,
    /// `status`, or the code of an allergy's `clinicalStatus`.
    pub status: Option<&'static str>,
    /// The one date of the type; see [`super::params_of`].
    pub date: Option<DateRange>,
    /// Its identifiers.
    pub identifiers: Vec<Token>,
    /// The codes of its medicine or substance, or an encounter's class.
    pub codes: Vec<Token>,
}

/// Reads what a stored resource can be found by. Fails when the resource cannot be read as its
/// type. A type that has no struct here is found by its patient and its numbers.
pub fn index(stored: &StoredResource) -> Result<SearchValues, ReadError> {
    match stored.resource_type {
        ResourceType::Patient => stored.read().map(|patient| of_patient(&stored.id, &patient)),
        ResourceType::Encounter => stored.read().map(|it| of_encounter(&it)),
        ResourceType::AllergyIntolerance => stored.read().map(|it| of_allergy(&it)),
        ResourceType::MedicationRequest => stored.read().map(|it| of_request(&it)),
        ResourceType::MedicationDispense => stored.read().map(|it| of_dispense(&it)),
        ResourceType::MedicationAdministration => stored.read().map(|it| of_administration(&it)),
        ResourceType::Location => stored.read().map(|it: Location| by_number(&it.identifier)),
        ResourceType::Practitioner => {
            stored.read().map(|it: Practitioner| by_number(&it.identifier))
        }
        ResourceType::Medication => stored.read().map(|it: Medication| by_number(&it.identifier)),
        ResourceType::Provenance => stored.read().map(|it: Provenance| SearchValues {
            date: Some(DateRange::from(&it.recorded)),
            ..SearchValues::default()
        }),
        ResourceType::PractitionerRole => {
            stored.read().map(|it: PractitionerRole| by_number(&it.identifier))
        }
        ResourceType::Observation => stored.read().map(|it| of_observation(&it)),
        ResourceType::DiagnosticReport => stored.read().map(|it| of_report(&it)),
        ResourceType::ServiceRequest => stored.read().map(|it| of_service_request(&it)),
        ResourceType::DocumentReference => stored.read().map(|it| of_document(&it)),
        ResourceType::Appointment => stored.read().map(|it| of_appointment(&it)),
        ResourceType::Binary => stored.read().map(|it: Binary| SearchValues {
            patient: patient(it.security_context.as_ref()),
            ..SearchValues::default()
        }),
        _ => Ok(of_any(stored)),
    }
}

fn of_patient(id: &Id, patient: &Patient) -> SearchValues {
    SearchValues {
        patient: Some(id.clone()),
        date: patient.birth_date.as_ref().map(DateRange::from),
        identifiers: identifiers(&patient.identifier),
        ..SearchValues::default()
    }
}

fn of_encounter(encounter: &Encounter) -> SearchValues {
    SearchValues {
        patient: patient(encounter.subject.as_ref()),
        status: Some(encounter.status.as_str()),
        date: encounter.period.as_ref().map(DateRange::from),
        identifiers: identifiers(&encounter.identifier),
        codes: code(&encounter.class).into_iter().collect(),
    }
}

fn of_allergy(allergy: &AllergyIntolerance) -> SearchValues {
    let status = match allergy.clinical_status_code() {
        Some("active") => Some("active"),
        Some("inactive") => Some("inactive"),
        Some("resolved") => Some("resolved"),
        _ => None,
    };
    let reactions = allergy.reaction.iter().filter_map(|reaction| reaction.substance.as_ref());
    SearchValues {
        patient: patient(Some(&allergy.patient)),
        status,
        date: allergy.recorded_date.as_ref().map(DateRange::from),
        identifiers: identifiers(&allergy.identifier),
        // R4 searches `code` in the reactions' substances too.
        codes: allergy.code.iter().chain(reactions).flat_map(codes).collect(),
    }
}

fn of_request(request: &MedicationRequest) -> SearchValues {
    SearchValues {
        patient: patient(Some(&request.subject)),
        status: Some(request.status.as_str()),
        date: request.authored_on.as_ref().map(DateRange::from),
        identifiers: identifiers(&request.identifier),
        codes: request.medication_concept().iter().flat_map(codes).collect(),
    }
}

fn of_dispense(dispense: &MedicationDispense) -> SearchValues {
    SearchValues {
        patient: patient(dispense.subject.as_ref()),
        status: Some(dispense.status.as_str()),
        date: dispense.when_handed_over.as_ref().map(DateRange::from),
        identifiers: identifiers(&dispense.identifier),
        codes: dispense.medication_concept().iter().flat_map(codes).collect(),
    }
}

fn of_administration(given: &MedicationAdministration) -> SearchValues {
    let time = given.effective_date_time.as_ref().map(DateRange::from);
    SearchValues {
        patient: patient(Some(&given.subject)),
        status: Some(given.status.as_str()),
        date: time.or_else(|| given.effective_period.as_ref().map(DateRange::from)),
        identifiers: identifiers(&given.identifier),
        codes: given.medication_concept().iter().flat_map(codes).collect(),
    }
}

fn of_observation(it: &Observation) -> SearchValues {
    let time = it.effective_date_time.as_ref().map(DateRange::from);
    SearchValues {
        patient: patient(it.subject.as_ref()),
        status: Some(it.status.as_str()),
        date: time.or_else(|| it.effective_period.as_ref().map(DateRange::from)),
        identifiers: identifiers(&it.identifier),
        codes: codes(&it.code),
    }
}

fn of_report(it: &DiagnosticReport) -> SearchValues {
    let time = it.effective_date_time.as_ref().map(DateRange::from);
    SearchValues {
        patient: patient(it.subject.as_ref()),
        status: Some(it.status.as_str()),
        date: time.or_else(|| it.effective_period.as_ref().map(DateRange::from)),
        identifiers: identifiers(&it.identifier),
        codes: codes(&it.code),
    }
}

fn of_service_request(it: &ServiceRequest) -> SearchValues {
    SearchValues {
        patient: patient(Some(&it.subject)),
        status: Some(it.status.as_str()),
        date: it.authored_on.as_ref().map(DateRange::from),
        identifiers: identifiers(&it.identifier),
        codes: it.code.iter().flat_map(codes).collect(),
    }
}

fn of_document(it: &DocumentReference) -> SearchValues {
    let mut numbers = identifiers(&it.identifier);
    numbers
        .extend(it.master_identifier.iter().flat_map(|one| identifiers(std::slice::from_ref(one))));
    SearchValues {
        patient: patient(it.subject.as_ref()),
        status: Some(it.status.as_str()),
        date: it.date.as_ref().map(DateRange::from),
        identifiers: numbers,
        codes: it.kind.iter().flat_map(codes).collect(),
    }
}

fn of_appointment(it: &Appointment) -> SearchValues {
    SearchValues {
        patient: it.participant.iter().find_map(|one| patient(one.actor.as_ref())),
        status: Some(it.status.as_str()),
        date: it.start.as_ref().map(DateRange::from),
        identifiers: identifiers(&it.identifier),
        codes: it.service_type.iter().flat_map(codes).collect(),
    }
}

fn by_number(all: &[Identifier]) -> SearchValues {
    SearchValues { identifiers: identifiers(all), ..SearchValues::default() }
}

/// A type that has no struct here: `subject` or `patient`, and `identifier`, wherever R4 has them.
fn of_any(stored: &StoredResource) -> SearchValues {
    let all = members(stored.json()).unwrap_or_default();
    let named = ["subject", "patient"].into_iter().filter_map(|name| all.get(name));
    let mut references = named.filter_map(|json| serde_json::from_str::<Reference>(json).ok());
    let numbers = all.get("identifier").map(|json| {
        let many = serde_json::from_str::<Vec<Identifier>>(json);
        let one = || Some(vec![serde_json::from_str::<Identifier>(json).ok()?]);
        many.ok().or_else(one).unwrap_or_default()
    });
    SearchValues {
        patient: references.find_map(|reference| patient(Some(&reference))),
        identifiers: identifiers(&numbers.unwrap_or_default()),
        ..SearchValues::default()
    }
}

fn patient(reference: Option<&Reference>) -> Option<Id> {
    reference?.id_of(ResourceType::Patient)
}

fn identifiers(all: &[Identifier]) -> Vec<Token> {
    let token = |identifier: &Identifier| {
        let value = identifier.value.clone()?;
        Some(Token { system: identifier.system.clone(), value })
    };
    all.iter().filter_map(token).collect()
}

fn code(coding: &Coding) -> Option<Token> {
    Some(Token { system: coding.system.clone(), value: coding.code.clone()? })
}

fn codes(concept: &CodeableConcept) -> Vec<Token> {
    concept.coding.iter().filter_map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(json: &str) -> SearchValues {
        let at = "2026-11-21T00:00:00Z".parse().unwrap();
        index(&StoredResource::new(json, "x1".parse().unwrap(), 1, at).unwrap()).unwrap()
    }

    #[track_caller]
    fn check(json: &str, patient: &str, status: &str, date: &str, tokens: &[(&str, &str)]) {
        let found = values(json);
        let all = found.identifiers.iter().chain(&found.codes);
        let all: Vec<_> =
            all.map(|t| (t.system.as_deref().unwrap_or(""), t.value.as_str())).collect();
        assert_eq!(found.patient.as_deref().unwrap_or(""), patient);
        assert_eq!(found.status.unwrap_or(""), status);
        let lower = found.date.map(|date| date.lower.to_string()).unwrap_or_default();
        assert_eq!(lower, date);
        assert_eq!(all, tokens);
    }

    #[test]
    fn each_type_is_found_by_its_own() {
        check(
            concat!(
                r#"{"resourceType":"Patient","birthDate":"1950-01-02","#,
                r#""identifier":[{"system":"s","value":"1"},{"value":"2"},"#,
                r#"{"system":"s"}]}"#,
            ),
            "x1",
            "",
            "1950-01-02T00:00:00Z",
            &[("s", "1"), ("", "2")],
        );
        check(
            concat!(
                r#"{"resourceType":"Encounter","status":"onleave","class":{"system":"c","#,
                r#""code":"IMP"},"subject":{"reference":"Patient/p"},"#,
                r#""period":{"start":"2026-01-02"}}"#,
            ),
            "p",
            "onleave",
            "2026-01-02T00:00:00Z",
            &[("c", "IMP")],
        );
        check(
            r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/p"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"recordedDate":"2026-01-02","code":{"coding":[{"system":"d","code":"1"}]},"reaction":[{"manifestation":[],"substance":{"coding":[{"code":"2"}]}}]}"#,
            "p",
            "active",
            "2026-01-02T00:00:00Z",
            &[("d", "1"), ("", "2")],
        );
        check(
            concat!(
                r##"{"resourceType":"MedicationRequest","status":"active","##,
                r##""intent":"order","subject":{"reference":"Patient/p"},"##,
                r##""authoredOn":"2026-01-02T03:04:05Z","identifier":[{"system":"s","##,
                r##""value":"1"}],"medicationReference":{"reference":"#m"},"##,
                r##""contained":[{"resourceType":"Medication","id":"m","##,
                r##""code":{"coding":[{"system":"d","code":"9"}]}}]}"##,
            ),
            "p",
            "active",
            "2026-01-02T03:04:05Z",
            &[("s", "1"), ("d", "9")],
        );
        check(
            concat!(
                r#"{"resourceType":"MedicationDispense","status":"completed","#,
                r#""subject":{"reference":"Patient/p"},"whenPrepared":"2026-01-01","#,
                r#""whenHandedOver":"2026-01-02","#,
                r#""medicationCodeableConcept":{"coding":[{"system":"d","code":"9"}]}}"#,
            ),
            "p",
            "completed",
            "2026-01-02T00:00:00Z",
            &[("d", "9")],
        );
        check(
            concat!(
                r#"{"resourceType":"MedicationAdministration","status":"not-done","#,
                r#""subject":{"reference":"Patient/p"},"#,
                r#""effectivePeriod":{"start":"2026-01-02","end":"2026-01-03"},"#,
                r#""medicationCodeableConcept":{"text":"x"}}"#,
            ),
            "p",
            "not-done",
            "2026-01-02T00:00:00Z",
            &[],
        );
    }

    #[test]
    fn a_subject_that_is_no_patient_here_is_not_indexed() {
        for subject in ["Group/p", "https://elsewhere.example/Patient/p", "urn:uuid:1"] {
            let head = r#"{"resourceType":"Encounter","status":"planned","class":{},"subject":"#;
            let json = format!("{head}{{\"reference\":\"{subject}\"}}}}");
            assert_eq!(values(&json).patient, None, "{subject}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_indexed() {
        let json = r#"{"resourceType":"Encounter","status":"asleep","class":{}}"#;
        let at = "2026-11-21T00:00:00Z".parse().unwrap();
        let stored = StoredResource::new(json, "x1".parse().unwrap(), 1, at).unwrap();
        assert_eq!(index(&stored).unwrap_err().path(), "status");
    }
}
