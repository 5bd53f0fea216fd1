//! Who looked at patient data, and who was refused.

use fhir::Id;
use medicines::Access;
use rusqlite::{Params, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{from_json, integer, natural};

/// The most looks and refusals in one answer.
pub const MAX_ACCESSES: usize = 1_000;

/// A look at patient data, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessView {
    /// Its number, for the next page.
    pub n: u64,
    /// The number of the journal entry.
    pub seq: u64,
    /// Whether it was refused.
    pub refused: bool,
    /// Who, what and when.
    pub access: Access,
}

impl Reader {
    /// The newest looks and refusals, newest first, from before number `before` where it is
    /// given; at most [`MAX_ACCESSES`].
    pub fn accesses(&self, before: Option<u64>, limit: usize) -> Result<Vec<AccessView>, Error> {
        let before = before.map_or(i64::MAX, integer);
        self.access_views(
            "SELECT n, seq, refused, body FROM access WHERE n < ?1 ORDER BY n DESC LIMIT ?2",
            (before, limited(limit, MAX_ACCESSES)),
        )
    }

    /// The same for one patient: who has seen this record?
    pub fn accesses_of(
        &self,
        patient: &Id,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<AccessView>, Error> {
        let before = before.map_or(i64::MAX, integer);
        self.access_views(
            "SELECT n, seq, refused, body FROM access WHERE patient = ?3 AND n < ?1 \
             ORDER BY n DESC LIMIT ?2",
            (before, limited(limit, MAX_ACCESSES), patient.as_str()),
        )
    }

    fn access_views(&self, sql: &str, values: impl Params) -> Result<Vec<AccessView>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_and_then(values, view)?.collect()
    }
}

fn view(row: &Row<'_>) -> Result<AccessView, Error> {
    Ok(AccessView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        refused: row.get(2)?,
        access: from_json(
            "look at patient data",
            row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?,
        )?,
    })
}
