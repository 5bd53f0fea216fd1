//! FHIR search.
//!
//! A search is narrow when it names patients, identifiers or ids: then everything that these lead
//! to is looked at, and the total is known. Any other search walks through its type in the order
//! of the answer, page by page, and looks at no more than [`MAX_CANDIDATES`] for one page.
//! Columns decide what they can; only what is left is read and asked
//! [`SearchRequest::matches`], which is the measure for both.

mod cursor;
mod filter;
mod narrow;
mod wide;

use fhir::StoredResource;
use fhir::search::SearchRequest;
use rusqlite::Connection;

use super::Reader;
use super::resources::{COLUMNS, stored};
use crate::Error;

use cursor::Place;
use filter::Filter;

/// The most resources that are looked at for one page.
pub const MAX_CANDIDATES: usize = 20_000;

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The resources, in the order that the search asks for; ties in the order of the ids. There
    /// may be fewer than asked for, even none, although there is a next page.
    pub resources: Vec<StoredResource>,
    /// The cursor of the next page; none when this is the last one.
    pub next: Option<String>,
    /// How many there are on all pages, where that is known without reading them all.
    pub total: Option<u64>,
}

/// A resource that is found, before it is read.
struct Found {
    place: Place,
    n: i64,
}

impl Reader {
    /// One page of what a search finds.
    ///
    /// A cursor is a place in the order of the answer and no number of rows: a resource that is
    /// stored or changed between two pages does not move the others. One that changes meanwhile
    /// moves to its new place where the order is that of the last change.
    ///
    /// Errors: [`Error::Cursor`] for a cursor of another search or of nobody, [`Error::TooWide`]
    /// for a search over more than [`MAX_CANDIDATES`] that names no patient and asks for a total
    /// or for another order than that of the last change.
    pub fn search(&self, request: &SearchRequest) -> Result<Page, Error> {
        let after = request.cursor.as_deref().map(Place::parse).transpose()?;
        let filter = Filter::new(request);
        let snapshot = self.snapshot()?;
        match narrow::candidates(&snapshot, request)? {
            Some(candidates) => {
                let found = narrow::found(&snapshot, &filter, &candidates)?;
                page(&snapshot, request, found, after.as_ref())
            }
            None if filter.walks_in_order() && request.count > 0 => {
                wide::page(&snapshot, request, &filter, after.as_ref())
            }
            None => {
                let found = wide::found(&snapshot, request, &filter)?;
                page(&snapshot, request, found, after.as_ref())
            }
        }
    }
}

/// Sorts what was found and reads the page that begins after a place.
fn page(
    connection: &Connection,
    request: &SearchRequest,
    mut found: Vec<Found>,
    after: Option<&Place>,
) -> Result<Page, Error> {
    let descending = request.sort.descending;
    found.sort_unstable_by(|a, b| a.place.compare(&b.place, descending));
    let total = u64::try_from(found.len()).ok();
    let start = after.map_or(0, |after| {
        found.partition_point(|found| found.place.compare(after, descending).is_le())
    });
    let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
    let end = found.len().min(start.saturating_add(wanted));
    let mut resources = Vec::with_capacity(end - start);
    for found in &found[start..end] {
        resources.push(read(connection, found.n)?);
    }
    let more = end < found.len() && end > start;
    let next = more.then(|| found[end - 1].place.cursor());
    Ok(Page { resources, next, total })
}

fn read(connection: &Connection, n: i64) -> Result<StoredResource, Error> {
    let sql = format!("SELECT {COLUMNS} FROM resource WHERE n = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([n])?;
    match rows.next()? {
        Some(row) => stored(row),
        None => Err(Error::Corrupt("an index leads nowhere".into())),
    }
}
