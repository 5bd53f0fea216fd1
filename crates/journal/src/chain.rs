//! Walking the chain: every row that is read is checked against the one before it.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::{Broken, Entry, Error, Hash, Position, Removed, Why, entry_hash};

/// A row whose place in the chain was checked, still in SQLite's memory.
pub(crate) struct Link<'row> {
    pub(crate) position: Position,
    pub(crate) at: i64,
    pub(crate) head: &'row [u8],
    pub(crate) raw: &'row [u8],
    pub(crate) removed: Option<Removed>,
}

/// A walk along the chain. It holds the last position that was found good.
pub(crate) struct Chain {
    pub(crate) tip: Position,
}

impl<'row> Link<'row> {
    /// An entry of a segment, which was checked with its block.
    pub(crate) fn of(entry: &'row Entry) -> Self {
        let Entry { at, head, raw, removed, .. } = entry;
        Self { position: entry.position(), at: *at, head, raw, removed: *removed }
    }

    pub(crate) fn to_entry(&self) -> Entry {
        Entry {
            seq: self.position.seq,
            at: self.at,
            head: self.head.to_vec(),
            raw: self.raw.to_vec(),
            removed: self.removed,
            hash: self.position.hash,
        }
    }
}

impl Chain {
    /// A walk of all entries of the main file, which begins at its base.
    pub(crate) fn from_base(connection: &Connection, base: Position) -> Result<Self, Error> {
        let least: Option<i64> =
            connection.query_row("SELECT min(seq) FROM entry", [], |row| row.get(0))?;
        let seq = base.seq.saturating_add(1);
        match least {
            Some(next) if u64::try_from(next) != Ok(seq) => {
                Err(Broken { seq, why: Why::Missing { next } }.into())
            }
            _ => Ok(Self { tip: base }),
        }
    }

    /// A walk of the main file that begins with entry `seq`, which is after its base, trusting
    /// the stored hash of the one before it. `None` when the journal ends before that.
    pub(crate) fn from_seq(
        connection: &Connection,
        base: Position,
        seq: u64,
    ) -> Result<Option<Self>, Error> {
        let before = seq.saturating_sub(1);
        if before <= base.seq {
            return Self::from_base(connection, base).map(Some);
        }
        if let Some(hash) = hash_of(connection, before)? {
            return Ok(Some(Self { tip: Position { seq: before, hash } }));
        }
        let next: Option<i64> = connection
            .prepare_cached("SELECT min(seq) FROM entry WHERE seq >= ?1")?
            .query_row([clamp(seq)], |row| row.get(0))?;
        match next {
            Some(next) => Err(Broken { seq: before, why: Why::Missing { next } }.into()),
            None => Ok(None),
        }
    }

    /// Visits at most `limit` entries from here on, in one read transaction, and returns how many
    /// there were. The visitor can stop early.
    pub(crate) fn walk<E: From<Error>>(
        &mut self,
        connection: &Connection,
        limit: usize,
        mut visit: impl FnMut(&Link<'_>) -> Result<ControlFlow<()>, E>,
    ) -> Result<usize, E> {
        const ROWS: &str = "SELECT seq, at, hash, head, raw FROM entry \
                            WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(ROWS).map_err(Error::from)?;
        let mut rows = statement.query([clamp(self.tip.seq), limit]).map_err(Error::from)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(Error::from)? {
            let link = self.step(row).map_err(Error::from)?;
            count += 1;
            if visit(&link)?.is_break() {
                break;
            }
        }
        Ok(count)
    }

    fn step<'row>(&mut self, row: &'row Row<'_>) -> Result<Link<'row>, Broken> {
        let seq = self.tip.seq.saturating_add(1);
        let broken = |why| Broken { seq, why };
        let misshapen = || broken(Why::Misshapen);
        let integer = |column| row.get_ref(column).ok()?.as_i64().ok();
        let bytes = |column| row.get_ref(column).ok()?.as_blob().ok();
        let found = integer(0).ok_or_else(misshapen)?;
        if u64::try_from(found) != Ok(seq) {
            return Err(broken(Why::Missing { next: found }));
        }
        let at = integer(1).ok_or_else(misshapen)?;
        let stored = bytes(2).ok_or_else(misshapen)?;
        let head = bytes(3).ok_or_else(misshapen)?;
        let raw = bytes(4).ok_or_else(misshapen)?;
        let hash = entry_hash(&self.tip.hash, seq, at, head, raw);
        if stored != hash.0 {
            return Err(broken(Why::Altered));
        }
        self.tip = Position { seq, hash };
        Ok(Link { position: self.tip, at, head, raw, removed: None })
    }
}

/// The position before the first entry of the main file: what lies before is in segments.
/// That of a journal of which nothing was sealed is the genesis of its site.
pub(crate) fn base(connection: &Connection, genesis: Position) -> Result<Position, Error> {
    let (seq, hash): (i64, Option<Hash>) = connection
        .prepare_cached("SELECT seq, hash FROM base")?
        .query_row([], |row| Ok((row.get(0)?, hash_in(row, 1)?)))?;
    match (u64::try_from(seq), hash) {
        (Ok(0), hash) if hash != Some(genesis.hash) => {
            Err(Broken { seq: 1, why: Why::Altered }.into())
        }
        (Ok(seq), Some(hash)) => Ok(Position { seq, hash }),
        _ => Err(Broken { seq: 0, why: Why::Misshapen }.into()),
    }
}

/// The last position that the main file holds, as it is stored.
pub(crate) fn last(connection: &Connection, base: Position) -> Result<Position, Error> {
    const LAST: &str = "SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1";
    let row: Option<(i64, Option<Hash>)> = connection
        .prepare_cached(LAST)?
        .query_row([], |row| Ok((row.get(0)?, hash_in(row, 1)?)))
        .optional()?;
    let Some((seq, hash)) = row else {
        return Ok(base);
    };
    match (u64::try_from(seq), hash) {
        (Ok(seq), Some(hash)) => Ok(Position { seq, hash }),
        (seq, _) => Err(Broken { seq: seq.unwrap_or(1), why: Why::Misshapen }.into()),
    }
}

/// A sequence number as SQLite holds it. None above `i64::MAX` can exist there.
pub(crate) fn clamp(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

pub(crate) fn hash_of(connection: &Connection, seq: u64) -> Result<Option<Hash>, Error> {
    let hash = connection
        .prepare_cached("SELECT hash FROM entry WHERE seq = ?1")?
        .query_row([clamp(seq)], |row| hash_in(row, 0))
        .optional()?;
    match hash {
        Some(None) => Err(Broken { seq, why: Why::Misshapen }.into()),
        hash => Ok(hash.flatten()),
    }
}

/// The hash in a column, or `None` when there is something else.
fn hash_in(row: &Row<'_>, column: usize) -> Result<Option<Hash>, rusqlite::Error> {
    let bytes = row.get_ref(column)?.as_blob().unwrap_or_default();
    Ok(bytes.try_into().map(Hash).ok())
}
