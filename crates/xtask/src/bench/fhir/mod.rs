//! The FHIR API with a million resources in it, over real HTTP.

pub(super) mod client;
mod content;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use client::Client;

use super::Effort;
use super::figures::{Samples, Table, millis, number, rate, say};
use super::node::{self, Folder, Node, Process, sizes, told};

/// How many connections ask at a time, as in the figures of the servers that are compared.
const CONNECTIONS: usize = 16;
/// For how long it is looked whether the node is at rest, at a time and at the most.
const A_WHILE: Duration = Duration::from_secs(1);
const MOST_REST: Duration = Duration::from_mins(2);
/// How many patients a transaction of the import holds: 200 resources.
const PATIENTS_AT_ONCE: u32 = 5;
/// What a Helios server on SQLite does a second on a machine of this kind with 16 connections:
/// reads, searches, creates, transactions of 20 resources.
const COMPARED: [(Ask, f64); 4] =
    [(Ask::Read, 14_200.0), (Ask::Search, 1_136.0), (Ask::Create, 672.0), (Ask::Twenty, 72.0)];

pub(super) fn run(effort: Effort) -> Result<(), String> {
    node::build()?;
    let folder = Folder::new()?;
    let node = Node::start(folder.path(), None)?;
    let patients = effort.pick(1_000_000 / content::OF_A_PATIENT, 20);
    let began = Instant::now();
    let known = Arc::new(on_one_thread(import(node.http, patients))?);
    let resources = u64::from(patients * content::OF_A_PATIENT);
    let speed = rate(resources, began.elapsed());
    say(&format!("import: {resources} resources, {speed:.0} a second\n"));
    disk(folder.path(), resources);
    rest(&node.process)?;
    let time = Duration::from_millis(effort.pick(10_000, 200));
    let mut table = Table::new(&[
        "16 connections",
        "per second",
        "p50 ms",
        "p99 ms",
        "compared",
        "ratio",
        "node µs each",
    ]);
    for (ask, compared) in COMPARED {
        let before = node.process.usage()?;
        let (mut samples, elapsed) = on_one_thread(ask_all(node.http, ask, &known, time))?;
        let spent = node.process.usage()?.since(&before);
        let count = samples.len() as u64;
        let speed = rate(count, elapsed);
        table.row([
            ask.words().to_owned(),
            format!("{speed:.0}"),
            millis(samples.percentile(50)),
            millis(samples.percentile(99)),
            format!("{compared:.0}"),
            format!("{:.1}", speed / compared),
            format!("{:.0}", spent.as_secs_f64() * 1e6 / number(count.max(1))),
        ]);
    }
    table.print();
    let usage = node.process.usage()?;
    let [rss, most] = [usage.rss_kib, usage.peak_kib].map(|kib| number(kib) / 1024.0);
    say(&format!("RSS {rss:.1} MiB, {most:.1} MiB at the most\n"));
    node.process.end().map(drop::<Duration>)
}

/// Waits until the node has done what the import left to be done: the journal is sealed behind it.
fn rest(node: &Process) -> Result<(), String> {
    let began = Instant::now();
    let mut before = node.usage()?;
    while began.elapsed() < MOST_REST {
        std::thread::sleep(A_WHILE);
        let now = node.usage()?;
        if now.since(&before) < A_WHILE / 20 {
            break;
        }
        before = now;
    }
    say(&format!("at rest after {:.1} s\n", began.elapsed().as_secs_f64()));
    Ok(())
}

/// What is on the disk for each resource.
fn disk(folder: &Path, resources: u64) {
    let (journal, record) = sizes(folder);
    let each = |bytes: u64| bytes / resources.max(1);
    say(&format!(
        "on disk: record with its indexes {} bytes a resource, journal {}\n",
        each(record),
        each(journal)
    ));
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// One MedicationRequest by its id.
    Read,
    /// The active orders of a patient: about 10 kB.
    Search,
    /// A new MedicationRequest of 1.6 kB.
    Create,
    /// A transaction of 20 resources.
    Twenty,
}

impl Ask {
    fn words(self) -> &'static str {
        match self {
            Ask::Read => "read",
            Ask::Search => "search MedicationRequest?patient&status",
            Ask::Create => "create",
            Ask::Twenty => "transaction of 20",
        }
    }
}

/// The ids of what was imported, as `Type/id`.
#[derive(Debug, Default)]
struct Known {
    patients: Vec<String>,
    orders: Vec<String>,
}

impl Known {
    /// Takes the ids from the answer to a transaction, in the order of its entries.
    fn take(&mut self, answer: &[u8]) {
        let text = String::from_utf8_lossy(answer);
        for part in text.split(r#""location":""#).skip(1) {
            let id = part.split("/_history").next().unwrap_or_default();
            // A server may say where the whole address is.
            let id = id.rsplit_once("/fhir/").map_or(id, |(_, id)| id);
            if id.starts_with("Patient/") {
                self.patients.push(id.to_owned());
            } else if id.starts_with("MedicationRequest/") {
                self.orders.push(id.to_owned());
            }
        }
    }
}

/// Runs the load on one thread, so that as much as can be is left to the node.
pub(super) fn on_one_thread<T>(load: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(told)?;
    tokio::task::LocalSet::new().block_on(&runtime, load)
}

/// Stores so many patients with all that they have.
async fn import(address: SocketAddr, patients: u32) -> Result<Known, String> {
    let next = Arc::new(AtomicU32::new(0));
    let mut lines = Vec::new();
    for _ in 0..CONNECTIONS {
        lines.push(tokio::task::spawn_local(import_line(address, patients, Arc::clone(&next))));
    }
    let mut known = Known::default();
    for line in lines {
        let line = line.await.map_err(told)??;
        known.patients.extend(line.patients);
        known.orders.extend(line.orders);
    }
    if known.patients.len() == patients as usize {
        return Ok(known);
    }
    Err(format!("{} of {patients} patients were imported", known.patients.len()))
}

async fn import_line(
    address: SocketAddr,
    patients: u32,
    next: Arc<AtomicU32>,
) -> Result<Known, String> {
    let mut client = Client::connect(address).await?;
    let mut known = Known::default();
    loop {
        let first = next.fetch_add(PATIENTS_AT_ONCE, Ordering::Relaxed);
        if first >= patients {
            return Ok(known);
        }
        let count = PATIENTS_AT_ONCE.min(patients - first);
        let answer = client.post("/fhir", content::patients(first, count).as_bytes()).await?;
        if answer.status != 200 {
            return Err(refused("the import", &answer));
        }
        known.take(&answer.body);
    }
}

/// Asks on all connections for a time; answers how long each answer took, and all of them.
async fn ask_all(
    address: SocketAddr,
    ask: Ask,
    known: &Arc<Known>,
    time: Duration,
) -> Result<(Samples, Duration), String> {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(Client::connect(address).await?);
    }
    let began = Instant::now();
    let line = |(at, client)| ask_line(client, ask, at, Arc::clone(known), began + time);
    let lines: Vec<_> = (0u32..).zip(clients).map(line).map(tokio::task::spawn_local).collect();
    let mut samples = Samples::default();
    for line in lines {
        samples.extend(line.await.map_err(told)??);
    }
    Ok((samples, began.elapsed()))
}

async fn ask_line(
    mut client: Client,
    ask: Ask,
    line: u32,
    known: Arc<Known>,
    end: Instant,
) -> Result<Samples, String> {
    let mut samples = Samples::default();
    let mut turn = 0u32;
    while Instant::now() < end {
        turn += 1;
        // Steps of a prime go through all of them in an order that no cache likes.
        let at = (turn as usize * 7_919 + line as usize * 104_729) % known.patients.len();
        let patient = &known.patients[at];
        let order = &known.orders[at * content::ORDERS as usize];
        let number = 1_000_000 + line * 100_000 + turn;
        let (path, body) = match ask {
            Ask::Read => (format!("/fhir/{order}"), None),
            Ask::Search => {
                (format!("/fhir/MedicationRequest?patient={patient}&status=active"), None)
            }
            Ask::Create => (
                "/fhir/MedicationRequest".to_owned(),
                Some(content::order(patient, number, turn % 6)),
            ),
            Ask::Twenty => ("/fhir".to_owned(), Some(content::twenty(patient, number, turn % 12))),
        };
        let began = Instant::now();
        let answer = match &body {
            None => client.get(&path).await?,
            Some(body) => client.post(&path, body.as_bytes()).await?,
        };
        samples.push(began.elapsed());
        if !(200..300).contains(&answer.status) {
            return Err(refused(ask.words(), &answer));
        }
    }
    Ok(samples)
}

pub(super) fn refused(what: &str, answer: &client::Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let start: String = body.chars().take(400).collect();
    format!("{what} was answered {}: {start}", answer.status)
}
