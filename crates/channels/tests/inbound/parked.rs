//! Messages that cannot be acted on: the coded reason and the place of each.

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, Understood, oversized, read};
use medicines::{ProblemCode, Request};

use super::{channel, understand, wire};

fn parked(understood: Understood) -> (ProblemCode, Option<String>) {
    match understood.request {
        Request::Park(problem) => (problem.code, problem.location),
        other => panic!("not parked: {other:?}"),
    }
}

fn check(text: &str, code: ProblemCode, place: &str) {
    let found = parked(understand(text, &channel("")));
    let place = (!place.is_empty()).then(|| place.to_owned());
    assert_eq!(found, (code, place), "{text}");
}

fn head(kind: &str) -> String {
    format!("MSH|^~\\&|PAS|TRUST|HUB|RXX|202607201200||{kind}|A1|P|2.5.1\n")
}

#[test]
fn headers() {
    use ProblemCode as P;
    let pid = "PID|1||9990000018^^^NHS^NH";
    let msh = |nine: &str, ten: &str, eleven: &str, twelve: &str| {
        format!("MSH|^~\\&|PAS|TRUST|HUB|RXX|202607201200||{nine}|{ten}|{eleven}|{twelve}\n{pid}")
    };
    check(&msh("", "A1", "P", "2.5"), P::FieldMissing, "MSH-9");
    check(&msh("ADT^A01", "", "P", "2.5"), P::FieldMissing, "MSH-10");
    check(&msh("ADT^A01", &"9".repeat(300), "P", "2.5"), P::BadValue, "MSH-10");
    check(&msh("ADT^A01", "A1", "T", "2.5"), P::WrongProcessingId, "MSH-11");
    check(&msh("ADT^A01", "A1", "D", "2.5"), P::WrongProcessingId, "MSH-11");
    check(&msh("ADT^A01", "A1", "P", "3.0"), P::UnsupportedVersion, "MSH-12");
    check(&msh("ADT^A99", "A1", "P", "2.5"), P::UnsupportedEvent, "MSH-9");
    check(&msh("QBP^Q11", "A1", "P", "2.5"), P::UnsupportedType, "MSH-9");
    check(&msh("ACK^A01", "A1", "P", "2.5"), P::UnsupportedType, "MSH-9");
    let long = msh("ADT^A28", "A1", "P", "2.5").replace("PAS", &"P".repeat(300));
    check(&long, P::BadValue, "MSH-3");
}

#[test]
fn bytes() {
    let malformed = |raw: &[u8]| {
        let (code, place) = parked(read(raw, &channel("")));
        assert_eq!((code, place), (ProblemCode::Malformed, None), "{}", raw.escape_ascii());
    };
    malformed(b"");
    malformed(b"hello");
    malformed(b"MSH");
    malformed(b"MSHA^~\\&");
    malformed(b"FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.5\r");
    malformed(b"BHS|^~\\&|A\r");
    let adt = wire(&(head("ADT^A28") + "PID|1||9990000018^^^NHS^NH"));
    malformed(&[&adt[..], &adt[..]].concat());
    malformed(&[&adt[..], b"BTS|1\r"].concat());
    malformed(&[&adt[..], b"xx\r"].concat());
    malformed(&[&adt[..], b"PV1|\xFF\xFE\r"].concat());
    let (code, _) = parked(oversized(&adt[..60], 1024, &channel("")));
    assert_eq!(code, ProblemCode::Malformed);
}

#[test]
fn what_is_parked_for_its_form_is_still_known_by_its_control_id() {
    let adt = wire(&(head("ADT^A28") + "PID|1||9990000018^^^NHS^NH"));
    let understood = read(&[&adt[..], &adt[..]].concat(), &channel(""));
    assert_eq!(understood.key.as_deref(), Some("PAS|TRUST|A1"));
    assert_eq!(understood.message_type.as_deref(), Some("ADT^A28"));
    assert_eq!(understood.by, "pas");
    let cut = oversized(&adt[..70], 64, &channel(""));
    assert_eq!(cut.key.as_deref(), Some("PAS|TRUST|A1"));
    let nothing = read(b"hello", &channel(""));
    assert_eq!((nothing.key, nothing.message_type, &*nothing.by), (None, None, "test"));
}

#[test]
fn channels_take_what_they_are_set_up_for() {
    let check = |accepts: &[&str], processing_id: &str, kind: &str, expect: Option<ProblemCode>| {
        let accepts: Vec<String> = accepts.iter().map(ToString::to_string).collect();
        let dialect = Dialect { accepts_versions: vec!["2.5.1".into()], ..Dialect::default() };
        let channel = InboundChannel::new("pas", dialect, "RXX", &accepts, processing_id);
        let text = head(kind) + "PID|1||9990000018^^^NHS^NH";
        let found = match understand(&text, &channel).request {
            Request::Park(problem) => Some(problem.code),
            _ => None,
        };
        assert_eq!(found, expect, "{accepts:?} {kind}");
    };
    check(&[], "P", "ADT^A28", None);
    check(&["ADT"], "P", "ADT^A28", None);
    check(&["ADT^A28"], "P", "ADT^A28", None);
    check(&["ADT^A01", "RDE"], "P", "ADT^A28", Some(ProblemCode::UnsupportedType));
    check(&["RDE"], "P", "ADT^A28", Some(ProblemCode::UnsupportedType));
    check(&["ADT"], "T", "ADT^A28", Some(ProblemCode::WrongProcessingId));
    check(&["ADT"], "", "ADT^A28", None);
}

#[test]
fn patients() {
    use ProblemCode as P;
    let adt = |kind: &str, rest: &str| head(kind) + rest;
    let pid = "PID|1||9990000018^^^NHS^NH";
    check(&adt("ADT^A01", "EVN||202607201200"), P::SegmentMissing, "PID");
    check(&adt("ADT^A01", pid), P::SegmentMissing, "PV1");
    check(&adt("ADT^A02", &format!("{pid}\nPV1|1|I")), P::FieldMissing, "PV1-3");
    check(&adt("ADT^A28", "PID|1||||TEST^PATIENT"), P::FieldMissing, "PID-3");
    check(&adt("ADT^A28", "PID|1||9990000019^^^NHS^NH"), P::BadValue, "PID-3");
    let many = format!("PID|1||{}", vec!["H1^^^RXX^MR"; 33].join("~"));
    check(&adt("ADT^A28", &many), P::BadValue, "PID-3");
    let mute = format!("{pid}\nAL1|1|DA|70618^Penicillin\nAL1|2|DA");
    check(&adt("ADT^A28", &mute), P::FieldMissing, "AL1[2]-3");
    check(&adt("ADT^A40", pid), P::SegmentMissing, "MRG");
    check(&adt("ADT^A40", &format!("{pid}\nMRG|")), P::FieldMissing, "MRG-1");
    let two = format!("{pid}\nMRG|H1\n{pid}\nMRG|H2");
    check(&adt("ADT^A40", &two), P::BadValue, "PID[2]");
    check(&adt("ADT^A40", &format!("{pid}\nMRG|H1\nMRG|H2")), P::BadValue, "MRG[2]");
}

#[test]
fn orders() {
    use ProblemCode as P;
    let rde = |rest: &str| head("RDE^O11") + "PID|1||9990000018^^^NHS^NH\n" + rest;
    let rxe = "RXE||PARA500^Paracetamol^L|2||TABLET";
    check(&(head("RDE^O11") + "ORC|NW|1"), P::SegmentMissing, "PID");
    check(&rde(""), P::SegmentMissing, "ORC");
    check(&rde("ORC||7001"), P::FieldMissing, "ORC-1");
    check(&rde("ORC|NW"), P::FieldMissing, "ORC-2");
    check(&rde("ORC|NW|7001"), P::SegmentMissing, "RXE");
    check(&rde("ORC|XO|7001"), P::SegmentMissing, "RXE");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nORC|NW|7002")), P::SegmentMissing, "RXE[2]");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nORC|NW")), P::FieldMissing, "ORC[2]-2");
    check(&rde(&format!("ORC|NW|7001|||||||soon\n{rxe}")), P::BadValue, "ORC-9");
}

#[test]
fn order_details() {
    use ProblemCode as P;
    let rde = |rest: &str| head("RDE^O11") + "PID|1||9990000018^^^NHS^NH\n" + rest;
    let rxe = "RXE||PARA500^Paracetamol^L|2||TABLET";
    check(&rde("ORC|NW|7001\nRXE|||2||TABLET"), P::FieldMissing, "RXE-2");
    check(&rde("ORC|NW|7001\nRXE||P|two||TABLET"), P::BadValue, "RXE-3");
    check(&rde("ORC|NW|7001\nRXE||P|-2||TABLET"), P::BadValue, "RXE-3");
    check(&rde("ORC|NW|7001\nRXE||P|500"), P::FieldMissing, "RXE-5");
    check(&rde("ORC|NW|7001\nRXE||P|2|1|TABLET"), P::BadValue, "RXE-4");
    check(&rde("ORC|NW|7001\nRXE||P|1||G||||||||||||||4"), P::FieldMissing, "RXE-19");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nTQ1|1||QDS|||x")), P::BadValue, "TQ1-6");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nTQ1|1||QDS|||5^moon")), P::BadValue, "TQ1-6");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nTQ1|1||QDS||||soon")), P::BadValue, "TQ1-7");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nTQ1|1|||8am")), P::BadValue, "TQ1-3");
    check(&rde(&format!("ORC|NW|7001\n{rxe}\nTQ1|1||OD|||||||||||0")), P::BadValue, "TQ1-14");
    let old = "ORC|NW|7001\nRXE|^QDS^a while|P|2||TABLET";
    check(&rde(old), P::BadValue, "RXE-1");
    let lab = head("ORM^O01") + "PID|1||9990000018^^^NHS^NH\nORC|NW|1\nOBR|1|1||FBC";
    assert!(matches!(understand(&lab, &channel("")).request, Request::File(_)));
    let many = rde(&"ORC|DC|7001\n".repeat(257));
    check(&many, P::BadValue, "ORC[257]-1");
}

#[test]
fn doses() {
    use ProblemCode as P;
    let ras = |rxa: &str| head("RAS^O17") + "PID|1||9990000018^^^NHS^NH\nORC|RE|7001\n" + rxa;
    let rxa = |amount: &str, at: &str, by: &str, rest: &str| {
        ras(&format!("RXA|0|1|{at}||PARA500^Paracetamol^L|{amount}|TABLET|||{by}{rest}"))
    };
    let at = "202607201155";
    check(&(head("RAS^O17") + "PID|1||9990000018^^^NHS^NH"), P::SegmentMissing, "ORC");
    check(&ras(""), P::SegmentMissing, "RXA");
    check(&rxa("2", "", "N1", ""), P::FieldMissing, "RXA-3");
    check(&rxa("2", "20260720", "N1", ""), P::BadValue, "RXA-3");
    check(&rxa("2", at, "", ""), P::FieldMissing, "RXA-10");
    check(&rxa("", at, "N1", ""), P::FieldMissing, "RXA-6");
    check(&rxa("999", at, "N1", ""), P::BadValue, "RXA-6");
    check(&rxa("-1", at, "N1", ""), P::BadValue, "RXA-6");
    check(&rxa("2", at, "N1", "||||||||||ZZ"), P::UnknownCode, "RXA-20");
    check(&rxa("2", at, "N1", "||||||||||CP|D"), P::UnsupportedEvent, "RXA-21");
    check(&rxa("2", at, "N1", "||||||||||CP|U"), P::UnsupportedEvent, "RXA-21");
    check(&rxa("2", at, "N1", "||||||||||CP|Q"), P::UnknownCode, "RXA-21");
    let unitless = |amount: &str, status: &str| {
        ras(&format!("RXA|0|1|{at}||PARA500^Paracetamol^L|{amount}||||N1||||||||||{status}"))
    };
    check(&unitless("2", ""), P::FieldMissing, "RXA-7");
    check(&unitless("2", "PA"), P::FieldMissing, "RXA-7");
    for (amount, status) in [("0", "CP"), ("2", "RE"), ("", "NA")] {
        let understood = understand(&unitless(amount, status), &channel(""));
        assert!(matches!(understood.request, Request::Administer(_)), "{amount} {status}");
    }
    let mute = ras(&format!("RXA|0|1|{at}|||2|TABLET|||N1"));
    check(&mute, P::FieldMissing, "RXA-5");
}

#[test]
fn no_problem_repeats_what_the_patient_is_called() {
    let text = head("ADT^A28") + "PID|1||9990000019^^^NHS^NH||SECRETNAME^X||18991301";
    let Request::Park(problem) = understand(&text, &channel("")).request else { panic!() };
    assert!(!problem.text.contains("9990000019") && !problem.text.contains("SECRETNAME"));
}
