//! Orders that a prescriber's system writes as FHIR, and what a cabinet is then permitted.

use serde_json::{Value, json};

use crate::harness::{ALL, ANNA, EPMA, ITEM, NHS, Node, ORDER, OTHER_EPMA, Reply};

const PATH: &str = "/fhir/MedicationRequest";

/// The order 9001 for 1 g every six hours, verified by P1.
fn order(patient: &str) -> Value {
    json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": patient },
        "identifier": [{ "system": ORDER, "value": "9001" }],
        "medicationCodeableConcept": { "coding": [{ "system": ITEM, "code": "PARA500" }] },
        "extension": [{ "url": "urn:interlock:extension:verified-by", "valueString": "P1" }],
        "dosageInstruction": [{ "text": "1 g every 6 hours",
            "timing": { "repeat": { "frequency": 1, "period": 6, "periodUnit": "h" } },
            "doseAndRate": [{ "doseQuantity": { "value": 1000, "unit": "mg" } }] }],
    })
}

/// A node with Anna on ward C, and no order.
async fn ward() -> (Node, String) {
    let node = Node::start_with(|server| server, None).await;
    node.admit(ANNA).await;
    let anna = format!("Patient/{}", node.patient(ANNA).await);
    (node, anna)
}

async fn put(node: &Node, order: &Value, more: &str) -> Reply {
    let path = format!("{PATH}/{}", order["id"].as_str().unwrap());
    node.fhir_as(EPMA, "PUT", &path, more, &order.to_string()).await
}

/// Asks for so many tablets on the order: `permitted`, or the code of the refusal.
async fn ask(node: &Node, key: &str, tablets: &str) -> String {
    let asked = json!({
        "cabinet": "ASK/WARDC1", "patient": { "system": NHS, "value": ANNA },
        "order": { "system": ORDER, "value": "9001" }, "item": "PARA500", "quantity": tablets,
        "user": "N1001",
    });
    let reply = node.post(ALL, "/cabinet/removals", key, &asked.to_string()).await;
    match reply.status {
        200 | 201 => "permitted".to_owned(),
        _ => reply.code(),
    }
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str, place: &str) {
    assert_eq!((reply.status, reply.code().as_str()), (status, code), "{reply:?}");
    assert_eq!(reply.json()["issue"][0]["expression"][0], place, "{reply:?}");
}

#[tokio::test]
async fn an_order_by_fhir_opens_the_cabinet_and_its_hold_shuts_it() {
    let (node, anna) = ward().await;
    assert_eq!(ask(&node, "a", "2").await, "no-live-order");
    let sent = order(&anna).to_string().replace("\"value\":1000", "\"value\":1000.0");
    let created = node.fhir_as(EPMA, "POST", PATH, "Idempotency-Key: n1", &sent).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert!(created.body.contains("\"value\":1000.0"), "{}", created.body);
    let again = node.fhir_as(EPMA, "POST", PATH, "Idempotency-Key: n1", &sent).await;
    assert_eq!((again.status, &again.body), (201, &created.body));
    let mut order = created.json();
    let path = format!("{PATH}/{}", order["id"].as_str().unwrap());
    assert_eq!(node.get(EPMA, &path).await.body, created.body);
    assert_eq!(ask(&node, "b", "2").await, "permitted");

    order["status"] = json!("on-hold");
    let stale = put(&node, &order, "If-Match: W/\"7\"").await;
    assert_eq!((stale.status, stale.code().as_str()), (412, "precondition-failed"));
    assert_eq!(put(&node, &order, "If-Match: W/\"1\"").await.status, 200);
    assert_eq!(ask(&node, "c", "2").await, "on-hold");
    // A patch is a version like any other; the permit before was not used and has its dose.
    let change = r#"[{"op":"replace","path":"/status","value":"active"}]"#;
    let head = format!(
        "PATCH {path} HTTP/1.1\nAuthorization: Bearer {EPMA}\n\
         Content-Type: application/json-patch+json"
    );
    let resumed = node.send(&head, change).await;
    assert_eq!((resumed.status, &resumed.json()["status"]), (200, &json!("active")));
    assert_eq!(ask(&node, "d", "2").await, "too-early", "the first permit is open");
    order["status"] = json!("stopped");
    let stopped = put(&node, &order, "").await;
    assert_eq!((stopped.status, stopped.headers["etag"].as_str()), (200, "W/\"4\""));
    assert_eq!(ask(&node, "e", "2").await, "stopped");
    assert_eq!(put(&node, &order, "").await.headers["etag"], "W/\"4\"");
    order["status"] = json!("active");
    refused(&put(&node, &order, "").await, 422, "loop-rule", "MedicationRequest.status");
}

#[tokio::test]
async fn the_permit_follows_the_dose() {
    let (node, anna) = ward().await;
    let created = node.fhir_as(EPMA, "POST", PATH, "", &order(&anna).to_string()).await;
    let mut order = created.json();
    assert_eq!(ask(&node, "a", "3").await, "quantity-exceeds-dose");
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(1500);
    // A word about a version counts where it was said after the one before.
    let words = json!([{ "url": "urn:interlock:extension:verified-by", "valueString": "P1" },
        { "url": "urn:interlock:extension:verified-at",
          "valueDateTime": node.now().to_string() }]);
    order["extension"] = words;
    let changed = put(&node, &order, "").await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(ask(&node, "b", "3").await, "permitted");
    // Without a word of a pharmacist about the new dose nobody may take it.
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(500);
    assert_eq!(put(&node, &order, "").await.status, 200);
    assert_eq!(ask(&node, "c", "1").await, "not-verified");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_its_place() {
    let (node, anna) = ward().await;
    let check = async |pointer: &str, value: Value, place: &str| {
        let mut order = order(&anna);
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        order.pointer_mut(parent).unwrap()[name] = value;
        let reply = node.fhir_as(EPMA, "POST", PATH, "", &order.to_string()).await;
        refused(&reply, 422, "loop-rule", &format!("MedicationRequest.{place}"));
    };
    let dose = "/dosageInstruction/0/doseAndRate";
    let bare = json!([{ "doseQuantity": { "value": 1000 } }]);
    check(dose, bare, "dosageInstruction[0].doseAndRate[0].doseQuantity").await;
    let words = json!([{ "text": "two tablets when she wakes" }]);
    check("/dosageInstruction", words, "dosageInstruction[0].doseAndRate").await;
    let code = json!({ "code": { "text": "QDS" } });
    check("/dosageInstruction/0/timing", code, "dosageInstruction[0].timing.repeat").await;
    let other = json!({ "coding": [{ "system": ITEM, "code": "UNKNOWN" }] });
    check("/medicationCodeableConcept", other, "medication").await;
    check("/subject", json!({ "reference": "Patient/nobody" }), "subject").await;
    check("/encounter", json!({ "reference": "Encounter/x" }), "encounter").await;
    check("/identifier", json!([{ "system": "urn:x", "value": "1" }]), "identifier").await;
    let mut two = order(&anna)["dosageInstruction"].clone();
    let again = two[0].clone();
    two.as_array_mut().unwrap().push(again);
    let place = "dosageInstruction[1].timing.repeat.boundsPeriod";
    check("/dosageInstruction", two, place).await;
    assert_eq!(ask(&node, "a", "1").await, "no-live-order");
}

#[tokio::test]
async fn an_order_is_its_own_systems() {
    let (node, anna) = ward().await;
    let created = node.fhir_as(EPMA, "POST", PATH, "", &order(&anna).to_string()).await;
    let mut order = created.json();
    let path = format!("{PATH}/{}", order["id"].as_str().unwrap());
    order["status"] = json!("stopped");
    for other in [ALL, OTHER_EPMA] {
        let reply = node.fhir_as(other, "PUT", &path, "", &order.to_string()).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "loop-rule"), "{other}");
        let change = r#"[{"op":"replace","path":"/status","value":"stopped"}]"#;
        let head = format!(
            "PATCH {path} HTTP/1.1\nAuthorization: Bearer {other}\n\
             Content-Type: application/json-patch+json"
        );
        let reply = node.send(&head, change).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "loop-rule"), "{other}");
        assert_eq!(node.fhir_as(other, "DELETE", &path, "", "").await.status, 409);
    }
    // An order of an ePMA that speaks HL7 is that one's.
    node.order("7001", ANNA).await;
    let found = node.get(EPMA, &format!("{PATH}?identifier={ORDER}|7001")).await.json();
    let mut theirs = found["entry"][0]["resource"].clone();
    theirs["status"] = json!("stopped");
    refused(&put(&node, &theirs, "").await, 422, "loop-rule", "MedicationRequest");
    assert_eq!(ask(&node, "a", "2").await, "permitted");
    // Without the role nothing comes into force.
    let mut mine = self::order(&anna);
    mine["identifier"][0]["value"] = json!("9002");
    let reply = node.fhir("POST", PATH, "", &mine.to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "loop-rule"));
}

#[tokio::test]
async fn orders_come_in_bundles_with_whom_they_are_for() {
    let node = Node::start_with(|server| server, None).await;
    let entry = |url: &str, method: &str, to: &str, resource: &Value| {
        json!({ "fullUrl": url, "resource": resource,
            "request": { "method": method, "url": to } })
    };
    let (patient, stay) = (
        "urn:uuid:11111111-1111-4111-8111-111111111111",
        "urn:uuid:22222222-2222-4222-8222-222222222222",
    );
    let anna = json!({ "resourceType": "Patient",
        "identifier": [{ "system": NHS, "value": ANNA }] });
    let visit = json!({ "resourceType": "Encounter", "status": "in-progress",
        "class": { "code": "IMP" }, "subject": { "reference": patient } });
    let mut asked = order(patient);
    asked["encounter"] = json!({ "reference": stay });
    let send = async |kind: &str, entries: &[Value]| {
        let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": entries });
        node.fhir_as(EPMA, "POST", "/fhir", "", &bundle.to_string()).await
    };
    let third = "urn:uuid:33333333-3333-4333-8333-333333333333";
    let all = |order: &Value| {
        [
            entry(third, "POST", "MedicationRequest", order),
            entry(stay, "POST", "Encounter", &visit),
            entry(patient, "POST", "Patient", &anna),
        ]
    };
    // One thing that cannot be told, and nothing of it is kept.
    let mut wrong = asked.clone();
    wrong["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(0);
    let reply = send("transaction", &all(&wrong)).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "loop-rule"), "{reply:?}");
    let found = node.get(EPMA, &format!("/fhir/Patient?identifier={NHS}|{ANNA}")).await.json();
    assert_eq!(found["entry"], Value::Null);

    let reply = send("transaction", &all(&asked)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    node.admit(ANNA).await;
    assert_eq!(ask(&node, "a", "2").await, "permitted");
    // In a batch each entry stands for itself.
    let found = node.get(EPMA, &format!("{PATH}?identifier={ORDER}|9001")).await.json();
    let mut own = found["entry"][0]["resource"].clone();
    own["status"] = json!("on-hold");
    let id = own["id"].as_str().unwrap().to_owned();
    let entries = [
        entry("", "POST", "MedicationRequest", &wrong),
        entry("", "PUT", &format!("MedicationRequest/{id}"), &own),
    ]
    .map(|mut entry| {
        entry.as_object_mut().unwrap().remove("fullUrl");
        entry
    });
    let answer = send("batch", &entries).await.json();
    let statuses: Vec<&str> = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["response"]["status"].as_str().unwrap()[..3])
        .collect();
    assert_eq!(statuses, ["422", "200"], "{answer}");
    assert_eq!(ask(&node, "b", "2").await, "on-hold");
}

#[tokio::test]
async fn an_order_is_created_once() {
    let (node, anna) = ward().await;
    let once = format!("If-None-Exist: identifier={ORDER}|9001");
    let first = node.fhir_as(EPMA, "POST", PATH, &once, &order(&anna).to_string()).await;
    assert_eq!(first.status, 201);
    let again = node.fhir_as(EPMA, "POST", PATH, &once, &order(&anna).to_string()).await;
    assert_eq!((again.status, &again.json()["id"]), (200, &first.json()["id"]));
    let twice = node.fhir_as(EPMA, "POST", PATH, "", &order(&anna).to_string()).await;
    refused(&twice, 409, "conflict", "MedicationRequest.identifier");
    // A conditional update finds the same one, also where it is the first word.
    let path = format!("{PATH}?identifier={ORDER}|9001");
    let mut held = order(&anna);
    held["status"] = json!("on-hold");
    assert_eq!(node.fhir_as(EPMA, "PUT", &path, "", &held.to_string()).await.status, 200);
    assert_eq!(ask(&node, "a", "2").await, "on-hold");
    let mut other = order(&anna);
    other["identifier"][0]["value"] = json!("9002");
    let path = format!("{PATH}?identifier={ORDER}|9002");
    let reply = node.fhir_as(EPMA, "PUT", &path, "", &other.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    // Under an id of its own.
    let mut own = order(&anna);
    (own["id"], own["identifier"][0]["value"]) = (json!("epma-9003"), json!("9003"));
    assert_eq!(put(&node, &own, "").await.status, 201);
    own["status"] = json!("cancelled");
    assert_eq!(put(&node, &own, "").await.status, 200);
    assert_eq!(node.fhir("DELETE", &format!("{PATH}/epma-9003"), "", "").await.status, 409);
}

#[tokio::test]
async fn the_journal_alone_says_whose_an_order_is() {
    let (node, anna) = ward().await;
    let created = node.fhir_as(EPMA, "POST", PATH, "", &order(&anna).to_string()).await;
    let mut order = created.json();
    let path = format!("{PATH}/{}", order["id"].as_str().unwrap());
    node.settled().await;
    let (engine, folder) = node.end().await;
    drop(engine);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        if file.file_name().to_string_lossy().starts_with("record.sqlite3") {
            std::fs::remove_file(file.path()).unwrap();
        }
    }
    let node = Node::start_in(folder, |server| server, None).await;
    assert_eq!(node.get(EPMA, &path).await.body, created.body);
    order["status"] = json!("stopped");
    let other = node.fhir_as(OTHER_EPMA, "PUT", &path, "", &order.to_string()).await;
    assert_eq!((other.status, other.code().as_str()), (422, "loop-rule"));
    assert_eq!(put(&node, &order, "").await.status, 200);
    assert_eq!(ask(&node, "a", "2").await, "stopped");
}

#[tokio::test]
async fn an_old_word_verifies_nothing_and_an_end_changes_nothing() {
    let (node, anna) = ward().await;
    let mut order = order(&anna);
    order["identifier"] = json!([{ "system": "https://ryy.nhs.uk/Id/order/gp", "value": "77" },
        { "system": ORDER, "value": "9001" }]);
    let created = node.fhir_as(EPMA, "POST", PATH, "", &order.to_string()).await;
    assert_eq!(created.status, 201, "{created:?}");
    order["id"] = created.json()["id"].clone();
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(500);
    for key in ["a", "b"] {
        assert_eq!(put(&node, &order, "").await.status, 200);
        assert_eq!(ask(&node, key, "1").await, "not-verified");
    }
    order["status"] = json!("stopped");
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(1000);
    let place = "MedicationRequest.dosageInstruction";
    refused(&put(&node, &order, "").await, 422, "loop-rule", place);
    order["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] = json!(500);
    assert_eq!(put(&node, &order, "").await.status, 200);
    assert_eq!(ask(&node, "c", "1").await, "stopped");
}
