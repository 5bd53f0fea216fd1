//! Searches through a whole type.

use fhir::search::SearchRequest;
use rusqlite::{Connection, params};

use super::filter::{COLUMNS, Filter};
use super::{Found, MAX_CANDIDATES, Page, Place, read};
use crate::Error;
use crate::code::{count, type_number};

/// Everything that is found, in no order. Refused where that means to look at more than
/// [`MAX_CANDIDATES`].
pub(super) fn found(
    connection: &Connection,
    request: &SearchRequest,
    filter: &Filter<'_>,
) -> Result<Vec<Found>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM resource INDEXED BY resource_changed \
         WHERE type = ?1 AND last_updated BETWEEN ?2 AND ?3 LIMIT {MAX_CANDIDATES} + 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let (first, last) = filter.updated_between();
    let mut rows = statement.query((type_number(request.resource_type), first, last))?;
    let (mut seen, mut found) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen > MAX_CANDIDATES {
            return Err(Error::TooWide { limit: MAX_CANDIDATES });
        }
        found.extend(filter.check(row)?);
    }
    Ok(found)
}

/// One page, walking in the order of the last change until it is full or enough was looked at.
pub(super) fn page(
    connection: &Connection,
    request: &SearchRequest,
    filter: &Filter<'_>,
    after: Option<&Place>,
) -> Result<Page, Error> {
    let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
    let mut statement = connection.prepare_cached(&walk(request.sort.descending, after))?;
    let (first, last) = filter.updated_between();
    let kind = type_number(request.resource_type);
    let (at, id) = after.map_or((None, None), |after| (after.at, Some(&after.id)));
    let mut rows = match after {
        None => statement.query(params![kind, first, last])?,
        Some(_) => statement.query(params![kind, first, last, at, id])?,
    };
    let (mut seen, mut resources, mut next) = (0, Vec::new(), None);
    let mut place = None;
    while let Some(row) = rows.next()? {
        // One more row is there, so the place of the row before leads to a next page.
        if resources.len() == wanted || seen == MAX_CANDIDATES {
            next = place.as_ref().map(Place::cursor);
            break;
        }
        seen += 1;
        if let Some(found) = filter.check(row)? {
            resources.push(read(connection, found.n)?);
        }
        place = Some(Place { at: Some(row.get(3)?), id: row.get(1)? });
    }
    let total = match after {
        None if next.is_none() => u64::try_from(resources.len()).ok(),
        None if filter.is_everything() => Some(all(connection, kind)?),
        _ => None,
    };
    Ok(Page { resources, next, total })
}

/// The walk in either direction, from the start or from a place. Rows of one time come in the
/// order of their ids.
fn walk(descending: bool, after: Option<&Place>) -> String {
    let (order, beyond) = if descending { ("DESC", '<') } else { ("ASC", '>') };
    let from = match after {
        None => String::new(),
        Some(_) => {
            format!("AND last_updated {beyond}= ?4 AND (last_updated {beyond} ?4 OR id > ?5) ")
        }
    };
    format!(
        "SELECT {COLUMNS} FROM resource INDEXED BY resource_changed \
         WHERE type = ?1 AND last_updated BETWEEN ?2 AND ?3 {from}\
         ORDER BY last_updated {order}, id"
    )
}

fn all(connection: &Connection, kind: i64) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM resource INDEXED BY resource_changed WHERE type = ?1",
    )?;
    Ok(count(statement.query_row([kind], |row| row.get(0))?))
}
