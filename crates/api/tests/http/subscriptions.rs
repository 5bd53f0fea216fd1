//! Subscriptions: subscribers over real TCP that take, refuse, and are not there.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::{AllowEntry, AllowList, Client, Clients, Policy, Role, Subscriptions, Telling, Trust};
use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use medicines::{Fact, Request};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::harness::{ALL, ANNA, Node, all_clients, token_of};

const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A subscriber's endpoint.
pub(crate) struct Receiver {
    address: SocketAddr,
    came: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    status: Arc<AtomicU16>,
    running: tokio::task::JoinHandle<()>,
}

impl Receiver {
    async fn start() -> Receiver {
        Receiver::at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn at(address: SocketAddr) -> Receiver {
        let came: Arc<Mutex<Vec<(HeaderMap, String)>>> = Arc::default();
        let status = Arc::new(AtomicU16::new(200));
        let (keeps, says) = (Arc::clone(&came), Arc::clone(&status));
        let take = move |headers: HeaderMap, body: Bytes| {
            let status = StatusCode::from_u16(says.load(Ordering::SeqCst)).unwrap();
            let text = String::from_utf8(body.to_vec()).unwrap();
            keeps.lock().unwrap().push((headers, text));
            async move { (status, [("location", "http://127.0.0.1:1/elsewhere")], "thank you") }
        };
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take);
        let running = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { address, came, status, running }
    }

    fn url(&self) -> String {
        format!("http://{}/in?x=1", self.address)
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    fn bundles(&self) -> Vec<Value> {
        let came = self.came.lock().unwrap();
        came.iter().map(|(_, text)| serde_json::from_str(text).unwrap()).collect()
    }

    /// What came, once the last of it is what is asked for.
    async fn until(&self, asked: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let wait = async {
            loop {
                let bundles = self.bundles();
                if asked(&bundles) {
                    return bundles;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("came: {:#?}", self.bundles()))
    }

    /// The numbers of the events that came, in their order.
    fn numbers(&self) -> Vec<u64> {
        self.bundles().iter().flat_map(numbers).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A parameter of the status of a notification.
fn said(bundle: &Value, name: &str) -> Option<String> {
    let all = bundle["entry"][0]["resource"]["parameter"].as_array()?;
    let one = all.iter().find(|one| one["name"] == name)?;
    let values = ["valueCode", "valueString", "valueCanonical"];
    values.iter().find_map(|value| Some(one.get(value)?.as_str()?.to_owned()))
}

fn parts<'a>(bundle: &'a Value, name: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = bundle["entry"][0]["resource"]["parameter"].as_array().unwrap();
    let events = all.iter().filter(|one| one["name"] == "notification-event");
    let parts = events.flat_map(|event| event["part"].as_array().unwrap());
    parts.filter(move |part| part["name"] == name)
}

fn numbers(bundle: &Value) -> Vec<u64> {
    let all = parts(bundle, "event-number");
    all.map(|part| part["valueString"].as_str().unwrap().parse().unwrap()).collect()
}

fn kind(bundle: &Value) -> String {
    said(bundle, "type").unwrap()
}

/// A policy that allows these endpoints and waits for nothing.
fn policy(urls: &[String]) -> Policy {
    let entry = |url: &String| AllowEntry {
        url: url.split("/in").next().unwrap().to_owned(),
        networks: vec![],
    };
    let allow = AllowList::read(&urls.iter().map(entry).collect::<Vec<_>>()).unwrap();
    Policy {
        attempts: 1_000_000,
        first_wait: Duration::from_millis(1),
        most_wait: Duration::from_millis(20),
        pace: Duration::ZERO,
        ..Policy::new(allow, Trust::read(None).unwrap())
    }
}

fn tell(node: &Node, policy: Policy) -> Telling {
    node.state.subscriptions().replace(policy);
    Subscriptions::start(&node.state)
}

/// A subscription to a topic with the endpoint, and what else is in its channel.
fn wanted(topic: &str, url: &str, content: &str) -> Value {
    json!({
        "resourceType": "Subscription",
        "meta": {"profile": [format!("{GUIDE}backport-subscription")]},
        "status": "requested",
        "reason": "to know",
        "criteria": format!("urn:interlock:topic:{topic}"),
        "channel": {
            "type": "rest-hook",
            "endpoint": url,
            "payload": "application/fhir+json",
            "_payload": {"extension": [
                {"url": format!("{GUIDE}backport-payload-content"), "valueCode": content}
            ]},
        },
    })
}

fn filtered(mut subscription: Value, filters: &[&str]) -> Value {
    let url = format!("{GUIDE}backport-filter-criteria");
    if filters.is_empty() {
        return subscription;
    }
    let all = filters.iter().map(|filter| json!({"url": url, "valueString": filter}));
    subscription["_criteria"] = json!({"extension": all.collect::<Vec<_>>()});
    subscription
}

fn set(mut subscription: Value, name: &str, value: u64) -> Value {
    let extension = json!([{"url": format!("{GUIDE}{name}"), "valueUnsignedInt": value}]);
    subscription["channel"]["extension"] = extension;
    subscription
}

pub(crate) async fn subscribe(node: &Node, subscription: &Value) -> String {
    let reply = node.fhir("POST", "/fhir/Subscription", "", &subscription.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

async fn stands(node: &Node, id: &str) -> (String, Option<String>) {
    let json = node.get(ALL, &format!("/fhir/Subscription/{id}")).await.json();
    let error = json["error"].as_str().map(str::to_owned);
    (json["status"].as_str().unwrap().to_owned(), error)
}

async fn until_it_is(node: &Node, id: &str, status: &str) -> Option<String> {
    let wait = async {
        loop {
            let (now, error) = stands(node, id).await;
            if now == status {
                return error;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{id} is not {status}"))
}

async fn observe(node: &Node, n: u32, code: &str) -> String {
    let body = json!({
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "valueQuantity": {"value": n, "unit": "1"},
    });
    let reply = node.fhir("POST", "/fhir/Observation", "", &body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

async fn started() -> Node {
    Node::start_with(|server| server, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_shakes_hands_and_is_told_in_order() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let mut asked =
        set(wanted("Observation", &receiver.url(), "full-resource"), "backport-max-count", 1);
    asked["channel"]["header"] = json!(["Authorization: Bearer secret-of-app", "X-Ward: 7"]);
    let id = subscribe(&node, &asked).await;
    let ids = [observe(&node, 1, "a").await, observe(&node, 2, "b").await];
    let came = receiver.until(|came| came.len() == 3).await;

    assert_eq!(
        came.iter().map(kind).collect::<Vec<_>>(),
        ["handshake", "event-notification", "event-notification"]
    );
    let starts: Vec<_> = came.iter().map(|c| said(c, "events-since-subscription-start")).collect();
    assert_eq!(starts, ["0", "1", "2"].map(|n| Some(n.to_owned())));
    assert_eq!(said(&came[0], "status").as_deref(), Some("requested"));
    assert_eq!(said(&came[1], "status").as_deref(), Some("active"));
    assert_eq!(said(&came[1], "topic").as_deref(), Some("urn:interlock:topic:Observation"));
    for (came, id) in came[1..].iter().zip(&ids) {
        assert_eq!(came["type"], "history");
        let address = format!("https://interlock.example/fhir/Observation/{id}");
        assert_eq!(came["entry"][1]["fullUrl"], address);
        assert_eq!(came["entry"][1]["request"], json!({"method": "POST", "url": "Observation"}));
        let focus = parts(came, "focus").next().unwrap();
        assert_eq!(focus["valueReference"]["reference"], address);
        let read = node.get(ALL, &format!("/fhir/Observation/{id}")).await.json();
        assert_eq!(came["entry"][1]["resource"], read);
    }
    let headers = receiver.came.lock().unwrap()[1].0.clone();
    assert_eq!(headers["authorization"], "Bearer secret-of-app");
    assert_eq!(headers["x-ward"], "7");
    assert_eq!(headers["content-type"], "application/fhir+json");
    assert_eq!(stands(&node, &id).await, ("active".to_owned(), None));

    // The secret is nowhere but where the node calls with it.
    let read = node.get(ALL, &format!("/fhir/Subscription/{id}")).await;
    assert_eq!(read.json()["channel"]["header"], json!(["authorization: ***", "x-ward: ***"]));
    for path in ["/fhir/Subscription", "/fhir/_history", "/fhir/Subscription?_text=secret"] {
        assert!(!node.get(ALL, path).await.body.contains("secret-of-app"), "{path}");
    }
    let found = node.get(ALL, &format!("/fhir/Subscription?_id={id}&_content=secret-of-app")).await;
    assert!(found.json()["entry"].is_null(), "{found:?}");
    let journal = node.engine.journal().unwrap();
    let entries = journal.read_from(1, 1000).unwrap();
    assert!(entries.iter().all(|entry| !String::from_utf8_lossy(&entry.raw).contains("secret-of")));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_of_content_tells_what_it_says() {
    let (node, receiver) = (Node::start().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let anna = node.patient(ANNA).await;
    for content in ["empty", "id-only", "full-resource"] {
        let receiver = Receiver::start().await;
        let urls = [receiver.url()];
        node.state.subscriptions().replace(policy(&urls));
        let id = subscribe(&node, &wanted("order-changed", &receiver.url(), content)).await;
        node.order(&format!("800{content}"), ANNA).await;
        let came = receiver.until(|came| came.len() == 2).await;
        let event = &came[1];
        assert_eq!(numbers(event), [1], "{content}");
        assert_eq!(parts(event, "focus").count(), usize::from(content != "empty"), "{content}");
        assert_eq!(said(event, "topic").is_some(), content != "empty");
        let entries = event["entry"].as_array().unwrap().len();
        assert_eq!(entries, 1 + usize::from(content == "full-resource"), "{content}");
        assert_eq!(event.to_string().contains(&anna), content == "full-resource", "{content}");

        // Whose data was told is in the journal; that something happened is nobody's data.
        let told = format!("Subscription/{id}");
        let seen = node.accesses().into_iter().filter(|(seen, access)| {
            *seen && access.what == "subscription" && access.detail.as_deref() == Some(&told)
        });
        let patients: Vec<_> =
            seen.map(|(_, access)| access.patient.unwrap().to_string()).collect();
        let expected = if content == "empty" { vec![] } else { vec![anna.clone()] };
        assert_eq!(patients, expected, "{content}");
        node.fhir("DELETE", &format!("/fhir/Subscription/{id}"), "", "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_choose_what_is_told() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let asked = wanted("Observation", &receiver.url(), "id-only");
    let asked = filtered(
        asked,
        &["Observation?code=http://loinc.org|a&status=final", "interaction=create,delete"],
    );
    subscribe(&node, &asked).await;
    observe(&node, 1, "b").await;
    let one = observe(&node, 2, "a").await;
    let changed = json!({
        "resourceType": "Observation", "id": one, "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "a"}]}, "valueString": "x",
    });
    let path = format!("/fhir/Observation/{one}");
    assert_eq!(node.fhir("PUT", &path, "", &changed.to_string()).await.status, 200);
    assert_eq!(node.fhir("DELETE", &path, "", "").await.status, 204);
    let two = observe(&node, 3, "a").await;
    let told = |came: &[Value]| came.iter().flat_map(numbers).count() == 3;
    let came = receiver.until(told).await;
    let focus = |one: &Value| one["valueReference"]["reference"].as_str().unwrap().to_owned();
    let focuses: Vec<String> =
        came.iter().flat_map(|came| parts(came, "focus").map(focus).collect::<Vec<_>>()).collect();
    let address = |id: &str| format!("https://interlock.example/fhir/Observation/{id}");
    assert_eq!(focuses, [address(&one), address(&one), address(&two)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_tells_of_patients_orders_and_cases() {
    let (node, receiver) = (Node::start().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let anna = node.patient(ANNA).await;
    let patient = format!("patient=Patient/{anna}");
    for (topic, filters) in [
        ("encounter-admitted", vec![]),
        ("order-changed", vec![patient.as_str(), "MedicationRequest?status=active"]),
        ("case-opened", vec!["Case?code=parked-message"]),
    ] {
        subscribe(&node, &filtered(wanted(topic, &receiver.url(), "id-only"), &filters)).await;
    }
    receiver.until(|came| came.len() == 3).await;
    node.admit("9990000026").await;
    node.order("7002", ANNA).await;
    node.order("7003", "9990000026").await;
    let problem = medicines::Problem::new(medicines::ProblemCode::Malformed, "no message");
    node.submit("pas", Request::Park(problem)).await;
    let came = receiver.until(|came| came.len() == 6).await;
    let topics: BTreeSet<String> =
        came[3..].iter().map(|came| said(came, "topic").unwrap()).collect();
    assert_eq!(topics.len(), 3, "{topics:?}");
    let told = |came: &&Value| said(came, "topic").unwrap().ends_with("case-opened");
    let parked = came[3..].iter().find(told).unwrap();
    let focus = parts(parked, "focus").next().unwrap();
    assert_eq!(focus["valueReference"]["display"], "parked-message");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_receiver_is_away() {
    let node = started().await;
    let receiver = Receiver::start().await;
    let (address, url) = (receiver.address, receiver.url());
    let _telling = tell(&node, policy(std::slice::from_ref(&url)));
    let id =
        subscribe(&node, &set(wanted("Observation", &url, "id-only"), "backport-max-count", 2))
            .await;
    observe(&node, 0, "a").await;
    receiver.until(|came| came.len() == 2).await;
    // First it refuses, then it is not there at all.
    receiver.answer(503);
    for n in 1..5 {
        observe(&node, n, "a").await;
    }
    receiver.until(|came| came.len() > 4).await;
    let refused = receiver.bundles().split_off(2);
    let same: BTreeSet<String> = refused.iter().map(|came| came["id"].to_string()).collect();
    assert!(same.len() <= 2, "a repeat is known by its number and its id: {same:?}");
    drop(receiver);
    let view =
        || node.state.subscriptions().views().into_iter().find(|view| *view.id == *id).unwrap();
    timeout(PATIENCE, async {
        while !(view().down && view().waiting.is_some()) {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    observe(&node, 5, "a").await;
    sleep(Duration::from_millis(50)).await;
    let receiver = timeout(PATIENCE, async {
        loop {
            // The address may be in use still.
            if TcpListener::bind(address).await.is_ok() {
                return Receiver::at(address).await;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    receiver.until(|came| came.iter().flat_map(numbers).last() == Some(6)).await;
    assert_eq!(receiver.numbers(), [2, 3, 4, 5, 6]);
    assert_eq!(stands(&node, &id).await.0, "active");
    timeout(PATIENCE, async {
        while view().down || view().waiting.is_some() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_events_are_told_one_by_one() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let id = subscribe(&node, &wanted("Basic", &receiver.url(), "id-only")).await;
    until_it_is(&node, &id, "active").await;
    receiver.answer(500);
    // The first one waits alone, or with the others.
    for _ in 0..4 {
        let body = json!({"resourceType": "Basic", "code": {"text": "x".repeat(3 << 20)}});
        let reply = node.fhir("POST", "/fhir/Basic", "", &body.to_string()).await;
        assert_eq!(reply.status, 201);
    }
    receiver.answer(200);
    let last = |came: &[Value]| came.last().is_some_and(|one| numbers(one) == [4]);
    let came = receiver.until(last).await;
    assert!(came.iter().all(|one| numbers(one).len() <= 1), "{:?}", receiver.numbers());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_goes_on_where_it_was() {
    let receiver = Receiver::start().await;
    let urls = [receiver.url()];
    let mut node = started().await;
    let mut telling = tell(&node, policy(&urls));
    let id =
        subscribe(&node, &set(wanted("Observation", &urls[0], "id-only"), "backport-max-count", 3))
            .await;
    for round in 0..4_u32 {
        for n in 0..5 {
            observe(&node, n, "a").await;
        }
        if round % 2 == 0 {
            receiver
                .until(|came| came.iter().flat_map(numbers).max() >= Some(u64::from(round) * 5 + 2))
                .await;
        } else {
            receiver.answer(500);
        }
        // In the middle: something is on its way, and something waits.
        drop(telling);
        let folder = node.kill().await;
        receiver.answer(200);
        node = timeout(PATIENCE, async { Node::start_in(folder, |server| server, None).await })
            .await
            .unwrap();
        telling = tell(&node, policy(&urls));
    }
    receiver.until(|came| came.iter().flat_map(numbers).max() == Some(20)).await;
    let numbers = receiver.numbers();
    let distinct: Vec<u64> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(distinct, (1..=20).collect::<Vec<u64>>());
    // In order, but for repeats, and the same number is always about the same resource.
    let mut firsts: Vec<u64> = Vec::new();
    for n in &numbers {
        if !firsts.contains(n) {
            firsts.push(*n);
        }
    }
    assert_eq!(firsts, distinct, "{numbers:?}");
    let mut about: BTreeSet<(u64, String)> = BTreeSet::new();
    for came in receiver.bundles() {
        let focus = |part: &Value| part["valueReference"]["reference"].as_str().unwrap().to_owned();
        let focuses: Vec<String> = parts(&came, "focus").map(focus).collect();
        about.extend(self::numbers(&came).into_iter().zip(focuses));
    }
    assert_eq!(about.len(), 20);
    until_events(&node, &id, 20).await;
    drop(telling);
}

async fn until_events(node: &Node, id: &str, events: u64) {
    let wait = async {
        loop {
            let bundle = node.get(ALL, &format!("/fhir/Subscription/{id}/$status")).await.json();
            if said(&bundle, "events-since-subscription-start") == Some(events.to_string()) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_failure_is_an_error_until_it_is_asked_for_again() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let few = Policy { attempts: 3, ..policy(&[receiver.url()]) };
    let _telling = tell(&node, few);
    let asked = wanted("Observation", &receiver.url(), "id-only");
    // A redirect is no success, and is not followed.
    receiver.answer(307);
    let id = subscribe(&node, &asked).await;
    let error = until_it_is(&node, &id, "error").await.unwrap();
    assert!(error.starts_with("http-307"), "{error}");
    assert_eq!(receiver.bundles().len(), 3);
    let status = node.get(ALL, &format!("/fhir/Subscription/{id}/$status")).await.json();
    assert_eq!(said(&status, "status").as_deref(), Some("error"));
    assert_eq!(said(&status, "type").as_deref(), Some("query-status"));
    assert!(status.to_string().contains("http-307"), "{status}");
    // What happens meanwhile is told once the client asks again.
    observe(&node, 1, "a").await;
    receiver.answer(200);
    let mut again = asked.clone();
    again["id"] = json!(id);
    let path = format!("/fhir/Subscription/{id}");
    assert_eq!(node.fhir("PUT", &path, "", &again.to_string()).await.status, 200);
    receiver.until(|came| came.iter().flat_map(numbers).next() == Some(1)).await;
    // What happens while it is off is not.
    again["status"] = json!("off");
    assert_eq!(node.fhir("PUT", &path, "", &again.to_string()).await.status, 200);
    observe(&node, 2, "a").await;
    again["status"] = json!("requested");
    assert_eq!(node.fhir("PUT", &path, "", &again.to_string()).await.status, 200);
    until_it_is(&node, &id, "active").await;
    let last = observe(&node, 3, "a").await;
    let came = receiver.until(|came| came.iter().flat_map(numbers).count() == 2).await;
    assert_eq!(receiver.numbers(), [1, 2]);
    assert!(came.last().unwrap().to_string().contains(&last));
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_are_asked_at_each_notification() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let id = subscribe(&node, &wanted("Observation", &receiver.url(), "id-only")).await;
    observe(&node, 1, "a").await;
    receiver.until(|came| came.len() == 2).await;
    let without = |role: Option<Role>| {
        let keep = |client: &Client| role.is_some() || client.name != "all";
        let mut clients: Vec<Client> = all_clients().into_iter().filter(keep).collect();
        for client in clients.iter_mut().filter(|client| client.name == "all") {
            client.roles.retain(|had| Some(*had) != role);
        }
        Clients::new(clients).unwrap()
    };
    node.state.roster().replace(without(Some(Role::FhirRead)));
    observe(&node, 2, "a").await;
    let read = token_of(Role::FhirRead);
    let wait = async {
        loop {
            let json = node.get(&read, &format!("/fhir/Subscription/{id}")).await.json();
            if json["status"] == "error" {
                return json["error"].as_str().unwrap().to_owned();
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let error = timeout(PATIENCE, wait).await.unwrap();
    assert!(error.starts_with("rights-missing"), "{error}");
    assert_eq!(receiver.bundles().len(), 2, "nothing more was told");
    node.state.roster().replace(without(None));
    assert_eq!(receiver.bundles().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_while_nothing_happens_and_the_end_ends() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let mut asked =
        set(wanted("Observation", &receiver.url(), "empty"), "backport-heartbeat-period", 1);
    let end = node.now() + jiff::SignedDuration::from_secs(4);
    asked["end"] = json!(end.to_string());
    let id = subscribe(&node, &asked).await;
    let came = receiver
        .until(|came| came.iter().filter(|came| kind(came) == "heartbeat").count() >= 2)
        .await;
    let heartbeat = came.iter().find(|came| kind(came) == "heartbeat").unwrap();
    assert_eq!(said(heartbeat, "events-since-subscription-start").as_deref(), Some("0"));
    assert_eq!(heartbeat["entry"].as_array().unwrap().len(), 1);
    until_it_is(&node, &id, "off").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_can_be_asked_for_again() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let id = subscribe(&node, &wanted("Observation", &receiver.url(), "id-only")).await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(observe(&node, n, "a").await);
    }
    until_events(&node, &id, 5).await;
    let path = format!("/fhir/Subscription/{id}/$events");
    let asked = format!("{path}?eventsSinceNumber=2&eventsUntilNumber=3&content=full-resource");
    let bundle = node.get(ALL, &asked).await.json();
    assert_eq!((numbers(&bundle), kind(&bundle)), (vec![2, 3], "query-event".to_owned()));
    assert_eq!(bundle["entry"][1]["resource"]["id"], ids[1]);
    assert_eq!(bundle["entry"][2]["resource"]["id"], ids[2]);
    assert_eq!(numbers(&node.get(ALL, &path).await.json()), [1, 2, 3, 4, 5]);
    let refused = |query: &'static str| {
        let path = format!("{path}?{query}");
        let node = &node;
        async move { node.get(ALL, &path).await.status }
    };
    assert_eq!(refused("eventsSinceNumber=x").await, 400);
    assert_eq!(refused("eventsSinceNumber=0").await, 400);
    assert_eq!(refused("content=all").await, 400);
    let reader = token_of(Role::FhirRead);
    assert_eq!(node.get(&reader, &path).await.status, 403, "another's");
    assert_eq!(node.get(&reader, &format!("/fhir/Subscription/{id}/$status")).await.status, 200);
    assert_eq!(node.get(ALL, "/fhir/Patient/x/$events").await.status, 404);
}

/// A node that allows two endpoints, and a subscription to the first of them.
pub(crate) async fn choosy() -> (Node, Receiver, Value) {
    let (node, receiver) = (started().await, Receiver::start().await);
    let urls = [receiver.url(), "https://open.example/in".to_owned()];
    node.state.subscriptions().replace(policy(&urls));
    let right = wanted("Observation", &urls[0], "id-only");
    (node, receiver, right)
}

/// Another value at a place is refused there.
async fn check_refused((node, right): (&Node, &Value), path: &str, value: Value, place: &str) {
    let mut wrong = right.clone();
    match (value.is_null(), path.rsplit_once('/')) {
        (true, Some((of, name))) => {
            wrong.pointer_mut(of).unwrap().as_object_mut().unwrap().remove(name);
        }
        (_, Some((of, name))) => wrong.pointer_mut(of).unwrap()[name] = value,
        _ => panic!("{path}"),
    }
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wrong.to_string()).await;
    let json = reply.json();
    let at = json["issue"][0]["expression"][0].as_str().unwrap_or_default();
    assert_eq!((reply.status, at), (422, place), "{path}: {json}");
    assert_eq!(reply.code(), "bad-subscription");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_at_its_place() {
    let (node, _receiver, right) = choosy().await;
    let check = async |path: &str, value: Value, place: &str| {
        check_refused((&node, &right), path, value, place).await;
    };
    check("/criteria", json!("Observation?code=a"), "Subscription.criteria").await;
    check("/criteria", json!("urn:interlock:topic:Goat"), "Subscription.criteria").await;
    check("/criteria", Value::Null, "Subscription.criteria").await;
    check("/status", json!("active"), "Subscription.status").await;
    check("/status", json!("error"), "Subscription.status").await;
    check("/end", json!("2020-01-01T00:00:00Z"), "Subscription.end").await;
    check("/end", json!("soon"), "Subscription.end").await;
    check("/channel", Value::Null, "Subscription.channel").await;
    check("/channel/type", json!("email"), "Subscription.channel.type").await;
    check("/channel/type", json!("websocket"), "Subscription.channel.type").await;
    check("/channel/payload", json!("text/plain"), "Subscription.channel.payload").await;
    check("/channel/_payload", Value::Null, "Subscription.channel.payload.extension").await;
    for header in ["Host: x", "no colon", "X: a\nY: b", "Content-Length: 1", ": x"] {
        check("/channel/header", json!([header]), "Subscription.channel.header[0]").await;
    }
    for header in [json!("Authorization: x"), json!({ "Authorization": "x" })] {
        check("/channel/header", header, "Subscription.channel.header").await;
    }
    check("/channel/header", json!(["a: 1", "A: 2"]), "Subscription.channel.header[1]").await;
    // The value is not known yet.
    let masked = json!(["Authorization: ***"]);
    let mut wrong = right.clone();
    wrong["channel"]["header"] = masked;
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wrong.to_string()).await;
    assert_eq!(reply.status, 422, "{reply:?}");
    for (name, value) in [
        ("backport-heartbeat-period", 0),
        ("backport-heartbeat-period", 86_401),
        ("backport-timeout", 0),
        ("backport-timeout", 121),
        ("backport-max-count", 0),
        ("backport-max-count", 101),
    ] {
        let extension = set(right.clone(), name, value)["channel"]["extension"].clone();
        check("/channel/extension", extension, "Subscription.channel.extension").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_endpoints_are_judged_before_anything_is_stored() {
    let (node, receiver, right) = choosy().await;
    let check = async |path: &str, value: Value, place: &str| {
        check_refused((&node, &right), path, value, place).await;
    };
    let at = "Subscription.criteria.extension[0]";
    for filter in [
        "Patient?name=x",
        "Observation?",
        "Observation?colour=red",
        "code:goat=x",
        "patient.name=x",
        "_has:Provenance:target:agent=x",
        "_count=3",
        "_sort=date",
        "interaction=read",
        "patient=",
    ] {
        let criteria = filtered(right.clone(), &[filter])["_criteria"].clone();
        check("/_criteria", criteria, at).await;
    }
    for endpoint in [
        "http://127.0.0.1:1/in",
        "http://localhost/in",
        "https://evil.example/in",
        "file:///etc/passwd",
        "http://open.example/in",
        "https://open.example:8443/in",
        "https://user@open.example/in",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/in",
        "",
        "x",
    ] {
        check("/channel/endpoint", json!(endpoint), "Subscription.channel.endpoint").await;
    }
    assert!(receiver.bundles().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_client_writes_a_subscription_and_by_no_other_way() {
    let (node, receiver, right) = choosy().await;
    let reply = node.fhir("POST", "/fhir/Subscription", "", &right.to_string()).await;
    assert_eq!(reply.status, 201);
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [{
        "resource": right, "request": {"method": "POST", "url": "Subscription"},
    }]});
    assert_eq!(node.fhir("POST", "/fhir", "", &bundle.to_string()).await.status, 422);
    let path = format!("/fhir/Subscription/{id}");
    let change = r#"[{"op":"replace","path":"/status","value":"off"}]"#;
    let head = format!(
        "PATCH {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n\
         Content-Type: application/json-patch+json"
    );
    assert_eq!(node.send(&head, change).await.status, 422);
    // Another client neither changes nor ends it.
    let mut own = right.clone();
    own["id"] = json!(id);
    let head = format!(
        "PUT {path} HTTP/1.1\nAuthorization: Bearer strict\nContent-Type: application/fhir+json"
    );
    let reply = node.send(&head, &own.to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "loop-rule"), "{reply:?}");
    let head = format!("DELETE {path} HTTP/1.1\nAuthorization: Bearer strict");
    assert_eq!(node.send(&head, "").await.status, 422);
    assert_eq!(node.fhir("DELETE", &path, "", "").await.status, 204);
    assert_eq!(node.get(ALL, &format!("{path}/$status")).await.status, 404);
    assert!(receiver.bundles().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_cannot_subscribe_and_nobody_has_too_many() {
    let node = started().await;
    let url = "https://open.example/in".to_owned();
    node.state.subscriptions().replace(policy(std::slice::from_ref(&url)));
    let body = wanted("Observation", &url, "empty").to_string();
    let writer = token_of(Role::FhirWrite);
    let head = format!(
        "POST /fhir/Subscription HTTP/1.1\nAuthorization: Bearer {writer}\n\
         Content-Type: application/fhir+json"
    );
    let reply = node.send(&head, &body).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "role-missing"), "{reply:?}");
    for n in 0..=medicines::subscriptions::MAX_OF_CLIENT {
        let reply = node.fhir("POST", "/fhir/Subscription", "", &body).await;
        let expected = if n < medicines::subscriptions::MAX_OF_CLIENT { 201 } else { 422 };
        assert_eq!(reply.status, expected, "{n}: {reply:?}");
    }
    let written = |fact: &Fact| matches!(fact, Fact::Subscription(_));
    assert_eq!(node.facts().iter().filter(|fact| written(fact)).count(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_struck_off_the_list_is_not_called_any_more() {
    let (node, receiver) = (started().await, Receiver::start().await);
    let _telling = tell(&node, policy(&[receiver.url()]));
    let id = subscribe(&node, &wanted("Observation", &receiver.url(), "empty")).await;
    until_it_is(&node, &id, "active").await;
    node.state.subscriptions().replace(policy(&[]));
    observe(&node, 1, "a").await;
    let error = until_it_is(&node, &id, "error").await.unwrap();
    assert!(error.starts_with("endpoint-not-allowed"), "{error}");
    assert_eq!(receiver.bundles().len(), 1, "the handshake alone");
}
