//! Subscribers' secrets: nobody reads them, and the journal keeps none of what is refused.

use serde_json::{Value, json};

use crate::harness::ALL;
use crate::subscriptions::{choosy, subscribe};

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_shown_nor_kept_of_what_is_refused() {
    const SECRET: &str = "Bearer s3cr3t";
    let (node, _receiver, mut right) = choosy().await;
    right["channel"]["header"] = json!([format!("Authorization: {SECRET}")]);
    let id = subscribe(&node, &right).await;
    let entry = json!({"resource": right, "request": {"method": "POST", "url": "Subscription"}});
    let mut own = right.clone();
    own["id"] = json!(id);
    let address = format!("Subscription/{id}");
    let own = json!({"resource": own, "request": {"method": "PUT", "url": address}});
    let bundle = |kind: &str, entry: &Value| {
        json!({"resourceType": "Bundle", "type": kind, "entry": [entry]}).to_string()
    };
    for entry in [entry, own] {
        let reply = node.fhir("POST", "/fhir", "", &bundle("transaction", &entry)).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "bad-subscription"), "{reply:?}");
        let reply = node.fhir("POST", "/fhir", "", &bundle("batch", &entry)).await.json();
        assert!(reply["entry"][0]["response"]["status"].as_str().unwrap().starts_with("422"));
    }
    let change = json!([{"op": "add", "path": "/channel/header/-", "value": SECRET}]);
    let head = format!(
        "PATCH /fhir/Subscription/{id} HTTP/1.1\nAuthorization: Bearer {ALL}\n\
         Content-Type: application/json-patch+json"
    );
    let reply = node.send(&head, &change.to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "bad-subscription"), "{reply:?}");
    node.settled().await;
    let entries = node.engine.journal().unwrap().read_from(1, 1_000).unwrap();
    let mut told = 0;
    for entry in entries {
        let raw = String::from_utf8_lossy(&entry.raw);
        assert!(!raw.contains(SECRET), "entry {} keeps it: {raw}", entry.seq);
        let life = node.get(ALL, &format!("/messages/{}", entry.seq)).await;
        assert_eq!(life.status, 200, "{life:?}");
        assert!(!life.body.contains(SECRET), "{life:?}");
        told += usize::from(life.body.contains(r#"{"name":"authorization","value":"***"}"#));
    }
    assert_eq!(told, 1);
}
