//! What a search means, in plain Rust: the measure for every store's own queries.

use crate::primitives::Id;
use crate::stored::StoredResource;

use super::{DateRange, SearchRequest, SearchValues, Token, TokenFilter};

impl SearchRequest {
    /// Whether a resource with these values is found. Sorting and paging are not looked at.
    pub fn matches(&self, stored: &StoredResource, values: &SearchValues) -> bool {
        let updated = DateRange::from(&crate::Instant::at(stored.last_updated));
        stored.resource_type == self.resource_type
            && one_of(self.ids.as_deref(), Some(&stored.id))
            && one_of(self.patients.as_deref(), values.patient.as_ref())
            && self.status_matches(values.status)
            && self.last_updated.iter().all(|filter| filter.matches(updated))
            && self.dates.iter().all(|filter| values.date.is_some_and(|date| filter.matches(date)))
            && tokens_match(&self.identifiers, &values.identifiers)
            && tokens_match(&self.codes, &values.codes)
    }

    fn status_matches(&self, status: Option<&str>) -> bool {
        match &self.statuses {
            None => true,
            Some(wanted) => status.is_some_and(|status| wanted.contains(&status)),
        }
    }
}

fn one_of(wanted: Option<&[Id]>, found: Option<&Id>) -> bool {
    wanted.is_none_or(|wanted| found.is_some_and(|found| wanted.contains(found)))
}

fn tokens_match(all_of: &[Vec<TokenFilter>], found: &[Token]) -> bool {
    let meets = |filter: &TokenFilter| found.iter().any(|token| filter.matches(token));
    all_of.iter().all(|any_of| any_of.iter().any(meets))
}
