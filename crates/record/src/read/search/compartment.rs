//! What belongs to a patient or an encounter: the compartment (R4 compartmentdefinition-patient,
//! compartmentdefinition-encounter).

use std::collections::BTreeSet;

use fhir::{Id, ResourceType, StoredResource};
use fhir_definitions::{SearchKind, compartment};
use fhir_search::find_param;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::hold::is_subject;
use super::{Budget, MAX_CANDIDATES, Road, Searcher};
use crate::Error;
use crate::code::{integer, nanoseconds, natural, type_number, type_of};
use crate::postings::Runs;
use crate::read::Reader;
use crate::read::resources::{COLUMNS, Everything, MAX_EVERYTHING};

/// What is asked for of all that belongs to an encounter.
#[derive(Debug, Clone)]
pub struct Compartment {
    /// The encounter.
    pub encounter: Id,
    /// Of these types alone, unless it is empty.
    pub types: Vec<ResourceType>,
    /// Changed then or later.
    pub since: Option<Timestamp>,
    /// After this number, that is the next page.
    pub after: Option<u64>,
    /// The most on the page; at most [`MAX_EVERYTHING`].
    pub count: usize,
}

impl Reader {
    /// A page of what belongs to an encounter, the Encounter itself among it, in the order in which
    /// it was first stored, with the number after which the next page begins.
    ///
    /// [`Error::TooCostly`] where more than [`MAX_CANDIDATES`] belong to it.
    pub fn compartment(
        &self,
        search: &Compartment,
    ) -> Result<(Vec<StoredResource>, Option<u64>), Error> {
        let snapshot = self.snapshot()?;
        let searcher = self.searcher(&snapshot)?;
        let numbers =
            searcher.members(ResourceType::Encounter, &search.encounter, &search.types)?;
        searcher.page_of(&numbers, None, (search.since, search.after, search.count))
    }

    /// A page of what belongs to a patient, the Patient itself among it, in the order in which it
    /// was first stored, with the number after which the next page begins: what is about the
    /// patient, and what else is in the compartment, such as a Provenance, unless it is about
    /// another patient.
    pub fn everything(
        &self,
        search: &Everything,
    ) -> Result<(Vec<StoredResource>, Option<u64>), Error> {
        let snapshot = self.snapshot()?;
        let searcher = self.searcher(&snapshot)?;
        let mut numbers =
            searcher.members(ResourceType::Patient, &search.patient, &search.types)?;
        let mut about =
            snapshot.prepare_cached("SELECT n, type FROM resource WHERE subject = ?1")?;
        let mut rows = about.query([search.patient.as_str()])?;
        while let Some(row) = rows.next()? {
            let kind = type_of(row.get(1)?)?;
            if search.types.is_empty() || search.types.contains(&kind) {
                numbers.insert(row.get(0)?);
            }
        }
        let place = (search.since, search.after, search.count);
        searcher.page_of(&numbers, Some(&search.patient), place)
    }

    fn searcher<'r>(&'r self, snapshot: &'r Connection) -> Result<Searcher<'r>, Error> {
        let (runs, budget) = (Runs::new(snapshot)?, Budget::default());
        Ok(Searcher { reader: self, connection: snapshot, runs, budget })
    }
}

impl Searcher<'_> {
    /// The rows of what belongs to a Patient or an Encounter, but for what is about the patient by
    /// its own column.
    fn members(
        &self,
        of: ResourceType,
        id: &Id,
        types: &[ResourceType],
    ) -> Result<BTreeSet<i64>, Error> {
        let mut by_posting = self.connection.prepare_cached(
            "SELECT n FROM resource INDEXED BY resource_posting \
             WHERE type = ?1 AND p = ?2 AND p IS NOT NULL",
        )?;
        let mut all = BTreeSet::new();
        let is_asked = |kind| types.is_empty() || types.contains(&kind);
        if is_asked(of) {
            all.extend(self.row_of(of, id)?);
        }
        let Some(focus) = self.reader.read(of, id)? else { return Ok(all) };
        for (kind, codes) in compartment(of.as_str()) {
            let Ok(kind) = kind.parse::<ResourceType>() else { continue };
            if !is_asked(kind) || !self.has_any(kind)? {
                continue;
            }
            let params = codes.into_iter().filter_map(|code| find_param(kind, code));
            for param in params.filter(|param| param.kind == SearchKind::Reference) {
                if of == ResourceType::Patient && is_subject(kind, param) {
                    continue;
                }
                for number in self.referring(kind, param, &focus)? {
                    let key = (type_number(kind), number);
                    let row = by_posting.query_row(key, |row| row.get::<_, i64>(0));
                    all.extend(row.optional()?);
                    if all.len() > MAX_CANDIDATES {
                        return Err(Error::TooCostly { road: Road::Candidates });
                    }
                }
            }
        }
        Ok(all)
    }

    /// The resources of these rows that come after a place, with the place of the next page; none
    /// that is about another patient where one is named.
    fn page_of(
        &self,
        numbers: &BTreeSet<i64>,
        patient: Option<&Id>,
        (since, after, count): (Option<Timestamp>, Option<u64>, usize),
    ) -> Result<(Vec<StoredResource>, Option<u64>), Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM resource WHERE n = ?1 AND last_updated >= ?2 \
             AND (?3 IS NULL OR subject IS NULL OR subject = ?3)"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let since = since.map_or(i64::MIN, nanoseconds);
        let after = after.map_or(i64::MIN, integer);
        let most = count.clamp(1, MAX_EVERYTHING);
        let (mut found, mut last) = (Vec::new(), None);
        for number in numbers.range(after.saturating_add(1)..) {
            let mut rows = statement.query((number, since, patient.map(Id::as_str)))?;
            let Some(row) = rows.next()? else { continue };
            if found.len() == most {
                return Ok((found, last));
            }
            last = Some(natural(*number));
            found.push(self.reader.stored(row)?);
        }
        Ok((found, None))
    }

    fn has_any(&self, kind: ResourceType) -> Result<bool, Error> {
        let sql = "SELECT 1 FROM resource INDEXED BY resource_changed WHERE type = ?1 LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.exists([type_number(kind)])?)
    }

    fn row_of(&self, kind: ResourceType, id: &Id) -> Result<Option<i64>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT n FROM resource WHERE type = ?1 AND id = ?2")?;
        Ok(statement.query_row((type_number(kind), id.as_str()), |row| row.get(0)).optional()?)
    }
}
