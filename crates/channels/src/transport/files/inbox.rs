//! The folder of an inbound channel: files are found, taken when they are complete, answered by a
//! file, and moved away when everything in them is durable.
//!
//! The order of these steps is what makes a crash harmless: the messages are in the journal before
//! the answer is written, and the answer is there before the file moves. A node that dies in
//! between takes the file again; the messages are known by their control ids, have no second
//! effect, and get the same acknowledgements.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{create_dir_all, rename};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use engine::Clock;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, Instant, sleep};

use super::{WriteError, code_of, sync_folder, write_whole};
use crate::config::FilesConfig;
use crate::health::Meter;
use crate::transport::{Reply, STOP_GRACE, Service, Stop, Unserved};

/// The most files that one look at the folder takes up; the others wait for the next one.
const MAX_FILES: usize = 1000;

/// The most names that are tried for a file whose name is taken where it goes.
const MAX_NAMES: usize = 1000;

/// How much of a file that is too long is looked at to answer it, in bytes.
const OVERSIZED_HEAD: usize = 4 * 1024;

/// Where files of which everything was taken go.
const DONE: &str = "done";
/// Where files go of which anything was refused or parked.
const REFUSED: &str = "refused";
/// Where the answers are written.
const REPLIES: &str = "replies";

/// Why a folder cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error(
    "`folder` {} cannot be used: {source}; make it, and let the node read and write it",
    .folder.display()
)]
pub struct InboxError {
    folder: PathBuf,
    source: io::Error,
}

/// A folder that is watched.
#[derive(Debug)]
pub(crate) struct Inbox {
    places: Arc<Places>,
    settle: Duration,
    poll: Duration,
}

#[derive(Debug)]
struct Places {
    folder: PathBuf,
    ending: String,
    /// The largest file that is taken, in bytes.
    limit: usize,
}

/// What tells two states of a file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    changed: Option<SystemTime>,
}

/// A file in the folder.
#[derive(Debug, Clone)]
struct Found {
    name: OsString,
    stamp: Stamp,
}

/// A file that was read.
enum Contents {
    Whole(Vec<u8>),
    /// Only its beginning.
    TooLong(Vec<u8>),
    /// It changed while it was read.
    Changing,
}

/// What the task remembers of files from look to look.
#[derive(Default)]
struct Memory {
    /// Since when a file has not changed.
    still: HashMap<OsString, (Stamp, Instant)>,
    /// What was taken in and could not be answered or moved.
    taken: BTreeMap<OsString, (Stamp, Reply)>,
}

impl Inbox {
    /// Makes the folders that are not there and looks whether they can be used.
    pub(crate) fn open(settings: FilesConfig, limit: usize) -> Result<Self, InboxError> {
        let FilesConfig { folder, ending, settle_s, poll_ms, .. } = settings;
        let places = Places { folder, ending, limit };
        let usable = || -> io::Result<()> {
            for place in [DONE, REFUSED, REPLIES] {
                create_dir_all(places.folder.join(place))?;
            }
            places.list().map(drop)
        };
        if let Err(source) = usable() {
            return Err(InboxError { folder: places.folder, source });
        }
        Ok(Inbox {
            places: Arc::new(places),
            settle: Duration::from_secs(u64::from(settle_s)),
            poll: Duration::from_millis(u64::from(poll_ms)),
        })
    }

    /// Takes in files until it is told to stop; the one in work is finished, where that takes no
    /// longer than [`STOP_GRACE`].
    pub(crate) async fn run<S: Service>(
        self,
        service: S,
        clock: Clock,
        meter: Meter,
        mut stop: Stop,
    ) {
        let mut memory = Memory::default();
        let mut open = false;
        while !stop.is_set() {
            let places = Arc::clone(&self.places);
            let listed = spawn_blocking(move || places.list()).await;
            match listed {
                Ok(Ok(found)) => {
                    if !std::mem::replace(&mut open, true) {
                        meter.opened();
                    }
                    let mut told = stop.clone();
                    let out_of_time = async {
                        told.wait().await;
                        sleep(STOP_GRACE).await;
                    };
                    // A long batch is left in its middle then: it is taken again after a start, and
                    // what was taken of it has no second effect.
                    tokio::select! {
                        () = self.round(found, &mut memory, &service, clock, &meter, &stop) => {}
                        () = out_of_time => break,
                    }
                }
                Ok(Err(error)) => {
                    meter.down(code_of(&error));
                    if std::mem::take(&mut open) {
                        meter.closed();
                    }
                }
                Err(_) => meter.error("folder-unreadable"),
            }
            tokio::select! {
                () = sleep(self.poll) => {}
                () = stop.wait() => {}
            }
        }
        if open {
            meter.closed();
        }
    }

    /// Takes in what is complete, file by file in its order.
    async fn round<S: Service>(
        &self,
        found: Vec<Found>,
        memory: &mut Memory,
        service: &S,
        clock: Clock,
        meter: &Meter,
        stop: &Stop,
    ) {
        let now = Instant::now();
        memory.still.retain(|name, _| found.iter().any(|file| file.name == *name));
        memory.taken.retain(|name, _| found.iter().any(|file| file.name == *name));
        for file in found {
            if stop.is_set() {
                return;
            }
            if !memory.is_still(&file, now, self.settle) {
                continue;
            }
            let known = memory.taken.get(&file.name).filter(|(stamp, _)| *stamp == file.stamp);
            let reply = match known {
                Some((_, reply)) => reply.clone(),
                None => match self.take(&file, service, meter).await {
                    Ok(Some(reply)) => reply,
                    Ok(None) => continue,
                    Err(why) => {
                        // Nothing after it may overtake it.
                        meter.error(why.code());
                        return;
                    }
                },
            };
            self.put_away(file, reply, memory, clock, meter).await;
        }
    }

    /// Reads a file and has what is in it decided; `None` where it cannot be read now.
    async fn take<S: Service>(
        &self,
        file: &Found,
        service: &S,
        meter: &Meter,
    ) -> Result<Option<Reply>, Unserved> {
        let (places, reading) = (Arc::clone(&self.places), file.clone());
        let read = spawn_blocking(move || places.read(&reading)).await;
        match read {
            Ok(Ok(Contents::Whole(bytes))) => service.message(bytes).await.map(Some),
            Ok(Ok(Contents::TooLong(head))) => {
                meter.error("oversized");
                service.oversized(head, self.places.limit).await.map(Some)
            }
            Ok(Ok(Contents::Changing)) => Ok(None),
            Ok(Err(_)) | Err(_) => {
                meter.error("file-unreadable");
                Ok(None)
            }
        }
    }

    /// Writes the answer and moves the file away.
    async fn put_away(
        &self,
        file: Found,
        reply: Reply,
        memory: &mut Memory,
        clock: Clock,
        meter: &Meter,
    ) {
        let places = Arc::clone(&self.places);
        let at = clock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let (name, answer) = (file.name.clone(), reply.clone());
        let moved = spawn_blocking(move || places.put_away(&name, &answer, &at)).await;
        match moved {
            Ok(Ok(answered)) => {
                if answered {
                    meter.sent();
                }
                meter.well();
                memory.taken.remove(&file.name);
                memory.still.remove(&file.name);
            }
            // What was taken in is not taken in again as long as the node remembers.
            Ok(Err(error)) => {
                meter.error(code_of(&error));
                memory.taken.insert(file.name, (file.stamp, reply));
            }
            Err(_) => meter.error("file-not-moved"),
        }
    }
}

impl Memory {
    /// Whether a file has not changed for as long as it must.
    fn is_still(&mut self, file: &Found, now: Instant, settle: Duration) -> bool {
        let kept = self.still.get(&file.name).filter(|(stamp, _)| *stamp == file.stamp);
        let since = kept.map_or(now, |(_, since)| *since);
        self.still.insert(file.name.clone(), (file.stamp, since));
        now.duration_since(since) >= settle
    }
}

impl Places {
    /// The files that are there, the oldest first. Hidden ones are still being written; a link
    /// could lead anywhere.
    fn list(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            if text.starts_with('.') || !text.ends_with(&self.ending) {
                continue;
            }
            // One that is gone by now is looked for again next time.
            let Ok(data) = entry.metadata() else { continue };
            if data.is_file() {
                found.push(Found { stamp: Stamp::of(&data), name });
            }
        }
        found.sort_by(|a, b| (a.stamp.changed, &a.name).cmp(&(b.stamp.changed, &b.name)));
        found.truncate(MAX_FILES);
        Ok(found)
    }

    fn read(&self, file: &Found) -> io::Result<Contents> {
        let mut opened = std::fs::File::open(self.folder.join(&file.name))?;
        let most = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        opened.by_ref().take(most).read_to_end(&mut bytes)?;
        if Stamp::of(&opened.metadata()?) != file.stamp {
            return Ok(Contents::Changing);
        }
        if bytes.len() > self.limit {
            bytes.truncate(OVERSIZED_HEAD);
            return Ok(Contents::TooLong(bytes));
        }
        Ok(Contents::Whole(bytes))
    }

    /// Whether an answer was written.
    fn put_away(&self, name: &OsString, reply: &Reply, at: &str) -> io::Result<bool> {
        let answer = reply.answers.concat();
        if !answer.is_empty() {
            let written = write_whole(&self.folder.join(REPLIES), &name.to_string_lossy(), &answer);
            match written {
                Ok(()) => {}
                Err(WriteError::NotThere(error)) => return Err(error),
                Err(WriteError::NotSynced) => return Err(io::ErrorKind::Other.into()),
            }
        }
        let place = self.folder.join(if reply.refused { REFUSED } else { DONE });
        rename(self.folder.join(name), free_name(&place, name, at)?)?;
        sync_folder(&place)?;
        sync_folder(&self.folder)?;
        Ok(!answer.is_empty())
    }
}

impl Stamp {
    fn of(data: &std::fs::Metadata) -> Self {
        Stamp { bytes: data.len(), changed: data.modified().ok() }
    }
}

/// A name in `place` that no file has: nothing that was kept is written over.
fn free_name(place: &Path, name: &OsString, at: &str) -> io::Result<PathBuf> {
    let plain = place.join(name);
    if !plain.try_exists()? {
        return Ok(plain);
    }
    for count in 1..=MAX_NAMES {
        let mut other = name.clone();
        other.push(format!(".{at}.{count}"));
        let other = place.join(other);
        if !other.try_exists()? {
            return Ok(other);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_to_be_still_for_a_while() {
        let mut memory = Memory::default();
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let file = |bytes| Found {
            name: "a.hl7".into(),
            stamp: Stamp { bytes, changed: Some(SystemTime::UNIX_EPOCH) },
        };
        assert!(memory.is_still(&file(1), now, Duration::ZERO), "renamed into its place");
        assert!(!memory.is_still(&file(1), now + second, second * 2));
        assert!(!memory.is_still(&file(2), now + second * 2, second * 2), "it has grown");
        assert!(memory.is_still(&file(2), now + second * 4, second * 2));
    }

    #[test]
    fn nothing_that_was_kept_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let name = OsString::from("a.hl7");
        let first = free_name(folder.path(), &name, "T").unwrap();
        assert_eq!(first, folder.path().join("a.hl7"));
        std::fs::write(first, "1").unwrap();
        let second = free_name(folder.path(), &name, "T").unwrap();
        assert_eq!(second, folder.path().join("a.hl7.T.1"));
    }
}
