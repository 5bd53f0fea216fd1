//! Every pocket transaction code, in both layouts of ZPM.

use medicines::cabinet::{Bin, Transaction, TransactionCode as Code};
use medicines::{ProblemCode, Request};

use super::golden::CABINET;
use super::{channel, understand};

const HEAD: &str = "MSH|^~\\&|ADC|WARDA|HUB|TRUST|20261120101500||OMS^O05^OMS_O05|A1|P|2.5";
const PID: &str = "PID|1||9990000018^^^NHS^NH~H123456^^^RXX^MR";

/// The fields of ZPM from 2 on, with the item's, user's and witness's names as the layout asks.
fn zpm(code: &str, fields_layout: bool, amounts: &str) -> String {
    let join = if fields_layout { "|" } else { "^" };
    let name = |family: &str, given: &str| {
        let between = if fields_layout { ',' } else { '^' };
        format!("{family}{between}{given}")
    };
    let (anna, ben) = (name("NURSE", "ANNA"), name("NURSE", "BEN"));
    format!(
        "ZPM|{code}|ADC|WARDA1|3|05|MORPH10{join}Morphine 10mg inj|2|{amounts}|N1001{join}{anna}|\
         N1002{join}{ben}|11|RXX|WARDA|C17|20|5|20261120101432|L2231||||||||||||||AMPS"
    )
}

fn read(dialect: &str, rest: &str) -> Result<Transaction, (ProblemCode, Option<String>)> {
    match understand(&format!("{HEAD}\n{rest}"), &channel(dialect)).request {
        Request::Transaction(transaction) => Ok(*transaction),
        Request::Park(problem) => Err((problem.code, problem.location)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_code_in_both_layouts() {
    let codes = [
        ("V", Code::Vend),
        ("I", Code::Vend),
        ("R", Code::Return),
        ("W", Code::Waste),
        ("L", Code::Load),
        ("U", Code::Unload),
        ("F", Code::Fill),
        ("B", Code::EmptyBin),
        ("E", Code::Expired),
        ("C", Code::Count),
        ("A", Code::Adjust),
        ("N", Code::Null),
        ("D", Code::Vend),
        ("X", Code::Destroy),
    ];
    for (letter, code) in codes {
        for (dialect, fields_layout) in [("", false), (CABINET, true)] {
            let text =
                format!("{PID}\nORC|RE|7001^EPMA\n{}", zpm(letter, fields_layout, "12|12|1.50"));
            let told = read(dialect, &text).unwrap_or_else(|error| panic!("{letter} {error:?}"));
            assert_eq!(told.code, code, "{letter}");
            assert_eq!((told.system.as_str(), told.station.as_str()), ("ADC", "WARDA1"));
            let address = &told.address;
            let address = [&*address.drawer, &*address.sub_drawer, &*address.pocket];
            assert_eq!(address, ["3", "C17", "05"], "{letter}");
            assert_eq!((&*told.item.code, &*told.item.text), ("MORPH10", "Morphine 10mg inj"));
            let amounts = [told.expected, told.actual, told.amount, told.total];
            let amounts = amounts.map(|amount| amount.unwrap().to_string());
            assert_eq!(amounts, ["12", "12", "1.50", "11"], "{letter}");
            assert_eq!((&*told.user.id, &*told.user.name), ("N1001", "NURSE, ANNA"));
            let witness = told.witness.as_ref().unwrap();
            assert_eq!((&*witness.id, &*witness.name), ("N1002", "NURSE, BEN"));
            assert_eq!(told.activity.to_string(), "2026-11-20T10:14:32Z");
            assert_eq!(told.batch.as_deref(), Some("L2231"));
            assert_eq!(told.unit.as_deref(), Some("ampoule"));
            assert_eq!(told.patient.len(), 2);
            assert_eq!(told.order.unwrap().value.as_deref(), Some("7001"));
            assert_eq!((told.bin, told.cancelled), (Bin::Pocket, false));
        }
    }
}

#[test]
fn the_layout_is_never_guessed() {
    let text = format!("{PID}\n{}", zpm("V", true, "12|12|1"));
    let found = read("", &text);
    assert!(found.is_err(), "{found:?}");
}

#[test]
fn what_is_missing_or_wrong_is_parked_at_its_place() {
    use ProblemCode as P;
    let check = |zpm: &str, expect: (ProblemCode, &str)| {
        let found = read("", &format!("{PID}\n{zpm}"));
        assert_eq!(found.unwrap_err(), (expect.0, Some(expect.1.to_owned())), "{zpm}");
    };
    check(&zpm("Q", false, "1|1|1"), (P::UnknownCode, "ZPM-1"));
    check(&zpm("", false, "1|1|1"), (P::FieldMissing, "ZPM-1"));
    check(&zpm("V", false, "1|1|"), (P::FieldMissing, "ZPM-10"));
    check(&zpm("V", false, "1|1|-1"), (P::BadValue, "ZPM-10"));
    check(&zpm("V", false, "1|1|1e2"), (P::BadValue, "ZPM-10"));
    check(&zpm("V", false, "-1|1|1"), (P::BadValue, "ZPM-8"));
    check(&zpm("V", false, "1|x|1"), (P::BadValue, "ZPM-9"));
    check(&zpm("C", false, "||1"), (P::FieldMissing, "ZPM-9"));
    check(&zpm("A", false, "5||"), (P::FieldMissing, "ZPM-9"));
    check(&zpm("L", false, "||"), (P::FieldMissing, "ZPM-9"));
    check("ZPM|V|ADC||3|5|M|2|1|1|1|N1|||||||||20261120101432", (P::FieldMissing, "ZPM-3"));
    check("ZPM|V|ADC|W|3|5||2|1|1|1|N1||||||||20261120101432", (P::FieldMissing, "ZPM-6"));
    check("ZPM|V|ADC|W|3|5|M|2|1|1|1|||||||||20261120101432", (P::FieldMissing, "ZPM-11"));
    check("ZPM|V|ADC|W|3|5|M|2|1|1|1|N1", (P::FieldMissing, "ZPM-19"));
    check("ZPM|V|ADC|W|3|5|M|2|1|1|1|N1||||||||20261120", (P::BadValue, "ZPM-19"));
    let twice = format!("{0}\n{0}", zpm("V", false, "1|1|1"));
    check(&twice, (P::BadValue, "ZPM[2]"));
}

#[test]
fn a_patient_is_needed_for_a_vend_and_a_return_alone() {
    for (code, needed) in [("V", true), ("R", true), ("W", false), ("F", false), ("C", false)] {
        let found = read("", &zpm(code, false, "1|1|1"));
        let expect = (ProblemCode::SegmentMissing, Some("PID".to_owned()));
        if needed {
            assert_eq!(found.unwrap_err(), expect, "{code}");
        } else {
            assert_eq!(found.unwrap().patient, [], "{code}");
        }
    }
}

#[test]
fn old_patient_fields_are_read_where_pid_3_is_empty() {
    let check = |pid: &str, expect: &str| {
        let told = read("", &format!("{pid}\n{}", zpm("V", false, "1|1|1"))).unwrap();
        let first = &told.patient[0];
        let found = format!("{} {}", first.system.as_ref().unwrap(), first.value.as_ref().unwrap());
        assert_eq!(found, expect, "{pid}");
    };
    check("PID|1|||||||||||||||||AC7|9990000018", "https://fhir.nhs.uk/Id/nhs-number 9990000018");
    check("PID|1|||||||||||||||||AC7|12345", "https://rxx.nhs.uk/Id/an AC7");
    check("PID|1|H7", "https://rxx.nhs.uk/Id/mrn H7");
    check("PID|1||H8^^^^PI||||||||||||||||9990000018", "https://rxx.nhs.uk/Id/mrn H8");
    check("PID|1||999 000 0018^^^^NH", "https://fhir.nhs.uk/Id/nhs-number 9990000018");
}

#[test]
fn comments_tell_the_bin_and_a_cancellation() {
    let check = |nte: &str, bin: Bin, cancelled: bool| {
        let told = read("", &format!("{PID}\n{nte}\n{}", zpm("R", false, "1|1|1"))).unwrap();
        assert_eq!((told.bin, told.cancelled), (bin, cancelled), "{nte}");
    };
    check("NTE|1||TEST PATIENT|PATIENT SPECIFIC BIN", Bin::PatientSpecific, false);
    check("NTE|1|||RETURN BIN", Bin::Return, false);
    check("NTE|1||Cancelled by user|REMARK\nNTE|2|||Return Bin", Bin::Return, true);
    check("NTE|1||nothing", Bin::Pocket, false);
}

#[test]
fn the_expiry_of_a_batch_stands_where_the_dialect_says() {
    let zpm = zpm("F", false, "1|1|1");
    let read = |dialect: &str, more: &str| read(dialect, &format!("{PID}\n{zpm}{more}"));
    assert_eq!(read("", "|20270131").unwrap().expiry, None);
    let check = |told: &str, expected: &str| {
        let told = read("zpm_expiry = 35", &format!("|{told}")).unwrap();
        assert_eq!(told.expiry.unwrap().to_string(), expected);
    };
    check("20270131", "2027-01-31");
    check("20280200", "2028-02-29");
    check("202806", "2028-06-30");
    check("20280930", "2028-09-30");
    assert_eq!(read("zpm_expiry = 35", "").unwrap().expiry, None);
    for wrong in
        ["20271331", "20271300", "202713", "2027", "20270132", "2027010000", "261201", "270131"]
    {
        let bad = read("zpm_expiry = 35", &format!("|{wrong}")).unwrap_err();
        assert_eq!(bad, (ProblemCode::BadValue, Some("ZPM-35".to_owned())), "{wrong}");
    }
}

#[test]
fn zpm_decides_before_the_type() {
    for kind in ["ZPM^Z01", "RDS^O13^RDS_O13", "DFT^P03"] {
        let head = HEAD.replace("OMS^O05^OMS_O05", kind);
        let text = format!("{head}\n{PID}\n{}", zpm("V", false, "1|1|1"));
        let request = understand(&text, &channel("")).request;
        assert!(matches!(request, Request::Transaction(_)), "{kind}");
    }
    let text = format!("{HEAD}\n{PID}\nORC|RE");
    let Request::Park(problem) = understand(&text, &channel("")).request else { panic!() };
    assert_eq!(problem.location.as_deref(), Some("ZPM"));
}
