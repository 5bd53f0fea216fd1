//! FHIR resources by id, by version, by patient; the newest of a type.

use std::sync::Arc;

use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::Fact;
use medicines::store::Deleted;
use rusqlite::{OptionalExtension, Row};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, integer, natural, timestamp, type_number, type_of};

/// The most resources in one answer of [`Reader::latest`].
pub const MAX_LATEST: usize = 1_000;

/// The most resources on a page of [`Reader::everything`].
pub const MAX_EVERYTHING: usize = 500;

/// What is asked for of all that is about a patient.
#[derive(Debug, Clone)]
pub struct Everything {
    /// The patient.
    pub patient: Id,
    /// Of these types alone, unless it is empty.
    pub types: Vec<ResourceType>,
    /// Changed then or later.
    pub since: Option<Timestamp>,
    /// After this number, that is the next page.
    pub after: Option<u64>,
    /// The most on the page; at most [`MAX_EVERYTHING`].
    pub count: usize,
}

/// A version of a resource, or its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revision {
    /// A version.
    Stored(StoredResource),
    /// It was deleted.
    Deleted(Deleted),
}

/// That a resource was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedView {
    /// The version of the deletion.
    pub version: u64,
    /// When.
    pub at: Timestamp,
}

/// The columns that [`stored`] reads, in its order.
pub(super) const COLUMNS: &str = "type, id, version, last_updated, body";

impl Reader {
    /// The current version of a resource.
    pub fn read(
        &self,
        resource_type: ResourceType,
        id: &Id,
    ) -> Result<Option<StoredResource>, Error> {
        Ok(self.read_of(resource_type, id)?.map(|(stored, _)| stored))
    }

    /// The same, with the patient whom it is about.
    pub fn read_of(
        &self,
        resource_type: ResourceType,
        id: &Id,
    ) -> Result<Option<(StoredResource, Option<Id>)>, Error> {
        let sql = format!("SELECT {COLUMNS}, subject FROM resource WHERE type = ?1 AND id = ?2");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((type_number(resource_type), id.as_str()))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let subject: Option<String> = row.get(5)?;
        Ok(Some((self.stored(row)?, subject.and_then(|id| Id::new(&id).ok()))))
    }

    /// One version of a resource, current or not. An older one is read from the entry of the
    /// journal that stored it; [`journal::Error::Moved`] where that has left this node.
    pub fn version(
        &self,
        resource_type: ResourceType,
        id: &Id,
        version: u64,
    ) -> Result<Option<StoredResource>, Error> {
        Ok(match self.revision(resource_type, id, version)? {
            Some(Revision::Stored(stored)) => Some(stored),
            Some(Revision::Deleted(_)) | None => None,
        })
    }

    /// The same, where the version may be that of a deletion.
    pub fn revision(
        &self,
        resource_type: ResourceType,
        id: &Id,
        version: u64,
    ) -> Result<Option<Revision>, Error> {
        let current = self.read(resource_type, id)?.filter(|current| current.version == version);
        if let Some(current) = current {
            return Ok(Some(Revision::Stored(current)));
        }
        let Some((seq, ordinal)) = self.place(resource_type, id, version)? else {
            return Ok(None);
        };
        let journal = journal::Reader::open(&self.journal)?;
        let found = revision_of(&journal, seq, ordinal)?;
        let (kind, of, number) = found.is();
        if kind != resource_type || of != id || number != version {
            return Err(Error::Corrupt(format!("entry {seq} holds another version")));
        }
        Ok(Some(found))
    }

    /// Whom the entry was about that made a version, where the record knows it: also of a version
    /// whose entry has left this node with its segment.
    pub fn patient_of_version(
        &self,
        resource_type: ResourceType,
        id: &Id,
        version: u64,
    ) -> Result<Option<Id>, Error> {
        let Some((seq, _)) = self.place(resource_type, id, version)? else { return Ok(None) };
        let mut statement =
            self.connection.prepare_cached("SELECT patient FROM message WHERE seq = ?1")?;
        let patient = statement.query_row([integer(seq)], |row| row.get::<_, Option<String>>(0));
        Ok(patient.optional()?.flatten().and_then(|patient| Id::new(&patient).ok()))
    }

    /// The entry, and the fact in it, that made a version that is not current or a deletion.
    fn place(
        &self,
        resource_type: ResourceType,
        id: &Id,
        version: u64,
    ) -> Result<Option<(u64, u64)>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT v.seq, v.ordinal FROM resource r JOIN version v ON v.n = r.n \
             WHERE r.type IN (?1, -?1) AND r.id = ?2 AND v.version = ?3 \
             UNION ALL SELECT seq, ordinal FROM resource \
             WHERE type = -?1 AND id = ?2 AND version = ?3",
        )?;
        let key = (type_number(resource_type), id.as_str(), integer(version));
        let place =
            statement.query_row(key, |row| Ok((natural(row.get(0)?), natural(row.get(1)?))));
        Ok(place.optional()?)
    }

    /// When and under which version a resource was deleted, where it is not there again.
    pub fn deleted(
        &self,
        resource_type: ResourceType,
        id: &Id,
    ) -> Result<Option<DeletedView>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT version, last_updated FROM resource WHERE type = -?1 AND id = ?2",
        )?;
        let key = (type_number(resource_type), id.as_str());
        let found = statement.query_row(key, |row| {
            Ok(DeletedView { version: natural(row.get(0)?), at: timestamp(row.get(1)?) })
        });
        Ok(found.optional()?)
    }

    /// The versions of a resource, oldest first, as `(version, entry of the journal)`; empty when
    /// there is no such resource.
    pub fn versions(&self, resource_type: ResourceType, id: &Id) -> Result<Vec<(u64, u64)>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT v.version, v.seq FROM resource r JOIN version v ON v.n = r.n \
             WHERE r.type IN (?1, -?1) AND r.id = ?2 \
             UNION ALL SELECT version, seq FROM resource WHERE type IN (?1, -?1) AND id = ?2 \
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
        statement.query_and_then([patient.as_str()], |row| self.stored(row))?.collect()
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
        statement.query_and_then(values, |row| self.stored(row))?.collect()
    }

    /// How many resources of a type there are, each once however many versions it has.
    pub fn count(&self, resource_type: ResourceType) -> Result<u64, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT count(*) FROM resource WHERE type = ?1")?;
        Ok(count(statement.query_row([type_number(resource_type)], |row| row.get(0))?))
    }
}

/// What a fact of an entry made of a resource.
pub(super) fn revision_of(
    journal: &journal::Reader,
    seq: u64,
    ordinal: u64,
) -> Result<Revision, Error> {
    let missing = || Error::Corrupt(format!("entry {seq} does not store what it should"));
    let entry = journal.get(seq)?.ok_or_else(missing)?;
    let ordinal = usize::try_from(ordinal).map_err(|_| missing())?;
    let facts = Facts::of(&entry.head)?;
    facts.revision(ordinal)?.ok_or_else(missing)
}

/// The facts of an entry, of which only those are read that are asked for: a transaction may have
/// brought thousands.
#[derive(Debug, Deserialize)]
pub(super) struct Facts<'h> {
    #[serde(borrow)]
    facts: Vec<&'h RawValue>,
}

impl<'h> Facts<'h> {
    /// Those of the head of an entry.
    pub(super) fn of(head: &'h [u8]) -> Result<Self, Error> {
        serde_json::from_slice(head).map_err(|_| Error::Json { what: "head" })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    /// What one of them made of a resource, where it is about one.
    pub(super) fn revision(&self, ordinal: usize) -> Result<Option<Revision>, Error> {
        let Some(fact) = self.facts.get(ordinal) else { return Ok(None) };
        let fact = serde_json::from_str(fact.get()).map_err(|_| Error::Json { what: "fact" })?;
        Ok(Revision::of(fact))
    }
}

impl Revision {
    /// What a fact made of a resource, where it is about one.
    fn of(fact: Fact) -> Option<Self> {
        match fact {
            Fact::Stored(resource) | Fact::Recorded(resource) => Some(Self::Stored(resource)),
            Fact::Deleted(deleted) => Some(Self::Deleted(deleted)),
            _ => None,
        }
    }

    /// Of which resource it is, and its number.
    pub fn is(&self) -> (ResourceType, &Id, u64) {
        match self {
            Self::Stored(stored) => (stored.resource_type, &stored.id, stored.version),
            Self::Deleted(deleted) => (deleted.resource_type, &deleted.id, deleted.version),
        }
    }

    /// When it came to be.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Stored(stored) => stored.last_updated,
            Self::Deleted(deleted) => deleted.at,
        }
    }
}

impl Reader {
    /// A resource from a row of [`COLUMNS`].
    pub(super) fn stored(&self, row: &Row<'_>) -> Result<StoredResource, Error> {
        let id: String = row.get(1)?;
        let body = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let text = self.bodies.text(&self.connection, body)?;
        let raw = RawValue::from_string(text).map_err(|_| Error::Json { what: "resource" })?;
        Ok(StoredResource::kept(
            type_of(row.get(0)?)?,
            Id::new(&id).map_err(|_| Error::Corrupt("an id".into()))?,
            natural(row.get(2)?),
            timestamp(row.get(3)?),
            Arc::from(raw),
        ))
    }
}
