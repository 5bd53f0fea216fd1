//! Retention beside traffic, of the journal alone or (`--node`) of a whole node: the oldest half of
//! a journal is thinned out and new segments are sealed while entries are appended as fast as they
//! are taken.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use journal::{Draft, Entry, Journal, Keep, Reader, Sealing, folder_of};

use super::{Options, TrialError};
use crate::bench::retention;

/// The site of the journal.
const SITE: &str = "RXX";
/// How many entries a segment of the trial holds.
const SEGMENT: u64 = 4_096;
/// How many messages a batch holds: what a busy engine takes at once.
const BATCH: u64 = 64;
/// How often the wait of a batch may grow at its 99th percentile: by a half.
const MOST: f64 = 1.5;

/// How many times as many messages as the control may come before the retention is at its end.
const LONGEST: u64 = 16;

/// `cargo xtask trial retention`.
pub fn command(options: &Options) -> Result<(), TrialError> {
    let messages = options.get("messages", 400_000_u64)?;
    if options.has("node") {
        return beside_a_node(options, messages);
    }
    let pause = Duration::from_micros(options.get("pause-us", 4_000_u64)?);
    let folder = tempfile::tempdir_in(folder_of_build()?).map_err(told)?;
    run(&folder.path().join("trial.journal"), messages, pause)
}

/// The same with a whole node, its channels and its record.
fn beside_a_node(options: &Options, messages: u64) -> Result<(), TrialError> {
    let growth = retention::run(retention::Settings {
        messages,
        patients: options.get("patients", 2_000)?,
        connections: options.get("connections", 64)?,
        alone: Duration::from_secs(options.get("seconds", 30)?),
    })?;
    if growth > MOST {
        return Err(TrialError::Found(format!("p99 grew to {growth:.2}, at most {MOST}")));
    }
    Ok(())
}

/// The folder of the build, because the system's folder for temporary files may be in memory.
fn folder_of_build() -> Result<std::path::PathBuf, TrialError> {
    let program = std::env::current_exe().map_err(told)?;
    let folder = program.parent().map(Path::to_owned);
    folder.ok_or_else(|| TrialError::Broken("this program has no folder".to_owned()))
}

fn told(error: impl std::fmt::Display) -> TrialError {
    TrialError::Broken(error.to_string())
}

/// Does not keep the messages before an entry, and says when it was asked about
/// one of a later segment, so that all of theirs are written anew.
struct OldestHalf {
    before: u64,
    latest: i64,
    done: Arc<AtomicBool>,
}

impl Keep for OldestHalf {
    fn keeps(&mut self, entry: &Entry) -> bool {
        if entry.seq >= self.before + SEGMENT {
            self.done.store(true, Ordering::Release);
        }
        entry.seq >= self.before
    }

    fn latest(&mut self) -> Option<i64> {
        Some(self.latest)
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the purpose of the trial")]
fn run(path: &Path, messages: u64, pause: Duration) -> Result<(), TrialError> {
    let mut journal = Journal::open(path, SITE, journal::Options::default()).map_err(told)?;
    append(&mut journal, messages, Duration::ZERO, None)?;
    let sealing = Sealing { segment_entries: SEGMENT, keep_entries: 1_024, key: None };
    let sealed = journal.seal(&sealing).map_err(told)?;
    let mut alone = append(&mut journal, messages / 4, pause, None)?;

    let done = Arc::new(AtomicBool::new(false));
    let half = messages / 2;
    let latest = at(half + 2 * SEGMENT);
    let keep = OldestHalf { before: half, latest, done: Arc::clone(&done) };
    let wrong = |error: &journal::Error| eprintln!("retention: {error}");
    journal.seal_beside(sealing, Some(Box::new(keep)), wrong).map_err(told)?;
    let began = Instant::now();
    let mut beside = append(&mut journal, messages / 4, pause, Some(&*done))?;
    let took = began.elapsed();
    let finished = done.load(Ordering::Acquire);
    drop(journal);

    let reader = Reader::open(path).map_err(told)?;
    let verified = reader.verify().map_err(|broken| TrialError::Found(broken.to_string()))?;
    let (before, with) = (percentile(&mut alone, 99), percentile(&mut beside, 99));
    let growth = with.as_secs_f64() / before.as_secs_f64().max(f64::MIN_POSITIVE);
    println!("segments sealed before: {sealed}; messages removed beside: {}", verified.removed);
    println!("batches of {BATCH} alone:  {}", figures(&mut alone));
    println!("batches of {BATCH} beside: {} in {:.1} s", figures(&mut beside), took.as_secs_f64());
    println!("99th percentile grew to {growth:.2} of what it was; at most {MOST} is asked for");
    println!(
        "on the disk: {} bytes a message of {} bytes",
        size(path) / verified.messages,
        verified.message_bytes / verified.messages
    );
    if !finished || verified.removed < half - 1 {
        return Err(TrialError::Found("the retention did not come to its end".to_owned()));
    }
    if growth > MOST {
        return Err(TrialError::Found("the retention held the traffic up".to_owned()));
    }
    Ok(())
}

/// Appends so many messages, and goes on until `done` if that is given; answers what each batch
/// took.
fn append(
    journal: &mut Journal,
    messages: u64,
    pause: Duration,
    done: Option<&AtomicBool>,
) -> Result<Vec<Duration>, TrialError> {
    let mut waits = Vec::new();
    let mut appended = 0;
    let waiting = || done.is_some_and(|done| !done.load(Ordering::Acquire));
    while appended < messages || (waiting() && appended < messages * LONGEST) {
        let next = journal.position().seq + 1;
        let batch: Vec<Draft> = (next..next + BATCH).map(draft).collect();
        let began = Instant::now();
        journal.append(&batch).map_err(told)?;
        waits.push(began.elapsed());
        appended += BATCH;
        std::thread::sleep(pause);
    }
    Ok(waits)
}

/// When the entry of a number was recorded.
fn at(number: u64) -> i64 {
    1_700_000_000_000_000 + i64::try_from(number).unwrap_or(i64::MAX / 2) * 1_000
}

/// An order as an ePMA sends it, with what was understood of it: every patient, order, item and
/// time differs as in a hospital.
fn draft(number: u64) -> Draft {
    let (patient, item) = (number * 7_919 % 100_003, number * 31 % 997);
    let (dose, minute) = (number % 9 * 125 + 125, number % 1_440);
    let time = format!("202611{:02}{:02}{:02}13", minute % 28 + 1, minute / 60, minute % 60);
    let digest = format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).repeat(4);
    let raw = format!(
        "MSH|^~\\&|EPMA|RXX|HUB|RXX|{time}+0000||RDE^O11^RDE_O11|P{number}|P|2.5.1\r\
         PID|1||999{patient:07}^^^NHS^NH~H{patient:06}^^^RXX^MR||TEST{patient}^PATIENT^ONE^^MS||\
         19{:02}0101|F|||{} HIGH STREET^^LEEDS^^LS1 1AA||01130{patient:06}\r\
         PV1|1|I|W{:02}^BAY{}^B{patient}^RXX||||C1234567^CONSULTANT^CARL^^^DR\r\
         ORC|NW|{number}-9^EPMA|||||||{time}+0000|P4711^PRESCRIBER^PAULA|F2201^PHARMACIST^FAY\r\
         TQ1|1||Q6H^Every six hours^HL70335|||5^d||||R^Routine^HL70485\r\
         RXE|1|ITEM{item}^Item {item} 500 mg tablets^L|{dose}||mg^milligram^UCUM|TAB^Tablet\r\
         RXR|26643006^Oral route^SCT\r\
         NTE|1|L|Review on day five; step down to as-required dosing below a score of three\r",
        patient % 80 + 10,
        patient % 200,
        patient % 40,
        patient % 6,
    );
    let head = format!(
        "{{\"v\":1,\"channel\":\"epma\",\"key\":\"EPMA|RXX|P{number}\",\"digest\":\"{digest}\",\
         \"type\":\"RDE^O11\",\"control_id\":\"P{number}\",\"by\":\"epma\",\"answer\":\"done\",\
         \"facts\":[{{\"stored\":{{\"resource_type\":\"MedicationRequest\",\
         \"id\":\"rxx.{number}.1\",\"version\":1,\"raw\":{{\"resourceType\":\"MedicationRequest\",\
         \"status\":\"active\",\"intent\":\"order\",\
         \"subject\":{{\"reference\":\"Patient/rxx.{patient}.1\"}},\
         \"identifier\":[{{\"system\":\"https://rxx.nhs.uk/Id/order/epma\",\"value\":\"{number}-9\"}}],\
         \"medicationCodeableConcept\":{{\"coding\":[{{\"system\":\"https://rxx.nhs.uk/Id/item\",\
         \"code\":\"ITEM{item}\",\"display\":\"Item {item} 500 mg tablets\"}}]}},\
         \"authoredOn\":\"{time}\",\"requester\":{{\"display\":\"CONSULTANT, CARL\"}},\
         \"dosageInstruction\":[{{\"timing\":{{\"repeat\":{{\"frequency\":1,\"period\":6}}}},\
         \"doseAndRate\":[{{\"doseQuantity\":{{\"value\":{dose},\"unit\":\"mg\"}}}}]}}]}}}}}}]}}"
    );
    Draft { at: at(number), head: head.into_bytes(), raw: raw.into_bytes() }
}

fn percentile(waits: &mut [Duration], percent: usize) -> Duration {
    waits.sort_unstable();
    waits
        .get((waits.len() * percent / 100).min(waits.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

fn figures(waits: &mut [Duration]) -> String {
    let [half, most, all] = [50, 99, 100].map(|percent| percentile(waits, percent));
    format!("{} batches, p50 {half:.1?}, p99 {most:.1?}, longest {all:.1?}", waits.len())
}

/// The bytes of the main file and of the segments.
fn size(path: &Path) -> u64 {
    let length = |path: &Path| path.metadata().map_or(0, |found| found.len());
    let segments = folder_of(path).read_dir().into_iter().flatten().flatten();
    length(path) + segments.map(|file| length(&file.path())).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_one_comes_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trial.journal");
        match run(&path, 40_000, Duration::from_micros(500)) {
            // How long a batch waits on a machine that is busy with other tests says nothing.
            Ok(()) => {}
            Err(TrialError::Found(why)) => assert!(why.contains("held the traffic up"), "{why}"),
            Err(other) => panic!("{other}"),
        }
    }
}
