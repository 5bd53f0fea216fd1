//! The message index at size: how fast it is filled, what it costs on the disk, how fast a search
//! in it is.
//!
//! Messages go straight into the record's message table and the index, as fast as these take
//! them: no journal is written, which others measure. Names, numbers and types are spread as in a
//! hospital's traffic, and made from a seed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use journal::{Entry, Hash, Journal, Position};
use record::{Applied, MessageIndex, MessageIndexer, MessageSearch, Reader, Record};

use super::{Options, TrialError, say};

/// How many messages are taken in at a time.
const BATCH: u64 = 256;
/// How many patients the messages are about.
const PATIENTS: u64 = 200_000;
/// How often each kind of search is asked.
const ASKED: u64 = 300;
/// The target for the slowest search in a hundred.
const TARGET: Duration = Duration::from_millis(300);

/// One kind of search: its name, and the search number `n` of `of` messages.
type Kind = (&'static str, fn(u64, u64) -> MessageSearch);

const KINDS: [Kind; 9] = [
    ("patient's number", |n, of| MessageSearch {
        patient: nhs(message(pick(n, of)).patient),
        ..none()
    }),
    ("placer's number", |n, of| MessageSearch { placer: message(pick(n, of)).order, ..none() }),
    ("control id", |n, of| MessageSearch { control_id: format!("A{}", pick(n, of)), ..none() }),
    ("control id that is not there", |n, _| MessageSearch {
        control_id: format!("Z{n}"),
        ..none()
    }),
    ("family and given name", |n, of| {
        let patient = message(pick(n, of)).patient;
        MessageSearch { words: format!("{} {}", family(patient), given(patient)), ..none() }
    }),
    ("medicine and ward, in words", |n, _| MessageSearch {
        words: format!("{} ward{:02}", MEDICINES[usize_of(n, 16)].1, n % 40),
        ..none()
    }),
    ("two words that never meet", |_, _| MessageSearch {
        words: "discharged omeprazole".into(),
        ..none()
    }),
    ("parked, of one type", |n, _| MessageSearch {
        outcome: "parked".into(),
        message_type: TYPES[usize_of(n, 8)].into(),
        ..none()
    }),
    ("type and channel within an hour", |n, of| MessageSearch {
        message_type: "RDE".into(),
        channel: "epma".into(),
        from: Some(at(pick(n, of))),
        to: Some(at(pick(n, of)) + SignedDuration::from_hours(1)),
        ..none()
    }),
];

const TYPES: [&str; 8] =
    ["RDE^O11", "RDE^O11", "RDE^O11", "ADT^A01", "ADT^A02", "ADT^A08", "RAS^O17", "ORU^R01"];
const MEDICINES: [(&str, &str); 16] = [
    ("322236009", "paracetamol"),
    ("329652003", "ibuprofen"),
    ("317892009", "omeprazole"),
    ("320029006", "salbutamol"),
    ("318420003", "atenolol"),
    ("319740004", "ramipril"),
    ("323509004", "amoxicillin"),
    ("324332007", "gentamicin"),
    ("317249006", "ranitidine"),
    ("320141001", "prednisolone"),
    ("322280009", "codeine"),
    ("321183006", "diazepam"),
    ("319773006", "simvastatin"),
    ("324252006", "metronidazole"),
    ("326874009", "furosemide"),
    ("375111006", "morphine"),
];

/// The trial on the command line.
pub fn command(options: &Options) -> Result<(), TrialError> {
    let messages: u64 = options.get("messages", 2_000_000)?;
    let folder = tempfile::Builder::new().prefix("interlock-index-").tempdir();
    let folder = folder.map_err(|error| error.to_string())?;
    let slowest = run(folder.path(), messages).map_err(|error| error.to_string())?;
    if slowest > TARGET {
        return Err(TrialError::Found(format!("the slowest search in a hundred took {slowest:?}")));
    }
    Ok(())
}

type Failure = Box<dyn std::error::Error>;

/// Fills an index, searches it, and tells the figures; answers the slowest p99.
pub fn run(folder: &Path, messages: u64) -> Result<Duration, Failure> {
    let (record_path, journal_path) = (folder.join("record"), folder.join("journal"));
    let index_path = folder.join("messages");
    let journal = Journal::open(&journal_path, "RXX", journal::Options::default())?;
    let mut indexer = MessageIndexer::open(&index_path, &journal.reader()?)?;
    let raw_bytes = fill(&record_path, &mut indexer, messages)?;
    let tail: Vec<Entry> = (messages - messages % 32_768 + 1..=messages).map(entry).collect();
    let index = indexer.index();
    let reader = Reader::open(&record_path, &journal_path)?;
    for (name, path) in [("index", &index_path), ("message rows of the record", &record_path)] {
        let bytes = size(path);
        say(&format!(
            "{name}: {} bytes a message, {:.3} of the raw text",
            bytes / messages,
            ratio(bytes, raw_bytes)
        ));
    }
    let slowest = search(&reader, &index, messages)?;
    say(&format!("memory: {}", resident()));
    drop((indexer, reader, index));
    let began = Instant::now();
    let record = Record::open(&record_path, "RXX")?;
    let mut again = MessageIndexer::open_beside(&index_path)?;
    let opened = began.elapsed();
    again.take(&tail)?;
    let taken = began.elapsed().saturating_sub(opened);
    let found = Reader::open(&record_path, &journal_path)?.find_messages(
        &again.index(),
        &KINDS[2].1(1, messages),
        50,
    )?;
    say(&format!(
        "restart: open in {opened:?}, the {} entries of the tail in {taken:?}, {} found",
        tail.len(),
        found.messages.len()
    ));
    drop(record);
    Ok(slowest)
}

fn fill(record: &Path, indexer: &mut MessageIndexer, messages: u64) -> Result<u64, Failure> {
    let mut record = Record::open(record, "RXX")?;
    let (mut rows, mut terms, mut raw_bytes) = (Duration::ZERO, Duration::ZERO, 0);
    let mut first = 1;
    while first <= messages {
        let last = (first + BATCH - 1).min(messages);
        let batch: Vec<Entry> = (first..=last).map(entry).collect();
        raw_bytes += batch.iter().map(|entry| entry.raw.len() as u64).sum::<u64>();
        let began = Instant::now();
        apply(&mut record, &batch)?;
        rows += began.elapsed();
        let began = Instant::now();
        indexer.take(&batch)?;
        terms += began.elapsed();
        first = last + 1;
    }
    record.checkpoint()?;
    let each = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / messages;
    say(&format!(
        "{messages} messages of {} bytes: {} ns each for the index, {} ns for the record's row",
        raw_bytes / messages,
        each(terms),
        each(rows)
    ));
    Ok(raw_bytes)
}

fn apply(record: &mut Record, batch: &[Entry]) -> Result<(), Failure> {
    let made: Vec<Message> = batch.iter().map(|entry| message(entry.seq)).collect();
    let keys: Vec<String> =
        batch.iter().map(|entry| format!("EPMA|TRUST|A{}", entry.seq)).collect();
    let applied: Vec<Applied<'_>> = batch
        .iter()
        .zip(&made)
        .zip(&keys)
        .map(|((entry, message), key)| Applied {
            seq: entry.seq,
            at: at(entry.seq),
            head: record::Head {
                channel: message.channel(),
                key,
                message_type: message.kind,
                control_id: key.rsplit('|').next().unwrap_or_default(),
                outcome: message.outcome(),
                patient: None,
            },
            facts: &[],
        })
        .collect();
    let tip = batch.last().map_or(Position { seq: 0, hash: Hash([0; 32]) }, Entry::position);
    Ok(record.apply(&applied, &[], tip)?)
}

fn search(reader: &Reader, index: &MessageIndex, messages: u64) -> Result<Duration, Failure> {
    let mut slowest = Duration::ZERO;
    for (name, ask) in KINDS {
        let mut times = Vec::new();
        let mut found = 0;
        for n in 0..ASKED {
            let asked = ask(n, messages);
            let began = Instant::now();
            found += reader.find_messages(index, &asked, 50)?.messages.len();
            times.push(began.elapsed());
        }
        times.sort_unstable();
        let (half, most) = (times[times.len() / 2], times[times.len() * 99 / 100]);
        slowest = slowest.max(most);
        say(&format!(
            "{name:<32} p50 {half:>10.1?}  p99 {most:>10.1?}  found {}",
            found as u64 / ASKED
        ));
    }
    Ok(slowest)
}

fn none() -> MessageSearch {
    MessageSearch::default()
}

/// A message, as far as its content depends on its number.
struct Message {
    seq: u64,
    patient: u64,
    order: String,
    kind: &'static str,
    medicine: (&'static str, &'static str),
    parked: bool,
}

fn message(seq: u64) -> Message {
    // Two of three are about the patients who are in hospital at the time.
    let drawn = mix(seq);
    let patient = match drawn % 3 {
        0 => (drawn >> 8) % PATIENTS,
        _ => (seq / 5_000 * 37 + (drawn >> 8) % 900) % PATIENTS,
    };
    Message {
        seq,
        patient,
        order: format!("70{}", seq - (drawn >> 40) % 40.min(seq)),
        kind: TYPES[usize_of(drawn >> 20, 8)],
        medicine: MEDICINES[usize_of(drawn >> 24, 16)],
        parked: (drawn >> 50).is_multiple_of(256),
    }
}

impl Message {
    fn channel(&self) -> &'static str {
        if self.kind.starts_with("ADT") { "pas" } else { "epma" }
    }

    fn outcome(&self) -> &'static str {
        if self.parked { "parked" } else { "done" }
    }

    fn raw(&self) -> String {
        let (seq, patient) = (self.seq, self.patient);
        let time = at(seq).strftime("%Y%m%d%H%M%S");
        let (ward, bed) = (patient % 40, patient % 28);
        let mut raw = format!(
            "MSH|^~\\&|EPMA|TRUST|INTERLOCK|RXX|{time}+0000||{}|A{seq}|P|2.5.1\
             |||AL|NE|GBR|UNICODE UTF-8\r\
             PID|1||{}^^^NHS^NH~M{patient:07}^^^TRUST^MR||{}^{}^^^MS^^L||19{:02}{:02}{:02}|F|||\
             {} HIGH STREET^^LEEDS^^LS{} {}AB||0113{:07}\r\
             PV1|1|I|WARD{ward:02}^BAY{}^BED{bed:02}^RXX|||||C{:07}^CONSULTANT^{}|||||||||||V{}\r",
            self.kind,
            nhs(patient),
            family(patient),
            given(patient),
            20 + patient % 80,
            1 + patient % 12,
            1 + patient % 28,
            patient % 300,
            patient % 29,
            patient % 9,
            patient,
            bed / 6,
            patient % 700,
            family(patient % 700),
            patient * 7 + seq / 2_000_000,
        );
        let (code, name) = self.medicine;
        match self.kind.get(..3) {
            Some("ADT") => {
                raw.push_str("EVN|A01|DISCHARGED OR MOVED\rAL1|1|DA|91936005^PENICILLIN\r");
            }
            Some("ORU") => {
                let order = &self.order;
                raw.extend([format!(
                    "ORC|RE|{order}^EPMA|L{seq}^LAB\rOBR|1|{order}^EPMA|L{seq}^LAB|U_E^UREA\r"
                )]);
                for (n, test) in ["SODIUM", "POTASSIUM", "UREA", "CREATININE"].iter().enumerate() {
                    raw.extend([format!(
                        "OBX|{n}|NM|{test}||{}.{}|mmol/L|1-200||||F|||{time}\r",
                        seq % 200,
                        seq % 9
                    )]);
                }
            }
            _ => raw.extend([format!(
                "ORC|NW|{}^EPMA|||IP||||{time}|||C{:07}^PRESCRIBER^{}\r\
                 RXE|1^^^{time}|{code}^{name} {}mg tablets^SNOMED|{}||mg^milligram|TAB^tablet\r\
                 NTE|1||Give with food unless nil by mouth\rRXR|26643006^Oral^SNOMED\r\
                 TQ1|1||QDS^four times a day|||{}mg\r",
                self.order,
                patient % 900,
                family(patient % 900),
                (seq % 8 + 1) * 125,
                seq % 4 + 1,
                (seq % 8 + 1) * 125,
            )]),
        }
        raw
    }
}

fn entry(seq: u64) -> Entry {
    let message = message(seq);
    let answer = if message.parked {
        r#"{"parked":{"code":"unknown-patient","location":"PID-3","text":"No patient has it."}}"#
    } else {
        "\"done\""
    };
    let (patient, kind, channel) = (message.patient, message.kind, message.channel());
    let body = "\"x\":0.5,".repeat(150);
    let head = format!(
        concat!(
            r#"{{"v":1,"channel":"{channel}","key":"EPMA|TRUST|A{seq}","type":"{kind}","#,
            r#""control_id":"A{seq}","by":"EPMA|TRUST","received":"{at}","answer":{answer},"#,
            r#""facts":[{{"stored":{{"resource_type":"MedicationRequest","id":"rxx.{seq}.1","#,
            r#""version":1,"raw":{{{body}"subject":{{"reference":"#,
            r#""Patient/rxx.{patient}.1"}}}}}}}},"#,
            r#"{{"queued":{{"id":"rxx.{seq}.2","channel":"to-adc","key":"rxx.{patient}.1","#,
            r#""notice":{{}}}}}}]}}"#,
        ),
        channel = channel,
        seq = seq,
        kind = kind,
        at = at(seq),
        answer = answer,
        body = body,
        patient = patient,
    );
    let mut hash = [0; 32];
    for (at, part) in hash.chunks_mut(8).enumerate() {
        part.copy_from_slice(&mix(seq * 4 + at as u64).to_le_bytes());
    }
    let at = at(seq).as_microsecond();
    Entry {
        seq,
        at,
        head: head.into_bytes(),
        raw: message.raw().into_bytes(),
        removed: None,
        hash: Hash(hash),
    }
}

/// Five messages a second from a day on.
fn at(seq: u64) -> Timestamp {
    let start = Timestamp::from_second(1_767_225_600).unwrap_or_default();
    start + SignedDuration::from_millis(i64::try_from(seq * 200).unwrap_or(0))
}

/// A number of the range that is kept for tests.
fn nhs(patient: u64) -> String {
    format!("999{patient:07}")
}

fn family(patient: u64) -> String {
    let parts =
        ["BAR", "WIN", "TON", "FORD", "HAL", "STEAD", "MOR", "LEY", "ASH", "CROFT", "DEN", "SHAW"];
    let n = patient % 1_728;
    format!(
        "{}{}{}",
        parts[usize_of(n, 12)],
        parts[usize_of(n / 12, 12)],
        parts[usize_of(n / 144, 12)]
    )
}

fn given(patient: u64) -> String {
    let parts = ["AN", "BE", "CO", "DA", "EL", "FI", "GA", "HE", "IS", "JO"];
    let n = patient / 1_728 + patient;
    format!(
        "{}{}{}",
        parts[usize_of(n, 10)],
        parts[usize_of(n / 10, 10)],
        parts[usize_of(n / 100, 10)]
    )
}

/// A message for search number `n`, anywhere among all.
fn pick(n: u64, of: u64) -> u64 {
    1 + mix(n + 7) % of
}

fn usize_of(number: u64, below: u64) -> usize {
    usize::try_from(number % below).unwrap_or(0)
}

/// A number that looks random (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn size(path: &Path) -> u64 {
    ["", "-wal"]
        .iter()
        .map(|suffix| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            fs::metadata(Path::new(&name)).map_or(0, |metadata| metadata.len())
        })
        .sum()
}

fn resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("Rss"));
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A part of a whole.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_finds_what_it_should() {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), 2_000).unwrap();
        let journal = Journal::open(&folder.path().join("j"), "RXX", journal::Options::default());
        let mut indexer =
            MessageIndexer::open(&folder.path().join("i"), &journal.unwrap().reader().unwrap())
                .unwrap();
        indexer.take(&(1..=2_000).map(entry).collect::<Vec<_>>()).unwrap();
        let reader =
            Reader::open(&folder.path().join("record"), &folder.path().join("journal")).unwrap();
        for n in 0..20 {
            let asked = KINDS[2].1(n, 2_000);
            let found = reader.find_messages(&indexer.index(), &asked, 9).unwrap().messages;
            let found: Vec<_> = found.iter().map(|m| format!("A{}", m.seq)).collect();
            assert_eq!(found, [asked.control_id]);
        }
    }
}
