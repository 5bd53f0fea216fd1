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

pub(crate) fn corpus(part: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("INTERLOCK_CORPUS").map_or(beside, PathBuf::from).join(part);
    if !folder.is_dir() {
        say("skipped: no corpus");
        return None;
    }
    Some(folder)
}

pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
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
pub(crate) fn say(text: &str) {
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
        let read = node.get(ALL, &format!("/fhir/{kind}/{id}?_format=json")).await;
        assert_eq!(comparable(&read.body), comparable(&text), "{}", path.display());
        *kept.entry(kind.to_owned()).or_default() += 1;
    }
    let total: u32 = kept.values().sum();
    say(&format!("{total} kept of {} types: {kept:?}", kept.len()));
    say(&format!("{} refused:\n{}", refused.len(), refused.join("\n")));
    assert!(total > 300, "the corpus is smaller than it was");
    // A number that is another patient's, a merge, or what nobody stores: Parameters, AuditEvents.
    let known = ["409 ", "413 ", "422 ", "404 ", "405 "];
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
        let text = text_of(path);
        let mut bundle: Value = serde_json::from_str(&text).unwrap();
        as_transaction(&mut bundle);
        for number in searched(&bundle) {
            *expected.entry(number.0.clone()).or_default() += begin(&node, &number).await;
        }
        let reply = node.fhir("POST", "/fhir", "", &bundle.to_string()).await;
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
    let each = bytes_of_each(&node);
    assert!(each <= MAX_BYTES_EACH, "{each:.0} bytes a resource");
}

/// The most bytes of a resource on the disk, with its index and in the sealed journal.
const MAX_BYTES_EACH: f64 = 1_200.0;

/// How many bytes a resource takes on the disk; says where they are.
fn bytes_of_each(node: &Node) -> f64 {
    let readers = node.engine.readers();
    let reader = readers.get().unwrap();
    let resources = fhir::ResourceType::ALL.iter().map(|kind| reader.count(*kind).unwrap());
    let resources = number(resources.sum());
    let mut parts: Vec<(String, f64, f64)> = reader
        .parts()
        .unwrap()
        .into_iter()
        .map(|part| (format!("record: {}", part.name), number(part.bytes), number(part.unused)))
        .collect();
    parts.push(("journal, sealed".to_owned(), number(sealed_bytes(node)), 0.0));
    for (name, bytes, unused) in &parts {
        let [bytes, unused] = [bytes, unused].map(|bytes| bytes / resources);
        if bytes >= 1.0 {
            say(&format!("{name:<30} {bytes:7.1} bytes a resource, {unused:.1} of them unused"));
        }
    }
    let all = parts.iter().map(|(_, bytes, _)| bytes).sum::<f64>() / resources;
    say(&format!("{all:.1} bytes a resource of {resources}"));
    all
}

/// The bytes of the segments of a journal with the same entries.
fn sealed_bytes(node: &Node) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let options = journal::Options { durability: journal::Durability::Off, ..Default::default() };
    let mut copy = journal::Journal::open(&path, "RXX", options).unwrap();
    let entries = node.engine.journal().unwrap();
    let mut next = 1;
    while let Some(entry) = entries.get(next).unwrap() {
        let journal::Entry { at, head, raw, .. } = entry;
        copy.append(&[journal::Draft { at, head, raw }]).unwrap();
        next += 1;
    }
    let (segment_entries, keep_entries) = (copy.position().seq, 0);
    copy.seal(&journal::Sealing { segment_entries, keep_entries, key: None }).unwrap();
    let files = std::fs::read_dir(journal::folder_of(&path)).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// What only collects resources is sent as a transaction that creates them; organisations and
/// staff, who stand in the files of many patients, where their number is not there yet.
pub(crate) fn as_transaction(bundle: &mut Value) {
    bundle["type"] = "transaction".into();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        if entry.get("request").is_some() {
            continue;
        }
        let kind = entry["resource"]["resourceType"].clone();
        entry["request"] = json!({ "method": "POST", "url": kind });
        let number = &entry["resource"]["identifier"][0];
        if (kind == "Organization" || kind == "Practitioner")
            && let (Some(system), Some(value)) =
                (number["system"].as_str(), number["value"].as_str())
        {
            entry["request"]["ifNoneExist"] = format!("identifier={system}|{value}").into();
        }
    }
}

/// The text of a compressed file.
pub(crate) fn text_of(path: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}

/// The types and numbers by which a bundle refers to what is not in it.
pub(crate) fn searched(bundle: &Value) -> BTreeSet<(String, String)> {
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
pub(crate) async fn begin(node: &Node, (kind, number): &(String, String)) -> u64 {
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
