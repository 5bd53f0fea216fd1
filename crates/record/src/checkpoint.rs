//! Copying what is written ahead into the main file, beside the writer instead of in its way.
//!
//! SQLite would do it in the writer's own commit, which then waits for two syncs of tens of
//! megabytes. Here a thread of its own copies while the writer goes on, once and again for what
//! came meanwhile; only for the last few pages does it hold the writer up, so that the
//! write-ahead file is all copied and starts anew.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use crate::{Error, file};

/// How many pages a batch and an entry are taken to write, to know when a checkpoint is due
/// without asking the file. Measured with `examples/apply_speed.rs`.
const PAGES_A_BATCH: usize = 24;
const PAGES_AN_ENTRY: usize = 3;
/// After how many pages, by that estimate, a checkpoint begins: about 32 MiB. A page that many
/// batches change is then copied once for all of them.
const DUE_PAGES: usize = 8 * 1024;
/// What is left to copy when the writer is held up for the rest.
const FEW_PAGES: i64 = 256;
/// The most passes beside the writer; one that writes faster than this copies is then held up.
const PASSES: usize = 4;

/// The writer's side of the thread that makes checkpoints. The thread ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    gate: Arc<Mutex<()>>,
    pages: usize,
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread over the record at `path`.
    pub(crate) fn start(path: &Path) -> Result<Self, Error> {
        let connection = file::open_beside(path)?;
        let gate = Arc::new(Mutex::new(()));
        let (due, wait) = sync_channel(1);
        let writer = Arc::clone(&gate);
        let thread = thread::Builder::new()
            .name("record-checkpoint".into())
            .spawn(move || run(&connection, &writer, &wait))
            .map_err(|error| Error::Io(error.to_string()))?;
        Ok(Self { gate, pages: 0, due: Some(due), thread: Some(thread) })
    }

    /// The right to write; a checkpoint in its last pass is waited for.
    pub(crate) fn gate(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.gate)
    }

    /// Counts a batch that was committed, and has a checkpoint begin when one is due.
    pub(crate) fn committed(&mut self, entries: usize) {
        self.pages += PAGES_A_BATCH + entries * PAGES_AN_ENTRY;
        if self.pages < DUE_PAGES {
            return;
        }
        // A thread that is busy with the last one will be asked again after the next batch.
        if let Some(due) = &self.due
            && !matches!(due.try_send(()), Err(TrySendError::Full(())))
        {
            self.pages = 0;
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.due = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say: a checkpoint that failed is made again by the next writer.
            let _ = thread.join();
        }
    }
}

/// Holds the gate of the writer.
pub(crate) fn enter(gate: &Mutex<()>) -> MutexGuard<'_, ()> {
    gate.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run(connection: &Connection, gate: &Mutex<()>, due: &Receiver<()>) {
    while due.recv().is_ok() {
        // An error loses nothing: the pages stay in the write-ahead file, the writer's own
        // checkpoint, which comes when that file is far too long, will say what is wrong.
        let _ = checkpoint(connection, gate);
    }
}

fn checkpoint(connection: &Connection, gate: &Mutex<()>) -> Result<(), Error> {
    let mut copied = 0;
    for _ in 0..PASSES {
        let all = pass(connection)?;
        // What was written during a short pass is shorter still.
        if all - copied <= FEW_PAGES {
            break;
        }
        copied = all;
    }
    let _held = enter(gate);
    pass(connection)?;
    Ok(())
}

/// Copies what can be copied now; answers how many pages of the write-ahead file are copied.
fn pass(connection: &Connection) -> Result<i64, Error> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Record;

    #[test]
    fn everything_is_in_the_main_file_after_a_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let mut record = Record::open(&path, "RXX").unwrap();
        let row = medicines::Row {
            kind: medicines::RowKind::Site,
            key: String::new(),
            live: true,
            body: b"{}".to_vec(),
        };
        let start = record.position().unwrap();
        record.apply(&[], &[row], start).unwrap();
        checkpoint(&file::open_beside(&path).unwrap(), &Mutex::new(())).unwrap();
        let copy = folder.path().join("copy");
        fs::copy(&path, &copy).unwrap();
        let mut rows = 0;
        let position = Record::open(&copy, "RXX").unwrap().load_live(|_| rows += 1).unwrap();
        assert_eq!((rows, position), (1, start));
    }

    #[test]
    fn a_checkpoint_is_due_after_so_many_pages() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        drop(Record::open(&path, "RXX").unwrap());
        let mut checkpointer = Checkpointer::start(&path).unwrap();
        checkpointer.committed(64);
        assert_eq!(checkpointer.pages, PAGES_A_BATCH + 64 * PAGES_AN_ENTRY);
        checkpointer.committed(DUE_PAGES);
        assert_eq!(checkpointer.pages, 0);
    }
}
