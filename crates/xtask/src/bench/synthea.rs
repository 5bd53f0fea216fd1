//! What a FHIR resource takes on the disk, with its index and in the journal: the Synthea bundles
//! of the corpus as transactions into a real node.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use journal::{Journal, Options, Sealing, folder_of};
use record::Reader;
use serde_json::{Value, json};

use super::Effort;
use super::fhir::client::Client;
use super::fhir::{on_one_thread, refused};
use super::figures::{Table, number, say};
use super::hospital::SITE;
use super::node::{self, Folder, Node, told};
use super::usage;

/// The most bytes that a resource may take with its index.
const TARGET: f64 = 1_200.0;
/// Parts of the record below so many bytes a resource are told together.
const SMALL: f64 = 1.0;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let Some(bundles) = bundles(effort.pick(usize::MAX, 2)) else {
        say("skipped: no corpus");
        return Ok(());
    };
    node::build()?;
    let folder = Folder::new()?;
    let node = Node::start(folder.path(), None)?;
    let counts = on_one_thread(load(node.http, &bundles))?;
    node.process.end()?;
    let resources = number(counts.values().sum::<u64>());
    say(&format!("{} bundles, {resources} resources of {} types", bundles.len(), counts.len()));

    let path = folder.path().join("journal.sqlite3");
    let before = number(usage::bytes(folder.path(), "journal.sqlite3"));
    let mut journal = Journal::open(&path, SITE, Options::default()).map_err(told)?;
    // As the node seals it once it is old enough.
    let entries = journal.position().seq;
    let sealing = Sealing { segment_entries: entries, keep_entries: 0, key: None };
    journal.seal(&sealing).map_err(told)?;
    drop(journal);
    let segments = files(&folder_of(&path)).iter().map(|file| length(file)).sum::<u64>();
    let record = folder.path().join("record.sqlite3");
    let mut table = Table::new(&["part", "bytes a resource", "of which unused"]);
    let mut row = |name: &str, bytes: f64, unused: f64| {
        let each = |bytes: f64| format!("{:.1}", bytes / resources);
        table.row([name.to_owned(), each(bytes), each(unused)]);
    };
    let (mut small, mut all) = (0.0, 0.0);
    for part in Reader::open(&record, &path).and_then(|reader| reader.parts()).map_err(told)? {
        let (bytes, unused) = (number(part.bytes), number(part.unused));
        all += bytes;
        if bytes / resources < SMALL {
            small += bytes;
        } else {
            row(&format!("record: {}", part.name), bytes, unused);
        }
    }
    row("record: the rest", small, 0.0);
    row("record", all, 0.0);
    row("journal, sealed", number(segments), 0.0);
    all += number(segments);
    row("all", all, 0.0);
    table.print();
    say(&format!(
        "the journal's main file before sealing: {:.1} bytes a resource; its space is used again",
        before / resources
    ));
    if all / resources > TARGET {
        return Err(format!("more than {TARGET} bytes a resource"));
    }
    Ok(())
}

/// The bundles of the corpus, staff and organisations first, since the others refer to them by
/// their numbers; `None` where there is no corpus.
fn bundles(most: usize) -> Option<Vec<PathBuf>> {
    let root = std::env::var_os("INTERLOCK_CORPUS")
        .map_or_else(|| crate::workspace_root().join("../shared/data"), PathBuf::from);
    let folder = root.join("synthea");
    let mut all = Vec::new();
    for part in ["bundles-google-hiv", "bundles-pathling"] {
        all.extend(files(&folder.join(part)));
    }
    let is_staff = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("hospital") || name.starts_with("practitioner")
    };
    all.sort_by_key(|path| (!is_staff(path), path.clone()));
    all.truncate(most);
    (!all.is_empty()).then_some(all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |about| about.len())
}

/// Sends each bundle as a transaction; how many resources of each type were created.
async fn load(
    address: std::net::SocketAddr,
    bundles: &[PathBuf],
) -> Result<BTreeMap<String, u64>, String> {
    let mut client = Client::connect(address).await?;
    let mut counts = BTreeMap::new();
    for path in bundles {
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(told)?;
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).map_err(told)?;
        let mut bundle: Value = serde_json::from_str(&text).map_err(told)?;
        as_transaction(&mut bundle);
        let first = first(&bundle);
        let sent = [(first["entry"] != json!([])).then_some(first), Some(bundle)];
        for bundle in sent.into_iter().flatten() {
            let answer = client.post("/fhir", bundle.to_string().as_bytes()).await?;
            if answer.status != 200 {
                return Err(refused(&path.display().to_string(), &answer));
            }
            let reply: Value = serde_json::from_slice(&answer.body).map_err(told)?;
            let answers = reply["entry"].as_array().into_iter().flatten();
            for (entry, answer) in bundle["entry"].as_array().into_iter().flatten().zip(answers) {
                if answer["response"]["status"] == "201 Created" {
                    let kind = entry["resource"]["resourceType"].as_str().unwrap_or_default();
                    *counts.entry(kind.to_owned()).or_default() += 1;
                }
            }
        }
    }
    Ok(counts)
}

/// What only collects resources creates them; organisations and staff, who stand in the files of
/// many patients, where their number is not there yet.
fn as_transaction(bundle: &mut Value) {
    bundle["type"] = "transaction".into();
    for entry in bundle["entry"].as_array_mut().into_iter().flatten() {
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

/// Creates what a bundle refers to by its number, unless it is there.
fn first(bundle: &Value) -> Value {
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
    let entry = |(kind, search): &(String, String)| {
        let (system, value) = search.split_once('|').unwrap_or(("", search));
        let identifier = json!([{ "system": system, "value": value }]);
        json!({
            "resource": { "resourceType": kind, "identifier": identifier },
            "request": {
                "method": "POST", "url": kind, "ifNoneExist": format!("identifier={search}")
            }
        })
    };
    let entries: Vec<Value> = found.iter().map(entry).collect();
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}
