//! What belongs to an encounter: its compartment (R4 compartmentdefinition-encounter).

use std::collections::BTreeSet;

use fhir::{Id, ResourceType, StoredResource};
use fhir_definitions::{SearchKind, compartment};
use fhir_search::find_param;
use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::{Budget, MAX_CANDIDATES, Road, Searcher};
use crate::Error;
use crate::code::{integer, nanoseconds, natural, type_number};
use crate::postings::Runs;
use crate::read::Reader;
use crate::read::resources::{COLUMNS, MAX_EVERYTHING};

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
        let searcher = Searcher {
            reader: self,
            connection: &snapshot,
            runs: Runs::new(&snapshot)?,
            budget: Budget::default(),
        };
        let numbers = searcher.members(search)?;
        let sql = format!("SELECT {COLUMNS} FROM resource WHERE n = ?1 AND last_updated >= ?2");
        let mut statement = snapshot.prepare_cached(&sql)?;
        let since = search.since.map_or(i64::MIN, nanoseconds);
        let after = search.after.map_or(i64::MIN, integer);
        let most = search.count.clamp(1, MAX_EVERYTHING);
        let (mut found, mut last) = (Vec::new(), None);
        for number in numbers.range(after.saturating_add(1)..) {
            let mut rows = statement.query((number, since))?;
            let Some(row) = rows.next()? else { continue };
            if found.len() == most {
                return Ok((found, last));
            }
            last = Some(natural(*number));
            found.push(self.stored(row)?);
        }
        Ok((found, None))
    }
}

impl Searcher<'_> {
    /// The rows of what belongs to the encounter.
    fn members(&self, search: &Compartment) -> Result<BTreeSet<i64>, Error> {
        let itself = ResourceType::Encounter;
        let mut by_posting = self.connection.prepare_cached(
            "SELECT n FROM resource INDEXED BY resource_posting \
             WHERE type = ?1 AND p = ?2 AND p IS NOT NULL",
        )?;
        let mut all = BTreeSet::new();
        let is_asked = |kind| search.types.is_empty() || search.types.contains(&kind);
        if is_asked(itself) {
            all.extend(self.row_of(itself, &search.encounter)?);
        }
        let Some(encounter) = self.reader.read(itself, &search.encounter)? else { return Ok(all) };
        for (kind, codes) in compartment("Encounter") {
            let Ok(kind) = kind.parse::<ResourceType>() else { continue };
            if !is_asked(kind) {
                continue;
            }
            let params = codes.into_iter().filter_map(|code| find_param(kind, code));
            for param in params.filter(|param| param.kind == SearchKind::Reference) {
                for number in self.referring(kind, param, &encounter)? {
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

    fn row_of(&self, kind: ResourceType, id: &Id) -> Result<Option<i64>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT n FROM resource WHERE type = ?1 AND id = ?2")?;
        Ok(statement.query_row((type_number(kind), id.as_str()), |row| row.get(0)).optional()?)
    }
}
