//! The messages: what came in, under which key, and what became of it.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::code::{integer, key_hash, nanoseconds};
use crate::{Applied, Error, Head};

/// How many kinds are remembered within a batch; a batch with more of them asks the table.
const MAX_KNOWN: usize = 64;

pub(super) struct Messages<'c> {
    insert: CachedStatement<'c>,
    key: CachedStatement<'c>,
    find_kind: CachedStatement<'c>,
    insert_kind: CachedStatement<'c>,
    known: Vec<Kind>,
}

/// What a message has in common with many others.
struct Kind {
    n: i64,
    /// Channel, type, answer and prefix.
    texts: [Box<str>; 4],
}

impl<'c> Messages<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            insert: connection.prepare_cached(
                "INSERT INTO message (seq, at, kind, control_id, key, patient) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            key: connection
                .prepare_cached("INSERT INTO message_key (hash, seq) VALUES (?1, ?2)")?,
            find_kind: connection.prepare_cached(
                "SELECT n FROM message_kind \
                 WHERE channel = ?1 AND type = ?2 AND outcome = ?3 AND prefix = ?4",
            )?,
            insert_kind: connection.prepare_cached(
                "INSERT INTO message_kind (channel, type, outcome, prefix) \
                 VALUES (?1, ?2, ?3, ?4) RETURNING n",
            )?,
            known: Vec::new(),
        })
    }

    /// Every entry has a row, also one that no outside system asked for: its key is empty.
    pub(super) fn received(&mut self, entry: &Applied<'_>) -> Result<(), Error> {
        let head = &entry.head;
        let prefix = prefix_of(head);
        let kind =
            self.kind([head.channel, head.message_type, head.outcome, prefix.unwrap_or_default()])?;
        self.insert.execute(params![
            integer(entry.seq),
            nanoseconds(entry.at),
            kind,
            head.control_id,
            prefix.is_none().then_some(head.key),
            head.patient.map(fhir::Id::as_str),
        ])?;
        if !head.key.is_empty() {
            self.key.execute((key_hash(head.channel, head.key), integer(entry.seq)))?;
        }
        Ok(())
    }

    fn kind(&mut self, texts: [&str; 4]) -> Result<i64, Error> {
        let same = |kind: &&Kind| kind.texts.iter().zip(texts).all(|(a, b)| **a == *b);
        if let Some(known) = self.known.iter().find(same) {
            return Ok(known.n);
        }
        let found = self.find_kind.query_row(texts, |row| row.get(0)).optional()?;
        let n = match found {
            Some(n) => n,
            None => self.insert_kind.query_row(texts, |row| row.get(0))?,
        };
        if self.known.len() < MAX_KNOWN {
            self.known.push(Kind { n, texts: texts.map(Box::from) });
        }
        Ok(n)
    }
}

/// The part of the key before the control id, where the key ends with it.
fn prefix_of<'h>(head: &Head<'h>) -> Option<&'h str> {
    let ends = !head.key.is_empty() && !head.control_id.is_empty();
    head.key.strip_suffix(head.control_id).filter(|_| ends)
}
