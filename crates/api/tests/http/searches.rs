//! Searching: pages, links, unknown parameters, and what the journal keeps of it.

use serde_json::Value;

use crate::harness::{ALL, ANNA, Node, PUBLIC};

const BELA: &str = "9990000026";

fn ids(bundle: &Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default().into_iter();
    let matches = entries.filter(|entry| entry["search"]["mode"] == "match");
    matches.map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect()
}

fn link(bundle: &Value, relation: &str) -> Option<String> {
    let links = bundle["link"].as_array().unwrap();
    let found = links.iter().find(|link| link["relation"] == relation)?;
    Some(found["url"].as_str().unwrap().to_owned())
}

async fn with_orders(count: usize) -> Node {
    let node = Node::start().await;
    for n in 1..count {
        node.order(&(7001 + n).to_string(), ANNA).await;
    }
    node
}

#[tokio::test]
async fn pages_are_stable_while_orders_arrive() {
    let node = with_orders(7).await;
    let patient = node.patient(ANNA).await;
    let all = node.get(ALL, &format!("/fhir/MedicationRequest?patient={patient}")).await.json();
    assert_eq!((&all["total"], ids(&all).len()), (&7.into(), 7));
    assert!(link(&all, "next").is_none());
    let mut next = Some(format!("/fhir/MedicationRequest?patient=Patient/{patient}&_count=3"));
    let mut found = Vec::new();
    let mut pages = 0;
    while let Some(path) = next {
        let page = node.get(ALL, &path).await.json();
        assert_eq!(link(&page, "self"), Some(format!("{PUBLIC}{path}")));
        found.extend(ids(&page));
        pages += 1;
        // What arrives meanwhile is newer than all of the pages.
        node.order(&(8000 + pages).to_string(), ANNA).await;
        next = link(&page, "next").map(|url| url.strip_prefix(PUBLIC).unwrap().to_owned());
    }
    assert_eq!((found, pages), (ids(&all), 3));
}

#[tokio::test]
async fn a_bundle_holds_what_is_stored() {
    let node = Node::start().await;
    let patient = node.patient(ANNA).await;
    let reply = node.get(ALL, "/fhir/Patient?identifier=9990000018").await;
    let bundle = reply.json();
    assert_eq!((&bundle["resourceType"], &bundle["type"]), (&"Bundle".into(), &"searchset".into()));
    let url = format!("{PUBLIC}/fhir/Patient/{patient}");
    assert_eq!(bundle["entry"][0]["fullUrl"], url);
    let raw = node.get(ALL, &format!("/fhir/Patient/{patient}")).await.body;
    assert!(reply.body.contains(&raw), "{}", reply.body);
    let counted = node.get(ALL, &format!("/fhir/Encounter?patient={patient}&_count=0")).await;
    let counted = counted.json();
    assert_eq!((&counted["total"], counted.get("entry")), (&1.into(), None));
}

#[tokio::test]
async fn bad_searches_are_refused() {
    let node = Node::start().await;
    for (query, code) in [
        ("MedicationRequest?patient=", "bad-query"),
        ("MedicationRequest?status=activ", "bad-query"),
        ("MedicationRequest?status:not=active", "bad-query"),
        ("MedicationRequest?patient.name=x", "bad-query"),
        ("MedicationRequest?authoredon=yesterday", "bad-query"),
        ("MedicationRequest?_cursor=nonsense", "bad-query"),
        ("MedicationRequest?_count=-1", "bad-query"),
        ("MedicationRequest?_sort=status", "bad-query"),
    ] {
        let reply = node.get(ALL, &format!("/fhir/{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, code), "{query}");
        assert!(!reply.body.contains("yesterday") && !reply.body.contains("nonsense"));
    }
}

#[tokio::test]
async fn unknown_parameters_follow_prefer() {
    let node = Node::start().await;
    let path = "/fhir/Patient?identifier=9990000018&colour=red";
    let reply = node.get(ALL, path).await.json();
    assert_eq!(ids(&reply).len(), 1);
    let own = link(&reply, "self").unwrap();
    assert_eq!(own, format!("{PUBLIC}/fhir/Patient?identifier=9990000018"));
    let warning = &reply["entry"][1];
    assert_eq!(warning["search"]["mode"], "outcome");
    assert_eq!(warning["resource"]["issue"][0]["severity"], "warning");
    let head = format!("GET {path} HTTP/1.1\nAuthorization: Bearer {ALL}\nPrefer: handling=strict");
    let reply = node.send(&head, "").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-query"));
    assert_eq!(reply.json()["issue"][0]["code"], "not-supported");
}

#[tokio::test]
async fn a_posted_search_keeps_its_values_out_of_addresses() {
    let node = with_orders(3).await;
    let patient = node.patient(ANNA).await;
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n\
             Content-Type: application/x-www-form-urlencoded"
        )
    };
    let body = format!("patient={patient}&_count=2");
    let mut next = Some("/fhir/MedicationRequest/_search".to_owned());
    let mut found = Vec::new();
    while let Some(path) = next {
        let page = node.send(&head(&path), &body).await.json();
        found.extend(ids(&page));
        for relation in ["self", "next"] {
            assert!(!link(&page, relation).unwrap_or_default().contains(&patient));
        }
        next = link(&page, "next").map(|url| url.strip_prefix(PUBLIC).unwrap().to_owned());
    }
    assert_eq!(found.len(), 3, "{found:?}");
    let reply = node.post(ALL, "/fhir/MedicationRequest/_search", "k", "{}").await;
    assert_eq!((reply.status, reply.code().as_str()), (415, "content-type"));
    let large = format!("patient={}", "x".repeat(70_000));
    let reply = node.send(&head("/fhir/MedicationRequest/_search"), &large).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "body-too-large"));
}

#[tokio::test]
async fn a_search_is_journalled_for_each_patient_it_shows() {
    let node = Node::start().await;
    node.admit(BELA).await;
    node.order("7100", BELA).await;
    let (anna, bela) = (node.patient(ANNA).await, node.patient(BELA).await);
    let before = node.accesses().len();
    node.get(ALL, "/fhir/MedicationRequest?status=active&colour=red").await;
    let seen = node.accesses().split_off(before);
    let mut patients: Vec<_> = seen.iter().filter_map(|(_, a)| a.patient.as_deref()).collect();
    patients.sort_unstable();
    let mut expected = [anna.as_str(), bela.as_str()];
    expected.sort_unstable();
    assert_eq!(patients, expected);
    assert!(seen.iter().all(|(looked, _)| *looked));
    let (_, access) = &seen[0];
    assert_eq!(access.what, "search");
    assert_eq!(access.detail.as_deref(), Some("MedicationRequest?status"));

    let before = node.accesses().len();
    node.get(ALL, &format!("/fhir/AllergyIntolerance?patient={anna}")).await;
    node.get(ALL, "/fhir/Patient?identifier=9990000099").await;
    let seen = node.accesses().split_off(before);
    let patients: Vec<_> = seen.iter().map(|(_, access)| access.patient.as_deref()).collect();
    assert_eq!(patients, [Some(anna.as_str()), None], "finding nothing is a look too");
}
