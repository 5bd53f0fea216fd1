//! Resources that the platform makes: what they look like when they are written.
#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

use fhir::json::{self, Limits};
use fhir::resources::{
    Bundle, BundleEntry, BundleKind, BundleLink, CapabilityKind, CapabilityStatement, Interaction,
    MedicationRequest, MedicationRequestIntent, MedicationRequestStatus, ParamKind, Patient,
    PublicationStatus, RestMode, RestResource, RestSearchParam, RestServer, Substitution,
};
use fhir::types::{CodeableConcept, Dosage, DoseAndRate, Quantity, Reference, Repeat, Timing};
use fhir::{Id, Resource, ResourceType, StoredResource, profiles, systems};

#[track_caller]
fn check<R: Resource + PartialEq + std::fmt::Debug>(made: &R, expected: &str) {
    let json = made.to_json();
    assert_eq!(json, expected);
    json::check(json.as_bytes(), Limits::default()).unwrap();
    assert_eq!(&R::from_slice(json.as_bytes()).unwrap(), made);
}

fn id(text: &str) -> Id {
    text.parse().unwrap()
}

#[test]
fn a_prescription_item_of_uk_core() {
    let patient = Reference::to(ResourceType::Patient, &id("p1"));
    let mut order = MedicationRequest::new(
        MedicationRequestStatus::Active,
        MedicationRequestIntent::Order,
        patient,
    );
    order.meta = Some(profiles::meta_of(ResourceType::MedicationRequest));
    order.medication_codeable_concept = Some(CodeableConcept::of(systems::DMD, "777067000", None));
    order.authored_on = Some("2026-07-01T09:30:00+01:00".parse().unwrap());
    order.substitution = Some(Substitution::not_allowed());
    let repeat = Repeat {
        period: Some("0.50".parse().unwrap()),
        period_unit: Some(fhir::types::UnitOfTime::Day),
        when: vec![fhir::types::EventTiming::EarlyMorning],
        time_of_day: vec!["08:00:00".parse().unwrap()],
        ..Repeat::default()
    };
    order.dosage_instruction = vec![Dosage {
        timing: Some(Timing { repeat: Some(repeat), ..Timing::default() }),
        dose_and_rate: vec![DoseAndRate {
            dose_quantity: Some(Quantity::ucum("0.40".parse().unwrap(), "mg")),
            ..DoseAndRate::default()
        }],
        ..Dosage::default()
    }];
    check(
        &order,
        concat!(
            r#"{"resourceType":"MedicationRequest","#,
            r#""meta":{"profile":["https://fhir.hl7.org.uk/StructureDefinition/UKCore-MedicationRequest"]},"#,
            r#""status":"active","intent":"order","subject":{"reference":"Patient/p1"},"#,
            r#""medicationCodeableConcept":{"coding":[{"system":"https://dmd.nhs.uk","code":"777067000"}]},"#,
            r#""authoredOn":"2026-07-01T09:30:00+01:00","#,
            concat!(
                r#""dosageInstruction":[{"timing":{"repeat":{"period":0.50,"#,
                r#""periodUnit":"d","timeOfDay":["08:00:00"],"when":["MORN.early"]}},"#,
            ),
            r#""doseAndRate":[{"doseQuantity":{"value":0.40,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}]}],"#,
            r#""substitution":{"allowedBoolean":false}}"#,
        ),
    );
}

#[test]
fn the_answer_to_a_search_shares_the_stored_text() {
    let raw = r#"{"resourceType":"Patient","multipleBirthInteger":2,"odd":1.50}"#;
    let at = "2026-11-21T01:02:03Z".parse().unwrap();
    let stored = StoredResource::new(raw, id("p1"), 2, at).unwrap();
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.total = Some(1);
    bundle.link = vec![BundleLink::new("self".to_owned(), "https://x.example/Patient".to_owned())];
    bundle.entry =
        vec![BundleEntry::matched("https://x.example/Patient/p1".to_owned(), stored.to_json())];
    check(
        &bundle,
        concat!(
            r#"{"resourceType":"Bundle","type":"searchset","total":1,"#,
            r#""link":[{"relation":"self","url":"https://x.example/Patient"}],"#,
            r#""entry":[{"fullUrl":"https://x.example/Patient/p1","resource":"#,
            concat!(
                r#"{"resourceType":"Patient","id":"p1","meta":{"versionId":"2","#,
                r#""lastUpdated":"2026-11-21T01:02:03.000Z"},"multipleBirthInteger":2,"#,
                r#""odd":1.50},"#,
            ),
            r#""search":{"mode":"match"}}]}"#,
        ),
    );
    assert_eq!(stored.read::<Patient>().unwrap().multiple_birth_integer, Some(2));
}

#[test]
fn a_capability_statement_lists_what_can_be_searched() {
    let mut resource = RestResource::new("Patient".to_owned());
    resource.interaction = vec![Interaction::new("read".to_owned())];
    resource.search_param = [("_id", ParamKind::Token), ("_lastUpdated", ParamKind::Date)]
        .map(|(name, kind)| RestSearchParam::new(name.to_owned(), kind))
        .into();
    let mut rest = RestServer::new(RestMode::Server);
    rest.resource = vec![resource];
    let mut statement = CapabilityStatement::new(
        PublicationStatus::Active,
        "2026-11-21".parse().unwrap(),
        CapabilityKind::Instance,
        "4.0.1".to_owned(),
        vec!["json".to_owned()],
    );
    statement.rest = vec![rest];
    check(
        &statement,
        concat!(
            r#"{"resourceType":"CapabilityStatement","status":"active","date":"2026-11-21","#,
            concat!(
                r#""kind":"instance","fhirVersion":"4.0.1","format":["json"],"#,
                r#""rest":[{"mode":"server","#,
            ),
            r#""resource":[{"type":"Patient","interaction":[{"code":"read"}],"searchParam":["#,
            r#"{"name":"_id","type":"token"},{"name":"_lastUpdated","type":"date"}]}]}]}"#,
        ),
    );
}
