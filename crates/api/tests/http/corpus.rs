//! Published resources: each that may be written comes back as it was sent.
//!
//! The folder is `$INTERLOCK_CORPUS`, else `../shared/data` beside the workspace; without it the
//! tests say so and pass. `$INTERLOCK_R4_EXAMPLES` may name a folder with all official examples.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use fhir::json::{Json, Raw, canonical};
use serde_json::{Value, json};

use crate::harness::{ALL, Node};

fn corpus(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from).join(part);
    if !folder.is_dir() {
        say("skipped: no corpus");
        return None;
    }
    Some(folder)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == extension)).collect();
    found.sort();
    found
}

/// The most bytes of one resource.
const MAX_BYTES: usize = 4 << 20;

/// The resource without what the server writes itself.
fn comparable(json: &str) -> String {
    let mut raw = Raw::parse(json).unwrap();
    raw.remove("id");
    let mut meta = raw.meta().unwrap();
    meta.remove("versionId");
    meta.remove("lastUpdated");
    raw.remove("meta");
    if meta.members().next().is_some() {
        raw.set("meta", Json::parse(meta.write()).unwrap());
    }
    canonical(&raw.write()).unwrap()
}

#[expect(clippy::print_stdout, reason = "a test says what it skips and counts")]
fn say(text: &str) {
    println!("{text}");
}

#[tokio::test]
async fn official_examples_come_back_as_they_were_sent() {
    let Some(folder) = corpus("fhir/r4-official/instances") else { return };
    let folder = std::env::var_os("INTERLOCK_R4_EXAMPLES").map_or(folder, PathBuf::from);
    let node = Node::start_with(|server| server, None).await;
    let (mut kept, mut refused) = (BTreeMap::<String, u32>::new(), Vec::new());
    for path in files(&folder, "json") {
        let text = std::fs::read_to_string(&path).unwrap();
        if text.len() > MAX_BYTES {
            refused.push(format!("{}: 413 too large", path.file_name().unwrap().display()));
            continue;
        }
        let Ok(Value::Object(resource)) = serde_json::from_str(&text) else { continue };
        let Some(kind) = resource.get("resourceType").and_then(Value::as_str) else { continue };
        let reply = node.fhir("POST", &format!("/fhir/{kind}"), "", &text).await;
        if reply.status != 201 {
            let issue = &reply.json()["issue"][0];
            let why = format!("{} {} {}", reply.status, issue["diagnostics"], issue["expression"]);
            refused.push(format!("{}: {why}", path.file_name().unwrap().display()));
            continue;
        }
        let id = reply.json()["id"].as_str().unwrap().to_owned();
        let read = node.get(ALL, &format!("/fhir/{kind}/{id}")).await;
        assert_eq!(comparable(&read.body), comparable(&text), "{}", path.display());
        *kept.entry(kind.to_owned()).or_default() += 1;
    }
    let total: u32 = kept.values().sum();
    say(&format!("{total} kept of {} types: {kept:?}", kept.len()));
    say(&format!("{} refused:\n{}", refused.len(), refused.join("\n")));
    assert!(total > 300, "the corpus is smaller than it was");
    // A number that is another patient's, a merge, or Parameters, which are never stored.
    let known = ["409 ", "413 ", "422 ", "404 "];
    let unexpected: Vec<&String> = refused
        .iter()
        .filter(|why| !known.iter().any(|known| why.contains(&format!(": {known}"))))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[tokio::test]
async fn synthetic_patients_are_loaded_as_transactions() {
    let Some(folder) = corpus("synthea") else { return };
    let node = Node::start_with(|server| server, None).await;
    let mut expected = BTreeMap::<String, u64>::new();
    let mut all = Vec::new();
    for part in ["bundles-pathling", "bundles-google-hiv"] {
        all.extend(files(&folder.join(part), "gz"));
    }
    // Organisations and staff come first: others refer to them by their numbers.
    all.sort_by_key(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (!name.starts_with("hospital"), !name.starts_with("practitioner"), name)
    });
    let (mut bundles, mut entries) = (0, 0);
    for path in &all {
        let mut text = String::new();
        let file = std::fs::File::open(path).unwrap();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let bundle: Value = serde_json::from_str(&text).unwrap();
        if bundle["type"] == "collection" {
            continue;
        }
        for number in searched(&bundle) {
            *expected.entry(number.0.clone()).or_default() += begin(&node, &number).await;
        }
        let reply = node.fhir("POST", "/fhir", "", &text).await;
        let cut = &reply.body[..reply.body.floor_char_boundary(600)];
        assert_eq!(reply.status, 200, "{}: {cut}", path.display());
        for (entry, answer) in bundle["entry"]
            .as_array()
            .unwrap()
            .iter()
            .zip(reply.json()["entry"].as_array().unwrap())
        {
            let kind = entry["resource"]["resourceType"].as_str().unwrap();
            // What is there already by its number is not created again.
            let created = answer["response"]["status"] == "201 Created";
            *expected.entry(kind.to_owned()).or_default() += u64::from(created);
            entries += 1;
        }
        bundles += 1;
    }
    say(&format!("{bundles} bundles, {entries} entries: {expected:?}"));
    for (kind, expected) in expected {
        let found = node.get(ALL, &format!("/fhir/{kind}?_summary=count")).await;
        let total = found.json()["total"].as_u64();
        // A search for a number over a large type is refused; its pages are counted then.
        let total = match total {
            Some(total) => total,
            None => count(&node, &kind),
        };
        assert_eq!(total, expected, "{kind}");
    }
}

/// The types and numbers by which a bundle refers to what is not in it.
fn searched(bundle: &Value) -> BTreeSet<(String, String)> {
    fn visit(value: &Value, found: &mut BTreeSet<(String, String)>) {
        match value {
            Value::Object(members) => {
                let reference = members.get("reference").and_then(Value::as_str);
                if let Some((kind, search)) = reference.and_then(|it| it.split_once("?identifier="))
                {
                    found.insert((kind.to_owned(), search.to_owned()));
                }
                members.values().for_each(|value| visit(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| visit(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    visit(bundle, &mut found);
    found
}

/// Creates what has the number, unless it is there: some sets come without their organisations.
async fn begin(node: &Node, (kind, number): &(String, String)) -> u64 {
    let (system, value) = number.split_once('|').unwrap();
    let identifier = json!([{ "system": system, "value": value }]);
    let body = json!({ "resourceType": kind, "identifier": identifier }).to_string();
    let unless = format!("If-None-Exist: identifier={number}");
    let reply = node.fhir("POST", &format!("/fhir/{kind}"), &unless, &body).await;
    u64::from(reply.status == 201)
}

fn count(node: &Node, kind: &str) -> u64 {
    let readers = node.engine.readers();
    readers.get().unwrap().count(kind.parse().unwrap()).unwrap()
}
