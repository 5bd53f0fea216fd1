//! A ward's day with irregularities planted in it: each ends as the right case, and no other case
//! is raised. The deeds go over real lines to a real node; the clock is put forward from one to
//! the next.

mod compare;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::time::Instant;

use estate::ward::WardDay;
use estate::{Book, EstateConfig, SimClock};
use interlock::demo::{self, Prepared, Settings as DemoSettings};

use super::day::{Report, Truth, facts, ledger, profiles, range};
use super::{Options, TrialError, files, release_binary, say};

/// The wards of the day: one for each kind of cabinet.
const WARDS: usize = 3;
/// The beds of each.
const BEDS: u16 = 8;
/// The policies that are other than by default: what was sent is missed the same day.
const POLICIES: [(&str, u32); 1] = [("transit_max_h", 4)];

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The seed.
    pub seed: u64,
    /// How many deeds were done.
    pub deeds: usize,
    /// How many irregularities were planted.
    pub planted: usize,
    /// How many cases they had to end as.
    pub wanted: usize,
    /// How many of these were opened.
    pub found: usize,
    /// What was planted and has no case, in words.
    pub missed: Vec<String>,
    /// Cases that nobody planted, in words.
    pub unwanted: Vec<String>,
    /// What else is not as it should be: what the hospital found, the ledger, the chain.
    pub wrong: Vec<String>,
}

impl Found {
    /// Whether all was found and nothing else.
    pub fn is_clean(&self) -> bool {
        self.missed.is_empty() && self.unwanted.is_empty() && self.wrong.is_empty()
    }

    fn line(&self) -> String {
        format!(
            "seed {:3}: {:4} deeds, {:2} planted, {:2} cases wanted, {:2} found, {} missed, \
             {} false, {} differences",
            self.seed,
            self.deeds,
            self.planted,
            self.wanted,
            self.found,
            self.missed.len(),
            self.unwanted.len(),
            self.wrong.len()
        )
    }
}

/// `cargo xtask trial ward`.
pub(super) fn command(options: &Options) -> Result<(), TrialError> {
    let seeds: String = options.get("seeds", "1..10".to_owned())?;
    let seeds = range(&seeds).ok_or_else(|| TrialError::Usage(format!("--seeds {seeds}?")))?;
    let binary = release_binary(options)?;
    let (mut dirty, mut days) = (0, 0);
    for seed in seeds {
        let began = Instant::now();
        let found = run(seed, &binary)?;
        say(&format!("{}, {:.1} s", found.line(), began.elapsed().as_secs_f64()));
        let missed = found.missed.iter().map(|what| format!("    missed: {what}"));
        let unwanted = found.unwanted.iter().map(|what| format!("    false: {what}"));
        let wrong = found.wrong.iter().map(|what| format!("    {what}"));
        missed.chain(unwanted).chain(wrong).for_each(|line| say(&line));
        dirty += u64::from(!found.is_clean());
        days += 1;
    }
    if dirty == 0 {
        return Ok(());
    }
    Err(TrialError::Found(format!("{dirty} of {days} days are not as they should be")))
}

/// Lives through one day and compares what was planted with the cases that were opened.
pub fn run(seed: u64, binary: &Path) -> Result<Found, TrialError> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let data = scratch.path().join("data");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let (day, book, site) = runtime.block_on(live(seed, data.clone()))?;
    let mut report = Report { seed, ..Report::default() };
    let told = facts::read(&data, &mut report)?;
    let mut found = compare::cases(&day, &told);
    (found.seed, found.deeds) = (seed, day.deeds);
    let truth = Truth { book: &book, site, told: &told };
    ledger::check(&mut report, &truth, &data)?;
    profiles::check(&mut report, &truth);
    // That a stay had ended is a cause too, which the rule for whole days does not know; each case
    // has been compared with what was planted.
    let told = |words: &String| !words.starts_with("a case without a cause");
    found.wrong = report.words.into_iter().filter(told).collect();
    found
        .wrong
        .extend(book.findings.iter().map(|finding| format!("the hospital found {finding:?}")));
    found.wrong.extend(files::verify_chain(&data).err());
    found.wrong.extend(files::rebuild_is_the_same(binary, &data, scratch.path()).err());
    Ok(found)
}

async fn live(seed: u64, data: PathBuf) -> Result<(WardDay, Book, estate::SiteFacts), TrialError> {
    let start = demo::morning();
    // One number for each day that is lived, as long as the process lives.
    let ahead: &'static AtomicI64 = Box::leak(Box::default());
    let clock = engine::Clock::steered(start, ahead);
    let mut config = EstateConfig::new(seed, SimClock::steered(start, ahead));
    (config.wards, config.beds_per_ward) = (WARDS, BEDS);
    let site = config.site();
    let settings =
        DemoSettings { seed, port: 0, speed: 1, wards: WARDS, beds: BEDS, faults: false, data };
    let prepared = demo::prepare(&settings, config, clock, &POLICIES).await;
    let Prepared { node, hospital, addresses, .. } = prepared.map_err(|error| error.to_string())?;
    let lived = hospital.live_ward_day(&addresses).await;
    node.shutdown().await;
    let (day, book) = lived.map_err(|error| error.to_string())?;
    Ok((day, book, site))
}
