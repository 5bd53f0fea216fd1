//! Subscriptions that are read as a stream of server-sent events, over real TCP.

use std::sync::Arc;
use std::time::Duration;

use api::{AllowList, Policy, Role, Subscriptions, Telling, Trust};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{ALL, Node, token_of};

const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
const PATIENCE: Duration = Duration::from_mins(1);

/// A reader of a stream.
struct Stream {
    socket: TcpStream,
    text: String,
}

/// An event: its id, its type and its data.
type Event = (Option<u64>, String, Value);

impl Stream {
    async fn open(node: &Node, id: &str, last: Option<u64>) -> Stream {
        let mut socket = TcpStream::connect(&node.address).await.unwrap();
        let last = last.map(|last| format!("Last-Event-ID: {last}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /fhir/Subscription/{id}/$sse HTTP/1.1\r\nHost: x\r\n\
             Authorization: Bearer {ALL}\r\nAccept-Encoding: gzip\r\n\
             Connection: close\r\n{last}\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut stream = Stream { socket, text: String::new() };
        while !stream.text.contains("\r\n\r\n") {
            assert!(stream.more().await, "{}", stream.text);
        }
        let (head, rest) = stream.text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("200 OK") && head.contains("text/event-stream"), "{head}");
        stream.text = rest.to_owned();
        stream
    }

    /// Reads on; false at the end of the stream.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let count = timeout(PATIENCE, self.socket.read(&mut buffer)).await;
        let count = count.unwrap_or_else(|_| panic!("nothing came after {:?}", self.text)).unwrap();
        self.text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        count > 0
    }

    /// The next event; none at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        loop {
            // Chunks of HTTP/1.1 begin with their length on a line of its own.
            if let Some(at) = self.text.find("\n\n") {
                let event: String = self.text.drain(..at + 2).collect();
                let field = |name: &str| {
                    let of = |line: &str| line.strip_prefix(name).map(str::to_owned);
                    event.lines().find_map(of)
                };
                let Some(data) = field("data: ") else { continue };
                let id = field("id: ").map(|id| id.parse().unwrap());
                return Some((id, field("event: ").unwrap(), serde_json::from_str(&data).unwrap()));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// The numbers of the next events of resources.
    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            let (id, kind, _) = self.next().await.expect("the stream goes on");
            if kind == "event-notification" {
                numbers.push(id.unwrap());
            }
        }
        numbers
    }
}

fn tell(node: &Node) -> Telling {
    let trust = Trust::read(None).unwrap();
    let policy = Policy { pace: Duration::ZERO, ..Policy::new(AllowList::default(), trust) };
    node.state.subscriptions().replace(policy);
    Subscriptions::start(&node.state)
}

fn wanted() -> Value {
    let coding = json!({"system": "urn:interlock:subscription-channel", "code": "sse"});
    json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to know",
        "criteria": "urn:interlock:topic:Observation",
        "channel": {
            "type": "rest-hook",
            "_type": {"extension": [
                {"url": format!("{GUIDE}backport-channel-type"), "valueCoding": coding}
            ]},
            "extension": [{"url": format!("{GUIDE}backport-max-count"), "valuePositiveInt": 1}],
            "payload": "application/fhir+json",
            "_payload": {"extension": [
                {"url": format!("{GUIDE}backport-payload-content"), "valueCode": "full-resource"}
            ]},
        },
    })
}

async fn subscribe(node: &Node) -> String {
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wanted().to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()["id"].as_str().unwrap().to_owned()
}

async fn observe(node: &Node, n: u32) -> String {
    let body = json!({
        "resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueInteger": n,
    });
    let reply = node.fhir("POST", "/fhir/Observation", "", &body.to_string()).await;
    reply.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_is_told_and_goes_on_where_it_was() {
    let node = Node::start_with(|server| server, None).await;
    let _telling = tell(&node);
    let id = subscribe(&node).await;
    // What happens before anybody reads waits.
    let first = observe(&node, 1).await;
    let mut stream = Stream::open(&node, &id, None).await;
    let (number, kind, bundle) = stream.next().await.unwrap();
    assert_eq!((number, kind.as_str(), &bundle["type"]), (None, "handshake", &json!("history")));
    let (number, kind, bundle) = stream.next().await.unwrap();
    assert_eq!((number, kind.as_str()), (Some(1), "event-notification"));
    assert_eq!(bundle["entry"][1]["resource"]["id"], first);
    observe(&node, 2).await;
    assert_eq!(stream.numbers(1).await, [2]);
    drop(stream);
    for n in 3..6 {
        observe(&node, n).await;
    }
    // One that came and was lost is told again, and only that.
    let mut stream = Stream::open(&node, &id, Some(1)).await;
    assert_eq!(stream.numbers(4).await, [2, 3, 4, 5]);
    // A second reader takes the place of the first one.
    let mut other = Stream::open(&node, &id, Some(5)).await;
    while stream.next().await.is_some() {}
    observe(&node, 6).await;
    // The fifth may come once more, where it was not journaled yet that it was taken.
    let mut numbers = other.numbers(1).await;
    if numbers == [5] {
        numbers = other.numbers(1).await;
    }
    assert_eq!(numbers, [6]);
    let status = node.get(ALL, &format!("/fhir/Subscription/{id}")).await.json();
    assert_eq!(status["status"], "active");
    // It ends with the subscription.
    node.fhir("DELETE", &format!("/fhir/Subscription/{id}"), "", "").await;
    while other.next().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_the_same_after_a_restart() {
    let node = Node::start_with(|server| server, None).await;
    let telling = tell(&node);
    let id = subscribe(&node).await;
    let mut stream = Stream::open(&node, &id, None).await;
    for n in 1..4 {
        observe(&node, n).await;
    }
    assert_eq!(stream.numbers(3).await, [1, 2, 3]);
    drop(telling);
    while stream.next().await.is_some() {}
    let folder = node.kill().await;
    let node = Node::start_in(folder, |server| server, None).await;
    let _telling = tell(&node);
    observe(&node, 4).await;
    let mut stream = Stream::open(&node, &id, Some(2)).await;
    assert_eq!(stream.numbers(2).await, [3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_holds_nothing_up_and_loses_nothing() {
    let node = Node::start_with(|server| server, None).await;
    let _telling = tell(&node);
    let id = subscribe(&node).await;
    let mut stream = Stream::open(&node, &id, None).await;
    for n in 0..60 {
        observe(&node, n).await;
    }
    // Nobody has read yet; the writers did not wait for it.
    assert_eq!(stream.numbers(60).await, (1..=60).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_again_while_its_last_event_is_noted_misses_nothing() {
    const EVENTS: u64 = 300;
    let node = Arc::new(Node::start_with(|server| server, None).await);
    let _telling = tell(&node);
    let id = subscribe(&node).await;
    let writer = {
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            for n in 0..EVENTS {
                observe(&node, u32::try_from(n).unwrap()).await;
            }
        })
    };
    // It sees one event at a time, and then its line is gone without a word: the node goes on
    // telling until the reader comes again.
    let (mut last, mut silent) = (0, Vec::new());
    while last < EVENTS {
        let mut stream = Stream::open(&node, &id, Some(last)).await;
        while let Some((number, kind, _)) = stream.next().await {
            if kind == "event-notification" {
                let number = number.unwrap();
                assert!(number <= last + 1, "{number} came after {last}");
                last = last.max(number);
                break;
            }
        }
        silent.push(stream);
    }
    writer.await.unwrap();
}

/// Creates so many observations in one request, and gives their ids.
async fn observe_many(node: &Node, count: usize) -> Vec<String> {
    let one = json!({
        "resource": {"resourceType": "Observation", "status": "final", "code": {"text": "x"}},
        "request": {"method": "POST", "url": "Observation"},
    });
    let bundle = json!({"resourceType": "Bundle", "type": "batch", "entry": vec![one; count]});
    let reply = node.fhir("POST", "/fhir", "", &bundle.to_string()).await.json();
    let place = |entry: &Value| {
        let location = entry["response"]["location"].as_str().unwrap();
        location.split("/_history").next().unwrap().rsplit('/').next().unwrap().to_owned()
    };
    reply["entry"].as_array().unwrap().iter().map(place).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_backlog_that_was_lost_is_told_again() {
    const EVENTS: usize = 1_250;
    let node = Node::start_with(|server| server, None).await;
    let _telling = tell(&node);
    let mut wanted = wanted();
    wanted["channel"]["extension"][0]["valuePositiveInt"] = json!(100);
    let code = "valueCode";
    wanted["channel"]["_payload"]["extension"][0][code] = json!("id-only");
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wanted.to_string()).await;
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    let mut ids = Vec::new();
    while ids.len() < EVENTS {
        ids.extend(observe_many(&node, 50).await);
    }
    let focuses = |bundle: &Value| -> Vec<String> {
        let all = bundle["entry"][0]["resource"]["parameter"].as_array().unwrap();
        let events = all.iter().filter(|one| one["name"] == "notification-event");
        let parts = events.flat_map(|event| event["part"].as_array().unwrap());
        let focuses = parts.filter(|part| part["name"] == "focus");
        let of = |part: &Value| part["valueReference"]["reference"].as_str().unwrap().to_owned();
        focuses.map(|part| of(part).rsplit('/').next().unwrap().to_owned()).collect()
    };
    // All of it is told at once; the reader kept ten events of it.
    let mut stream = Stream::open(&node, &id, None).await;
    let mut told = Vec::new();
    while told.len() < EVENTS {
        let (_, _, bundle) = stream.next().await.expect("the stream goes on");
        told.extend(focuses(&bundle));
    }
    // What a batch holds comes in any order.
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert!(sorted(told.clone()) == sorted(ids), "each is told once");
    drop(stream);
    let mut stream = Stream::open(&node, &id, Some(10)).await;
    let (mut again, mut last) = (Vec::new(), 0);
    while last < EVENTS as u64 {
        let (number, kind, bundle) = stream.next().await.expect("the stream goes on");
        if kind == "event-notification" {
            again.extend(focuses(&bundle));
            last = number.unwrap();
        }
    }
    assert!(again == told[10..], "{} again", again.len());
    let path = format!("/fhir/Subscription/{id}/$events?eventsSinceNumber=301");
    let events = node.get(ALL, &path).await.json();
    assert!(focuses(&events) == told[300..400]);
    let first = &events["entry"][0]["resource"]["parameter"][5]["part"][0];
    assert_eq!(first["valueString"], "301");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_again_one_by_one_comes_in_its_order() {
    let node = Node::start_with(|server| server, None).await;
    let _telling = tell(&node);
    let id = subscribe(&node).await;
    for _ in 0..13 {
        observe_many(&node, 50).await;
    }
    let mut stream = Stream::open(&node, &id, None).await;
    assert_eq!(stream.numbers(650).await, (1..=650).collect::<Vec<u64>>());
    drop(stream);
    // Old ones are looked for from a mark, the newest 500 read by their places.
    let mut stream = Stream::open(&node, &id, Some(3)).await;
    assert_eq!(stream.numbers(647).await, (4..=650).collect::<Vec<u64>>());
    let count = async |range: &str| {
        let path = format!("/fhir/Subscription/{id}/$events?eventsSinceNumber={range}");
        let events = node.get(ALL, &path).await.json();
        events["entry"].as_array().unwrap().len() - 1
    };
    assert_eq!(count("20").await, 100);
    assert_eq!(count("20&eventsUntilNumber=25").await, 6);
    assert_eq!(count("20&eventsUntilNumber=19").await, 0);
    // It ends where the newest begin, or between them.
    assert!((1..=100).contains(&count("140").await));
    assert_eq!(count("651").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_its_clients_alone() {
    let node = Node::start_with(|server| server, None).await;
    let _telling = tell(&node);
    let id = subscribe(&node).await;
    let path = format!("/fhir/Subscription/{id}/$sse");
    assert_eq!(node.get(&token_of(Role::FhirRead), &path).await.status, 403);
    assert_eq!(node.get(ALL, "/fhir/Subscription/none/$sse").await.status, 404);
    let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {ALL}\nLast-Event-ID: 900");
    assert_eq!(node.send(&head, "").await.status, 400, "no such event");
    let mut off = wanted();
    (off["id"], off["status"]) = (json!(id), json!("off"));
    let path_of_one = format!("/fhir/Subscription/{id}");
    assert_eq!(node.fhir("PUT", &path_of_one, "", &off.to_string()).await.status, 200);
    assert_eq!(node.get(ALL, &path).await.status, 422);
    let mut wrong = wanted();
    wrong["channel"]["endpoint"] = json!("https://a.example/");
    let reply = node.fhir("POST", "/fhir/Subscription", "", &wrong.to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "bad-subscription"));
}
