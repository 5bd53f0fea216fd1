//! What is written for a peer, message by message.

use channels::dialect::Dialect;
use channels::outbound::{RenderError, Versions, Voice, render};
use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::deliveries::{Delivery, Notice, VersionOf};
use medicines::orders::Control;
use medicines::patients::PatientEvent;

const PATIENT: &str = r#"{"resourceType":"Patient",
    "identifier":[{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018"},
        {"system":"https://rxx.nhs.uk/Id/mrn","value":"H123456"},
        {"system":"https://elsewhere.example/id","value":"not for the peer"}],
    "name":[{"use":"official","family":"O'TEST & SONS","given":["PATIENT","ANN"],"prefix":["Ms"]}],
    "gender":"female","birthDate":"1980-01-01",
    "address":[{"line":["1 Test Street"],"postalCode":"ZZ99 9ZZ"}]}"#;

const ENCOUNTER: &str = r#"{"resourceType":"Encounter","status":"in-progress",
    "class":{"code":"IMP"},
    "extension":[{"url":"urn:interlock:extension:told-at",
        "valueDateTime":"2026-11-20T09:58:00+00:00"}],
    "identifier":[{"system":"https://rxx.nhs.uk/Id/visit","value":"V9001"}],
    "location":[
        {"location":{"identifier":{"system":"https://rxx.nhs.uk/Id/ward","value":"WARDC"}},
         "physicalType":{"coding":[{"code":"wa"}]},"status":"active"},
        {"location":{"identifier":{"system":"https://rxx.nhs.uk/Id/room","value":"BAY2"}},
         "physicalType":{"coding":[{"code":"ro"}]}},
        {"location":{"identifier":{"system":"https://rxx.nhs.uk/Id/bed","value":"B03"}},
         "physicalType":{"coding":[{"code":"bd"}]}}],
    "period":{"start":"2026-11-20T09:58:00+00:00"}}"#;

const ORDER: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order",
    "subject":{"reference":"Patient/p1"},
    "extension":[
        {"url":"urn:interlock:extension:told-at","valueDateTime":"2026-07-01T10:15:00+01:00"},
        {"url":"urn:interlock:extension:verified-by","valueReference":{"identifier":
            {"system":"https://rxx.nhs.uk/Id/staff","value":"P2001"}}}],
    "identifier":[
        {"system":"https://rxx.nhs.uk/Id/order/epma","value":"7001"},
        {"system":"https://rxx.nhs.uk/Id/filler-order/pharm","value":"F55"}],
    "medicationCodeableConcept":{"coding":[
        {"system":"https://dmd.nhs.uk","code":"322236009","display":"Paracetamol 500mg tablets"},
        {"system":"https://rxx.nhs.uk/Id/item","code":"PARA500","display":"Paracetamol 500 mg"}]},
    "requester":{"identifier":{"system":"https://rxx.nhs.uk/Id/staff","value":"D3001"},
        "display":"DOCTOR, DEE"},
    "authoredOn":"2026-07-01T10:15:00+01:00",
    "dosageInstruction":[{
        "text":"1 g four times a day when needed | at most 4 g",
        "asNeededBoolean":true,
        "timing":{"repeat":{"frequency":4,"period":1,"periodUnit":"d",
            "boundsPeriod":{"start":"2026-07-01T12:00:00+01:00","end":"2026-07-06"}},
            "code":{"text":"QDS"}},
        "route":{"coding":[{"system":"http://snomed.info/sct","code":"26643006",
            "display":"Oral"}]},
        "doseAndRate":[{"doseQuantity":{"value":1.0,"unit":"g"}}],
        "maxDosePerPeriod":{"numerator":{"value":4,"unit":"g"},
            "denominator":{"value":1,"code":"d"}}}],
    "dispenseRequest":{"quantity":{"value":28,"unit":"tablet"}}}"#;

const DISPENSE: &str = r#"{"resourceType":"MedicationDispense","status":"completed",
    "identifier":[{"system":"https://rxx.nhs.uk/Id/batch","value":"L2231"}],
    "medicationCodeableConcept":{"coding":[
        {"system":"https://rxx.nhs.uk/Id/item","code":"PARA500","display":"Paracetamol 500 mg"},
        {"system":"https://dmd.nhs.uk","code":"322236009"}]},
    "performer":[
        {"actor":{"identifier":{"value":"N1002"}},"function":{"coding":[{"code":"witness"}]}},
        {"actor":{"identifier":{"value":"N1001"}}}],
    "location":{"identifier":{"value":"ASK/WARDC1"}},
    "authorizingPrescription":[{"reference":"MedicationRequest/o1","identifier":
        {"system":"https://rxx.nhs.uk/Id/order/epma","value":"7001"}}],
    "quantity":{"value":2.0,"unit":"tablet"},
    "whenHandedOver":"2026-11-20T10:14:32Z"}"#;

const GIVEN: &str = r#"{"resourceType":"MedicationAdministration","status":"completed",
    "subject":{"reference":"Patient/p1"},
    "medicationCodeableConcept":{"coding":[
        {"system":"https://rxx.nhs.uk/Id/item","code":"PARA500","display":"Paracetamol 500 mg"}]},
    "performer":[{"actor":{"identifier":{"value":"N1001"}}}],
    "request":{"identifier":{"system":"https://rxx.nhs.uk/Id/order/epma","value":"7001"}},
    "effectiveDateTime":"2026-11-20T10:20:00Z",
    "dosage":{"dose":{"value":2,"unit":"tablet"}}}"#;

fn stored(kind: ResourceType, id: &str, json: &str) -> StoredResource {
    assert!(json.contains(&format!("\"resourceType\":\"{kind}\"")));
    StoredResource::new(json, Id::new(id).unwrap(), 1, Timestamp::UNIX_EPOCH).unwrap()
}

fn named(resource_type: ResourceType, id: &str) -> VersionOf {
    VersionOf { resource_type, id: Id::new(id).unwrap(), version: 1 }
}

fn patient() -> VersionOf {
    named(ResourceType::Patient, "p1")
}

fn delivery(notice: Notice) -> Delivery {
    Delivery {
        id: Id::new("rxx.1042.1").unwrap(),
        channel: "peer".into(),
        key: Id::new("p1").unwrap(),
        notice,
        profile: false,
        at: "2026-11-20T10:15:00.5Z".parse().unwrap(),
    }
}

fn versions(order: &str) -> Versions {
    [
        stored(ResourceType::Patient, "p1", PATIENT),
        stored(ResourceType::Patient, "p0", &PATIENT.replace("H123456", "H000001")),
        stored(ResourceType::Encounter, "e1", ENCOUNTER),
        stored(ResourceType::MedicationRequest, "o1", order),
        stored(ResourceType::MedicationDispense, "rxx.1041.1", DISPENSE),
        stored(ResourceType::MedicationAdministration, "rxx.1040.1", GIVEN),
    ]
    .into_iter()
    .collect()
}

fn dialect(toml: &str) -> Dialect {
    toml::from_str(&format!("peer_application = \"ADC\"\npeer_facility = \"WARDC\"\n{toml}"))
        .unwrap()
}

fn written(notice: Notice, toml: &str) -> String {
    let voice = Voice::new(dialect(toml), "RXX", "P");
    let delivery = delivery(notice);
    let first = render(&delivery, &versions(ORDER), &voice).unwrap();
    assert_eq!(first, render(&delivery, &versions(ORDER), &voice).unwrap(), "bytes repeat");
    String::from_utf8(first).unwrap().replace('\r', "\n")
}

fn order_notice(control: Control) -> Notice {
    Notice::Order {
        control,
        order: named(ResourceType::MedicationRequest, "o1"),
        patient: patient(),
        encounter: Some(named(ResourceType::Encounter, "e1")),
    }
}

fn patient_notice(event: PatientEvent) -> Notice {
    Notice::Patient {
        event,
        patient: patient(),
        encounter: Some(named(ResourceType::Encounter, "e1")),
        merged: None,
    }
}

#[test]
fn a_new_order_with_tq1() {
    insta::assert_snapshot!(written(order_notice(Control::New), ""), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||RDE^O11^RDE_O11|rxx.1042.1|P|2.5.1||||||UNICODE UTF-8
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    PV1|1|I|WARDC^BAY2^B03||||||||||||||||V9001|||||||||||||||||||||||||20261120095800+0000
    ORC|NW|7001^EPMA|F55^PHARM||IP||||20260701101500+0100||P2001|D3001^DOCTOR^DEE
    RXE||PARA500^Paracetamol 500 mg^L^322236009^Paracetamol 500mg tablets^DMD|1||g|||||28|tablet|||P2001|||||4^g||^1 g four times a day when needed \F\ at most 4 g|||||||||||20260701101500+0100
    TQ1|1|1^g|QDS||||20260701120000+0100|20260706|PRN
    RXR|26643006^Oral^SCT
    ");
}

#[test]
fn a_changed_order_for_an_old_cabinet() {
    let toml = "version = \"2.3\"\ntiming_style = \"rxe-1\"\norder_control = { change = \"XX\" }";
    insta::assert_snapshot!(written(order_notice(Control::Change), toml), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||RDE^O01|rxx.1042.1|P|2.3||||||UNICODE UTF-8
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    PV1|1|I|WARDC^BAY2^B03||||||||||||||||V9001|||||||||||||||||||||||||20261120095800+0000
    ORC|XX|7001^EPMA|F55^PHARM||IP||||20260701101500+0100||P2001|D3001^DOCTOR^DEE
    RXE|1&g^QDS^^20260701120000+0100^20260706^PRN|PARA500^Paracetamol 500 mg^L^322236009^Paracetamol 500mg tablets^DMD|1||g|||||28|tablet|||P2001|||||4^g||^1 g four times a day when needed \F\ at most 4 g|||||||||||20260701101500+0100
    RXR|26643006^Oral^SCT
    ");
}

#[test]
fn an_admission() {
    insta::assert_snapshot!(written(patient_notice(PatientEvent::A01), ""), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||ADT^A01^ADT_A01|rxx.1042.1|P|2.5.1||||||UNICODE UTF-8
    EVN|A01|20261120101500+0000||||20261120095800+0000
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    PV1|1|I|WARDC^BAY2^B03||||||||||||||||V9001|||||||||||||||||||||||||20261120095800+0000
    ");
}

#[test]
fn two_patients_joined() {
    let notice = Notice::Patient {
        event: PatientEvent::A40,
        patient: patient(),
        encounter: None,
        merged: Some(named(ResourceType::Patient, "p0")),
    };
    insta::assert_snapshot!(written(notice, ""), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||ADT^A40^ADT_A39|rxx.1042.1|P|2.5.1||||||UNICODE UTF-8
    EVN|A40|20261120101500+0000
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    MRG|9990000018^^^NHS^NH~H000001^^^RXX^MR
    ");
}

#[test]
fn a_person_without_an_encounter() {
    let notice = Notice::Patient {
        event: PatientEvent::A31,
        patient: patient(),
        encounter: None,
        merged: None,
    };
    let text = written(notice, "");
    assert!(text.contains("\nPV1|1|N\n"), "{text}");
    assert!(text.contains("|ADT^A31^ADT_A05|"), "{text}");
}

#[test]
fn a_removal() {
    let notice = Notice::Dispense {
        dispense: named(ResourceType::MedicationDispense, "rxx.1041.1"),
        patient: patient(),
    };
    insta::assert_snapshot!(written(notice, ""), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||RDS^O13^RDS_O13|rxx.1042.1|P|2.5.1||||||UNICODE UTF-8
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    ORC|RE|7001^EPMA|rxx.1041.1^INTERLOCK
    RXD|1|PARA500^Paracetamol 500 mg^L^322236009^^DMD|20261120101432+0000|2|tablet||7001|||N1001~N1002||||||||L2231||||||||ASK/WARDC1
    ");
}

#[test]
fn a_dose_given() {
    let notice = Notice::Administration {
        administration: named(ResourceType::MedicationAdministration, "rxx.1040.1"),
        patient: patient(),
    };
    insta::assert_snapshot!(written(notice, ""), @r"
    MSH|^~\&|INTERLOCK|RXX|ADC|WARDC|20261120101500+0000||RAS^O17^RAS_O17|rxx.1042.1|P|2.5.1||||||UNICODE UTF-8
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||O'TEST \T\ SONS^PATIENT^ANN^^Ms^^L||19800101|F
    ORC|RE|7001^EPMA|rxx.1040.1^INTERLOCK
    RXA|0|1|20261120102000+0000|20261120102000+0000|PARA500^Paracetamol 500 mg^L|2|tablet|||N1001||||||||||CP|A
    ");
}

fn refused(order: &str, toml: &str) -> RenderError {
    let voice = Voice::new(dialect(toml), "RXX", "P");
    render(&delivery(order_notice(Control::New)), &versions(order), &voice).unwrap_err()
}

#[test]
fn what_cannot_be_said_whole_is_not_said() {
    let check = |from: &str, to: &str, toml: &str, code: &str| {
        assert!(ORDER.contains(from) || from.is_empty(), "{from}");
        assert_eq!(refused(&ORDER.replace(from, to), toml).code(), code, "{from} to {to}");
    };
    check("Id/order/epma", "Id/other/epma", "", "incomplete");
    check("medicationCodeableConcept", "medicationOther", "", "incomplete");
    let second = r#""doseAndRate":[{"doseQuantity":{"value":5,"unit":"ml"}},"#;
    check("\"doseAndRate\":[", second, "", "incomplete");
    check("1 g four", "\u{3b1} four", "charset = \"8859/1\"", "unencodable");
}

#[test]
fn a_version_that_is_not_there_is_told() {
    let voice = Voice::new(Dialect::default(), "RXX", "P");
    let found = render(&delivery(order_notice(Control::New)), &Versions::default(), &voice);
    assert_eq!(found.unwrap_err().code(), "version-missing");
}

#[test]
fn each_timing_has_its_own_words() {
    let order = |first: &str, second: &str| {
        let dosage = |code: &str, words: &str| {
            format!(
                r#"{{"text":"{words}","timing":{{"code":{{"text":"{code}"}},
                    "repeat":{{"frequency":1,"period":1,"periodUnit":"d","when":["{code}"]}}}},
                "additionalInstruction":[{{"text":"With food"}},{{"text":"{words} only"}}],
                "doseAndRate":[{{"doseQuantity":{{"value":1,"unit":"tablet"}}}}]}}"#
            )
        };
        let from = ORDER.find("\"dosageInstruction\"").unwrap();
        let to = ORDER.find("\"dispenseRequest\"").unwrap();
        let dosages = [dosage("MORN", first), dosage("NIGHT", second)].join(",");
        format!("{}\"dosageInstruction\":[{dosages}],{}", &ORDER[..from], &ORDER[to..])
    };
    let check = |order: &str, toml: &str, expect: &[&str]| {
        let voice = Voice::new(dialect(toml), "RXX", "P");
        let written =
            render(&delivery(order_notice(Control::New)), &versions(order), &voice).unwrap();
        let (message, _) = hl7v2::parse(&written).unwrap();
        let rxe = message.segment("RXE").unwrap();
        let found: Vec<String> = if toml.is_empty() {
            message.segments("TQ1").map(|tq1| tq1.text(11, 1).into_owned()).collect()
        } else {
            let timings = rxe.field(1);
            timings.repetitions().map(|tq| tq.component(8).text().into_owned()).collect()
        };
        assert_eq!(found, expect, "{toml}");
        let shared: Vec<String> = rxe
            .field(7)
            .repetitions()
            .map(|coded| coded.component(2).text().into_owned())
            .filter(|words| !words.is_empty())
            .collect();
        assert_eq!(shared, ["With food"], "{toml}");
    };
    for toml in ["", "timing_style = \"rxe-1\""] {
        let own = ["In the morning; In the morning only", "At night; At night only"];
        check(&order("In the morning", "At night"), toml, &own);
    }
}
