//! Sealing: the oldest entries of the main file become a segment.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::block::{Block, is_full};
use super::folder::{Segment, folder_of, segments};
use super::keeping::{Keep, remove_bodies};
use super::seal::{Seal, SigningKey};
use super::store::{Store, Writer};
use crate::{Broken, Entry, Error, Position, Reader, Why, file};

/// How often the thread looks whether a segment is full.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it looks for messages that need not stay readable any longer.
const TIDY_EVERY: Duration = Duration::from_hours(6);
/// How many entries are read from the main file at a time, so that no long read keeps the
/// write-ahead file from starting anew.
const CHUNK: usize = 256;

/// How a journal is cut into segments.
#[derive(Clone, Debug)]
pub struct Sealing {
    /// How many entries a segment holds, from 1.
    pub segment_entries: u64,
    /// How many of the newest entries stay in the main file at least.
    pub keep_entries: u64,
    /// The key that signs the seals; none for seals without a signature.
    pub key: Option<Arc<SigningKey>>,
}

/// The usual hospital writes an entry a second: a segment is then half a day and takes about
/// 5 MiB.
impl Default for Sealing {
    fn default() -> Self {
        Self { segment_entries: 32_768, keep_entries: 4_096, key: None }
    }
}

/// The thread that seals beside the writer. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Sealer {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sealer {
    /// Starts it over the journal at `path`. `sealed` is told up to where the main file may be
    /// emptied. An error ends the sealing and nothing else: entries then stay where they are.
    pub(crate) fn start(
        path: PathBuf,
        sealing: Sealing,
        sealed: Arc<AtomicU64>,
        mut keep: Option<Box<dyn Keep>>,
        told: impl Fn(&Error) + Send + 'static,
    ) -> Result<Self, Error> {
        let (stop, stopped) = sync_channel(1);
        let run = move || {
            if let Err(error) = run(&path, &sealing, &sealed, keep.as_deref_mut(), &stopped) {
                told(&error);
            }
        };
        let thread = thread::Builder::new()
            .name("journal-seal".into())
            .spawn(run)
            .map_err(|error| Error::Io(error.to_string()))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // What it was about to do is done again by the next one.
            let _ = thread.join();
        }
    }
}

fn run(
    path: &Path,
    sealing: &Sealing,
    sealed: &AtomicU64,
    mut keep: Option<&mut (dyn Keep + 'static)>,
    stopped: &Receiver<()>,
) -> Result<(), Error> {
    let reader = Reader::open(path)?;
    let mut tidied: Option<Instant> = None;
    let pause = |spent: Duration| match stopped.recv_timeout(spent) {
        Err(RecvTimeoutError::Timeout) => Ok(()),
        _ => Err(Error::Stopped),
    };
    let mut work = || {
        loop {
            let more = seal_one(path, &reader, sealing, &pause)?;
            if more {
                sealed.store(sealed_to(path)?, Ordering::Release);
            }
            // Asked every time, so that a change is seen once.
            if let Some(keep) = keep.as_deref_mut()
                && (keep.has_changed() || tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY))
            {
                remove_bodies(path, keep, &pause)?;
                tidied = Some(Instant::now());
            }
            if !more {
                pause(LOOK_EVERY)?;
            }
        }
    };
    match work() {
        Err(Error::Stopped) => Ok(()),
        done => done,
    }
}

/// Seals every full segment of the journal at `path`, whose writer the caller is or has kept
/// away. Answers how many there were.
pub(crate) fn seal_all(path: &Path, sealing: &Sealing) -> Result<u64, Error> {
    let reader = Reader::open(path)?;
    let mut count = 0;
    while seal_one(path, &reader, sealing, &|_| Ok(()))? {
        count += 1;
    }
    Ok(count)
}

/// The last entry up to which everything is sealed without a gap from the main file's beginning.
pub(crate) fn sealed_to(path: &Path) -> Result<u64, Error> {
    Ok(last_seal(path)?.map_or(0, |segment| segment.last))
}

fn last_seal(path: &Path) -> Result<Option<Segment>, Error> {
    Ok(segments(path)?.into_iter().rfind(|segment| segment.is_sealed))
}

/// Seals the next segment if it is full. Rests after each piece of work as long as that took, so
/// that at least half of the processor and of the disk stays with the writer.
fn seal_one(
    path: &Path,
    reader: &Reader,
    sealing: &Sealing,
    pause: &dyn Fn(Duration) -> Result<(), Error>,
) -> Result<bool, Error> {
    let from = match last_seal(path)? {
        Some(segment) => segment.seal()?.to,
        None => reader.base()?,
    };
    let size = sealing.segment_entries.max(1);
    let due = from.seq.saturating_add(size).saturating_add(sealing.keep_entries);
    if reader.position()?.seq < due {
        return Ok(false);
    }
    let folder = folder_of(path);
    file::create_folder(&folder)?;
    let segment = Segment::new(&folder, from.seq + 1, from.seq + size);
    let mut seal = write(reader, &segment, from, pause)?;
    check(&segment, &seal, pause)?;
    seal.write(&segment.seal_path(), sealing.key.as_deref())?;
    Ok(true)
}

fn write(
    reader: &Reader,
    segment: &Segment,
    from: Position,
    pause: &dyn Fn(Duration) -> Result<(), Error>,
) -> Result<Seal, Error> {
    let mut writer = Writer::create(Segment::part_of(&segment.path()), reader.site())?;
    let (mut tip, mut times) = (from, None);
    let mut waiting: Vec<Entry> = Vec::new();
    let mut bytes = 0;
    let mut began = Instant::now();
    while tip.seq < segment.last {
        let left = usize::try_from(segment.last - tip.seq).unwrap_or(CHUNK).min(CHUNK);
        let entries = reader.read_from(tip.seq + 1, left)?;
        if entries.is_empty() {
            let why = Why::Unreadable("it is gone from the main file".to_owned());
            return Err(Broken { seq: tip.seq + 1, why }.into());
        }
        for entry in entries {
            times = Some(times.map_or((entry.at, entry.at), |(first, _)| (first, entry.at)));
            tip = entry.position();
            bytes += entry.head.len() + entry.raw.len();
            waiting.push(entry);
            if is_full(waiting.len(), bytes) || tip.seq == segment.last {
                let before = waiting.first().map_or(from, |first| Position {
                    seq: first.seq - 1,
                    hash: writer.tip().unwrap_or(from.hash),
                });
                writer.add(&Block::pack(before, &waiting)?)?;
                waiting.clear();
                bytes = 0;
                pause(began.elapsed())?;
                began = Instant::now();
            }
        }
    }
    writer.finish(&segment.path())?;
    let (first_at, last_at) = times.unwrap_or_default();
    let site = reader.site().to_owned();
    Ok(Seal { site, from, to: tip, first_at, last_at, record: None, signature: None })
}

/// Reads the segment from the disk again: only what can be read is sealed.
fn check(
    segment: &Segment,
    seal: &Seal,
    pause: &dyn Fn(Duration) -> Result<(), Error>,
) -> Result<(), Error> {
    let store = Store::open(&segment.path())?;
    let mut tip = seal.from;
    while tip.seq < seal.to.seq {
        let began = Instant::now();
        let seq = tip.seq + 1;
        let block = store.block(seq)?.filter(|block| block.before == tip);
        let block = block.ok_or(Broken { seq, why: Why::Altered })?;
        block.unpack()?;
        tip = block.tip;
        pause(began.elapsed())?;
    }
    if tip == seal.to { Ok(()) } else { Err(Broken { seq: tip.seq, why: Why::Altered }.into()) }
}
