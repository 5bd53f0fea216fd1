//! The queue trial: one destination is down while very much is queued for it. The node's memory
//! stays flat, another destination is told as before, the node is killed in the middle, and when
//! the destination is back it gets everything, each patient's messages in order.

mod feed;
mod sink;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::child::{Launch, Running};
use super::{Options, TrialError, release_binary, say};
use crate::bench::usage::Usage;
use sink::Sink;

/// How long the recovery may stand still before the trial is given up.
const STILL: Duration = Duration::from_mins(2);

/// What a trial does.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node's program.
    pub binary: PathBuf,
    /// How many messages are queued for the destination that is down.
    pub messages: u64,
    /// Over how many patients they are spread.
    pub patients: u64,
    /// How many connections bring them.
    pub connections: u64,
}

/// What a trial found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many messages the destination got, without repeats.
    pub delivered: u64,
    /// How many it got more than once.
    pub repeated: u64,
    /// Patients whose messages came out of order, or not all.
    pub disorder: Vec<String>,
    /// How many messages the other destination got while the first was down, and how many it was
    /// to get.
    pub others: (u64, u64),
    /// Resident memory of the node in KiB, at each tenth of the filling.
    pub filling_rss_kib: Vec<u64>,
    /// The most while the destination caught up, in KiB.
    pub recovery_rss_kib: u64,
    /// How long the filling took.
    pub filled: Duration,
    /// How long the node took to start with the full queue, after it was killed.
    pub started: Duration,
    /// How long the destination took to catch up.
    pub recovered: Duration,
}

impl Report {
    /// Whether nothing is lost or out of order, and the other destination was told.
    pub fn is_clean(&self) -> bool {
        self.disorder.is_empty() && self.others.0 == self.others.1
    }

    fn lines(&self) -> String {
        let mut out = String::new();
        let per_s = |count: u64, took: Duration| {
            let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
            count.saturating_mul(1000) / millis
        };
        let rss: Vec<String> =
            self.filling_rss_kib.iter().map(|kib| (kib / 1024).to_string()).collect();
        let filled = self.delivered + self.others.1;
        let _ = writeln!(
            out,
            "queued        {} in {:.1?}, {} a second",
            self.delivered,
            self.filled,
            per_s(filled, self.filled)
        );
        let _ = writeln!(out, "memory        {} MiB at each tenth", rss.join(" "));
        let _ =
            writeln!(out, "others        {} of {} told meanwhile", self.others.0, self.others.1);
        let _ =
            writeln!(out, "start         {:.2?} with the full queue, after kill -9", self.started);
        let _ = writeln!(
            out,
            "recovery      {:.1?}, {} a second, {} MiB at most",
            self.recovered,
            per_s(self.delivered, self.recovered),
            self.recovery_rss_kib / 1024
        );
        let _ = writeln!(out, "repeated      {}", self.repeated);
        out
    }
}

/// The `queue` trial.
pub fn command(options: &Options) -> Result<(), TrialError> {
    let messages: u64 = options.get("messages", 1_000_000)?;
    let settings = Settings {
        binary: release_binary(options)?,
        messages,
        patients: options.get("patients", (messages / 50).max(1))?,
        connections: options.get("connections", 16)?,
    };
    let report = run(&settings)?;
    say(&report.lines());
    if report.is_clean() {
        return Ok(());
    }
    Err(TrialError::Found(format!("{:#?}", report.disorder)))
}

/// Runs a trial.
pub fn run(settings: &Settings) -> Result<Report, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let (down, well) = (Sink::bind()?, Sink::start()?);
    let launch = launch(settings, folder.path(), &down, &well)?;
    let mut report = Report::default();
    let node = launch.start()?;
    fill(settings, &node, &well, &mut report)?;
    node.kill()?;
    let node = launch.start()?;
    report.started = node.took;
    recover(settings, &node, down, &mut report)?;
    node.end()?;
    Ok(report)
}

fn launch(settings: &Settings, folder: &Path, down: &Sink, well: &Sink) -> Result<Launch, String> {
    let config = folder.join("interlock.toml");
    let mut text = "[node]\ndata = \"data\"\nhttp = \"127.0.0.1:0\"\n[site]\ncode = \"RXX\"\n\
                    [[channel]]\nname = \"pas\"\ndirection = \"inbound\"\n\
                    listen = \"127.0.0.1:0\"\n"
        .to_owned();
    for (ward, sink) in [("DOWN", down), ("WELL", well)] {
        let _ = write!(
            text,
            "[[channel]]\nname = \"to-{ward}\"\ndirection = \"outbound\"\nconnect = \"{}\"\n\
             resync = \"never\"\n\
             [[site.cabinet]]\nsystem = \"ADC\"\nstation = \"{ward}\"\nwards = [\"{ward}\"]\n\
             channel = \"to-{ward}\"\n",
            sink.address()
        );
    }
    std::fs::write(&config, text).map_err(|error| error.to_string())?;
    let log = folder.join("node.log");
    Ok(Launch { binary: settings.binary.clone(), config, arguments: Vec::new(), log })
}

/// Queues everything, a tenth at a time, and tells the other destination meanwhile.
fn fill(
    settings: &Settings,
    node: &Running,
    well: &Sink,
    report: &mut Report,
) -> Result<(), String> {
    let began = Instant::now();
    let address = node.address("pas")?;
    for tenth in 0..10 {
        let range = settings.messages * tenth / 10..settings.messages * (tenth + 1) / 10;
        report.others.1 += feed::pour(address, settings, range)?;
        report.filling_rss_kib.push(Usage::of(node.id())?.rss_kib);
    }
    report.filled = began.elapsed();
    let waiting = Instant::now();
    while well.count() < report.others.1 && waiting.elapsed() < STILL {
        std::thread::sleep(Duration::from_millis(20));
    }
    report.others.0 = well.count();
    Ok(())
}

/// Lets the destination come back, and checks what it got.
fn recover(
    settings: &Settings,
    node: &Running,
    down: Sink,
    report: &mut Report,
) -> Result<(), String> {
    let began = Instant::now();
    let down = down.listen()?;
    let (mut last, mut moved) = (0, Instant::now());
    while down.distinct() < settings.messages {
        std::thread::sleep(Duration::from_millis(50));
        let usage = Usage::of(node.id())?;
        report.recovery_rss_kib = report.recovery_rss_kib.max(usage.rss_kib);
        if down.count() > last {
            (last, moved) = (down.count(), Instant::now());
        } else if moved.elapsed() > STILL {
            break;
        }
    }
    report.recovered = began.elapsed();
    report.delivered = down.distinct();
    report.repeated = down.count() - report.delivered;
    report.disorder = down.disorder(settings);
    Ok(())
}
