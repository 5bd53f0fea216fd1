//! Subscriptions as R4 has them without the guide: to a search, told over real TCP by PUT of the
//! resource or by an empty POST.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{AllowEntry, AllowList, Policy, Subscriptions, Telling, Trust};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::harness::{ALL, Node};

const PATIENCE: Duration = Duration::from_mins(1);

/// A request that came: method, path, Content-Type, body.
type Came = (String, String, Option<String>, String);

/// Another system's server, which refuses every third request.
struct Receiver {
    base: String,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Receiver {
    async fn start() -> Receiver {
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let keeps = Arc::clone(&came);
        let mut count = 0;
        let moody = Arc::new(Mutex::new(move || {
            count += 1;
            count % 3 == 0
        }));
        let take = move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let kind = headers.get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
            let body = String::from_utf8(body.to_vec()).unwrap();
            let refused = (moody.lock().unwrap())();
            if !refused {
                let came = (method.to_string(), uri.to_string(), kind, body);
                keeps.lock().unwrap().push(came);
            }
            let status = if refused { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
            async move { status }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { base, came }
    }

    async fn until(&self, count: usize) -> Vec<Came> {
        let wait = async {
            loop {
                let came = self.came.lock().unwrap().clone();
                if came.len() >= count {
                    return came;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("came: {:#?}", self.came))
    }
}

async fn start() -> (Node, Receiver, Telling) {
    let node = Node::start_with(|server| server, None).await;
    let receiver = Receiver::start().await;
    let entry = AllowEntry { url: receiver.base.clone(), networks: vec![] };
    let allow = AllowList::read(&[entry]).unwrap();
    let policy = Policy {
        attempts: 1_000,
        first_wait: Duration::from_millis(1),
        most_wait: Duration::from_millis(5),
        pace: Duration::ZERO,
        ..Policy::new(allow, Trust::read(None).unwrap())
    };
    node.state.subscriptions().replace(policy);
    let telling = Subscriptions::start(&node.state);
    (node, receiver, telling)
}

fn wanted(criteria: &str, endpoint: &str, payload: Option<&str>) -> Value {
    let mut wanted = json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to know",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": endpoint},
    });
    if let Some(payload) = payload {
        wanted["channel"]["payload"] = json!(payload);
    }
    wanted
}

/// Asks for a subscription, and waits until it is active.
async fn subscribe(node: &Node, wanted: &Value) -> String {
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wanted.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/fhir/Subscription/{id}");
    let wait = async {
        while node.get(ALL, &path).await.json()["status"] != "active" {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it becomes active without a word to its endpoint");
    id
}

fn observation(code: &str, status: &str) -> Value {
    let coding = json!([{"system": "http://loinc.org", "code": code}]);
    json!({"resourceType": "Observation", "status": status, "code": {"coding": coding}})
}

async fn observe(node: &Node, code: &str) -> String {
    let body = observation(code, "final").to_string();
    let reply = node.fhir("POST", "/fhir/Observation", "", &body).await;
    reply.json()["id"].as_str().unwrap().to_owned()
}

const CODE: &str = "Observation?code=http://loinc.org|718-7&status=final";

#[tokio::test(flavor = "multi_thread")]
async fn with_a_payload_the_resource_is_put_under_the_endpoint() {
    let (node, receiver, _telling) = start().await;
    let base = format!("{}/fhir/", receiver.base);
    subscribe(&node, &wanted(CODE, &base, Some("application/fhir+json"))).await;
    let first = observe(&node, "718-7").await;
    observe(&node, "789-8").await;
    // It no longer meets the criteria, then it is gone: neither is told (R4 §2.46).
    let path = format!("/fhir/Observation/{first}");
    let mut changed = observation("718-7", "cancelled");
    changed["id"] = json!(first);
    assert_eq!(node.fhir("PUT", &path, "", &changed.to_string()).await.status, 200);
    changed["status"] = json!("final");
    assert_eq!(node.fhir("PUT", &path, "", &changed.to_string()).await.status, 200);
    node.fhir("DELETE", &path, "", "").await;
    let second = observe(&node, "718-7").await;
    let came = receiver.until(3).await;
    assert_eq!(came.len(), 3, "{came:#?}");
    let expected = [(&first, "1"), (&first, "3"), (&second, "1")];
    for ((method, path, kind, body), (id, version)) in came.iter().zip(expected) {
        let resource: Value = serde_json::from_str(body).unwrap();
        assert_eq!((method.as_str(), path), ("PUT", &format!("/fhir/Observation/{id}")));
        assert_eq!(kind.as_deref(), Some("application/fhir+json"));
        assert_eq!(
            (&resource["id"], &resource["meta"]["versionId"]),
            (&json!(id), &json!(version))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_one_it_is_told_that_something_happened_and_in_xml_where_it_says_so() {
    let (node, receiver, _telling) = start().await;
    let hook = format!("{}/hook?key=1", receiver.base);
    let id = subscribe(&node, &wanted("Observation?", &hook, None)).await;
    for n in 0..4 {
        observe(&node, &format!("{n}")).await;
    }
    let empty = ("POST".to_owned(), "/hook?key=1".to_owned(), None, String::new());
    assert_eq!(receiver.until(4).await, vec![empty; 4]);
    node.fhir("DELETE", &format!("/fhir/Subscription/{id}"), "", "").await;
    let wanted = wanted("Observation", &receiver.base, Some("application/fhir+xml"));
    subscribe(&node, &wanted).await;
    let id = observe(&node, "1").await;
    let came = receiver.until(5).await;
    assert_eq!((&came[4].0, &came[4].1), (&"PUT".to_owned(), &format!("/Observation/{id}")));
    assert_eq!(came[4].2.as_deref(), Some("application/fhir+xml"));
    assert!(came[4].3.contains("<Observation ") && came[4].3.contains(&id), "{}", came[4].3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_refused_with_the_reason() {
    let (node, receiver, _telling) = start().await;
    let refused = async |wanted: Value, at: &str| {
        let reply = node.fhir("POST", "/fhir/Subscription", "", &wanted.to_string()).await;
        let place = reply.json()["issue"][0]["expression"][0].clone();
        assert_eq!((reply.status, place), (422, json!(at)), "{reply:?}");
    };
    let base = receiver.base.as_str();
    let long = format!("Observation?code={}", ["718-7"; 350].join(","));
    for criteria in [
        "Observation?colour=red",
        "Observation?patient.name=x",
        "Observation?_count=3",
        "Observation?interaction=delete",
        "Observation?%69nteraction=delete",
        "Observation?code=718-7&interaction%3Anot=create",
        "Observation?Observation?code=718-7",
        "Observation?&",
        long.as_str(),
        "Goat?x=1",
        "Subscription?status=active",
        "?code=1",
    ] {
        refused(wanted(criteria, base, None), "Subscription.criteria").await;
    }
    let payload = "Subscription.channel.payload";
    refused(wanted(CODE, base, Some("text/plain")), payload).await;
    let hook = format!("{base}/hook?key=1");
    let endpoint = "Subscription.channel.endpoint";
    refused(wanted(CODE, &hook, Some("application/fhir+json")), endpoint).await;
    refused(wanted(CODE, "http://127.0.0.1:1/", None), endpoint).await;
    let mut email = wanted(CODE, base, None);
    email["channel"]["type"] = json!("email");
    refused(email, "Subscription.channel.type").await;
    // What the guide says of a heartbeat would not be kept.
    let guide = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
    let mut heartbeat = wanted(CODE, base, None);
    let url = format!("{guide}backport-heartbeat-period");
    heartbeat["channel"]["extension"] = json!([{"url": url, "valueUnsignedInt": 60}]);
    refused(heartbeat, "Subscription.criteria").await;
    assert!(receiver.came.lock().unwrap().is_empty());
}
