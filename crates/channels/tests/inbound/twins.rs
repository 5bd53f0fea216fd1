//! The same order told by RDE^O11 and written as FHIR: the same word of the loop, at every time.

use std::convert::Infallible;

use channels::dialect::Dialect;
use channels::outbound::{Versions, Voice, render};
use fhir::{Draft, Id, ResourceType};
use medicines::deliveries::Delivery;
use medicines::orders::{Verification, Word};
use medicines::store::{Act, Effect, Only, Step, Target, Write};
use medicines::{Answer, Fact, Request};
use serde_json::{Value, json};

use super::hospital::{Hospital, ITEM, ORDER, asked, time};
use super::{channel, understand};

/// Orders in both ways: RXE from RXE-3 on with TQ1 and RXR, and the instruction with what it has in
/// the place of the usual one, 1 g every six hours.
const TWINS: [(&str, &str); 18] = [
    ("1||G\nTQ1|1||Q6H", "{}"),
    ("1||G\nTQ1|1||QDS", r#"{"repeat":{"frequency":4,"period":1,"periodUnit":"d"}}"#),
    (
        "1000||MG\nTQ1|1||BD",
        r#"{"repeat":{"frequency":2,"period":1.0,"periodUnit":"d"},"doseQuantity":{"value":1000.0,
        "unit":"mg","code":"mg","system":"http://unitsofmeasure.org"}}"#,
    ),
    ("1||G\nTQ1|1||OD", r#"{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}}"#),
    ("1||G\nTQ1|1||Q2D", r#"{"repeat":{"frequency":1,"period":2,"periodUnit":"d"}}"#),
    ("1||G\nTQ1|1||ONCE", r#"{"repeat":{"count":1}}"#),
    (
        "1||G\nTQ1|1||TDS|||||||||||4",
        r#"{"repeat":{"frequency":3,"period":1,"periodUnit":"d","count":4}}"#,
    ),
    (
        "1||G\nTQ1|1||PRN Q4H",
        r#"{"repeat":{"frequency":1,"period":4,"periodUnit":"h"},"asNeededBoolean":true}"#,
    ),
    ("1||G\nTQ1|1||PRN", r#"{"timing":null,"asNeededBoolean":true}"#),
    (
        "1||G||||||||||||||2^G\nTQ1|1||PRN Q4H",
        r#"{"repeat":{"frequency":1,"period":4,"periodUnit":"h"},"asNeededBoolean":true,
        "maxDosePerPeriod":{"numerator":{"value":2,"unit":"g"},"denominator":{"value":1,
        "unit":"d","code":"d","system":"http://unitsofmeasure.org"}}}"#,
    ),
    (
        "500|1000|MG\nTQ1|1||Q6H",
        r#"{"doseRange":{"low":{"value":500,"unit":"mg"},"high":{"value":1000,"unit":"mg"}}}"#,
    ),
    ("3||TABLET\nTQ1|1||Q6H", r#"{"doseQuantity":{"value":3,"unit":"tablet"}}"#),
    ("0.5||TABLET\nTQ1|1||Q6H", r#"{"doseQuantity":{"value":0.5,"unit":"tablet"}}"#),
    ("5||ML\nTQ1|1||Q6H", r#"{"doseQuantity":{"value":5,"unit":"ml"}}"#),
    (
        "1||G\nTQ1|1||Q6H||||20261120120000|20261120160000",
        r#"{"repeat":{"frequency":1,"period":6,"periodUnit":"h","boundsPeriod":
        {"start":"2026-11-20T12:00:00Z","end":"2026-11-20T16:00:00Z"}}}"#,
    ),
    (
        "1||G\nTQ1|1||Q6H|||12^h",
        r#"{"repeat":{"frequency":1,"period":6,"periodUnit":"h","boundsDuration":
        {"value":12,"unit":"hours","code":"h","system":"http://unitsofmeasure.org"}}}"#,
    ),
    ("1||G\nTQ1|1|||0800~2000", r#"{"repeat":{"timeOfDay":["08:00:00","20:00:00"]}}"#),
    (
        "1||G\nTQ1|1||Q6H\nRXR|PO^Oral^HL70162",
        r#"{"route":{"coding":[{"code":"PO",
        "system":"http://terminology.hl7.org/CodeSystem/v2-0162"}]}}"#,
    ),
];

/// The instructions of a row.
fn dosages(row: &str) -> Value {
    let mut row: Value = serde_json::from_str(row).expect("the row is JSON");
    let mut dosage = json!({
        "text": "x",
        "timing": { "repeat": { "frequency": 1, "period": 6, "periodUnit": "h" } },
        "doseAndRate": [{ "doseQuantity": { "value": 1, "unit": "g" } }],
    });
    let own = row.as_object_mut().expect("an object");
    for (name, value) in std::mem::take(own) {
        match name.as_str() {
            "repeat" => dosage["timing"]["repeat"] = value,
            "doseQuantity" | "doseRange" => dosage["doseAndRate"] = json!([{ name: value }]),
            _ if value.is_null() => drop(dosage.as_object_mut().and_then(|it| it.remove(&name))),
            _ => dosage[name] = value,
        }
    }
    json!([dosage])
}

/// A taper, which has two instructions.
fn taper() -> (&'static str, Value) {
    let step = |tablets: u32, start: &str, end: &str| {
        let at = |text: &str| format!("2026-11-20T{text}:00+00:00");
        json!({
            "sequence": tablets,
            "text": "x",
            "timing": { "repeat": { "frequency": 4, "period": 1, "periodUnit": "d",
                "boundsPeriod": { "start": at(start), "end": at(end) } } },
            "doseAndRate": [{ "doseQuantity": { "value": tablets, "unit": "tablet" } }],
        })
    };
    let hl7 = "1||TABLET\n\
               TQ1|1|2^TABLET|QDS||||20261120080000|20261120120000||||S\n\
               TQ1|2|1^TABLET|QDS||||20261120120000|20261120200000";
    (hl7, json!([step(2, "08:00", "12:00"), step(1, "12:00", "20:00")]))
}

/// Tells of the order by a message.
fn tell(hospital: &mut Hospital, control: &str, rest: &str) {
    let at = hospital.now.strftime("%Y%m%d%H%M%S").to_string();
    let text = format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|{at}+0000||RDE^O11^RDE_O11|A{at}|P|2.5.1\n\
         PID|1||9990000018^^^NHS^NH\n\
         ORC|{control}|9001^EPMA|||||||{at}+0000||P1\n{rest}"
    );
    let request = match understand(&text, &channel("")).request {
        Request::Unmapped { request, .. } => *request,
        other => other,
    };
    let answer = hospital.from("epma").ask(request);
    assert_eq!(answer, Answer::Done, "{text}");
}

/// Writes the order.
fn write(hospital: &mut Hospital, order: &Value) -> Id {
    let draft = Draft::read(&order.to_string()).expect("it is a resource");
    let act = match draft.id.clone() {
        None => Act::Create { draft, unless: None },
        Some(id) => Act::Update { target: Target::Id(id), draft, only: Only::Always },
    };
    let step = Step { resource_type: ResourceType::MedicationRequest, act };
    let write = Write {
        by: "epma-by-fhir".into(),
        gives: false,
        prescribes: true,
        steps: vec![step],
        links: vec![],
        doubts: vec![],
        subscription: None,
    };
    match hospital.from("fhir").ask(Request::Write(Box::new(write))) {
        Answer::Written(mut done) => {
            assert_ne!(done[0].effect, Effect::Unchanged);
            done.remove(0).id
        }
        other => panic!("{other:?}"),
    }
}

fn resource(hospital: &Hospital, dosages: &Value) -> Value {
    json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{}", hospital.anna_id()) },
        "identifier": [{ "system": ORDER, "value": "9001" }],
        "medicationCodeableConcept": { "coding": [{ "system": ITEM, "code": "PARA500" }] },
        "extension": [{ "url": "urn:interlock:extension:verified-by", "valueString": "P1" }],
        "authoredOn": hospital.now.to_string(),
        "dosageInstruction": dosages,
    })
}

/// What the loop says at one time of the day to some amounts, the smallest last; what is permitted
/// is taken.
fn answers(hospital: &mut Hospital, at: &str) -> Vec<String> {
    hospital.at(at);
    let mut all = Vec::new();
    for units in [4, 3, 2, 1] {
        let answer = hospital.refusal_of(asked("PARA500", units));
        let taken = answer.is_ok();
        all.push(match answer {
            Ok(()) => format!("{at} {units}: permitted"),
            Err(refusal) => format!("{at} {units}: {refusal:?}"),
        });
        if taken {
            hospital.vend(Some("9001"), units);
            break;
        }
    }
    all
}

/// The last order message to the cabinet of the ward, without its head and times.
fn profile(hospital: &Hospital) -> Vec<String> {
    let delivery: Delivery = hospital
        .facts
        .iter()
        .rev()
        .find_map(|fact| match fact {
            Fact::Queued(delivery) if &*delivery.channel == "to-a" => Some(delivery.clone()),
            _ => None,
        })
        .expect("the cabinet is told");
    let versions = Versions::fetch(&delivery, |named| {
        let mut all = hospital.stored(named.resource_type).into_iter();
        let found = all.find(|it| it.id == named.id && it.version == named.version);
        Ok::<_, Infallible>(found)
    });
    let Ok(versions) = versions;
    let voice = Voice::new(Dialect::default(), "RXX", "P");
    let message = render(&delivery, &versions, &voice).expect("it can be told");
    let text = String::from_utf8(message).expect("it is text");
    let about = ["ORC", "RXE", "TQ1"];
    let segments = text.split('\r').filter(|it| about.iter().any(|name| it.starts_with(name)));
    segments.map(str::to_owned).collect()
}

#[test]
fn an_order_by_fhir_is_judged_as_its_twin_by_hl7() {
    const TIMES: [&str; 9] = [
        "08:00:10", "08:30:00", "11:00:00", "12:05:00", "13:00:10", "14:30:00", "16:00:00",
        "20:00:10", "23:59:00",
    ];
    let mut permitted = 0;
    let rows = TWINS.iter().map(|(hl7, fhir)| (*hl7, dosages(fhir)));
    for (hl7, fhir) in rows.chain([taper()]) {
        let (mut told, mut written) = (Hospital::new(), Hospital::new());
        tell(&mut told, "NW", &format!("RXE||PARA500^Paracetamol^L|{hl7}"));
        let mut order = resource(&written, &fhir);
        let id = write(&mut written, &order);
        order["id"] = json!(id.as_str());
        let number = format!("{ORDER}|9001");
        let known = |hospital: &mut Hospital| {
            let order = hospital.state.order_by(&number).expect("there is the order");
            let order = medicines::state::OrderState::clone(&order);
            medicines::state::OrderState { id: id.clone(), by: None, ..order }
        };
        assert_eq!(known(&mut told), known(&mut written), "{hl7}");
        assert_eq!(told.queued("to-a"), written.queued("to-a"), "{hl7}");
        assert_eq!(profile(&told)[0], profile(&written)[0], "{hl7}");
        if fhir.to_string().contains("boundsDuration") {
            let when = |hospital: &Hospital| profile(hospital).pop();
            assert_eq!(when(&told), when(&written), "{hl7}");
        }
        for at in TIMES {
            let (by_hl7, by_fhir) = (answers(&mut told, at), answers(&mut written, at));
            assert_eq!(by_hl7, by_fhir, "{hl7}");
            permitted += by_fhir.iter().filter(|it| it.ends_with("permitted")).count();
            // A restart of one of them changes nothing.
            written = written.restarted();
        }
        assert_eq!(told.ledger(), written.ledger());
    }
    assert!(permitted > 40, "the table shows little: {permitted}");
}

#[test]
fn its_status_is_heard_as_its_twins() {
    let (mut told, mut written) = (Hospital::new(), Hospital::new());
    let often = json!([{ "text": "x", "asNeededBoolean": true,
        "doseAndRate": [{ "doseQuantity": { "value": 1, "unit": "g" } }] }]);
    tell(&mut told, "NW", "RXE||PARA500^Paracetamol^L|1||G\nTQ1|1||PRN");
    let mut order = resource(&written, &often);
    order["id"] = json!(write(&mut written, &order).as_str());
    for (at, control, status) in [
        ("09:00:00", "HD", "on-hold"),
        ("10:00:00", "RL", "active"),
        ("11:00:00", "HD", "on-hold"),
        ("12:00:00", "DC", "stopped"),
    ] {
        told.at(at);
        tell(&mut told, control, "");
        order["status"] = json!(status);
        written.at(at);
        write(&mut written, &order);
        assert_eq!(told.queued("to-a"), written.queued("to-a"), "{status}");
        assert_eq!(profile(&told)[0], profile(&written)[0], "{status}");
        let later = at.replace(":00:00", ":01:00");
        assert_eq!(answers(&mut told, &later), answers(&mut written, &later), "{status}");
    }
    assert_eq!(told.now, time("12:01:00"));
}

#[test]
fn what_a_pharmacist_holds_back_stays_so_for_both() {
    let (mut told, mut written) = (Hospital::new(), Hospital::new());
    tell(&mut told, "NW", "RXE||PARA500^Paracetamol^L|1||G\nTQ1|1||Q6H");
    let mut order = resource(&written, &dosages("{}"));
    // Another owner's number before its own: the cabinets are told its own.
    let own = order["identifier"][0].take();
    order["identifier"] =
        json!([{ "system": "https://ryy.nhs.uk/Id/order/gp", "value": "77" }, own]);
    order["id"] = json!(write(&mut written, &order).as_str());
    for hospital in [&mut told, &mut written] {
        hospital.at("08:30:00");
        let known = hospital.state.order_by(&format!("{ORDER}|9001")).expect("there is the order");
        let told = Verification {
            order: known.id.clone(),
            version: known.version,
            word: Word::Intervene,
            text: Some("Why?".into()),
            by: "P1".into(),
            questions: None,
        };
        assert_eq!(hospital.ask(Request::Verify(Box::new(told))), Answer::Done);
    }
    for (at, control, status) in [("09:00:00", "HD", "on-hold"), ("10:00:00", "RL", "active")] {
        told.at(at);
        tell(&mut told, control, "");
        order["status"] = json!(status);
        written.at(at);
        write(&mut written, &order);
        let standing = |hospital: &mut Hospital| {
            let known = hospital.state.order_by(&format!("{ORDER}|9001")).expect("it is there");
            (known.status(), known.verified(), known.held())
        };
        assert_eq!(standing(&mut told), standing(&mut written), "{status}");
        assert!(standing(&mut written).2, "{status}");
        assert_eq!(profile(&told)[0], profile(&written)[0], "{status}");
        let later = at.replace(":00:00", ":01:00");
        assert_eq!(answers(&mut told, &later), answers(&mut written, &later), "{status}");
    }
}
