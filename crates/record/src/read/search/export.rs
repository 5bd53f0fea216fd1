//! All resources of a type, one after another, of one state of the record (FHIR Bulk Data Access).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fhir::json::Tree;
use fhir::{Id, ResourceType, StoredResource};
use fhir_definitions::{SearchKind, patient_compartment};
use fhir_search::{Param, SearchRequest, find_param, targets};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Params, Transaction};

use super::hold::is_subject;
use super::{Budget, Searcher};
use crate::Error;
use crate::code::{nanoseconds, timestamp, type_number};
use crate::postings::Runs;
use crate::read::Reader;
use crate::read::resources::COLUMNS;

/// Whose resources are exported.
#[derive(Debug, Clone, Copy)]
pub enum Whose<'a> {
    /// Everything.
    Everybodys,
    /// What is in the compartment of a patient, whichever.
    AnyPatients,
    /// What is in the compartment of one of these.
    These(&'a BTreeSet<Id>),
}

/// Which resources of a type are exported.
#[derive(Debug, Clone, Copy)]
pub struct Portion<'a> {
    /// Of this type.
    pub kind: ResourceType,
    /// Whose.
    pub whose: Whose<'a>,
    /// Changed then or later.
    pub since: Option<Timestamp>,
    /// Those that one of these searches finds; all where there is none.
    pub filters: &'a [SearchRequest],
}

/// Whether to go on.
pub type GoOn = bool;

/// One state of the record, from which everything is read. While it lives, the write-ahead file
/// cannot start anew, so that it has an end: the time that it is made with.
pub struct Snapshot<'r> {
    reader: &'r Reader,
    connection: Transaction<'r>,
    end: Instant,
}

impl Reader {
    /// Holds the state as it is now, for so long at most: then whoever reads gets
    /// [`Error::TooCostly`].
    pub fn hold(&self, time: Duration) -> Result<Snapshot<'_>, Error> {
        let connection = self.snapshot()?;
        // The state is taken with the first look at it.
        connection.query_row("SELECT seq FROM position", [], |row| row.get::<_, i64>(0))?;
        let now = Instant::now();
        let end = now.checked_add(time).unwrap_or(now);
        Ok(Snapshot { reader: self, connection, end })
    }
}

impl Snapshot<'_> {
    /// When the last entry was recorded that the state holds, to the millisecond, as versions have
    /// it: what is not in it was changed then or later.
    pub fn at(&self) -> Result<Option<Timestamp>, Error> {
        let sql = "SELECT at FROM message ORDER BY seq DESC LIMIT 1";
        let at = self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).optional()?;
        let whole = |at: i64| timestamp(at - at.rem_euclid(1_000_000));
        Ok(at.map(whole))
    }

    /// The current version of a resource in this state.
    pub fn read(&self, kind: ResourceType, id: &Id) -> Result<Option<StoredResource>, Error> {
        self.reader.read(kind, id)
    }

    /// Gives every resource of the portion, in no order, until it is told to stop; and nothing for
    /// each that was looked at and is not in it, so that its reader can tell it to stop meanwhile.
    /// What is in memory is one resource at a time.
    pub fn each(
        &self,
        portion: &Portion<'_>,
        take: &mut dyn FnMut(Option<StoredResource>) -> GoOn,
    ) -> Result<(), Error> {
        let budget = Budget::new(usize::MAX, self.left());
        let (reader, runs) = (self.reader, Runs::new(&self.connection)?);
        let searcher = Searcher { reader, connection: &self.connection, runs, budget };
        let mut filters = portion.filters.to_vec();
        for filter in &mut filters {
            searcher.resolve(&mut filter.conditions)?;
        }
        let kind = type_number(portion.kind);
        let since = portion.since.map_or(i64::MIN, nanoseconds);
        let of_type = format!("SELECT {COLUMNS} FROM resource INDEXED BY resource_changed");
        // All that is looked at takes time, also what is not in the portion.
        let mut pick = |resource: Option<StoredResource>| -> Result<GoOn, Error> {
            searcher.budget.read()?;
            let found = match resource {
                Some(resource) if meets(&searcher, &filters, &resource)? => Some(resource),
                _ => None,
            };
            Ok(take(found))
        };
        match portion.whose {
            Whose::Everybodys => {
                let sql = format!("{of_type} WHERE type = ?1 AND last_updated >= ?2");
                self.rows(&sql, (kind, since), &mut |resource| pick(Some(resource)))?;
            }
            _ if !is_by_subject(portion.kind) => {
                let sql = format!("{of_type} WHERE type = ?1 AND last_updated >= ?2");
                let params = ways(portion.kind);
                self.rows(&sql, (kind, since), &mut |resource| {
                    pick(belongs(&resource, &params, portion.whose).then_some(resource))
                })?;
            }
            Whose::AnyPatients => {
                let sql = format!(
                    "{of_type} WHERE type = ?1 AND last_updated >= ?2 AND subject IS NOT NULL"
                );
                self.rows(&sql, (kind, since), &mut |resource| pick(Some(resource)))?;
            }
            Whose::These(patients) => {
                let sql = format!(
                    "SELECT {COLUMNS} FROM resource INDEXED BY resource_subject \
                     WHERE subject = ?1 AND type = ?2 AND last_updated >= ?3"
                );
                for patient in patients {
                    let values = (patient.as_str(), kind, since);
                    let whole = self.rows(&sql, values, &mut |resource| pick(Some(resource)))?;
                    // Looking for a patient who has none takes time as well.
                    if !whole || !pick(None)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives what of a type was deleted then or later, with the time.
    pub fn deleted(
        &self,
        kind: ResourceType,
        since: Timestamp,
        take: &mut dyn FnMut(&str, Timestamp) -> GoOn,
    ) -> Result<(), Error> {
        let budget = Budget::new(usize::MAX, self.left());
        let mut statement = self.connection.prepare_cached(
            "SELECT id, last_updated FROM resource INDEXED BY resource_changed \
             WHERE type = -?1 AND last_updated >= ?2",
        )?;
        let mut rows = statement.query((type_number(kind), nanoseconds(since)))?;
        while let Some(row) = rows.next()? {
            budget.read()?;
            let id = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
            if !take(id, timestamp(row.get(1)?)) {
                break;
            }
        }
        Ok(())
    }

    /// The time that the state is held yet.
    fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether all rows were given.
    fn rows(
        &self,
        sql: &str,
        values: impl Params,
        pick: &mut dyn FnMut(StoredResource) -> Result<GoOn, Error>,
    ) -> Result<bool, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if !pick(self.reader.stored(row)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether one of the searches finds a resource; without any, all are wanted.
fn meets(
    searcher: &Searcher<'_>,
    filters: &[SearchRequest],
    resource: &StoredResource,
) -> Result<bool, Error> {
    if filters.is_empty() {
        return Ok(true);
    }
    let Ok(tree) = Tree::parse(resource.json()) else { return Ok(false) };
    for filter in filters {
        let mut all = true;
        for condition in &filter.conditions {
            all = all && searcher.holds(condition, resource, tree.root())?;
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The references that lead to the patient in whose compartment a resource of the type is (R4
/// compartmentdefinition-patient).
fn ways(kind: ResourceType) -> Vec<&'static Param> {
    let of_type = patient_compartment().find(|(name, _)| *name == kind.as_str());
    let codes = of_type.map(|(_, codes)| codes).unwrap_or_default();
    let params = codes.into_iter().filter_map(|code| find_param(kind, code));
    params.filter(|param| param.kind == SearchKind::Reference).collect()
}

/// Whether the column tells whose a resource of the type is.
fn is_by_subject(kind: ResourceType) -> bool {
    kind == ResourceType::Patient || ways(kind).into_iter().any(|param| is_subject(kind, param))
}

fn belongs(resource: &StoredResource, params: &[&'static Param], whose: Whose<'_>) -> bool {
    let Ok(tree) = Tree::parse(resource.json()) else { return false };
    let to = |param| targets(param, resource.resource_type, tree.root());
    params.iter().copied().flat_map(to).any(|(kind, id)| {
        kind == ResourceType::Patient
            && match whose {
                Whose::Everybodys | Whose::AnyPatients => true,
                Whose::These(patients) => patients.contains(&id),
            }
    })
}

/// The types that are in the compartment of a patient.
pub fn types_of_patients() -> impl Iterator<Item = ResourceType> {
    let named = patient_compartment().filter(|(_, codes)| !codes.is_empty());
    let kinds = named.filter_map(|(name, _)| name.parse().ok());
    std::iter::once(ResourceType::Patient)
        .chain(kinds.filter(|kind| *kind != ResourceType::Patient))
}
