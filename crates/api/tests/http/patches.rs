//! FHIRPath Patch, and patches of clients whose writes are validated.

use api::Role;
use serde_json::json;

use crate::harness::{ALL, Node, Reply, token_of};

const FLAG: &str = r#"{"resourceType":"Flag","id":"f1","status":"active","code":{"text":"x"},
    "subject":{"display":"y"},"extension":[{"url":"urn:x","valueDecimal":0.40}]}"#;

fn replace(path: &str, value: &str) -> String {
    format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"operation","part":[
        {{"name":"type","valueCode":"replace"}},{{"name":"path","valueString":"{path}"}},
        {{"name":"value",{value}}}]}}]}}"#
    )
}

async fn patch(node: &Node, token: &str, path: &str, more: &str, body: &str) -> Reply {
    let head = format!("PATCH {path} HTTP/1.1\nAuthorization: Bearer {token}\n{more}");
    node.send(&head, body).await
}

const FHIR: &str = "Content-Type: application/fhir+json";
const JSON: &str = "Content-Type: application/json-patch+json";

#[tokio::test]
async fn a_fhirpath_patch_changes_one_version_into_the_next() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    let end = replace("Flag.status", r#""valueCode":"inactive""#);
    let done = patch(&node, ALL, "/fhir/Flag/f1", FHIR, &end).await;
    assert_eq!((done.status, done.headers["etag"].as_str()), (200, "W/\"2\""), "{done:?}");
    assert!(done.body.contains("inactive") && done.body.contains("0.40"), "{done:?}");
    let same = patch(&node, ALL, "/fhir/Flag/f1", FHIR, &end).await;
    assert_eq!((same.status, same.headers["etag"].as_str()), (200, "W/\"2\""), "nothing changed");

    let text = replace("Flag.code.text", r#""valueString":"z""#);
    let old = format!("{FHIR}\nIf-Match: W/\"1\"");
    assert_eq!(patch(&node, ALL, "/fhir/Flag/f1", &old, &text).await.status, 412);
    let now = format!("{FHIR}\nIf-Match: W/\"2\"");
    assert_eq!(patch(&node, ALL, "/fhir/Flag/f1", &now, &text).await.status, 200);
    let back = end.replace("inactive", "active");
    let by_search = patch(&node, ALL, "/fhir/Flag?_id=f1", FHIR, &back).await;
    assert_eq!(by_search.headers["etag"], "W/\"4\"", "{by_search:?}");

    for (path, body, status, code) in [
        ("/fhir/Flag/none", &end, 404, "not-found"),
        ("/fhir/Flag?_id=none", &end, 404, "not-found"),
        ("/fhir/Flag/f1", &replace("Flag.goat", r#""valueCode":"x""#), 422, "patch-failed"),
        ("/fhir/Flag/f1", &replace("Flag.id", r#""valueId":"x""#), 422, "patch-failed"),
        ("/fhir/Flag/f1", &replace("Flag..x", r#""valueId":"x""#), 400, "bad-resource"),
        ("/fhir/Flag/f1", &"{}".to_owned(), 400, "bad-resource"),
    ] {
        let refused = patch(&node, ALL, path, FHIR, body).await;
        assert_eq!((refused.status, refused.code().as_str()), (status, code), "{path} {refused:?}");
    }
    let refusals = node.accesses().into_iter().filter(|(seen, _)| !seen).count();
    assert_eq!(refusals, 5, "each one that was understood is journalled");
    node.fhir("DELETE", "/fhir/Flag/f1", "", "").await;
    assert_eq!(patch(&node, ALL, "/fhir/Flag/f1", FHIR, &end).await.status, 410);
}

#[tokio::test]
async fn a_list_is_a_json_patch_whatever_it_calls_itself() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    let end = r#" [{"op":"replace","path":"/status","value":"inactive"}]"#;
    for (head, version) in [(FHIR, "W/\"2\""), ("Content-Type: application/json", "W/\"3\"")] {
        let body =
            if version == "W/\"2\"" { end.to_owned() } else { end.replace("inactive", "active") };
        let done = patch(&node, ALL, "/fhir/Flag/f1", head, &body).await;
        assert_eq!((done.status, done.headers["etag"].as_str()), (200, version), "{done:?}");
    }
}

#[tokio::test]
async fn a_repeat_of_a_patch_has_its_first_answer() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    let more = format!("{FHIR}\nIdempotency-Key: k1");
    let end = replace("Flag.status", r#""valueCode":"inactive""#);
    let first = patch(&node, ALL, "/fhir/Flag/f1", &more, &end).await;
    node.fhir("DELETE", "/fhir/Flag/f1", "", "").await;
    let again = patch(&node, ALL, "/fhir/Flag/f1", &more, &end).await;
    assert_eq!((first.status, again.status), (200, 200), "{again:?}");
    assert_eq!(again.headers["idempotent-replayed"], "true");
    // The condition is a part of what was asked.
    let put = async |more: &str, body: &str| node.fhir("PUT", "/fhir/Flag/f2", more, body).await;
    let other = FLAG.replace("f1", "f2");
    assert_eq!(put("Idempotency-Key: k2", &other).await.status, 201);
    let met = put("Idempotency-Key: k2\nIf-None-Match: *", &other).await;
    assert_eq!(met.status, 412, "{met:?}");
    assert_eq!(put("Idempotency-Key: k2", &other).await.headers["idempotent-replayed"], "true");
}

#[tokio::test]
async fn patches_stand_in_bundles() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    for (kind, status) in [("batch", "inactive"), ("transaction", "entered-in-error")] {
        let body: serde_json::Value =
            serde_json::from_str(&replace("Flag.status", &format!(r#""valueCode":"{status}""#)))
                .unwrap();
        let entry = json!({"resource": body, "request": {"method": "PATCH", "url": "Flag/f1"}});
        let bundle = json!({"resourceType": "Bundle", "type": kind, "entry": [entry]});
        let done = node.fhir("POST", "/fhir", "", &bundle.to_string()).await.json();
        assert_eq!(done["entry"][0]["response"]["status"], "200 OK", "{done}");
        assert_eq!(node.get(ALL, "/fhir/Flag/f1").await.json()["status"], status);
    }
}

#[tokio::test]
async fn what_a_patch_makes_is_validated() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG.replace("active", "inactive").as_str()).await;
    let wrong = r#"[{"op":"replace","path":"/status","value":"done"}]"#;
    let refused = patch(&node, "strict", "/fhir/Flag/f1", JSON, wrong).await;
    assert_eq!((refused.status, refused.code().as_str()), (422, "not-valid"), "{refused:?}");
    assert_eq!(node.get(ALL, "/fhir/Flag/f1").await.headers["etag"], "W/\"1\"");
    let path = replace("Flag.status", r#""valueCode":"done""#);
    assert_eq!(patch(&node, "strict", "/fhir/Flag/f1", FHIR, &path).await.status, 422);
    let tagged = patch(&node, "warn", "/fhir/Flag/f1", JSON, wrong).await;
    assert_eq!(tagged.status, 200, "{tagged:?}");
    assert!(tagged.body.contains("not-valid"), "{tagged:?}");
    let right = r#"[{"op":"replace","path":"/status","value":"active"}]"#;
    let mended = patch(&node, "strict", "/fhir/Flag/f1", JSON, right).await;
    assert!(mended.status == 200 && !mended.body.contains("not-valid"), "{mended:?}");
}

#[tokio::test]
async fn a_client_that_may_not_read_gets_nothing_of_what_is_stored() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    let token = token_of(Role::FhirWrite);
    let before = node.accesses().len();
    for (kind, body) in
        [(JSON, "[]".to_owned()), (FHIR, replace("Flag.code.text", r#""valueString":"x""#))]
    {
        let reply = patch(&node, &token, "/fhir/Flag/f1", kind, &body).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, ""), "{reply:?}");
    }
    let head = format!(
        "POST /fhir/Flag HTTP/1.1\nAuthorization: Bearer {token}\n{FHIR}\nIf-None-Exist: _id=f1"
    );
    let found = node.send(&head, FLAG).await;
    assert_eq!((found.status, found.body.as_str()), (200, ""), "{found:?}");
    assert!(found.headers["location"].contains("/Flag/f1/"), "{found:?}");
    assert_eq!(node.accesses().len(), before, "there was nothing to see");
    // One that may read gets it, and the look is journalled.
    assert!(patch(&node, ALL, "/fhir/Flag/f1", JSON, "[]").await.body.contains("0.40"));
    assert_eq!(node.accesses().len(), before + 1);
}

#[tokio::test]
async fn tags_come_and_go_by_operations() {
    let node = Node::start().await;
    node.fhir("PUT", "/fhir/Flag/f1", "", FLAG).await;
    let body = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":
        {"tag":[{"system":"urn:s","code":"c"}]}}]}"#;
    let added = node.fhir("POST", "/fhir/Flag/f1/$meta-add", "", body).await;
    let meta = &added.json()["parameter"][0]["valueMeta"];
    assert_eq!(
        (meta["tag"][0]["code"].as_str(), meta["versionId"].as_str()),
        (Some("c"), Some("2"))
    );
    assert_eq!(node.fhir("POST", "/fhir/Flag/f1/$meta-add", "", "{}").await.status, 400);
    let gone = node.fhir("POST", "/fhir/Flag/f1/$meta-delete", "", body).await;
    assert!(gone.json()["parameter"][0]["valueMeta"].get("tag").is_none(), "{gone:?}");
    assert!(node.get(ALL, "/fhir/Flag/f1").await.body.contains("0.40"));
}
