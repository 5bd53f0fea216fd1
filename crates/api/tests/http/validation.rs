//! What becomes of resources that are not valid, and `$validate`.

use medicines::Fact;
use serde_json::{Value, json};

use crate::harness::{ALL, Node, Reply};

const WRONG: &str = r#"{"resourceType":"Flag","status":"done","code":{"text":"x"},
    "subject":{"display":"y"},"extension":[{"url":"urn:x","valueDecimal":0.40}],
    "period":{"low":1}}"#;
const RIGHT: &str = r#"{"resourceType":"Flag","status":"active","code":{"text":"x"},
    "subject":{"display":"y"}}"#;
const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},
    "valueQuantity":{"value":0.40}}"#;

async fn send(node: &Node, token: &str, method: &str, path: &str, body: &str) -> Reply {
    let head = format!(
        "{method} {path} HTTP/1.1\nAuthorization: Bearer {token}\n\
         Content-Type: application/fhir+json"
    );
    node.send(&head, body).await
}

#[track_caller]
fn places(outcome: &Value) -> Vec<String> {
    assert_eq!(outcome["resourceType"], "OperationOutcome", "{outcome}");
    let issues = outcome["issue"].as_array().unwrap().iter();
    let errors = issues.filter(|issue| issue["severity"] == "error");
    errors.map(|issue| issue["expression"][0].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn strict_refuses_with_every_place_and_keeps_nothing() {
    let node = Node::start().await;
    let refused = send(&node, "strict", "POST", "/fhir/Flag", WRONG).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.code(), "not-valid");
    let found = places(&refused.json());
    assert!(found.contains(&"Flag.status".to_owned()), "{found:?}");
    let put = WRONG.replacen('{', r#"{"id":"o1","#, 1);
    assert_eq!(send(&node, "strict", "PUT", "/fhir/Flag/o1", &put).await.status, 422);

    let entry = |body: &str| {
        let resource: Value = serde_json::from_str(body).unwrap();
        json!({"resource": resource, "request": {"method": "POST", "url": "Flag"}})
    };
    let bundle = |kind: &str| {
        json!({"resourceType": "Bundle", "type": kind, "entry": [entry(RIGHT), entry(WRONG)]})
            .to_string()
    };
    let whole = send(&node, "strict", "POST", "/fhir", &bundle("transaction")).await;
    assert_eq!(whole.status, 422, "{whole:?}");
    let place = "Bundle.entry[1].resource.status".to_owned();
    assert!(places(&whole.json()).contains(&place), "{whole:?}");
    let count = node.get(ALL, "/fhir/Flag?_summary=count").await.json();
    assert_eq!(count["total"], 0, "a transaction with a fault leaves nothing");
    let each = send(&node, "strict", "POST", "/fhir", &bundle("batch")).await.json();
    assert_eq!(each["entry"][0]["response"]["status"], "201 Created");
    assert_eq!(each["entry"][1]["response"]["status"], "422 Unprocessable Entity");
    assert!(places(&each["entry"][1]["response"]["outcome"]).contains(&place), "{each}");

    assert_eq!(send(&node, "strict", "POST", "/fhir/Flag", RIGHT).await.status, 201);
    assert_eq!(send(&node, ALL, "POST", "/fhir/Flag", WRONG).await.status, 201, "off");
}

#[tokio::test]
async fn warn_stores_with_a_tag_and_opens_one_case_for_a_type() {
    let node = Node::start().await;
    let made = send(&node, "warn", "POST", "/fhir/Flag", WRONG).await;
    assert_eq!(made.status, 201, "{made:?}");
    let stored = made.json();
    let tag = &stored["meta"]["tag"][0];
    assert_eq!(
        (tag["system"].as_str(), tag["code"].as_str()),
        (Some("urn:interlock:validation"), Some("not-valid"))
    );
    assert!(made.body.contains("0.40"), "{made:?}");
    let tagged = "/fhir/Flag?_tag=urn:interlock:validation%7Cnot-valid&_summary=count";
    let is_found = node.get(ALL, tagged).await;
    if is_found.status == 200 {
        assert_eq!(is_found.json()["total"], 1, "{is_found:?}");
    }
    send(&node, "warn", "POST", "/fhir/Flag", WRONG).await;
    let cases = node.get(ALL, "/cases?kind=invalid-resource").await.json();
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 1, "{cases:?}");
    let text = cases[0]["text"].as_str().unwrap();
    assert!(text.contains("Flag.status (code-invalid)"), "{text}");
    assert_eq!(cases[0]["reason"], "Flag");
    let counts: Vec<Option<u64>> = node
        .facts()
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::CaseOpened(case) => Some(case.count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [Some(1), Some(2)], "it is the same case, which counts");

    let id = stored["id"].as_str().unwrap();
    let mended = made.body.replace("\"done\"", "\"active\"").replace(r#","period":{"low":1}"#, "");
    let path = format!("/fhir/Flag/{id}");
    let put = send(&node, "warn", "PUT", &path, &mended).await;
    assert_eq!(put.status, 200, "{put:?}");
    assert!(put.json()["meta"].get("tag").is_none(), "what was mended has it no more: {put:?}");
}

#[tokio::test]
async fn validate_tells_what_a_write_would_meet() {
    let node = Node::start().await;
    let at = "/fhir/Flag/$validate";
    let found = send(&node, ALL, "POST", at, WRONG).await;
    assert_eq!(found.status, 200);
    assert!(places(&found.json()).contains(&"Flag.status".to_owned()), "{found:?}");
    assert!(places(&send(&node, ALL, "POST", at, RIGHT).await.json()).is_empty());
    let wrapped = |more: &str| {
        format!(
            r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource",
            "resource":{RIGHT}}}{more}]}}"#
        )
    };
    let within = send(&node, ALL, "POST", at, &wrapped("")).await;
    assert!(places(&within.json()).is_empty(), "{within:?}");
    let update = wrapped(r#",{"name":"mode","valueCode":"update"}"#);
    let update = send(&node, ALL, "POST", at, &update).await;
    assert_eq!(places(&update.json()), ["Flag.id"]);
    let profile = wrapped(r#",{"name":"profile","valueUri":"urn:none"}"#);
    assert!(!places(&send(&node, ALL, "POST", at, &profile).await.json()).is_empty());
    let vital = "http://hl7.org/fhir/StructureDefinition/vitalsigns";
    let path = format!("/fhir/Observation/$validate?profile={vital}");
    let vital = send(&node, ALL, "POST", &path, OBSERVATION).await;
    assert!(places(&vital.json()).contains(&"Observation.subject".to_owned()), "{vital:?}");
    let other = send(&node, ALL, "POST", "/fhir/Patient/$validate", RIGHT).await;
    assert!(!places(&other.json()).is_empty(), "it is of another type");
    for (path, body) in [
        (format!("{at}?mode=guess"), RIGHT),
        (format!("{at}?mode=profile"), RIGHT),
        (format!("{at}?mode=delete"), RIGHT),
        (at.to_owned(), r#"{"resourceType":"Parameters"}"#),
    ] {
        assert_eq!(send(&node, ALL, "POST", &path, body).await.status, 400, "{path}");
    }

    let made = send(&node, ALL, "POST", "/fhir/Flag", WRONG).await.json();
    let path = format!("/fhir/Flag/{}/$validate", made["id"].as_str().unwrap());
    let stored = node.get(ALL, &path).await;
    assert!(places(&stored.json()).contains(&"Flag.status".to_owned()), "{stored:?}");
    let gone = node.get(ALL, "/fhir/Flag/none/$validate").await;
    assert_eq!(gone.status, 404);
    let xml = node.get(ALL, &format!("{path}?_format=xml")).await;
    assert!(xml.body.contains("<OperationOutcome"), "{xml:?}");
}
