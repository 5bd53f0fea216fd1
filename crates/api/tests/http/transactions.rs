//! Several interactions in one request.

use serde_json::{Value, json};

use crate::harness::{ALL, Node, PUBLIC};

fn bundle(kind: &str, entries: &[Value]) -> String {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries }).to_string()
}

fn entry(url: &str, method: &str, request: &str, resource: Value) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": request } });
    if !url.is_empty() {
        entry["fullUrl"] = json!(url);
    }
    if !resource.is_null() {
        entry["resource"] = resource;
    }
    entry
}

fn observation(subject: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" },
        "subject": { "reference": subject } })
}

fn patient(number: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:s", "value": number }] })
}

async fn count(node: &Node, kind: &str) -> u64 {
    node.get(ALL, &format!("/fhir/{kind}?_summary=count")).await.json()["total"].as_u64().unwrap()
}

#[tokio::test]
async fn a_transaction_is_done_whole_and_linked() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Basic/old", "", r#"{"resourceType":"Basic","id":"old"}"#).await;
    let org = json!({ "resourceType": "Organization",
        "identifier": [{ "system": "urn:o", "value": "1" }] });
    assert_eq!(node.fhir("POST", "/fhir/Organization", "", &org.to_string()).await.status, 201);
    let mut conditional = observation("urn:uuid:11111111-1111-4111-8111-111111111111");
    conditional["performer"] = json!([{ "reference": "Organization?identifier=urn:o|1" }]);
    let base = "https://elsewhere.example/fhir";
    let entries = [
        entry("", "GET", "Observation?subject=x&_id=none", Value::Null),
        entry("", "GET", "Basic/old", Value::Null),
        entry("urn:uuid:22222222-2222-4222-8222-222222222222", "POST", "Observation", conditional),
        entry("urn:uuid:11111111-1111-4111-8111-111111111111", "POST", "Patient", patient("1")),
        entry(&format!("{base}/Patient/7"), "POST", "Patient", patient("2")),
        entry(&format!("{base}/Observation/8"), "POST", "Observation", observation("Patient/7")),
        entry("", "PUT", "Basic/new", json!({ "resourceType": "Basic", "id": "new" })),
        entry("", "DELETE", "Basic/old", Value::Null),
    ];
    let body = bundle("transaction", &entries);
    let reply = node.fhir("POST", "/fhir", "Prefer: return=representation", &body).await;
    let answer = reply.json();
    assert_eq!((reply.status, &answer["type"]), (200, &json!("transaction-response")), "{answer}");
    let statuses: Vec<&str> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["response"]["status"].as_str().unwrap())
        .collect();
    let expected = [
        "200 OK",
        "410 Gone",
        "201 Created",
        "201 Created",
        "201 Created",
        "201 Created",
        "201 Created",
        "204 No Content",
    ];
    assert_eq!(statuses, expected, "{answer}");
    let resource = |n: usize| &answer["entry"][n]["resource"];
    let id = |n: usize| resource(n)["id"].as_str().unwrap();
    assert_eq!(resource(2)["subject"]["reference"], format!("Patient/{}", id(3)));
    assert_eq!(resource(5)["subject"]["reference"], format!("Patient/{}", id(4)));
    let performer = resource(2)["performer"][0]["reference"].as_str().unwrap();
    assert_eq!(node.get(ALL, &format!("/fhir/{performer}")).await.status, 200);
    let location = answer["entry"][6]["response"]["location"].as_str().unwrap();
    assert_eq!(location, format!("{PUBLIC}/fhir/Basic/new/_history/1"));
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_nothing() {
    let node = Node::start().await;
    let before = (count(&node, "Patient").await, count(&node, "Observation").await);
    let ok = || entry("urn:uuid:a", "POST", "Patient", patient("1"));
    let good = || entry("", "POST", "Observation", observation("urn:uuid:a"));
    let cases = [
        (entry("", "PATCH", "Patient/none", patch("[]")), 404, "Bundle.entry[1]"),
        (
            entry("", "PUT", "Basic/x", json!({"resourceType":"Basic","id":"y"})),
            400,
            "Bundle.entry[1].resource.id",
        ),
        (
            entry("", "POST", "Patient", json!({"resourceType":"Patient","active":1})),
            400,
            "Bundle.entry[1].resource.active",
        ),
        (entry("", "POST", "Patient", patient("1")), 409, "Bundle.entry[1].resource.identifier"),
        (
            entry("", "POST", "Observation", observation("Patient?identifier=urn:s|9")),
            412,
            "Bundle.entry[1]",
        ),
        (entry("", "POST", "Observation", observation("Patient?family=x")), 412, "Bundle.entry[1]"),
        (entry("", "POST", "Observation", observation("Patient?colour=x")), 400, "Bundle.entry[1]"),
        (entry("urn:uuid:a", "POST", "Patient", patient("2")), 400, "Bundle.entry[1].fullUrl"),
        (entry("", "POST", "Goat", json!({"resourceType":"Goat"})), 404, "Bundle.entry[1]"),
        (entry("", "POST", "Patient", Value::Null), 400, "Bundle.entry[1]"),
        (entry("", "POST", "Patient/1/x", patient("3")), 400, "Bundle.entry[1]"),
        (json!({"resource": patient("3")}), 400, "Bundle.entry[1]"),
    ];
    for (wrong, status, place) in cases {
        let body = bundle("transaction", &[ok(), wrong, good()]);
        let reply = node.fhir("POST", "/fhir", "", &body).await;
        let issue = &reply.json()["issue"][0];
        assert_eq!((reply.status, &issue["expression"][0]), (status, &json!(place)), "{reply:?}");
        let after = (count(&node, "Patient").await, count(&node, "Observation").await);
        assert_eq!(after, before, "{body}");
    }
    let twice = || entry("", "PUT", "Basic/t", json!({"resourceType":"Basic","id":"t"}));
    let reply = node.fhir("POST", "/fhir", "", &bundle("transaction", &[twice(), twice()])).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "written-twice"));
    for (body, status) in [
        (bundle("collection", &[]), 400),
        (bundle("transaction", &vec![twice(); 5_001]), 413),
        (r#"{"resourceType":"Patient"}"#.to_owned(), 400),
        (bundle("transaction", &[entry("", "SPIN", "x", Value::Null)]), 400),
    ] {
        assert_eq!(node.fhir("POST", "/fhir", "", &body).await.status, status);
    }
}

fn patch(json: &str) -> Value {
    json!({ "resourceType": "Binary", "contentType": "application/json-patch+json",
        "data": fhir::base64::encode(json.as_bytes()) })
}

#[tokio::test]
async fn the_entries_of_a_batch_stand_alone() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Basic/b", "", r#"{"resourceType":"Basic","id":"b"}"#).await;
    let entries = [
        entry("", "POST", "Patient", patient("1")),
        entry("", "GET", "Patient/none", Value::Null),
        entry("", "POST", "Patient", json!({"resourceType":"Patient","active":1})),
        entry("", "PATCH", "Basic/b", patch(r#"[{"op":"add","path":"/language","value":"en"}]"#)),
        entry("", "PUT", "Basic/c", json!({"resourceType":"Basic","id":"c"})),
        entry("", "GET", "Basic/_history", Value::Null),
        entry("", "POST", "Patient/$match", json!({"resourceType":"Parameters"})),
    ];
    let more = "Idempotency-Key: batch";
    let reply = node.fhir("POST", "/fhir/", more, &bundle("batch", &entries)).await;
    let answer = reply.json();
    assert_eq!((reply.status, &answer["type"]), (200, &json!("batch-response")), "{answer}");
    let statuses: Vec<&str> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["response"]["status"].as_str().unwrap())
        .collect();
    let expected = [
        "201 Created",
        "404 Not Found",
        "400 Bad Request",
        "200 OK",
        "201 Created",
        "200 OK",
        "400 Bad Request",
    ];
    assert_eq!(statuses, expected, "{answer}");
    let outcome = &answer["entry"][2]["response"]["outcome"];
    assert_eq!(outcome["issue"][0]["expression"][0], "Bundle.entry[2].resource.active");
    assert_eq!(node.get(ALL, "/fhir/Basic/b").await.json()["language"], "en");
    let patients = count(&node, "Patient").await;
    node.fhir("POST", "/fhir", more, &bundle("batch", &entries)).await;
    assert_eq!(count(&node, "Patient").await, patients, "a repeat has no second effect");
}
