//! Codes that no table of a channel knows: one case for each, beside what the message asks.

mod hospital;

use std::collections::BTreeSet;

use hospital::{ANNA, Hospital, order_message};
use medicines::cases::{CaseKind, Unmapped};
use medicines::orders::Control;
use medicines::{Answer, Fact, Problem, ProblemCode, Request};

fn unmapped(code: &str, request: Request) -> Request {
    let code = Unmapped { table: "timing_codes".into(), code: code.into() };
    Request::Unmapped { codes: vec![code.clone(), code], request: Box::new(request) }
}

/// What the cases that opened say of their codes.
fn cases(facts: &[Fact]) -> String {
    let words = ["`FULLMOON`", "`NEWMOON`", "a text of"];
    let opened = facts.iter().filter_map(|fact| match fact {
        Fact::CaseOpened(case) => Some(case),
        _ => None,
    });
    let word = |text: &str| words.into_iter().find(|word| text.contains(word)).unwrap_or("?");
    let said = opened.map(|case| {
        assert_eq!(case.kind, CaseKind::UnmappedCode);
        word(&case.text)
    });
    said.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_code_opens_one_case_on_its_channel() {
    let mut hospital = Hospital::new();
    let mut order = 7000;
    let mut ask = |hospital: &mut Hospital, source: &str, code: &str| {
        order += 1;
        let placed = order_message(
            hospital.now,
            ANNA,
            Control::New,
            &order.to_string(),
            "PARA500",
            Some("P1"),
        );
        let placed = Request::Orders(vec![placed]);
        let decision = hospital.from(source).decide(&unmapped(code, placed));
        assert_eq!(decision.answer, Answer::Done);
        let ids: Vec<_> = decision
            .facts
            .iter()
            .filter_map(|fact| match fact {
                Fact::Stored(resource) => Some(resource.id.to_string()),
                Fact::CaseOpened(case) => Some(case.id.to_string()),
                Fact::Queued(delivery) => Some(delivery.id.to_string()),
                _ => None,
            })
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        assert!(ids.len() > 1, "the order is placed all the same");
        cases(&decision.facts)
    };
    assert_eq!(ask(&mut hospital, "epma", "FULLMOON"), "`FULLMOON`");
    assert_eq!(ask(&mut hospital, "epma", "FULLMOON"), "");
    assert_eq!(ask(&mut hospital, "epma", "NEWMOON"), "`NEWMOON`");
    assert_eq!(ask(&mut hospital, "other", "FULLMOON"), "`FULLMOON`");
    // Words that are no code may be about a patient: they are counted and not shown.
    assert_eq!(ask(&mut hospital, "epma", "ask Mr O'Brien: tonight?"), "a text of");
}

#[test]
fn a_parked_message_has_its_own_case() {
    let mut hospital = Hospital::new();
    let problem = Problem::new(ProblemCode::BadValue, "no");
    let decision = hospital.decide(&unmapped("FULLMOON", Request::Park(problem)));
    let kinds: Vec<_> = decision
        .facts
        .iter()
        .map(|fact| match fact {
            Fact::CaseOpened(case) => case.kind,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [CaseKind::ParkedMessage]);
}

#[test]
fn what_a_script_drops_is_done_and_nothing_more() {
    let mut hospital = Hospital::new();
    let decision = hospital.decide(&Request::Dropped);
    assert_eq!((decision.answer, decision.facts.len()), (Answer::Done, 0));
    assert!(!Request::Dropped.is_silent(), "its bytes are kept");
}
