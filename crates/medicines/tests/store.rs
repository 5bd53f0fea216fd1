//! What clients write beside the loop, and what the loop says to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::types::Identifier;
use fhir::{Draft, Id, ResourceType};
use fhir_search::SearchRequest;
use hospital::{ANNA, BELA, Hospital, NHS};
use medicines::orders::Control;
use medicines::patients::MergeMessage;
use medicines::store::{Act, Done, Effect, Fault, FaultCode, Link, Only, Step, Target, Write};
use medicines::{Answer, Fact, Request};

fn step(json: &str, act: impl FnOnce(Draft) -> Act) -> Step {
    let draft = Draft::read(json).unwrap();
    Step { resource_type: draft.resource_type, act: act(draft) }
}

fn create(json: &str) -> Step {
    step(json, |draft| Act::Create { draft, unless: None })
}

fn put(id: &str, json: &str) -> Step {
    let target = Target::Id(id.parse().unwrap());
    step(json, |draft| Act::Update { target, draft, only: Only::Always })
}

fn delete(kind: ResourceType, id: &Id) -> Step {
    let act = Act::Delete { target: Target::Id(id.clone()), only: Only::Always };
    Step { resource_type: kind, act }
}

fn write(hospital: &mut Hospital, steps: Vec<Step>) -> Result<Vec<Done>, Fault> {
    linked(hospital, steps, Vec::new())
}

fn linked(hospital: &mut Hospital, steps: Vec<Step>, links: Vec<Link>) -> Result<Vec<Done>, Fault> {
    let write = Write {
        by: "app".into(),
        gives: true,
        prescribes: false,
        steps,
        links,
        doubts: vec![],
        subscription: None,
    };
    match hospital.ask(Request::Write(Box::new(write))) {
        Answer::Written(done) => Ok(done),
        Answer::Unwritten(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

fn one(hospital: &mut Hospital, step: Step) -> Result<Done, FaultCode> {
    write(hospital, vec![step]).map(|mut done| done.remove(0)).map_err(|fault| fault.code)
}

fn merge(hospital: &mut Hospital, gone: &str, stays: &str) {
    let mut survivor = fhir::resources::Patient::new();
    survivor.identifier.push(Identifier::of(NHS, stays));
    let merged = vec![Identifier::of(NHS, gone)];
    let message = MergeMessage { survivor, merged, activity: hospital.now };
    assert_eq!(hospital.ask(Request::Merge(Box::new(message))), Answer::Done);
}

fn patient(number: &str) -> String {
    format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"{NHS}","value":"{number}"}}]}}"#
    )
}

fn order(patient: &Id) -> String {
    format!(
        r#"{{"resourceType":"MedicationRequest","status":"active","intent":"order",
        "subject":{{"reference":"Patient/{patient}"}},
        "identifier":[{{"system":"{}","value":"9"}}],
        "medicationCodeableConcept":{{"coding":[{{"system":"{}","code":"PARA500"}}]}},
        "extension":[{{"url":"urn:interlock:extension:verified-by"}}]}}"#,
        hospital::ORDER,
        hospital::ITEM
    )
}

#[test]
fn a_patient_who_is_written_is_the_one_whom_the_pas_tells_of() {
    let mut hospital = Hospital::empty();
    let done = one(&mut hospital, create(&patient(BELA))).unwrap();
    assert_eq!(done.effect, Effect::Created);
    assert_eq!(one(&mut hospital, create(&patient(BELA))), Err(FaultCode::Conflict));
    hospital.admit(BELA, "V2", "WARDA");
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{BELA}")), Some(done.id.clone()));
    assert_eq!(hospital.state.patients_in("WARDA"), std::slice::from_ref(&done.id));
    assert_eq!(one(&mut hospital, delete(done.resource_type, &done.id)), Err(FaultCode::Conflict));
}

#[test]
fn a_patient_who_is_deleted_is_nobody_also_after_a_restart() {
    let mut hospital = Hospital::empty();
    let done = one(&mut hospital, create(&patient(BELA))).unwrap();
    let deleted = one(&mut hospital, delete(ResourceType::Patient, &done.id)).unwrap();
    assert_eq!((deleted.effect, deleted.version), (Effect::Deleted, 2));
    let mut hospital = hospital.restarted();
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{BELA}")), None);
    assert_eq!(hospital.state.patient(&done.id), None);
    assert_eq!(hospital.state.deleted(ResourceType::Patient, &done.id), Some(2));
    let again = one(&mut hospital, create(&patient(BELA))).unwrap();
    assert_ne!(again.id, done.id);
    let absent = one(&mut hospital, delete(ResourceType::Patient, &done.id)).unwrap();
    assert_eq!((absent.effect, absent.version), (Effect::Absent, 2));
}

#[test]
fn a_survivor_is_kept_while_others_lead_to_it() {
    let mut hospital = Hospital::empty();
    let [stays, gone] =
        [ANNA, BELA].map(|number| one(&mut hospital, create(&patient(number))).unwrap().id);
    merge(&mut hospital, BELA, ANNA);
    // Neither what it says of itself nor a restart makes it one that nobody leads to.
    one(&mut hospital, put(&stays, &patient(ANNA))).unwrap();
    let mut hospital = hospital.restarted();
    for id in [&stays, &gone] {
        let end = delete(ResourceType::Patient, id);
        assert_eq!(one(&mut hospital, end), Err(FaultCode::Conflict), "{id}");
    }
    let both = [&gone, &stays].map(|id| delete(ResourceType::Patient, id)).into();
    assert!(write(&mut hospital, both).is_err());
    assert_eq!(hospital.state.patient_by(&format!("{NHS}|{BELA}")), Some(stays));
}

#[test]
fn an_order_that_a_client_recorded_permits_nothing() {
    let mut hospital = Hospital::empty();
    let bela = one(&mut hospital, create(&patient(BELA))).unwrap().id;
    let recorded = one(&mut hospital, create(&order(&bela))).unwrap();
    hospital.admit(BELA, "V2", "WARDA");
    assert!(hospital.state.order(&recorded.id).is_none());
    assert!(hospital.state.patient(&bela).unwrap().orders.is_empty());
    // Now that she is here, the same is refused, and so is a change of what was recorded.
    assert_eq!(one(&mut hospital, create(&order(&bela))), Err(FaultCode::LoopRule));
    let put = put(&recorded.id, &order(&bela).replace("active", "on-hold"));
    assert_eq!(one(&mut hospital, put), Err(FaultCode::LoopRule));
    // A merge moves it, and it still permits nothing.
    hospital.admit(ANNA, "V1", "WARDA");
    merge(&mut hospital, BELA, ANNA);
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    let moved = hospital.state.resource(ResourceType::MedicationRequest, &recorded.id).unwrap();
    assert!(moved.json().contains(&format!("Patient/{anna}")), "{}", moved.json());
    assert!(hospital.state.order(&recorded.id).is_none());
    assert!(hospital.remove(1).is_err());
}

#[test]
fn the_orders_of_the_loop_are_left_alone() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let placed = hospital.stored(ResourceType::MedicationRequest).remove(0);
    let stopped = placed.json().replace("\"active\"", "\"stopped\"");
    assert_eq!(one(&mut hospital, put(&placed.id, &stopped)), Err(FaultCode::LoopRule));
    let end = delete(ResourceType::MedicationRequest, &placed.id);
    assert_eq!(one(&mut hospital, end), Err(FaultCode::Conflict));
    let own = put("rxx.77.1", r#"{"resourceType":"Basic","id":"rxx.77.1"}"#);
    assert_eq!(one(&mut hospital, own), Err(FaultCode::LoopRule));
    assert!(hospital.remove(2).is_ok());
    let refused = hospital.facts.iter().filter(|fact| matches!(fact, Fact::Refused(_))).count();
    assert_eq!(refused, 3, "each refusal is a fact");
}

#[test]
fn allergies_are_known_to_the_loop_and_let_go() {
    let mut hospital = Hospital::new();
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    let allergy = |patient: &str| {
        format!(
            r#"{{"resourceType":"AllergyIntolerance","id":"a1","clinicalStatus":{{"coding":[{{
            "system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
            "code":"active"}}]}},"code":{{"text":"Penicillin"}},
            "patient":{{"reference":"Patient/{patient}"}}}}"#
        )
    };
    one(&mut hospital, put("a1", &allergy(&anna))).unwrap();
    assert_eq!(hospital.state.patient(&anna).unwrap().allergies.len(), 1);
    assert_eq!(one(&mut hospital, put("a1", &allergy("other"))), Err(FaultCode::LoopRule));
    one(&mut hospital, delete(ResourceType::AllergyIntolerance, &"a1".parse().unwrap())).unwrap();
    assert!(hospital.restarted().state.patient(&anna).unwrap().allergies.is_empty());
}

#[test]
fn what_is_new_of_a_patient_on_a_ward_is_told_to_its_cabinets() {
    let mut hospital = Hospital::new();
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    let before = hospital.queued("to-a").len();
    let named = patient(ANNA).replace(r#""identifier""#, r#""name":[{"family":"N"}],"identifier""#);
    one(&mut hospital, put(&anna, &named)).unwrap();
    assert_eq!(hospital.queued("to-a").len(), before + 1);
}

#[test]
fn the_steps_of_a_write_are_done_together() {
    let mut hospital = Hospital::empty();
    one(&mut hospital, put("old", r#"{"resourceType":"Basic","id":"old"}"#)).unwrap();
    let by_number = |number: &str| {
        let pairs = [("identifier".to_owned(), format!("{NHS}|{number}"))];
        Box::new(SearchRequest::parse(ResourceType::Patient, &pairs).unwrap())
    };
    let seen = |link: usize| {
        let mut draft = Draft::read(concat!(
            r#"{"resourceType":"Observation","status":"final","code":{},"#,
            r#""subject":{"reference":"urn:uuid:a"}}"#,
        ))
        .unwrap();
        draft.link(&mut |_, _| Some(link));
        let act = Act::Create { draft, unless: None };
        Step { resource_type: ResourceType::Observation, act }
    };
    let old = delete(ResourceType::Basic, &"old".parse().unwrap());
    // The patient comes last in the bundle and is known first.
    let steps = || vec![seen(0), old.clone(), create(&patient(BELA))];
    let nobody = linked(&mut hospital, steps(), vec![Link::Where(0, by_number(ANNA))]);
    assert_eq!(nobody.map_err(|fault| (fault.step, fault.code)), Err((0, FaultCode::Precondition)));
    assert!(hospital.state.resource(ResourceType::Basic, &"old".parse().unwrap()).is_some());

    let done = linked(&mut hospital, steps(), vec![Link::Step(2)]).unwrap();
    let effects: Vec<Effect> = done.iter().map(|done| done.effect).collect();
    assert_eq!(effects, [Effect::Created, Effect::Deleted, Effect::Created]);
    let stored = hospital.state.resource(ResourceType::Observation, &done[0].id).unwrap();
    assert!(stored.json().contains(&format!("\"Patient/{}\"", done[2].id)), "{}", stored.json());
    let found = linked(&mut hospital, vec![seen(0)], vec![Link::Where(0, by_number(BELA))]);
    assert!(found.is_ok(), "{found:?}");

    let unless =
        Act::Create { draft: Draft::read(&patient(BELA)).unwrap(), unless: Some(by_number(BELA)) };
    let step = Step { resource_type: ResourceType::Patient, act: unless };
    let found = one(&mut hospital, step).unwrap();
    assert_eq!((found.effect, &found.id), (Effect::Found, &done[2].id));
    let twice = vec![create(&patient("9990000034")), create(&patient("9990000034"))];
    let twice = write(&mut hospital, twice).unwrap_err();
    assert_eq!((twice.step, twice.code), (1, FaultCode::Conflict));
}

fn dose(patient: &Id, more: &str) -> String {
    format!(
        r#"{{"resourceType":"MedicationAdministration","status":"completed",
        "subject":{{"reference":"Patient/{patient}"}},
        "request":{{"identifier":{{"system":"{order}","value":"7001"}}}},
        "medicationCodeableConcept":{{"coding":[{{"system":"{item}","code":"PARA500"}}]}},
        "performer":[{{"actor":{{"identifier":{{"system":"s","value":"N1"}}}}}}],
        "effectiveDateTime":"2026-11-20T08:05:00+00:00",
        "dosage":{{"text":"by mouth","dose":{{"value":2.0,"unit":"tablet"}}}},
        "vendorMember":[1.50]{more}}}"#,
        order = hospital::ORDER,
        item = hospital::ITEM
    )
}

#[test]
fn a_dose_that_is_written_is_accounted_for_like_any_other() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    hospital.vend(Some("7001"), 2);
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    assert_eq!(hospital.balance("hands"), 2.into());
    hospital.at("08:10:00").from("app");
    let done = one(&mut hospital, create(&dose(&anna, ""))).unwrap();
    assert_eq!((done.effect, done.version), (Effect::Created, 1));
    assert_eq!((hospital.balance("hands"), hospital.balance("patient")), (0.into(), 2.into()));
    let kept = hospital.stored(ResourceType::MedicationAdministration).remove(0);
    assert_eq!(kept.id, done.id);
    for part in ["\"vendorMember\":[1.50]", "\"value\":2.0", "by mouth", "08:05:00+00:00"] {
        assert!(kept.json().contains(part), "{part}: {}", kept.json());
    }
    let order = hospital.stored(ResourceType::MedicationRequest).remove(0);
    assert!(kept.json().contains(&format!("MedicationRequest/{}", order.id)), "{}", kept.json());
    assert_eq!(hospital.queued("to-epma").len(), 2, "the dispense and the dose");
    // It is the loop's word from now on.
    assert_eq!(one(&mut hospital, put(&done.id, kept.json())), Ok(unchanged(&done)));
    let other = kept.json().replace("by mouth", "by nose");
    assert_eq!(one(&mut hospital, put(&done.id, &other)), Err(FaultCode::LoopRule));
    let end = delete(ResourceType::MedicationAdministration, &done.id);
    assert_eq!(one(&mut hospital, end), Err(FaultCode::Conflict));
}

fn unchanged(done: &Done) -> Done {
    Done { effect: Effect::Unchanged, ..done.clone() }
}

#[test]
fn a_dose_that_cannot_be_accounted_for_is_not_kept() {
    let mut hospital = Hospital::new();
    hospital.order(Control::New, "7001");
    let anna = hospital.state.patient_by(&format!("{NHS}|{ANNA}")).unwrap();
    hospital.at("08:10:00");
    let whole = dose(&anna, "");
    for (what, instead) in [
        ("\"completed\"", "\"in-progress\""),
        ("7001", "7999"),
        ("\"value\":2.0,", ""),
        ("\"value\":\"N1\"", "\"use\":\"usual\""),
        ("T08:05", "T09:05"),
        ("\"coding\":[{", "\"coding\":[],\"vendor\":[{"),
    ] {
        let wrong = whole.replace(what, instead);
        assert_ne!(wrong, whole, "{what}");
        assert_eq!(one(&mut hospital, create(&wrong)), Err(FaultCode::LoopRule), "{instead}");
    }
    let write = Write {
        by: "app".into(),
        gives: false,
        prescribes: false,
        steps: vec![create(&whole)],
        links: vec![],
        doubts: vec![],
        subscription: None,
    };
    let Answer::Unwritten(fault) = hospital.ask(Request::Write(Box::new(write))) else {
        panic!("it was written")
    };
    assert_eq!(fault.code, FaultCode::LoopRule);
    assert!(hospital.stored(ResourceType::MedicationAdministration).is_empty());
    assert!(hospital.ledger().is_empty());
}
