//! Who looked: what the journal holds of looks and refusals, read as AuditEvents.

use std::collections::BTreeSet;

use api::Role;
use medicines::{Access, Answer, Request};
use serde_json::Value;

use crate::harness::{ALL, ANNA, NHS, Node, OWN, PUBLIC, token_of};

const BELA: &str = "9990000026";

async fn events(node: &Node, query: &str) -> Value {
    let reply = node.get(&token_of(Role::Audit), &format!("/fhir/AuditEvent?{query}")).await;
    assert_eq!(reply.status, 200, "{query} {reply:?}");
    reply.json()
}

fn entries(bundle: &Value) -> Vec<Value> {
    bundle["entry"].as_array().into_iter().flatten().map(|it| it["resource"].clone()).collect()
}

/// Who, what and how it ended, of each event.
fn told(bundle: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |event: &Value| {
        let who = text(&event["agent"][0]["who"]["identifier"]["value"]);
        let own = event["subtype"].as_array().unwrap().last().unwrap();
        assert_eq!(own["system"], "urn:interlock:access");
        (who, text(&own["code"]), text(&event["outcome"]))
    };
    entries(bundle).iter().map(of).collect()
}

fn row(who: &str, what: &str, outcome: &str) -> (String, String, String) {
    (who.to_owned(), what.to_owned(), outcome.to_owned())
}

fn next(bundle: &Value) -> Option<String> {
    let links = bundle["link"].as_array().unwrap();
    let next = links.iter().find(|link| link["relation"] == "next")?;
    Some(next["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned())
}

/// Somebody looks at the console.
async fn console_look(node: &Node, who: &str, patient: &str) {
    let look = Access {
        who: who.to_owned(),
        what: "verify".to_owned(),
        patient: Some(patient.parse().unwrap()),
        resource_type: None,
        detail: Some("order".to_owned()),
        reason: None,
        at: node.now(),
    };
    let receipt = node.submit("console", Request::See(vec![look])).await;
    assert_eq!(receipt.answer, Answer::Done);
}

#[tokio::test]
async fn looks_are_found_with_who_when_and_what() {
    let node = Node::start().await;
    let began = node.now();
    let anna = node.patient(ANNA).await;
    let reader = token_of(Role::FhirRead);
    let orders = node.get(&reader, &format!("/fhir/MedicationRequest?patient={anna}")).await;
    let order = orders.json()["entry"][0]["resource"]["id"].as_str().unwrap().to_owned();
    // No route for a look is as fast as asking for it at once: it is found all the same.
    let path = format!("/fhir/MedicationRequest/{order}");
    assert_eq!(node.get(&reader, &path).await.status, 200);
    console_look(&node, "N1001", &anna).await;
    // A removal that nobody may have is a refusal about her.
    let refused = crate::harness::removal().replace("N1001", "N9999");
    assert_eq!(node.post(ALL, "/cabinet/removals", "k", &refused).await.status, 403);
    let bundle = events(&node, &format!("patient={anna}")).await;
    assert_eq!(
        told(&bundle),
        [
            row("N9999", "remove", "4"),
            row("N1001", "verify", "0"),
            row("fhir-read", "read", "0"),
            row("fhir-read", "search", "0"),
            row("all", "search", "0"),
        ]
    );
    assert_eq!((&bundle["type"], bundle.get("total")), (&"searchset".into(), None));
    let found = entries(&bundle);
    let read = &found[2];
    let recorded: jiff::Timestamp = read["recorded"].as_str().unwrap().parse().unwrap();
    assert!(recorded >= began.round(jiff::Unit::Second).unwrap() && recorded <= node.now());
    assert_eq!(read["entity"][0]["what"]["reference"], format!("Patient/{anna}"));
    assert_eq!(read["entity"][1]["what"]["reference"], format!("MedicationRequest/{order}"));
    assert_eq!(found[0]["outcomeDesc"], "user-not-allowed");
    let nurse = &found[1]["agent"][0];
    assert_eq!(nurse["who"]["identifier"]["system"], "https://rxx.nhs.uk/Id/staff");
    assert_eq!(nurse["name"], "Test, Anna");
    // Each can be read by itself, and is the same.
    let path = format!("/fhir/AuditEvent/{}", read["id"].as_str().unwrap());
    assert_eq!(&node.get(&token_of(Role::Audit), &path).await.json(), read);
    for nothing in ["look-999999", "look-0", "rxx.1.1"] {
        let path = format!("/fhir/AuditEvent/{nothing}");
        assert_eq!(node.get(&token_of(Role::Audit), &path).await.status, 404, "{nothing}");
    }
    // Another patient's are not among them, and XML has the same.
    assert_eq!(told(&events(&node, "patient=nobody").await), []);
    let xml = format!("/fhir/AuditEvent?patient={anna}&_format=xml");
    let xml = node.get(&token_of(Role::Audit), &xml).await.body;
    assert!(xml.contains("<AuditEvent>") && xml.contains("user-not-allowed"), "{xml}");
}

#[tokio::test]
async fn each_condition_narrows_what_is_found() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    console_look(&node, "N1001", &anna).await;
    console_look(&node, "N1002", &anna).await;
    assert_eq!(node.get(OWN, &format!("/fhir/Patient/{anna}")).await.status, 403);
    let check = async |query: &str, expected: &[&str]| {
        let found = events(&node, &format!("{query}&_count=50")).await;
        let who: Vec<String> = told(&found).into_iter().map(|it| it.0).collect();
        assert_eq!(who, expected, "{query}");
    };
    let of_anna = format!("patient={anna}");
    check(&format!("{of_anna}&agent=N1001"), &["N1001"]).await;
    check(&format!("{of_anna}&agent:identifier=N1002"), &["N1002"]).await;
    let staff = "agent:identifier=https://rxx.nhs.uk/Id/staff%7CN1001";
    check(&format!("{of_anna}&{staff}"), &["N1001"]).await;
    check("outcome=4", &["own"]).await;
    check(&format!("entity=Patient/{anna}&outcome=4"), &["own"]).await;
    check("outcome=4&action=R&subtype=read", &["own"]).await;
    check("outcome=4&action=D", &[]).await;
    check(&format!("patient.identifier={NHS}%7C{ANNA}&subtype=verify"), &["N1002", "N1001"]).await;
    check(&format!("patient.identifier={ANNA}&agent=N1001,N1002"), &["N1002", "N1001"]).await;
    check("patient.identifier=9990000999", &[]).await;
    // The clock of the node stands at the twentieth of November.
    check(&format!("{of_anna}&agent=N1001&date=2026-11-20"), &["N1001"]).await;
    check(&format!("{of_anna}&date=lt2026-11-20"), &[]).await;
    check(&format!("{of_anna}&agent=N1001&_lastUpdated=ge2026-11-20"), &["N1001"]).await;
    check("date=gt2026-11-21", &[]).await;
    check(&format!("{of_anna}&patient=nobody"), &[]).await;
    let id = entries(&events(&node, "agent=N1001").await)[0]["id"].as_str().unwrap().to_owned();
    check(&format!("_id={id}"), &["N1001"]).await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused() {
    let node = Node::start().await;
    let audit = token_of(Role::Audit);
    for query in [
        "_summary=count",
        "_total=accurate",
        "_sort=agent",
        "_count=0",
        "patient=",
        "_has:Patient:_id:name=x",
        "patient.name=x",
        "_cursor=x",
        "date=soon",
        "action:goat=R",
    ] {
        let reply = node.get(&audit, &format!("/fhir/AuditEvent?{query}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "bad-query"), "{query}");
    }
    let many: Vec<String> = (0..65).map(|n| format!("p{n}")).collect();
    let reply = node.get(&audit, &format!("/fhir/AuditEvent?patient={}", many.join(","))).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-query"));
    let found = events(&node, "9990000018=x").await;
    assert_eq!(found["entry"].as_array().unwrap().last().unwrap()["search"]["mode"], "outcome");
    assert!(!found["link"].to_string().contains(ANNA));
    let strict = format!(
        "GET /fhir/AuditEvent?colour=red HTTP/1.1\nAuthorization: Bearer {audit}\n\
                          Prefer: handling=strict"
    );
    assert_eq!(node.send(&strict, "").await.status, 400);
}

#[tokio::test]
async fn nobody_else_asks_and_nobody_writes_them() {
    let node = Node::start().await;
    // `doors.rs` walks the roles of the three routes. No other way leads to them either.
    let body = r#"{"resourceType":"AuditEvent"}"#;
    for (method, path, status) in [
        ("POST", "/fhir/AuditEvent", 405),
        ("PUT", "/fhir/AuditEvent/look-1", 405),
        ("DELETE", "/fhir/AuditEvent/look-1", 405),
        ("PATCH", "/fhir/AuditEvent/look-1", 405),
        ("GET", "/fhir/AuditEvent/_history", 404),
        ("GET", "/fhir/AuditEvent/look-1/_history", 404),
        ("GET", "/fhir/AuditEvent/look-1/_history/1", 404),
        ("GET", "/fhir/AuditEvent/look-1/$meta", 404),
    ] {
        assert_eq!(node.fhir(method, path, "", body).await.status, status, "{method} {path}");
    }
    for kind in ["batch", "transaction"] {
        let bundle = |method: &str, url: &str, resource: &str| {
            format!(
                r#"{{"resourceType":"Bundle","type":"{kind}","entry":[{{{resource}
                "request":{{"method":"{method}","url":"{url}"}}}}]}}"#
            )
        };
        let made = format!(r#""resource":{body},"#);
        for bundle in [
            bundle("GET", "AuditEvent?date=2026", ""),
            bundle("GET", "AuditEvent/look-1", ""),
            bundle("POST", "AuditEvent", &made),
        ] {
            let reply = node.fhir("POST", "/fhir", "", &bundle).await;
            assert!(reply.body.contains("role audit"), "{bundle} {reply:?}");
            assert!(!reply.body.contains("\"agent\""), "{reply:?}");
        }
    }
}

#[tokio::test]
async fn a_survivor_has_the_looks_at_both() {
    let node = Node::start().await;
    node.admit(BELA).await;
    let (anna, bela) = (node.patient(ANNA).await, node.patient(BELA).await);
    console_look(&node, "N1001", &anna).await;
    console_look(&node, "N1002", &bela).await;
    node.merge(BELA, ANNA).await;
    console_look(&node, "E1", &anna).await;
    let expected = ["E1", "N1002", "N1001"].map(|who| row(who, "verify", "0"));
    for asked in [
        format!("patient={anna}"),
        format!("patient=Patient/{bela}"),
        format!("patient.identifier={BELA}"),
        format!("patient.identifier={NHS}%7C{ANNA}"),
    ] {
        let found = events(&node, &format!("{asked}&subtype=verify")).await;
        assert_eq!(told(&found), expected, "{asked}");
        // Each tells whose record it was when somebody looked.
        let whose =
            |event: &Value| event["entity"][0]["what"]["reference"].as_str().map(str::to_owned);
        let whose: Vec<_> = entries(&found).iter().filter_map(whose).collect();
        assert_eq!(whose, [&anna, &bela, &anna].map(|id| format!("Patient/{id}")));
    }
}

#[tokio::test]
async fn pages_are_stable_while_people_look() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    for n in 0..7 {
        console_look(&node, &format!("S{n}"), &anna).await;
    }
    let (mut path, mut found, mut pages) =
        (Some(format!("/fhir/AuditEvent?patient={anna}&subtype=verify&_count=3")), vec![], 0);
    while let Some(address) = path {
        let page = node.get(&token_of(Role::Audit), &address).await.json();
        assert_eq!(page["link"][0]["url"], format!("{PUBLIC}{address}"));
        found.extend(told(&page).into_iter().map(|it| it.0));
        pages += 1;
        console_look(&node, "late", &anna).await;
        path = next(&page);
    }
    assert_eq!(found, ["S6", "S5", "S4", "S3", "S2", "S1", "S0"]);
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn who_asks_has_looked() {
    let node = Node::start().await;
    let anna = node.patient(ANNA).await;
    let before = node.accesses().len();
    let found = events(&node, &format!("patient={anna}")).await;
    let id = entries(&found)[0]["id"].as_str().unwrap().to_owned();
    node.get(&token_of(Role::Audit), &format!("/fhir/AuditEvent/{id}")).await;
    let form = "Content-Type: application/x-www-form-urlencoded";
    let head = format!(
        "POST /fhir/AuditEvent/_search HTTP/1.1\nAuthorization: Bearer {}\n{form}",
        token_of(Role::Audit)
    );
    let posted = node.send(&head, &format!("patient={anna}&_count=1")).await;
    assert_eq!(told(&posted.json()), [row("audit", "read", "0")]);
    assert!(!posted.json()["link"].to_string().contains(&anna));
    let looks: Vec<_> = node
        .accesses()
        .split_off(before)
        .into_iter()
        .map(|(seen, access)| {
            assert!(seen && access.patient.as_deref() == Some(anna.as_str()), "{access:?}");
            (access.who, access.detail.unwrap())
        })
        .collect();
    let look = |detail: &str| ("audit".to_owned(), detail.to_owned());
    let expected = ["AuditEvent?patient", &format!("AuditEvent/{id}"), "AuditEvent?_count&patient"];
    assert_eq!(looks, expected.map(look));
    // Nobody is named twice, and the next who asks sees who asked.
    let all: BTreeSet<_> =
        told(&events(&node, &format!("patient={anna}")).await).into_iter().collect();
    assert!(all.contains(&row("audit", "search", "0")) && all.contains(&row("audit", "read", "0")));
}
