//! FHIR resources by id, by version, by patient; the newest of a type.

use std::sync::Arc;

use fhir::{Id, ResourceType, StoredResource};
use medicines::{Fact, Head};
use rusqlite::{OptionalExtension, Row};
use serde_json::value::RawValue;

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, integer, natural, timestamp, type_number, type_of};

/// The most resources in one answer of [`Reader::latest`].
pub const MAX_LATEST: usize = 1_000;

/// The columns that [`stored`] reads, in its order.
pub(super) const COLUMNS: &str = "type, id, version, last_updated, body";

impl Reader {
    /// The current version of a resource.
    pub fn read(
        &self,
        resource_type: ResourceType,
        id: &Id,
    ) -> Result<Option<StoredResource>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM resource WHERE type = ?1 AND id = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((type_number(resource_type), id.as_str()))?;
        rows.next()?.map(stored).transpose()
    }

    /// One version of a resource, current or not. An older one is read from the entry of the
    /// journal that stored it.
    pub fn version(
        &self,
        resource_type: ResourceType,
        id: &Id,
        version: u64,
    ) -> Result<Option<StoredResource>, Error> {
        match self.read(resource_type, id)? {
            None => return Ok(None),
            Some(current) if current.version == version => return Ok(Some(current)),
            Some(_) => {}
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT v.seq, v.ordinal FROM resource r JOIN version v ON v.n = r.n \
             WHERE r.type = ?1 AND r.id = ?2 AND v.version = ?3",
        )?;
        let key = (type_number(resource_type), id.as_str(), integer(version));
        let place: Option<(i64, i64)> =
            statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((seq, ordinal)) = place else {
            return Ok(None);
        };
        let found = self.stored_by(natural(seq), natural(ordinal))?;
        if found.resource_type != resource_type || found.id != *id || found.version != version {
            return Err(Error::Corrupt(format!("entry {seq} holds another version")));
        }
        Ok(Some(found))
    }

    /// The versions of a resource, oldest first, as `(version, entry of the journal)`; empty when
    /// there is no such resource.
    pub fn versions(&self, resource_type: ResourceType, id: &Id) -> Result<Vec<(u64, u64)>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT v.version, v.seq FROM resource r JOIN version v ON v.n = r.n \
             WHERE r.type = ?1 AND r.id = ?2 \
             UNION ALL SELECT version, seq FROM resource WHERE type = ?1 AND id = ?2 \
             ORDER BY 2, 1",
        )?;
        let rows = statement.query_map((type_number(resource_type), id.as_str()), |row| {
            Ok((natural(row.get(0)?), natural(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The current version of everything whose subject is the patient, and the Patient itself, in
    /// the order in which they were first stored. The whole record of one patient: there is no
    /// other limit.
    pub fn resources_of(&self, patient: &Id) -> Result<Vec<StoredResource>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM resource WHERE subject = ?1 ORDER BY n");
        let mut statement = self.connection.prepare_cached(&sql)?;
        statement.query_and_then([patient.as_str()], stored)?.collect()
    }

    /// The resources of a type that changed last, newest first; at most [`MAX_LATEST`].
    pub fn latest(
        &self,
        resource_type: ResourceType,
        limit: usize,
    ) -> Result<Vec<StoredResource>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM resource INDEXED BY resource_changed WHERE type = ?1 \
             ORDER BY last_updated DESC, n DESC LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let values = (type_number(resource_type), limited(limit, MAX_LATEST));
        statement.query_and_then(values, stored)?.collect()
    }

    /// How many resources of a type there are, each once however many versions it has.
    pub fn count(&self, resource_type: ResourceType) -> Result<u64, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM resource WHERE type = ?1")?;
        Ok(count(statement.query_row([type_number(resource_type)], |row| row.get(0))?))
    }

    /// The resource that the fact `ordinal` of entry `seq` stored.
    fn stored_by(&self, seq: u64, ordinal: u64) -> Result<StoredResource, Error> {
        let missing = || Error::Corrupt(format!("entry {seq} does not store what it should"));
        let journal = journal::Reader::open(&self.journal)?;
        let entry = journal.get(seq)?.ok_or_else(missing)?;
        let head = Head::from_json(&entry.head).map_err(|_| Error::Json { what: "head" })?;
        let ordinal = usize::try_from(ordinal).map_err(|_| missing())?;
        match head.facts.into_owned().into_iter().nth(ordinal) {
            Some(Fact::Stored(resource)) => Ok(resource),
            _ => Err(missing()),
        }
    }
}

/// A resource from a row of [`COLUMNS`].
pub(super) fn stored(row: &Row<'_>) -> Result<StoredResource, Error> {
    let id: String = row.get(1)?;
    let raw = RawValue::from_string(row.get(4)?).map_err(|_| Error::Json { what: "resource" })?;
    Ok(StoredResource {
        resource_type: type_of(row.get(0)?)?,
        id: Id::new(&id).map_err(|_| Error::Corrupt("an id".into()))?,
        version: natural(row.get(2)?),
        last_updated: timestamp(row.get(3)?),
        raw: Arc::from(raw),
    })
}
