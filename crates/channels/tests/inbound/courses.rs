//! When doses are due, and when a course begins and ends.

use fhir::types::Repeat;
use medicines::{ProblemCode, Request};

use super::{channel, understand};

/// What the timings of an order say. `orc` stands from ORC-9 on.
fn repeats(orc: &str, rest: &str) -> Result<Vec<Repeat>, (ProblemCode, String)> {
    let text = format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11^RDE_O11|A1|P|2.5.1\n\
         PID|1||9990000018^^^NHS^NH\nORC|NW|7001|||||||{orc}\n{rest}"
    );
    let asked = match understand(&text, &channel("")).request {
        Request::Unmapped { request, .. } => *request,
        asked => asked,
    };
    match asked {
        Request::Orders(mut orders) => {
            let dosages = orders.remove(0).order.dosage_instruction.into_iter();
            Ok(dosages.map(|d| d.timing.and_then(|t| t.repeat).unwrap_or_default()).collect())
        }
        Request::Park(problem) => Err((problem.code, problem.location.unwrap_or_default())),
        other => panic!("{other:?}"),
    }
}

const RXE: &str = "RXE||PARA500^Paracetamol^L|1||TABLET";

/// Start and end of each timing, `-` for none.
fn check(orc: &str, timings: &str, expect: Result<&[(&str, &str)], (ProblemCode, &str)>) {
    let found = repeats(orc, &format!("{RXE}\n{timings}")).map(|repeats| {
        let end = |at: &Option<fhir::DateTime>| {
            at.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let ends = repeats.iter().map(|repeat| {
            assert!(repeat.bounds_duration.is_none(), "{timings}");
            let period = repeat.bounds_period.clone().unwrap_or_default();
            (end(&period.start), end(&period.end))
        });
        ends.collect::<Vec<_>>()
    });
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    let expect = expect.map(|all| all.iter().map(owned).collect::<Vec<_>>());
    assert_eq!(found, expect.map_err(|(code, at)| (code, at.to_owned())), "{orc} {timings}");
}

#[test]
fn a_course_has_an_end() {
    let (ten, orc) = ("2026-11-20T10:00:00+00:00", "20261120101200");
    check(
        orc,
        "TQ1|1||OD|||1^L|20261120",
        Ok(&[("2026-11-20T00:00:00+00:00", "2026-12-20T00:00:00+00:00")]),
    );
    check(
        orc,
        "TQ1|1||OD|||1^L|20270131100000",
        Ok(&[("2027-01-31T10:00:00+00:00", "2027-02-28T10:00:00+00:00")]),
    );
    // A day is a day of the calendar, whatever the clock does meanwhile.
    check(
        orc,
        "TQ1|1||OD|||1^W|20270326100000",
        Ok(&[("2027-03-26T10:00:00+00:00", "2027-04-02T10:00:00+01:00")]),
    );
    check(orc, "TQ1|1||OD|||12^H|20261120100000", Ok(&[(ten, "2026-11-20T22:00:00+00:00")]));
    check(orc, "TQ1|1||OD|||0.5^D|20261120100000", Ok(&[(ten, "2026-11-20T22:00:00+00:00")]));
    check(orc, "TQ1|1||OD|||5^D|20261120100000|20261121", Ok(&[(ten, "2026-11-21")]));
}

#[test]
fn a_course_without_a_start_begins_with_its_order() {
    let five = "TQ1|1||TDS|||5^D";
    check(
        "20261120101200||||||20261121080000",
        five,
        Ok(&[("2026-11-21T08:00:00+00:00", "2026-11-26T08:00:00+00:00")]),
    );
    check(
        "20261120101200",
        five,
        Ok(&[("2026-11-20T10:12:00+00:00", "2026-11-25T10:12:00+00:00")]),
    );
    check("", five, Ok(&[("2026-11-20T10:15:00+00:00", "2026-11-25T10:15:00+00:00")]));
    // Without a length nothing is made up.
    check("20261120101200", "TQ1|1||TDS", Ok(&[("-", "-")]));
    let old = "RXE|^TDS^D5|PARA500^Paracetamol^L|1||TABLET";
    let found = repeats("20261120101200", old).unwrap()[0].bounds_period.clone().unwrap();
    assert_eq!(found.end.unwrap().to_string(), "2026-11-25T10:12:00+00:00");
}

#[test]
fn what_follows_begins_when_what_goes_before_ends() {
    check(
        "20261120101200",
        "TQ1|1||OM|||3^D||||||S\nTQ1|2||NOCTE|||2^D",
        Ok(&[
            ("2026-11-20T10:12:00+00:00", "2026-11-23T10:12:00+00:00"),
            ("2026-11-23T10:12:00+00:00", "2026-11-25T10:12:00+00:00"),
        ]),
    );
    check(
        "20261120101200",
        "TQ1|1||OM|||3^D||||||A\nTQ1|2||NOCTE|||2^D",
        Ok(&[
            ("2026-11-20T10:12:00+00:00", "2026-11-23T10:12:00+00:00"),
            ("2026-11-20T10:12:00+00:00", "2026-11-22T10:12:00+00:00"),
        ]),
    );
}

#[test]
fn an_end_that_cannot_be_told_is_parked() {
    let bad = Err((ProblemCode::BadValue, "TQ1-6"));
    check("20261120101200", "TQ1|1||OD|||1.5^L", bad);
    check("20261120101200", "TQ1|1||OD|||999999999^D", bad);
    check("20261120101200", "TQ1|1||OD|||999999999999999999999^H", bad);
    check("20261120101200", "TQ1|1||OD|||99999^L", bad);
}

/// How often: frequency, period and unit of the first timing.
fn often(tq1_3: &str, expect: Result<&str, (ProblemCode, &str)>) {
    let found = repeats("20261120101200", &format!("{RXE}\nTQ1|1||{tq1_3}")).map(|repeats| {
        let repeat = &repeats[0];
        let number = |n: Option<u32>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let period = repeat.period.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let unit = repeat.period_unit.map_or("-", fhir::types::UnitOfTime::as_str);
        format!("{} in {period} {unit}", number(repeat.frequency))
    });
    let expect = expect.map(str::to_owned).map_err(|(code, at)| (code, at.to_owned()));
    assert_eq!(found, expect, "{tq1_3}");
}

#[test]
fn explicit_intervals_are_read() {
    let bad = Err((ProblemCode::BadValue, "TQ1-3"));
    often("^^^^6^H", Ok("1 in 6 h"));
    often("^^^^90^M", Ok("1 in 90 min"));
    often("^^^^1^wk", Ok("1 in 1 wk"));
    often("Q6H^^^^6^H", Ok("1 in 6 h"));
    often("Q6H^^^^360^min", Ok("1 in 6 h"));
    often("BD^^^^12^H", Ok("2 in 1 d"));
    often("BD^^^^1^D", Ok("2 in 1 d"));
    often("PRN^^^^6^H", Ok("1 in 6 h"));
    often("Q6H^^^^8^H", bad);
    often("OD^^^^6^H", bad);
    often("STAT^^^^6^H", bad);
    often("^^^^6", bad);
    often("^^^^^H", bad);
    often("^^^^six^H", bad);
    often("^^^^0^H", bad);
    often("^^^^1.5^H", bad);
    often("^^^^6^moon", bad);
    often("Q6H^^^^six^H", bad);
    often("Q6H^^^^8^moon", bad);
    often("^^^^Every 6 hours^99X", bad);
    often("Q6H^Every 6 hours^L^6H^Every 6 hours^99X", Ok("1 in 6 h"));
    // What no table knows may mean anything else, and several patterns are not one.
    often("FULLMOON^^^^6^H", Ok("- in - -"));
    often("OM~^^^^6^H", Ok("- in - -"));
}

#[test]
fn an_interval_is_said_in_the_words_of_the_order() {
    let text = format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11^RDE_O11|A1|P|2.5.1\n\
         PID|1||9990000018^^^NHS^NH\nORC|NW|7001\n{RXE}\nTQ1|1||^^^^6^H"
    );
    let Request::Orders(orders) = understand(&text, &channel("")).request else { panic!() };
    let dosage = &orders[0].order.dosage_instruction[0];
    assert_eq!(dosage.text.as_deref(), Some("1 tablet - Q6H"));
}
