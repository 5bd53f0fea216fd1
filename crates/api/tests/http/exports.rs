//! Bulk export: kick-off, status, files, who may, and what a restart leaves.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::time::Duration;

use api::{Client, Clients, Role};
use serde_json::{Value, json};

use crate::harness::{ALL, Node, PUBLIC, Reply, all_clients, token_of};
use crate::operations::{put, refused};

/// Begins an export; gives its answer.
pub(crate) async fn begin(node: &Node, token: &str, path: &str) -> Reply {
    let head = format!(
        "GET {path} HTTP/1.1\nAuthorization: Bearer {token}\nPrefer: respond-async\n\
         Accept: application/fhir+json"
    );
    node.send(&head, "").await
}

pub(crate) fn address(reply: &Reply) -> String {
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.headers["content-location"].strip_prefix(PUBLIC).unwrap().to_owned()
}

/// Asks for the state until the export has ended.
pub(crate) async fn ended(node: &Node, token: &str, job: &str) -> Reply {
    for _ in 0..1_000 {
        let reply = node.get(token, job).await;
        if reply.status != 202 {
            return reply;
        }
        assert!(reply.headers.contains_key("retry-after"), "{reply:?}");
        assert!(reply.headers["x-progress"].contains("types"), "{reply:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the export does not end")
}

/// What an export holds: the resources, by their type and id, and the manifest.
pub(crate) async fn exported(node: &Node, token: &str, path: &str) -> (BTreeSet<String>, Value) {
    let job = address(&begin(node, token, path).await);
    let manifest = ended(node, token, &job).await;
    assert_eq!(manifest.status, 200, "{manifest:?}");
    let manifest = manifest.json();
    let mut all = BTreeSet::new();
    for file in manifest["output"].as_array().unwrap() {
        let url = file["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
        let reply = node.get(token, url).await;
        assert_eq!(reply.headers["content-type"], "application/fhir+ndjson");
        let text = unchunked(&reply);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(file["count"], lines.len(), "{file}");
        for line in lines {
            let resource: Value = serde_json::from_str(line).unwrap();
            assert_eq!(resource["resourceType"], file["type"]);
            let kind = resource["resourceType"].as_str().unwrap();
            all.insert(format!("{kind}/{}", resource["id"].as_str().unwrap()));
        }
    }
    (all, manifest)
}

/// A body without the lengths of its chunks (RFC 9112 §7.1).
fn unchunked(reply: &Reply) -> String {
    if !reply.headers.contains_key("transfer-encoding") {
        return reply.body.clone();
    }
    String::from_utf8(joined(reply.body.as_bytes())).unwrap()
}

fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}

fn seen(id: &str, subject: &str, status: &str) -> Value {
    json!({ "resourceType": "Observation", "id": id, "status": status, "code": { "text": "é x" },
        "subject": { "reference": format!("Patient/{subject}") }, "valueInteger": 1 })
}

pub(crate) async fn filled() -> Node {
    let node = Node::start().await;
    for id in ["a", "b", "c"] {
        put(&node, &json!({ "resourceType": "Patient", "id": id })).await;
        put(&node, &seen(&format!("{id}1"), id, "final")).await;
        put(&node, &seen(&format!("{id}2"), id, "amended")).await;
        put(
            &node,
            &json!({ "resourceType": "Coverage", "id": id, "status": "active",
            "beneficiary": { "reference": format!("Patient/{id}") } }),
        )
        .await;
    }
    put(&node, &json!({ "resourceType": "Organization", "id": "o" })).await;
    let member =
        |id: &str, inactive: bool| json!({ "entity": { "reference": id }, "inactive": inactive });
    put(
        &node,
        &json!({ "resourceType": "Group", "id": "inner", "type": "person", "actual": true,
        "member": [member("Patient/b/_history/1", false), member("Group/ward", false)] }),
    )
    .await;
    put(
        &node,
        &json!({ "resourceType": "Group", "id": "ward", "type": "person", "actual": true,
        "member": [member("Patient/a", false), member("Patient/c", true),
            member("https://elsewhere.example/fhir/Patient/c", false),
            member("Group/inner", false)] }),
    )
    .await;
    node
}

pub(crate) fn set(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn everything_of_a_state_is_exported_and_what_changed_since() {
    let node = filled().await;
    let path = "/fhir/$export?_type=Observation,Organization,Patient&_outputFormat=ndjson";
    let (all, manifest) = exported(&node, ALL, path).await;
    let ours: BTreeSet<String> = all.iter().filter(|id| !id.contains("/rxx.")).cloned().collect();
    let every = "Observation/a1 Observation/a2 Observation/b1 Observation/b2 Observation/c1 \
                 Observation/c2 Organization/o Patient/a Patient/b Patient/c";
    assert_eq!(ours, set(every));
    assert!(all.len() > ours.len(), "Anna is there too");
    assert_eq!(manifest["requiresAccessToken"], true);
    assert_eq!(manifest["request"], format!("{PUBLIC}{path}"));
    assert_eq!(manifest["error"], json!([]));
    let since = manifest["transactionTime"].as_str().unwrap().to_owned();

    tokio::time::sleep(Duration::from_millis(5)).await;
    put(&node, &seen("a1", "a", "corrected")).await;
    assert_eq!(node.fhir("DELETE", "/fhir/Observation/b1", "", "").await.status, 204);
    let path = format!("/fhir/$export?_type=Observation&_since={since}");
    let (changed, manifest) = exported(&node, ALL, &path).await;
    assert!(
        changed.contains("Observation/a1") && !changed.contains("Observation/c1"),
        "{changed:?}"
    );
    let url = manifest["deleted"][0]["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
    let gone: Value = serde_json::from_str(unchunked(&node.get(ALL, url).await).trim()).unwrap();
    assert_eq!(gone["entry"][0]["request"]["url"], "Observation/b1");

    let filter = "_typeFilter=Observation%3Fstatus%3Dfinal,corrected%26subject%3DPatient/a,\
                  Observation%3F_id%3Dc2";
    let path = format!("/fhir/$export?_type=Observation&{filter}");
    let (filtered, _) = exported(&node, ALL, &path).await;
    assert_eq!(filtered, set("Observation/a1 Observation/c2"));

    let named: Vec<String> = node
        .accesses()
        .into_iter()
        .filter(|(_, it)| it.what == "export")
        .filter_map(|(_, it)| it.detail)
        .filter(|detail| detail.starts_with("$export"))
        .collect();
    assert_eq!(named.len(), 3, "one entry for each: {named:?}");
    assert_eq!(named[0], "$export of Observation,Organization,Patient");
}

#[tokio::test]
async fn a_file_is_what_is_read_and_is_packed_where_that_is_taken() {
    let node = filled().await;
    let job = address(&begin(&node, ALL, "/fhir/$export?_type=Organization").await);
    let manifest = ended(&node, ALL, &job).await;
    assert!(manifest.headers.contains_key("expires"), "{manifest:?}");
    let manifest = manifest.json();
    let url = manifest["output"][0]["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
    let read = node.get(ALL, "/fhir/Organization/o").await.body;
    assert_eq!(unchunked(&node.get(ALL, url).await), format!("{read}\n"));
    let head = format!("GET {url} HTTP/1.1\nAuthorization: Bearer {ALL}\nAccept-Encoding: gzip");
    let answer = node.exchange(&head, b"").await;
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let packed = joined(&answer[end + 4..]);
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, format!("{read}\n"));
    refused(&node.get(ALL, &format!("{job}/job.json")).await, 404, "not-found");
    refused(&node.get(ALL, &format!("{job}/..%2F..%2Fjournal.sqlite3")).await, 404, "not-found");
    refused(&node.get("of-types", &job).await, 404, "not-found");
    let delete = format!("DELETE {job} HTTP/1.1\nAuthorization: Bearer of-types");
    refused(&node.send(&delete, "").await, 404, "not-found");
    assert_eq!(node.fhir("DELETE", &job, "", "").await.status, 202);
    refused(&node.get(ALL, &job).await, 404, "not-found");
    refused(&node.get(ALL, url).await, 404, "not-found");
}

#[tokio::test]
async fn patients_and_groups_have_their_compartments() {
    let node = filled().await;
    let of_group = "Patient/a Patient/b Observation/a1 Observation/a2 Observation/b1 \
                    Observation/b2 Coverage/a Coverage/b";
    let path = "/fhir/Group/ward/$export?_type=Patient,Observation,Coverage";
    assert_eq!(exported(&node, ALL, path).await.0, set(of_group));
    assert_eq!(exported(&node, "of-group", path).await.0, set(of_group));
    let (all, _) = exported(&node, ALL, "/fhir/Patient/$export").await;
    assert!(set(of_group).is_subset(&all) && all.contains("Coverage/c"), "{all:?}");
    assert!(!all.contains("Organization/o"), "no patient's");
    let (typed, _) = exported(&node, "of-types", "/fhir/$export").await;
    let kinds: BTreeSet<&str> = typed.iter().filter_map(|id| id.split('/').next()).collect();
    assert_eq!(kinds, BTreeSet::from(["Observation", "Patient"]), "no more than it may have");
    refused(&begin(&node, "of-group", "/fhir/Group/inner/$export").await, 403, "not-yours");
    refused(&begin(&node, "of-group", "/fhir/Patient/$export").await, 403, "not-yours");
    refused(&begin(&node, "of-group", "/fhir/$export").await, 403, "not-yours");
    let path = "/fhir/$export?_type=Patient,Coverage";
    let issue = refused(&begin(&node, "of-types", path).await, 403, "not-yours");
    assert_eq!(issue["expression"][0], "_type");
}

#[tokio::test]
async fn a_file_is_sent_to_who_may_have_it_now() {
    let node = filled().await;
    let job = address(&begin(&node, "of-types", "/fhir/$export").await);
    let manifest = ended(&node, "of-types", &job).await.json();
    let urls: Vec<String> = manifest["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned())
        .collect();
    let check = async |change: &dyn Fn(&mut Client), expected: [u16; 2]| {
        let mut clients = all_clients();
        clients.iter_mut().filter(|client| client.name == "of-types").for_each(change);
        node.state.roster().replace(Clients::new(clients).unwrap());
        for (kind, status) in ["Patient", "Observation"].into_iter().zip(expected) {
            let url = urls.iter().find(|url| url.contains(kind)).unwrap();
            assert_eq!(node.get("of-types", url).await.status, status, "{kind}");
        }
    };
    check(&|_| {}, [200, 200]).await;
    check(&|client| client.export.types = vec!["Patient".to_owned()], [200, 403]).await;
    check(&|client| client.export.groups = vec!["ward".to_owned()], [403, 403]).await;
    check(&|client| client.roles.retain(|role| *role != Role::FhirRead), [403, 403]).await;
}

#[tokio::test]
async fn what_cannot_be_exported_is_refused_at_its_place() {
    let node = filled().await;
    let issue = refused(&node.get(ALL, "/fhir/$export").await, 400, "bad-value");
    assert_eq!(issue["expression"][0], "http.prefer");
    for (query, place) in [
        ("_type=Goat", "_type"),
        ("_type=", "_type"),
        ("_since=yesterday", "_since"),
        ("_outputFormat=text/csv", "_outputFormat"),
        ("_typeFilter=status%3Dfinal", "_typeFilter"),
        ("_typeFilter=Observation%3Fcolour%3Dred", "_typeFilter"),
        ("_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal", "_typeFilter"),
    ] {
        let reply = begin(&node, ALL, &format!("/fhir/$export?{query}")).await;
        assert_eq!(refused(&reply, 400, "bad-query")["expression"][0], place, "{query}");
    }
    let path = "/fhir/Patient/$export?_type=Organization";
    refused(&begin(&node, ALL, path).await, 400, "bad-query");
    refused(&begin(&node, ALL, "/fhir/Observation/$export").await, 404, "not-found");
    refused(&begin(&node, ALL, "/fhir/Group/none/$export").await, 404, "not-found");
    refused(&begin(&node, ALL, "/fhir/Patient/a/$export").await, 404, "not-found");
    let alone = token_of(Role::FhirExport);
    refused(&begin(&node, &alone, "/fhir/$export").await, 403, "role-missing");
    for _ in 0..8 {
        let job = address(&begin(&node, ALL, "/fhir/$export?_type=Organization").await);
        assert_eq!(ended(&node, ALL, &job).await.status, 200);
    }
    let full = begin(&node, ALL, "/fhir/$export?_type=Organization").await;
    refused(&full, 429, "too-costly");
    assert!(full.headers.contains_key("retry-after"));
    assert_eq!(begin(&node, "of-types", "/fhir/$export").await.status, 202, "another client");
}

#[tokio::test]
async fn a_restart_keeps_what_ended_and_fails_what_did_not() {
    let node = filled().await;
    let job = address(&begin(&node, ALL, "/fhir/$export?_type=Organization").await);
    let before = ended(&node, ALL, &job).await.json();
    let (engine, folder) = node.end().await;
    drop(engine);
    let exports = folder.path().join("exports");
    let id = job.rsplit('/').next().unwrap();
    let state = fs::read_to_string(exports.join(id).join("job.json")).unwrap();
    let mut state: Value = serde_json::from_str(&state).unwrap();
    state["state"] = json!("running");
    state["id"] = json!("cut-off");
    state["ended"] = Value::Null;
    fs::create_dir(exports.join("cut-off")).unwrap();
    fs::write(exports.join("cut-off").join("job.json"), state.to_string()).unwrap();
    fs::write(exports.join("cut-off").join("Organization-1.ndjson.gz"), "half").unwrap();
    fs::create_dir(exports.join("stray")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let node = Node::start_in(folder, |server| server, None).await;
    assert_eq!(node.get(ALL, &job).await.json(), before);
    let url = before["output"][0]["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
    assert!(unchunked(&node.get(ALL, url).await).contains("\"Organization\""));
    let issue = refused(&node.get(ALL, "/fhir/_export/cut-off").await, 422, "export-failed");
    assert!(issue["diagnostics"].as_str().unwrap().contains("started anew"), "{issue}");
    let url = "/fhir/_export/cut-off/Organization-1.ndjson";
    refused(&node.get(ALL, url).await, 404, "not-found");
}
