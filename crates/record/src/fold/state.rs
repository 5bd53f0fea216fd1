//! The rows of the live state.

use medicines::Row;
use rusqlite::{CachedStatement, Connection, params};

use crate::Error;

pub(super) struct States<'c> {
    update: CachedStatement<'c>,
    put: CachedStatement<'c>,
}

impl<'c> States<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            // `live` is not set here, so that its index is left alone: most rows that change are
            // live before and after.
            update: connection.prepare_cached(
                "UPDATE state SET body = ?4 WHERE kind = ?1 AND key = ?2 AND live = ?3",
            )?,
            put: connection.prepare_cached(
                "INSERT INTO state (kind, key, live, body) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (kind, key) DO UPDATE SET live = excluded.live, body = excluded.body",
            )?,
        })
    }

    pub(super) fn put(&mut self, row: &Row) -> Result<(), Error> {
        let body = row.body.json();
        let values = params![row.kind.number(), row.key, row.live, &*body];
        if self.update.execute(values)? == 0 {
            self.put.execute(values)?;
        }
        Ok(())
    }
}
