//! Orders that a prescriber's system writes as MedicationRequests: the decision of their messages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod hospital;

use fhir::types::Identifier;
use fhir::{Draft, Id, ResourceType, StoredResource};
use hospital::{ANNA, BELA, Hospital, ITEM, NHS, ORDER};
use medicines::cabinet::RefusalCode;
use medicines::orders::{Control, HELD_BY, VERIFIED_AT, VERIFIED_BY, Verification, Word};
use medicines::patients::MergeMessage;
use medicines::store::{Act, Done, Effect, Fault, FaultCode, Only, Step, Target, Write};
use medicines::{Answer, Fact, Request};
use serde_json::{Value, json};

const EPMA: &str = "epma-by-fhir";

fn write(hospital: &mut Hospital, by: &str, steps: Vec<Step>) -> Result<Vec<Done>, Fault> {
    let write = Write {
        by: by.into(),
        gives: false,
        prescribes: by != "app",
        steps,
        links: vec![],
        doubts: vec![],
        subscription: None,
    };
    match hospital.from("fhir").ask(Request::Write(Box::new(write))) {
        Answer::Written(done) => Ok(done),
        Answer::Unwritten(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

fn step(order: &Value) -> Step {
    // The digits as a client wrote them.
    let text = order.to_string().replace("\"vendor\":[1.5]", "\"vendor\":[1.50]");
    let draft = Draft::read(&text).unwrap();
    let act = match draft.id.clone() {
        None => Act::Create { draft, unless: None },
        Some(id) => Act::Update { target: Target::Id(id), draft, only: Only::Always },
    };
    Step { resource_type: ResourceType::MedicationRequest, act }
}

fn one(hospital: &mut Hospital, by: &str, order: &Value) -> Result<Done, Fault> {
    write(hospital, by, vec![step(order)]).map(|mut done| done.remove(0))
}

/// The place of a refusal.
fn place(hospital: &mut Hospital, order: &Value) -> String {
    let fault = one(hospital, EPMA, order).unwrap_err();
    assert_eq!(fault.code, FaultCode::LoopRule, "{fault:?}");
    fault.expression.unwrap_or_else(|| panic!("no place: {}", fault.text))
}

/// Anna's order 9001: 1 g every six hours, verified by P1.
fn order(hospital: &Hospital) -> Value {
    json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{}", hospital.anna_id()) },
        "identifier": [{ "system": "urn:prescription", "value": "P-1" },
            { "system": ORDER, "value": "9001" }],
        "medicationCodeableConcept": { "coding": [{ "system": ITEM, "code": "PARA500" }] },
        "extension": [{ "url": "urn:own", "valueString": "x" },
            { "url": VERIFIED_BY, "valueString": "P1" }],
        "vendor": [1.50],
        "dosageInstruction": [{ "text": "1 g every 6 hours",
            "timing": { "repeat": { "frequency": 1, "period": 6, "periodUnit": "h" } },
            "doseAndRate": [{ "doseQuantity": { "value": 1, "unit": "g" } }] }],
    })
}

/// The order as the record has it.
fn stored(hospital: &Hospital, id: &Id) -> StoredResource {
    hospital.state.resource(ResourceType::MedicationRequest, id).unwrap()
}

fn as_json(hospital: &Hospital, id: &Id) -> Value {
    serde_json::from_str(stored(hospital, id).json()).unwrap()
}

fn placed(hospital: &mut Hospital) -> (Id, Value) {
    let mut order = order(hospital);
    let done = one(hospital, EPMA, &order).unwrap();
    assert_eq!((done.effect, done.version), (Effect::Created, 1));
    order["id"] = json!(done.id.as_str());
    (done.id, order)
}

#[test]
fn an_order_that_is_written_is_in_force() {
    let mut hospital = Hospital::new();
    assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NoLiveOrder);
    let (id, sent) = placed(&mut hospital);
    assert!(!id.contains(".f"), "{id}: it is the loop's");
    let kept = as_json(&hospital, &id);
    for (name, value) in sent.as_object().unwrap() {
        if !["id", "extension", "vendor"].contains(&name.as_str()) {
            assert_eq!(&kept[name], value, "{name}");
        }
    }
    assert!(stored(&hospital, &id).json().contains("\"vendor\":[1.50]"));
    let stay = hospital.state.patient(&hospital.anna_id()).unwrap().current().unwrap().id.clone();
    assert_eq!(kept["encounter"]["reference"], format!("Encounter/{stay}"));
    assert_eq!(hospital.queued("to-a").last().unwrap(), "New v1");
    assert!(hospital.remove(2).is_ok());
    // A restart knows it as well, and whose it is.
    let mut hospital = hospital.restarted();
    let known = hospital.state.order(&id).unwrap();
    assert_eq!((&*known.number, known.by.as_deref()), (&*format!("{ORDER}|9001"), Some(EPMA)));
    assert_eq!(one(&mut hospital, "app", &sent).unwrap_err().code, FaultCode::LoopRule);
}

#[test]
fn its_status_is_what_its_system_says() {
    let mut hospital = Hospital::new();
    let (id, mut order) = placed(&mut hospital);
    for (minute, status, told, expected) in [
        (1, "on-hold", "Hold", Err(RefusalCode::OnHold)),
        (2, "active", "Resume", Ok(())),
        (3, "stopped", "Stop", Err(RefusalCode::NoLiveOrder)),
    ] {
        hospital.at(&format!("08:0{minute}:00"));
        order["status"] = json!(status);
        let done = one(&mut hospital, EPMA, &order).unwrap();
        assert_eq!((done.effect, done.version), (Effect::Updated, minute + 1), "{status}");
        assert_eq!(hospital.queued("to-a").last().unwrap(), &format!("{told} v{}", done.version));
        assert_eq!(hospital.remove(2).map(drop), expected, "{status}");
    }
    // It has ended: another word to end it is heard, and nothing brings it back.
    order["status"] = json!("cancelled");
    let again = one(&mut hospital, EPMA, &order).unwrap();
    assert_eq!((again.effect, again.version), (Effect::Unchanged, 4));
    order["status"] = json!("active");
    assert_eq!(place(&mut hospital, &order), "MedicationRequest.status");
    order["status"] = json!("entered-in-error");
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().version, 5);
    assert_eq!(as_json(&hospital, &id)["status"], "entered-in-error");
}

#[test]
fn what_was_taken_on_is_stopped_rather_than_cancelled() {
    let mut hospital = Hospital::new();
    let (id, mut order) = placed(&mut hospital);
    hospital.vend(Some("9001"), 2);
    order["status"] = json!("cancelled");
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Updated);
    assert_eq!(as_json(&hospital, &id)["status"], "stopped");
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Unchanged);
}

#[test]
fn a_repeat_is_no_new_version() {
    let mut hospital = Hospital::new();
    let (id, order) = placed(&mut hospital);
    let before = hospital.queued("to-a").len();
    // As it was sent, and as it is read.
    for version in [order, as_json(&hospital, &id)] {
        hospital.at("08:10:00");
        let done = one(&mut hospital, EPMA, &version).unwrap();
        assert_eq!((done.effect, done.version), (Effect::Unchanged, 1));
    }
    assert_eq!(hospital.queued("to-a").len(), before);
}

#[test]
fn verification_is_of_what_was_verified() {
    let mut hospital = Hospital::new();
    let mut unverified = order(&hospital);
    unverified["extension"] = json!([{ "url": "urn:own", "valueString": "x" }]);
    let id = one(&mut hospital, EPMA, &unverified).unwrap().id;
    unverified["id"] = json!(id.as_str());
    assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NotVerified);
    let verified = |hospital: &mut Hospital, version, word| {
        let told = Verification {
            order: id.clone(),
            version,
            word,
            text: Some("Why?".into()),
            by: "P1".into(),
            questions: None,
        };
        assert_eq!(hospital.ask(Request::Verify(Box::new(told))), Answer::Done);
    };
    verified(&mut hospital, 1, Word::Verify);
    let known = hospital.state.order(&id).unwrap();
    assert_eq!(known.entered(), Some(hospital.now), "a pharmacist's word is not the prescriber's");
    // A client that knows nothing of it changes the status, and it stays.
    hospital.at("08:01:00");
    unverified["status"] = json!("on-hold");
    assert_eq!(one(&mut hospital, EPMA, &unverified).unwrap().version, 3);
    unverified["status"] = json!("active");
    assert_eq!(one(&mut hospital, EPMA, &unverified).unwrap().version, 4);
    assert!(hospital.state.order(&id).unwrap().verified());
    // The same with the dose changed, whether or not the old word is sent along.
    let dose = "/dosageInstruction/0/doseAndRate/0/doseQuantity/value";
    let mut echo = as_json(&hospital, &id);
    *echo.pointer_mut(dose).unwrap() = json!(2);
    hospital.at("08:02:00");
    assert_eq!(one(&mut hospital, EPMA, &echo).unwrap().version, 5);
    assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NotVerified);
    assert!(!stored(&hospital, &id).json().contains(VERIFIED_BY));
    // The prescriber's system tells who verified it, and when.
    hospital.at("08:03:00");
    echo["extension"] = json!([{ "url": VERIFIED_BY, "valueIdentifier": { "value": "P1" } },
        { "url": VERIFIED_AT, "valueDateTime": "2026-11-20T08:02:30Z" }]);
    assert_eq!(one(&mut hospital, EPMA, &echo).unwrap().version, 6);
    assert!(hospital.remove(4).is_ok());
    // What a pharmacist holds back stays so until it is changed.
    verified(&mut hospital, 6, Word::Intervene);
    echo["extension"] = json!([]);
    echo.as_object_mut().unwrap().remove("extension");
    echo["statusReason"] = json!({ "text": "asked" });
    assert_eq!(one(&mut hospital, EPMA, &echo).unwrap().version, 8);
    assert!(hospital.state.order(&id).unwrap().held());
    for wrong in [json!({ "url": VERIFIED_BY }), json!({ "url": HELD_BY })] {
        let mut order = order(&hospital);
        order["identifier"][1]["value"] = json!("9002");
        order["extension"] = json!([wrong]);
        assert_eq!(place(&mut hospital, &order), "MedicationRequest.extension");
    }
}

/// A pharmacist holds the order's latest version back.
fn intervene(hospital: &mut Hospital, id: &Id) {
    let told = Verification {
        order: id.clone(),
        version: hospital.state.order(id).unwrap().version,
        word: Word::Intervene,
        text: Some("Why?".into()),
        by: "P1".into(),
        questions: None,
    };
    assert_eq!(hospital.ask(Request::Verify(Box::new(told))), Answer::Done);
}

const DOSE: &str = "/dosageInstruction/0/doseAndRate/0/doseQuantity/value";

#[test]
fn a_word_that_was_dropped_is_not_taken_for_a_new_one() {
    // With and without its time, and again after a restart.
    for at in [None, Some("2026-11-20T07:59:59.999Z")] {
        let mut hospital = Hospital::new();
        let mut order = order(&hospital);
        if let Some(at) = at {
            let at = json!({ "url": VERIFIED_AT, "valueDateTime": at });
            order["extension"].as_array_mut().unwrap().push(at);
        }
        let id = one(&mut hospital, EPMA, &order).unwrap().id;
        order["id"] = json!(id.as_str());
        assert!(hospital.state.order(&id).unwrap().verified());
        *order.pointer_mut(DOSE).unwrap() = json!(2);
        for (minute, effect) in [(1, Effect::Updated), (2, Effect::Unchanged)] {
            hospital.at(&format!("08:0{minute}:00"));
            let done = one(&mut hospital, EPMA, &order).unwrap();
            assert_eq!((done.effect, done.version), (effect, 2), "{at:?}");
            assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NotVerified);
        }
        let mut hospital = hospital.restarted();
        *order.pointer_mut(DOSE).unwrap() = json!(3);
        for status in ["active", "on-hold", "active"] {
            order["status"] = json!(status);
            one(&mut hospital, EPMA, &order).unwrap();
            assert!(!hospital.state.order(&id).unwrap().verified(), "{status}");
        }
    }
}

#[test]
fn a_copy_from_before_an_intervention_does_not_end_it() {
    let mut hospital = Hospital::new();
    let (id, mut order) = placed(&mut hospital);
    hospital.at("08:01:00");
    intervene(&mut hospital, &id);
    let check = |hospital: &mut Hospital, order: &Value| {
        one(hospital, EPMA, order).unwrap();
        let known = hospital.state.order(&id).unwrap();
        assert_eq!((known.verified(), known.held()), (false, true), "{}", order["status"]);
    };
    check(&mut hospital, &order);
    // A status is no word, even with a new one beside it.
    for (minute, status) in [(2, "on-hold"), (4, "active")] {
        hospital.at(&format!("08:0{minute}:00"));
        order["status"] = json!(status);
        let at = format!("2026-11-20T08:0{}:30Z", minute - 1);
        let at = json!({ "url": VERIFIED_AT, "valueDateTime": at });
        order["extension"].as_array_mut().unwrap().splice(2.., [at]);
        check(&mut hospital, &order);
    }
    assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NotVerified);
    // A time that is to come would be later than all that happens until then.
    for at in [json!("2026-11-20T08:04:01Z"), json!(null)] {
        order["extension"][2]["valueDateTime"] = at;
        assert_eq!(place(&mut hospital, &order), "MedicationRequest.extension");
    }
    hospital.at("08:06:00");
    order["extension"][2]["valueDateTime"] = json!("2026-11-20T08:05:00Z");
    one(&mut hospital, EPMA, &order).unwrap();
    let known = hospital.state.order(&id).unwrap();
    assert_eq!((known.verified(), known.held()), (true, false), "it was said after the hold");
}

#[test]
fn an_order_is_known_by_the_number_under_which_it_was_checked() {
    let others = [
        json!({ "system": "https://ryy.nhs.uk/Id/order/gp", "value": "77" }),
        json!({ "system": "https://rxx.nhs.uk/Id/order/EPMA", "value": "78" }),
        json!({ "system": ORDER, "value": "79", "use": "old" }),
    ];
    for other in others {
        let mut hospital = Hospital::new();
        let mut order = order(&hospital);
        order["identifier"][0] = other.clone();
        let id = one(&mut hospital, EPMA, &order).unwrap().id;
        assert_eq!(as_json(&hospital, &id)["identifier"], order["identifier"], "as written");
        let mut hospital = hospital.restarted();
        let number = format!("{ORDER}|9001");
        assert_eq!(*hospital.state.order(&id).unwrap().number, *number, "{other}");
        assert!(hospital.state.order_by(&number).is_some(), "{other}");
        let taken = format!("{}|{}", other["system"], other["value"]).replace('"', "");
        assert!(hospital.state.order_by(&taken).is_none(), "{other}");
        assert_eq!(one(&mut hospital, EPMA, &order).unwrap_err().code, FaultCode::Conflict);
        (order["id"], order["status"]) = (json!(id.as_str()), json!("cancelled"));
        assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Updated);
    }
}

#[test]
fn an_order_ends_as_it_was_ordered() {
    for status in ["stopped", "cancelled", "completed", "entered-in-error"] {
        let mut hospital = Hospital::new();
        let (id, mut order) = placed(&mut hospital);
        order["status"] = json!(status);
        let mut check = |pointer: &str, value: Value, expected: &str| {
            let mut order = order.clone();
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            order.pointer_mut(parent).unwrap()[name] = value;
            let place = place(&mut hospital, &order);
            assert_eq!(place, format!("MedicationRequest.{expected}"), "{status}");
        };
        check(DOSE, json!(2), "dosageInstruction");
        let other = json!({ "coding": [{ "system": ITEM, "code": "OTHER" }] });
        check("/medicationCodeableConcept", other, "medicationCodeableConcept");
        check("/extension", json!([{ "url": "urn:own", "valueString": "y" }]), "extension");
        check("/intent", json!("plan"), "intent");
        let bounds = "/dosageInstruction/0/timing/repeat/boundsPeriod";
        let (start, end) = ("2026-11-20T07:00:00Z", "2026-11-20T09:00:00Z");
        check(bounds, json!({ "start": start, "end": end }), "dosageInstruction");
        check(bounds, json!({ "end": start }), "dosageInstruction");
        // What an end may bring along, so that it is heard.
        order["statusReason"] = json!({ "text": "as before" });
        order["note"] = json!([{ "text": "rash" }]);
        order["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"] = json!({ "end": end });
        assert_eq!(one(&mut hospital, EPMA, &order).unwrap().version, 2, "{status}");
        assert!(hospital.state.order(&id).is_none_or(|order| !order.is_open()), "{status}");
    }
}

#[test]
fn an_order_is_changed_by_its_own_system_alone() {
    let mut hospital = Hospital::new();
    let (id, mut order) = placed(&mut hospital);
    order["status"] = json!("stopped");
    for other in ["app", "other-epma"] {
        let fault = one(&mut hospital, other, &order).unwrap_err();
        assert_eq!(fault.code, FaultCode::LoopRule, "{other}");
    }
    // The same number by a message is another system's word, even one to stop it.
    for control in [Control::New, Control::Stop, Control::Hold, Control::Change] {
        let answer = hospital.from("epma").order(control, "9001");
        let Answer::Parked(problem) = answer else { panic!("{control:?}: {answer:?}") };
        let duplicate = control == Control::New;
        assert_eq!(problem.code.as_str() == "duplicate-order", duplicate, "{problem:?}");
    }
    assert!(hospital.state.order(&id).unwrap().is_open());
    // And the other way round.
    hospital.from("epma").order(Control::New, "7001");
    let told = hospital.stored(ResourceType::MedicationRequest).pop().unwrap();
    let mut other: Value = serde_json::from_str(told.json()).unwrap();
    other["status"] = json!("stopped");
    assert_eq!(place(&mut hospital, &other), "MedicationRequest");
    let mut same = order.clone();
    same.as_object_mut().unwrap().remove("id");
    (same["status"], same["identifier"][1]["value"]) = (json!("active"), json!("7001"));
    let fault = one(&mut hospital, EPMA, &same).unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
    let act = Act::Delete { target: Target::Id(id.clone()), only: Only::Always };
    let delete = Step { resource_type: ResourceType::MedicationRequest, act };
    let fault = write(&mut hospital, EPMA, vec![delete]).unwrap_err();
    assert_eq!(fault.code, FaultCode::Conflict);
}

#[test]
fn what_cannot_be_told_is_refused_at_its_place() {
    let mut hospital = Hospital::new();
    let base = order(&hospital);
    let mut check = |pointer: &str, value: Value, expected: &str| {
        let mut order = base.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        order.pointer_mut(parent).unwrap()[name] = value;
        assert_eq!(place(&mut hospital, &order), format!("MedicationRequest.{expected}"));
    };
    check("/status", json!("on-hold"), "status");
    check("/subject", json!({ "reference": "Patient/nobody" }), "subject");
    check("/subject", json!({ "identifier": { "system": NHS, "value": BELA } }), "subject");
    check("/subject", json!({ "display": "Anna" }), "subject");
    check("/identifier", json!([{ "system": "urn:x", "value": "1" }]), "identifier");
    let two = [json!({ "system": ORDER, "value": "1" }), json!({ "system": ORDER, "value": "2" })];
    check("/identifier", json!(two), "identifier");
    check("/encounter", json!({ "reference": "Encounter/other" }), "encounter");
    check("/medicationCodeableConcept", json!({ "text": "Paracetamol" }), "medication");
    let unknown = json!({ "coding": [{ "system": ITEM, "code": "PARA5000" }] });
    check("/medicationCodeableConcept", unknown, "medication");
    check("/doNotPerform", json!(true), "doNotPerform");
    check("/implicitRules", json!("urn:x"), "implicitRules");
    check(
        "/dosageInstruction",
        json!([{ "text": "as before" }]),
        "dosageInstruction[0].doseAndRate",
    );
    check("/dosageInstruction/0/timing", json!({}), "dosageInstruction[0].timing.repeat");
    let modifier = json!([{ "url": "urn:x", "valueBoolean": true }]);
    let place = "dosageInstruction[0].modifierExtension";
    check("/dosageInstruction/0/modifierExtension", modifier, place);
    assert!(hospital.stored(ResourceType::MedicationRequest).is_empty());
    let refused = hospital.facts.iter().filter(|fact| matches!(fact, Fact::Refused(_))).count();
    assert_eq!(refused, 14, "each refusal is a fact");
}

#[test]
fn what_is_no_order_for_a_ward_is_kept_as_before() {
    let mut hospital = Hospital::new();
    let category = |code: &str| {
        json!([{ "coding": [{ "code": code,
            "system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category" }] }])
    };
    for (name, value, of_anna) in [
        ("intent", json!("plan"), true),
        ("status", json!("draft"), true),
        ("status", json!("stopped"), true),
        ("category", category("outpatient"), false),
        ("category", category("discharge"), false),
        ("reportedBoolean", json!(true), false),
    ] {
        let mut order = order(&hospital);
        order[name] = value;
        let here = one(&mut hospital, EPMA, &order);
        assert_eq!(here.is_ok(), of_anna, "{name}: {here:?}");
        order["subject"] = json!({ "reference": "Patient/elsewhere" });
        let kept = one(&mut hospital, EPMA, &order).unwrap();
        assert!(hospital.state.order(&kept.id).is_none(), "{name}");
    }
    // A draft that is written as active is an order from then on, under the id that it has.
    let mut order = order(&hospital);
    (order["id"], order["status"]) = (json!("own-1"), json!("draft"));
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Created);
    assert_eq!(hospital.remove(2).unwrap_err(), RefusalCode::NoLiveOrder);
    order["status"] = json!("active");
    let done = one(&mut hospital, EPMA, &order).unwrap();
    assert_eq!((done.version, done.id.as_str()), (2, "own-1"));
    assert!(hospital.remove(2).is_ok());
    assert_eq!(one(&mut hospital, "app", &order).unwrap_err().code, FaultCode::LoopRule);
}

#[test]
fn an_order_for_somebody_who_comes_later_waits_for_them() {
    let mut hospital = Hospital::empty();
    let patient = json!({ "resourceType": "Patient",
        "identifier": [{ "system": NHS, "value": ANNA }] });
    let stay = |patient: &Id| {
        json!({ "resourceType": "Encounter", "status": "planned", "class": { "code": "IMP" },
            "subject": { "reference": format!("Patient/{patient}") } })
    };
    let create = |resource: &Value| {
        let draft = Draft::read(&resource.to_string()).unwrap();
        let resource_type = draft.resource_type;
        Step { resource_type, act: Act::Create { draft, unless: None } }
    };
    let anna: Id = "rxx.2.f3".parse().unwrap();
    let mut order = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{anna}") },
        "encounter": { "reference": "Encounter/rxx.2.f2" },
        "identifier": [{ "system": ORDER, "value": "9001" }],
        "medicationCodeableConcept": { "coding": [{ "system": ITEM, "code": "PARA500" }] },
        "extension": [{ "url": VERIFIED_BY, "valueString": "P1" }],
        "dosageInstruction": [{ "asNeededBoolean": true,
            "doseAndRate": [{ "doseQuantity": { "value": 1, "unit": "g" } }] }],
    });
    // The order comes first in the bundle, and is decided last.
    let steps = vec![create(&order), create(&stay(&anna)), create(&patient)];
    let done = write(&mut hospital, EPMA, steps).unwrap();
    assert_eq!(done[2].id, anna);
    hospital.from("pas").admit(ANNA, "V1", "WARDA");
    assert!(hospital.remove(2).is_ok());
    // Its system's own copy still names the stay that it wrote.
    order["id"] = json!(done[0].id.as_str());
    order["status"] = json!("stopped");
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Updated);
}

#[test]
fn one_order_takes_the_place_of_another() {
    let mut hospital = Hospital::new();
    let (id, first) = placed(&mut hospital);
    let mut second = order(&hospital);
    second["identifier"][1]["value"] = json!("9002");
    second["priorPrescription"] = json!({ "reference": format!("MedicationRequest/{id}") });
    assert_eq!(one(&mut hospital, EPMA, &second).unwrap().effect, Effect::Created);
    assert_eq!(as_json(&hospital, &id)["status"], "stopped");
    assert!(hospital.remove(2).is_ok(), "one order is in force");
    // Where the write says itself what becomes of the other, that counts.
    let mut hospital = Hospital::new();
    let (id, _) = placed(&mut hospital);
    let mut stopped = first.clone();
    (stopped["id"], stopped["status"]) = (json!(id.as_str()), json!("completed"));
    let done = write(&mut hospital, EPMA, vec![step(&second), step(&stopped)]).unwrap();
    assert_eq!(done[1].version, 2);
    assert_eq!(as_json(&hospital, &id)["status"], "completed");
    // Two words about one order in one write would both be judged by what was before.
    let twice = vec![step(&order(&hospital)), step(&order(&hospital))];
    assert!(write(&mut Hospital::new(), EPMA, twice).is_err());
}

#[test]
fn a_merged_patients_order_goes_on() {
    let mut hospital = Hospital::new();
    let (id, mut order) = placed(&mut hospital);
    hospital.admit(BELA, "V2", "WARDA");
    let mut survivor = fhir::resources::Patient::new();
    survivor.identifier.push(Identifier::of(NHS, BELA));
    let merged = vec![Identifier::of(NHS, ANNA)];
    let merge = MergeMessage { survivor, merged, activity: hospital.now };
    assert_eq!(hospital.from("pas").ask(Request::Merge(Box::new(merge))), Answer::Done);
    let bela = hospital.state.patient_by(&format!("{NHS}|{BELA}")).unwrap();
    assert_eq!(hospital.state.order(&id).unwrap().patient, bela);
    // Its system still names the patient whom it knew.
    order["status"] = json!("on-hold");
    assert_eq!(one(&mut hospital, EPMA, &order).unwrap().effect, Effect::Updated);
    let kept = as_json(&hospital, &id);
    assert_eq!(kept["subject"]["reference"], format!("Patient/{bela}"));
    assert_eq!(hospital.state.order(&id).unwrap().patient, bela);
}
