//! The message index: what came in, under which key, and what became of it.

use rusqlite::{CachedStatement, Connection, params};

use crate::code::{integer, nanoseconds};
use crate::{Applied, Error};

pub(super) struct Messages<'c> {
    insert: CachedStatement<'c>,
}

impl<'c> Messages<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            insert: connection.prepare_cached(
                "INSERT INTO message \
                 (seq, at, channel, key, digest, type, control_id, outcome, patient) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
        })
    }

    /// Every entry has a row, also one that no outside system asked for: its key is empty.
    pub(super) fn received(&mut self, entry: &Applied<'_>) -> Result<(), Error> {
        let head = &entry.head;
        self.insert.execute(params![
            integer(entry.seq),
            nanoseconds(entry.at),
            head.channel,
            head.key,
            head.digest.as_slice(),
            head.message_type,
            head.control_id,
            head.outcome,
            head.patient.map(fhir::Id::as_str),
        ])?;
        Ok(())
    }
}
