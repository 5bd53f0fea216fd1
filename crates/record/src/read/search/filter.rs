//! What a candidate has to meet, and how much of it columns can tell.

use fhir::search::{DatePrefix, DateRange, SearchRequest, SortKey, index};
use fhir::{Id, Instant, ResourceType};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Row;

use super::{Found, Place};
use crate::Error;
use crate::code::{nanoseconds, timestamp};
use crate::read::resources::stored;

/// The columns that [`Filter::check`] reads: those of a resource, then these.
pub(super) const COLUMNS: &str = "type, id, version, last_updated, body, n, status, subject";

/// Versions are stored to the millisecond, so a second around a bound loses nothing; the exact
/// comparison follows.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

/// The conditions of a search.
pub(super) struct Filter<'r> {
    request: &'r SearchRequest,
    /// Whether columns do not tell all, so that the JSON has to be read.
    reads_body: bool,
}

impl<'r> Filter<'r> {
    pub(super) fn new(request: &'r SearchRequest) -> Self {
        // The status of an allergy is a coded element and has no column.
        let status_in_body =
            request.statuses.is_some() && request.resource_type == ResourceType::AllergyIntolerance;
        let reads_body = !request.dates.is_empty()
            || !request.identifiers.is_empty()
            || !request.codes.is_empty()
            || request.sort.by == SortKey::Date
            || status_in_body;
        Self { request, reads_body }
    }

    /// Whether the index by last change gives the order of the answer.
    pub(super) fn walks_in_order(&self) -> bool {
        self.request.sort.by == SortKey::LastUpdated
    }

    /// Whether a search for everything of the type was asked for.
    pub(super) fn is_everything(&self) -> bool {
        !self.reads_body && self.request.statuses.is_none() && self.request.last_updated.is_empty()
    }

    /// The place of a row of [`COLUMNS`] if it is found.
    pub(super) fn check(&self, row: &Row<'_>) -> Result<Option<Found>, Error> {
        if !self.columns_match(row)? {
            return Ok(None);
        }
        let n = row.get(5)?;
        if !self.reads_body {
            let place = Place { at: Some(row.get(3)?), id: row.get(1)? };
            return Ok(Some(Found { place, n }));
        }
        let resource = stored(row)?;
        // What cannot be read as its type has no values, and meets no condition on them.
        let values = index(&resource).unwrap_or_default();
        if !self.request.matches(&resource, &values) {
            return Ok(None);
        }
        let at = match self.request.sort.by {
            SortKey::LastUpdated => Some(nanoseconds(resource.last_updated)),
            SortKey::Date => values.date.map(|date| nanoseconds(date.lower)),
        };
        Ok(Some(Found { place: Place { at, id: resource.id.to_string() }, n }))
    }

    fn columns_match(&self, row: &Row<'_>) -> Result<bool, Error> {
        let text = |column: usize| -> Result<Option<&str>, Error> {
            Ok(row.get_ref(column)?.as_str_or_null().map_err(rusqlite::Error::from)?)
        };
        let named = |ids: &Option<Vec<Id>>, column| -> Result<bool, Error> {
            let Some(ids) = ids else { return Ok(true) };
            let found = text(column)?;
            Ok(ids.iter().any(|id| Some(id.as_str()) == found))
        };
        let request = self.request;
        let status = match &request.statuses {
            Some(wanted) if request.resource_type != ResourceType::AllergyIntolerance => {
                text(6)?.is_some_and(|status| wanted.contains(&status))
            }
            _ => true,
        };
        Ok(status
            && named(&request.ids, 1)?
            && named(&request.patients, 7)?
            && self.updated_matches(row.get(3)?))
    }

    fn updated_matches(&self, last_updated: i64) -> bool {
        if self.request.last_updated.is_empty() {
            return true;
        }
        let updated = DateRange::from(&Instant::at(timestamp(last_updated)));
        self.request.last_updated.iter().all(|filter| filter.matches(updated))
    }

    /// The first and the last time of change that can be found, in nanoseconds.
    pub(super) fn updated_between(&self) -> (i64, i64) {
        let (mut first, mut last) = (Timestamp::MIN, Timestamp::MAX);
        for filter in &self.request.last_updated {
            let DateRange { lower, upper } = filter.range;
            let (from, to) = match filter.prefix {
                DatePrefix::NotEqual => continue,
                DatePrefix::Equal | DatePrefix::Approximately => (lower, upper),
                DatePrefix::GreaterOrEqual => (lower, Timestamp::MAX),
                DatePrefix::Greater | DatePrefix::StartsAfter => (upper, Timestamp::MAX),
                DatePrefix::LessOrEqual => (Timestamp::MIN, upper),
                DatePrefix::Less | DatePrefix::EndsBefore => (Timestamp::MIN, lower),
            };
            first = first.max(from.saturating_sub(ROUNDING).unwrap_or(Timestamp::MIN));
            last = last.min(to.saturating_add(ROUNDING).unwrap_or(Timestamp::MAX));
        }
        (nanoseconds(first), nanoseconds(last))
    }
}
