//! Retention beside a node's traffic: the messages of the oldest half of the journal are removed,
//! and new segments sealed, while a real node takes messages as fast as it can.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use engine::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::{Durability, Reader, Sealing, segments};
use record::MessageIndexer;

use super::figures::{Table, millis, rate, say};
use super::hospital::{Patient, configuration, inpatients};
use super::load::{self, Content, Done, Plan, Until};
use super::node::{self, Folder, Node, told};
use super::stages::{Line, daily, first_day};

/// What the trial does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How many messages there are before anything is measured; the older half of them is ten
    /// days old.
    pub(crate) messages: u64,
    /// How many patients they are about.
    pub(crate) patients: usize,
    /// How many connections send.
    pub(crate) connections: usize,
    /// How long the traffic is measured alone.
    pub(crate) alone: Duration,
}

/// How many entries a segment holds: small enough that many are thinned out and some are sealed.
const SEGMENT: u64 = 8_192;
/// How old the older half is.
const OLD: SignedDuration = SignedDuration::from_hours(10 * 24);
/// How long the removal may take.
const LONGEST: Duration = Duration::from_mins(20);
/// How long a node runs under load before anything is measured.
const WARM: Duration = Duration::from_secs(2);

/// Prints the figures, and gives back how many times as long as alone the slowest acknowledgement
/// in a hundred took meanwhile.
pub(crate) fn run(settings: Settings) -> Result<f64, String> {
    node::build()?;
    let folder = Folder::new()?;
    let mut patients = inpatients(settings.patients);
    let half = prepare(&folder, settings, &mut patients)?;
    let journal = folder.path().join("journal.sqlite3");
    let old = old_segments(&journal, half)?;
    say(&format!("{half} entries are to lose their messages, {} segments", old.len()));

    let plain = settings_of(false);
    let alone = measure(&folder, &plain, settings, &mut patients, || {
        sleep(settings.alone);
        Ok(())
    })?;
    let began = Instant::now();
    let keeping = settings_of(true);
    let since = SystemTime::UNIX_EPOCH + since_epoch()?;
    let beside = measure(&folder, &keeping, settings, &mut patients, || {
        while !all_written_since(&old, since)? {
            if began.elapsed() > LONGEST {
                return Err("the removal did not come to its end".to_owned());
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    })?;
    report(alone, beside, &journal, half)
}

fn report(mut alone: Done, mut beside: Done, journal: &Path, half: u64) -> Result<f64, String> {
    let mut table = Table::new(&["traffic", "messages", "msg/s", "p50 ms", "p99 ms"]);
    for (name, done) in [("alone", &mut alone), ("beside retention", &mut beside)] {
        table.row([
            name.to_owned(),
            done.messages.to_string(),
            format!("{:.0}", rate(done.messages, done.elapsed)),
            millis(done.latencies.percentile(50)),
            millis(done.latencies.percentile(99)),
        ]);
    }
    table.print();
    let verified = Reader::open(journal).and_then(|reader| Ok(reader.verify()?)).map_err(told)?;
    let sealed = segments(journal).map_err(told)?.len();
    say(&format!("messages removed: {}; {sealed} segments now; the chain holds", verified.removed));
    if verified.removed + SEGMENT < half {
        return Err(format!("only {} of {half} messages were removed", verified.removed));
    }
    let [before, with] = [&mut alone, &mut beside].map(|done| done.latencies.percentile(99));
    let growth = with.as_secs_f64() / before.as_secs_f64().max(f64::MIN_POSITIVE);
    say(&format!("p99 beside retention is {growth:.2} times that without"));
    Ok(growth)
}

/// Fills a node's folder: the older half of the entries ten days ago, the rest now. Answers the
/// last entry of the older half that is in a segment with only such entries.
fn prepare(folder: &Folder, settings: Settings, patients: &mut [Patient]) -> Result<u64, String> {
    let mut line = Line::new(folder, Durability::Off)?;
    line.clock = Clock::scaled(Clock::system().now() - OLD, 1);
    line.configure()?;
    line.all(patients.iter_mut().flat_map(first_day))?;
    fill(&mut line, patients, settings.messages / 2)?;
    let half = line.journal.position().seq / SEGMENT * SEGMENT;
    line.clock = Clock::system();
    fill(&mut line, patients, settings.messages)?;
    let sealing = Sealing { segment_entries: SEGMENT, ..Sealing::default() };
    line.journal.seal(&sealing).map_err(told)?;
    let entries = line.journal.reader().map_err(told)?;
    let index = folder.path().join("messages.sqlite3");
    let mut indexer = MessageIndexer::open(&index, &entries).map_err(told)?;
    while indexer.follow(&entries, line.journal.position().seq).map_err(told)? {}
    Ok(half)
}

/// Daily traffic until the journal has so many entries.
fn fill(line: &mut Line, patients: &mut [Patient], upto: u64) -> Result<(), String> {
    while line.journal.position().seq < upto {
        line.all(patients.iter_mut().map(daily))?;
    }
    Ok(())
}

/// The node's configuration, with or without a time after which messages may go.
fn settings_of(retention: bool) -> String {
    let days = if retention { "retention_days = 1\n" } else { "" };
    let inbound = "direction = \"inbound\"\n";
    let text = configuration(None).replace(inbound, &format!("{inbound}{days}"));
    format!("{text}\n[journal]\nsegment_entries = {SEGMENT}\n")
}

/// The files of the segments up to that entry.
fn old_segments(journal: &Path, last: u64) -> Result<Vec<std::path::PathBuf>, String> {
    let all = segments(journal).map_err(told)?;
    Ok(all.iter().filter(|one| one.last <= last).map(journal::Segment::path).collect())
}

fn since_epoch() -> Result<Duration, String> {
    Duration::try_from(Clock::system().now().duration_since(Timestamp::UNIX_EPOCH)).map_err(told)
}

/// Whether each of the files was written anew.
fn all_written_since(files: &[std::path::PathBuf], since: SystemTime) -> Result<bool, String> {
    for file in files {
        let changed = file.metadata().and_then(|found| found.modified()).map_err(told)?;
        if changed < since {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Starts a node and sends as fast as it takes messages, until `over` comes back.
fn measure(
    folder: &Folder,
    configuration: &str,
    settings: Settings,
    patients: &mut Vec<Patient>,
    over: impl FnOnce() -> Result<(), String>,
) -> Result<Done, String> {
    let node = Node::start_with(folder.path(), configuration)?;
    let plan = |until| -> Result<Plan, String> {
        Ok(Plan {
            address: node.channel("epma")?,
            connections: settings.connections,
            content: Content::Daily,
            until,
            pace: None,
        })
    };
    load::run(plan(Until::Elapsed(WARM))?, patients)?;
    let running = load::start(plan(Until::Over)?, std::mem::take(patients));
    let waited = over();
    let (done, back) = running.stop()?;
    waited?;
    *patients = back;
    node.process.end()?;
    Ok(done)
}
