//! The server itself: health, other routes, limits, and how it stops.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use medicines::{Problem, ProblemCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{ALL, Node, read_reply};

#[tokio::test]
async fn health_tells_the_position() {
    let node = Node::start().await;
    let position = node.settled().await;
    let reply = node.send("GET /health HTTP/1.1", "").await;
    assert_eq!(reply.body, format!(r#"{{"status":"ok","position":{position}}}"#));
    let reply = node.send("GET /openapi.json HTTP/1.1", "").await;
    assert!(reply.json()["paths"]["/cabinet/removals"]["post"].is_object());
}

#[tokio::test]
async fn a_node_that_cannot_write_acknowledges_nothing() {
    let node = Node::start().await;
    let patient = node.patient(crate::harness::ANNA).await;
    stop_engine(&node).await;
    let reply = node.remove("k1").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "stopped"), "{reply:?}");
    assert!(reply.headers.contains_key("retry-after"));
    let reply = node.get(ALL, &format!("/fhir/Patient/{patient}")).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "stopped"), "no unseen look");
    assert!(!reply.body.contains("\"Patient\""));
    assert_eq!(node.get("guess", "/cases").await.status, 503);
    let reply = node.send("GET /health HTTP/1.1", "").await;
    assert_eq!((reply.status, &reply.json()["status"]), (503, &"stopped".into()));
    assert!(!reply.body.contains("sqlite"), "{reply:?}");
}

/// Has the engine write an entry that the journal does not take: it stops rather than go on.
async fn stop_engine(node: &Node) {
    let request = medicines::Request::Park(Problem::new(ProblemCode::Malformed, "Too long."));
    let mut command = engine::Command::internal("pas", node.now(), request);
    command.raw = vec![b' '; journal::MAX_RAW_BYTES + 1];
    assert!(node.engine.submit(command).await.is_err());
    let mut stopped = node.engine.stopped();
    stopped.wait_for(Option::is_some).await.unwrap();
}

#[tokio::test]
async fn other_routes_are_served_beside_the_interface() {
    let others = Router::new()
        .route("/", get(async || "pages"))
        .route("/form", post(async |body: String| body.len().to_string()))
        .fallback(async || (axum::http::StatusCode::NOT_FOUND, "no such page"));
    let more = Router::new().route("/more", get(async || "more"));
    let node = Node::start_with(|server| server.with(others).with(more), None).await;
    assert_eq!(node.get("", "/").await.body, "pages");
    assert_eq!(node.get("", "/more").await.body, "more");
    assert_eq!(node.get("", "/nothing").await.body, "no such page");
    assert_eq!(node.get("", "/fhir/a/b/c/d").await.code(), "not-found");
    assert_eq!(node.get("", "/cases").await.status, 401);
    assert_eq!(node.send("POST /form HTTP/1.1", "12345").await.body, "5");
    let large = "x".repeat(1024 * 1024 + 1);
    assert_eq!(node.send("POST /form HTTP/1.1", &large).await.status, 413);
}

#[tokio::test]
async fn large_heads_are_refused() {
    let node = Node::start().await;
    // The server hangs up while the rest is still being sent, so its answer may be lost.
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    let long = format!("GET /health HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(1_000_000));
    let _ = stream.write_all(long.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{answer:?}");
    let many = "\nX-Many: 1".repeat(70);
    assert_eq!(node.send(&format!("GET /health HTTP/1.1{many}"), "").await.status, 431);
}

#[tokio::test]
async fn a_request_under_way_ends_before_the_server_does() {
    let mut node = Node::start().await;
    let body = crate::harness::removal();
    let (first, rest) = body.split_at(20);
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    let head = format!(
        "POST /cabinet/removals HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ALL}\r\n\
         Idempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{first}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // An answer on another connection shows that the server has had its turn.
    node.send("GET /health HTTP/1.1", "").await;
    let idle = TcpStream::connect(&node.address).await.unwrap();
    node.send("GET /health HTTP/1.1", "").await;
    node.stop();
    while TcpStream::connect(&node.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(read_reply(&answer).status, 201, "{answer}");
    let ended = timeout(Duration::from_secs(30), &mut node.running).await;
    ended.unwrap().unwrap().unwrap();
    drop(idle);
}

/// More than all turns that there are of any kind.
const MANY: usize = 300;

/// Connections whose requests are being read, and will be for as long as the server bears it.
async fn slow_requests(node: &Node, path: &str) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = TcpStream::connect(&node.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    // The server says so when it begins to read a body.
    for stream in streams.iter_mut().take(256) {
        let mut said = [0; 12];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 100");
    }
    streams
}

#[tokio::test]
async fn strangers_who_send_slowly_keep_nobody_waiting() {
    let others = Router::new()
        .route("/", get(async || "pages"))
        .route("/form", post(async |body: String| body.len().to_string()));
    let node = Node::start_with(|server| server.with(others), None).await;
    node.admit(crate::harness::ANNA).await;
    node.order("7001", crate::harness::ANNA).await;
    let slow = slow_requests(&node, "/form").await;
    let soon = Duration::from_secs(8);
    let reply = timeout(soon, node.remove("k1")).await.expect("a client waits for no stranger");
    assert_eq!(reply.status, 201, "{reply:?}");
    for path in ["/", "/health"] {
        let reply = timeout(soon, node.get("", path)).await.expect("nor does another stranger");
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    drop(slow);
}

#[tokio::test]
async fn a_slow_form_is_given_up() {
    let others = Router::new().route("/form", post(async |body: String| body.len().to_string()));
    let node = Node::start_with(|server| server.with(others), None).await;
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    let head = b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234";
    stream.write_all(head).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let reply = read_reply(&answer);
    assert_eq!((reply.status, reply.code().as_str()), (408, "body-too-slow"), "{reply:?}");
}

#[tokio::test]
async fn other_routes_know_the_address_of_whoever_asks() {
    let who = get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string());
    let others = Router::new().route("/who", who);
    let node = Node::start_with(|server| server.with(others), None).await;
    assert_eq!(node.get("", "/who").await.body, "127.0.0.1");
}
