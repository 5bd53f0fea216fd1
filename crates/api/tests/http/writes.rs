//! Creating, updating, patching and deleting resources, and their histories.

use api::Role;
use medicines::Fact;
use serde_json::{Value, json};

use crate::harness::{ALL, ANNA, ITEM, NHS, Node, PUBLIC, Reply, token_of};

fn observation(value: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},
        "valueQuantity":{{"value":{value}}},"_status":{{"extension":[{{"url":"u",
        "valueString":"é"}}]}},"unknownMember":[1E2,{{"deep":0.10}}]}}"#
    )
}

#[track_caller]
fn outcome(reply: &Reply, status: u16, code: &str) -> Value {
    let json = reply.json();
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(json["issue"][0]["details"]["coding"][0]["code"], code, "{json}");
    json["issue"][0].clone()
}

fn id_of(reply: &Reply) -> String {
    reply.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_created_is_served_to_the_last_digit() {
    let node = Node::start().await;
    let sent = observation("0.40");
    let reply = node.fhir("POST", "/fhir/Observation", "", &sent).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let id = id_of(&reply);
    assert!(id.starts_with("rxx.") && id.contains(".f"), "{id}");
    assert_eq!(reply.headers["etag"], "W/\"1\"");
    let location = format!("{PUBLIC}/fhir/Observation/{id}/_history/1");
    assert_eq!(reply.headers["location"], location);
    let read = node.get(ALL, &format!("/fhir/Observation/{id}")).await;
    assert_eq!(read.body, reply.body);
    assert_eq!(read.headers["last-modified"], reply.headers["last-modified"]);
    let without_head = |json: &str| {
        let mut raw = fhir::json::Raw::parse(json).unwrap();
        raw.remove("id");
        raw.remove("meta");
        fhir::json::canonical(&raw.write()).unwrap()
    };
    assert_eq!(without_head(&read.body), without_head(&sent));
    let entry: u64 = id.split('.').nth(1).unwrap().parse().unwrap();
    let journal = node.engine.journal().unwrap();
    assert_eq!(journal.get(entry).unwrap().unwrap().raw, sent.as_bytes());

    let minimal = node.fhir("POST", "/fhir/Basic", "Prefer: return=minimal", &basic("a")).await;
    assert_eq!((minimal.status, minimal.body.as_str()), (201, ""));
    let said =
        node.fhir("POST", "/fhir/Basic", "Prefer: return=OperationOutcome", &basic("a")).await;
    assert_eq!(
        (said.status, said.json()["resourceType"].as_str()),
        (201, Some("OperationOutcome"))
    );
}

fn basic(text: &str) -> String {
    format!(r#"{{"resourceType":"Basic","id":"b1","code":{{"text":"{text}"}}}}"#)
}

#[tokio::test]
async fn an_update_makes_versions_and_a_delete_ends_them() {
    let node = Node::start().await;
    let put = |more: &'static str, text: &'static str| {
        let node = &node;
        async move { node.fhir("PUT", "/fhir/Basic/b1", more, &basic(text)).await }
    };
    assert_eq!(put("", "one").await.status, 201);
    let same = put("", "one").await;
    assert_eq!((same.status, same.headers["etag"].as_str()), (200, "W/\"1\""), "nothing changed");
    let two = put("If-Match: W/\"1\"", "two").await;
    assert_eq!((two.status, two.headers["etag"].as_str()), (200, "W/\"2\""));
    outcome(&put("If-Match: W/\"1\"", "three").await, 412, "precondition-failed");
    outcome(&put("If-None-Match: *", "three").await, 412, "precondition-failed");
    outcome(&put("If-Match: 1", "three").await, 400, "bad-value");

    let deleted = node.fhir("DELETE", "/fhir/Basic/b1", "If-Match: \"2\"", "").await;
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    assert_eq!(node.fhir("DELETE", "/fhir/Basic/b1", "", "").await.status, 204, "again");
    outcome(&node.get(ALL, "/fhir/Basic/b1").await, 410, "gone");
    outcome(&node.get(ALL, "/fhir/Basic/b1/_history/3").await, 410, "gone");
    assert_eq!(node.get(ALL, "/fhir/Basic/b1/_history/2").await.json()["code"]["text"], "two");
    let found = node.get(ALL, "/fhir/Basic?_id=b1").await.json();
    assert_eq!(found["total"], 0);
    outcome(&node.fhir("PATCH", "/fhir/Basic/b1", "", "{}").await, 400, "bad-resource");

    let again = put("", "four").await;
    assert_eq!((again.status, again.headers["etag"].as_str()), (201, "W/\"4\""));
    let history = node.get(ALL, "/fhir/Basic/b1/_history").await.json();
    let entries = history["entry"].as_array().unwrap();
    let versions: Vec<(&str, &str)> = entries
        .iter()
        .map(|entry| {
            let method = entry["request"]["method"].as_str().unwrap();
            (method, entry["response"]["etag"].as_str().unwrap())
        })
        .collect();
    let expected =
        [("PUT", "W/\"4\""), ("DELETE", "W/\"3\""), ("PUT", "W/\"2\""), ("POST", "W/\"1\"")];
    assert_eq!((versions.as_slice(), &history["total"]), (&expected[..], &json!(4)));
    assert!(entries[1].get("resource").is_none());
}

#[tokio::test]
async fn histories_are_paged_from_the_newest_on() {
    let node = Node::start().await;
    for text in ["one", "two", "three"] {
        node.fhir("PUT", "/fhir/Basic/b1", "", &basic(text)).await;
    }
    for (path, all) in [
        ("/fhir/Basic/b1/_history", vec!["three", "two", "one"]),
        ("/fhir/Basic/_history", vec!["three", "two", "one"]),
    ] {
        let mut next = format!("{path}?_count=2");
        let mut found = Vec::new();
        for _ in 0..4 {
            let page = node.get(ALL, &next).await.json();
            for entry in page["entry"].as_array().into_iter().flatten() {
                found.push(entry["resource"]["code"]["text"].as_str().unwrap().to_owned());
            }
            let links = page["link"].as_array().unwrap();
            let Some(link) = links.iter().find(|link| link["relation"] == "next") else { break };
            next = link["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
        }
        assert_eq!(found, all, "{path}");
    }
    let everything = node.get(ALL, "/fhir/_history").await.json();
    let kinds: Vec<&str> = everything["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["resource"]["resourceType"].as_str().unwrap())
        .collect();
    let expected = ["Basic", "Basic", "Basic", "MedicationRequest", "Encounter", "Patient"];
    assert_eq!(kinds, expected);
    for (query, count) in [
        ("_since=2026-11-20T09:00:00Z", 3),
        ("_since=2026-11-21T09:00:00Z", 0),
        ("_at=2026-11-20", 3),
        ("_at=2026-11-19", 0),
    ] {
        for path in ["/fhir/Basic/b1/_history", "/fhir/Basic/_history"] {
            let page = node.get(ALL, &format!("{path}?{query}")).await.json();
            let found = page["entry"].as_array().map_or(0, Vec::len);
            assert_eq!(found, count, "{path} {query}: {page}");
        }
    }
    for wrong in ["_count=0", "_since=then", "_at=x", "_cursor=7"] {
        let reply = node.get(ALL, &format!("/fhir/_history?{wrong}")).await;
        outcome(&reply, 400, "bad-query");
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_alone() {
    let node = Node::start().await;
    let id = id_of(&node.fhir("POST", "/fhir/Observation", "", &observation("0.40")).await);
    let path = format!("/fhir/Observation/{id}");
    let send = async |patch: &str, more: &str| {
        let head = format!(
            "PATCH {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n\
             Content-Type: application/json-patch+json\n{more}"
        );
        node.send(&head, patch).await
    };
    let changed =
        send(r#"[{"op":"replace","path":"/valueQuantity/value","value":1.50}]"#, "").await;
    assert_eq!((changed.status, changed.headers["etag"].as_str()), (200, "W/\"2\""));
    assert!(changed.body.contains("\"value\":1.50"), "{changed:?}");
    assert!(changed.body.contains("[1E2,{\"deep\":0.10}]") || changed.body.contains("1e+2"));
    let same = send(r#"[{"op":"test","path":"/status","value":"final"}]"#, "").await;
    assert_eq!((same.status, same.headers["etag"].as_str()), (200, "W/\"2\""));
    let refused = |patch: &'static str| (patch, 422, "patch-failed");
    for (body, status, code) in [
        refused(r#"[{"op":"replace","path":"/id","value":"x"}]"#),
        refused(r#"[{"op":"replace","path":"/resourceType","value":"Basic"}]"#),
        refused(r#"[{"op":"replace","path":"/status","value":"asleep"}]"#),
        refused(r#"[{"op":"replace","path":"/status","value":null}]"#),
        refused(r#"[{"op":"remove","path":"/nothing"}]"#),
        refused(r#"[{"op":"test","path":"/status","value":"x"}]"#),
        (r#"{"op":"remove"}"#, 400, "bad-resource"),
        ("[", 400, "not-json"),
    ] {
        outcome(&send(body, "").await, status, code);
    }
    let stale = send(r#"[{"op":"remove","path":"/unknownMember"}]"#, "If-Match: W/\"1\"").await;
    outcome(&stale, 412, "precondition-failed");
}

#[tokio::test]
async fn conditions_find_one_or_nothing_is_done() {
    let node = Node::start().await;
    let patient = |value: &str, family: &str| {
        format!(
            r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:s","value":"{value}"}}],
            "name":[{{"family":"{family}"}}]}}"#
        )
    };
    let search = "If-None-Exist: identifier=urn:s|1";
    let first = node.fhir("POST", "/fhir/Patient", search, &patient("1", "A")).await;
    assert_eq!(first.status, 201, "{first:?}");
    let found = node.fhir("POST", "/fhir/Patient", search, &patient("1", "B")).await;
    assert_eq!((found.status, id_of(&found)), (200, id_of(&first)));
    assert_eq!(found.json()["name"][0]["family"], "A", "nothing was stored");
    let updated =
        node.fhir("PUT", "/fhir/Patient?identifier=urn:s|1", "", &patient("1", "C")).await;
    assert_eq!((updated.status, id_of(&updated)), (200, id_of(&first)));
    let created =
        node.fhir("PUT", "/fhir/Patient?identifier=urn:s%7C2", "", &patient("2", "D")).await;
    assert_eq!(created.status, 201);
    for (method, query, status, code) in [
        ("PUT", "identifier=urn:s|1,urn:s|2", 412, "multiple-matches"),
        ("DELETE", "identifier=urn:s|1,urn:s|2", 412, "multiple-matches"),
        ("DELETE", "birthdate=1950-01-01", 412, "too-wide"),
        ("DELETE", "identifier=a&colour=red", 400, "bad-query"),
        ("DELETE", "", 412, "too-wide"),
    ] {
        let path = format!("/fhir/Patient?{query}");
        outcome(&node.fhir(method, &path, "", &patient("1", "E")).await, status, code);
    }
    let gone = node.fhir("DELETE", "/fhir/Patient?identifier=urn:s|2", "", "").await;
    assert_eq!(gone.status, 204);
    assert_eq!(node.fhir("DELETE", "/fhir/Patient?identifier=urn:s|2", "", "").await.status, 204);
    outcome(&node.get(ALL, &format!("/fhir/Patient/{}", id_of(&created))).await, 410, "gone");
    // The number is free again.
    assert_eq!(node.fhir("POST", "/fhir/Patient", "", &patient("2", "F")).await.status, 201);
}

#[tokio::test]
async fn one_of_many_concurrent_updates_wins() {
    let node = std::sync::Arc::new(Node::start().await);
    node.fhir("PUT", "/fhir/Basic/b1", "", &basic("start")).await;
    let mut all = tokio::task::JoinSet::new();
    for n in 0..16 {
        let node = std::sync::Arc::clone(&node);
        all.spawn(async move {
            let body = basic(&n.to_string());
            node.fhir("PUT", "/fhir/Basic/b1", "If-Match: W/\"1\"", &body).await.status
        });
    }
    let mut statuses = all.join_all().await;
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (200, &[412; 15][..]));
    assert_eq!(node.get(ALL, "/fhir/Basic/b1").await.headers["etag"], "W/\"2\"");
}

#[tokio::test]
async fn a_repeat_with_its_key_has_no_second_effect() {
    let node = Node::start().await;
    let key = "Idempotency-Key: k1";
    let first = node.fhir("POST", "/fhir/Basic", key, &basic("a")).await;
    let again = node.fhir("POST", "/fhir/Basic", key, &basic("a")).await;
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    outcome(&node.fhir("POST", "/fhir/Basic", key, &basic("b")).await, 422, "key-reused");
    let elsewhere = node.fhir("PUT", "/fhir/Basic/b1", key, &basic("a")).await;
    assert_eq!(elsewhere.status, 201, "another address is another request");
    let stored = node.facts().iter().filter(|fact| matches!(fact, Fact::Recorded(_))).count();
    assert_eq!(stored, 2);
}

#[tokio::test]
async fn what_is_no_resource_is_refused_at_its_place() {
    let node = Node::start().await;
    let cases = [
        ("{", 400, "not-json", Value::Null),
        ("[]", 400, "bad-resource", Value::Null),
        (r#"{"resourceType":"Goat"}"#, 400, "bad-resource", json!("Resource.resourceType")),
        (r#"{"resourceType":"Basic"}"#, 400, "bad-resource", json!("Resource.resourceType")),
        (r#"{"resourceType":"Patient","meta":1}"#, 400, "bad-resource", json!("Resource.meta")),
        (r#"{"resourceType":"Patient","name":[]}"#, 400, "bad-resource", json!("Patient.name")),
        (
            r#"{"resourceType":"Patient","active":null}"#,
            400,
            "bad-resource",
            json!("Patient.active"),
        ),
        (
            r#"{"resourceType":"Patient","active":"no"}"#,
            400,
            "bad-resource",
            json!("Patient.active"),
        ),
        (r#"{"resourceType":"Patient","a":1,"a":2}"#, 400, "not-json", json!("a")),
    ];
    for (body, status, code, expression) in cases {
        let reply = node.fhir("POST", "/fhir/Patient", "", body).await;
        let issue = outcome(&reply, status, code);
        assert_eq!(issue["expression"][0], expression, "{body}: {issue}");
    }
    let deep = format!(r#"{{"resourceType":"Patient","x":{}1{}}}"#, "[".repeat(70), "]".repeat(70));
    outcome(&node.fhir("POST", "/fhir/Patient", "", &deep).await, 400, "not-json");
    let long = format!(r#"{{"resourceType":"Patient","x":"{}"}}"#, "x".repeat(5 << 20));
    outcome(&node.fhir("POST", "/fhir/Patient", "", &long).await, 413, "body-too-large");
    outcome(&node.fhir("POST", "/fhir/Goat", "", "{}").await, 404, "not-found");
    let parameters = r#"{"resourceType":"Parameters"}"#;
    outcome(&node.fhir("POST", "/fhir/Parameters", "", parameters).await, 404, "not-found");
    outcome(&node.fhir("PUT", "/fhir/Basic/b2", "", &basic("a")).await, 400, "bad-resource");
    outcome(&node.fhir("PUT", "/fhir/Basic/a_b", "", &basic("a")).await, 400, "bad-value");
    let head = format!("POST /fhir/Basic HTTP/1.1\nAuthorization: Bearer {ALL}\nContent-Type: x/y");
    outcome(&node.send(&head, "{}").await, 415, "content-type");
    outcome(&node.fhir("POST", "/fhir/Basic/b1", "", &basic("a")).await, 405, "method-not-allowed");
}

#[tokio::test]
async fn a_patient_into_whom_others_were_merged_is_not_deleted() {
    let node = Node::start_with(|server| server, None).await;
    let written = |id: &str, number: &str| {
        json!({ "resourceType": "Patient", "id": id,
            "identifier": [{ "system": NHS, "value": number }] })
    };
    for (id, number) in [("stays", "9990000069"), ("gone", "9990000077")] {
        let put = written(id, number).to_string();
        assert_eq!(node.fhir("PUT", &format!("/fhir/Patient/{id}"), "", &put).await.status, 201);
    }
    node.merge("9990000077", "9990000069").await;
    for path in ["Patient/stays", "Patient?_id=stays", "Patient?identifier=9990000069"] {
        let refused = node.fhir("DELETE", &format!("/fhir/{path}"), "", "").await;
        let issue = outcome(&refused, 409, "conflict");
        assert!(issue["diagnostics"].as_str().unwrap().contains("ADT^A40"), "{path} {issue}");
    }
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction",
        "entry": [{ "request": { "method": "DELETE", "url": "Patient/stays" } }] });
    let refused = node.fhir("POST", "/fhir", "", &bundle.to_string()).await;
    outcome(&refused, 409, "conflict");
    assert_eq!(node.get(ALL, "/fhir/Patient/stays").await.status, 200);
    // Once nobody leads to it, and nothing is about it, one is deleted as before.
    let alone = written("alone", "9990000085").to_string();
    assert_eq!(node.fhir("PUT", "/fhir/Patient/alone", "", &alone).await.status, 201);
    assert_eq!(node.fhir("DELETE", "/fhir/Patient/alone", "", "").await.status, 204);
}

#[tokio::test]
async fn the_loop_keeps_its_own_word() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    let of = |kind: &str| format!("/fhir/{kind}?patient={anna}");
    let first = async |kind: &str| {
        let found = node.get(ALL, &of(kind)).await.json();
        found["entry"][0]["resource"].clone()
    };
    // What the loop made is not changed from outside, and not deleted.
    for kind in ["MedicationRequest", "Encounter"] {
        let mut resource = first(kind).await;
        resource["language"] = json!("en");
        let path = format!("/fhir/{kind}/{}", resource["id"].as_str().unwrap());
        outcome(&node.fhir("PUT", &path, "", &resource.to_string()).await, 422, "loop-rule");
        outcome(&node.fhir("DELETE", &path, "", "").await, 409, "conflict");
    }
    let mut patient = node.get(ALL, &format!("/fhir/Patient/{anna}")).await.json();
    outcome(&node.fhir("DELETE", &format!("/fhir/Patient/{anna}"), "", "").await, 409, "conflict");
    // Who she is may be told, but she stays known by her numbers.
    patient["name"] = json!([{"family": "Test"}]);
    let path = format!("/fhir/Patient/{anna}");
    let told = node.fhir("PUT", &path, "", &patient.to_string()).await;
    assert_eq!((told.status, told.headers["etag"].as_str()), (200, "W/\"2\""));
    let mut nameless = patient.clone();
    nameless.as_object_mut().unwrap().remove("identifier");
    let issue =
        outcome(&node.fhir("PUT", &path, "", &nameless.to_string()).await, 422, "loop-rule");
    assert_eq!(issue["expression"][0], "Patient.identifier");
    let other = format!(
        r#"{{"resourceType":"Patient","identifier":[{{"system":"{NHS}","value":"{ANNA}"}}]}}"#
    );
    outcome(&node.fhir("POST", "/fhir/Patient", "", &other).await, 409, "conflict");
    let merged = r#"{"resourceType":"Patient","link":[{"type":"replaced-by",
        "other":{"reference":"Patient/x"}}]}"#;
    outcome(&node.fhir("POST", "/fhir/Patient", "", merged).await, 422, "loop-rule");

    // An order of somebody who is in hospital acts: it has its own door.
    let order = |subject: &str, status: &str| {
        format!(
            r#"{{"resourceType":"MedicationRequest","status":"{status}","intent":"order",
            "subject":{subject},"medicationCodeableConcept":{{"text":"x"}},
            "extension":[{{"url":"urn:interlock:extension:verified-by","valueString":"me"}}]}}"#
        )
    };
    let by_id = format!(r#"{{"reference":"Patient/{anna}"}}"#);
    let by_number = format!(r#"{{"identifier":{{"system":"{NHS}","value":"{ANNA}"}}}}"#);
    for subject in [&by_id, &by_number] {
        let reply =
            node.fhir("POST", "/fhir/MedicationRequest", "", &order(subject, "active")).await;
        outcome(&reply, 422, "loop-rule");
    }
    let past = node.fhir("POST", "/fhir/MedicationRequest", "", &order(&by_id, "stopped")).await;
    assert_eq!(past.status, 201, "what is over grants nothing");
    let elsewhere = order(r#"{"reference":"Patient/nobody"}"#, "active");
    let elsewhere = node.fhir("POST", "/fhir/MedicationRequest", "", &elsewhere).await;
    assert_eq!(elsewhere.status, 201);
    let facts = node.facts();
    let recorded = |id: &str| {
        facts.iter().any(|fact| matches!(fact, Fact::Recorded(it) if it.id.as_str() == id))
    };
    assert!(recorded(&id_of(&past)) && recorded(&id_of(&elsewhere)), "no order of the loop");
    let chosen = basic("x").replace("b1", "rxx.99.1");
    outcome(&node.fhir("PUT", "/fhir/Basic/rxx.99.1", "", &chosen).await, 422, "loop-rule");
}

#[tokio::test]
async fn every_write_and_every_refusal_is_journalled() {
    let node = Node::start().await;
    let token = token_of(Role::FhirWrite);
    let send = async |method: &str, path: &str, more: &str, body: &str| {
        let head = format!(
            "{method} {path} HTTP/1.1\nAuthorization: Bearer {token}\n\
             Content-Type: application/fhir+json\n{more}"
        );
        node.send(&head, body).await
    };
    assert_eq!(send("PUT", "/fhir/Basic/b1", "", &basic("a")).await.status, 201);
    assert_eq!(send("GET", "/fhir/Basic/b1", "", "").await.status, 403);
    let before = node.accesses().len();
    assert_eq!(send("PUT", "/fhir/Basic/b1", "If-Match: \"7\"", &basic("b")).await.status, 412);
    let refused = node.accesses().split_off(before);
    let [(false, refused)] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((refused.who.as_str(), refused.what.as_str()), ("fhir-write", "write"));
    assert_eq!(refused.detail.as_deref(), Some("Basic/b1"));
    assert_eq!(refused.reason.as_deref(), Some("precondition-failed"));
}

#[tokio::test]
async fn answers_have_the_form_that_was_asked_for() {
    let node = Node::start().await;
    let id = id_of(&node.fhir("POST", "/fhir/Observation", "", &observation("1.0")).await);
    let path = format!("/fhir/Observation/{id}");
    let part = node.get(ALL, &format!("{path}?_elements=valueQuantity")).await.json();
    assert!(part["unknownMember"].is_null() && part["code"].is_object(), "{part}");
    assert_eq!(part["meta"]["tag"][0]["code"], "SUBSETTED");
    let found = node.get(ALL, &format!("/fhir/Observation?_id={id}&_summary=true")).await.json();
    assert!(found["entry"][0]["resource"]["valueQuantity"].is_object(), "{found}");
    assert!(found["entry"][0]["resource"]["unknownMember"].is_null(), "{found}");
    let count = node.get(ALL, &format!("/fhir/Observation?_id={id}&_summary=count")).await.json();
    assert_eq!((&count["total"], &count["entry"]), (&json!(1), &Value::Null));
    let pretty = node.get(ALL, &format!("{path}?_pretty=true")).await;
    assert!(pretty.body.starts_with("{\n  \"resourceType\": \"Observation\""), "{pretty:?}");
    outcome(&node.get(ALL, &format!("{path}?_summary=x")).await, 400, "bad-query");
    let since = "If-Modified-Since: Thu, 20 Nov 2036 10:15:00 GMT";
    let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n{since}");
    assert_eq!(node.send(&head, "").await.status, 304);
}

#[tokio::test]
async fn everything_about_a_patient_is_shown_in_pages() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    let staff = r#"{"resourceType":"Practitioner","id":"dr"}"#;
    assert_eq!(node.fhir("PUT", "/fhir/Practitioner/dr", "", staff).await.status, 201);
    let seen = |subject: &str| {
        format!(
            r#"{{"resourceType":"Observation","status":"final","code":{{"text":"x"}},
            "subject":{{"reference":"Patient/{subject}"}},"effectiveDateTime":"2020-01-01",
            "performer":[{{"reference":"Practitioner/dr"}},{{"reference":"Patient/other"}}]}}"#
        )
    };
    for subject in [anna.as_str(), "other"] {
        let reply = node.fhir("POST", "/fhir/Observation", "", &seen(subject)).await;
        assert_eq!(reply.status, 201);
    }
    let kinds = async |query: &str| {
        let mut next = format!("/fhir/Patient/{anna}/$everything?{query}");
        let mut kinds = Vec::new();
        for _ in 0..9 {
            let page = node.get(ALL, &next).await.json();
            for entry in page["entry"].as_array().into_iter().flatten() {
                kinds.push(entry["resource"]["resourceType"].as_str().unwrap().to_owned());
            }
            let links = page["link"].as_array().unwrap();
            let Some(link) = links.iter().find(|link| link["relation"] == "next") else { break };
            next = link["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
        }
        kinds
    };
    let all = ["Patient", "Encounter", "MedicationRequest", "Observation", "Practitioner"];
    assert_eq!(kinds("").await, all);
    assert_eq!(kinds("_count=1").await, all);
    assert_eq!(kinds("_type=Observation").await, ["Observation"]);
    assert_eq!(kinds("start=2026-01-01").await, all[..3]);
    assert_eq!(kinds("end=2020-02-01&_type=Observation,Patient").await, ["Patient", "Observation"]);
    assert_eq!(kinds("_since=2036-01-01").await, [""; 0]);
    let path = format!("/fhir/Patient/{anna}/$everything");
    outcome(&node.get(ALL, &format!("{path}?_count=0")).await, 400, "bad-query");
    outcome(&node.get(ALL, "/fhir/Observation/x/$everything").await, 404, "not-found");
    let meta = node.get(ALL, &format!("/fhir/Patient/{anna}/$meta")).await.json();
    assert_eq!(meta["parameter"][0]["valueMeta"]["versionId"], "1");
}

#[tokio::test]
async fn a_dose_is_written_by_the_bedsides_own_decision() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    let found = node.get(ALL, &format!("/fhir/MedicationRequest?patient={anna}")).await.json();
    let order = found["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    let dose = format!(
        r#"{{"resourceType":"MedicationAdministration","status":"completed","vendor":0.10,
        "subject":{{"reference":"Patient/{anna}"}},
        "request":{{"reference":"MedicationRequest/{order}"}},
        "medicationCodeableConcept":{{"coding":[{{"system":"{ITEM}","code":"PARA500"}}]}},
        "performer":[{{"actor":{{"identifier":{{"value":"N1001"}}}}}}],
        "effectiveDateTime":"2026-11-20T10:00:00Z",
        "dosage":{{"dose":{{"value":2,"unit":"tablet"}}}}}}"#
    );
    let path = "/fhir/MedicationAdministration";
    let reply = node.fhir("POST", path, "", &dose).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let json = reply.json();
    assert_eq!(json["request"]["identifier"]["value"], "7001", "what the loop knows is added");
    assert!(reply.body.contains("\"vendor\":0.10"), "what the client wrote stays");
    let id = json["id"].as_str().unwrap();
    assert_eq!(node.get(ALL, &format!("{path}/{id}")).await.body, reply.body);
    assert!(node.facts().iter().any(|fact| matches!(fact, Fact::CaseOpened(_))), "no removal");
    let head = format!(
        "POST {path} HTTP/1.1\nAuthorization: Bearer {}\nContent-Type: application/fhir+json",
        token_of(Role::FhirWrite)
    );
    let issue = outcome(&node.send(&head, &dose).await, 422, "loop-rule");
    assert!(issue["diagnostics"].as_str().unwrap().contains("bedside"), "{issue}");
}
