//! Looks at patient data, and refusals.

use medicines::Access;
use rusqlite::{CachedStatement, Connection, params};

use super::Place;
use crate::Error;
use crate::code::{json, nanoseconds};

pub(super) struct Accesses<'c> {
    insert: CachedStatement<'c>,
}

impl<'c> Accesses<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            insert: connection.prepare_cached(
                "INSERT INTO access (seq, refused, at, patient, body) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?,
        })
    }

    pub(super) fn happened(
        &mut self,
        place: Place,
        access: &Access,
        refused: bool,
    ) -> Result<(), Error> {
        let body = json("look at patient data", access)?;
        let patient = access.patient.as_ref().map(fhir::Id::as_str);
        self.insert.execute(params![place.seq, refused, nanoseconds(access.at), patient, body])?;
        Ok(())
    }
}
