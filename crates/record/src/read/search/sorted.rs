//! Any other order than from the newest to the oldest.

use std::cmp::Ordering;

use fhir_search::{On, SearchRequest, SortKey};
use rusqlite::params;

use super::budget::Road;
use super::cursor::Place;
use super::hold::updated_between;
use super::sets::Plan;
use super::walk::COLUMNS;
use super::{MAX_CANDIDATES, Page, Searcher};
use crate::Error;
use crate::code::type_number;

/// Whether the order is that of the last change alone.
pub(super) fn is_by_change(request: &SearchRequest) -> bool {
    matches!(&request.sort[..], [only] if only.by.on == On::LastUpdated)
}

struct Found {
    keys: Vec<Option<SortKey>>,
    id: String,
    number: u32,
}

impl Searcher<'_> {
    /// One page of all that is found, which are no more than [`MAX_CANDIDATES`].
    pub(super) fn sorted(
        &self,
        request: &SearchRequest,
        plan: &Plan<'_>,
        after: Option<&Place>,
    ) -> Result<Page, Error> {
        let _on = self.budget.on(Road::Sort);
        let after = after.map(|place| self.keys_at(request, place)).transpose()?;
        let mut found = Vec::new();
        self.each(request, plan, |row| {
            let resource = self.reader.stored(row)?;
            let keys = request.sort_keys(&resource);
            found.push(Found { keys, id: resource.id.to_string(), number: row.get(5)? });
            Ok(())
        })?;
        let order = |a: &Found, keys: &[Option<SortKey>], id: &str| {
            request.compare(&a.keys, keys).then_with(|| a.id.as_str().cmp(id))
        };
        found.sort_unstable_by(|a, b| order(a, &b.keys, &b.id));
        let start = after.as_ref().map_or(0, |(keys, id)| {
            found.partition_point(|one| order(one, keys, id) != Ordering::Greater)
        });
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        let end = found.len().min(start.saturating_add(wanted));
        let mut page = Page { total: u64::try_from(found.len()).ok(), ..Page::default() };
        for one in &found[start..end] {
            page.resources.extend(self.numbered(request.resource_type, one.number)?);
        }
        if end < found.len()
            && let Some(last) = page.resources.last()
        {
            page.next = Some(Place::Version(last.version, last.id.to_string()).cursor());
        }
        Ok(page)
    }

    /// The keys of the resource after which a page begins, as they were.
    fn keys_at(
        &self,
        request: &SearchRequest,
        place: &Place,
    ) -> Result<(Vec<Option<SortKey>>, String), Error> {
        let Place::Version(version, id) = place else { return Err(Error::Cursor) };
        let name = fhir::Id::new(id).map_err(|_| Error::Cursor)?;
        let was = self.reader.version(request.resource_type, &name, *version)?;
        let was = was.ok_or(Error::Cursor)?;
        Ok((request.sort_keys(&was), id.clone()))
    }

    /// One page in the order of the last change, walking until it is full or enough was looked at.
    /// Rows of one time come in the order of their ids.
    pub(super) fn by_change(
        &self,
        request: &SearchRequest,
        plan: &Plan<'_>,
        after: Option<&Place>,
    ) -> Result<Page, Error> {
        let (at, id) = match after {
            None => (None, None),
            Some(Place::Changed(at, id)) => (Some(*at), Some(id)),
            Some(_) => return Err(Error::Cursor),
        };
        let wanted = usize::try_from(request.count).unwrap_or(usize::MAX);
        let descending = request.sort.first().is_none_or(|sort| sort.descending);
        let mut statement = self.connection.prepare_cached(&walk(descending, at.is_some()))?;
        let (first, last) = updated_between(plan);
        let kind = type_number(request.resource_type);
        let mut rows = match at {
            None => statement.query(params![kind, first, last])?,
            Some(_) => statement.query(params![kind, first, last, at, id])?,
        };
        let (mut page, mut seen, mut place) = (Page::default(), 0, None);
        while let Some(row) = rows.next()? {
            if page.resources.len() == wanted || seen == MAX_CANDIDATES {
                page.next = place.as_ref().map(Place::cursor);
                break;
            }
            seen += 1;
            let number: u32 = row.get(5)?;
            let among = plan.set.as_ref().is_none_or(|set| set.binary_search(&number).is_ok());
            let met = self.budget.read().and_then(|()| Ok(among && self.meets(plan, row)?));
            match met {
                // What was found is answered; the next page has a budget of its own.
                Err(Error::TooCostly { .. }) if place.is_some() => {
                    page.next = place.as_ref().map(Place::cursor);
                    break;
                }
                Ok(false) => {}
                Ok(true) => page.resources.push(self.reader.stored(row)?),
                Err(error) => return Err(error),
            }
            place = Some(Place::Changed(row.get(3)?, row.get(1)?));
        }
        if after.is_none() && page.next.is_none() {
            page.total = u64::try_from(page.resources.len()).ok();
        }
        Ok(page)
    }
}

/// The walk in either direction, from the start or from a place.
fn walk(descending: bool, goes_on: bool) -> String {
    let (order, beyond) = if descending { ("DESC", '<') } else { ("ASC", '>') };
    let from = if goes_on {
        format!("AND last_updated {beyond}= ?4 AND (last_updated {beyond} ?4 OR id > ?5) ")
    } else {
        String::new()
    };
    format!(
        "SELECT {COLUMNS} FROM resource INDEXED BY resource_changed \
         WHERE type = ?1 AND last_updated BETWEEN ?2 AND ?3 {from}\
         ORDER BY last_updated {order}, id"
    )
}
