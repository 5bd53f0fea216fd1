//! Bodies and headers that are refused before anything is asked.

use crate::harness::{ALL, Node, administration, completion, removal};

#[tokio::test]
async fn bad_requests_have_a_code_and_leave_no_entry() {
    let node = Node::start().await;
    let before = node.settled().await;
    let twice = removal().replacen('{', "{\"item\":\"PARA500\",", 1);
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let unknown = removal().replacen('{', "{\"dose\":1,", 1);
    let exponent = removal().replace("\"2\"", "2e0");
    let long = removal().replace("N1001", &"N".repeat(257));
    let large = format!("{}{}", removal(), " ".repeat(70_000));
    let zone = completion("A/B", "1").replace("Z\"", "\"");
    let pocket = completion("A/B", "1").replace("\"3\"", "\"3\\n\"");
    let negative = administration().replace("\"quantity\":2", "\"quantity\":-2");
    let status = administration().replace("completed", "entered-in-error");
    let cases = [
        ("/cabinet/removals", "", 400, "not-json"),
        ("/cabinet/removals", "{", 400, "not-json"),
        ("/cabinet/removals", "\u{feff}{}", 400, "not-json"),
        ("/cabinet/removals", &twice, 400, "not-json"),
        ("/cabinet/removals", &deep, 400, "not-json"),
        ("/cabinet/removals", "{}", 400, "bad-body"),
        ("/cabinet/removals", "[]", 400, "bad-body"),
        ("/cabinet/removals", &unknown, 400, "bad-body"),
        ("/cabinet/removals", &exponent, 400, "bad-body"),
        ("/cabinet/removals", &long, 400, "bad-body"),
        ("/cabinet/removals", &large, 413, "body-too-large"),
        ("/cabinet/removals/rxx.1.1/completion", &zone, 400, "bad-body"),
        ("/cabinet/removals/rxx.1.1/completion", &pocket, 400, "bad-value"),
        ("/administrations", &negative, 400, "bad-value"),
        ("/administrations", &status, 400, "bad-body"),
        ("/cases/rxx.1.1/resolution", "{\"resolution\":\"\"}", 400, "bad-body"),
    ];
    for (path, body, status, code) in cases {
        let reply = node.post(ALL, path, "k1", body).await;
        let found = (reply.status, reply.code());
        assert_eq!(found, (status, code.to_owned()), "{path} {}", &body[..body.len().min(80)]);
    }
    assert_eq!(node.settled().await, before);
}

#[tokio::test]
async fn what_acts_needs_a_key_and_json() {
    let node = Node::start().await;
    let json = "Content-Type: application/json";
    let check = async |lines: &str, status: u16, code: &str| {
        let head = format!("POST /cabinet/removals HTTP/1.1\nAuthorization: Bearer {ALL}\n{lines}");
        let reply = node.send(&head, &removal()).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{lines}");
    };
    check(json, 400, "key-missing").await;
    check(&format!("{json}\nIdempotency-Key: a b"), 400, "key-invalid").await;
    check(&format!("{json}\nIdempotency-Key: a\nIdempotency-Key: b"), 400, "key-invalid").await;
    check("Idempotency-Key: k", 415, "content-type").await;
    check("Idempotency-Key: k\nContent-Type: text/plain", 415, "content-type").await;
    let lines = "Idempotency-Key: k\nContent-Type: application/json; charset=utf-8";
    let head = format!("POST /cabinet/removals HTTP/1.1\nAuthorization: Bearer {ALL}\n{lines}");
    assert_eq!(node.send(&head, &removal()).await.status, 201);
}

#[tokio::test]
async fn other_addresses_and_methods_are_refused_in_their_style() {
    let node = Node::start().await;
    let cases = [
        ("GET /nothing", 404, "not-found"),
        ("GET /cabinet/removals", 405, "method-not-allowed"),
        ("DELETE /cases", 405, "method-not-allowed"),
        ("GET /fhir", 405, "method-not-allowed"),
        ("GET /fhir/Goat", 404, "not-found"),
        ("GET /fhir/Goat/1", 404, "not-found"),
        ("GET /fhir/Practitioner/1", 404, "not-found"),
        ("GET /fhir/Patient/a_b", 404, "not-found"),
        ("GET /fhir/Patient/a/b/c/d", 404, "not-found"),
        ("PUT /fhir/Patient/1/_history", 405, "method-not-allowed"),
        ("POST /fhir/Patient", 415, "content-type"),
    ];
    for (request, status, code) in cases {
        let head = format!("{request} HTTP/1.1\nAuthorization: Bearer {ALL}");
        let reply = node.send(&head, "").await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{request}");
        let fhir = reply.headers["content-type"].starts_with("application/fhir+json");
        assert_eq!(fhir, request.contains("/fhir"), "{request}");
    }
}
