//! Times without an offset, times that are not exact, and characters of other sets.

use channels::inbound::{Doubt, Understood, read};
use medicines::{ProblemCode, Request};

use super::{channel, understand};

fn admission(evn: &str, msh7: &str) -> String {
    format!(
        "MSH|^~\\&|PAS|TRUST|HUB|RXX|{msh7}||ADT^A28^ADT_A05|A1|P|2.5.1\n{evn}\n\
         PID|1||9990000018^^^NHS^NH||TEST^PATIENT"
    )
}

fn activity(understood: &Understood) -> Result<String, (ProblemCode, Option<String>)> {
    match &understood.request {
        Request::Patient(told) => Ok(told.activity.to_string()),
        Request::Park(problem) => Err((problem.code, problem.location.clone())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_exact_time_is_the_activity() {
    let check = |evn: &str, msh7: &str, expect: &str| {
        let understood = understand(&admission(evn, msh7), &channel(""));
        assert_eq!(activity(&understood).as_deref(), Ok(expect), "{evn}");
        assert_eq!(understood.doubts, [], "{evn}");
    };
    let msh7 = "20260720120000";
    check("EVN||20260720110000||||20260720103000", msh7, "2026-07-20T09:30:00Z");
    check("EVN||20260720110000", msh7, "2026-07-20T10:00:00Z");
    check("EVN||20260720||||20260720", msh7, "2026-07-20T11:00:00Z");
    check("EVN||\"\"", msh7, "2026-07-20T11:00:00Z");
    check("", "202607201200+0000", "2026-07-20T12:00:00Z");
    check("EVN||20261120101500-0500", msh7, "2026-11-20T15:15:00Z");
}

#[test]
fn times_that_cannot_be_used_are_parked() {
    use ProblemCode as P;
    let check = |evn: &str, msh7: &str, expect: (ProblemCode, &str)| {
        let understood = understand(&admission(evn, msh7), &channel(""));
        assert_eq!(activity(&understood), Err((expect.0, Some(expect.1.to_owned()))), "{evn}");
    };
    check("EVN||yesterday", "20260720120000", (P::BadValue, "EVN-2"));
    check("EVN||20261320110000", "20260720120000", (P::BadValue, "EVN-2"));
    check("", "", (P::FieldMissing, "MSH-7"));
    check("", "20260720", (P::BadValue, "MSH-7"));
}

#[test]
fn the_hour_that_autumn_repeats_follows_the_policy() {
    let text = admission("EVN||20261025013000", "20261025013001+0000");
    let place = || "EVN-2".to_owned();
    let check = |policy: &str, expect: Result<&str, (ProblemCode, Option<String>)>| {
        let understood = understand(&text, &channel(policy));
        assert_eq!(activity(&understood).as_deref().map_err(Clone::clone), expect, "{policy}");
        assert_eq!(understood.doubts, [Doubt::AmbiguousTime { location: place() }]);
    };
    check("", Ok("2026-10-25T00:30:00Z"));
    check("ambiguous_hour = \"later\"", Ok("2026-10-25T01:30:00Z"));
    check("ambiguous_hour = \"park\"", Err((ProblemCode::BadValue, Some(place()))));
}

#[test]
fn the_hour_that_spring_leaves_out_is_noted() {
    let text = admission("EVN||20260329013000", "20260329023001");
    let understood = understand(&text, &channel(""));
    assert_eq!(activity(&understood).as_deref(), Ok("2026-03-29T01:30:00Z"));
    assert_eq!(understood.doubts, [Doubt::SkippedTime { location: "EVN-2".into() }]);
}

#[test]
fn another_zone_is_the_dialects() {
    let text = admission("EVN||20260720110000", "20260720120000");
    let understood = understand(&text, &channel("time_zone = \"Europe/Paris\""));
    assert_eq!(activity(&understood).as_deref(), Ok("2026-07-20T09:00:00Z"));
}

#[test]
fn names_in_windows_1252_are_read_and_never_guessed() {
    let raw = b"MSH|^~\\&|PAS|TRUST|HUB|RXX|202607201200||ADT^A28|A1|P|2.5.1\r\
        PID|1||9990000018^^^NHS^NH||O\x92BRIEN^JOS\xC9\r";
    let Request::Patient(told) = read(raw, &channel("charset = \"WINDOWS-1252\"")).request else {
        panic!("it is readable");
    };
    let name = &told.patient.name[0];
    assert_eq!(name.family.as_deref(), Some("O’BRIEN"));
    assert_eq!(name.given, ["JOSÉ"]);
    let Request::Park(problem) = read(raw, &channel("")).request else {
        panic!("it is not UTF-8");
    };
    assert_eq!(problem.code, ProblemCode::Malformed);
}

#[test]
fn null_deletes_and_silence_does_not() {
    let check = |pid: &str, expect: &[&str]| {
        let text = format!(
            "MSH|^~\\&|PAS|TRUST|HUB|RXX|202607201200||ADT^A31|A1|P|2.5.1\n\
             PID|1||9990000018^^^NHS^NH||{pid}"
        );
        let Request::Patient(told) = understand(&text, &channel("")).request else {
            panic!("{pid}")
        };
        assert_eq!(told.deleted, expect, "{pid}");
    };
    check("", &[]);
    check("\"\"", &["name"]);
    check("TEST^PATIENT||\"\"", &["birthDate"]);
    check("TEST^PATIENT|||\"\"", &["gender"]);
    check("TEST^PATIENT||||||\"\"", &["address"]);
    check("TEST^PATIENT||||||||\"\"", &["telecom"]);
    check("TEST^PATIENT||||||||\"\"|01632960001", &[]);
    let mut death = "TEST^PATIENT".to_owned() + "|".repeat(24).as_str();
    check(&format!("{death}\"\""), &["deceasedDateTime", "deceasedBoolean"]);
    check(&format!("{death}20260719"), &["deceasedBoolean"]);
    death.push('|');
    check(&format!("{death}N"), &["deceasedDateTime"]);
    check(&format!("{death}Y"), &[]);
}
