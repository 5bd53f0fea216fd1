//! Reading resources, their versions, and what the server says of itself.

use api::Role;
use fhir_definitions::SearchKind;

use crate::harness::{ALL, ANNA, Node, token_of};

#[tokio::test]
async fn a_resource_is_served_as_it_is_stored() {
    let node = Node::start().await;
    let id = node.patient(ANNA).await;
    let path = format!("/fhir/Patient/{id}");
    let reply = node.get(ALL, &path).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/fhir+json; charset=utf-8");
    assert_eq!(reply.headers["etag"], "W/\"1\"");
    assert!(reply.headers["last-modified"].ends_with(" GMT"), "{reply:?}");
    let readers = node.engine.readers();
    let stored = readers.get().unwrap().read(fhir::ResourceType::Patient, &id.parse().unwrap());
    assert_eq!(reply.body, stored.unwrap().unwrap().json());

    let head = |more: &str| format!("GET {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n{more}");
    let reply = node.send(&head("If-None-Match: W/\"1\""), "").await;
    assert_eq!((reply.status, reply.body.as_str()), (304, ""));
    assert_eq!(reply.headers["etag"], "W/\"1\"");
    assert_eq!(node.send(&head("If-None-Match: W/\"2\""), "").await.status, 200);
    let reply = node.send(&head("Accept: application/fhir+turtle"), "").await;
    assert_eq!((reply.status, reply.code().as_str()), (406, "not-acceptable"));
    assert_eq!(node.get(ALL, &format!("{path}?_format=ttl")).await.status, 406);
    assert_eq!(node.get(ALL, &format!("{path}?_format=json")).await.status, 200);
}

#[tokio::test]
async fn an_older_version_can_be_read() {
    let node = Node::start().await;
    let id = node.patient(ANNA).await;
    // A transfer to another ward makes a second version of the encounter.
    let found = node.get(ALL, &format!("/fhir/Encounter?patient={id}")).await.json();
    let encounter = found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    node.admit(ANNA).await;
    let latest = node.get(ALL, &format!("/fhir/Encounter/{encounter}")).await;
    let version: u64 = latest.json()["meta"]["versionId"].as_str().unwrap().parse().unwrap();
    for wanted in 1..=version {
        let reply = node.get(ALL, &format!("/fhir/Encounter/{encounter}/_history/{wanted}")).await;
        assert_eq!(reply.headers["etag"], format!("W/\"{wanted}\""));
        assert_eq!(reply.json()["meta"]["versionId"], wanted.to_string());
    }
    for wanted in [version + 1, 0] {
        let path = format!("/fhir/Encounter/{encounter}/_history/{wanted}");
        assert_eq!(node.get(ALL, &path).await.status, 404);
    }
    let path = format!("/fhir/Encounter/{encounter}/_history/x");
    assert_eq!(node.get(ALL, &path).await.status, 404);
}

#[tokio::test]
async fn every_read_is_journalled_before_it_is_answered() {
    let node = Node::start().await;
    let id = node.patient(ANNA).await;
    let before = node.accesses().len();
    let token = token_of(Role::FhirRead);
    assert_eq!(node.get(&token, &format!("/fhir/Patient/{id}")).await.status, 200);
    assert_eq!(node.get(&token, "/fhir/Patient/nobody").await.status, 404);
    let seen = node.accesses().split_off(before);
    assert_eq!(seen.len(), 2, "{seen:?}");
    for ((looked, access), (patient, detail)) in
        seen.iter().zip([(Some(&id), format!("Patient/{id}")), (None, "Patient/nobody".into())])
    {
        assert!(looked);
        assert_eq!((access.who.as_str(), access.what.as_str()), ("fhir-read", "read"));
        assert_eq!(access.patient.as_deref(), patient.map(String::as_str));
        assert_eq!(access.detail.as_deref(), Some(detail.as_str()));
        assert_eq!(access.resource_type, Some(fhir::ResourceType::Patient));
    }
}

#[tokio::test]
async fn the_capability_statement_tells_the_truth() {
    let node = Node::start().await;
    let reply = node.send("GET /fhir/metadata HTTP/1.1", "").await;
    let statement = reply.json();
    assert_eq!(reply.status, 200);
    assert_eq!(statement["implementation"]["url"], "https://interlock.example/fhir");
    for stated in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = stated["type"].as_str().unwrap();
        for interaction in stated["interaction"].as_array().unwrap() {
            // What is written is tried in `writes.rs`.
            if ["create", "update", "patch", "delete"]
                .contains(&interaction["code"].as_str().unwrap())
            {
                continue;
            }
            let (path, status) = match interaction["code"].as_str().unwrap() {
                "history-type" => (format!("/fhir/{kind}/_history"), 200),
                "history-instance" => (format!("/fhir/{kind}/nobody/_history"), 404),
                "read" => (format!("/fhir/{kind}/nobody"), 404),
                "vread" => (format!("/fhir/{kind}/nobody/_history/1"), 404),
                "search-type" => (format!("/fhir/{kind}?_id=nobody"), 200),
                other => panic!("{other}"),
            };
            assert_eq!(node.get(ALL, &path).await.status, status, "{path}");
        }
        for param in stated["searchParam"].as_array().unwrap() {
            let name = param["name"].as_str().unwrap();
            let known = fhir_search::find_param(kind.parse().unwrap(), name).unwrap();
            let example = |kind: SearchKind| match kind {
                SearchKind::Date => "2026-11-20",
                SearchKind::Number | SearchKind::Quantity => "5.4",
                _ => "a",
            };
            let code = known.codes().and_then(|codes| codes.first()).copied();
            let plain = code.unwrap_or(example(known.kind)).to_owned();
            let value = known.composites.first().map_or(plain, |place| {
                let parts = place.parts.iter().map(|part| example(part.kind));
                parts.collect::<Vec<_>>().join("$")
            });
            let value = value.replace('<', "%3C").replace('>', "%3E");
            let path = format!("/fhir/{kind}?_id=nobody&{name}={value}");
            let head = format!(
                "GET {path} HTTP/1.1\nAuthorization: Bearer {ALL}\nPrefer: handling=strict"
            );
            let reply = node.send(&head, "").await;
            assert_eq!(reply.status, 200, "{path}: {reply:?}");
        }
    }
}
