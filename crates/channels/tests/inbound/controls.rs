//! Every order control word, in both dialects and both kinds of order message.

use medicines::orders::{Control, OrderMessage};
use medicines::{ProblemCode, Request};

use super::golden::CABINET;
use super::{channel, understand};

fn message(kind: &str, groups: &str) -> String {
    let event = if kind == "RDE" { "RDE^O11^RDE_O11" } else { "ORM^O01" };
    format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||{event}|A1|P|2.5.1\n\
         PID|1||9990000018^^^NHS^NH\n{groups}"
    )
}

fn detail(kind: &str) -> &'static str {
    match kind {
        "RDE" => "RXE||PARA500^Paracetamol^L|2||TABLET\nTQ1|1||QDS",
        _ => "RXO|PARA500^Paracetamol^L|2||TABLET",
    }
}

fn orders(dialect: &str, text: &str) -> Vec<OrderMessage> {
    let understood = understand(text, &channel(dialect));
    match understood.request {
        Request::Orders(orders) => orders,
        other => panic!("{text}\n{other:?}"),
    }
}

#[test]
fn words_mean_the_same_in_every_dialect_and_message() {
    use Control as C;
    let check = |words: &str, expect: Control| {
        for word in words.split(' ') {
            for (dialect, kind) in [("", "RDE"), ("", "ORM"), (CABINET, "RDE"), (CABINET, "ORM")] {
                let text = message(kind, &format!("ORC|{word}|7001^EPMA\n{}", detail(kind)));
                let orders = orders(dialect, &text);
                assert_eq!(orders.len(), 1, "{word}");
                assert_eq!(orders[0].control, expect, "{word} {kind}");
                let told = orders[0].order.medication_codeable_concept.is_some();
                assert_eq!(told, matches!(expect, C::New | C::Change), "{word} {kind}");
                assert_eq!(orders[0].replaces, None, "{word} {kind}");
            }
        }
    };
    check("NW SN RO", C::New);
    check("XO XX RP", C::Change);
    check("HD OH", C::Hold);
    check("RL OE", C::Resume);
    check("DC OD", C::Stop);
    check("CA OC", C::Cancel);
}

#[test]
fn other_words_are_parked() {
    for word in ["OK", "UA", "CR", "DR", "SC", "SR", "RF", "nw", "ZZ", "N W"] {
        let text = message("RDE", &format!("ORC|{word}|7001\n{}", detail("RDE")));
        let Request::Park(problem) = understand(&text, &channel("")).request else {
            panic!("{word} is no request");
        };
        let found = (problem.code, problem.location.as_deref());
        assert_eq!(found, (ProblemCode::UnknownCode, Some("ORC-1")), "{word}");
    }
}

#[test]
fn a_status_change_needs_no_detail_and_survives_a_bad_one() {
    for word in ["HD", "RL", "DC", "CA"] {
        for detail in ["", "RXE||BAD|not a number||\nTQ1|1||||||never"] {
            let text = message("RDE", &format!("ORC|{word}|7001\n{detail}"));
            assert_eq!(orders("", &text).len(), 1, "{word} {detail}");
        }
    }
}

#[test]
fn one_order_replaces_another() {
    let rxe = detail("RDE");
    let check = |groups: &str, expect: &[(Control, &str, Option<&str>)]| {
        let orders = orders("", &message("RDE", groups));
        let value = |id: &fhir::types::Identifier| id.value.clone().unwrap();
        let found: Vec<_> = orders
            .iter()
            .map(|order| (order.control, value(&order.placer), order.replaces.as_ref().map(value)))
            .collect();
        let found: Vec<_> =
            found.iter().map(|(c, placer, old)| (*c, placer.as_str(), old.as_deref())).collect();
        assert_eq!(found, expect, "{groups}");
    };
    // The pair: RP names the order that ends, RO the one in its place.
    let pair = format!("ORC|RP|7001\nORC|RO|7002\n{rxe}");
    check(&pair, &[(Control::New, "7002", Some("7001"))]);
    // RP with a new number in ORC-8 is not a pair; ORC-8 names the old order.
    let parent = format!("ORC|RP|7002||||||7001&EPMA\n{rxe}");
    check(&parent, &[(Control::New, "7002", Some("7001"))]);
    let alone = format!("ORC|RO|7002||||||7001\n{rxe}");
    check(&alone, &[(Control::New, "7002", Some("7001"))]);
    // Its own number, or none, in ORC-8: a new version.
    let own = format!("ORC|RP|7001||||||7001\n{rxe}");
    check(&own, &[(Control::Change, "7001", None)]);
    // Two orders in the place of one: it ends once.
    let two = format!("ORC|RP|7001\nORC|RO|7002\n{rxe}\nORC|RO|7003\n{rxe}");
    check(&two, &[(Control::New, "7002", Some("7001")), (Control::New, "7003", None)]);
    // A parent of a plain new order is no replacement.
    let child = format!("ORC|NW|7002||||||7001\n{rxe}");
    check(&child, &[(Control::New, "7002", None)]);
}

#[test]
fn a_peers_own_word_is_read_by_its_table() {
    let text = message("RDE", "ORC|ZH|7001");
    assert_eq!(orders("order_control.read.ZH = \"hold\"", &text)[0].control, Control::Hold);
}

#[test]
fn an_order_that_is_told_as_new_and_as_ended_is_parked() {
    let check = |word: &str, status: &str, expect: Option<(ProblemCode, &str)>| {
        let groups = format!("ORC|{word}|7001|||{status}\n{}", detail("RDE"));
        let understood = understand(&message("RDE", &groups), &channel(""));
        let found = match &understood.request {
            Request::Park(problem) => Some((problem.code, problem.location.as_deref().unwrap())),
            _ => None,
        };
        assert_eq!(found, expect, "{word} {status}");
    };
    for status in ["HD", "DC", "CA", "ZE"] {
        for word in ["NW", "SN", "XO", "XX", "RP"] {
            check(word, status, Some((ProblemCode::OrderState, "ORC-5")));
        }
        for word in ["HD", "RL", "DC", "CA"] {
            check(word, status, None);
        }
    }
    for status in ["", "\"\"", "CM", "SC", "IP", "A", "ER", "RP"] {
        check("NW", status, None);
        check("XO", status, None);
    }
}
