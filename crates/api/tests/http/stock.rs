//! Stock: moved, sent, received, counted, recalled and found; the critical override.

use medicines::Fact;
use serde_json::{Value, json};

use crate::harness::{ALL, Node, completion, removal};

/// A movement of 20 of batch L2231 out of the pharmacy.
pub(crate) fn movement(to: &str) -> String {
    json!({
        "from": "pharmacy", "to": to, "item": "PARA500", "quantity": "20", "batch": "L2231",
        "expiry": "2027-01-31", "cost": "0.0125", "person": "N1001",
        "witness": "N1002",
        "activity": "2026-11-20T09:00:00Z",
    })
    .to_string()
}

pub(crate) fn recall(batch: &str) -> String {
    json!({ "item": "PARA500", "batch": batch, "reason": "EL(26)A/1", "person": "N1001" })
        .to_string()
}

/// Where the critical override is switched and shown.
const PATH: &str = "/cabinet/critical-override";

/// The lines of the item as `place batch quantity`.
async fn lines(node: &Node) -> Vec<String> {
    let reply = node.get(ALL, "/stock/items/PARA500").await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let json = reply.json();
    let places = json["places"].as_array().unwrap();
    let line = |line: &Value| {
        let [place, batch, quantity] =
            ["place", "batch", "quantity"].map(|name| line[name].as_str().unwrap_or("-"));
        format!("{} {batch} {quantity}", place.split(':').next().unwrap())
    };
    places.iter().map(line).collect()
}

#[tokio::test]
async fn stock_is_moved_sent_received_and_counted() {
    let node = Node::start().await;
    let reply = node.post(ALL, "/stock/movements", "m1", &movement("ward:WARDC")).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(lines(&node).await, ["pharmacy L2231 -20", "ward L2231 20"]);
    let again = node.post(ALL, "/stock/movements", "m1", &movement("ward:WARDC")).await;
    assert_eq!((again.status, &again.body), (201, &reply.body), "a repeat moves nothing");
    let found = node.get(ALL, "/stock/items/PARA500").await.json();
    let ward = &found["places"][1];
    assert_eq!((&ward["expiry"], &ward["cost"]), (&json!("2027-01-31"), &json!("0.0125")));

    let sent = movement("ward:WARDD").replace("\"item\"", "\"sent\":true,\"item\"");
    let reply = node.post(ALL, "/stock/movements", "m2", &sent).await;
    let consignment = reply.json()["id"].as_str().unwrap().to_owned();
    assert!(lines(&node).await.contains(&"transit L2231 20".to_owned()));
    let path = format!("/stock/consignments/{consignment}/receipt");
    let receipt = json!({
        "quantity": "18", "complete": true, "person": "N1001", "activity": "2026-11-20T09:30:00Z",
    });
    let reply = node.post(ALL, &path, "r1", &receipt.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let cases = node.get(ALL, "/cases?kind=consignment").await.json();
    assert_eq!(cases["cases"][0]["reason"], "less-arrived");
    assert_eq!(cases["cases"][0]["quantity"], "2");

    let count = json!({
        "place": "ward:WARDC", "item": "PARA500", "found": "19", "person": "N1001",
        "activity": "2026-11-20T09:40:00Z",
    });
    let reply = node.post(ALL, "/stock/counts", "c1", &count.to_string()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(lines(&node).await.contains(&"ward L2231 19".to_owned()));
}

#[tokio::test]
async fn what_is_no_movement_is_refused() {
    let node = Node::start().await;
    let check = async |key: &str, from: &str, to: &str, code: &str, status: u16| {
        let body = movement(to).replace("\"pharmacy\"", &format!("{from:?}"));
        let reply = node.post(ALL, "/stock/movements", key, &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{from} {to}");
    };
    check("1", "cupboard:7", "pharmacy", "bad-value", 400).await;
    check("2", "pharmacy", "cabinet:ASK/NONE", "unknown-cabinet", 422).await;
    check("3", "hands:rxx.1.1", "waste", "bad-value", 422).await;
    check("4", "pharmacy", "discrepancy:ASK/WARDC1", "bad-value", 422).await;
    check("5", "pharmacy", "pharmacy", "bad-value", 422).await;
}

#[tokio::test]
async fn a_recalled_batch_is_refused_and_found_with_those_who_had_it() {
    let node = Node::start().await;
    let permit = node.remove("k1").await.json();
    let permit = permit["permit"].as_str().unwrap();
    let path = format!("/cabinet/removals/{permit}/completion");
    let mut done: Value = serde_json::from_str(&completion("ASK/WARDC1", "2")).unwrap();
    done["batch"] = "L2231".into();
    assert_eq!(node.post(ALL, &path, "k2", &done.to_string()).await.status, 200);

    let reply = node.post(ALL, "/stock/recalls", "r1", &recall("L2231")).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let traced = node.get(ALL, "/stock/recalls/PARA500/L2231").await.json();
    assert_eq!(traced["recall"]["reason"], "EL(26)A/1");
    assert_eq!(traced["places"][0]["place"], format!("hands:{permit}"));
    let act = &traced["acts"][0];
    assert_eq!((&act["act"], &act["certain"]), (&json!("removal"), &json!(true)));
    let patient = act["patient"].as_str().unwrap();
    let seen = node.facts().into_iter().any(|fact| match fact {
        Fact::Seen(seen) => {
            seen.what == "recall" && seen.patient.is_some_and(|id| id.as_str() == patient)
        }
        _ => false,
    });
    assert!(seen, "who looked at whom is in the journal");
    let cases = node.get(ALL, "/cases?kind=recall").await.json();
    assert_eq!(cases["cases"][0]["reason"], "recalled-in-hands");

    let filled = movement("cabinet:ASK/WARDC1");
    assert_eq!(node.post(ALL, "/stock/movements", "m1", &filled).await.status, 201);
    let lifted = recall("L2231").replace("\"item\"", "\"lifted\":true,\"item\"");
    assert_eq!(node.post(ALL, "/stock/recalls", "r2", &lifted).await.status, 200);
    let cases = node.get(ALL, "/cases?kind=recall").await.json();
    assert_eq!(cases["cases"], json!([]), "a lifted recall asks for nothing");
}

#[tokio::test]
async fn the_critical_override_is_switched_shown_and_stands_for_an_order() {
    let node = Node::start().await;
    let switch = |on: bool, person: &str| {
        json!({ "on": on, "person": person, "reason": "the ePMA is down" }).to_string()
    };
    let reply = node.post(ALL, PATH, "s1", &switch(true, "N1001")).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "bad-value"), "a nurse may not");
    let other = removal().replace("PARA500", "IBU200");
    let reply = node.post(ALL, "/cabinet/removals", "a1", &other).await;
    assert_eq!(reply.code(), "item-not-of-order");
    assert_eq!(node.post(ALL, PATH, "s2", &switch(true, "E1")).await.status, 200);
    let shown = node.get(ALL, PATH).await.json();
    assert_eq!((&shown["on"], &shown["spans"][0]["by"]), (&json!(true), &json!("E1")));
    let reply = node.post(ALL, "/cabinet/removals", "a2", &other).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let cases = node.get(ALL, "/cases?kind=override").await.json();
    assert_eq!(cases["cases"][0]["reason"], "critical-override");
    assert_eq!(node.post(ALL, PATH, "s3", &switch(false, "E1")).await.status, 200);
    let reply = node.post(ALL, "/cabinet/removals", "a3", &other).await;
    assert_eq!(reply.status, 403, "{reply:?}");
    assert_eq!(node.get(ALL, PATH).await.json()["spans"][0]["endedBy"], "E1");
}

#[tokio::test]
async fn a_persons_own_client_moves_and_recalls_for_nobody_else() {
    let node = Node::start().await;
    let own = "desk-of-n1002";
    let count = json!({
        "place": "ward:WARDC", "item": "PARA500", "found": "5", "person": "N1001",
        "activity": "2026-11-20T09:30:00Z",
    });
    let receipt = json!({
        "quantity": "5", "complete": true, "person": "N1001",
        "activity": "2026-11-20T09:30:00Z",
    });
    for (path, body) in [
        ("/stock/movements", movement("ward:WARDC")),
        ("/stock/recalls", recall("L2231")),
        ("/stock/counts", count.to_string()),
        ("/stock/consignments/rxx.1.1/receipt", receipt.to_string()),
    ] {
        let reply = node.post(own, path, "k1", &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad-value"), "{path}");
    }
    let moved = movement("ward:WARDC").replace("N1001", "N0").replace("N1002", "N1001");
    let moved = moved.replace("N0", "N1002");
    assert_eq!(node.post(own, "/stock/movements", "k2", &moved).await.status, 201);
}
