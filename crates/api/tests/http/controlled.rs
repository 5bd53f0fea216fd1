//! Controlled drugs: the registers, and what is entered in them.

use medicines::controlled::Schedule;
use medicines::{Request, Site};
use serde_json::{Value, json};

use crate::harness::{ALL, ANNA, Node};
use crate::stock::movement;

/// Makes PARA500 a controlled drug of Schedule 2.
pub(crate) async fn control(node: &Node) {
    configure(node, |_| {}).await;
}

pub(crate) async fn configure(node: &Node, change: impl FnOnce(&mut Site)) {
    let readers = node.engine.readers();
    let mut site = readers.get().unwrap().site().unwrap();
    let item = site.items.iter_mut().find(|item| item.code == "PARA500").unwrap();
    item.controlled = Some(Schedule::Two);
    change(&mut site);
    node.submit("configuration", Request::Configure(Box::new(site))).await;
}

/// The entries of a page as `number kind +received -issued =balance`.
pub(crate) async fn page(node: &Node, place: &str) -> Vec<String> {
    let reply = node.get(ALL, &format!("/cd/registers/{place}/PARA500?limit=1000")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let line = |entry: &Value| {
        let [kind, received, issued, balance] =
            ["kind", "received", "issued", "balance"].map(|name| entry[name].as_str().unwrap());
        format!("{} {kind} +{received} -{issued} ={balance}", entry["number"])
    };
    reply.json()["entries"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_register_shows_what_the_ledger_holds() {
    let node = Node::start().await;
    // What moved before the item was a controlled drug is entered too.
    assert_eq!(node.post(ALL, "/stock/movements", "m1", &movement("ward:WARDC")).await.status, 201);
    assert_eq!(node.get(ALL, "/cd/registers").await.json()["pages"], json!([]));
    control(&node).await;
    let moved = movement("ward:WARDC").replace("\"20\"", "\"2.5\"");
    assert_eq!(node.post(ALL, "/stock/movements", "m2", &moved).await.status, 201);

    let entries = page(&node, "ward:WARDC").await;
    assert_eq!(entries, ["1 received +20 -0 =20", "2 received +2.5 -0 =22.5"]);
    let reply = node.get(ALL, "/cd/registers?section=stock").await.json();
    let pages = reply["pages"].as_array().unwrap();
    let of = |name: &str| pages.iter().map(|page| page[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("place"), ["pharmacy", "ward:WARDC"]);
    assert_eq!(of("balance"), ["-22.5", "22.5"]);
    assert_eq!((&pages[1]["schedule"], &pages[1]["strength"]), (&json!("2"), &json!("500 mg")));
    let due = pages[1]["countDue"].as_str().unwrap();
    assert!(due.starts_with("2026-11-21T10:00"), "a day after the item was controlled: {due}");

    let shown = node.get(ALL, "/cd/registers/ward:WARDC/PARA500?limit=1").await.json();
    assert_eq!((&shown["next"], &shown["carried"]), (&json!(1), &json!("0")));
    let entry = &shown["entries"][0];
    assert_eq!((&entry["counterparty"], &entry["actor"]), (&json!("pharmacy"), &json!("N1001")));
    assert_eq!((&entry["batches"], &entry["late"]), (&json!(["L2231"]), &json!(false)));
    let path = "/cd/registers/ward:WARDC/PARA500?limit=1&after=1";
    let rest = node.get(ALL, path).await.json();
    assert_eq!((&rest["carried"], &rest["next"]), (&json!("20"), &Value::Null));
    let path = "/cd/registers/ward:WARDC/PARA500?from=2026-11-18&to=2026-11-19";
    let earlier = node.get(ALL, path).await.json();
    assert_eq!((&earlier["entries"], &earlier["carried"]), (&json!([]), &json!("0")));
    let later = node.get(ALL, "/cd/registers/ward:WARDC/PARA500?from=2026-11-21").await.json();
    assert_eq!((&later["entries"], &later["carried"]), (&json!([]), &json!("22.5")));
    for nowhere in ["ward:X/PARA500", "ward:WARDC/X", "waste/PARA500"] {
        let reply = node.get(ALL, &format!("/cd/registers/{nowhere}")).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not-found"), "{nowhere}");
    }
}

#[tokio::test]
async fn a_register_is_a_table_too() {
    let node = Node::start().await;
    control(&node).await;
    assert_eq!(node.post(ALL, "/stock/movements", "m1", &movement("ward:WARDC")).await.status, 201);
    let reply = node.get(ALL, "/cd/registers/ward:WARDC/PARA500?format=csv").await;
    assert_eq!(reply.headers["content-type"], "text/csv; charset=utf-8; header=present");
    let lines: Vec<&str> = reply.body.split("\r\n").collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("place,item,name,strength,unit,number,kind,"), "{}", lines[0]);
    let start = "ward:WARDC,PARA500,PARA500 tablets,500 mg,tablet,1,received,2026-11-20T09:00:00Z,";
    assert!(lines[1].starts_with(start), "{}", lines[1]);
    let head = format!("GET /cd/registers HTTP/1.1\nAuthorization: Bearer {ALL}\nAccept: text/csv");
    let reply = node.send(&head, "").await;
    assert!(reply.body.starts_with("place,section,item,"), "{reply:?}");
    let reply = node.get(ALL, "/cd/registers?format=xml").await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-query"));
}

/// When everything here is done.
const AT: &str = "2026-11-20T09:30:00Z";

fn count_of(found: &str) -> Value {
    json!({
        "place": "ward:WARDC", "item": "PARA500", "found": found, "person": "N1001",
        "activity": AT,
    })
}

/// The act with a signature of the witness, who signs at the client of that token.
async fn signed(node: &Node, token: &str, key: &str, verb: &str, mut act: Value) -> Value {
    let body = json!({ "verb": verb, "act": act, "person": "N1002" });
    let reply = node.post(token, "/cd/witness", key, &body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let signed = reply.json();
    assert!(signed["expires"].is_string());
    act["witness"] = json!({ "signature": signed["signature"] });
    act
}

async fn stocked() -> Node {
    let node = Node::start().await;
    control(&node).await;
    let moved = movement("ward:WARDC");
    assert_eq!(node.post(ALL, "/stock/movements", "m1", &moved).await.status, 201);
    node
}

#[tokio::test]
async fn two_people_at_two_clients_enter_a_count() {
    let node = stocked().await;
    let act = count_of("20");
    let reply = node.post("tablet", "/cd/counts", "c1", &act.to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "bad-value"), "nobody signed");

    let body = signed(&node, "of-n1002", "w1", "counts", act.clone()).await;
    let other = body.to_string().replace("\"20\"", "\"19\"");
    let reply = node.post("tablet", "/cd/counts", "c2", &other).await;
    assert!(reply.body.contains("another act"), "{reply:?}");
    let reply = node.post("tablet", "/cd/counts", "c3", &body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let again = node.post("tablet", "/cd/counts", "c3", &body.to_string()).await;
    assert_eq!((again.status, &again.body), (201, &reply.body), "a repeat is the same count");
    let reply = node.post("tablet", "/cd/counts", "c4", &body.to_string()).await;
    assert_eq!(reply.status, 422, "a signature is used once");

    let entries = node.get(ALL, "/cd/registers/ward:WARDC/PARA500").await.json();
    let entry = &entries["entries"][1];
    assert_eq!((&entry["kind"], &entry["handled"]), (&json!("count"), &json!("20")));
    assert_eq!((&entry["witness"], &entry["witnessed"]), (&json!("N1002"), &json!("signed")));
    assert_eq!(entry["signature"], body["witness"]["signature"]);
    assert_eq!(entries["people"]["N1002"], "Test, Anna");
    let pages = node.get(ALL, "/cd/registers?place=ward:WARDC").await.json();
    assert_eq!(pages["pages"][0]["lastCount"], AT);
}

#[tokio::test]
async fn a_signature_of_the_same_client_or_of_somebody_else_is_none() {
    let node = stocked().await;
    let body = signed(&node, "tablet", "w1", "counts", count_of("20")).await;
    let reply = node.post("tablet", "/cd/counts", "c1", &body.to_string()).await;
    assert_eq!(reply.status, 422, "{reply:?}");
    let cases = node.get(ALL, "/cases?kind=controlled-drug").await.json();
    assert_eq!(cases["cases"][0]["reason"], "witness-same-client");

    let sign = |verb: &str, person: Option<&str>, act: Value| {
        let mut body = json!({ "verb": verb, "act": act });
        if let Some(person) = person {
            body["person"] = person.into();
        }
        body.to_string()
    };
    let check = async |key: &str, token: &str, body: String, status: u16| {
        let reply = node.post(token, "/cd/witness", key, &body).await;
        assert_eq!(reply.status, status, "{key}: {reply:?}");
    };
    let act = || count_of("20");
    check("1", "of-n1002", sign("counts", None, act()), 201).await;
    check("2", "of-n1002", sign("counts", Some("N1001"), act()), 400).await;
    check("3", "tablet", sign("counts", None, act()), 400).await;
    check("4", "tablet", sign("counts", Some("N1001"), act()), 422).await;
    check("5", "tablet", sign("counts", Some("E1"), act()), 422).await;
    check("6", "tablet", sign("count", Some("N1002"), act()), 400).await;
    check("7", "tablet", sign("waste", Some("N1002"), act()), 400).await;
    check("8", "tablet", sign("receipt", Some("N1002"), json!({})), 400).await;
    let nested = signed(&node, "of-n1002", "w2", "counts", act()).await;
    check("9", "of-n1002", sign("counts", None, nested), 400).await;
}

#[tokio::test]
async fn a_requisition_is_supplied_and_received_and_a_mistake_is_corrected() {
    let node = stocked().await;
    let asked = json!({
        "place": "ward:WARDD", "item": "PARA500", "quantity": "10", "person": "N1001",
        "activity": AT,
    });
    let reply = node.post("tablet", "/cd/requisitions", "r1", &asked.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let requisition = reply.json()["id"].as_str().unwrap().to_owned();
    let listed = node.get("tablet", "/cd/requisitions").await.json();
    assert_eq!(listed["requisitions"][0]["quantity"], "10");
    let supply = json!({
        "from": "pharmacy", "quantity": "10", "batch": "L9", "messenger": "Porter 4",
        "person": "P1", "activity": AT,
    });
    let path = format!("/cd/requisitions/{requisition}/supply");
    let reply = node.post("tablet", &path, "s1", &supply.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let consignment = reply.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(node.get("tablet", "/cd/requisitions").await.json()["requisitions"], json!([]));
    let shown = node.get("tablet", &format!("/cd/requisitions/{requisition}")).await.json();
    assert_eq!(shown["consignments"], json!([consignment]));

    let path = format!("/cd/consignments/{consignment}/receipt");
    let receipt = json!({ "quantity": "9", "complete": true, "person": "N1002", "activity": AT });
    let reply = node.post("tablet", &path, "x1", &receipt.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let received = reply.json()["id"].as_str().unwrap().to_owned();
    let entries = node.get(ALL, "/cd/registers/ward:WARDD/PARA500").await.json();
    let entry = &entries["entries"][0];
    assert_eq!((&entry["counterparty"], &entry["received"]), (&json!("pharmacy"), &json!("9")));
    assert_eq!(entry["authority"]["requisition"], requisition);
    let sent = node.get(ALL, "/cd/registers/pharmacy/PARA500").await.json();
    let sent = &sent["entries"][1];
    assert_eq!((&sent["counterparty"], &sent["issued"]), (&json!("ward:WARDD"), &json!("10")));
    assert_eq!((&sent["messenger"], &sent["kind"]), (&json!("Porter 4"), &json!("supplied")));
    let found = node.get(ALL, "/cd/discrepancies?status=open").await.json();
    assert_eq!(found["discrepancies"][0]["reason"], "less-arrived");

    let told = json!({ "of": received, "note": "one broke", "person": "P1", "activity": AT });
    let reply = node.post("tablet", "/cd/corrections", "k1", &told.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let entries = node.get(ALL, "/cd/registers/ward:WARDD/PARA500").await.json();
    let [first, second] = [&entries["entries"][0], &entries["entries"][1]];
    assert_eq!((&second["kind"], &second["note"]), (&json!("correction"), &json!("one broke")));
    assert_eq!((&second["correctionOf"], &second["balance"]), (&first["source"], &json!("9")));
    assert_eq!(first["correctedBy"], json!([second["source"]]));
    let earlier = node.get(ALL, "/cd/registers/ward:WARDC/PARA500").await.json();
    let correct = json!({
        "of": earlier["entries"][0]["source"],
        "difference": "-2", "note": "18 came", "person": "P1", "activity": AT,
    });
    let body = signed(&node, "of-n1002", "w1", "corrections", correct).await;
    let reply = node.post("tablet", "/cd/corrections", "k2", &body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let expected = ["1 received +20 -0 =20", "2 correction +0 -2 =18"];
    assert_eq!(page(&node, "ward:WARDC").await, expected);
}

#[tokio::test]
async fn a_discrepancy_is_explained_step_by_step_and_listed_for_the_quarter() {
    let node = stocked().await;
    let body = signed(&node, "of-n1002", "w1", "counts", count_of("17")).await;
    assert_eq!(node.post("tablet", "/cd/counts", "c1", &body.to_string()).await.status, 201);
    let expected = ["1 received +20 -0 =20", "2 count +0 -0 =20", "3 discrepancy +0 -3 =17"];
    assert_eq!(page(&node, "ward:WARDC").await, expected);
    let found = node.get(ALL, "/cd/discrepancies").await.json();
    let known = &found["discrepancies"][0];
    assert_eq!((&known["status"], &known["quantity"]), (&json!("open"), &json!("-3")));
    let id = known["id"].as_str().unwrap().to_owned();
    let path = format!("/cd/discrepancies/{id}/steps");
    let step = |status: &str, text: Option<&str>| {
        json!({ "status": status, "by": "P1", "text": text }).to_string()
    };
    let reply = node.post("tablet", &path, "1", &step("investigating", None)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(node.post("tablet", &path, "2", &step("resolved", None)).await.status, 422);
    let told = step("resolved", Some("3 were given and not entered"));
    assert_eq!(node.post("tablet", &path, "3", &told).await.status, 200);
    let reply = node.post("tablet", &path, "4", &told).await;
    assert_eq!((reply.status, reply.code().as_str()), (404, "not-found"));
    let shown = node.get("tablet", &format!("/cd/discrepancies/{id}")).await.json();
    let steps = shown["steps"].as_array().unwrap();
    let statuses: Vec<_> = steps.iter().map(|step| step["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["open", "investigating", "resolved"]);
    assert_eq!(shown["status"], "resolved");

    let listed = node.get(ALL, "/cd/occurrences?quarter=2026-Q4").await.json();
    let one = &listed["occurrences"][0];
    assert_eq!((&one["reason"], &one["closed"]["by"]), (&json!("count-differs"), &json!("P1")));
    let earlier = node.get(ALL, "/cd/occurrences?quarter=2026-Q3").await.json();
    assert_eq!(earlier["occurrences"], json!([]));
    let table = node.get(ALL, "/cd/occurrences?quarter=2026-Q4&format=csv").await;
    assert!(table.body.contains("count-differs"), "{table:?}");
    assert_eq!(node.get(ALL, "/cd/occurrences?quarter=now").await.status, 400);
}

#[tokio::test]
async fn a_client_of_one_person_tells_for_nobody_else() {
    let node = stocked().await;
    let reply = node.post("of-n1002", "/cd/counts", "c1", &count_of("20").to_string()).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-value"), "{reply:?}");
    let mut own = count_of("19");
    own["person"] = "N1002".into();
    own["witness"] = json!({ "alone": "night" });
    let reply = node.post("of-n1002", "/cd/counts", "c2", &own.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let found = node.get(ALL, "/cd/discrepancies").await.json();
    let path = format!("/cd/discrepancies/{}/steps", found["discrepancies"][0]["id"]);
    let path = path.replace('"', "");
    let step = json!({ "status": "investigating", "by": "P1" }).to_string();
    let reply = node.post("of-n1002", &path, "s1", &step).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "bad-value"), "{reply:?}");
}

#[tokio::test]
async fn whoever_is_shown_a_patients_discrepancy_is_in_the_journal() {
    let node = stocked().await;
    node.admit(ANNA).await;
    let id = node.patient(ANNA).await;
    let own = json!({
        "patient": id, "item": "PARA500", "quantity": "9", "person": "N1001", "activity": AT,
    });
    let reply = node.post("tablet", "/cd/own", "o1", &own.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let mut count = count_of("8");
    count["place"] = format!("own:{id}").into();
    count["witness"] = json!({ "alone": "night" });
    let reply = node.post("tablet", "/cd/counts", "c1", &count.to_string()).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let before = node.accesses().len();
    let found = node.get("tablet", "/cd/discrepancies").await.json();
    let one = found["discrepancies"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(node.get("tablet", &format!("/cd/discrepancies/{one}")).await.status, 200);
    let seen = node.accesses().split_off(before);
    let told: Vec<_> = seen.iter().map(|(_, access)| access.patient.as_deref()).collect();
    assert_eq!(told, [Some(id.as_str()), Some(id.as_str())]);
}
