//! The day trial: a simulated hospital lives through a day with every fault on, and afterwards
//! the journal and the record are checked against the rules of the loop and the hospital's own
//! book of what really happened.

mod authority;
pub(super) mod facts;
mod forgotten;
pub(super) mod ledger;
pub(super) mod profiles;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use estate::book::Finding;
use estate::{Book, EstateConfig, Faults, Settled, SimClock, SiteFacts};
use interlock::demo::{Demo, Settings as DemoSettings};
use jiff::{SignedDuration, Timestamp};

use super::{Options, TrialError, files, release_binary, say};
use facts::Told;

/// The real time that the end of a day may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long the simulated time goes on after the end, so that everything forgotten is noticed
/// (60 minutes by default) and every permit lapses.
const AFTERWARDS: SignedDuration = SignedDuration::from_mins(75);
/// The most faults of one kind that are described.
const DESCRIBED: usize = 12;

/// One simulated day, or a part of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Everything that the hospital does follows from it.
    pub seed: u64,
    /// Simulated seconds per second.
    pub speed: u32,
    /// How many simulated hours the hospital lives.
    pub hours: i64,
    /// How many wards.
    pub wards: usize,
    /// The beds of each ward.
    pub beds: u16,
    /// How badly lines fail.
    pub weather: Weather,
    /// The program that makes the record anew.
    pub binary: PathBuf,
    /// Whether the data of a day that is not as it should be stays, to be looked at.
    pub keep: bool,
}

/// How badly the lines fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Not at all.
    Calm,
    /// All faults, seldom enough that the hospital still works as usual.
    Rough,
    /// All faults, often; the HL7 cabinets are down a third of the time.
    Storm,
}

/// The faults of a storm.
const STORM: Faults = Faults {
    drop: 200,
    delay: 100,
    delay_ms: 150,
    repeat: 200,
    reorder: 300,
    malformed: 80,
    unanswered: 40,
    downtime_every_min: 40,
    downtime_min: 20,
};

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// Entries of the journal.
    pub entries: u64,
    /// Messages and requests that came to the node.
    pub messages: u64,
    /// Faults of the lines: dropped, repeated, malformed, sent again.
    pub faults: u64,
    /// Removals that happened.
    pub removals: u64,
    /// Doses that were given.
    pub doses: u64,
    /// Permits that lapsed before the cabinet could tell what was taken.
    pub lapsed: u64,
    /// Cases that were opened, by kind and reason.
    pub cases: BTreeMap<String, u64>,
    /// Units that are in nobody's place but an open case.
    pub unaccounted: u64,
    /// What is not as it should be, by the rule that it breaks.
    pub wrong: BTreeMap<&'static str, u64>,
    /// The first of it in words that hold no patient data.
    pub words: Vec<String>,
}

impl Report {
    fn wrong(&mut self, rule: &'static str, what: impl FnOnce() -> String) {
        let count = self.wrong.entry(rule).or_default();
        *count += 1;
        if *count <= DESCRIBED as u64 {
            self.words.push(format!("{rule}: {}", what()));
        }
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong.is_empty()
    }

    fn line(&self) -> String {
        let cases: Vec<String> = self.cases.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        let wrong: u64 = self.wrong.values().sum();
        format!(
            "seed {:3}: {:6} messages, {:5} faults, {:5} removals, {:5} doses, {:3} unaccounted, \
             {:2} permits lapsed, {wrong} differences; cases: {}",
            self.seed,
            self.messages,
            self.faults,
            self.removals,
            self.doses,
            self.unaccounted,
            self.lapsed,
            cases.join(", ")
        )
    }
}

/// `cargo xtask trial day`.
pub(super) fn command(options: &Options) -> Result<(), TrialError> {
    let seeds: String = options.get("seeds", "1..10".to_owned())?;
    let seeds = range(&seeds).ok_or_else(|| TrialError::Usage(format!("--seeds {seeds}?")))?;
    let settings = Settings {
        seed: 0,
        speed: options.get("speed", 480)?,
        hours: options.get("hours", 24)?,
        wards: options.get("wards", 3)?,
        beds: options.get("beds", 10)?,
        weather: match (options.has("calm"), options.has("storm")) {
            (true, _) => Weather::Calm,
            (_, true) => Weather::Storm,
            _ => Weather::Rough,
        },
        binary: release_binary(options)?,
        keep: options.has("keep"),
    };
    let at_once = options.get("at-once", 5_usize)?.max(1);
    let seeds: Vec<u64> = seeds.collect();
    let (mut total, mut dirty) = (Report::default(), 0);
    for some in seeds.chunks(at_once) {
        for report in several(&settings, some) {
            let report = report?;
            say(&report.line());
            report.words.iter().for_each(|line| say(&format!("    {line}")));
            dirty += u64::from(!report.is_clean());
            add(&mut total, report);
        }
    }
    say(&format!("total {}", total.line().trim_start_matches("seed   0")));
    if dirty == 0 {
        return Ok(());
    }
    Err(TrialError::Found(format!("{dirty} of {} days are not as they should be", seeds.len())))
}

/// `1..10`, both ends meant, or one seed.
pub(super) fn range(text: &str) -> Option<std::ops::RangeInclusive<u64>> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.trim_start_matches('=').parse().ok()?);
    (first <= last).then_some(first..=last)
}

fn add(total: &mut Report, one: Report) {
    total.entries += one.entries;
    total.messages += one.messages;
    total.faults += one.faults;
    total.removals += one.removals;
    total.doses += one.doses;
    total.lapsed += one.lapsed;
    total.unaccounted += one.unaccounted;
    for (kind, n) in one.cases {
        *total.cases.entry(kind).or_default() += n;
    }
    for (rule, n) in one.wrong {
        *total.wrong.entry(rule).or_default() += n;
    }
}

/// Runs some seeds at the same time, each with a node and a hospital of its own.
fn several(settings: &Settings, seeds: &[u64]) -> Vec<Result<Report, TrialError>> {
    let day = |seed: &u64| {
        let settings = Settings { seed: *seed, ..settings.clone() };
        std::thread::spawn(move || run(&settings))
    };
    let days: Vec<_> = seeds.iter().map(day).collect();
    let failed = |_| Err(TrialError::Broken("a day ended with a panic".to_owned()));
    days.into_iter().map(|day| day.join().unwrap_or_else(failed)).collect()
}

/// Lives through one day and checks it.
pub fn run(settings: &Settings) -> Result<Report, TrialError> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = scratch.path().join("data");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (book, settled) = runtime.block_on(live(settings, &data))?;
    let mut report = Report { seed: settings.seed, ..Report::default() };
    let told = facts::read(&data, &mut report)?;
    let truth = Truth { book: &book, site: site(settings), told: &told };
    settle(&mut report, &truth, &settled);
    ledger::check(&mut report, &truth, &data)?;
    forgotten::check(&mut report, &truth);
    profiles::check(&mut report, &truth);
    if let Err(why) = files::verify_chain(&data) {
        report.wrong("chain", || why);
    }
    if let Err(why) = files::rebuild_is_the_same(&settings.binary, &data, scratch.path()) {
        report.wrong("rebuild", || why);
    }
    if !report.is_clean() && settings.keep {
        let kept = scratch.keep();
        report.words.push(format!("the data is kept in {}", kept.display()));
    }
    Ok(report)
}

/// What really happened, what the node was configured with, what the node told.
pub(super) struct Truth<'a> {
    pub(super) book: &'a Book,
    pub(super) site: SiteFacts,
    pub(super) told: &'a Told,
}

fn site(settings: &Settings) -> SiteFacts {
    let clock = SimClock::new(Timestamp::UNIX_EPOCH, std::time::Instant::now(), 1);
    let mut config = EstateConfig::new(settings.seed, clock);
    (config.wards, config.beds_per_ward) = (settings.wards, settings.beds);
    config.site()
}

async fn live(settings: &Settings, data: &Path) -> Result<(Book, Settled), TrialError> {
    let demo = Demo::start(DemoSettings {
        seed: settings.seed,
        port: 0,
        speed: settings.speed,
        wards: settings.wards,
        beds: settings.beds,
        faults: settings.weather != Weather::Calm,
        data: data.to_owned(),
    });
    let mut demo = demo.await.map_err(|error| error.to_string())?;
    if settings.weather == Weather::Storm {
        demo.estate.faults().set_all(STORM);
    }
    let clock = demo.node.engine().clock();
    let end = clock.now() + SignedDuration::from_hours(settings.hours);
    let failed = tokio::select! {
        why = demo.node.failed() => Some(why),
        () = tokio::time::sleep(clock.until(end)) => None,
    };
    if let Some(why) = failed {
        return Err(TrialError::Found(format!("the node stopped: {why}")));
    }
    let settled = demo.estate.settle(PATIENCE).await;
    tokio::time::sleep(clock.until(clock.now() + AFTERWARDS)).await;
    // A timer that is due is settled with the next word that comes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let book = demo.estate.book();
    demo.shutdown().await;
    Ok((book, settled))
}

/// What the hospital itself found.
fn settle(report: &mut Report, truth: &Truth<'_>, settled: &Settled) {
    let traffic = truth.book.traffic();
    report.faults = traffic.dropped + traffic.repeated + traffic.malformed + traffic.resent;
    report.doses = truth.book.doses_given() as u64;
    if !settled.complete {
        report.wrong("unsettled", || {
            format!("unsent {:?}, {} visits", settled.unsent, settled.visits)
        });
    }
    for difference in &settled.differences {
        report.wrong("told otherwise than it is", || format!("{difference:?}"));
    }
    for finding in &truth.book.findings {
        // Simulated time runs while the messages of real machines travel.
        if matches!(finding, Finding::PermitLapsed { .. }) {
            report.lapsed += 1;
            continue;
        }
        report.wrong("the hospital found", || format!("{finding:?}{}", history(truth, finding)));
    }
}

/// How often the order is due and when it was taken, where a finding is about one.
fn history(truth: &Truth<'_>, finding: &Finding) -> String {
    let order = match finding {
        Finding::WronglyRefused { order, .. }
        | Finding::WronglyPermitted { order, .. }
        | Finding::NotShown { order, .. } => *order,
        _ => None,
    };
    let Some(order) = order.and_then(|number| truth.book.orders.get(&number)) else {
        return String::new();
    };
    let taken = truth.book.removals_of(order.number);
    let taken: Vec<String> = taken.map(|taken| format!("{} {}", taken.taken, taken.at)).collect();
    format!(
        " {} of {} from {}, taken: {}",
        order.timing.code(),
        order.units,
        order.begins,
        taken.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_with_both_ends() {
        assert_eq!(range("1..10"), Some(1..=10));
        assert_eq!(range("3"), Some(3..=3));
        assert_eq!(range("3..2"), None);
        assert_eq!(range("x"), None);
    }
}
