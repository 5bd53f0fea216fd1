//! What is written for a peer is understood, in the same dialect, as the same order.

use channels::dialect::Dialect;
use channels::inbound::{self, InboundChannel};
use channels::outbound::{Versions, Voice, render};
use fhir::resources::MedicationRequest;
use fhir::types::{Extension, Identifier, Reference};
use fhir::{DateTime, Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::Request;
use medicines::deliveries::{Delivery, Notice, VersionOf};
use medicines::orders::{OrderMessage, VERIFIED_BY};
use medicines::patients::TOLD_AT;

/// The dialects in which every order is written and read again.
const DIALECTS: [&str; 4] = [
    "",
    "timing_style = \"rxe-1\"",
    "version = \"2.3\"\ntiming_style = \"rxe-1\"\norder_control = { change = \"XX\", hol\
        d = \"OH\", cancel = \"OC\" }",
    "timing_codes.\"4 TIMES\" = { frequency = 4, period = 1, unit = \"d\" }\ncoding_system\
        s.99LOC = \"https://dmd.nhs.uk\"",
];

const HEAD: &str = "MSH|^~\\&|EPMA|TRUST|INTERLOCK|RXX|20261120101500+0000||RDE^O11|c1|P|2.5.1\r\
    PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR||TEST^PATIENT||19800101|F\r\
    PV1|1|I|WARDC^BAY2^B03\r";

fn order(control: &str, rest: &str) -> String {
    let orc =
        "|7001^EPMA|F55^PHARM|G9|IP||||20260701101500+0100|C4001^CLERK^CO|P2001|D3001^DOCTOR^DEE";
    format!("{HEAD}ORC|{control}{orc}\r{rest}")
}

fn channel(dialect: &Dialect) -> InboundChannel {
    InboundChannel::new("test", dialect.clone(), "RXX", &[], "P")
}

fn understood(message: &[u8], dialect: &Dialect) -> OrderMessage {
    match inbound::read(message, &channel(dialect)).request {
        Request::Orders(mut orders) if orders.len() == 1 => orders.remove(0),
        other => panic!("{other:?} of {}", String::from_utf8_lossy(message)),
    }
}

/// The order as the domain stores it when the message is taken.
fn stored(message: &OrderMessage) -> Versions {
    let patient_id = Id::new("p1").unwrap();
    let mut order: MedicationRequest = message.order.clone();
    order.subject = Reference::to(ResourceType::Patient, &patient_id);
    let mut told = Extension::new(TOLD_AT.to_owned());
    told.value_date_time = Some(DateTime::at(message.activity, &jiff::tz::TimeZone::UTC));
    order.extension.push(told);
    if let Some(person) = &message.verified_by {
        let mut verified = Extension::new(VERIFIED_BY.to_owned());
        let person = Identifier::of("https://rxx.nhs.uk/Id/staff", person);
        verified.value_reference =
            Some(Box::new(Reference::by_identifier(ResourceType::Practitioner, person)));
        order.extension.push(verified);
    }
    let mut patient = fhir::resources::Patient::new();
    patient.identifier.clone_from(&message.patient);
    let at = Timestamp::UNIX_EPOCH;
    [
        StoredResource::of(&order, Id::new("o1").unwrap(), 1, at),
        StoredResource::of(&patient, patient_id, 1, at),
    ]
    .into_iter()
    .collect()
}

fn delivery(message: &OrderMessage) -> Delivery {
    let named =
        |resource_type, id| VersionOf { resource_type, id: Id::new(id).unwrap(), version: 1 };
    Delivery {
        id: Id::new("rxx.7.1").unwrap(),
        channel: "test".into(),
        key: Id::new("p1").unwrap(),
        notice: Notice::Order {
            control: message.control,
            order: named(ResourceType::MedicationRequest, "o1"),
            patient: named(ResourceType::Patient, "p1"),
            encounter: None,
        },
        profile: false,
        at: Timestamp::UNIX_EPOCH,
    }
}

/// What two readings of an order must agree on. The wording of the frequency may differ, as long
/// as it means the same; a peer may number the medicine's codings in another order; and where no
/// visit is told, nor is the category.
fn meaning(mut message: OrderMessage) -> OrderMessage {
    let order = &mut message.order;
    order.category.clear();
    if let Some(medicine) = &mut order.medication_codeable_concept {
        medicine.coding.sort_by(|a, b| a.system.cmp(&b.system));
        medicine.text = None;
    }
    let several = order.dosage_instruction.len() > 1;
    for dosage in &mut order.dosage_instruction {
        if several {
            // RXE-21 says all of them for each of them, and each timing its own once more.
            dosage.text = None;
            dosage.additional_instruction.retain(|instruction| !instruction.coding.is_empty());
        }
        if let Some(timing) = &mut dosage.timing
            && timing.repeat.is_some()
        {
            timing.code = None;
        }
    }
    message
}

fn check(message: &str) {
    check_in(message, &DIALECTS);
}

fn check_in(message: &str, dialects: &[&str]) {
    let first = understood(message.as_bytes(), &Dialect::default());
    for toml in dialects {
        let dialect: Dialect = toml::from_str(toml).unwrap();
        let voice = Voice::new(dialect.clone(), "RXX", "P");
        let written = render(&delivery(&first), &stored(&first), &voice).unwrap();
        let second = understood(&written, &dialect);
        let text = String::from_utf8(written).unwrap().replace('\r', "\n");
        let (first, second) = (meaning(first.clone()), meaning(second));
        assert_eq!(second.order.to_json(), first.order.to_json(), "in {toml:?}:\n{text}");
        let rest = |message: OrderMessage| {
            let OrderMessage { control, placer, replaces, patient, verified_by, activity, .. } =
                message;
            (control, placer, replaces, patient, verified_by, activity)
        };
        assert_eq!(rest(second), rest(first), "in {toml:?}:\n{text}");
    }
}

const RXE: &str = "RXE||322236009^Paracetamol 500mg tablets^DMD^PARA500^Paracetamol 500 mg\
    ^L|1||g|TAB|TAKE^Swallow whole^L|||28|tablet|2|||||||4^g||^1 g when needed||||||HEAD^H\
    eadache^L\r";

#[test]
fn frequencies_come_back() {
    for code in [
        "QDS", "QID", "BD", "OD", "OM", "NOCTE", "Q6H", "QOD", "Q1W", "Q2J5", "STAT", "PRN",
        "PRNQ4H", "AC",
    ] {
        check(&order("NW", &format!("{RXE}TQ1|1||{code}|||||20260706\rRXR|26643006^Oral^SCT\r")));
    }
}

#[test]
fn priorities_conditions_and_counts_come_back() {
    for tq1 in [
        "TQ1|1||QDS||||20260701120000+0100|20260706120000+0100|R~PRN|pain",
        "TQ1|1||Q6H||||20260701120000+0100||S",
        "TQ1|1||BD|0800~2000|||20260701|20260708|A",
        "TQ1|1||BD|||5^d|20260701120000+0100",
        "TQ1|1||BD||||||||||30^min|10",
        "TQ1|1||BD||||||T",
    ] {
        let message = order("NW", &format!("{RXE}{tq1}\rRXR|PO^Oral^L\r"));
        // RXE-1 has no place for how long each time lasts, nor for two priorities.
        let small = tq1.contains("30^min") || tq1.contains("R~PRN");
        check_in(&message, if small { &DIALECTS[..1] } else { &DIALECTS });
    }
}

#[test]
fn several_timings_come_back() {
    check(&order("NW", &format!("{RXE}TQ1|1||OM\rTQ1|2||NOCTE\r")));
    check(&order(
        "NW",
        &format!(
            "{RXE}TQ1|1||QDS|||3^d|20260701120000+0100|||||S\rTQ1|2||BD||||20260704120000+0100\r"
        ),
    ));
}

#[test]
fn doses_and_rates_come_back() {
    for rxe in [
        "RXE||MORPH10^Morphine^L|2.5|5|mg",
        "RXE||SALINE^Sodium chloride^L||||||||1|bag||||||||||H1|125|ml",
        "RXE||HEP^Heparin^L||||||||||||||||||||18|ml/h",
        "RXE||^Something written out^|1||tablet",
    ] {
        check(&order("NW", &format!("{rxe}\rTQ1|1||OD\r")));
    }
}

#[test]
fn every_control_comes_back() {
    for control in ["NW", "XO"] {
        check(&order(control, &format!("{RXE}NTE|1||Crush it & give | with water\rTQ1|1||BD\r")));
    }
}

#[test]
fn a_stop_names_its_order() {
    for control in ["HD", "RL", "DC", "CA"] {
        // What is stopped is told whole to the cabinet, and read as no more than the stop.
        let content =
            understood(order("NW", &format!("{RXE}TQ1|1||BD\r")).as_bytes(), &Dialect::default());
        let stop = understood(order(control, "").as_bytes(), &Dialect::default());
        let told = OrderMessage { order: content.order, ..stop.clone() };
        for toml in DIALECTS {
            let dialect: Dialect = toml::from_str(toml).unwrap();
            let voice = Voice::new(dialect.clone(), "RXX", "P");
            let written = render(&delivery(&told), &stored(&told), &voice).unwrap();
            let read = understood(&written, &dialect);
            assert_eq!(read.control, stop.control);
            assert_eq!(read.placer, stop.placer);
            assert_eq!(read.patient, stop.patient);
            assert_eq!(read.activity, stop.activity);
        }
    }
}
