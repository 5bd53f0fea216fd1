//! What is in somebody's hands or on its way now: the live rows of the state, never the past.

use medicines::RowKind;
use medicines::state::{Consignment, Removal};
use serde::de::DeserializeOwned;

use super::Reader;
use crate::Error;

/// The most removals, and the most consignments, in one answer.
pub const MAX_OPEN: usize = 20_000;

impl Reader {
    /// The removals of which units are in hands, and the permits that can still be used, that are
    /// wanted; at most [`MAX_OPEN`], the oldest row first.
    ///
    /// Only rows that are open are read, so that it costs what is open and not what ever was.
    pub fn open_removals(&self, wanted: impl Fn(&Removal) -> bool) -> Result<Vec<Removal>, Error> {
        self.open_rows(RowKind::Removal, wanted)
    }

    /// The consignments of which something has not arrived that are wanted; at most [`MAX_OPEN`],
    /// the oldest row first.
    pub fn open_consignments(
        &self,
        wanted: impl Fn(&Consignment) -> bool,
    ) -> Result<Vec<Consignment>, Error> {
        self.open_rows(RowKind::Consignment, wanted)
    }

    fn open_rows<T: DeserializeOwned>(
        &self,
        kind: RowKind,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM state INDEXED BY state_live WHERE kind = ?1 AND live = 1 \
             ORDER BY rowid",
        )?;
        let mut rows = statement.query([kind.number()])?;
        let mut open = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let one: T = serde_json::from_slice(body)
                .map_err(|_| Error::Json { what: "row of the live state" })?;
            if wanted(&one) {
                open.push(one);
            }
            if open.len() == MAX_OPEN {
                break;
            }
        }
        Ok(open)
    }
}
