//! FHIR resources: the current version, the places of the older ones, the identifiers.

use fhir::StoredResource;
use medicines::store::Deleted;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::Place;
use crate::Error;
use crate::body::Packer;
use crate::code::{integer, nanoseconds, type_number};
use crate::index::Indexed;
use crate::postings::Postings;

pub(super) struct Resources<'c> {
    connection: &'c Connection,
    packer: &'c mut Packer,
    insert: CachedStatement<'c>,
    select: CachedStatement<'c>,
    replace: CachedStatement<'c>,
    replace_indexed: CachedStatement<'c>,
    supersede: CachedStatement<'c>,
    identify: CachedStatement<'c>,
    forget: CachedStatement<'c>,
    postings: Postings<'c>,
}

/// What the record holds of a resource that gets a new version.
struct Current {
    n: i64,
    version: i64,
    seq: i64,
    ordinal: i64,
    /// Under which number it stands in the postings.
    p: Option<u32>,
    /// Whether subject or status differ from those of the new version.
    moved: bool,
    /// The identifiers that the record holds, where the new version has others.
    identifiers: Option<Vec<(String, String)>>,
}

impl<'c> Resources<'c> {
    pub(super) fn new(connection: &'c Connection, packer: &'c mut Packer) -> Result<Self, Error> {
        Ok(Self {
            connection,
            packer,
            insert: connection.prepare_cached(
                "INSERT INTO resource \
                 (type, id, version, last_updated, seq, ordinal, subject, status, body, p) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
                 ON CONFLICT (type, id) DO NOTHING",
            )?,
            select: connection.prepare_cached(
                "SELECT n, version, seq, ordinal, subject, status, body, p FROM resource \
                 WHERE type = ?1 AND id = ?2",
            )?,
            // Two forms, because SQLite writes every index whose column is named, changed or not.
            replace: connection.prepare_cached(
                "UPDATE resource SET version = ?2, last_updated = ?3, seq = ?4, ordinal = ?5, \
                 body = ?6, p = ?7 WHERE n = ?1",
            )?,
            replace_indexed: connection.prepare_cached(
                "UPDATE resource SET version = ?2, last_updated = ?3, seq = ?4, ordinal = ?5, \
                 body = ?6, p = ?7, subject = ?8, status = ?9 WHERE n = ?1",
            )?,
            supersede: connection.prepare_cached(
                "INSERT OR REPLACE INTO version (n, version, seq, ordinal) \
                 VALUES (?1, ?2, ?3, ?4)",
            )?,
            identify: connection.prepare_cached(
                "INSERT INTO identifier (type, value, system, n) VALUES (?1, ?2, ?3, ?4)",
            )?,
            forget: connection.prepare_cached(
                "DELETE FROM identifier WHERE type = ?1 AND value = ?2 AND system = ?3 AND n = ?4",
            )?,
            postings: Postings::new(connection)?,
        })
    }

    /// Writes what the resources of the batch are found by.
    pub(super) fn end(self) -> Result<(), Error> {
        self.postings.write()
    }

    /// The newest fact about a resource is its current version, whatever its number.
    pub(super) fn stored(&mut self, place: Place, resource: &StoredResource) -> Result<(), Error> {
        let raw = resource.raw.get();
        let indexed = Indexed::read(raw);
        let inserted = resource.version == 1 && self.first(place, resource, &indexed, raw)?;
        if inserted {
            return Ok(());
        }
        match self.current(resource, &indexed)? {
            Some(current) => self.next(place, resource, &indexed, raw, current),
            None if self.again(place, resource, &indexed, raw)? => Ok(()),
            // A first version that is not number 1 comes from a record of another system.
            None => self.first(place, resource, &indexed, raw).map(drop),
        }
    }

    /// The resource is no more: its row moves out of the way of every query for its type.
    pub(super) fn deleted(&mut self, place: Place, deleted: &Deleted) -> Result<(), Error> {
        let kind = type_number(deleted.resource_type);
        let find =
            "SELECT n, version, seq, ordinal, body, p FROM resource WHERE type = ?1 AND id = ?2";
        let mut find = self.connection.prepare_cached(find)?;
        let mut rows = find.query(params![kind, deleted.id.as_str()])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let (n, version, seq, ordinal): (i64, i64, i64, i64) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let body = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let body = self.packer.bodies().text(self.connection, body)?;
        let body = Indexed::read(&body);
        for (system, value) in body.identifiers() {
            self.forget.execute(params![kind, value, system, n])?;
        }
        let p: Option<u32> = row.get(5)?;
        drop(rows);
        p.map_or(Ok(()), |p| self.postings.forget(p))?;
        self.supersede.execute(params![n, version, seq, ordinal])?;
        let replace = "UPDATE OR REPLACE resource \
                       SET type = -type, version = ?2, last_updated = ?3, \
                       seq = ?4, ordinal = ?5, body = x'', p = NULL, subject = NULL, status = NULL \
                       WHERE n = ?1";
        self.connection.prepare_cached(replace)?.execute(params![
            n,
            integer(deleted.version),
            nanoseconds(deleted.at),
            place.seq,
            place.ordinal,
        ])?;
        Ok(())
    }

    /// Whether the resource was deleted before; then it is there again.
    fn again(
        &mut self,
        place: Place,
        resource: &StoredResource,
        indexed: &Indexed<'_>,
        raw: &str,
    ) -> Result<bool, Error> {
        let kind = type_number(resource.resource_type);
        let find = "SELECT n, version, seq, ordinal FROM resource WHERE type = -?1 AND id = ?2";
        let found: Option<(i64, i64, i64, i64)> = self
            .connection
            .prepare_cached(find)?
            .query_row(params![kind, resource.id.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((n, version, seq, ordinal)) = found else { return Ok(false) };
        self.connection
            .prepare_cached("UPDATE OR REPLACE resource SET type = -type WHERE n = ?1")?
            .execute([n])?;
        let identifiers = Some(Vec::new());
        let current = Current { n, version, seq, ordinal, p: None, moved: true, identifiers };
        self.next(place, resource, indexed, raw, current)?;
        Ok(true)
    }

    /// Whether the record had no such resource; then it has now.
    fn first(
        &mut self,
        place: Place,
        resource: &StoredResource,
        indexed: &Indexed<'_>,
        raw: &str,
    ) -> Result<bool, Error> {
        let type_number = type_number(resource.resource_type);
        let p = self.postings.number();
        let body = self.packer.pack(self.connection, type_number, raw, true)?;
        let added = self.insert.execute(params![
            type_number,
            resource.id.as_str(),
            integer(resource.version),
            nanoseconds(resource.last_updated),
            place.seq,
            place.ordinal,
            indexed.subject(resource),
            indexed.status(),
            body,
            p,
        ])?;
        if added == 0 {
            return Ok(false);
        }
        self.postings.add(resource)?;
        let n = self.connection.last_insert_rowid();
        for (system, value) in indexed.identifiers() {
            self.identify.execute(params![type_number, value, system, n])?;
        }
        Ok(true)
    }

    fn current(
        &mut self,
        resource: &StoredResource,
        indexed: &Indexed<'_>,
    ) -> Result<Option<Current>, Error> {
        let key = params![type_number(resource.resource_type), resource.id.as_str()];
        let mut rows = self.select.query(key)?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let text = |column| row.get_ref(column).map(|value| value.as_str_or_null().ok().flatten());
        let body = row.get_ref(6)?.as_blob().map_err(rusqlite::Error::from)?;
        let body = self.packer.bodies().text(self.connection, body)?;
        let body = Indexed::read(&body);
        let identifiers = body.identifiers();
        let same = identifiers == indexed.identifiers();
        let owned = |(system, value): (&str, &str)| (system.to_owned(), value.to_owned());
        Ok(Some(Current {
            n: row.get(0)?,
            version: row.get(1)?,
            seq: row.get(2)?,
            ordinal: row.get(3)?,
            p: row.get(7)?,
            moved: text(4)? != indexed.subject(resource) || text(5)? != indexed.status(),
            identifiers: (!same).then(|| identifiers.into_iter().map(owned).collect()),
        }))
    }

    fn next(
        &mut self,
        place: Place,
        resource: &StoredResource,
        indexed: &Indexed<'_>,
        raw: &str,
        current: Current,
    ) -> Result<(), Error> {
        let Current { n, version, seq, ordinal, p, moved, identifiers } = current;
        p.map_or(Ok(()), |p| self.postings.forget(p))?;
        let p = self.postings.add(resource)?;
        self.supersede.execute(params![n, version, seq, ordinal])?;
        let kind = type_number(resource.resource_type);
        let body = self.packer.pack(self.connection, kind, raw, false)?;
        let (version, at) = (integer(resource.version), nanoseconds(resource.last_updated));
        if moved {
            let (subject, status) = (indexed.subject(resource), indexed.status());
            self.replace_indexed.execute(params![
                n,
                version,
                at,
                place.seq,
                place.ordinal,
                body,
                p,
                subject,
                status
            ])?;
        } else {
            self.replace.execute(params![n, version, at, place.seq, place.ordinal, body, p])?;
        }
        let Some(old) = identifiers else {
            return Ok(());
        };
        for (system, value) in old {
            self.forget.execute(params![kind, value, system, n])?;
        }
        for (system, value) in indexed.identifiers() {
            self.identify.execute(params![kind, value, system, n])?;
        }
        Ok(())
    }
}
