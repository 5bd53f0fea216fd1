//! The folder of an inbound channel: files are found, taken when they are complete, answered by a
//! file, and moved away when everything in them is durable.
//!
//! The order of these steps is what makes a crash harmless: the messages are in the journal before
//! the answer is written, and the answer is there before the file moves. A node that dies in
//! between takes the file again; the messages are known by their control ids, have no second
//! effect, and get the same acknowledgements.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{create_dir_all, hard_link, remove_file, rename, symlink_metadata};
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

/// What became of a file.
enum Taken {
    Answered(Reply),
    /// It is still being written.
    Changing,
    Unreadable,
}

/// What was done with a file that was taken in.
struct Put {
    /// An answer was written.
    answered: bool,
    /// Another file has its name now; that one was left where it is.
    replaced: bool,
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
                    Ok(Taken::Answered(reply)) => reply,
                    // Nothing after a file may overtake it; one that cannot be read at all is
                    // for a person to mend, and holds nobody up.
                    Ok(Taken::Changing) => return,
                    Ok(Taken::Unreadable) => continue,
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

    /// Reads a file and has what is in it decided.
    async fn take<S: Service>(
        &self,
        file: &Found,
        service: &S,
        meter: &Meter,
    ) -> Result<Taken, Unserved> {
        let (places, reading) = (Arc::clone(&self.places), file.clone());
        let read = spawn_blocking(move || places.read(&reading)).await;
        match read {
            Ok(Ok(Contents::Whole(bytes))) => service.message(bytes).await.map(Taken::Answered),
            Ok(Ok(Contents::TooLong(head))) => {
                meter.error("oversized");
                service.oversized(head, self.places.limit).await.map(Taken::Answered)
            }
            Ok(Ok(Contents::Changing)) => Ok(Taken::Changing),
            Ok(Err(_)) | Err(_) => {
                meter.error("file-unreadable");
                Ok(Taken::Unreadable)
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
        let (moving, answer) = (file.clone(), reply.clone());
        let moved = spawn_blocking(move || places.put_away(&moving, &answer, &at)).await;
        match moved {
            Ok(Ok(put)) => {
                if put.answered {
                    meter.sent();
                }
                if put.replaced {
                    // Another file of that name has come meanwhile: it is taken in its turn.
                    meter.error("file-replaced");
                } else {
                    meter.well();
                }
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
        found.sort_by_cached_key(|file| (file.stamp.changed, numbered(&file.name)));
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

    /// Writes the answer and moves the file away, unless the file that has the name now is not
    /// the one that was read.
    fn put_away(&self, file: &Found, reply: &Reply, at: &str) -> io::Result<Put> {
        let name = &file.name;
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
        let (from, to) = (self.folder.join(name), free_name(&place, name, at)?);
        let is_read = |path: &Path| -> io::Result<bool> {
            Ok(Stamp::of(&symlink_metadata(path)?) == file.stamp)
        };
        let mut replaced = !is_read(&from)?;
        if !replaced {
            rename(&from, &to)?;
            if !is_read(&to)? {
                // It came between the look and the move: it goes back, unless yet another came.
                hard_link(&to, &from)?;
                remove_file(&to)?;
                replaced = true;
            }
            sync_folder(&place)?;
        }
        sync_folder(&self.folder)?;
        Ok(Put { answered: !answer.is_empty(), replaced })
    }
}

impl Stamp {
    fn of(data: &std::fs::Metadata) -> Self {
        Stamp { bytes: data.len(), changed: data.modified().ok() }
    }
}

/// A name as texts and the numbers behind them, so that of files of the same time `m9` comes
/// before `m10`.
fn numbered(name: &OsStr) -> Vec<(String, u128)> {
    let name = name.to_string_lossy();
    let (mut parts, mut rest) = (Vec::new(), &*name);
    while !rest.is_empty() {
        let (text, more) = rest.split_at(rest.find(is_digit).unwrap_or(rest.len()));
        let (digits, more) = more.split_at(more.find(|c| !is_digit(c)).unwrap_or(more.len()));
        parts.push((text.to_owned(), digits.parse().unwrap_or_default()));
        rest = more;
    }
    parts
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
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
    fn a_file_that_took_the_name_of_one_that_was_read_is_left_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        for place in [DONE, REFUSED, REPLIES] {
            std::fs::create_dir(folder.path().join(place)).unwrap();
        }
        let places =
            Places { folder: folder.path().to_owned(), ending: ".hl7".to_owned(), limit: 1_000 };
        let path = folder.path().join("orders.hl7");
        std::fs::write(&path, "one").unwrap();
        let read = places.list().unwrap().remove(0);
        std::fs::write(folder.path().join("next"), "the second").unwrap();
        rename(folder.path().join("next"), &path).unwrap();
        let reply = Reply::default();
        assert!(places.put_away(&read, &reply, "T").unwrap().replaced);
        assert_eq!(std::fs::read(&path).unwrap(), b"the second");
        let read = places.list().unwrap().remove(0);
        assert!(!places.put_away(&read, &reply, "T").unwrap().replaced);
        assert_eq!(
            std::fs::read(folder.path().join(DONE).join("orders.hl7")).unwrap(),
            b"the second"
        );
    }

    #[test]
    fn files_of_the_same_time_come_in_the_order_of_their_numbers() {
        let mut names = ["m10.hl7", "m9.hl7", "m9b.hl7", "1"].map(OsString::from);
        names.sort_by_cached_key(|name| numbered(name));
        assert_eq!(names, ["1", "m9.hl7", "m9b.hl7", "m10.hl7"].map(OsString::from));
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
