//! The worklist: pages, what settles a case, and replays.

use std::sync::Arc;

use api::{ReplayError, Replayer, Replaying, Role};
use engine::{Engine, Receipt};
use fhir::Id;
use medicines::{Problem, ProblemCode, Request};

use crate::harness::{ALL, ANNA, Node, administration, token_of};

async fn park(node: &Node) {
    let problem = Problem::new(ProblemCode::UnknownOrder, "No order has this number.");
    node.submit("epma", Request::Park(problem)).await;
}

fn ids(reply: &serde_json::Value) -> Vec<String> {
    let cases = reply["cases"].as_array().unwrap().iter();
    cases.map(|case| case["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_hold_every_case_once() {
    let node = Node::start().await;
    for _ in 0..5 {
        park(&node).await;
    }
    let all = ids(&node.get(ALL, "/cases").await.json());
    assert_eq!(all.len(), 5);
    for state in ["open", "all"] {
        let mut found = Vec::new();
        let mut page = String::new();
        loop {
            let reply = node.get(ALL, &format!("/cases?state={state}&limit=2{page}")).await.json();
            found.extend(ids(&reply));
            let Some(next) = reply["next"].as_u64() else {
                break;
            };
            page = format!("&page={next}");
        }
        if state == "all" {
            found.reverse();
        }
        assert_eq!(found, all, "{state}");
    }
    assert_eq!(node.get(ALL, "/cases?state=shut").await.code(), "bad-query");
}

#[tokio::test]
async fn a_list_is_journalled_for_each_patient_on_it() {
    let node = Node::start().await;
    // A dose without a removal opens a case about Anna.
    node.post(ALL, "/administrations", "k1", &administration()).await;
    park(&node).await;
    let anna = node.patient(ANNA).await;
    let before = node.accesses().len();
    let cases = node.get(&token_of(Role::Cases), "/cases").await.json();
    assert_eq!(cases["cases"][0]["patient"], anna);
    let seen = node.accesses().split_off(before);
    assert_eq!(seen.len(), 1, "{seen:?}");
    let (true, access) = &seen[0] else { panic!("{seen:?}") };
    assert_eq!((access.who.as_str(), access.what.as_str()), ("cases", "cases"));
    assert_eq!(access.patient.as_deref(), Some(anna.as_str()));
}

#[tokio::test]
async fn a_persons_own_client_settles_for_nobody_else() {
    let node = Node::start().await;
    let own = "desk-of-n1002";
    let settle = async |case: &str, key: &str, body: &str| {
        node.post(own, &format!("/cases/{case}/resolution"), key, body).await
    };
    for (named, by) in [(r#""by":"N1002","#, "N1002"), ("", "N1002")] {
        park(&node).await;
        let id = ids(&node.get(ALL, "/cases").await.json()).remove(0);
        let other = settle(&id, &format!("{id}-1"), r#"{"by":"N1001","resolution":"x"}"#).await;
        assert_eq!((other.status, other.code().as_str()), (400, "bad-value"), "{other:?}");
        let body = format!(r#"{{{named}"resolution":"sent again"}}"#);
        let reply = settle(&id, &format!("{id}-2"), &body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let all = node.get(ALL, "/cases?state=all").await.json();
        assert_eq!(all["cases"][0]["closed"]["by"], by);
    }
    // The same holds of a pharmacist's word.
    let word = r#"{"version":1,"word":"verify","by":"P1"}"#;
    let reply = node.post(own, "/verification/orders/rxx.9.9", "w", word).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-value"), "{reply:?}");
}

#[tokio::test]
async fn a_case_is_settled_once() {
    let node = Node::start().await;
    park(&node).await;
    let id = ids(&node.get(ALL, "/cases").await.json()).remove(0);
    let path = format!("/cases/{id}/resolution");
    let body = r#"{"by":"P2001","resolution":"order sent again"}"#;
    for key in ["k1", "k1"] {
        let reply = node.post(ALL, &path, key, body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "{}"), "{reply:?}");
    }
    let reply = node.post(ALL, &path, "k2", body).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "unknown-case"));
    assert!(ids(&node.get(ALL, "/cases").await.json()).is_empty());
    let closed = &node.get(ALL, "/cases?state=all").await.json()["cases"][0]["closed"];
    assert_eq!(
        (&closed["by"], &closed["resolution"]),
        (&"P2001".into(), &"order sent again".into())
    );
    let reply = node.post(ALL, "/cases/a%20b/resolution", "k3", body).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "unknown-case"));
}

/// Replays what the bedside sent, as a node does; other cases by what they are called.
struct Bedside(std::sync::OnceLock<Engine>);

impl Replayer for Bedside {
    fn replay<'a>(&'a self, case: &'a Id, _: Option<Vec<u8>>, by: &'a str) -> Replaying<'a> {
        Box::pin(async move {
            match case.as_str() {
                "stopped" => return Err(ReplayError::Stopped),
                "unreadable" => return Err(ReplayError::Unreadable("file".to_owned())),
                "foreign" => return Err(ReplayError::NotReplayable("no channel".to_owned())),
                _ => {}
            }
            let engine = self.0.get().unwrap();
            let readers = engine.readers();
            let view = readers.get().unwrap().case(case).unwrap();
            let Some(view) = view else {
                return Err(ReplayError::UnknownCase);
            };
            let entry = engine.journal().unwrap().get(view.case.entry).unwrap().unwrap();
            let channel = view.case.channel.unwrap();
            let request = api::reread(&channel, &entry.raw).unwrap().unwrap();
            Ok(replay(engine, case, by, request).await)
        })
    }
}

async fn replay(engine: &Engine, case: &Id, by: &str, request: Request) -> Receipt {
    let (case, request) = (case.clone(), Box::new(request));
    let request = Request::Replay { case, entry: 1, by: by.to_owned(), request };
    let command = engine::Command::internal(by, engine.clock().now(), request);
    engine.submit(command).await.unwrap()
}

#[tokio::test]
async fn a_parked_dose_is_replayed_once_the_cause_is_mended() {
    let replayer = Arc::new(Bedside(std::sync::OnceLock::new()));
    let node = Node::start_with(|server| server, Some(replayer.clone())).await;
    assert!(replayer.0.set(node.engine.clone()).is_ok());
    let reply = node.post(ALL, "/administrations", "k1", &administration()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "unknown-patient"));
    let id = ids(&node.get(ALL, "/cases").await.json()).remove(0);
    let path = format!("/cases/{id}/replay");
    let head = format!("POST {path} HTTP/1.1\nAuthorization: Bearer {ALL}");
    let reply = node.send(&head, "").await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "unknown-patient"));
    node.admit(ANNA).await;
    node.order("7001", ANNA).await;
    let reply = node.send(&head, "").await;
    assert_eq!((reply.status, &reply.json()["outcome"]), (200, &"done".into()), "{reply:?}");
    let reply = node.send(&head, "").await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "unknown-case"));
    for (case, status, code) in [
        ("none", 404, "unknown-case"),
        ("stopped", 503, "stopped"),
        ("unreadable", 500, "internal"),
        ("foreign", 422, "not-replayable"),
    ] {
        let reply = node.post(ALL, &format!("/cases/{case}/replay"), "k", "").await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(!reply.body.contains("file"), "{reply:?}");
    }
    assert!(api::reread("epma", b"").is_none());
    assert!(matches!(api::reread("bedside", b"{}"), Some(Err(_))));
}
