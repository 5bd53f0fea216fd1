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
        ("MedicationRequest?status:exact=active", "bad-query"),
        ("MedicationRequest?patient.colour=x", "bad-query"),
        ("MedicationRequest?status.name=x", "bad-query"),
        ("MedicationRequest?_has:Observation:code:code=x", "bad-query"),
        ("MedicationRequest?_include=Observation", "bad-query"),
        ("MedicationRequest?code:in=http://a.example/none", "bad-query"),
        ("MedicationRequest?_text=.", "bad-query"),
        ("MedicationRequest?authoredon=yesterday", "bad-query"),
        ("MedicationRequest?_cursor=nonsense", "bad-query"),
        ("MedicationRequest?_count=-1", "bad-query"),
        ("MedicationRequest?_sort=colour", "bad-query"),
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

fn names(reply: &crate::harness::Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let bundle = reply.json();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default().into_iter();
    let name = |entry: Value| {
        let (resource, mode) = (&entry["resource"], entry["search"]["mode"].as_str().unwrap());
        let (kind, id) = (resource["resourceType"].as_str(), resource["id"].as_str());
        let mark = if mode == "match" { "" } else { "+" };
        format!("{mark}{}/{}", kind.unwrap_or_default(), id.unwrap_or_default())
    };
    entries.map(name).collect()
}

/// A ward's worth of what no loop knows of.
async fn with_results() -> Node {
    let node = Node::start().await;
    let put = async |path: &str, body: &str| {
        let head = format!(
            "PUT /fhir/{path} HTTP/1.1\r\nAuthorization: Bearer {ALL}\r\n\
             Content-Type: application/fhir+json"
        );
        let reply = node.send(&head.replace("\r\n", "\n"), body).await;
        assert_eq!(reply.status, 201, "{path}: {}", reply.body);
    };
    put(
        "Organization/org",
        r#"{"resourceType":"Organization","id":"org","name":"St Zoë's",
            "identifier":[{"value":"R1"}]}"#,
    )
    .await;
    put(
        "Patient/pa",
        r#"{"resourceType":"Patient","id":"pa","birthDate":"1950-02-03","gender":"female",
            "name":[{"family":"Núñez","given":["Ann"]}],
            "managingOrganization":{"reference":"Organization/org"}}"#,
    )
    .await;
    put(
        "Patient/pb",
        r#"{"resourceType":"Patient","id":"pb","birthDate":"1980-02-03","gender":"male",
            "name":[{"family":"Nunn"}]}"#,
    )
    .await;
    let result = |id: &str, of: &str, code: &str, day: &str, value: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final",
            "code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
            "subject":{{"reference":"Patient/{of}"}},"effectiveDateTime":"{day}",
            "valueQuantity":{{"value":{value},"system":"http://unitsofmeasure.org","code":"mg"}}}}"#
        )
    };
    put("Observation/o1", &result("o1", "pa", "1-1", "2026-01-01", "5.40")).await;
    put("Observation/o2", &result("o2", "pa", "2-2", "2026-01-02", "7")).await;
    put("Observation/o3", &result("o3", "pb", "1-1", "2026-01-03", "5000")).await;
    put(
        "ValueSet/vs",
        r#"{"resourceType":"ValueSet","id":"vs","status":"active","url":"http://a.example/vs",
            "compose":{"include":[{"system":"http://loinc.org","concept":[{"code":"2-2"}]}]}}"#,
    )
    .await;
    put(
        "List/l",
        r#"{"resourceType":"List","id":"l","status":"current","mode":"working",
            "entry":[{"item":{"reference":"Observation/o3"}}]}"#,
    )
    .await;
    node
}

#[tokio::test]
async fn searches_find_what_they_ask_for() {
    let node = with_results().await;
    for (query, expected) in [
        ("Patient?name=nun", "Patient/pb Patient/pa"),
        ("Patient?family:exact=Nunn", "Patient/pb"),
        ("Patient?family:contains=EZ", "Patient/pa"),
        ("Patient?birthdate=lt1960&gender=female", "Patient/pa"),
        ("Patient?gender:not=female&name=n", "Patient/pb"),
        ("Patient?organization:missing=true&name=n", "Patient/pb"),
        ("Patient?organization.name=st%20zoe", "Patient/pa"),
        ("Patient?_has:Observation:patient:code=2-2", "Patient/pa"),
        ("Patient?_has:Observation:subject:date=2026-01-03", "Patient/pb"),
        ("Observation?patient.birthdate=1980", "Observation/o3"),
        (
            "Observation?subject:Patient.organization.identifier=R1&_sort=date",
            "Observation/o1 Observation/o2",
        ),
        ("Observation?code=http://loinc.org|1-1", "Observation/o3 Observation/o1"),
        ("Observation?code:in=http://a.example/vs", "Observation/o2"),
        ("Observation?code:not-in=http://a.example/vs", "Observation/o3 Observation/o1"),
        ("Observation?value-quantity=0.0054|http://unitsofmeasure.org|g", "Observation/o1"),
        ("Observation?value-quantity=gt1|http://unitsofmeasure.org|g", "Observation/o3"),
        ("Observation?code-value-quantity=1-1$lt6", "Observation/o1"),
        ("Observation?_list=l", "Observation/o3"),
        (
            "Observation?_content=loinc&date=ge2026-01-02&_sort=-date",
            "Observation/o3 Observation/o2",
        ),
        ("Observation?date=ge2026-01-02&_sort=value-quantity", "Observation/o2 Observation/o3"),
        (
            "Observation?_id=o1,o2&_include=Observation:subject&_sort=_id",
            "Observation/o1 Observation/o2 +Patient/pa",
        ),
        (
            "Observation?_id=o1&_include=Observation:patient&_include:iterate=Patient:organization",
            "Observation/o1 +Patient/pa +Organization/org",
        ),
        (
            "Patient?_id=pa&_revinclude=Observation:patient",
            "Patient/pa +Observation/o1 +Observation/o2",
        ),
        ("Observation?patient=pa&code=3-3", ""),
    ] {
        let found = names(&node.get(ALL, &format!("/fhir/{query}")).await);
        assert_eq!(found.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn what_came_along_is_journalled_too() {
    let node = with_results().await;
    let before = node.accesses().len();
    node.get(ALL, "/fhir/Organization?_id=org&_revinclude=Patient:organization").await;
    let seen = node.accesses().split_off(before);
    let patients: Vec<_> = seen.iter().filter_map(|(_, a)| a.patient.as_deref()).collect();
    assert_eq!(patients, ["pa"]);
}
