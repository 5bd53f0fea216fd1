//! The crash trial: a node is killed and loses its power under load, again and again, and every
//! acknowledged message has to have its effect exactly once and in order.

mod board;
mod check;
mod config;
mod control;
mod disk;
mod feeder;
mod messages;
mod rig;
mod sink;

use std::path::PathBuf;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

pub use check::Outcome;

use super::{Options, TrialError, release_binary, say};
use disk::DiskError;
use rig::Rig;

/// How the trial runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program of the node.
    pub binary: PathBuf,
    /// How often it is killed.
    pub kills: u32,
    /// How often the power is cut.
    pub cuts: u32,
    /// How many systems send at a time.
    pub connections: usize,
    /// How long a system waits on average between its messages.
    pub pause: Duration,
    /// The shortest and the longest time between two faults, in milliseconds.
    pub between_ms: (u64, u64),
    /// When and in which order faults come, and what the systems send.
    pub seed: u64,
    /// How many entries a sealed segment has; each fault then comes while one is being sealed.
    /// None leaves it to the node, which then seals nothing in so short a time.
    pub segment_entries: Option<u64>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// How often the node was killed, during a start among them.
    pub kills: u32,
    /// How often the power was cut.
    pub cuts: u32,
    /// How many sendings were repeats of a message that got no answer.
    pub resent: u64,
    /// How many control ids the systems that are told saw for a removal beyond the first.
    pub told_twice: u64,
    /// How many removals the systems were never told of.
    pub untold: u64,
    /// How often a segment or its seal was half written when the node was gone.
    pub while_sealing: u32,
    /// How many segments are sealed at the end.
    pub sealed: usize,
    /// What was found at the end.
    pub outcome: Outcome,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.outcome.is_clean() && self.told_twice + self.untold == 0
    }
}

/// The entries of a segment where sealing is what is tried: the fewest that a node takes.
const SEGMENT_ENTRIES: u64 = 1_000;
/// How long after a sealing was seen to begin a fault comes at the latest, in milliseconds.
const SEALING_MS: u64 = 150;

/// What a fault did.
struct Done {
    /// The line that tells of it.
    words: String,
    /// Whether a segment or its seal was half written when the node was gone.
    while_sealing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Kill,
    KillTwice,
    Cut,
}

impl From<DiskError> for TrialError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::NotPermitted(why) => TrialError::NotPermitted(why),
            DiskError::Failed(why) => TrialError::Broken(why),
        }
    }
}

/// `cargo xtask trial crash`.
pub(super) fn command(options: &Options) -> Result<(), TrialError> {
    let settings = Settings {
        kills: options.get("kills", 50)?,
        cuts: options.get("cuts", 10)?,
        connections: options.get("connections", 16)?,
        pause: Duration::from_millis(options.get("pause-ms", 10)?),
        between_ms: (300, options.get("longest-ms", 2_500)?),
        seed: options.get("seed", 1)?,
        segment_entries: options.has("sealing").then_some(SEGMENT_ENTRIES),
        binary: release_binary(options)?,
    };
    if options.has("control") {
        return control::run(&Settings { cuts: options.get("cuts", 3)?, ..settings });
    }
    let report = run(&settings)?;
    tell(&report);
    if report.is_clean() { Ok(()) } else { Err(TrialError::Found("see above".to_owned())) }
}

/// Runs the trial to its end.
pub fn run(settings: &Settings) -> Result<Report, TrialError> {
    let mut rig = Rig::start(settings)?;
    let mut rng = StdRng::seed_from_u64(settings.seed);
    let (shortest, longest) = settings.between_ms;
    let mut report = Report {
        kills: 0,
        cuts: 0,
        resent: 0,
        told_twice: 0,
        untold: 0,
        while_sealing: 0,
        sealed: 0,
        outcome: Outcome::default(),
    };
    for (number, fault) in (1..).zip(faults(settings, &mut rng)) {
        let wait = match number {
            _ if settings.segment_entries.is_some() => {
                if !rig.until_sealing() {
                    return Err(TrialError::Broken("nothing is sealed".to_owned()));
                }
                rng.random_range(0..=SEALING_MS)
            }
            // The first comes while the files are new.
            1 => shortest / 2,
            _ => rng.random_range(shortest..=longest.max(shortest)),
        };
        std::thread::sleep(Duration::from_millis(wait));
        let line = match fault {
            Fault::Kill => rig.kill(None)?,
            Fault::KillTwice => rig.kill(Some(Duration::from_millis(rng.random_range(1..60))))?,
            Fault::Cut => rig.cut()?,
        };
        report.while_sealing += u32::from(line.while_sealing);
        report.kills += match fault {
            Fault::Kill => 1,
            Fault::KillTwice => 2,
            Fault::Cut => 0,
        };
        report.cuts += u32::from(fault == Fault::Cut);
        let left = if line.while_sealing { ", a segment half written" } else { "" };
        say(&format!("{number:3}  {}{left}", line.words));
    }
    rig.finish(&mut report)?;
    Ok(report)
}

/// The faults in a random order, but a power cut first where there are any; every fifth kill is
/// followed by one during the start.
fn faults(settings: &Settings, rng: &mut StdRng) -> Vec<Fault> {
    let kill = |n| if n % 5 == 4 { Fault::KillTwice } else { Fault::Kill };
    let cuts = (0..settings.cuts).map(|_| Fault::Cut);
    let mut faults: Vec<Fault> = (0..settings.kills).map(kill).chain(cuts).collect();
    faults.shuffle(rng);
    if let Some(cut) = faults.iter().position(|fault| *fault == Fault::Cut) {
        faults.swap(0, cut);
    }
    faults
}

fn tell(report: &Report) {
    let Outcome { entries, sent, acknowledged, lost, doubled, reordered, wrong, words, .. } =
        &report.outcome;
    say("");
    say(&format!("kills         {:>9}", report.kills));
    say(&format!("power cuts    {:>9}", report.cuts));
    say(&format!("while sealing {:>9}", report.while_sealing));
    say(&format!("sealed        {:>9}", report.sealed));
    say(&format!("sent          {sent:>9}"));
    say(&format!("acknowledged  {acknowledged:>9}"));
    say(&format!("sent again    {:>9}", report.resent));
    say(&format!("entries       {entries:>9}"));
    say(&format!("removals      {:>9}", report.outcome.dispenses.len()));
    say(&format!("lost          {lost:>9}"));
    say(&format!("doubled       {doubled:>9}"));
    say(&format!("reordered     {reordered:>9}"));
    say(&format!("otherwise     {wrong:>9}"));
    say(&format!("told twice    {:>9}", report.told_twice));
    say(&format!("never told    {:>9}", report.untold));
    for line in words {
        say(&format!("  {line}"));
    }
}
