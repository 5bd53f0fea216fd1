//! The node, its disk, the systems that send and those that are told, and what breaks them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::board::Board;
use super::check::{Outcome, check};
use super::disk::Disk;
use super::feeder::Feeder;
use super::sink::Sink;
use super::{Done, Report, Settings, TrialError, config};
use crate::trial::child::{Launch, Running};
use crate::trial::files::{self, JOURNAL, RECORD};
use crate::trial::say;

/// How long the senders may take to notice that the node is gone.
const QUIET_LIMIT: Duration = Duration::from_mins(1);
/// How long the node may take to tell the others what it has to tell.
const DRAIN_LIMIT: Duration = Duration::from_mins(10);
/// How long the senders may take to fill a segment.
const SEALING_LIMIT: Duration = Duration::from_mins(1);
/// How long the node still runs on a disk that takes nothing any more.
const DEAD_DISK: Duration = Duration::from_millis(30);

/// Files by their paths, with their lengths and when they were last written.
type HalfWritten = BTreeMap<PathBuf, (u64, SystemTime)>;

/// Everything that runs.
pub(super) struct Rig {
    // Before the disk, so that nothing uses it any more when it is taken out.
    node: Option<Running>,
    launch: Launch,
    data: PathBuf,
    board: Arc<Board>,
    feeders: Vec<JoinHandle<()>>,
    sink: Sink,
    connections: usize,
    restarted: Instant,
    acknowledged: u64,
    /// What the last fault left half written.
    left: HalfWritten,
    disk: Option<Disk>,
    scratch: tempfile::TempDir,
}

impl Rig {
    pub(super) fn start(settings: &Settings) -> Result<Rig, TrialError> {
        let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
        let disk = (settings.cuts > 0).then(|| Disk::make(scratch.path())).transpose()?;
        let root = disk.as_ref().map_or(scratch.path(), Disk::path);
        let data = root.join("data");
        let sink = Sink::start()?;
        let config = scratch.path().join("interlock.toml");
        std::fs::write(&config, config::text(&data, sink.address(), settings.segment_entries))
            .map_err(|error| error.to_string())?;
        let launch = Launch {
            binary: settings.binary.clone(),
            config,
            arguments: Vec::new(),
            log: scratch.path().join("node.log"),
        };
        let board = Arc::new(Board::new(settings.connections));
        let mut rig = Rig {
            node: None,
            launch,
            data,
            feeders: feed(settings, &board),
            board,
            sink,
            connections: settings.connections,
            restarted: Instant::now(),
            acknowledged: 0,
            left: HalfWritten::new(),
            disk,
            scratch,
        };
        rig.publish()?;
        Ok(rig)
    }

    /// Starts the node and tells the senders where it is.
    fn publish(&mut self) -> Result<(), TrialError> {
        let node = self.launch.start()?;
        self.board.set_node(Some(node.address("feed")?));
        self.node = Some(node);
        self.restarted = Instant::now();
        Ok(())
    }

    fn take(&mut self) -> Result<Running, TrialError> {
        self.board.set_node(None);
        self.node.take().ok_or_else(|| TrialError::Broken("no node runs".to_owned()))
    }

    /// What happened since the node started, for the line of a fault.
    fn since(&mut self) -> String {
        let lived = self.restarted.elapsed().as_secs_f32();
        let acknowledged = self.board.acknowledged.load(std::sync::atomic::Ordering::Relaxed);
        let new = acknowledged - self.acknowledged;
        self.acknowledged = acknowledged;
        format!("after {lived:.2} s and {new} acknowledged, {acknowledged} in all")
    }

    /// Kills the node under load and starts it again; with a time, kills it once more so long
    /// after that start began.
    pub(super) fn kill(&mut self, again: Option<Duration>) -> Result<Done, TrialError> {
        let node = self.node.take().ok_or_else(|| TrialError::Broken("no node runs".to_owned()))?;
        node.kill()?;
        let while_sealing = self.interrupted();
        self.board.set_node(None);
        let since = self.since();
        let mut again_text = String::new();
        if let Some(after) = again {
            self.launch.start_and_kill(after)?;
            again_text = format!(", killed again {} ms into the start", after.as_millis());
        }
        self.publish()?;
        let took = self.node.as_ref().map_or(0, |node| node.took.as_millis());
        let words = format!("kill       {since}{again_text}, back in {took} ms");
        Ok(Done { words, while_sealing })
    }

    /// Waits until the node that runs now seals a segment; false where it does not for too long.
    pub(super) fn until_sealing(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < SEALING_LIMIT {
            if self.is_sealing() {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// Whether something of a segment is half written, and not as the last fault left it.
    fn is_sealing(&self) -> bool {
        let half = self.half_written();
        !half.is_empty() && half != self.left
    }

    /// Segments and seals that are being written, and segments that have no seal yet.
    fn half_written(&self) -> HalfWritten {
        let journal = self.data.join(JOURNAL);
        let sealed = journal::segments(&journal).unwrap_or_default();
        let open = sealed.into_iter().filter(|segment| !segment.is_sealed);
        let mut paths: Vec<PathBuf> = open.map(|segment| segment.path()).collect();
        let folder = std::fs::read_dir(journal::folder_of(&journal));
        let files = folder.into_iter().flatten().flatten().map(|file| file.path());
        paths.extend(files.filter(|path| path.extension().is_some_and(|end| end == "part")));
        // A file that went while it was looked at was none.
        let metadata = paths.into_iter().filter_map(|path| {
            let data = std::fs::metadata(&path).ok()?;
            Some((path, (data.len(), data.modified().ok()?)))
        });
        metadata.collect()
    }

    /// Whether something was half written when the node was gone, which is remembered.
    fn interrupted(&mut self) -> bool {
        let is_sealing = self.is_sealing();
        self.left = self.half_written();
        is_sealing
    }

    /// How many segments are sealed.
    fn sealed(&self) -> usize {
        let segments = journal::segments(&self.data.join(JOURNAL)).unwrap_or_default();
        segments.iter().filter(|segment| segment.is_sealed).count()
    }

    /// Cuts the power under load, and checks everything before the traffic goes on.
    pub(super) fn cut(&mut self) -> Result<Done, TrialError> {
        let disk = self.disk.as_ref().ok_or_else(|| TrialError::Broken("no disk".to_owned()))?;
        disk.cut()?;
        thread::sleep(DEAD_DISK);
        self.take()?.kill()?;
        let since = self.since();
        self.until_quiet()?;
        let disk = self.disk.as_ref().ok_or_else(|| TrialError::Broken("no disk".to_owned()))?;
        disk.remount()?;
        let while_sealing = self.interrupted();
        let tip = files::verify_chain(&self.data).map_err(TrialError::Found)?;
        // The record is brought up to the journal before it is looked at.
        self.launch.start()?.end()?;
        let outcome = self.inspect()?;
        if !outcome.is_clean() {
            let words = outcome.words.join("\n  ");
            return Err(TrialError::Found(format!("after a power cut:\n  {words}")));
        }
        self.publish()?;
        let took = self.node.as_ref().map_or(0, |node| node.took.as_millis());
        let tip = tip.split(':').next().unwrap_or_default().to_owned();
        let words = format!(
            "power cut  {since}; whole up to entry {tip}, rebuilt the same, back in {took} ms"
        );
        Ok(Done { words, while_sealing })
    }

    /// Waits until every sender has a message that nobody answers.
    fn until_quiet(&self) -> Result<(), TrialError> {
        let began = Instant::now();
        while self.board.counts().1 < self.connections as u64 {
            if began.elapsed() > QUIET_LIMIT {
                return Err(TrialError::Broken("the senders do not come to rest".to_owned()));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Checks the files of a node that was ended in order.
    fn inspect(&self) -> Result<Outcome, TrialError> {
        let books = self.board.books();
        let outcome = check(&self.data, &books).map_err(TrialError::Found)?;
        files::rebuild_is_the_same(&self.launch.binary, &self.data, self.scratch.path())
            .map_err(TrialError::Found)?;
        Ok(outcome)
    }

    /// Lets everything come to its end, and checks all of it.
    pub(super) fn finish(mut self, report: &mut Report) -> Result<(), TrialError> {
        self.board.stop();
        for feeder in std::mem::take(&mut self.feeders) {
            feeder.join().map_err(|_| TrialError::Broken("a sender failed".to_owned()))?;
        }
        let deeds = self.board.deeds();
        let deeds: Vec<String> = deeds.iter().map(|(what, n)| format!("{n} {what}")).collect();
        say(&format!("sent: {}", deeds.join(", ")));
        self.drain()?;
        self.take()?.end()?;
        let tip = files::verify_chain(&self.data).map_err(TrialError::Found)?;
        report.outcome = self.inspect()?;
        let size = |name| std::fs::metadata(self.data.join(name)).map_or(0, |file| file.len());
        let mib = |name| size(name) / (1024 * 1024);
        say(&format!("journal {} MiB, record {} MiB, tip {tip}", mib(JOURNAL), mib(RECORD)));
        report.sealed = self.sealed();
        report.resent = self.board.resent.load(std::sync::atomic::Ordering::Relaxed);
        let told = self.sink.told();
        for removal in &report.outcome.dispenses {
            match told.get(removal.as_str()).map_or(0, std::collections::BTreeSet::len) {
                0 => report.untold += 1,
                times => report.told_twice += times as u64 - 1,
            }
        }
        Ok(())
    }

    /// Waits until the node has told the others everything.
    fn drain(&self) -> Result<(), TrialError> {
        let began = Instant::now();
        let record = record::Reader::open(&self.data.join(RECORD), &self.data.join(JOURNAL));
        let record = record.map_err(|error| error.to_string())?;
        loop {
            let queues = record.queues().map_err(|error| error.to_string())?;
            if queues.is_empty() {
                say(&format!("everything was told {:.1} s later", began.elapsed().as_secs_f32()));
                return Ok(());
            }
            if began.elapsed() > DRAIN_LIMIT {
                let depth: u64 = queues.iter().map(|queue| queue.depth).sum();
                return Err(TrialError::Found(format!("{depth} deliveries still wait")));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.board.give_up();
        if let Some(node) = self.node.take() {
            // It may have ended by itself.
            let _ = node.kill();
        }
    }
}

/// Starts the senders.
pub(super) fn feed(settings: &Settings, board: &Arc<Board>) -> Vec<JoinHandle<()>> {
    let feeder = |connection| {
        let feeder = Feeder::new(connection, Arc::clone(board), settings.seed, settings.pause);
        thread::spawn(move || feeder.run())
    };
    (0..settings.connections).map(feeder).collect()
}
