//! Copying what is written ahead into the main file, beside the writer instead of in its way.
//!
//! A copy ends with a sync of the main file, for which nobody should wait. A thread of its own
//! copies while the writer goes on, and again for what came meanwhile; only for the last few
//! pages does it hold the writer up, so that all is copied and the write-ahead file starts anew.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::Error;

/// The most passes beside the writer; one that writes faster than this copies is then held up.
const PASSES: usize = 4;

/// The writer's side of the thread that makes checkpoints of one SQLite file, the journal's or
/// one that is folded from it. The thread ends when it is dropped.
#[derive(Debug)]
pub struct Checkpointer {
    shared: Arc<Shared>,
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the writer and the thread share.
#[derive(Debug, Default)]
struct Shared {
    /// Held by whoever changes the file, the writer or the last pass of a checkpoint.
    gate: Mutex<()>,
    /// Why a checkpoint failed, until the writer has heard it.
    failed: Mutex<Option<Error>>,
}

/// The right to write, until it is dropped.
#[derive(Debug)]
pub struct Turn<'a>(#[expect(dead_code, reason = "it is held")] MutexGuard<'a, ()>);

impl Checkpointer {
    /// Starts a thread of that name over a connection of its own. `few_pages` is what is left to
    /// copy when the writer is held up for the rest.
    pub fn start(name: &str, connection: Connection, few_pages: i64) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let (due, wait) = sync_channel(1);
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&connection, few_pages, &theirs, &wait))
            .map_err(|error| Error::Io(error.to_string()))?;
        Ok(Self { shared, due: Some(due), thread: Some(thread) })
    }

    /// The right to write; a checkpoint in its last pass is waited for. An earlier checkpoint
    /// that failed is told here, once: nothing may be built on pages that may not have reached
    /// the disk.
    pub fn turn(&self) -> Result<Turn<'_>, Error> {
        let held = locked(&self.shared.gate);
        match locked(&self.shared.failed).take() {
            Some(error) => Err(error),
            None => Ok(Turn(held)),
        }
    }

    /// Has a checkpoint begin. `false` when the thread is still busy with the last one.
    pub fn begin(&self) -> bool {
        self.due
            .as_ref()
            .is_some_and(|due| !matches!(due.try_send(()), Err(TrySendError::Full(()))))
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.due = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing more to say: whoever opens the file next makes the checkpoint
            // anew and hears what is wrong.
            let _ = thread.join();
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(connection: &Connection, few_pages: i64, shared: &Shared, due: &Receiver<()>) {
    while due.recv().is_ok() {
        if let Err(error) = checkpoint(connection, few_pages, &shared.gate) {
            *locked(&shared.failed) = Some(error);
            return;
        }
    }
}

fn checkpoint(connection: &Connection, few_pages: i64, gate: &Mutex<()>) -> Result<(), Error> {
    let mut copied = 0;
    for _ in 0..PASSES {
        let all = pass(connection)?;
        // What was written during a short pass is shorter still.
        if all - copied <= few_pages {
            break;
        }
        copied = all;
    }
    let _held = locked(gate);
    pass(connection)?;
    Ok(())
}

/// Copies what can be copied now; answers how many pages of the write-ahead file are copied. A
/// reader that holds an old state stops it part of the way, which is no fault.
fn pass(connection: &Connection) -> Result<i64, Error> {
    Ok(connection
        .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?
        .query_row([], |row| row.get(2))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{Draft, Journal, Options, Reader, file};

    use super::*;

    #[test]
    fn everything_is_in_the_main_file_after_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, "RXX", Options::default()).unwrap();
        let draft = Draft { at: 1, head: b"{}".to_vec(), raw: vec![] };
        let tip = journal.append(&[draft]).unwrap();
        let beside = file::open_beside(&path, &Options::default()).unwrap();
        checkpoint(&beside, 0, &Mutex::new(())).unwrap();
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(Reader::open(&copy).unwrap().verify().unwrap().tip, tip);
    }

    #[test]
    fn a_failed_checkpoint_is_told_before_anything_more_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        drop(Journal::open(&path, "RXX", Options::default()).unwrap());
        let beside = file::open_beside(&path, &Options::default()).unwrap();
        let checkpointer = Checkpointer::start("test", beside, 0).unwrap();
        assert!(checkpointer.turn().is_ok());
        *locked(&checkpointer.shared.failed) = Some(Error::DiskFull);
        assert!(matches!(checkpointer.turn(), Err(Error::DiskFull)));
    }
}
