//! Messages that are read in the shape that rules and scripts give them.

use channels::dialect::Dialect;
use channels::inbound::{Doubt, InboundChannel, Understood, read};
use channels::script::Script;
use medicines::{ProblemCode, Request};

fn channel(dialect: &str, script: Option<&str>) -> InboundChannel {
    let dialect: Dialect = toml::from_str(dialect).expect("the dialect is TOML");
    dialect.check().expect("its rules can be meant");
    let script = script.map(|source| Script::compile("test.rhai", source).expect("it compiles"));
    InboundChannel::new("epma", dialect, "RXX", &[], "P").with_script(script)
}

fn order(rest: &str) -> String {
    format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11|A1|P|2.3\r\
         PID|1||9990000018^^^NHS^NH\rPV1|1|I|W01^B2\r{rest}\r"
    )
}

const ONE: &str = "ORC|NW|7001|||||||20261120101200\rRXE|^BD|^Paracetamol|1||TABLET\r\
    RXR|MOUTH\rZRX|N|x|PARA500";

fn understood(dialect: &str, script: Option<&str>, text: &str) -> Understood {
    read(text.as_bytes(), &channel(dialect, script))
}

/// The medicine's code and the route's of each order, `?` where it is parked or has none.
fn check(dialect: &str, rest: &str, expect: &[(&str, &str)]) {
    let request = match understood(dialect, None, &order(rest)).request {
        Request::Unmapped { request, .. } => *request,
        request => request,
    };
    let Request::Orders(orders) = request else { panic!("{dialect}: {request:?}") };
    let found: Vec<(String, String)> = orders
        .iter()
        .map(|order| {
            let order = &order.order;
            let medicine = order.medication_codeable_concept.as_ref();
            let route = order.dosage_instruction.first().and_then(|d| d.route.as_ref());
            let code = |c: &fhir::types::CodeableConcept| {
                c.coding.first().and_then(|c| c.code.as_ref()).map(ToString::to_string)
            };
            let code = |c: Option<&fhir::types::CodeableConcept>| {
                c.and_then(code).unwrap_or_else(|| "?".to_owned())
            };
            (code(medicine), code(route))
        })
        .collect();
    let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(found, expect, "{dialect}");
}

const MOVE: &str = "[[move]]\nfrom = \"ZRX-3\"\nto = \"RXE-2.1\"\n";

#[test]
fn values_are_moved_within_their_order() {
    check("", ONE, &[("?", "MOUTH")]);
    check(MOVE, ONE, &[("PARA500", "MOUTH")]);
    let two = format!("{ONE}\rORC|NW|7002\rRXE|^BD|IBU200^Ibuprofen|1||TABLET\rRXR|PO");
    check(MOVE, &two, &[("PARA500", "MOUTH"), ("IBU200", "PO")]);
    let three = format!("{two}\rORC|NW|7003\rRXE|^BD|^Aspirin|1||TABLET\rZRX|N||ASP75");
    check(MOVE, &three, &[("PARA500", "MOUTH"), ("IBU200", "PO"), ("ASP75", "?")]);
}

#[test]
fn conditions_hold_a_rule_back() {
    let when = |when: &str| format!("{MOVE}when = {{ {when} }}");
    let moved = &[("PARA500", "MOUTH")][..];
    let left = &[("?", "MOUTH")][..];
    check(&when("type = \"RDE\""), ONE, moved);
    check(&when("type = \"RDE^O11\""), ONE, moved);
    check(&when("type = \"RDE^O01\""), ONE, left);
    check(&when("type = \"ADT\""), ONE, left);
    check(&when("field = \"PV1-3.1\", is = \"W01\""), ONE, moved);
    check(&when("field = \"PV1-3.1\", is = \"W02\""), ONE, left);
    check(&when("field = \"PV1-3.1\", one_of = [\"W02\", \"W01\"]"), ONE, moved);
    check(&when("field = \"RXE-2.1\", empty = true"), ONE, moved);
    check(&when("field = \"RXE-2.2\", empty = true"), ONE, left);
    check(&when("type = \"RDE\", field = \"ZRX-1\", is = \"F\""), ONE, left);
}

#[test]
fn values_are_copied_set_defaulted_and_cleared() {
    let rule = |kind: &str, rest: &str| format!("[[{kind}]]\n{rest}");
    let route = |route: &'static str| [("?", route)];
    check(&rule("copy", "from = \"ZRX-3\"\nto = \"RXR-1\""), ONE, &route("PARA500"));
    check(&rule("set", "field = \"RXR-1\"\nvalue = \"PO\""), ONE, &route("PO"));
    check(&rule("default", "field = \"RXR-1\"\nvalue = \"PO\""), ONE, &route("MOUTH"));
    check(&rule("default", "field = \"RXE-2.1\"\nvalue = \"X\""), ONE, &[("X", "MOUTH")]);
    check(&rule("clear", "field = \"RXR-1\""), ONE, &route("?"));
    // They run in their own order, so that what is cleared can be set by default.
    let both = "[[default]]\nfield = \"RXR-1\"\nvalue = \"IV\"\n[[clear]]\nfield = \"RXR-1\"\n";
    check(both, ONE, &route("IV"));
    check(&rule("set", "field = \"RXR-1\"\nvalue = \"PO\"\non = \"out\""), ONE, &route("MOUTH"));
}

#[test]
fn codes_are_translated() {
    let table = |unknown: &str| {
        format!(
            "[tables.routes]\nMOUTH = \"PO\"\n[[translate]]\nfields = [\"RXR-1\"]\n\
             table = \"routes\"\n{unknown}"
        )
    };
    check(&table(""), ONE, &[("?", "PO")]);
    let other = ONE.replace("MOUTH", "TOP");
    check(&table(""), &other, &[("?", "TOP")]);
    check(&table("unknown = \"clear\""), &other, &[("?", "?")]);
    check(&table("unknown = \"case\""), &other, &[("?", "TOP")]);
    let text = order(&other);
    let Request::Unmapped { codes, .. } =
        understood(&table("unknown = \"case\""), None, &text).request
    else {
        panic!()
    };
    assert_eq!((codes[0].table.as_str(), codes[0].code.as_str()), ("tables.routes", "TOP"));
    let Request::Park(problem) = understood(&table("unknown = \"park\""), None, &text).request
    else {
        panic!()
    };
    assert_eq!(problem.code, ProblemCode::UnknownCode);
    assert_eq!(problem.location.as_deref(), Some("RXR-1"));
    assert!(problem.text.contains("`TOP`"), "{}", problem.text);
}

#[test]
fn an_unknown_frequency_follows_the_policy() {
    let text = order(&ONE.replace("^BD", "^QUATER DIE PC"));
    let Request::Unmapped { codes, request } = understood("", None, &text).request else {
        panic!()
    };
    assert_eq!(codes[0].code, "QUATER DIE PC");
    assert!(matches!(*request, Request::Orders(_)));
    let kept = understood("unknown_timing = \"keep\"", None, &text);
    assert!(matches!(kept.request, Request::Orders(_)));
    assert!(matches!(&kept.doubts[..], [Doubt::Unmapped { case: false, .. }]));
    assert!(!kept.doubts[0].to_string().contains("QUATER"), "a log line holds no content");
    let Request::Park(problem) = understood("unknown_timing = \"park\"", None, &text).request
    else {
        panic!()
    };
    assert_eq!(
        (problem.code, problem.location.as_deref()),
        (ProblemCode::UnknownCode, Some("RXE-1"))
    );
    let known = "timing_codes.\"QUATER DIE PC\" = { frequency = 4, period = 1, unit = \"d\" }";
    assert!(matches!(understood(known, None, &text).request, Request::Orders(_)));
}

#[test]
fn a_script_sees_what_the_rules_made() {
    let script = r#"
        if msg.get("RXE-2.1") == "PARA500" { msg.set("RXE-2.1", "PARA1000"); }
        msg.remove("ZRX");
    "#;
    let Request::Orders(orders) = understood(MOVE, Some(script), &order(ONE)).request else {
        panic!()
    };
    let concept = orders[0].order.medication_codeable_concept.as_ref().unwrap();
    assert_eq!(concept.coding[0].code.as_deref(), Some("PARA1000"));
}

#[test]
fn a_message_is_known_and_answered_as_it_was_sent() {
    let script = r#"msg.set("MSH-10", "other"); msg.set("MSH-3", "OTHER"); msg.drop()"#;
    let understood = understood("", Some(script), &order(ONE));
    assert!(matches!(understood.request, Request::Dropped));
    assert_eq!(understood.key.as_deref(), Some("EPMA|TRUST|A1"));
    assert_eq!(understood.by, "epma");
    let at = "2026-11-20T10:15:00Z".parse().unwrap();
    let done = medicines::Answer::Done;
    let ack = channels::inbound::answer(&understood.reply_to, &done, 1, at).unwrap();
    assert!(String::from_utf8(ack).unwrap().contains("MSA|AA|A1"));
}

#[test]
fn a_script_that_fails_parks_the_message() {
    let check = |script: &str, code: ProblemCode, words: &str| {
        let Request::Park(problem) = understood("", Some(script), &order(ONE)).request else {
            panic!("{script}")
        };
        assert_eq!(problem.code, code);
        assert!(problem.text.contains(words), "{}", problem.text);
    };
    check("\nlet x = nothing;", ProblemCode::ScriptFailed, "line 2 of the channel's script");
    check("loop {}", ProblemCode::ScriptFailed, "operations");
    check("msg.reject(\"a trial\")", ProblemCode::RefusedByScript, "a trial");
    check("msg.clear(\"MSH-10\")", ProblemCode::FieldMissing, "control id");
}

#[test]
fn rules_that_cannot_be_meant_are_refused() {
    let check = |text: &str, words: &str| {
        let dialect: Dialect = toml::from_str(text).unwrap();
        let error = dialect.check().unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    check("[[translate]]\nfields = [\"RXR-1\"]\ntable = \"routes\"", "tables.routes");
    check("[[clear]]\nfield = \"MSH-2\"", "MSH-2");
    check("[[clear]]\nfield = \"PID-3\"\nwhen = { field = \"PID-2\" }", "`when` needs");
    check("[[clear]]\nfield = \"PID-3\"\nwhen = { is = \"x\" }", "`when` needs");
    check("[[clear]]\nfield = \"PID-3\"\nwhen = {}", "`when` needs");
    assert!(toml::from_str::<Dialect>("[[move]]\nfrom = \"ZRX\"\nto = \"RXE-2\"").is_err());
    assert!(toml::from_str::<Dialect>("[[move]]\nfrom = \"ZRX-1\"").is_err());
}

/// What the rules and the script of the shipped example cost, for docs/dialects.md.
#[test]
#[ignore = "it measures; run it alone with --no-capture"]
fn what_a_script_costs() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/quirky/scripts/quirky.rhai");
    let script = std::fs::read_to_string(script).unwrap();
    let text = order(ONE).replace("9990000018^^^NHS^NH", "9990000018^^^NHS^NH||O'BRIEN, ZOE");
    for (what, channel) in [
        ("without", channel("", None)),
        ("with rules", channel(MOVE, None)),
        ("with rules and a script", channel(MOVE, Some(&script))),
    ] {
        let began = std::time::Instant::now();
        for _ in 0..5_000 {
            read(text.as_bytes(), &channel);
        }
        eprintln!("{what}: {} ns a message", began.elapsed().as_nanos() / 5_000);
    }
}
