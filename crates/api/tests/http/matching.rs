//! `$match`: who a patient may be.

use serde_json::{Value, json};

use crate::harness::{ALL, NHS, Node};
use crate::operations::{put, refused};

const VERIFIED: &str = "https://fhir.hl7.org.uk/StructureDefinition/\
                        Extension-UKCore-NHSNumberVerificationStatus";

fn patient(id: &str, number: &str, family: &str, given: &str, birth: &str) -> Value {
    json!({ "resourceType": "Patient", "id": id, "birthDate": birth, "gender": "female",
        "identifier": [{ "system": NHS, "value": number, "extension": [{ "url": VERIFIED,
            "valueCodeableConcept": { "coding": [{ "code": "01" }] } }] },
            { "system": "urn:mrn", "value": format!("M-{id}") }],
        "name": [{ "family": family, "given": [given] }],
        "address": [{ "postalCode": "LS1 4AP" }] })
}

/// Who is found, each with the grade and the score.
async fn matches(node: &Node, resource: &Value, more: &[Value]) -> Vec<(String, String, String)> {
    let mut parameter = vec![json!({ "name": "resource", "resource": resource })];
    parameter.extend_from_slice(more);
    let body = json!({ "resourceType": "Parameters", "parameter": parameter }).to_string();
    let reply = node.fhir("POST", "/fhir/Patient/$match", "", &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let bundle = reply.json();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let of = |entry: &Value| {
        let search = &entry["search"];
        assert_eq!(search["mode"], "match", "{entry}");
        assert!(search["extension"][0]["url"].as_str().unwrap().ends_with("/match-grade"));
        let grade = search["extension"][0]["valueCode"].as_str().unwrap().to_owned();
        let id = entry["resource"]["id"].as_str().unwrap().to_owned();
        (id, grade, search["score"].to_string())
    };
    entries.iter().map(of).collect()
}

fn found<'a>(id: &'a str, grade: &'a str, score: &'a str) -> (String, String, String) {
    (id.to_owned(), grade.to_owned(), score.to_owned())
}

#[tokio::test]
async fn who_is_meant_is_told_with_a_grade_and_a_score() {
    let node = Node::start().await;
    for resource in [
        patient("anna", "9990000026", "O'Brien-Smith", "Anna", "1950-03-07"),
        patient("twin", "9990000034", "O'Brien-Smith", "Hannah", "1950-03-07"),
        patient("late", "9990000042", "O'Brien-Smith", "Anna", "1950-07-03"),
        patient("else", "9990000050", "Jones", "Mary", "1981-01-01"),
    ] {
        put(&node, &resource).await;
    }
    let mut asked = patient("x", "9990000026", "OBrien Smith", "ANNA", "1950-03-07");
    assert_eq!(
        matches(&node, &asked, &[]).await,
        [
            found("anna", "certain", "0.78"),
            found("late", "certainly-not", "0.00"),
            found("twin", "certainly-not", "0.00"),
        ]
    );
    let only = json!({ "name": "onlyCertainMatches", "valueBoolean": true });
    let certain = matches(&node, &asked, std::slice::from_ref(&only)).await;
    assert_eq!(certain, [found("anna", "certain", "0.78")]);
    asked.as_object_mut().unwrap().remove("identifier");
    assert_eq!(
        matches(&node, &asked, &[]).await,
        [
            found("anna", "probable", "0.35"),
            found("late", "possible", "0.28"),
            found("twin", "possible", "0.23"),
        ]
    );
    let two = json!({ "name": "count", "valueInteger": 2 });
    assert_eq!(matches(&node, &asked, &[two]).await.len(), 2);
    assert_eq!(matches(&node, &asked, &[only]).await, [], "nobody is certain");
    let by_local = json!({ "resourceType": "Patient",
        "identifier": [{ "system": "urn:mrn", "value": "M-else" }] });
    assert_eq!(matches(&node, &by_local, &[]).await, [found("else", "possible", "0.21")]);
    let nobody = json!({ "resourceType": "Patient", "birthDate": "1990-01-01",
        "name": [{ "family": "Nobody" }] });
    assert_eq!(matches(&node, &nobody, &[]).await, []);
    let looks = node.accesses();
    let seen = looks.iter().filter(|(_, it)| it.detail.as_deref() == Some("Patient/$match"));
    assert!(seen.clone().any(|(_, it)| it.patient.as_deref() == Some("twin")));
    assert!(seen.clone().any(|(_, it)| it.patient.is_none()), "a look that found nobody");
}

#[tokio::test]
async fn of_merged_patients_the_one_in_use_is_named() {
    let node = Node::start().await;
    node.admit("9990000069").await;
    node.admit("9990000077").await;
    let (gone, stays) = (node.patient("9990000069").await, node.patient("9990000077").await);
    node.merge("9990000069", "9990000077").await;
    let asked = json!({ "resourceType": "Patient",
        "identifier": [{ "system": NHS, "value": "9990000069" }] });
    assert_ne!(gone, stays);
    assert_eq!(matches(&node, &asked, &[]).await, [found(&stays, "probable", "0.30")]);
}

#[tokio::test]
async fn what_says_too_little_is_refused_at_its_place() {
    let node = Node::start().await;
    let send =
        async |body: Value| node.fhir("POST", "/fhir/Patient/$match", "", &body.to_string()).await;
    let with = |resource: Value, more: Value| {
        json!({ "resourceType": "Parameters",
            "parameter": [{ "name": "resource", "resource": resource }, more] })
    };
    let count = |count: i32| json!({ "name": "count", "valueInteger": count });
    let named = json!({ "resourceType": "Patient", "name": [{ "family": "Lee" }] });
    let place = "Parameters.parameter.where(name = 'resource').resource";
    let refused_at = |reply, code, place: &str| {
        assert_eq!(refused(&reply, 400, code)["expression"][0], place);
    };
    refused_at(send(with(named.clone(), count(1))).await, "bad-value", place);
    let mut enough = named.clone();
    enough["birthDate"] = json!("1950-03-07");
    let of_count = "Parameters.parameter.where(name = 'count')";
    refused_at(send(with(enough, count(0))).await, "bad-value", of_count);
    let other = json!({ "resourceType": "Basic" });
    refused_at(send(with(other, count(1))).await, "bad-resource", place);
    refused_at(
        send(json!({ "resourceType": "Parameters" })).await,
        "bad-resource",
        "Parameters.parameter",
    );
    refused_at(send(named).await, "bad-resource", "Resource.resourceType");
    let reply = node.fhir("POST", "/fhir/Basic/$match", "", "{}").await;
    refused(&reply, 404, "not-found");
    assert_eq!(node.get(ALL, "/fhir/Patient/$match").await.status, 405);
}
