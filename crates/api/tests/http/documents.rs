//! Documents and their content: `$document`, Bundles of type document, Binary.

use serde_json::{Value, json};

use crate::harness::{ALL, Node, PUBLIC, read_reply, token_of};
use crate::operations::{put, refused};

fn composition(sections: &Value) -> Value {
    json!({ "resourceType": "Composition", "id": "c", "status": "final",
        "type": { "text": "Discharge summary" }, "date": "2026-11-20", "title": "Discharge",
        "subject": { "reference": "Patient/p" },
        "author": [{ "reference": format!("{PUBLIC}/fhir/Practitioner/dr") }],
        "relatesTo": [{ "code": "replaces",
            "targetReference": { "reference": "Composition/before" } }],
        "section": [{ "entry": sections }] })
}

fn ids(bundle: &Value) -> Vec<String> {
    let of = |entry: &Value| {
        let resource = &entry["resource"];
        let (kind, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
        let reference = format!("{}/{}", kind.unwrap(), id.unwrap());
        assert_eq!(entry["fullUrl"], format!("{PUBLIC}/fhir/{reference}"));
        reference
    };
    bundle["entry"].as_array().unwrap().iter().map(of).collect()
}

async fn with_parts() -> Node {
    let node = Node::start().await;
    let of = |id: &str, kind: &str, to: Value| {
        let mut resource = json!({ "resourceType": kind, "id": id });
        for (name, value) in to.as_object().unwrap() {
            resource[name] = value.clone();
        }
        resource
    };
    let seen = |subject: &str, more: Value| {
        let mut to = json!({ "status": "final", "code": { "text": "x" },
            "subject": { "reference": format!("Patient/{subject}") } });
        for (name, value) in more.as_object().unwrap() {
            to[name] = value.clone();
        }
        to
    };
    let medicine = json!({ "status": "completed", "medicationReference":
        { "reference": "Medication/m" }, "subject": { "reference": "Patient/p" } });
    for resource in [
        of("p", "Patient", json!({ "managingOrganization": { "reference": "Organization/o" } })),
        of("q", "Patient", json!({})),
        of("dr", "Practitioner", json!({})),
        of("o", "Organization", json!({ "name": "Trust" })),
        of("m", "Medication", json!({ "code": { "text": "x" } })),
        of("s", "MedicationStatement", medicine),
        of("theirs", "Observation", seen("q", json!({}))),
        of(
            "ours",
            "Observation",
            seen(
                "p",
                json!({ "valueQuantity": { "value": 1 },
            "hasMember": [{ "reference": "Observation/theirs" }],
            "device": { "reference": "Device/none" } }),
            ),
        ),
        of("unrelated", "Observation", seen("p", json!({}))),
    ] {
        put(&node, &resource).await;
    }
    node
}

#[tokio::test]
async fn a_document_holds_all_that_the_composition_is_made_of() {
    let node = with_parts().await;
    let sections = json!([{ "reference": "Observation/ours" },
        { "reference": "MedicationStatement/s" }, { "reference": "https://other/fhir/List/1" }]);
    put(&node, &composition(&sections)).await;
    let path = "/fhir/Composition/c/$document";
    let reply = node.get(ALL, path).await;
    let bundle = reply.json();
    assert_eq!((reply.status, &bundle["type"]), (200, &json!("document")), "{bundle}");
    let expected = [
        "Composition/c",
        "Patient/p",
        "Practitioner/dr",
        "Observation/ours",
        "MedicationStatement/s",
        "Organization/o",
        "Medication/m",
    ];
    assert_eq!(ids(&bundle), expected, "and nothing of another patient");
    assert!(bundle["timestamp"].is_string());
    let identifier = &bundle["identifier"];
    assert_eq!(identifier["system"], "urn:ietf:rfc:3986");
    assert!(identifier["value"].as_str().unwrap().starts_with("urn:uuid:"));
    assert!(reply.body.contains(&node.get(ALL, "/fhir/Observation/ours").await.body));
    let found = node.get(ALL, "/fhir/Bundle?_summary=count").await.json();
    assert_eq!(found["total"], 0, "nothing was stored");

    let asked = json!({ "resourceType": "Parameters",
        "parameter": [{ "name": "persist", "valueBoolean": true }] });
    let kept = node.fhir("POST", path, "", &asked.to_string()).await;
    let address = kept.headers["location"].strip_prefix(PUBLIC).unwrap().to_owned();
    assert_eq!(node.get(ALL, &address).await.body, kept.body);
    assert_eq!(ids(&kept.json()), expected);
    let reader = token_of(api::Role::FhirRead);
    refused(&node.get(&reader, &format!("{path}?persist=true")).await, 403, "role-missing");
    let issue = refused(&node.get(ALL, &format!("{path}?persist=x")).await, 400, "bad-value");
    assert_eq!(issue["expression"][0], "persist");
    refused(&node.get(ALL, "/fhir/Composition/none/$document").await, 404, "not-found");
    refused(&node.get(ALL, "/fhir/Patient/p/$document").await, 404, "not-found");
    let seen = node.accesses();
    let seen = seen.iter().filter(|(_, it)| it.detail.as_deref() == Some(&path[6..]));
    assert!(seen.clone().any(|(_, it)| it.patient.as_deref() == Some("p")));
    assert!(seen.clone().all(|(_, it)| it.patient.as_deref() != Some("q")));
}

#[tokio::test]
async fn what_a_composition_names_has_to_be_here() {
    let node = with_parts().await;
    put(&node, &composition(&json!([{ "reference": "Observation/theirs" }]))).await;
    let path = "/fhir/Composition/c/$document";
    let named = ids(&node.get(ALL, path).await.json());
    assert!(named.contains(&"Observation/theirs".to_owned()), "it is named");
    assert!(!named.contains(&"Patient/q".to_owned()), "and nothing else of them");
    put(&node, &composition(&json!([{ "display": "x" }, { "reference": "List/gone" }]))).await;
    let issue = refused(&node.get(ALL, path).await, 422, "bad-resource");
    assert_eq!(issue["expression"][0], "Composition.section[0].entry[1].reference");
}

#[tokio::test]
async fn a_document_is_stored_as_it_was_sent() {
    let node = Node::start().await;
    let sent = r#"{"resourceType":"Bundle","type":"document","identifier":{"system":"urn:a",
        "value":"1"},"timestamp":"2026-11-20T10:00:00.120+01:00","entry":[{"fullUrl":"urn:uuid:1",
        "resource":{"resourceType":"Composition","id":"x","status":"final","n":1.50,
        "type":{"text":"x"},"date":"2026","title":"T","author":[{"display":"é"}]}}],
        "signature":{"type":[{"code":"x"}],"when":"2026-11-20T10:00:00Z","who":{"display":"d"},
        "data":"AAEC"}}"#;
    let reply = node.fhir("POST", "/fhir/Bundle", "", sent).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let without_head = |json: &str| {
        let mut raw = fhir::json::Raw::parse(json).unwrap();
        raw.remove("id");
        raw.remove("meta");
        fhir::json::canonical(&raw.write()).unwrap()
    };
    assert_eq!(without_head(&reply.body), without_head(sent));
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(node.get(ALL, &format!("/fhir/Bundle/{id}")).await.body, reply.body);
}

#[tokio::test]
async fn a_binary_is_its_content_and_a_resource() {
    let node = Node::start().await;
    put(&node, &json!({ "resourceType": "Patient", "id": "p" })).await;
    let document = json!({ "resourceType": "DocumentReference", "id": "d", "status": "current",
        "subject": { "reference": "Patient/p" },
        "content": [{ "attachment": { "url": "Binary/b" } }] });
    put(&node, &document).await;
    let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let write = format!(
        "PUT /fhir/Binary/b HTTP/1.1\nAuthorization: Bearer {ALL}\n\
         Content-Type: application/pdf;version=1.7\nX-Security-Context: DocumentReference/d"
    );
    let reply = read_reply(&String::from_utf8(node.exchange(&write, &content).await).unwrap());
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(reply.json()["securityContext"]["reference"], "DocumentReference/d");
    let read = async |more: &str| {
        let head = format!("GET /fhir/Binary/b HTTP/1.1\nAuthorization: Bearer {ALL}\n{more}");
        let answer = node.exchange(&head, b"").await;
        let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        (head, answer[end + 4..].to_vec())
    };
    for accept in ["", "Accept: */*", "Accept: application/pdf", "Accept: text/html, */*;q=0.1"] {
        let (head, body) = read(accept).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: application/pdf;version=1.7"), "{head}");
        assert!(head.contains("content-security-policy: default-src 'none'; sandbox"));
        assert!(head.contains("etag: w/\"1\""));
        assert_eq!(body, content, "{accept}");
    }
    let (head, body) = read("Accept: application/fhir+json").await;
    assert!(head.contains("content-type: application/fhir+json"), "{head}");
    let resource: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(resource["contentType"], "application/pdf;version=1.7");
    let data = fhir::base64::decode(resource["data"].as_str().unwrap()).unwrap();
    assert_eq!(data, content);
    let xml = String::from_utf8(read("Accept: application/fhir+xml").await.1).unwrap();
    assert!(xml.contains("<Binary xmlns"), "{}", &xml[..200]);
    assert!(read("Accept: image/png").await.0.starts_with("http/1.1 406"));
    let by_format = node.get(ALL, "/fhir/Binary/b?_format=json").await;
    assert_eq!(by_format.json()["id"], "b");
    let seen = node.accesses();
    let seen: Vec<_> =
        seen.iter().filter(|(_, it)| it.detail.as_deref() == Some("Binary/b")).collect();
    assert!(seen.iter().all(|(_, it)| it.patient.as_deref() == Some("p")), "whose document it is");
    let version = node.get(ALL, "/fhir/Binary/b/_history/1?_format=json").await;
    assert_eq!(version.json()["meta"]["versionId"], "1");
}

#[tokio::test]
async fn what_is_posted_to_binary_is_taken_for_what_it_is() {
    let node = Node::start().await;
    let send = async |kind: &str, more: &str, body: &[u8]| {
        let head = format!(
            "POST /fhir/Binary HTTP/1.1\nAuthorization: Bearer {ALL}\nContent-Type: {kind}{more}"
        );
        read_reply(&String::from_utf8(node.exchange(&head, body).await).unwrap())
    };
    let resource = br#"{"resourceType":"Binary","contentType":"text/plain","data":"YWJj"}"#;
    for kind in ["application/fhir+json", "application/json"] {
        assert_eq!(send(kind, "", resource).await.json()["contentType"], "text/plain", "{kind}");
    }
    let remark = send("application/json", "", br#"{"note":1.50}"#).await.json();
    assert_eq!(remark["contentType"], "application/json");
    assert_eq!(
        fhir::base64::decode(remark["data"].as_str().unwrap()).unwrap(),
        br#"{"note":1.50}"#
    );
    let page = send("text/html", "\nX-Security-Context: Patient/p", b"<b>x</b>").await;
    assert_eq!((page.status, page.json()["contentType"].as_str()), (201, Some("text/html")));
    assert!(send("text/plain", "", b"").await.json()["data"].is_null());
    let issue =
        refused(&send("text/plain", "\nX-Security-Context: x y", b"a").await, 400, "bad-value");
    assert_eq!(issue["expression"][0], "Binary.securityContext");
    refused(&send("application/fhir+json", "", b"{}").await, 400, "bad-resource");
    refused(&send("nothing", "", b"a").await, 415, "content-type");
    let large = vec![b'a'; 4 << 20];
    refused(&send("text/plain", "", &large).await, 413, "body-too-large");
}
