//! From the newest to the oldest, through a set or a whole type.

use fhir::{ResourceType, StoredResource};
use fhir_search::SearchRequest;
use rusqlite::{Connection, Row};

use super::cursor::Place;
use super::sets::Plan;
use super::{MAX_CANDIDATES, Page, Searcher};
use crate::Error;
use crate::code::{count, type_number};

/// The columns that are read: those of a resource, then these.
pub(super) const COLUMNS: &str = "type, id, version, last_updated, body, p, status";

/// What is given each number with the row under it, and tells whether there is enough.
type Take<'t> = dyn FnMut(u32, Option<&Row<'_>>) -> Result<bool, Error> + 't;

impl Searcher<'_> {
    /// One page in the order of the numbers, downwards.
    pub(super) fn walk(
        &self,
        request: &SearchRequest,
        plan: &Plan<'_>,
        after: Option<&Place>,
    ) -> Result<Page, Error> {
        let before = match after {
            None => u32::MAX,
            Some(Place::Number(number)) => *number,
            Some(_) => return Err(Error::Cursor),
        };
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        let (mut page, mut last, mut seen) = (Page::default(), None, 0);
        let walked = self.downwards(request.resource_type, plan, before, &mut |number, row| {
            // One more is there, so the place of the one before leads to a next page.
            if page.resources.len() == wanted || seen == MAX_CANDIDATES {
                page.next = last.map(|last| Place::Number(last).cursor());
                return Ok(false);
            }
            seen += 1;
            if let Some(row) = row
                && self.meets(plan, row)?
            {
                page.resources.push(self.reader.stored(row)?);
            }
            last = Some(number);
            Ok(true)
        });
        match (walked, last) {
            // What was found is answered; the next page has a budget of its own.
            (Err(Error::TooCostly { .. }), Some(last)) => {
                page.next = Some(Place::Number(last).cursor());
            }
            (walked, _) => walked?,
        }
        if after.is_none() && page.next.is_none() {
            page.total = u64::try_from(page.resources.len()).ok();
        }
        Ok(page)
    }

    /// Gives everything that is found, in any order. Refused where that means to look at more than
    /// [`MAX_CANDIDATES`], or than the budget allows.
    pub(super) fn each(
        &self,
        request: &SearchRequest,
        plan: &Plan<'_>,
        mut take: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut seen = 0;
        self.downwards(request.resource_type, plan, u32::MAX, &mut |_, row| {
            seen += 1;
            if seen > MAX_CANDIDATES {
                return Err(self.budget.too_costly());
            }
            if let Some(row) = row
                && self.meets(plan, row)?
            {
                take(row)?;
            }
            Ok(true)
        })
    }

    /// Gives each resource of the set or the type, from the number before which it begins down,
    /// until there is enough. Of a number of a set under which no current version of the type
    /// stands there is no row; looking for it costs as much.
    fn downwards(
        &self,
        kind: ResourceType,
        plan: &Plan<'_>,
        before: u32,
        take: &mut Take<'_>,
    ) -> Result<(), Error> {
        let kind = type_number(kind);
        let Some(set) = &plan.set else {
            let sql = format!(
                "SELECT {COLUMNS} FROM resource INDEXED BY resource_posting \
                 WHERE type = ?1 AND p < ?2 AND p IS NOT NULL ORDER BY p DESC"
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            let mut rows = statement.query((kind, before))?;
            while let Some(row) = rows.next()? {
                self.budget.read()?;
                if !take(row.get(5)?, Some(row))? {
                    break;
                }
            }
            return Ok(());
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM resource INDEXED BY resource_posting \
             WHERE type = ?1 AND p = ?2 AND p IS NOT NULL"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let end = set.partition_point(|number| *number < before);
        for number in set[..end].iter().rev() {
            self.budget.read()?;
            let mut rows = statement.query((kind, number))?;
            if !take(*number, rows.next()?)? {
                break;
            }
        }
        Ok(())
    }

    /// The current version of what has this number, where it is of the type.
    pub(super) fn numbered(
        &self,
        kind: ResourceType,
        number: u32,
    ) -> Result<Option<StoredResource>, Error> {
        self.budget.read()?;
        let sql = format!(
            "SELECT {COLUMNS} FROM resource INDEXED BY resource_posting \
             WHERE type = ?1 AND p = ?2 AND p IS NOT NULL"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((type_number(kind), number))?;
        rows.next()?.map(|row| self.reader.stored(row)).transpose()
    }
}

/// How many there are of a type.
pub(super) fn all_of(connection: &Connection, kind: ResourceType) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM resource INDEXED BY resource_changed WHERE type = ?1",
    )?;
    Ok(count(statement.query_row([type_number(kind)], |row| row.get(0))?))
}
