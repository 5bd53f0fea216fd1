//! Operations that read: `$everything` of a stay, `$lastn`, and what is gone.

use std::fs;
use std::time::Duration;

use engine::Engine;
use journal::{Journal, Sealing, segments};
use serde_json::{Value, json};

use crate::harness::{ALL, ANNA, Node, PUBLIC, Reply};

#[track_caller]
pub(crate) fn refused(reply: &Reply, status: u16, code: &str) -> Value {
    let json = reply.json();
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(json["issue"][0]["details"]["coding"][0]["code"], code, "{json}");
    json["issue"][0].clone()
}

/// Stores a resource under its own id.
pub(crate) async fn put(node: &Node, resource: &Value) {
    let kind = resource["resourceType"].as_str().unwrap();
    let id = resource["id"].as_str().unwrap();
    let reply = node.fhir("PUT", &format!("/fhir/{kind}/{id}"), "", &resource.to_string()).await;
    assert!(matches!(reply.status, 200 | 201), "{reply:?}");
}

/// The ids of all pages, each with its type.
async fn all_pages(node: &Node, first: &str) -> Vec<String> {
    let mut next = first.to_owned();
    let mut ids = Vec::new();
    for _ in 0..20 {
        let page = node.get(ALL, &next).await.json();
        assert_eq!(page["resourceType"], "Bundle", "{page}");
        for entry in page["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            ids.push(format!(
                "{}/{}",
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap()
            ));
        }
        let links = page["link"].as_array().unwrap();
        let Some(link) = links.iter().find(|link| link["relation"] == "next") else { return ids };
        link["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().clone_into(&mut next);
    }
    panic!("the pages do not end: {ids:?}")
}

fn observation(id: &str, more: &Value) -> Value {
    let mut resource = json!({ "resourceType": "Observation", "id": id, "status": "final",
        "code": { "text": "x" } });
    for (name, value) in more.as_object().unwrap() {
        resource[name] = value.clone();
    }
    resource
}

#[tokio::test]
async fn everything_of_a_stay_is_what_belongs_to_it() {
    let node = Node::start().await;
    let patient = |id: &str| json!({ "resourceType": "Patient", "id": id });
    let stay = |id: &str| {
        json!({ "resourceType": "Encounter", "id": id, "status": "finished",
            "class": { "code": "IMP" }, "subject": { "reference": "Patient/out" },
            "location": [{ "location": { "reference": "Location/bed" } }] })
    };
    let of = |id: &str, encounter: &str, subject: &str| {
        observation(
            id,
            &json!({ "encounter": { "reference": format!("Encounter/{encounter}") },
                "subject": { "reference": format!("Patient/{subject}") },
                "focus": [{ "reference": "Patient/other" }, { "reference": "Device/pump" }] }),
        )
    };
    for resource in [
        patient("out"),
        patient("other"),
        json!({ "resourceType": "Location", "id": "bed" }),
        json!({ "resourceType": "Device", "id": "pump" }),
        stay("one"),
        stay("two"),
        of("a", "one", "out"),
        of("b", "two", "out"),
        json!({ "resourceType": "Condition", "id": "c", "subject": { "reference": "Patient/out" },
            "encounter": { "reference": "Encounter/one" } }),
        of("d", "one", "out"),
        of("e", "one", "other"),
    ] {
        put(&node, &resource).await;
    }
    let path = "/fhir/Encounter/one/$everything";
    let belongs =
        ["Encounter/one", "Observation/a", "Condition/c", "Observation/d", "Observation/e"];
    let along = ["Patient/out", "Device/pump", "Location/bed"];
    let mut expected: Vec<&str> = belongs.into_iter().chain(along).collect();
    let mut found = all_pages(&node, path).await;
    assert_eq!(found[..5], belongs, "in the order of their first storing");
    found.sort();
    expected.sort_unstable();
    assert_eq!(found, expected, "and nothing of another patient");
    let paged: std::collections::BTreeSet<String> =
        all_pages(&node, &format!("{path}?_count=1")).await.into_iter().collect();
    assert_eq!(paged.into_iter().collect::<Vec<_>>(), expected);
    let of_type = all_pages(&node, &format!("{path}?_type=Condition,Location")).await;
    assert_eq!(of_type, ["Condition/c"], "the stay is not shown, nor what it refers to");
    assert_eq!(all_pages(&node, &format!("{path}?_since=2036-01-01")).await, [""; 0]);
    let asked = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "_type", "valueCode": "Condition" }, { "name": "_count", "valueInteger": 5 }] });
    let posted = node.fhir("POST", path, "", &asked.to_string()).await.json();
    assert_eq!(posted["entry"][0]["resource"]["id"], "c");
    assert_eq!(posted["entry"].as_array().unwrap().len(), 1);
    let issue =
        refused(&node.get(ALL, &format!("{path}?start=2026-01-01")).await, 400, "bad-query");
    assert_eq!(issue["expression"][0], "start");
    refused(&node.get(ALL, "/fhir/Encounter/none/$everything").await, 404, "not-found");
    refused(&node.get(ALL, "/fhir/Basic/none/$everything").await, 404, "not-found");
    let looks = node.accesses();
    let of_everything = looks.iter().filter(|(_, it)| it.what == "everything");
    let whose: std::collections::BTreeSet<&str> =
        of_everything.filter_map(|(_, it)| it.patient.as_deref()).collect();
    assert_eq!(Vec::from_iter(whose), ["other", "out"], "whose stay it is, and who is shown");
}

#[tokio::test]
async fn a_page_of_everything_follows_so_many_references() {
    let node = Node::start().await;
    let item = |n: usize| json!({ "item": { "reference": format!("Device/d{n}") } });
    let check = async |count: usize, is_cut: bool| {
        let entries: Vec<Value> = (0..count).map(item).collect();
        put(
            &node,
            &json!({ "resourceType": "List", "id": "l", "status": "current", "mode": "working",
            "subject": { "reference": "Patient/p" }, "entry": entries }),
        )
        .await;
        let page = node.get(ALL, "/fhir/Patient/p/$everything").await.json();
        let told = page.to_string().contains("references are followed");
        assert_eq!(told, is_cut, "{count}: {page}");
    };
    put(&node, &json!({ "resourceType": "Patient", "id": "p" })).await;
    check(5_000, false).await;
    check(5_001, true).await;
}

#[tokio::test]
async fn the_last_of_each_kind_come_newest_first() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    let coded = |codes: &[&str]| {
        let coding: Vec<Value> = codes
            .iter()
            .map(|code| code.split_once('|').unwrap())
            .map(|(system, code)| json!({ "system": system, "code": code }))
            .collect();
        json!({ "coding": coding })
    };
    let seen = |id: &str, codes: &[&str], at: &str, subject: &str| {
        let category = json!([coded(&["urn:category|vital-signs"])]);
        observation(
            id,
            &json!({ "code": coded(codes), "category": category, "effectiveDateTime": at,
                "subject": { "reference": format!("Patient/{subject}") } }),
        )
    };
    let all = [
        seen("p1", &["l|pulse"], "2026-11-20T08:00:00Z", &anna),
        seen("p3", &["l|pulse", "s|364075005"], "2026-11-20T10:00:00+01:00", &anna),
        seen("p2", &["s|364075005"], "2026-11-20T08:30:00Z", &anna),
        seen("t2", &["l|temp"], "2026-11-20T09:30:00Z", &anna),
        seen("t1", &["l|temp"], "2026-11-20T09:30:00Z", &anna),
        seen("t3", &["l|temp"], "2026-11-20T09:30:00Z", &anna),
        seen("x1", &["l|pulse"], "2026-11-20T11:00:00Z", "another"),
    ];
    for one in &all {
        put(&node, one).await;
    }
    let asked = format!("subject=Patient/{anna}&category=vital-signs");
    let ids = |bundle: &Value| -> Vec<String> {
        assert_eq!(bundle["type"], "searchset", "{bundle}");
        let entries = bundle["entry"].as_array();
        let of = |entry: &Value| entry["resource"]["id"].as_str().map(str::to_owned);
        entries.into_iter().flatten().filter_map(of).collect()
    };
    let last = async |query: &str| {
        ids(&node.get(ALL, &format!("/fhir/Observation/$lastn?{query}")).await.json())
    };
    assert_eq!(last(&asked).await, ["t1", "p3"], "one of each, ties by their ids");
    assert_eq!(last(&format!("{asked}&max=2")).await, ["t1", "t2", "p3", "p2"]);
    assert_eq!(last(&format!("{asked}&max=9")).await, ["t1", "t2", "t3", "p3", "p2", "p1"]);
    let of_pulse = format!("patient={anna}&code=l%7Cpulse&max=9");
    assert_eq!(last(&of_pulse).await, ["p3", "p1"]);
    // What joins the two codes is not among these.
    assert_eq!(last(&format!("{asked}&date=lt2026-11-20T09:00:00Z")).await, ["p2", "p1"]);
    let body = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "max", "valuePositiveInt": 2 },
        { "name": "patient", "valueReference": { "reference": format!("Patient/{anna}") } },
        { "name": "code", "valueCodeableConcept": coded(&["s|364075005", "l|pulse"]) }] });
    let posted = node.fhir("POST", "/fhir/Observation/$lastn", "", &body.to_string()).await.json();
    assert_eq!(ids(&posted), ["p3", "p2"]);
    assert_eq!(posted["link"][0]["url"], format!("{PUBLIC}/fhir/Observation/$lastn"));
    for (query, place) in [
        ("category=vital-signs", "patient"),
        (&*format!("patient={anna}"), "code"),
        (&*format!("{asked}&max=0"), "max"),
        (&*format!("{asked}&max=101"), "max"),
        (&*format!("{asked}&_sort=date"), "_sort"),
    ] {
        let reply = node.get(ALL, &format!("/fhir/Observation/$lastn?{query}")).await;
        assert_eq!(refused(&reply, 400, "bad-query")["expression"][0], place, "{query}");
    }
    refused(&node.get(ALL, "/fhir/Patient/$lastn").await, 404, "not-found");
}

/// Ends the engine of a folder and moves all segments but the newest out of its reach.
fn move_segments(engine: Engine, folder: &std::path::Path) {
    drop(engine);
    for _ in 0..500 {
        let path = folder.join("journal.sqlite3");
        if let Ok(mut journal) = Journal::open(&path, "RXX", journal::Options::default()) {
            let sealing = Sealing { segment_entries: 4, keep_entries: 1, key: None };
            assert!(journal.seal(&sealing).unwrap() > 2);
            for segment in &segments(&path).unwrap() {
                fs::rename(segment.path(), folder.join(format!("{:?}", segment.first))).unwrap();
            }
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the engine did not end");
}

#[tokio::test]
async fn what_was_deleted_stays_deleted_when_its_entry_has_moved_away() {
    let folder = tempfile::tempdir().unwrap();
    let seen = observation("old", &json!({ "subject": { "reference": "Patient/out" } }));
    let folder = {
        let node = Node::start_in(folder, |server| server, None).await;
        put(&node, &seen).await;
        put(&node, &observation("kept", &json!({}))).await;
        put(&node, &observation("kept", &json!({ "status": "amended" }))).await;
        assert_eq!(node.fhir("DELETE", "/fhir/Observation/old", "", "").await.status, 204);
        for _ in 0..20 {
            node.get(ALL, "/fhir/Observation/old").await;
        }
        node.settled().await;
        let (engine, folder) = node.end().await;
        move_segments(engine, folder.path());
        folder
    };
    let node = Node::start_in(folder, |server| server, None).await;
    refused(&node.get(ALL, "/fhir/Observation/old").await, 410, "gone");
    refused(&node.get(ALL, "/fhir/Observation/old/_history/1").await, 410, "gone");
    refused(&node.get(ALL, "/fhir/Observation/kept/_history/1").await, 410, "gone");
    assert_eq!(node.get(ALL, "/fhir/Observation/kept").await.json()["status"], "amended");
    refused(&node.get(ALL, "/fhir/Observation/never").await, 404, "not-found");
}
