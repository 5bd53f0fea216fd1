//! Appending to the journal.

use std::{
    fs::File,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    Draft, Error, MAX_BATCH_ENTRIES, MAX_SITE_BYTES, Options, Position, Reader,
    chain::{self, Chain, clamp},
    checkpoint::Checkpointer,
    entry_hash, file, genesis,
    segment::{
        keeping::{Keep, Tidied, remove_bodies},
        sealer::{self, Sealer, Sealing},
    },
};

/// How many sealed entries a batch lets go from the main file for each entry that it adds, and
/// besides: so few that nobody waits, so many that the file does not grow.
const LET_GO_FACTOR: u64 = 2;
const LET_GO_BESIDES: u64 = 2;
/// How many are let go at once while nobody waits.
const LET_GO_AT_REST: u64 = 2_048;
/// What is left to copy of the write-ahead file, in pages, when the writer is held up for it.
const FEW_PAGES: i64 = 24;
/// How many entries at the end are recomputed when the journal is opened.
const TAIL_ENTRIES: u64 = 1_000;
/// Bytes that an entry takes in the write-ahead file besides its head and raw message: columns,
/// frame headers and the unused rest of its last page, roughly.
const ENTRY_OVERHEAD_BYTES: u64 = 512;

/// The one writer of a journal. While it lives no other can open the same file.
#[derive(Debug)]
pub struct Journal {
    // Fields are dropped in order: the writer is the last to close the file and tidies up, which
    // still writes, so that the lock comes after it.
    sealer: Option<Sealer>,
    checkpointer: Checkpointer,
    connection: Connection,
    path: PathBuf,
    position: Position,
    /// The number of the last entry that is no longer in the main file.
    base: u64,
    /// The number of the last entry of which the seal is durable.
    sealed: Arc<AtomicU64>,
    options: Options,
    page_bytes: u64,
    written_ahead: u64,
    health: Health,
    _lock: File,
}

#[derive(Debug, PartialEq, Eq)]
enum Health {
    Good,
    Poisoned,
}

impl Journal {
    /// Opens the journal at `path` for writing, and creates it if there is none.
    ///
    /// It takes the lock, checks that the file is a journal of `site`, makes everything durable
    /// that an earlier process left written ahead, and recomputes the last 1,000 entries. Time
    /// therefore does not grow with the journal; [`Reader::verify`] recomputes it all.
    pub fn open(path: &Path, site: &str, options: Options) -> Result<Self, Error> {
        if site.is_empty() || site.len() > MAX_SITE_BYTES || site.chars().any(char::is_control) {
            return Err(Error::SiteName(site.to_owned()));
        }
        let path = file::resolve(path)?;
        let lock = file::lock(&path)?;
        let connection = file::open_writer(&path, site, &options)?;
        file::settle(&connection)?;
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let genesis = Position { seq: 0, hash: genesis(site) };
        let base = chain::base(&connection, genesis)?;
        let position = check_tail(&connection, base)?;
        let sealed = Arc::new(AtomicU64::new(sealer::sealed_to(&path)?));
        let beside = file::open_beside(&path, &options)?;
        let checkpointer = Checkpointer::start("journal-checkpoint", beside, FEW_PAGES)?;
        Ok(Self {
            sealer: None,
            checkpointer,
            connection,
            path,
            position,
            base: base.seq,
            sealed,
            options,
            page_bytes: page_bytes.into(),
            written_ahead: 0,
            health: Health::Good,
            _lock: lock,
        })
    }

    /// The position of the last entry: number 0 and the genesis hash when there is none.
    pub fn position(&self) -> Position {
        self.position
    }

    /// A reader of the same file, for any thread.
    pub fn reader(&self) -> Result<Reader, Error> {
        Reader::open(&self.path)
    }

    /// Appends the batch as one transaction with one sync, and returns the new position. When it
    /// answers `Ok`, every entry of the batch is durable; an empty batch writes nothing.
    ///
    /// Any error poisons the journal: this and every later append is refused, and no entry of
    /// this batch may be acknowledged. Whether the batch is there shows when the journal is
    /// opened again; it is there as a whole or not at all.
    pub fn append(&mut self, batch: &[Draft]) -> Result<Position, Error> {
        // Poisoned from the start, so that it stays so if anything below unwinds.
        if std::mem::replace(&mut self.health, Health::Poisoned) == Health::Poisoned {
            return Err(Error::Poisoned);
        }
        self.position = self.write(batch)?;
        self.health = Health::Good;
        if self.written_ahead >= self.options.checkpoint_bytes && self.checkpointer.begin() {
            self.written_ahead = 0;
        }
        Ok(self.position)
    }

    fn write(&mut self, batch: &[Draft]) -> Result<Position, Error> {
        const INSERT: &str =
            "INSERT INTO entry (seq, at, hash, head, raw) VALUES (?1, ?2, ?3, ?4, ?5)";
        if batch.len() > MAX_BATCH_ENTRIES {
            return Err(Error::Refused("its batch holds more than 65,536 entries"));
        }
        batch.iter().try_for_each(Draft::check)?;
        let Position { mut seq, mut hash } = self.position;
        if batch.is_empty() {
            return Ok(self.position);
        }
        let turn = self.checkpointer.turn()?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = transaction.prepare_cached(INSERT)?;
        for draft in batch {
            // The last number that SQLite can hold is out of reach, except in a forged file,
            // where the primary key refuses the repeated number.
            seq = seq.saturating_add(1);
            hash = entry_hash(&hash, seq, draft.at, &draft.head, &draft.raw);
            insert.execute((clamp(seq), draft.at, &hash.0, &draft.head, &draft.raw))?;
            let bytes = (draft.head.len() + draft.raw.len()) as u64;
            self.written_ahead += bytes + ENTRY_OVERHEAD_BYTES;
        }
        drop(insert);
        let most = LET_GO_FACTOR * batch.len() as u64 + LET_GO_BESIDES;
        let sealed = self.sealed.load(Ordering::Acquire);
        let base = let_go(&transaction, self.base, sealed.min(self.position.seq), most)?;
        transaction.commit()?;
        self.base = base;
        drop(turn);
        self.written_ahead += self.page_bytes;
        Ok(Position { seq, hash })
    }

    /// Seals full segments from now on, on a thread of its own, until the journal is dropped, and
    /// removes the messages that `keep` does not keep. When either fails, `told` hears why and it
    /// ends; nothing else does.
    pub fn seal_beside(
        &mut self,
        sealing: Sealing,
        keep: Option<Box<dyn Keep>>,
        told: impl Fn(&Error) + Send + 'static,
    ) -> Result<(), Error> {
        self.sealer = None;
        let sealed = Arc::clone(&self.sealed);
        self.sealer = Some(Sealer::start(self.path.clone(), sealing, sealed, keep, told)?);
        Ok(())
    }

    /// Seals all full segments now, and lets go of them in the main file, whose space is used
    /// again for what comes. Returns how many there were.
    pub fn seal(&mut self, sealing: &Sealing) -> Result<u64, Error> {
        let count = sealer::seal_all(&self.path, sealing)?;
        let sealed = sealer::sealed_to(&self.path)?.min(self.position.seq);
        self.sealed.store(sealed, Ordering::Release);
        while self.base < sealed {
            let turn = self.checkpointer.turn()?;
            let transaction =
                self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let base = let_go(&transaction, self.base, sealed, LET_GO_AT_REST)?;
            transaction.commit()?;
            drop(turn);
            self.base = base;
        }
        file::settle(&self.connection)?;
        Ok(count)
    }

    /// Removes the messages that `keep` does not keep from the segments now.
    pub fn remove_bodies(&mut self, keep: &mut dyn Keep) -> Result<Tidied, Error> {
        remove_bodies(&self.path, keep, &|_| Ok(()))
    }
}

/// Lets go of the oldest entries of the main file, at most `most`, none after `sealed`. Returns
/// the number of the last one that is gone.
fn let_go(connection: &Connection, base: u64, sealed: u64, most: u64) -> Result<u64, Error> {
    const MOVE_ON: &str =
        "UPDATE base SET seq = ?1, hash = (SELECT hash FROM entry WHERE seq = ?1)";
    const LET_GO: &str = "DELETE FROM entry WHERE seq > ?1 AND seq <= ?2";
    let to = sealed.min(base.saturating_add(most));
    if to <= base {
        return Ok(base);
    }
    connection.prepare_cached(MOVE_ON)?.execute([clamp(to)])?;
    connection.prepare_cached(LET_GO)?.execute([clamp(base), clamp(to)])?;
    Ok(to)
}

/// Recomputes the last entries and returns the position at the end.
fn check_tail(connection: &Connection, base: Position) -> Result<Position, Error> {
    Chain::from_base(connection, base)?;
    let last = chain::last(connection, base)?;
    let first = last.seq.saturating_sub(TAIL_ENTRIES) + 1;
    let Some(mut chain) = Chain::from_seq(connection, base, first)? else {
        return Ok(base);
    };
    chain.walk(connection, usize::MAX, |_| Ok::<_, Error>(ControlFlow::Continue(())))?;
    Ok(chain.tip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Durability;

    fn check(durability: Durability, synchronous: i64) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        // Once for the journal that is created, once for the one that is there.
        for _ in 0..2 {
            let options = Options { durability, ..Options::default() };
            let journal = Journal::open(&path, "RXX", options).unwrap();
            let pragma = |name: &str| -> i64 {
                let query = format!("PRAGMA {name}");
                journal.connection.query_row(&query, [], |row| row.get(0)).unwrap()
            };
            assert_eq!(pragma("synchronous"), synchronous);
            assert_eq!(pragma("wal_autocheckpoint"), 0);
            assert_eq!(pragma("page_size"), 16_384);
            let mode: String =
                journal.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
            assert_eq!(mode, "wal");
        }
    }

    #[test]
    fn every_commit_is_synced_unless_asked_otherwise() {
        assert_eq!(Options::default().durability, Durability::Full);
        check(Durability::Full, 2);
        check(Durability::Off, 0);
    }
}
