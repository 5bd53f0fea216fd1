//! The one writer of a record.

use std::path::{Path, PathBuf};

use fhir::Id;
use jiff::Timestamp;
use journal::{Hash, Position, genesis};
use medicines::{Fact, Row};
use rusqlite::{Connection, TransactionBehavior};

use crate::body::{Bodies, Packer};
use crate::checkpoint::Checkpoints;
use crate::code::{integer, natural, row_kind};
use crate::fold::Folder;
use crate::{Error, file};

/// What the message index keeps of the command that an entry answers.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The channel or client from which it came.
    pub channel: &'a str,
    /// What makes it idempotent within the channel; empty for an entry that nobody outside asked
    /// for, which is not found by its key.
    pub key: &'a str,
    /// The kind of message, for instance `RDE^O11`.
    pub message_type: &'a str,
    /// The sender's control id (MSH-10), or empty.
    pub control_id: &'a str,
    /// The answer as a code: `done`, `parked`, `permitted`, `refused`.
    pub outcome: &'a str,
    /// The patient concerned, where one is known.
    pub patient: Option<&'a Id>,
}

/// One entry of the journal, as the record takes it in.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// Its number in the journal.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// The command and its answer.
    pub head: Head<'a>,
    /// What became true.
    pub facts: &'a [Fact],
}

/// The writing side of a record. There is one in the process that writes the journal.
///
/// The journal is the truth: a power cut may take the last transactions of the record, never its
/// order, and the engine applies the missing entries again from [`Record::position`].
#[derive(Debug)]
pub struct Record {
    // Before the connection, so that the last one to close is the writer's, which tidies up.
    checkpoints: Checkpoints,
    connection: Connection,
    packer: Packer,
    path: PathBuf,
}

impl Record {
    /// Opens the record of `site` at `path`, and makes an empty one if there is no file.
    ///
    /// Where [`Error::is_cured_by_rebuild`] says so, the caller may delete the file and its
    /// `-wal` and `-shm` companions, open again, and apply the journal from the first entry.
    pub fn open(path: &Path, site: &str) -> Result<Self, Error> {
        let start = Position { seq: 0, hash: genesis(site) };
        let connection = file::open_writer(path, site, start)?;
        let checkpoints = Checkpoints::start(path)?;
        Ok(Self { checkpoints, connection, packer: Packer::default(), path: path.to_owned() })
    }

    /// The file, from which [`crate::Reader::open`] reads.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The position of the last entry that was applied.
    pub fn position(&self) -> Result<Position, Error> {
        position(&self.connection)
    }

    /// Takes a batch of entries in, with the rows of the live state that they changed, in one
    /// transaction; afterwards the record's position is `tip`, the position of the last entry.
    ///
    /// Entries come in order and without gaps: [`Error::Gap`] otherwise. After any error nothing
    /// of the batch is in the record, and the same batch may be applied again.
    ///
    /// How a journal is cut into batches makes no difference to what the record holds.
    pub fn apply(
        &mut self,
        batch: &[Applied<'_>],
        rows: &[Row],
        tip: Position,
    ) -> Result<(), Error> {
        self.apply_when(batch, rows, || Some(tip)).map(|_| ())
    }

    /// As [`Record::apply`], for a batch that the journal is still writing: everything is prepared,
    /// and then `durable` is asked for the position of its last entry. Nothing of the batch is in
    /// the record before that is known, and nothing at all where it is `None`: then the journal did
    /// not take the batch in.
    pub fn apply_when(
        &mut self,
        batch: &[Applied<'_>],
        rows: &[Row],
        durable: impl FnOnce() -> Option<Position>,
    ) -> Result<Option<Position>, Error> {
        let applied = self.apply_all(batch, rows, durable);
        if !matches!(applied, Ok(Some(_))) {
            self.packer.forget();
        }
        applied
    }

    fn apply_all(
        &mut self,
        batch: &[Applied<'_>],
        rows: &[Row],
        durable: impl FnOnce() -> Option<Position>,
    ) -> Result<Option<Position>, Error> {
        let held = self.checkpoints.turn()?;
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = check_order(position(&transaction)?.seq, batch)?;
        let mut folder = Folder::new(&transaction, &mut self.packer)?;
        for entry in batch {
            folder.entry(entry)?;
        }
        for row in rows {
            folder.row(row)?;
        }
        folder.end()?;
        let Some(tip) = durable() else { return Ok(None) };
        if tip.seq != last {
            return Err(Error::Gap { position: last, found: tip.seq });
        }
        transaction
            .prepare_cached("UPDATE position SET seq = ?1, hash = ?2")?
            .execute((integer(tip.seq), tip.hash.0.as_slice()))?;
        transaction.commit()?;
        drop(held);
        self.checkpoints.committed(batch.len());
        Ok(Some(tip))
    }

    /// Gives every row that a restart has to load to `take`, kind by kind in the order of
    /// [`medicines::RowKind::ALL`], within a kind in the order in which they were first written.
    /// The rows are those of the position that is returned.
    pub fn load_live(&self, mut take: impl FnMut(Row)) -> Result<Position, Error> {
        let snapshot = self.connection.unchecked_transaction()?;
        let position = position(&snapshot)?;
        let mut statement = snapshot.prepare_cached(
            "SELECT kind, key, body FROM state INDEXED BY state_live WHERE live = 1 \
             ORDER BY kind, rowid",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let kind = row_kind(row.get(0)?)?;
            let body: Vec<u8> = row.get(2)?;
            take(Row { kind, key: row.get(1)?, live: true, body: body.into() });
        }
        Ok(position)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn bodies(&self) -> &Bodies {
        self.packer.bodies()
    }

    /// Copies what is written ahead into the main file and empties the write-ahead file, for an
    /// orderly end. Readers that are in the middle of a query make it do less.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// The position that the record holds.
pub(crate) fn position(connection: &Connection) -> Result<Position, Error> {
    let mut statement = connection.prepare_cached("SELECT seq, hash FROM position")?;
    let (seq, hash): (i64, [u8; 32]) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Position { seq: natural(seq), hash: Hash(hash) })
}

/// The last entry of the batch, which follows the record's last entry without a gap.
fn check_order(mut last: u64, batch: &[Applied<'_>]) -> Result<u64, Error> {
    for entry in batch {
        if entry.seq != last + 1 {
            return Err(Error::Gap { position: last, found: entry.seq });
        }
        last = entry.seq;
    }
    Ok(last)
}
