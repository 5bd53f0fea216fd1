//! Bulk export (FHIR Bulk Data Access IG 2.0): kick-off, status, files, one file for each.
//!
//! A job is a folder with its state and its files, which are NDJSON compressed by gzip. One thread
//! writes one job after another from one state of the record; the engine is never asked. What a
//! start finds unfinished has failed: whoever asked for it asks again.

pub(crate) mod file;
mod job;
pub(crate) mod kickoff;
pub(crate) mod status;
mod work;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use engine::{Clock, Engine};
use jiff::{SignedDuration, Timestamp};
use record::Readers;
use tokio::sync::Semaphore;

use job::{Asked, Job, State};

/// The most exports of one client that wait or run.
const MAX_RUNNING: usize = 2;
/// The most exports of one client that are kept.
const MAX_KEPT: usize = 8;
/// The most exports of all clients that are kept.
const MAX_JOBS: usize = 64;
/// How long the files of an export are kept after it has ended.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How often it is looked whether an export has expired.
const SWEEP: Duration = Duration::from_mins(1);
/// The most files that are sent at the same time.
const MAX_DOWNLOADS: usize = 8;
/// The free bytes that an export leaves on the disk: the journal needs them.
const MIN_FREE_BYTES: u64 = 2 << 30;

/// Tells how many bytes are free where a folder is; none where the system cannot tell.
pub type FreeBytes = fn(&Path) -> Option<u64>;

/// The exports of a node.
#[derive(Clone)]
pub struct Exports(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    free: FreeBytes,
    clock: Clock,
    readers: Arc<Readers>,
    jobs: Mutex<BTreeMap<String, Entry>>,
    queue: Sender<String>,
    counter: AtomicU64,
    downloads: Arc<Semaphore>,
}

/// A job, and how to end it.
#[derive(Clone)]
struct Entry {
    job: Job,
    /// Set when it was deleted.
    ended: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

/// How far a job has come.
#[derive(Debug, Default)]
struct Progress {
    resources: AtomicU64,
    types: AtomicU64,
}

/// Why an export does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Full {
    /// The client has as many under way as it may.
    Running,
    /// As many are kept as may be.
    Kept,
    /// The disk has too little room.
    Disk,
}

impl Exports {
    /// Keeps exports in the folder, which is made where it is not there. What it holds of jobs that
    /// ended is there again; those that had not ended have failed.
    ///
    /// Errors: the folder cannot be made or read, or the thread cannot be started.
    pub fn open(engine: &Engine, folder: &Path, free: FreeBytes) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let (queue, orders) = channel();
        let inner = Arc::new(Inner {
            folder: folder.to_owned(),
            free,
            clock: engine.clock(),
            readers: engine.readers(),
            jobs: Mutex::new(found(folder)?),
            queue,
            counter: AtomicU64::new(0),
            downloads: Arc::new(Semaphore::new(MAX_DOWNLOADS)),
        });
        inner.sweep();
        let weak = Arc::downgrade(&inner);
        thread::Builder::new().name("fhir-export".to_owned()).spawn(move || {
            loop {
                let order = orders.recv_timeout(SWEEP);
                // Nobody can ask for anything any more.
                let Some(inner) = Weak::upgrade(&weak) else { return };
                match order {
                    Ok(id) => inner.run(&id),
                    Err(RecvTimeoutError::Timeout) => inner.sweep(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })?;
        Ok(Exports(inner))
    }

    /// Lets an export begin; gives its id.
    fn begin(&self, client: &str, asked: Asked) -> Result<io::Result<String>, Full> {
        let inner = &self.0;
        inner.sweep();
        if (inner.free)(&inner.folder).is_some_and(|free| free < MIN_FREE_BYTES) {
            return Err(Full::Disk);
        }
        let mut jobs = inner.lock();
        let own = || jobs.values().filter(|entry| entry.job.client == client);
        if own().filter(|entry| entry.job.state == State::Running).count() >= MAX_RUNNING {
            return Err(Full::Running);
        }
        if own().count() >= MAX_KEPT || jobs.len() >= MAX_JOBS {
            return Err(Full::Kept);
        }
        let now = inner.clock.now();
        let number = inner.counter.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:x}-{number}", now.as_microsecond());
        let job = Job::new(id.clone(), client.to_owned(), asked, now);
        let folder = inner.folder.join(&id);
        if let Err(error) = fs::create_dir(&folder).and_then(|()| job.save(&folder)) {
            remove(&folder);
            return if is_full(&error) { Err(Full::Disk) } else { Ok(Err(error)) };
        }
        let entry = Entry { job, ended: Arc::default(), progress: Arc::default() };
        jobs.insert(id.clone(), entry);
        drop(jobs);
        let gone = |_| io::Error::other("the thread of the exports has ended");
        Ok(inner.queue.send(id.clone()).map(|()| id).map_err(gone))
    }

    /// The job of this client.
    fn of(&self, client: &str, id: &str) -> Option<Entry> {
        self.0.sweep();
        self.0.lock().get(id).filter(|entry| entry.job.client == client).cloned()
    }

    /// Ends and forgets a job of this client; false where there is none.
    fn delete(&self, client: &str, id: &str) -> bool {
        let mut jobs = self.0.lock();
        if jobs.get(id).is_none_or(|entry| entry.job.client != client) {
            return false;
        }
        let entry = jobs.remove(id);
        drop(jobs);
        if let Some(entry) = entry {
            self.0.forget(&entry);
        }
        true
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Entry>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what has expired.
    fn sweep(&self) {
        let now = self.clock.now();
        let is_over = |entry: &Entry| entry.job.expires(KEPT_FOR).is_some_and(|at| at <= now);
        let mut jobs = self.lock();
        let over: Vec<String> =
            jobs.iter().filter(|(_, entry)| is_over(entry)).map(|(id, _)| id.clone()).collect();
        let over: Vec<Entry> = over.iter().filter_map(|id| jobs.remove(id)).collect();
        drop(jobs);
        for entry in &over {
            self.forget(entry);
        }
    }

    fn forget(&self, entry: &Entry) {
        entry.ended.store(true, Ordering::Relaxed);
        // What is written at the moment removes itself when it finds that it has ended.
        if entry.job.state != State::Running {
            remove(&self.folder.join(&entry.job.id));
        }
    }

    /// Writes a job, on the thread of the exports.
    fn run(&self, id: &str) {
        let Some(entry) = self.lock().get(id).cloned() else {
            remove(&self.folder.join(id));
            return;
        };
        let folder = self.folder.join(id);
        let mut job = entry.job.clone();
        let room = || (self.free)(&self.folder).is_none_or(|free| free >= MIN_FREE_BYTES);
        let written = work::write(&self.readers, &folder, &mut job, &entry, &room);
        job.ended = Some(self.clock.now());
        match written {
            Ok(()) => job.state = State::Done,
            Err(failed) => {
                tracing::warn!(job = id, why = failed.code(), "an export failed");
                fail(&mut job, &folder, &failed.to_string());
            }
        }
        let mut saved = job.save(&folder);
        if saved.is_err() && job.state == State::Done {
            // Files that no state names are of no use; without them there may be room for it.
            fail(&mut job, &folder, "Its state could not be written.");
            saved = job.save(&folder);
        }
        if let Err(error) = saved {
            tracing::warn!(%error, job = id, "the state of an export could not be written");
        }
        let mut jobs = self.lock();
        if let Some(kept) = jobs.get_mut(id) {
            kept.job = job;
        } else {
            // It was deleted while it ran.
            drop(jobs);
            remove(&folder);
        }
    }
}

/// A job failed: what was written of it goes.
fn fail(job: &mut Job, folder: &Path, why: &str) {
    job.files.clear();
    if let Err(error) = job::clear(folder) {
        tracing::warn!(%error, "what was written of an export could not be removed");
    }
    job.state = State::Failed { why: why.to_owned() };
}

/// Whether the disk, or the part of it that the node may use, is full.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "the files of an export could not be removed");
    }
}

/// The jobs that a folder holds. What is no job is removed: nobody could ask for it.
fn found(folder: &Path) -> io::Result<BTreeMap<String, Entry>> {
    let mut jobs = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match Job::load(&path) {
            Some(job) => {
                let entry = Entry { job, ended: Arc::default(), progress: Arc::default() };
                jobs.insert(entry.job.id.clone(), entry);
            }
            None => remove(&path),
        }
    }
    Ok(jobs)
}

/// A time as a header has it (RFC 9110 §5.6.7).
fn http_date(at: Timestamp) -> Option<String> {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}
