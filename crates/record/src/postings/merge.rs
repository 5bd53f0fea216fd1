//! Merging runs that lie beside each other.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection};

use super::block::{Block, Entries, Writer};
use super::store::{Run, first_block};
use crate::Error;

/// One run while it is read through.
struct Cursor<'c> {
    run: Run,
    next: i64,
    select: CachedStatement<'c>,
    entries: Entries,
    /// Whether there is an entry.
    open: bool,
}

impl<'c> Cursor<'c> {
    fn new(connection: &'c Connection, run: Run) -> Result<Self, Error> {
        let select =
            connection.prepare_cached("SELECT body FROM block WHERE id = ?1 AND run = ?2")?;
        let entries = Entries::default();
        let mut cursor = Self { run, next: first_block(run.id), select, entries, open: true };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> Result<(), Error> {
        loop {
            if self.entries.next(|_| true)? {
                return Ok(());
            }
            let mut rows = self.select.query((self.next, self.run.id))?;
            let Some(row) = rows.next()? else {
                self.open = false;
                return Ok(());
            };
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            self.entries.set(body, self.run.first);
            self.next += 1;
        }
    }
}

/// Gives the blocks of one run with the postings of all these, in the order of their numbers, but
/// for those numbers that are dead.
pub(super) fn merge(
    connection: &Connection,
    runs: &[Run],
    dead: &HashSet<u32>,
    out: &mut dyn FnMut(Block) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut cursors = Vec::with_capacity(runs.len());
    for run in runs {
        cursors.push(Cursor::new(connection, *run)?);
    }
    let base = runs.first().map_or(0, |run| run.first);
    let mut writer = Writer::new(base);
    let mut failed = None;
    let mut keep = |block: Block| {
        if failed.is_none() {
            failed = out(block).err();
        }
    };
    let mut key = Vec::new();
    loop {
        let open = cursors.iter().filter(|cursor| cursor.open);
        let Some(least) = open.map(|cursor| cursor.entries.key()).min() else { break };
        key.clear();
        key.extend_from_slice(least);
        for cursor in &mut cursors {
            // A key goes on in the next entry of the same run.
            while cursor.open && cursor.entries.key() == key {
                for number in cursor.entries.numbers() {
                    if dead.is_empty() || !dead.contains(number) {
                        writer.add(&key, *number, &mut keep);
                    }
                }
                cursor.advance()?;
            }
        }
    }
    writer.end(&mut keep);
    failed.map_or(Ok(()), Err)
}
