//! The index: whole segments in the file, the newest entries in memory.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use journal::{Entry, Position};
use rusqlite::Connection;

use super::block::{Bits, Blocks, SEGMENT_ENTRIES, first_term, key, look_up, posting};
use super::entry::terms_of;
use super::file::{self, Pool};
use super::newest::Newest;
use super::terms::Term;
use crate::Error;
use crate::code::natural;

/// How many entries are read from the journal at a time.
const READ_ENTRIES: usize = 256;
/// By how many entries a segment of the journal that was moved away is felt out.
const MOVED_STEP: u64 = 1_024;

/// The writing side. There is one in a process; it follows the journal on a thread of its own, so
/// that no acknowledgement waits for it.
#[derive(Debug)]
pub struct MessageIndexer {
    /// None for one that only reads beside the one that writes.
    connection: Option<Connection>,
    index: MessageIndex,
    terms: Vec<Term>,
}

/// The searching side. A clone searches the same index.
#[derive(Debug, Clone)]
pub struct MessageIndex {
    pool: Arc<Pool>,
    tail: Arc<RwLock<Tail>>,
}

/// The entries after the last whole segment.
#[derive(Debug)]
struct Tail {
    /// The last number that belongs to a segment in the file.
    sealed: u64,
    /// The last entry that is indexed.
    last: Position,
    postings: Newest,
}

impl Tail {
    fn segment(&self) -> u64 {
        self.sealed / SEGMENT_ENTRIES as u64
    }
}

impl MessageIndexer {
    /// Opens the index at `path` of the journal that `entries` reads. A file that does not belong
    /// to that journal, or cannot be read, is made anew. It then holds what the file holds:
    /// [`MessageIndexer::follow`] brings it up to the journal.
    pub fn open(path: &Path, entries: &journal::Reader) -> Result<Self, Error> {
        let connection = file::open_writer(path, entries)?;
        let last = file::position(&connection)?;
        Ok(Self::at(path, last, Some(connection)))
    }

    /// Opens the index beside the process that writes it, or without the right to write. What the
    /// file does not hold yet is kept in memory, up to one segment.
    pub fn open_beside(path: &Path) -> Result<Self, Error> {
        let last = file::position(&file::open_reader(path)?)?;
        Ok(Self::at(path, last, None))
    }

    /// Takes the file of an index away.
    pub fn remove(path: &Path) -> Result<(), Error> {
        file::remove(path)
    }

    fn at(path: &Path, last: Position, connection: Option<Connection>) -> Self {
        // A segment that a gap in the journal ended is in the file too.
        let sealed = last.seq.next_multiple_of(SEGMENT_ENTRIES as u64);
        let tail = Tail { sealed, last, postings: Newest::default() };
        let index =
            MessageIndex { pool: Arc::new(Pool::new(path)), tail: Arc::new(RwLock::new(tail)) };
        Self { connection, index, terms: Vec::new() }
    }

    /// The searching side.
    pub fn index(&self) -> MessageIndex {
        self.index.clone()
    }

    /// Takes in what comes next in the journal, up to entry `upto` and at most some hundred
    /// entries; false when there was nothing.
    pub fn follow(&mut self, entries: &journal::Reader, upto: u64) -> Result<bool, Error> {
        let (next, end) = {
            let tail = self.index.tail.read().unwrap_or_else(PoisonError::into_inner);
            (tail.last.seq + 1, tail.sealed + SEGMENT_ENTRIES as u64)
        };
        let upto = if self.connection.is_some() { upto } else { upto.min(end - 1) };
        let left = upto.saturating_add(1).saturating_sub(next);
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let mut batch = entries.read_from(next, left.min(READ_ENTRIES));
        // What was moved away before it was indexed can no longer be found.
        let mut from = next;
        while let Err(journal::Error::Moved { .. }) = batch
            && from < upto
        {
            from += MOVED_STEP;
            batch = entries.read_from(from, READ_ENTRIES);
        }
        let batch = batch?;
        self.take(&batch)?;
        Ok(!batch.is_empty())
    }

    /// Takes in entries that follow the last one. A gap, where old entries were moved away, is
    /// passed over.
    pub fn take(&mut self, batch: &[Entry]) -> Result<(), Error> {
        for entry in batch {
            let (sealed, last) = {
                let tail = self.index.tail.read().unwrap_or_else(PoisonError::into_inner);
                (tail.sealed, tail.last.seq)
            };
            if entry.seq <= last {
                return Err(Error::Gap { position: last, found: entry.seq });
            }
            let before = (entry.seq - 1) / SEGMENT_ENTRIES as u64 * SEGMENT_ENTRIES as u64;
            if before > sealed {
                self.seal(before)?;
            }
            terms_of(entry, &mut self.terms);
            self.keep(entry);
            if entry.seq.is_multiple_of(SEGMENT_ENTRIES as u64) {
                self.seal(entry.seq)?;
            }
        }
        Ok(())
    }

    /// Puts the terms of an entry into the tail.
    fn keep(&self, entry: &Entry) {
        let mut tail = self.index.tail.write().unwrap_or_else(PoisonError::into_inner);
        let at = u16::try_from(entry.seq - tail.sealed - 1).expect("the segment before is sealed");
        tail.postings.take(self.terms.iter().map(|term| posting(*term, at)));
        tail.last = entry.position();
    }

    /// Writes the tail as a segment, after which the next one begins behind `end`. Searches go on
    /// meanwhile: they see the tail until its segment is in the file.
    fn seal(&mut self, end: u64) -> Result<(), Error> {
        let Some(connection) = &self.connection else { return Ok(()) };
        {
            let tail = self.index.tail.read().unwrap_or_else(PoisonError::into_inner);
            let mut blocks = Blocks::of(tail.segment());
            file::write_segment(connection, tail.last, |insert| {
                tail.postings.encode(&mut blocks, insert)
            })?;
        }
        let mut tail = self.index.tail.write().unwrap_or_else(PoisonError::into_inner);
        tail.sealed = end;
        tail.postings.clear();
        Ok(())
    }
}

/// What is looked for: messages that have, of every group, at least one term. Without a group
/// nothing is found.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) groups: Vec<Vec<Term>>,
    /// Only entries from this one on.
    pub(super) from: u64,
    /// Only entries before this one.
    pub(super) before: u64,
}

impl MessageIndex {
    /// The last entry that a search finds.
    pub fn position(&self) -> u64 {
        self.tail.read().unwrap_or_else(PoisonError::into_inner).last.seq
    }

    /// The newest entries that have what is wanted, newest first.
    pub(super) fn newest(&self, wanted: &Wanted, limit: usize) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        let sealed = {
            let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
            let all = tail.postings.with(&wanted.groups);
            collect(all.as_ref(), tail.segment(), wanted, limit, &mut found);
            tail.sealed
        };
        let segments = sealed.min(wanted.before.saturating_sub(1)).div_ceil(SEGMENT_ENTRIES as u64);
        let oldest = wanted.from.saturating_sub(1) / SEGMENT_ENTRIES as u64;
        self.pool.with(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, body FROM block WHERE key <= ?1 AND key >= ?2 \
                 ORDER BY key DESC LIMIT 1",
            )?;
            for segment in (oldest..segments).rev() {
                if found.len() >= limit {
                    break;
                }
                let all = in_segment(&mut statement, segment, &wanted.groups)?;
                collect(all.as_ref(), segment, wanted, limit, &mut found);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

fn in_segment(
    statement: &mut rusqlite::CachedStatement<'_>,
    segment: u64,
    groups: &[Vec<Term>],
) -> Result<Option<Bits>, Error> {
    let mut all: Option<Bits> = None;
    for group in groups {
        let mut bits = Bits::none();
        for term in group {
            let mut rows = statement.query((key(segment, *term), key(segment, 0)))?;
            let Some(row) = rows.next()? else { continue };
            let (at, body) = (row.get(0)?, row.get_ref(1)?);
            let body = body.as_blob().map_err(|_| Error::Corrupt("a block's type".into()))?;
            look_up(body, first_term(at), *term, &mut bits)
                .ok_or_else(|| Error::Corrupt(format!("block {}", natural(at))))?;
        }
        let left = match &mut all {
            Some(all) => all.keep(&bits),
            None => !all.insert(bits).is_empty(),
        };
        if !left {
            return Ok(None);
        }
    }
    Ok(all)
}

/// Adds the entries of a segment that are within the bounds.
fn collect(bits: Option<&Bits>, segment: u64, wanted: &Wanted, limit: usize, found: &mut Vec<u64>) {
    let Some(bits) = bits else { return };
    let first = segment * SEGMENT_ENTRIES as u64 + 1;
    for at in bits.newest_first() {
        let seq = first + at as u64;
        if found.len() >= limit || seq < wanted.from {
            return;
        }
        if seq < wanted.before {
            found.push(seq);
        }
    }
}
