//! Reading: the numbers of all resources that have a key in some ranges.

use fhir_search::Span;
use rusqlite::{CachedStatement, Connection};

use super::block::Entries;
use super::store::{Run, first_block};
use crate::Error;

/// The most numbers that one lookup gives: decoding them takes some milliseconds.
pub(crate) const MAX_POSTINGS: usize = 2_000_000;
/// The most blocks that one lookup reads one after another.
const MAX_BLOCKS: usize = 4_000;
/// The most blocks that one lookup reads at all: a list of codes begins anew for each of them.
const MAX_SEEKS: usize = 100_000;

/// What lookups took.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// How many blocks were read.
    pub(crate) blocks: usize,
    /// How many numbers were decoded.
    pub(crate) numbers: usize,
}

/// The runs of one state of the record.
#[derive(Debug)]
pub(crate) struct Runs<'c> {
    connection: &'c Connection,
    runs: Vec<Run>,
}

impl<'c> Runs<'c> {
    /// Those that the connection sees.
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, Error> {
        let mut select =
            connection.prepare_cached("SELECT id, first, last FROM run ORDER BY id")?;
        let runs = select.query_map([], |row| {
            Ok(Run { id: row.get(0)?, first: row.get(1)?, end: row.get(2)? })
        })?;
        let runs = runs.collect::<Result<_, _>>()?;
        Ok(Self { connection, runs })
    }

    /// The numbers of those that have a key in one of the ranges, upwards, each once; those of
    /// versions that are no longer current may be among them. `None` where that takes more than
    /// `most` numbers, at most [`MAX_POSTINGS`], or too many blocks. With it comes what it took.
    pub(crate) fn find(
        &self,
        spans: &[Span],
        most: usize,
    ) -> Result<(Option<Vec<u32>>, Cost), Error> {
        let most = most.min(MAX_POSTINGS);
        let mut from = self.connection.prepare_cached(
            "SELECT id, body FROM block INDEXED BY block_first \
             WHERE run = ?1 AND first < ?2 ORDER BY first DESC, id DESC LIMIT 1",
        )?;
        let mut next =
            self.connection.prepare_cached("SELECT body FROM block WHERE id = ?1 AND run = ?2")?;
        let (mut all, mut entries, mut blocks) = (Vec::new(), Entries::default(), 0);
        for run in &self.runs {
            let start = all.len();
            for span in spans {
                let mut seek =
                    Seek { run: *run, from: &mut from, next: &mut next, entries: &mut entries };
                if !seek.collect(span, &mut all, most, &mut blocks)? {
                    return Ok((None, Cost { blocks, numbers: all.len() }));
                }
            }
            all[start..].sort_unstable();
        }
        let cost = Cost { blocks, numbers: all.len() };
        all.dedup();
        Ok((Some(all), cost))
    }
}

struct Seek<'s, 'c> {
    run: Run,
    from: &'s mut CachedStatement<'c>,
    next: &'s mut CachedStatement<'c>,
    entries: &'s mut Entries,
}

impl Seek<'_, '_> {
    /// Adds the numbers of a range; false where it takes too much.
    fn collect(
        &mut self,
        span: &Span,
        all: &mut Vec<u32>,
        most: usize,
        blocks: &mut usize,
    ) -> Result<bool, Error> {
        if *blocks > MAX_SEEKS {
            return Ok(false);
        }
        let mut no = self.first(span)?;
        let before = *blocks;
        loop {
            *blocks += 1;
            while self.entries.next(|key| is_in(span, key))? {
                let key = self.entries.key();
                if span.to.as_ref().is_some_and(|to| key >= &to[..]) {
                    return Ok(true);
                }
                all.extend_from_slice(self.entries.numbers());
            }
            if all.len() > most || *blocks - before > MAX_BLOCKS {
                return Ok(false);
            }
            let mut rows = self.next.query((no, self.run.id))?;
            let Some(row) = rows.next()? else { return Ok(true) };
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            self.entries.set(body, self.run.first);
            no += 1;
        }
    }

    /// Opens the last block that begins before the range, as a key may go on in the next; gives the
    /// number of the block after.
    fn first(&mut self, span: &Span) -> Result<i64, Error> {
        let mut rows = self.from.query((self.run.id, &span.from))?;
        let Some(row) = rows.next()? else {
            self.entries.set(&[], self.run.first);
            return Ok(first_block(self.run.id));
        };
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        self.entries.set(body, self.run.first);
        Ok(row.get::<_, i64>(0)? + 1)
    }
}

fn is_in(span: &Span, key: &[u8]) -> bool {
    key >= &span.from[..]
        && span.to.as_ref().is_none_or(|to| key < &to[..])
        && span.check.passes(key)
}
