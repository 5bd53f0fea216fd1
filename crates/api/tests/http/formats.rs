//! FHIR in XML, in and out, and bodies that are compressed.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::harness::{ALL, ANNA, Node, Reply};

const XML: &str = "Content-Type: application/fhir+xml";
const OBSERVATION: &str = concat!(
    "<?xml version=\"1.0\"?>\n<Observation xmlns=\"http://hl7.org/fhir\">\n",
    "<status value=\"final\"><extension url=\"u\"><valueString value=\"é\"/></extension></status>",
    "<code><text value=\"a &lt; b\"/></code><valueQuantity><value value=\"0.40\"/></valueQuantity>",
    "</Observation>",
);

async fn xml(node: &Node, method: &str, path: &str, more: &str, body: &str) -> Reply {
    let head = format!("{method} {path} HTTP/1.1\nAuthorization: Bearer {ALL}\n{XML}\n{more}");
    node.send(&head, body).await
}

/// The body as JSON, once it is XML of the endpoint.
#[track_caller]
fn as_json(reply: &Reply) -> serde_json::Value {
    assert_eq!(reply.headers["content-type"], "application/fhir+xml; charset=utf-8", "{reply:?}");
    assert!(reply.body.starts_with("<?xml"), "{reply:?}");
    let json = fhir_xml::to_json(reply.body.as_bytes()).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[track_caller]
fn refused(reply: &Reply, status: u16, code: &str) -> serde_json::Value {
    let outcome =
        if reply.headers["content-type"].contains("xml") { as_json(reply) } else { reply.json() };
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(outcome["issue"][0]["details"]["coding"][0]["code"], code, "{outcome}");
    outcome["issue"][0].clone()
}

#[tokio::test]
async fn what_comes_in_xml_is_served_in_both_to_the_last_digit() {
    let node = Node::start().await;
    let want = "Accept: application/fhir+xml";
    let made = xml(&node, "POST", "/fhir/Observation", want, OBSERVATION).await;
    assert_eq!(made.status, 201, "{made:?}");
    let shown = as_json(&made);
    assert_eq!(shown["valueQuantity"]["value"].to_string(), "0.40");
    let id = shown["id"].as_str().unwrap();
    let json = node.get(ALL, &format!("/fhir/Observation/{id}")).await;
    assert!(json.body.contains(r#""value":0.40"#) && json.body.contains("a < b"), "{json:?}");
    assert_eq!(json.json()["_status"]["extension"][0]["valueString"], "é");
    let again = node.get(ALL, &format!("/fhir/Observation/{id}?_format=xml")).await;
    assert_eq!((as_json(&again), &again.headers["etag"]), (json.json(), &made.headers["etag"]));
    let entry: u64 = id.split('.').nth(1).unwrap().parse().unwrap();
    let journal = node.engine.journal().unwrap();
    assert_eq!(journal.get(entry).unwrap().unwrap().raw, OBSERVATION.as_bytes());

    let changed = again.body.replace("final", "amended");
    let put = xml(&node, "PUT", &format!("/fhir/Observation/{id}"), "", &changed).await;
    assert_eq!((put.status, put.headers["etag"].as_str()), (200, "W/\"2\""), "{put:?}");
    assert_eq!(put.json()["status"], "amended", "it is answered in JSON where nothing is asked");
    let history = node.get(ALL, &format!("/fhir/Observation/{id}/_history?_format=xml")).await;
    assert_eq!(as_json(&history)["total"], 2);
}

#[tokio::test]
async fn bundles_searches_and_refusals_are_xml_where_it_is_asked() {
    let node = Node::start().await;
    let entry = format!(
        "<entry><fullUrl value=\"urn:uuid:0a1f5c0e-0000-4000-8000-000000000001\"/>\
         <resource>{}</resource><request><method value=\"POST\"/><url value=\"Observation\"/>\
         </request></entry>",
        OBSERVATION.split_once("?>").unwrap().1
    );
    for kind in ["transaction", "batch"] {
        let bundle = format!(
            "<Bundle xmlns=\"http://hl7.org/fhir\"><type value=\"{kind}\"/>{entry}</Bundle>"
        );
        let answer = xml(&node, "POST", "/fhir", "Accept: application/fhir+xml", &bundle).await;
        let answer = as_json(&answer);
        assert_eq!(answer["entry"][0]["response"]["status"], "201 Created", "{answer}");
    }
    let found = as_json(&node.get(ALL, "/fhir/Observation?_format=xml").await);
    assert_eq!(found["entry"].as_array().unwrap().len(), 2);
    let head = format!(
        "POST /fhir/Patient/_search HTTP/1.1\nAuthorization: Bearer {ALL}\n\
         Content-Type: application/x-www-form-urlencoded"
    );
    let posted = node.send(&head, &format!("identifier={ANNA}&_format=xml")).await;
    assert_eq!(as_json(&posted)["total"], 1);
    let stated = as_json(&node.get(ALL, "/fhir/metadata?_format=xml").await);
    assert!(stated["format"].as_array().unwrap().contains(&"application/fhir+xml".into()));

    let ask = |path: &str, token: &str| {
        format!("GET {path} HTTP/1.1\nAuthorization: Bearer {token}\nAccept: application/fhir+xml")
    };
    for (path, token, status, code) in [
        ("/fhir/Patient/nobody", ALL, 404, "not-found"),
        ("/fhir/Patient/nobody", "wrong", 401, "token-unknown"),
        ("/fhir/Patient/a/b/c/d", ALL, 404, "not-found"),
        ("/fhir/Goat", ALL, 404, "not-found"),
        ("/fhir/Patient?birthdate=x", ALL, 400, "bad-query"),
    ] {
        let reply = node.send(&ask(path, token), "").await;
        as_json(&reply);
        refused(&reply, status, code);
    }
}

#[tokio::test]
async fn xml_that_cannot_be_kept_whole_is_refused_with_its_place() {
    let node = Node::start().await;
    let root = |inner: &str| format!("<Basic xmlns=\"http://hl7.org/fhir\">{inner}</Basic>");
    let entity = "<!DOCTYPE Basic [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let deep = format!("{}{}", "<extension url=\"u\">".repeat(200), "</extension>".repeat(200));
    for (body, status, code, place) in [
        (format!("{entity}{}", root("<code><text value=\"&x;\"/></code>")), 400, "not-xml", None),
        (root("<code><text value=\"&x;\"/></code>"), 400, "not-xml", None),
        (root("<goat value=\"1\"/>"), 400, "not-xml", Some("Basic")),
        (root("<code>text</code>"), 400, "not-xml", Some("Basic.code")),
        (root("<code>"), 400, "not-xml", None),
        (root(&deep), 413, "not-xml", None),
        (String::new(), 400, "not-xml", None),
        ("<Patient xmlns=\"http://hl7.org/fhir\"/>".into(), 400, "bad-resource", None),
        (root(&" ".repeat(5 << 20)), 413, "body-too-large", None),
    ] {
        let reply = xml(&node, "POST", "/fhir/Basic", "", &body).await;
        let issue = refused(&reply, status, code);
        if place.is_some() {
            assert_eq!(issue["expression"][0].as_str(), place, "{issue}");
        }
    }
    let unknown = r#"{"resourceType":"Basic","code":{"text":"x"},"unknownMember":1}"#;
    let made = node.fhir("POST", "/fhir/Basic", "", unknown).await;
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let shown = node.get(ALL, &format!("/fhir/Basic/{id}?_format=xml")).await;
    refused(&shown, 406, "not-acceptable");
    assert!(!shown.headers.contains_key("etag"), "{shown:?}");
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

#[tokio::test]
async fn bodies_may_be_compressed_both_ways() {
    let node = Node::start().await;
    let check = async |coding: &str, body: &[u8], status: u16| {
        let head = format!(
            "POST /fhir/Observation HTTP/1.1\nAuthorization: Bearer {ALL}\n{XML}\n\
             Content-Encoding: {coding}"
        );
        let answer = String::from_utf8(node.exchange(&head, body).await).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{coding}: {answer}");
    };
    check("gzip", &packed(OBSERVATION.as_bytes()), 201).await;
    check("identity", OBSERVATION.as_bytes(), 201).await;
    check("gzip", OBSERVATION.as_bytes(), 400).await;
    check("br", OBSERVATION.as_bytes(), 415).await;
    // 40 kB on the way, 40 MB when it is unpacked.
    check("gzip", &packed(&vec![b' '; 40 << 20]), 413).await;
    check("gzip", &packed(OBSERVATION.as_bytes())[..40], 400).await;

    let head = format!(
        "GET /fhir/metadata?_format=xml HTTP/1.1\nAuthorization: Bearer {ALL}\n\
         Accept-Encoding: gzip"
    );
    let answer = node.exchange(&head, b"").await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    assert!(head.contains("content-encoding: gzip") && head.contains("vary: accept"), "{head}");
    assert!(head.contains(&format!("content-length: {}", answer.len() - end - 4)), "{head}");
    let mut text = String::new();
    GzDecoder::new(&answer[end + 4..]).read_to_string(&mut text).unwrap();
    assert!(text.starts_with("<?xml") && text.ends_with("</CapabilityStatement>"));
    assert!(text.len() > 4 * answer.len(), "{} {}", text.len(), answer.len());
}
