//! When the record's written-ahead pages are copied into the main file.
//!
//! SQLite would do it in the writer's own commit, which then waits for two syncs of tens of
//! megabytes. [`journal::Checkpointer`] does it beside the writer.

use std::path::Path;

use journal::{Checkpointer, Turn};

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

/// Counts what is written, and has checkpoints begin.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    thread: Checkpointer,
    pages: usize,
}

impl Checkpoints {
    /// Starts over the record at `path`.
    pub(crate) fn start(path: &Path) -> Result<Self, Error> {
        let beside = file::open_beside(path)?;
        let thread = Checkpointer::start("record-checkpoint", beside, FEW_PAGES)?;
        Ok(Self { thread, pages: 0 })
    }

    /// The right to write; see [`Checkpointer::turn`].
    pub(crate) fn turn(&self) -> Result<Turn<'_>, Error> {
        Ok(self.thread.turn()?)
    }

    /// Counts a batch that was committed, and has a checkpoint begin when one is due. A thread
    /// that is busy with the last one will be asked again after the next batch.
    pub(crate) fn committed(&mut self, entries: usize) {
        self.pages += PAGES_A_BATCH + entries * PAGES_AN_ENTRY;
        if self.pages >= DUE_PAGES && self.thread.begin() {
            self.pages = 0;
        }
    }
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
            body: b"{}".to_vec().into(),
        };
        let start = record.position().unwrap();
        record.apply(&[], &[row], start).unwrap();
        let checkpoints = Checkpoints::start(&path).unwrap();
        assert!(checkpoints.thread.begin());
        // The thread ends what it has begun before it is gone.
        drop(checkpoints);
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
        let mut checkpointer = Checkpoints::start(&path).unwrap();
        checkpointer.committed(64);
        assert_eq!(checkpointer.pages, PAGES_A_BATCH + 64 * PAGES_AN_ENTRY);
        checkpointer.committed(DUE_PAGES);
        assert_eq!(checkpointer.pages, 0);
    }
}
