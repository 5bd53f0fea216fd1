//! HL7 over HTTP on real sockets, in both directions, and what goes wrong on the way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use channels::dialect::Dialect;
use channels::{
    ChannelConfig, ChannelHealth, Channels, Health, HttpConfig, HttpFormat, KeySource, LinkState,
    OnRefused, OnUnknown, Resync, Running, Setting, Transport,
};
use engine::Engine;
use medicines::cases::CaseKind;
use medicines::deliveries::DeliveryState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::pki::{Authority, GOOD, settings};
use crate::rig::{Node, PATIENCE, adt, engine, node, outbound, until};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn setting() -> Setting {
    let (site, processing_id) = ("RXX".to_owned(), "P".to_owned());
    Setting { site, processing_id, seed: 7, health: Health::new() }
}

/// An inbound channel `pas` that speaks HTTP, with a token.
async fn listening(engine: &Engine, change: impl FnOnce(&mut ChannelConfig)) -> Running {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut pas = ChannelConfig::inbound("pas", any, Dialect::default());
    pas.transport = Transport::Http;
    pas.http = Some(HttpConfig { path: "/hl7".to_owned(), token: None, ..HttpConfig::default() });
    change(&mut pas);
    Channels::start(engine, vec![pas], setting()).await.unwrap()
}

fn post(head: &str, body: &str) -> String {
    let length = body.len();
    format!("POST /hl7 HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{head}\r\n\r\n{body}")
}

const HL7: &str = "Content-Type: application/hl7-v2\r\nConnection: close";

/// Sends bytes and gives what comes until the other side closes.
async fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A side that closes with bytes unread resets the line; what it said before has come.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it closes");
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_posted_and_its_acknowledgement_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let running = listening(&engine, |_| {}).await;
    let address = running.addresses["pas"];
    let check = async |request: String, status: &str, contains: &str| {
        let answer = say(address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(contains), "{answer}");
        answer
    };
    let first = check(post(HL7, &adt("A01", "H1", "c1")), "200", "MSA|AA|c1").await;
    assert!(first.contains("content-type: application/hl7-v2\r\n"), "{first}");
    let again = check(post(HL7, &adt("A01", "H1", "c1")), "200", "MSA|AA|c1").await;
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&first), body(&again), "a repeat gets the same bytes");
    let other = "Content-Type: x-application/hl7-v2+er7; charset=utf-8\r\nConnection: close";
    check(post(other, &adt("A01", "H2", "c2")), "200", "MSA|AA|c2").await;
    let parked = adt("A01", "H3", "c3").replace("PID|1||H3^^^RXX^MR", "PID|1||");
    check(post(HL7, &parked), "422", "MSA|AE|c3").await;
    let silent = adt("A01", "H4", "c4").replace("|2.5.1\r", "|2.5.1|||NE|NE\r");
    check(post(HL7, &silent), "204", "").await;
    let batch =
        format!("BHS|^~\\&|PAS\r{}{}BTS|2\r", adt("A01", "H5", "c5"), adt("A01", "H6", "c6"));
    let answer = check(post(HL7, &batch), "200", "MSA|AA|c6").await;
    assert!(answer.contains("MSA|AA|c5") && answer.contains("BTS|2"), "{answer}");
    let two = format!(
        "{}{}",
        post("Content-Type: application/hl7-v2", &adt("A01", "H7", "c7")),
        post(HL7, &adt("A01", "H8", "c8"))
    );
    let answer = check(two, "200", "MSA|AA|c7").await;
    assert!(answer.contains("MSA|AA|c8"), "two on one connection: {answer}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_for_this_channel_is_refused_by_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let secret = dir.path().join("token");
    std::fs::write(&secret, TOKEN).unwrap();
    let running = listening(&engine, |pas| {
        pas.http.as_mut().unwrap().token = Some(KeySource::File(secret));
        pas.max_message_bytes = 2048;
    })
    .await;
    let address = running.addresses["pas"];
    let health = || running.health().get("pas", engine.clock().now()).unwrap();
    let check = async |request: String, status: &str, code: &'static str| {
        let answer = say(address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{code}: {answer}");
        assert_eq!(health().last_error, Some(code));
        answer
    };
    let admit = adt("A01", "H1", "c1");
    let known = format!("{HL7}\r\nAuthorization: Bearer {TOKEN}");
    check(post(HL7, &admit), "401", "http-no-token").await;
    let wrong = format!("{HL7}\r\nAuthorization: Bearer {TOKEN}x");
    let answer = check(post(&wrong, &admit), "401", "http-no-token").await;
    assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
    let elsewhere = post(&known, &admit).replace("POST /hl7", "POST /other");
    check(elsewhere, "404", "http-wrong-path").await;
    check(post(&known, &admit).replace("POST", "PUT"), "405", "http-wrong-method").await;
    let json = known.replace("application/hl7-v2", "application/json");
    check(post(&json, &admit), "415", "http-type").await;
    let strange = known.replace("application/hl7-v2", "application/hl7-v2; charset=utf-16");
    check(post(&strange, &admit), "415", "http-type").await;
    let latin = known.replace("application/hl7-v2", "application/hl7-v2; charset=iso-8859-1");
    check(post(&latin, &admit.replace("TEST", "T\u{c9}ST")), "415", "http-charset").await;
    check(post(&known, "\r\n"), "400", "empty-message").await;
    assert_eq!(health().received, 0, "nothing was taken in");
    let long = format!("{admit}NTE|1||{}\r", "x".repeat(3000));
    let answer = check(post(&known, &long), "413", "oversized").await;
    assert!(answer.contains("MSA|AE|c1"), "and it is kept as a case: {answer}");
    assert!(say(address, post(&known, &adt("A01", "H2", "c2")).as_bytes()).await.contains("AA|c2"));
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_and_what_is_no_http_are_never_processed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let running = listening(&engine, |_| {}).await;
    let address = running.addresses["pas"];
    let health = || running.health().get("pas", engine.clock().now()).unwrap();
    let whole = post(HL7, &adt("A01", "H1", "c1"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&whole.as_bytes()[..whole.len() - 10]).await.unwrap();
    stream.shutdown().await.unwrap();
    until("half a body", || health().last_error == Some("half-message")).await;
    drop(stream);
    until("its line is closed", || health().connections == 0).await;
    say(address, b"\x0BMSH|^~\\&|\x1C\r\r\n\r\n").await;
    until("no HTTP", || health().last_error == Some("not-http")).await;
    let headers = "X: y\r\n".repeat(200);
    let answer = say(address, post(&format!("{headers}{HL7}"), "MSH|").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert_eq!(health().received, 0);
    let answer = say(address, whole.as_bytes()).await;
    assert!(answer.contains("MSA|AA|c1"), "the whole one is: {answer}");
    running.shutdown().await;
}

/// What the scripted peer answers to a POST.
#[derive(Clone, Copy)]
enum Say {
    /// This status and an acknowledgement with this code.
    Ack(&'static str, &'static str),
    /// This status and these words.
    Words(&'static str, &'static str),
    /// An acknowledgement of another message.
    Wrong,
    /// Half of an answer, then it closes.
    Half,
    /// Closes without a word.
    Close,
    /// Never answers.
    Nothing,
}

struct HttpPeer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl HttpPeer {
    /// One act for each request, then AA.
    async fn start(script: &[Say]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, log) = (Arc::new(Mutex::new(script.to_vec())), Arc::clone(&requests));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&log)));
            }
        });
        HttpPeer { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Vec<Say>>>, log: Arc<Mutex<Vec<String>>>) {
    let mut buffer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&buffer).into_owned();
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            length.is_some_and(|length| body.len() >= length.parse().unwrap())
        });
        let Some((_, body)) = whole else {
            let mut chunk = [0; 4096];
            match stream.read(&mut chunk).await {
                Ok(count) if count > 0 => buffer.extend_from_slice(&chunk[..count]),
                _ => return,
            }
            continue;
        };
        let id = body.split('|').nth(9).unwrap_or_default().to_owned();
        log.lock().unwrap().push(text.clone());
        buffer.clear();
        let act = {
            let mut script = script.lock().unwrap();
            if script.is_empty() { Say::Ack("200", "AA") } else { script.remove(0) }
        };
        let ack = |code: &str, id: &str| format!("MSH|^~\\&|ADC\rMSA|{code}|{id}\r");
        let (status, body) = match act {
            Say::Ack(status, code) => (status, ack(code, &id)),
            Say::Words(status, words) => (status, words.to_owned()),
            Say::Wrong => ("200", ack("AA", "another")),
            Say::Half => {
                let half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nMSH|^~\\&|";
                stream.write_all(half.as_bytes()).await.unwrap();
                return;
            }
            Say::Close => return,
            Say::Nothing => std::future::pending().await,
        };
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// A node whose cabinet is reached by HTTP, with one message for it.
async fn telling(engine: &Engine, peer: &HttpPeer, on_unknown: OnUnknown) -> Node {
    let mut config = outbound(peer.address, on_unknown, Resync::Never);
    config.transport = Transport::Http;
    config.http = Some(HttpConfig { path: "/in".to_owned(), token: None, ..HttpConfig::default() });
    let node = node(engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_posted_and_ended_by_its_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = HttpPeer::start(&[]).await;
    let node = telling(&engine, &peer, OnUnknown::Hold).await;
    node.admit("A01", "H2", "c2").await;
    node.stand(&[DeliveryState::Delivered; 2]).await;
    let requests = peer.requests();
    assert!(requests[0].starts_with("POST /in HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("content-type: application/hl7-v2\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("|H1^"), "{}", requests[0]);
    assert_eq!(requests.len(), 2);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_says_refused_or_not_now_or_nothing() {
    use DeliveryState::{Delivered, Refused, Unknown, Waiting};
    let check = async |act: Say, on: OnUnknown, state: DeliveryState, error: Option<&str>| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        // The line stays as the first answer leaves it.
        let peer = HttpPeer::start(&[act; 50]).await;
        let node = telling(&engine, &peer, on).await;
        let health = || -> ChannelHealth { node.health() };
        if let Some(code) = error {
            until(code, || health().last_error == Some(code)).await;
        }
        node.stand(&[state]).await;
        node.running.shutdown().await;
    };
    let hold = OnUnknown::Hold;
    check(Say::Ack("200", "AA"), hold, Delivered, None).await;
    check(Say::Ack("200", "AE"), hold, Refused, None).await;
    check(Say::Ack("422", "AE"), hold, Refused, None).await;
    check(Say::Words("400", "bad"), hold, Refused, None).await;
    check(Say::Words("503", "later"), hold, Waiting, Some("http-503")).await;
    check(Say::Words("401", ""), hold, Waiting, Some("http-401")).await;
    check(Say::Words("302", ""), hold, Waiting, Some("http-redirect")).await;
    check(Say::Words("500", "oh"), hold, Unknown, Some("http-500")).await;
    check(Say::Words("200", "ok"), hold, Unknown, Some("http-no-acknowledgement")).await;
    check(Say::Ack("500", "AA"), hold, Unknown, Some("http-contradiction")).await;
    check(Say::Half, hold, Unknown, Some("http-half-answer")).await;
    check(Say::Close, hold, Unknown, Some("closed-by-peer")).await;
    check(Say::Wrong, hold, Unknown, Some("ack-timeout")).await;
    check(Say::Nothing, hold, Unknown, Some("ack-timeout")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_status_left_open_is_sent_again_with_the_same_control_id() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer =
        HttpPeer::start(&[Say::Words("500", ""), Say::Close, Say::Words("503", ""), Say::Nothing])
            .await;
    let node = telling(&engine, &peer, OnUnknown::Resend).await;
    node.stand(&[DeliveryState::Delivered]).await;
    let control_id = |request: &String| request.split('|').nth(9).unwrap().to_owned();
    let ids: Vec<String> = peer.requests().iter().map(control_id).collect();
    assert_eq!(ids.len(), 5);
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert!(node.cases().is_empty());
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_refuses_follows_the_policy_of_refusals() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = HttpPeer::start(&[Say::Words("422", "no")]).await;
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.transport = Transport::Http;
    config.on_refused = OnRefused::Hold;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[DeliveryState::Parked]).await;
    let [case] = node.cases().try_into().unwrap();
    assert_eq!(case.kind, CaseKind::ParkedDelivery);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_goes_over_tls_with_a_token_from_node_to_node() {
    let dir = tempfile::tempdir().unwrap();
    let (here, there) = (dir.path().join("here"), dir.path().join("there"));
    std::fs::create_dir_all(&here).unwrap();
    std::fs::create_dir_all(&there).unwrap();
    let secret = dir.path().join("token");
    std::fs::write(&secret, TOKEN).unwrap();
    let ca = Authority::new(dir.path(), "ours");
    let receiving = engine(&there);
    let running = listening(&receiving, |pas| {
        pas.http.as_mut().unwrap().token = Some(KeySource::File(secret.clone()));
        pas.tls = Some(settings(Some(&ca.issue("localhost", GOOD)), &ca));
    })
    .await;
    let sending = engine(&here);
    let mut config = outbound(running.addresses["pas"], OnUnknown::Hold, Resync::Never);
    config.connect = Some(format!("localhost:{}", running.addresses["pas"].port()));
    config.transport = Transport::Http;
    let token = Some(KeySource::File(secret));
    config.http = Some(HttpConfig { path: "/hl7".to_owned(), token, ..HttpConfig::default() });
    config.tls = Some(settings(Some(&ca.issue("node", GOOD)), &ca));
    let node = node(&sending, config).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[DeliveryState::Delivered]).await;
    assert_eq!(node.health().state, LinkState::Up);
    let other = running.health().get("pas", receiving.clock().now()).unwrap();
    assert_eq!((other.received, other.refused), (1, 0));
    node.running.shutdown().await;
    running.shutdown().await;
}

/// A node whose cabinet is told in FHIR, with one message for it.
async fn posting(engine: &Engine, peer: &HttpPeer, on_unknown: OnUnknown) -> Node {
    let mut config = outbound(peer.address, on_unknown, Resync::Never);
    config.transport = Transport::Http;
    config.http =
        Some(HttpConfig { path: "/fhir".to_owned(), token: None, format: HttpFormat::Fhir });
    assert_eq!(config.check(), Ok(()));
    let node = node(engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node
}

fn header(request: &str, name: &str) -> String {
    let mut lines = request.lines().take_while(|line| !line.is_empty());
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {request}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_posted_as_fhir_and_ended_by_its_status() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = HttpPeer::start(&[Say::Words("201", "{}"), Say::Words("204", "")]).await;
    let node = posting(&engine, &peer, OnUnknown::Hold).await;
    node.admit("A08", "H1", "c2").await;
    node.stand(&[DeliveryState::Delivered; 2]).await;
    let [first, second] = peer.requests().try_into().unwrap();
    assert!(first.starts_with("POST /fhir HTTP/1.1\r\n"), "{first}");
    assert_eq!(header(&first, "content-type"), "application/fhir+json");
    let deliveries = node.deliveries();
    let keys = [header(&first, "idempotency-key"), header(&second, "idempotency-key")];
    assert_eq!(keys, [0, 1].map(|at: usize| deliveries[at].delivery.id.to_string()));
    assert_eq!(deliveries[0].detail.as_deref(), Some("http-201"));
    let (_, body) = first.split_once("\r\n\r\n").unwrap();
    let bundle: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&"Bundle".into(), &"collection".into())
    );
    assert_eq!(bundle["identifier"]["value"], keys[0].as_str());
    let types: Vec<_> = bundle["entry"].as_array().unwrap().iter().collect();
    let types: Vec<_> = types.iter().map(|entry| &entry["resource"]["resourceType"]).collect();
    assert_eq!(types, ["Patient", "Encounter"]);
    assert_eq!(bundle["entry"][0]["resource"]["identifier"][0]["value"], "H1");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_as_fhir_is_sent_again_under_the_same_key() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let script = [Say::Words("500", ""), Say::Close, Say::Words("503", ""), Say::Words("200", "")];
    let peer = HttpPeer::start(&script).await;
    let node = posting(&engine, &peer, OnUnknown::Resend).await;
    node.stand(&[DeliveryState::Delivered]).await;
    let requests = peer.requests();
    assert_eq!(requests.len(), 4);
    assert!(requests.iter().all(|request| *request == requests[0]), "{requests:?}");
    assert!(node.cases().is_empty());
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_says_what_became_of_what_was_posted_as_fhir() {
    use DeliveryState::{Delivered, Refused, Unknown, Waiting};
    let check = async |act: Say, state: DeliveryState, error: Option<&str>| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let peer = HttpPeer::start(&[act; 50]).await;
        let node = posting(&engine, &peer, OnUnknown::Hold).await;
        if let Some(code) = error {
            until(code, || node.health().last_error == Some(code)).await;
        }
        node.stand(&[state]).await;
        node.running.shutdown().await;
    };
    check(Say::Words("200", "anything"), Delivered, None).await;
    check(Say::Words("202", ""), Delivered, None).await;
    check(Say::Words("422", "{}"), Refused, None).await;
    check(Say::Words("401", ""), Waiting, Some("http-401")).await;
    check(Say::Words("302", ""), Waiting, Some("http-redirect")).await;
    check(Say::Words("500", ""), Unknown, Some("http-500")).await;
    check(Say::Nothing, Unknown, Some("ack-timeout")).await;
}
