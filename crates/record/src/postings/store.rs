//! Writing: the postings of a transaction become a run.

use std::collections::HashSet;

use fhir::StoredResource;
use fhir::json::Tree;
use fhir_search::Terms;
use rusqlite::{Connection, OptionalExtension};

use super::block::{Block, Writer};
use super::merge::merge;
use crate::Error;

/// How many runs of like size become one; also how much larger the next size is.
const TOGETHER: usize = 8;
/// A run with as many numbers is merged no more, so that what becomes of [`TOGETHER`] of them has
/// 200,000 at the most: a merge happens within a transaction and must not take long.
const LARGEST_IN: u32 = 25_000;

/// A run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) id: i64,
    /// The first number, and the first after.
    pub(super) first: u32,
    pub(super) end: u32,
}

impl Run {
    fn level(self) -> u32 {
        (self.end - self.first).max(1).ilog(8)
    }
}

/// The postings of one transaction.
#[derive(Debug)]
pub(crate) struct Postings<'c> {
    connection: &'c Connection,
    first: u32,
    next: u32,
    terms: Terms,
    /// The number of the resource of each key.
    numbers: Vec<u32>,
}

impl<'c> Postings<'c> {
    /// Begins after the last number that was given.
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, Error> {
        let mut last =
            connection.prepare_cached("SELECT last FROM run ORDER BY id DESC LIMIT 1")?;
        let next = last.query_row([], |row| row.get(0)).optional()?.unwrap_or(1);
        Ok(Self { connection, first: next, next, terms: Terms::default(), numbers: Vec::new() })
    }

    /// The number that the next version gets.
    pub(crate) fn number(&self) -> u32 {
        self.next
    }

    /// Takes a version of a resource in, and gives its number.
    pub(crate) fn add(&mut self, resource: &StoredResource) -> Result<u32, Error> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or_else(|| Error::Corrupt("postings".into()))?;
        // What is not JSON, or nested too deeply, is found by what is in columns alone.
        if let Ok(tree) = Tree::parse(resource.json()) {
            self.terms.add(resource.resource_type, tree.root());
            self.numbers.resize(self.terms.len(), number);
        }
        Ok(number)
    }

    /// Says that the version with this number is no longer current.
    pub(crate) fn forget(&mut self, number: u32) -> Result<(), Error> {
        let sql = "INSERT OR IGNORE INTO dead (p) VALUES (?1)";
        self.connection.prepare_cached(sql)?.execute([number])?;
        Ok(())
    }

    /// Writes the run, and merges the last ones where there are many of like size.
    pub(crate) fn write(self) -> Result<(), Error> {
        if self.next == self.first {
            return Ok(());
        }
        let mut order: Vec<u32> = (0..).take(self.terms.len()).collect();
        let key = |at: u32| (self.terms.get(at as usize), self.numbers[at as usize]);
        order.sort_unstable_by(|a, b| key(*a).cmp(&key(*b)));
        let mut new = NewRun::new(self.connection, self.first, self.next)?;
        let (mut writer, mut failed) = (Writer::new(self.first), None);
        let mut keep = |block: Block| {
            if failed.is_none() {
                failed = new.add(&block).err();
            }
        };
        for at in order {
            let (bytes, number) = key(at);
            writer.add(bytes, number, &mut keep);
        }
        writer.end(&mut keep);
        failed.map_or(Ok(()), Err)?;
        while merge_last(self.connection)? {}
        Ok(())
    }
}

/// The id of the first block of a run: a run has at most 2^20 of them.
pub(super) fn first_block(run: i64) -> i64 {
    run << 20
}

/// A run that is being written.
struct NewRun<'c> {
    connection: &'c Connection,
    id: i64,
    blocks: i64,
}

impl<'c> NewRun<'c> {
    fn new(connection: &'c Connection, first: u32, end: u32) -> Result<Self, Error> {
        let last = connection
            .prepare_cached("SELECT id FROM run ORDER BY id DESC LIMIT 1")?
            .query_row([], |row| row.get::<_, i64>(0))
            .optional()?;
        let id = last.unwrap_or(0) + 1;
        connection
            .prepare_cached("INSERT INTO run (id, first, last) VALUES (?1, ?2, ?3)")?
            .execute((id, first, end))?;
        Ok(Self { connection, id, blocks: 0 })
    }

    fn add(&mut self, block: &Block) -> Result<(), Error> {
        let sql = "INSERT INTO block (id, run, first, body) VALUES (?1, ?2, ?3, ?4)";
        let id = first_block(self.id) + self.blocks;
        let values = (id, self.id, &block.first, &block.body);
        self.connection.prepare_cached(sql)?.execute(values)?;
        self.blocks += 1;
        Ok(())
    }
}

/// Merges the last runs where [`TOGETHER`] of them are of the size of the last or smaller; tells
/// whether it did.
fn merge_last(connection: &Connection) -> Result<bool, Error> {
    let mut select =
        connection.prepare_cached("SELECT id, first, last FROM run ORDER BY id DESC LIMIT 64")?;
    let runs = select
        .query_map([], |row| Ok(Run { id: row.get(0)?, first: row.get(1)?, end: row.get(2)? }))?;
    let runs = runs.collect::<Result<Vec<_>, _>>()?;
    let level = runs.first().map_or(0, |run| run.level());
    let like = |run: &&Run| run.level() <= level && run.end - run.first < LARGEST_IN;
    let mut last: Vec<Run> = runs.iter().take_while(like).copied().collect();
    if last.len() < TOGETHER {
        return Ok(false);
    }
    last.reverse();
    let (first, end) = (last[0].first, last[last.len() - 1].end);
    let dead = dead(connection, first, end)?;
    let mut new = NewRun::new(connection, first, end)?;
    merge(connection, &last, &dead, &mut |block| new.add(&block))?;
    for run in &last {
        let blocks = (first_block(run.id), first_block(run.id + 1));
        connection
            .prepare_cached("DELETE FROM block WHERE id >= ?1 AND id < ?2")?
            .execute(blocks)?;
        connection.prepare_cached("DELETE FROM run WHERE id = ?1")?.execute([run.id])?;
    }
    connection
        .prepare_cached("DELETE FROM dead WHERE p >= ?1 AND p < ?2")?
        .execute((first, end))?;
    Ok(true)
}

fn dead(connection: &Connection, first: u32, end: u32) -> Result<HashSet<u32>, Error> {
    let mut select = connection.prepare_cached("SELECT p FROM dead WHERE p >= ?1 AND p < ?2")?;
    let numbers = select.query_map((first, end), |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}
