//! What acts: removals, completions, doses; once, whatever is repeated.

use medicines::stock::TransferState;
use medicines::{Fact, Request};
use serde_json::Value;

use crate::harness::{ALL, ANNA, ITEM, NHS, Node, administration, completion, removal};

fn transfers(node: &Node) -> Vec<(String, TransferState)> {
    let facts = node.facts().into_iter();
    let moved = facts.filter_map(|fact| match fact {
        Fact::Moved(transfer) => Some((transfer.id.to_string(), transfer.state)),
        _ => None,
    });
    moved.collect()
}

#[tokio::test]
async fn a_removal_is_permitted_completed_and_given() {
    let node = Node::start().await;
    let reply = node.remove("k1").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.headers["cache-control"], "no-store");
    let permit = reply.json();
    assert_eq!((&permit["item"], &permit["unit"]), (&Value::from("PARA500"), &"tablet".into()));
    assert_eq!(permit["quantity"], "2", "a quantity is a string");
    assert!(permit["order"].is_string() && permit.get("case").is_none(), "{permit}");
    let id = permit["permit"].as_str().unwrap();

    let path = format!("/cabinet/removals/{id}/completion");
    let reply = node.post(ALL, &path, "k2", &completion("ASK/WARDC1", "2.0")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "{}"), "{reply:?}");
    let of_permit = transfers(&node).into_iter().filter(|(transfer, _)| transfer == id);
    let states: Vec<_> = of_permit.map(|(_, state)| state).collect();
    assert!(matches!(states[..], [TransferState::Pending { .. }, TransferState::Posted]));

    let given = administration().replace("\"item\"", &format!("\"removal\":\"{id}\",\"item\""));
    let reply = node.post(ALL, "/administrations", "k3", &given).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let id = reply.json()["administration"].as_str().unwrap().to_owned();
    let location = &reply.headers["location"];
    assert_eq!(location, &format!("https://interlock.example/fhir/MedicationAdministration/{id}"));
    let reply = node.get(ALL, &format!("/fhir/MedicationAdministration/{id}")).await;
    assert_eq!(reply.json()["status"], "completed");
    assert_eq!(node.get(ALL, "/cases").await.json()["cases"], Value::Array(vec![]));
}

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_has_no_effect() {
    let node = Node::start().await;
    let first = node.remove("k1").await;
    let moved = transfers(&node).len();
    let again = node.remove("k1").await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(transfers(&node).len(), moved);
    // Another client's key is another key.
    let reply = node.post("token-of-cabinet", "/cabinet/removals", "k1", &removal()).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "too-early"));
}

#[tokio::test]
async fn a_key_with_another_body_is_refused() {
    let node = Node::start().await;
    assert_eq!(node.remove("k1").await.status, 201);
    let other = removal().replace("\"2\"", "\"1\"");
    for _ in 0..2 {
        let reply = node.post(ALL, "/cabinet/removals", "k1", &other).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "key-reused"));
    }
    assert_eq!(transfers(&node).len(), 1);
}

#[tokio::test]
async fn the_same_completion_of_another_permit_is_another_request() {
    let node = Node::start().await;
    let permit = node.remove("k1").await.json()["permit"].as_str().unwrap().to_owned();
    let body = completion("ASK/WARDC1", "2");
    let wrong = node.post(ALL, "/cabinet/removals/rxx.1.1/completion", "k2", &body).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (403, "permit-not-valid"));
    let path = format!("/cabinet/removals/{permit}/completion");
    assert_eq!(node.post(ALL, &path, "k2", &body).await.status, 200);
    let again = node.post(ALL, &path, "k2", &body).await;
    assert_eq!((again.status, &*again.headers["idempotent-replayed"]), (200, "true"));
    let used = node.post(ALL, &path, "k3", &body).await;
    assert_eq!((used.status, used.code().as_str()), (403, "permit-not-valid"));
}

#[tokio::test]
async fn each_refusal_says_why() {
    let node = Node::start().await;
    let cases = [
        ("ASK/WARDC1", "ASK/NOWHERE", "unknown-cabinet"),
        ("PARA500", "NOTHING", "unknown-item"),
        ("\"PARA500\"", "\"IBU200\"", "item-not-of-order"),
        ("\"2\"", "\"3\"", "quantity-exceeds-dose"),
        ("\"2\"", "0", "bad-quantity"),
        ("\"2\"", "-1", "bad-quantity"),
        ("\"2\"", "\"1.0001\"", "bad-quantity"),
        ("9990000018", "9990000099", "unknown-patient"),
        ("\"7001\"", "\"7009\"", "no-live-order"),
        ("\"N1001\"", "\"N9999\"", "user-not-allowed"),
        ("\"N1001\"", "\"E1\"", "user-not-allowed"),
    ];
    for (n, (from, to, code)) in cases.into_iter().enumerate() {
        assert!(removal().contains(from), "{from}");
        let body = removal().replace(from, to);
        let reply = node.post(ALL, "/cabinet/removals", &format!("r{n}"), &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, code), "{to}: {reply:?}");
        assert!(reply.json().get("earliest").is_none());
    }
    assert_eq!(node.remove("k1").await.status, 201);
    let reply = node.remove("k2").await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "too-early"));
    let earliest: jiff::Timestamp = reply.json()["earliest"].as_str().unwrap().parse().unwrap();
    assert!(earliest > node.now(), "{earliest}");
}

#[tokio::test]
async fn an_override_opens_a_case() {
    let node = Node::start().await;
    let body = format!(
        r#"{{"cabinet":"ASK/WARDC1","patient":{{"system":"{NHS}","value":"9990000018"}},
        "item":"IBU200","quantity":1,"user":"N1001","overrideReason":"fever, doctor on the way"}}"#
    );
    let reply = node.post(ALL, "/cabinet/removals", "k1", &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let case = reply.json()["case"].as_str().unwrap().to_owned();
    let cases = node.get(ALL, "/cases?kind=override").await.json();
    assert_eq!(cases["cases"][0]["id"], case);
    assert_eq!(cases["cases"][0]["quantity"], "1");
}

#[tokio::test]
async fn a_completion_stays_within_its_permit() {
    let node = Node::start().await;
    let permit = node.remove("k1").await.json()["permit"].as_str().unwrap().to_owned();
    let path = format!("/cabinet/removals/{permit}/completion");
    let refused = [
        (completion("ASK/WARDC2", "2"), "permit-not-valid"),
        (completion("ASK/WARDC1", "\"2.5\""), "bad-quantity"),
        (completion("ASK/WARDC1", "-1"), "bad-quantity"),
    ];
    for (n, (body, code)) in refused.into_iter().enumerate() {
        let reply = node.post(ALL, &path, &format!("c{n}"), &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (403, code), "{body}");
    }
    let body = completion("A/B", "1");
    let reply = node.post(ALL, "/cabinet/removals/a%20b/completion", "k", &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not-found"));
    // Nothing was taken: the permit is given back, and the next question is not too early.
    let reply = node.post(ALL, &path, "c9", &completion("ASK/WARDC1", "0")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(node.remove("k2").await.status, 201);
}

#[tokio::test]
async fn a_dose_of_nobody_is_kept_as_a_case() {
    let node = Node::start().await;
    let body = administration().replace("9990000018", "9990000099");
    let reply = node.post(ALL, "/administrations", "k1", &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "unknown-patient"), "{reply:?}");
    let cases = node.get(ALL, "/cases").await.json();
    assert_eq!(cases["cases"][0]["kind"], "parked-message");
    assert_eq!(cases["cases"][0]["channel"], "bedside");
    let body = administration().replace("\"7001\"", "\"7009\"");
    let reply = node.post(ALL, "/administrations", "k2", &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "unknown-order"));
}

#[tokio::test]
async fn a_dose_that_was_not_given_is_kept_with_its_reason() {
    let node = Node::start().await;
    let body = administration().replace("\"quantity\":2", "\"quantity\":0").replace(
        "\"completed\"",
        &format!(r#""not-done","reason":{{"system":"{ITEM}","code":"REF","text":"Refused"}}"#),
    );
    let reply = node.post(ALL, "/administrations", "k1", &body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let id = reply.json()["administration"].as_str().unwrap().to_owned();
    let kept = node.get(ALL, &format!("/fhir/MedicationAdministration/{id}")).await.json();
    assert_eq!(
        (&kept["status"], &kept["statusReason"][0]["text"]),
        (&"not-done".into(), &"Refused".into())
    );
}

#[tokio::test]
async fn a_dose_is_scanned_checked_and_given() {
    let node = Node::start().await;
    let act = |act: &str, more: &str| {
        format!(
            r#"{{"acts":[{{"act":"{act}","band":"{ANNA}","item":"PARA500","performer":"N1001",
            "activity":"2026-11-20T10:01:00Z"{more}}}]}}"#
        )
    };
    let reply = node.post(ALL, "/bedside/scans", "k1", &act("check", "")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let told = &reply.json()["acts"][0];
    assert_eq!((told["outcome"].as_str(), told["dose"].as_str()), (Some("warn"), Some("2")));
    assert_eq!(told["findings"][0]["code"], "pack-not-scanned");
    let confirmed = r#","confirmed":["pack-not-scanned"]"#;
    let reply = node.post(ALL, "/bedside/scans", "k2", &act("give", confirmed)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let kept = reply.json()["acts"][0]["kept"].as_str().unwrap().to_owned();
    let address = format!("/fhir/MedicationAdministration/{kept}");
    assert_eq!(node.get(ALL, &address).await.status, 200);
    let scan = r#","packs":[{"code":"01\u0007"}]"#;
    let reply = node.post(ALL, "/bedside/scans", "k3", &act("give", scan)).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-body"));
}

#[tokio::test]
async fn a_pharmacist_works_off_the_queue() {
    let node = Node::start().await;
    let queue = || node.get(ALL, "/verification/orders");
    let before = queue().await.json();
    assert_eq!(before["waiting"], 0, "what came verified does not wait: {before}");
    let Request::Orders(mut changed) = node.order_request("7002", ANNA) else { panic!("no order") };
    changed[0].verified_by = None;
    node.submit("epma", Request::Orders(changed.clone())).await;
    let waiting = queue().await.json();
    let first = &waiting["orders"][0];
    assert_eq!((&waiting["waiting"], &first["version"]), (&1.into(), &1.into()), "{waiting}");
    assert_eq!(first["changes"], Value::Array(vec![]), "a new order has no version before it");
    let order = first["order"].as_str().unwrap();
    let path = format!("/verification/orders/{order}");
    let word =
        |by: &str, version: u64| format!(r#"{{"version":{version},"word":"verify","by":"{by}"}}"#);
    let reply = node.post(ALL, &path, "k1", &word("N1001", 1)).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "user-not-allowed"));
    let reply = node.post(ALL, &path, "k2", &word("P1", 9)).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "superseded"));
    let reply = node.post(ALL, &path, "k3", &word("P1", 1)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(queue().await.json()["waiting"], 0);
    changed[0].control = medicines::orders::Control::Change;
    changed[0].order.dosage_instruction[0].text = Some("twice a day".to_owned());
    node.submit("epma", Request::Orders(changed)).await;
    let again = queue().await.json();
    assert_eq!(again["orders"][0]["version"], 3, "{again}");
    assert_eq!(again["orders"][0]["changes"][0]["element"], "dosageInstruction");
}
