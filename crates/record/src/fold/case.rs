//! Cases that open and close.

use medicines::cases::{Case, CaseClosed};
use rusqlite::{CachedStatement, Connection, params};

use crate::Error;
use crate::code::{json, nanoseconds};

pub(super) struct Cases<'c> {
    open: CachedStatement<'c>,
    close: CachedStatement<'c>,
}

impl<'c> Cases<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            // A case that is told again is open again, under the number it had.
            open: connection.prepare_cached(
                "INSERT INTO case_ (id, kind, opened, patient, body) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, opened = excluded.opened, \
                 patient = excluded.patient, body = excluded.body, closed = NULL, closing = NULL",
            )?,
            close: connection
                .prepare_cached("UPDATE case_ SET closed = ?2, closing = ?3 WHERE id = ?1")?,
        })
    }

    pub(super) fn opened(&mut self, case: &Case) -> Result<(), Error> {
        self.open.execute(params![
            case.id.as_str(),
            case.kind.as_str(),
            nanoseconds(case.opened),
            case.patient.as_ref().map(fhir::Id::as_str),
            json("case", case)?,
        ])?;
        Ok(())
    }

    /// The end of a case that was never opened changes nothing.
    pub(super) fn closed(&mut self, closed: &CaseClosed) -> Result<(), Error> {
        let closing = json("closed case", closed)?;
        self.close.execute(params![closed.id.as_str(), nanoseconds(closed.at), closing])?;
        Ok(())
    }
}
