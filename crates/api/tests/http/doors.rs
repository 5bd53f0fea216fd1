//! Every route has its case here: without a token, with the wrong role, with the right one.

use api::{ROUTES, Role, Route, Style};

use crate::harness::{ALL, Node, OWN, administration, completion, removal, scans, token_of};
use crate::stock::{movement, recall};

fn basic(id: &str) -> String {
    format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"x"}}}}"#)
}

/// An example of each route: its address, its body, and the status that it gives to a client
/// that may. A route without an example fails the walk.
fn example(route: &Route) -> Option<(&'static str, String, u16)> {
    let none = String::new();
    let example = match (route.verb.as_str(), route.path) {
        ("GET", "/health") => ("/health", none, 200),
        ("GET", "/ready") => ("/ready", none, 200),
        ("GET", "/metrics") => ("/metrics", none, 404),
        ("GET", "/openapi.json") => ("/openapi.json", none, 200),
        ("POST", "/cabinet/removals") => ("/cabinet/removals", removal(), 201),
        ("POST", "/cabinet/removals/{permit}/completion") => {
            ("/cabinet/removals/rxx.1.1/completion", completion("ASK/WARDC1", "2"), 403)
        }
        ("GET", "/cabinet/critical-override") => ("/cabinet/critical-override", none, 200),
        ("POST", "/cabinet/critical-override") => {
            let body = r#"{"on":false,"person":"E1"}"#;
            ("/cabinet/critical-override", body.to_owned(), 200)
        }
        ("POST", "/administrations") => ("/administrations", administration(), 201),
        ("POST", "/bedside/scans") => ("/bedside/scans", scans(), 200),
        ("GET", "/verification/orders") => ("/verification/orders?limit=9", none, 200),
        ("POST", "/verification/orders/{id}") => {
            let body = r#"{"version":1,"word":"verify","by":"N1001"}"#;
            ("/verification/orders/rxx.9.9", body.to_owned(), 403)
        }
        ("GET", "/cases") => ("/cases?state=open", none, 200),
        ("POST", "/cases/{id}/resolution") => {
            ("/cases/rxx.9.9/resolution", r#"{"resolution":"given"}"#.to_owned(), 404)
        }
        ("POST", "/cases/{id}/replay") => ("/cases/rxx.9.9/replay", none, 422),
        ("POST", "/admin/plan") => ("/admin/plan", r#"{"files":{}}"#.to_owned(), 422),
        ("POST", "/admin/apply") => ("/admin/apply", r#"{"files":{},"plan":"0"}"#.to_owned(), 422),
        ("POST", "/admin/dictionary") => {
            ("/admin/dictionary", r#"{"digest":"00"}"#.to_owned(), 422)
        }
        ("POST", "/admin/package") => {
            ("/admin/package", r#"{"name":"x","digest":"00"}"#.to_owned(), 422)
        }
        ("GET", "/admin/configurations") => ("/admin/configurations", none, 422),
        ("GET", "/admin/configurations/{entry}") => ("/admin/configurations/1", none, 422),
        ("GET", "/messages") => ("/messages?words=x", none, 200),
        ("GET", "/messages/{entry}") => ("/messages/999", none, 404),
        ("POST", "/messages/replay") => {
            let body = r#"{"channel":"to-a","reason":"x","search":"type=RDE"}"#;
            ("/messages/replay", body.to_owned(), 422)
        }
        _ => return example_of_fhir(route),
    };
    Some(example)
}

/// The same for the FHIR endpoint.
fn example_of_fhir(route: &Route) -> Option<(&'static str, String, u16)> {
    let none = String::new();
    let example = match (route.verb.as_str(), route.path) {
        ("POST", "/fhir/{type}/{id}/$meta-add") => ("/fhir/Basic/none/$meta-add", tags(), 404),
        ("POST", "/fhir/{type}/{id}/$meta-delete") => {
            ("/fhir/Basic/none/$meta-delete", tags(), 404)
        }
        ("POST", "/fhir/{type}/$validate") => ("/fhir/Basic/$validate", basic("x"), 200),
        ("GET", "/fhir/{type}/{id}/$validate") => ("/fhir/Basic/none/$validate", none, 404),
        ("POST", "/fhir/{type}/{id}/$validate") => {
            ("/fhir/Basic/none/$validate", basic("none"), 404)
        }
        ("GET", "/fhir/metadata") => ("/fhir/metadata", none, 200),
        ("GET", "/fhir/{type}/{id}/$meta") => ("/fhir/Basic/none/$meta", none, 404),
        (_, "/fhir/{type}/$lastn") => ("/fhir/Observation/$lastn", none, 400),
        (_, "/fhir/$export") => ("/fhir/$export", parameters(), 400),
        (_, "/fhir/{type}/$export") => ("/fhir/Patient/$export", parameters(), 400),
        (_, "/fhir/{type}/{id}/$export") => ("/fhir/Group/none/$export", parameters(), 400),
        (_, "/fhir/_export/{job}") => ("/fhir/_export/none", none, 404),
        ("GET", "/fhir/_export/{job}/{file}") => ("/fhir/_export/none/x", none, 404),
        ("GET", "/fhir/{type}/{id}/$document") => ("/fhir/Composition/none/$document", none, 404),
        ("POST", "/fhir/{type}/{id}/$document") => {
            ("/fhir/Composition/none/$document", parameters(), 404)
        }
        ("POST", "/fhir/{type}/$match") => ("/fhir/Patient/$match", parameters(), 400),
        ("POST", "/fhir/{type}/{id}/$everything") => {
            ("/fhir/Encounter/none/$everything", parameters(), 404)
        }
        ("GET", "/fhir/{type}/{id}/$everything") => ("/fhir/Patient/none/$everything", none, 404),
        ("GET", "/fhir/{type}/{id}/$status") => ("/fhir/Subscription/none/$status", none, 404),
        ("GET", "/fhir/{type}/{id}/$sse") => ("/fhir/Subscription/none/$sse", none, 404),
        ("GET", "/fhir/{type}/{id}/$events") => ("/fhir/Subscription/none/$events", none, 404),
        ("GET", "/fhir/_history") => ("/fhir/_history", none, 200),
        ("GET", "/fhir/{type}/_history") => ("/fhir/Basic/_history", none, 200),
        ("GET", "/fhir/{type}/{id}/_history") => ("/fhir/Basic/none/_history", none, 404),
        ("POST", "/fhir") => {
            let bundle = r#"{"resourceType":"Bundle","type":"batch"}"#;
            ("/fhir", bundle.to_owned(), 200)
        }
        ("POST", "/fhir/{type}") => ("/fhir/Basic", basic("x"), 201),
        ("PUT", "/fhir/{type}/{id}") => ("/fhir/Basic/walk", basic("walk"), 201),
        ("PUT", "/fhir/{type}") => ("/fhir/Basic?_id=walk", basic("walk"), 200),
        ("PATCH", "/fhir/{type}/{id}") => ("/fhir/Basic/none", "[]".to_owned(), 404),
        ("PATCH", "/fhir/{type}") => ("/fhir/Basic?_id=none", "[]".to_owned(), 404),
        ("DELETE", "/fhir/{type}/{id}") => ("/fhir/Basic/none", none, 204),
        ("DELETE", "/fhir/{type}") => ("/fhir/Basic?_id=none", none, 204),
        ("GET", "/fhir/AuditEvent") => ("/fhir/AuditEvent?date=2026", none, 200),
        ("POST", "/fhir/AuditEvent/_search") => ("/fhir/AuditEvent/_search", none, 200),
        ("GET", "/fhir/AuditEvent/{id}") => ("/fhir/AuditEvent/look-99999", none, 404),
        ("GET", "/fhir/{type}") => ("/fhir/Patient?_id=a", none, 200),
        ("POST", "/fhir/{type}/_search") => ("/fhir/Patient/_search", none, 200),
        ("GET", "/fhir/{type}/{id}") => ("/fhir/Patient/rxx.9.9", none, 404),
        ("GET", "/fhir/{type}/{id}/_history/{version}") => {
            ("/fhir/Patient/rxx.9.9/_history/1", none, 404)
        }
        _ => return of_stock(route),
    };
    Some(example)
}

fn of_stock(route: &Route) -> Option<(&'static str, String, u16)> {
    let none = String::new();
    let example = match (route.verb.as_str(), route.path) {
        ("POST", "/stock/movements") => ("/stock/movements", movement("ward:WARDC"), 201),
        ("POST", "/stock/consignments/{id}/receipt") => {
            let body = r#"{"quantity":1,"person":"N1001","activity":"2026-11-20T09:00:00Z"}"#;
            ("/stock/consignments/rxx.9.9/receipt", body.to_owned(), 422)
        }
        ("POST", "/stock/counts") => {
            let body = r#"{"place":"ward:WARDC","item":"IBU200","found":0,"person":"N1001",
                "activity":"2026-11-20T09:00:00Z"}"#;
            ("/stock/counts", body.to_owned(), 200)
        }
        ("POST", "/stock/recalls") => ("/stock/recalls", recall("L9"), 201),
        ("GET", "/stock/recalls/{item}/{batch}") => ("/stock/recalls/PARA500/L9", none, 200),
        ("GET", "/stock/items/{item}") => ("/stock/items/PARA500", none, 200),
        ("GET", "/cd/registers") => ("/cd/registers", none, 200),
        ("GET", "/cd/registers/{place}/{item}") => ("/cd/registers/ward:X/PARA500", none, 404),
        _ => return of_controlled(route),
    };
    Some(example)
}

fn of_controlled(route: &Route) -> Option<(&'static str, String, u16)> {
    let none = String::new();
    let of =
        |more: &str| format!(r#"{{"person":"N1001","activity":"2026-11-20T09:00:00Z",{more}}}"#);
    let item = r#""item":"PARA500","quantity":"1""#;
    let example = match (route.verb.as_str(), route.path) {
        ("POST", "/cd/witness") => {
            let act = of(r#""place":"ward:C","item":"PARA500","found":"1""#);
            let body = format!(r#"{{"verb":"counts","act":{act},"person":"N1002"}}"#);
            ("/cd/witness", body, 201)
        }
        ("POST", "/cd/counts") => {
            ("/cd/counts", of(r#""place":"ward:C","item":"PARA500","found":"1""#), 422)
        }
        ("POST", "/cd/waste") => ("/cd/waste", of(&format!(r#""reason":"x",{item}"#)), 422),
        ("POST", "/cd/destructions") => {
            let more = format!(r#""place":"expired","reason":"x",{item}"#);
            ("/cd/destructions", of(&more), 422)
        }
        ("POST", "/cd/own") => ("/cd/own", of(&format!(r#""patient":"none",{item}"#)), 422),
        ("POST", "/cd/corrections") => ("/cd/corrections", of(r#""of":"rxx.9.9","note":"x""#), 422),
        ("GET", "/cd/requisitions") => ("/cd/requisitions", none, 200),
        ("GET", "/cd/requisitions/{id}") => ("/cd/requisitions/rxx.9.9", none, 404),
        ("POST", "/cd/requisitions") => {
            ("/cd/requisitions", of(&format!(r#""place":"ward:C",{item}"#)), 422)
        }
        ("POST", "/cd/requisitions/{id}/supply") => {
            let more = r#""from":"pharmacy","quantity":"1","messenger":"x""#;
            ("/cd/requisitions/rxx.9.9/supply", of(more), 422)
        }
        ("POST", "/cd/consignments/{id}/receipt") => {
            ("/cd/consignments/rxx.9.9/receipt", of(r#""quantity":"1""#), 422)
        }
        ("GET", "/cd/discrepancies") => ("/cd/discrepancies", none, 200),
        ("GET", "/cd/discrepancies/{id}") => ("/cd/discrepancies/rxx.9.9", none, 404),
        ("POST", "/cd/discrepancies/{id}/steps") => {
            let body = r#"{"status":"investigating","by":"P1"}"#;
            ("/cd/discrepancies/rxx.9.9/steps", body.to_owned(), 404)
        }
        ("GET", "/cd/occurrences") => ("/cd/occurrences?quarter=2026-Q4", none, 200),
        _ => return None,
    };
    Some(example)
}

fn parameters() -> String {
    r#"{"resourceType":"Parameters"}"#.to_owned()
}

fn tags() -> String {
    let meta = r#"{"tag":[{"system":"urn:s","code":"c"}]}"#;
    format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"meta","valueMeta":{meta}}}]}}"#)
}

fn head(route: &Route, path: &str, token: Option<&str>) -> String {
    let content_type = match route.path {
        "/fhir/{type}/_search" | "/fhir/AuditEvent/_search" => "application/x-www-form-urlencoded",
        _ if route.verb.as_str() == "PATCH" => "application/json-patch+json",
        _ => "application/json",
    };
    let token = token.map(|token| format!("Authorization: Bearer {token}\n")).unwrap_or_default();
    let verb = route.verb.as_str();
    format!("{verb} {path} HTTP/1.1\n{token}Idempotency-Key: walk\nContent-Type: {content_type}")
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    // A node of its own for each part: not all refusals of strangers are journalled.
    for style in [Style::Json, Style::Fhir] {
        let routes: Vec<&Route> = ROUTES.iter().filter(|route| route.style == style).collect();
        for part in routes.chunks(25) {
            let node = Node::start().await;
            for route in part {
                check(&node, route).await;
            }
        }
    }
}

async fn check(node: &Node, route: &Route) {
    let Some((path, body, status)) = example(route) else {
        panic!("{} {} has no authorisation case", route.verb.as_str(), route.path);
    };
    let Some(needs) = route.needs else {
        let reply = node.send(&head(route, path, None), &body).await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        return;
    };
    let before = node.accesses().len();
    for (token, code) in [(None, "token-missing"), (Some("guess"), "token-unknown")] {
        let reply = node.send(&head(route, path, token), &body).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, code), "{path}: {reply:?}");
        assert!(reply.headers["www-authenticate"].starts_with("Bearer"));
    }
    for role in Role::ALL.into_iter().filter(|role| *role != needs) {
        let reply = node.send(&head(route, path, Some(&token_of(role))), &body).await;
        let refused = (reply.status, reply.code());
        assert_eq!(refused, (403, "role-missing".to_owned()), "{path} {role:?}");
    }
    let refused = node.accesses().split_off(before);
    assert_eq!(refused.len(), 2 + Role::ALL.len() - 1, "{path}: {refused:?}");
    assert!(refused.iter().all(|(seen, access)| !seen && access.what == route.what));
    let reply = node.send(&head(route, path, Some(&token_of(needs))), &body).await;
    assert_eq!(reply.status, status, "{path}: {reply:?}");
}

#[test]
fn the_manual_names_every_route_with_its_role() {
    let manual = include_str!("../../../../docs/api.md");
    let verbs = ["GET", "POST", "PUT", "PATCH", "DELETE"].map(|verb| format!("| {verb} |"));
    let rows = manual.lines().filter(|line| verbs.iter().any(|verb| line.starts_with(verb)));
    assert_eq!(rows.count(), ROUTES.len());
    for route in ROUTES {
        let role = route.needs.map_or("none".to_owned(), |role| format!("`{}`", role.as_str()));
        let row = format!("| {} | `{}` | {role} |", route.verb.as_str(), route.path);
        assert!(manual.contains(&row), "{row}");
    }
}

#[tokio::test]
async fn the_journal_tells_who_was_refused_what() {
    let node = Node::start().await;
    let path = "/fhir/Patient/rxx.9.9";
    assert_eq!(node.get(&token_of(Role::Cabinet), path).await.status, 403);
    assert_eq!(node.get("guess", "/fhir/Patient?identifier=9990000018").await.status, 401);
    let refused: Vec<_> = node
        .accesses()
        .into_iter()
        .map(|(_, access)| (access.who, access.detail.unwrap(), access.reason.unwrap()))
        .collect();
    let text = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(
        refused,
        [
            text("cabinet", "Patient/rxx.9.9", "role-missing"),
            text("unknown", "GET /fhir/{type}", "token-unknown"),
        ]
    );
}

#[tokio::test]
async fn a_token_is_taken_from_one_bearer_header_only() {
    let node = Node::start().await;
    let long = "x".repeat(600);
    for line in [
        "Authorization: Basic dG9rZW4=",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: token-of-all",
        "Authorization: Bearer token-of-all\nAuthorization: Bearer token-of-all",
        &format!("Authorization: Bearer {long}"),
        "X-Token: token-of-all",
    ] {
        let reply = node.send(&format!("GET /cases HTTP/1.1\n{line}"), "").await;
        assert_eq!(reply.status, 401, "{line}");
    }
    let line = "Authorization: bearer token-of-all";
    assert_eq!(node.send(&format!("GET /cases HTTP/1.1\n{line}"), "").await.status, 200);
}

#[tokio::test]
async fn strangers_cannot_fill_the_journal() {
    let node = Node::start().await;
    for _ in 0..70 {
        assert_eq!(node.get("guess", "/cases").await.status, 401);
    }
    assert_eq!(node.accesses().len(), 60);
    assert_eq!(node.get(&token_of(Role::Cabinet), "/cases").await.status, 403);
    assert_eq!(node.accesses().len(), 61, "a known client is always journalled");
}

#[tokio::test]
async fn a_client_acts_for_its_own_cabinets_alone() {
    let node = Node::start().await;
    let permit = node.remove("k1").await.json()["permit"].as_str().unwrap().to_owned();
    let completed = format!("/cabinet/removals/{permit}/completion");
    let before = node.facts().len();
    for (path, body) in
        [("/cabinet/removals", removal()), (&completed, completion("ASK/WARDC1", "2"))]
    {
        let reply = node.post(OWN, path, "k2", &body).await;
        let refused = (reply.status, reply.code());
        assert_eq!(refused, (403, "cabinet-not-yours".to_owned()), "{path}: {reply:?}");
    }
    let refused: Vec<_> = node
        .accesses()
        .into_iter()
        .map(|(seen, access)| {
            assert!(!seen);
            (access.who, access.what, access.detail.unwrap(), access.reason.unwrap())
        })
        .collect();
    let text = |what: &str, detail: &str| {
        let [who, what, detail, reason] = ["own", what, detail, "cabinet-not-yours"];
        (who.to_owned(), what.to_owned(), detail.to_owned(), reason.to_owned())
    };
    assert_eq!(
        refused,
        [
            text("remove", "POST /cabinet/removals for ASK/WARDC1"),
            text("complete", "POST /cabinet/removals/{permit}/completion for ASK/WARDC1"),
        ]
    );
    assert_eq!(node.facts().len(), before + 2, "nothing else came of it");
    // Its own cabinets are judged by the domain, whether or not the site has them.
    let own = removal().replace("WARDC1", "WARDC2");
    let reply = node.post(OWN, "/cabinet/removals", "k3", &own).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "too-early"), "{reply:?}");
    let other = removal().replace("ASK/WARDC1", "ADC/NOWHERE");
    let reply = node.post(OWN, "/cabinet/removals", "k4", &other).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "unknown-cabinet"), "{reply:?}");
    // The permit is still there for the cabinet that has it.
    let body = completion("ASK/WARDC1", "2");
    assert_eq!(node.post(ALL, &completed, "k5", &body).await.status, 200);
}
