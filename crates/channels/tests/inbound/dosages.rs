//! What one dose is: the dose of each timing, and the unit as it is coded.

use fhir::types::{Dosage, Quantity};
use medicines::{ProblemCode, Request};

use super::{channel, understand};

const HEAD: &str = "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11^RDE_O11|A1|P|2.5.1\n\
    PID|1||9990000018^^^NHS^NH\nORC|NW|7001|||||";

/// The dosages of an order, or why there are none. `orc_7` is the TQ field of ORC.
fn dosages(orc_7: &str, rest: &str) -> Result<Vec<Dosage>, (ProblemCode, String)> {
    let text = format!("{HEAD}{orc_7}||20261120101200\n{rest}");
    match understand(&text, &channel("units.EA = \"tablet\"")).request {
        Request::Orders(mut orders) => Ok(orders.remove(0).order.dosage_instruction),
        Request::Park(problem) => Err((problem.code, problem.location.unwrap_or_default())),
        other => panic!("{other:?}"),
    }
}

/// A dose in words: `2 tablet`, `1 tablet to 2 tablet`, `-` for none.
fn dose(dosage: &Dosage) -> String {
    let words = |quantity: &Quantity| {
        let value = quantity.value.as_ref().map_or_else(String::new, ToString::to_string);
        format!("{value} {}", quantity.unit.as_deref().unwrap_or("?"))
    };
    let Some(told) = dosage.dose_and_rate.first() else { return "-".to_owned() };
    assert!(told.dose_range.is_none() || told.dose_quantity.is_none());
    let range = told.dose_range.as_ref();
    let ends = range.into_iter().flat_map(|range| [&range.low, &range.high]).flatten();
    let all: Vec<_> = told.dose_quantity.iter().chain(ends).map(words).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(" to ") }
}

fn check_in(orc_7: &str, rest: &str, expect: Result<&[&str], (ProblemCode, &str)>) {
    let found = dosages(orc_7, rest).map(|all| all.iter().map(dose).collect::<Vec<_>>());
    let expect = expect.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
    let expect = expect.map_err(|(code, place)| (code, place.to_owned()));
    assert_eq!(found, expect, "{orc_7} {rest}");
}

fn check(rest: &str, expect: Result<&[&str], (ProblemCode, &str)>) {
    check_in("", rest, expect);
}

const TABLETS: &str = "RXE||PRED5^Prednisolone 5 mg^L|1||TABLET";

#[test]
fn each_timing_has_its_own_dose() {
    check(&format!("{TABLETS}\nTQ1|1|2^TAB|OM\nTQ1|2||NOCTE"), Ok(&["2 tablet", "1 tablet"]));
    check(&format!("{TABLETS}\nTQ1|1|6|OM\nTQ1|2|1|NOCTE"), Ok(&["6 tablet", "1 tablet"]));
    check(&format!("{TABLETS}\nTQ1|1|0|OM"), Ok(&["1 tablet"]));
    check(
        "RXE||P^P^L|1|2|TABLET\nTQ1|1|1|OM\nTQ1|2||NOCTE",
        Ok(&["1 tablet", "1 tablet to 2 tablet"]),
    );
    check("RXE||P^P^L\nTQ1|1|5^ML|OM", Ok(&["5 ml"]));
    check("RXE||P^P^L|||ML\nTQ1|1|5|OM", Ok(&["5 ml"]));
    check("RXE|2&TAB^OM~1^NOCTE|P^P^L|1||EA", Ok(&["2 tablet", "1 tablet"]));
    check_in("3&TAB^OM", TABLETS, Ok(&["3 tablet"]));
    let infusion = "RXE||NACL^Sodium chloride^L|||||||||||||||||||||125|ML/H\nTQ1|1|1^BAG|OD";
    check(infusion, Ok(&["1 bag"]));
    assert!(dosages("", infusion).unwrap()[0].dose_and_rate[0].rate_quantity.is_some());
}

#[test]
fn a_dose_of_a_timing_that_cannot_be_told_is_parked() {
    use ProblemCode::BadValue;
    check(&format!("{TABLETS}\nTQ1|1|10^mg|OM"), Err((BadValue, "TQ1-2")));
    check(&format!("{TABLETS}\nTQ1|1|2|OM\nTQ1|2|5^mg|ON"), Err((BadValue, "TQ1[2]-2")));
    check(&format!("{TABLETS}\nTQ1|1|two|OM"), Err((BadValue, "TQ1-2")));
    check(&format!("{TABLETS}\nTQ1|1|-2|OM"), Err((BadValue, "TQ1-2")));
    check("RXE||P^P^L\nTQ1|1|5|OM", Err((BadValue, "TQ1-2")));
    check("RXE|5&mg^OM|P^P^L|1||EA", Err((BadValue, "RXE-1")));
    check_in("5&mg^OM", TABLETS, Err((BadValue, "ORC-7")));
    // A bare 1 may be one unit, or once what RXE-3 says.
    check("RXE||P^P^L|500||mg\nTQ1|1|1|QDS", Err((BadValue, "TQ1-2")));
    check("RXE||P^P^L|500||mg\nTQ1|1|1^mg|QDS", Ok(&["1 mg"]));
}

/// The dose of an order whose RXE-3 to 5 are these, with this TQ in RXE-1, and with it in ORC-7.
fn check_tq(tq: &str, amount: &str, expect: Option<&[&str]>) {
    let bad = |place| (ProblemCode::BadValue, place);
    check(&format!("RXE|{tq}|P^P^L|{amount}"), expect.ok_or(bad("RXE-1")));
    check_in(tq, &format!("RXE||P^P^L|{amount}"), expect.ok_or(bad("ORC-7")));
}

#[test]
fn a_bare_number_of_a_tq_never_takes_the_place_of_an_amount() {
    // The number that is always there, and the same number again.
    check_tq("1^QDS", "500||mg", Some(&["500 mg"]));
    check_tq("1^QDS", "2||TAB", Some(&["2 tablet"]));
    check_tq("500^QDS", "500||mg", Some(&["500 mg"]));
    check_tq("500.0^QDS", "500||mg", Some(&["500 mg"]));
    check_tq("1^QDS", "1|2|TAB", Some(&["1 tablet to 2 tablet"]));
    check_tq("2^QDS", "1|2|TAB", Some(&["1 tablet to 2 tablet"]));
    check_tq("1^OM~1^NOCTE", "500||mg", Some(&["500 mg", "500 mg"]));
    check_tq("^OM~1^NOCTE", "500||mg", Some(&["500 mg", "500 mg"]));
    // Two of them, or 2 mg: nobody can tell.
    check_tq("2^QDS", "500||mg", None);
    check_tq("2^QDS", "1||TAB", None);
    check_tq("3^QDS", "1|2|TAB", None);
    check_tq("2^OM~1^NOCTE", "2||TAB", None);
    check_tq("6^OM~4^NOCTE", "1||TAB", None);
    // With a unit it is the dose of the timing; without an amount beside it, it is the amount.
    check_tq("2&TAB^QDS", "1||TAB", Some(&["2 tablet"]));
    check_tq("2&TAB^OM~1&TAB^NOCTE", "2||TAB", Some(&["2 tablet", "1 tablet"]));
    check_tq("2^QDS", "||TAB", Some(&["2 tablet"]));
    check_tq("2^QDS", "0||TAB", Some(&["2 tablet"]));
    check_tq("0^QDS", "1||TAB", Some(&["1 tablet"]));
}

#[test]
fn no_timing_is_cut_off() {
    use ProblemCode::BadValue;
    let timings = |count: usize| format!("{TABLETS}\n{}", "TQ1|1||OM\n".repeat(count));
    assert_eq!(dosages("", &timings(24)).unwrap().len(), 24);
    check(&timings(25), Err((BadValue, "TQ1[25]-1")));
    let many = vec!["^OM"; 25].join("~");
    check(&format!("RXE|{many}|P^P^L|1||EA"), Err((BadValue, "RXE-1")));
    let times = vec!["0800"; 25];
    check(&format!("{TABLETS}\nTQ1|1|||{}", times.join("~")), Err((BadValue, "TQ1-4")));
    check(&format!("RXE|^OM&{}|P^P^L|1||EA", times.join(",")), Err((BadValue, "RXE-1")));
}

#[test]
fn a_coded_unit_is_its_word() {
    let one = |unit: &str, expect: &str| {
        check(&format!("RXE||P^P^L|5||{unit}"), Ok(&[&format!("5 {expect}")]));
    };
    one("258684004^mg^SCT", "mg");
    one("428673006^Tablet^DMD", "tablet");
    one("428673006^Tabs", "tablet");
    one("EA^each^SCT", "tablet");
    one("TBL^each^SCT", "each");
    one("mg^milligram^UCUM", "mg");
    one("428673006", "428673006");
    one("^TAB", "tablet");
    check("RXE||P^P^L|5||258684004^mg^SCT\nTQ1|1|10^258684004&mg&SCT|OM", Ok(&["10 mg"]));
    check("RXE||P^P^L|5||mg\nTQ1|1|10^258684004&mg&SCT|OM", Ok(&["10 mg"]));
    let daily = "RXE||P^P^L|5||mg||||||||||||||20^258684004&mg&SCT";
    let most = dosages("", daily).unwrap()[0].max_dose_per_period.clone().unwrap();
    assert_eq!(most.numerator.unwrap().unit.as_deref(), Some("mg"));
}
