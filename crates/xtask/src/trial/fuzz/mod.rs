//! The fuzz trial: nonsense at every route of FHIR and every one that the node's own description
//! names, for minutes, from several connections. Nothing may be answered with a fault of the node
//! (5xx), end it, keep it from answering, or make its memory grow; whatever FHIR refuses it refuses
//! with an OperationOutcome.

mod asking;
mod memory;
mod nonsense;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::child::{Launch, last_line};
use super::{Options, TrialError, files, release_binary, say};
use crate::bench::usage::Usage;
use asking::{Came, Line, Made, make};
pub use memory::Memory;
use nonsense::Nonsense;

/// The token of the client, which may do everything.
const TOKEN: &str = "fuzz-fuzz-fuzz-fuzz-fuzz-fuzz-fuzz";
/// The most findings that are described.
const DESCRIBED: usize = 20;
/// The largest seed that is taken from the corpus, in bytes.
const MAX_SEED_BYTES: u64 = 64 * 1024;
/// The most seeds.
const MAX_SEEDS: usize = 400;

/// The routes of FHIR, which describe themselves by the CapabilityStatement and not by OpenAPI.
const FHIR: &[(&str, &str)] = &[
    ("GET", "/fhir/metadata"),
    ("POST", "/fhir"),
    ("GET", "/fhir/_history"),
    ("GET", "/fhir/$export"),
    ("POST", "/fhir/$export"),
    ("GET", "/fhir/{type}"),
    ("POST", "/fhir/{type}"),
    ("PUT", "/fhir/{type}"),
    ("PATCH", "/fhir/{type}"),
    ("DELETE", "/fhir/{type}"),
    ("POST", "/fhir/{type}/_search"),
    ("GET", "/fhir/{type}/_history"),
    ("POST", "/fhir/{type}/$validate"),
    ("GET", "/fhir/Observation/$lastn"),
    ("POST", "/fhir/Patient/$match"),
    ("GET", "/fhir/{type}/{id}"),
    ("PUT", "/fhir/{type}/{id}"),
    ("PATCH", "/fhir/{type}/{id}"),
    ("DELETE", "/fhir/{type}/{id}"),
    ("GET", "/fhir/{type}/{id}/_history"),
    ("GET", "/fhir/{type}/{id}/_history/{version}"),
    ("GET", "/fhir/{type}/{id}/$meta"),
    ("GET", "/fhir/{type}/{id}/$everything"),
    ("GET", "/fhir/{type}/{id}/$document"),
];

/// What a trial does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node's program.
    pub binary: PathBuf,
    /// What is sent follows from it, line by line.
    pub seed: u64,
    /// How many connections send.
    pub connections: u64,
    /// For how long.
    pub time: Duration,
}

/// What a trial found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many requests were answered, by status.
    pub answers: BTreeMap<u16, u64>,
    /// What must not be: the request and what came of it.
    pub wrong: Vec<String>,
    /// How many routes there are.
    pub routes: usize,
    /// What became of the node's memory.
    pub memory: Memory,
}

/// `cargo xtask trial fuzz`.
pub(super) fn command(options: &Options) -> Result<(), TrialError> {
    let minutes: u64 = options.get("minutes", 10)?;
    let settings = Settings {
        binary: release_binary(options)?,
        seed: options.get("seed", 1)?,
        connections: options.get("connections", 8)?,
        time: Duration::from_mins(minutes),
    };
    let report = run(&settings)?;
    let total: u64 = report.answers.values().sum();
    say(&format!("{total} requests at {} routes, seed {}", report.routes, settings.seed));
    for (status, count) in &report.answers {
        say(&format!("  {status}  {count}"));
    }
    report.memory.words().iter().for_each(|line| say(line));
    report.wrong.iter().take(DESCRIBED).for_each(|line| say(&format!("  {line}")));
    if report.wrong.is_empty() {
        return Ok(());
    }
    Err(TrialError::Found(format!("{} things went wrong", report.wrong.len())))
}

/// Sends nonsense to a node of its own.
pub fn run(settings: &Settings) -> Result<Report, TrialError> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = scratch.path().join("data");
    let config = scratch.path().join("interlock.toml");
    std::fs::write(scratch.path().join("token"), TOKEN).map_err(|error| error.to_string())?;
    std::fs::write(&config, configuration(&data)).map_err(|error| error.to_string())?;
    let log = scratch.path().join("node.log");
    let launch =
        Launch { binary: settings.binary.clone(), config, arguments: Vec::new(), log: log.clone() };
    let mut node = launch.start()?;
    let address = node.http.ok_or("the node does not say where its API is".to_owned())?;
    let routes = routes(address)?;
    let mut report = Report { routes: routes.len(), ..Report::default() };
    let began = Instant::now();
    thread::scope(|scope| {
        let routes = &routes;
        let lines: Vec<_> = (0..settings.connections)
            .map(|n| scope.spawn(move || line(settings, n, address, routes, began)))
            .collect();
        while began.elapsed() < settings.time {
            if let Ok(usage) = Usage::of(node.id()) {
                report.memory.take(began.elapsed(), &usage);
            }
            thread::sleep(memory::EVERY);
        }
        for line in lines {
            let part = line.join().unwrap_or_default();
            for (status, count) in part.answers {
                *report.answers.entry(status).or_default() += count;
            }
            report.wrong.extend(part.wrong);
        }
    });
    if node.has_ended() {
        report.wrong.push(format!("the node ended: {}", last_line(&log)));
        return Ok(report);
    }
    if report.memory.anonymous().is_some_and(|trend| trend.growth_kib > memory::GROWTH_KIB) {
        report.wrong.push("its anonymous memory grew".to_owned());
    }
    node.end().map_err(TrialError::Found)?;
    let said = std::fs::read_to_string(&log).map_err(|error| error.to_string())?;
    let panics = said.lines().filter(|line| line.contains("panicked"));
    report.wrong.extend(panics.map(str::to_owned));
    files::verify_chain(&data).map_err(TrialError::Found)?;
    files::rebuild_is_the_same(&settings.binary, &data, scratch.path())
        .map_err(TrialError::Found)?;
    Ok(report)
}

/// What one connection sends until the time is over.
fn line(
    settings: &Settings,
    n: u64,
    address: SocketAddr,
    routes: &[(String, String)],
    began: Instant,
) -> Report {
    let mut nonsense = Nonsense::new(settings.seed.wrapping_mul(1_000).wrapping_add(n), seeds());
    let mut line = Line::new(address);
    let mut report = Report::default();
    while began.elapsed() < settings.time {
        let made = make(&mut nonsense, routes, TOKEN);
        match line.ask(&made) {
            Ok(came) => {
                *report.answers.entry(came.status).or_default() += 1;
                if let Some(why) = judge(&made, &came) {
                    report.wrong.push(describe(&made, &why));
                }
            }
            Err(why) => {
                report.wrong.push(describe(&made, &why));
                if report.wrong.len() > DESCRIBED {
                    break;
                }
            }
        }
    }
    report
}

/// What is wrong with an answer.
fn judge(made: &Made, came: &Came) -> Option<String> {
    let body = || String::from_utf8_lossy(&came.body).chars().take(300).collect::<String>();
    if came.status >= 500 && came.status != 501 {
        return Some(format!("{}: {}", came.status, body()));
    }
    let refused = (400..500).contains(&came.status);
    if made.is_fhir && refused && !came.body.is_empty() {
        let text = String::from_utf8_lossy(&came.body);
        if !text.contains("OperationOutcome") {
            return Some(format!("{} without an OperationOutcome: {}", came.status, body()));
        }
    }
    None
}

fn describe(made: &Made, why: &str) -> String {
    let what: String = made.what.chars().take(200).collect();
    let mut out = format!("{what}: {why}");
    if let Some(at) = memchr::memmem::find(&made.bytes, b"\r\n\r\n") {
        let body: String =
            String::from_utf8_lossy(&made.bytes[at + 4..]).chars().take(400).collect();
        // Writing to a string never fails.
        let _ = write!(out, " | {}", body.escape_debug());
    }
    out
}

/// Every route that the node's description of itself names, and those of FHIR, as
/// `(method, path)`.
fn routes(address: SocketAddr) -> Result<Vec<(String, String)>, TrialError> {
    let bytes = b"GET /openapi.json HTTP/1.1\r\nHost: node\r\nContent-Length: 0\r\n\r\n";
    let made = Made::plain("GET /openapi.json", bytes.to_vec());
    let came = Line::new(address).ask(&made)?;
    let read: Value = serde_json::from_slice(&came.body).map_err(|error| error.to_string())?;
    let mut routes = Vec::new();
    for (path, methods) in read["paths"].as_object().into_iter().flatten() {
        for method in methods.as_object().into_iter().flatten().map(|(name, _)| name) {
            routes.push((method.to_ascii_uppercase(), path.clone()));
        }
    }
    if routes.is_empty() {
        return Err(TrialError::Broken("the node describes no routes".to_owned()));
    }
    let owned = |(method, path): &(&str, &str)| ((*method).to_owned(), (*path).to_owned());
    routes.extend(FHIR.iter().map(owned));
    Ok(routes)
}

/// What nonsense is made from: a few resources of our own, and those of the corpus where it is.
fn seeds() -> Vec<Value> {
    let mut seeds = vec![
        json!({ "resourceType": "Patient", "active": true, "birthDate": "1950-02-03",
                "identifier": [{ "system": "https://rxx.nhs.uk/Id/patient", "value": "F1" }],
                "name": [{ "family": "Example", "given": ["Test"] }] }),
        json!({ "resourceType": "Observation", "status": "final",
                "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
                "subject": { "reference": "Patient/rxx.2.f1" },
                "valueQuantity": { "value": 70.50, "unit": "/min" } }),
        json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
                "subject": { "reference": "Patient/rxx.2.f1" },
                "medicationCodeableConcept": { "text": "Paracetamol 500 mg tablets" } }),
        json!({ "cabinet": "ADC/C1", "item": "PARA500", "quantity": "1", "user": "N1",
                "patient": { "system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018" }
        }),
    ];
    let root = std::env::var_os("INTERLOCK_CORPUS")
        .map_or_else(|| crate::workspace_root().join("../shared/data"), PathBuf::from);
    collect(&root.join("fhir/r4-official"), &mut seeds);
    seeds
}

fn collect(folder: &Path, seeds: &mut Vec<Value>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if seeds.len() >= MAX_SEEDS {
            return;
        }
        if path.is_dir() {
            collect(&path, seeds);
        } else if path.extension().is_some_and(|extension| extension == "json")
            && path.metadata().is_ok_and(|about| about.len() <= MAX_SEED_BYTES)
            && let Ok(text) = std::fs::read_to_string(&path)
            && let Ok(value @ Value::Object(_)) = serde_json::from_str(&text)
        {
            seeds.push(value);
        }
    }
}

fn configuration(data: &Path) -> String {
    format!(
        "[node]\ndata = \"{}\"\nhttp = \"127.0.0.1:0\"\n\n[site]\ncode = \"RXX\"\n\n\
         [[client]]\nname = \"fuzz\"\nroles = [\"cabinet\", \"bedside\", \"cases\", \"messages\", \
         \"fhir-read\", \"fhir-write\", \"metrics\", \"admin\"]\ntoken = {{ file = \"token\" }}\n",
        data.display()
    )
}
