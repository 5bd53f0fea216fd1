//! How long the record takes for an entry, and how much memory.
//!
//! `cargo run --release -p record --example apply_speed -- [entries] [batch] [directory]`
//!
//! An entry is what one prescription message makes: a resource of 1.6 KB (three of ten are a new
//! version), two identifiers, one or two deliveries, two rows of the live state, a message. The
//! processor time is that of this thread alone; the clock also counts the disk.

use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{env, fs};

use fhir::{Id, StoredResource};
use jiff::Timestamp;
use journal::{Hash, Position};
use medicines::deliveries::{Delivery, Notice, VersionOf};
use medicines::orders::Control;
use medicines::{Fact, Row, RowKind};
use record::{Applied, Head, Reader, Record};

type Failure = Box<dyn std::error::Error>;

const PATIENTS: u64 = 3_000;
/// One entry in three, and one more in ten, changes an order that was made this many entries ago.
const CHANGED_AFTER: u64 = 700;

struct Sample {
    seq: u64,
    at: Timestamp,
    key: String,
    control_id: String,
    patient: Id,
    facts: Vec<Fact>,
    rows: Vec<Row>,
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn main() -> Result<(), Failure> {
    let mut arguments = env::args().skip(1);
    let entries: u64 = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let batch: u64 = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let directory = match arguments.next() {
        Some(path) => PathBuf::from(path),
        None => env::temp_dir().join(format!("apply-speed-{}", std::process::id())),
    };
    fs::create_dir_all(&directory)?;
    let path = directory.join("record.db");
    let mut record = Record::open(&path, "RXX")?;
    let mut seq = record.position()?.seq + 1;
    let last = seq + entries;
    let (mut wall, mut cpu, mut batches) = (Duration::ZERO, 0, Vec::new());
    while seq < last {
        let samples: Vec<Sample> =
            (seq..(seq + batch).min(last)).map(sample).collect::<Result<_, _>>()?;
        seq += u64::try_from(samples.len())?;
        let rows: Vec<Row> = samples.iter().flat_map(|sample| sample.rows.clone()).collect();
        let applied: Vec<Applied<'_>> = samples.iter().map(applied).collect();
        let tip = Position { seq: seq - 1, hash: Hash([7; 32]) };
        let (began, before) = (Instant::now(), thread_nanoseconds()?);
        record.apply(&applied, &rows, tip)?;
        cpu += thread_nanoseconds()? - before;
        wall += began.elapsed();
        batches.push(began.elapsed());
    }
    let each = |nanoseconds: u128| nanoseconds / u128::from(entries.max(1));
    println!("entries {entries}, batch {batch}");
    println!("processor  {:>7} ns an entry", each(u128::from(cpu)));
    println!("clock      {:>7} ns an entry", each(wall.as_nanos()));
    batches.sort_unstable();
    for part in [50, 90, 99, 100] {
        let at = (batches.len() * part / 100).max(1) - 1;
        println!("batches, {part:>3} of 100 within {:?}", batches[at]);
    }
    println!("memory     {}", resident()?);
    for name in ["record.db", "record.db-wal"] {
        let bytes = fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len());
        println!("{name:<14} {:>6} bytes an entry", u128::from(bytes) / u128::from(last));
    }
    read_some(&Reader::open(&path, &path)?, last)?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn read_some(reader: &Reader, last: u64) -> Result<(), Failure> {
    use fhir::ResourceType::MedicationRequest;
    let pairs = |n: u64| {
        [("patient", patient(n).to_string()), ("status", "active".into())]
            .map(|(name, value)| (name.to_owned(), value))
    };
    let (began, mut found) = (Instant::now(), 0);
    for n in 0..1_000 {
        let request =
            fhir_search::SearchRequest::parse(MedicationRequest, &pairs(n * 7 % PATIENTS))?;
        found += reader.search(&request)?.resources.len();
    }
    println!("search by patient and status {:?}, {} found", began.elapsed() / 1_000, found / 1_000);
    let began = Instant::now();
    for n in 0..1_000 {
        let seq = n * (last / 1_000).max(1) + 1;
        reader.find_key("epma", &key(seq))?;
    }
    println!("find_key {:?}", began.elapsed() / 1_000);
    let began = Instant::now();
    let heads = reader.deliveries("adc-1", 100, |_| true)?.len();
    println!("{heads} deliveries to send {:?}", began.elapsed());
    Ok(())
}

fn applied(sample: &Sample) -> Applied<'_> {
    Applied {
        seq: sample.seq,
        at: sample.at,
        head: Head {
            channel: "epma",
            key: &sample.key,
            message_type: "RDE^O11",
            control_id: &sample.control_id,
            outcome: "done",
            patient: Some(&sample.patient),
        },
        facts: &sample.facts,
    }
}

fn key(seq: u64) -> String {
    format!("EPMA|TRUST|A{seq:09}")
}

fn patient(n: u64) -> Id {
    Id::new(&format!("rxx.{}.1", 1_000 + n)).expect("letters, digits and dots")
}

/// Spreads the entries over the patients without a generator of random numbers.
fn scattered(seq: u64) -> u64 {
    (seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % PATIENTS
}

fn sample(seq: u64) -> Result<Sample, Failure> {
    let changes = seq % 10 < 3 && seq > 2 * CHANGED_AFTER && (seq - CHANGED_AFTER) % 10 >= 3;
    let (made, version) = if changes { (seq - CHANGED_AFTER, 2) } else { (seq, 1) };
    let patient = patient(scattered(made));
    let at = Timestamp::from_millisecond(1_795_000_000_000 + i64::try_from(seq / 8)?)?;
    let id = Id::new(&format!("rxx.{made}.1"))?;
    let status = if changes { "stopped" } else { "active" };
    let resource = StoredResource::new(&order(made, &patient, status), id.clone(), version, at)?;
    let order = VersionOf { resource_type: resource.resource_type, id: id.clone(), version };
    let about =
        VersionOf { resource_type: fhir::ResourceType::Patient, id: patient.clone(), version: 1 };
    let mut facts = vec![Fact::Stored(resource)];
    for n in 0..=seq % 2 {
        facts.push(Fact::Queued(Delivery {
            id: Id::new(&format!("rxx.{seq}.{}", n + 2))?,
            channel: format!("adc-{}", scattered(made) % 40 + n).into(),
            key: patient.clone(),
            notice: Notice::Order {
                control: Control::New,
                order: order.clone(),
                patient: about.clone(),
                encounter: None,
            },
            profile: false,
            at,
        }));
    }
    let row = |kind, key: String, bytes: usize| {
        let body = format!(r#"{{"x":"{}"}}"#, "y".repeat(bytes)).into_bytes();
        Row { kind, key, live: true, body: body.into() }
    };
    let rows = vec![
        row(RowKind::Order, id.to_string(), 600),
        row(RowKind::Patient, patient.to_string(), 500),
    ];
    Ok(Sample { seq, at, key: key(seq), control_id: format!("A{seq:09}"), patient, facts, rows })
}

/// A prescription of 1.6 KB.
fn order(made: u64, patient: &Id, status: &str) -> String {
    let note = "Synthetic words that stand for the rest of a prescription. ".repeat(13);
    format!(
        r#"{{"resourceType":"MedicationRequest","identifier":[{{"system":"https://trust.example/order","value":"{made}"}},{{"system":"https://trust.example/filler","value":"F{made}"}}],"status":"{status}","intent":"order","medicationCodeableConcept":{{"coding":[{{"system":"https://dmd.nhs.uk","code":"{}","display":"Morphine 10mg/1ml solution for injection ampoules"}}]}},"subject":{{"reference":"Patient/{patient}"}},"authoredOn":"2026-11-20T10:15:00+00:00","dosageInstruction":[{{"text":"10 mg every 4 hours","doseAndRate":[{{"doseQuantity":{{"value":10.0,"unit":"mg"}}}}]}}],"note":[{{"text":"{note}"}}]}}"#,
        36_000_000 + made % 500
    )
}

fn thread_nanoseconds() -> Result<u64, Failure> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

fn resident() -> Result<String, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let lines =
        status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    Ok(lines.collect::<Vec<_>>().join(" "))
}
