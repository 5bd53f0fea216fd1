//! FHIR search.
//!
//! Each condition is turned into a set of the numbers `p` under which resources stand in the
//! postings ([`sets`]), where that is possible; what sets cannot tell is asked of the resources
//! themselves ([`hold`]). A search walks from the newest to the oldest, through the set or through
//! the whole type, and looks at no more than [`MAX_CANDIDATES`] resources for a page. Another order
//! than that needs all that is found ([`sorted`]), so that there may be no more than as many. All
//! that a search reads, for whatever part of it, is spent from one [`Budget`].
//!
//! [`SearchRequest::matches`] is the measure for all of this.

mod budget;
mod compartment;
mod cursor;
mod export;
mod hold;
mod include;
mod last;
mod other;
mod sets;
mod sorted;
mod walk;

use std::time::Duration;

use fhir::StoredResource;
use fhir_search::{Modifier, SearchRequest, Total};
use rusqlite::Connection;

use super::Reader;
use crate::Error;
use crate::postings::Runs;

pub use budget::{Budget, MAX_READS, MAX_SEARCH_TIME, Road};
pub use compartment::Compartment;
pub use export::{GoOn, Portion, Snapshot, Whose, types_of_patients};
pub use include::MAX_INCLUDED;
pub use last::MAX_LAST;

use cursor::Place;
use sets::Plan;

/// The most resources that are looked at for one page.
pub const MAX_CANDIDATES: usize = 20_000;
/// Up to so many numbers of a set are looked at to tell how many there are, where the search does
/// not ask for it.
const MAX_COUNTED: usize = 1_000;

/// The most that a search is which is little work: so many resources, and so long.
const MAX_BRIEF_READS: usize = 200;
const MAX_BRIEF_TIME: Duration = Duration::from_millis(1);

/// Whether nothing is left of a budget.
#[derive(Debug, Clone, Copy)]
struct Spent(bool);

/// One page of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The resources, in the order that the search asks for; ties in the order of the ids. There
    /// may be fewer than asked for, even none, although there is a next page.
    pub resources: Vec<StoredResource>,
    /// What comes with them by `_include` and `_revinclude`; at most [`MAX_INCLUDED`].
    pub included: Vec<StoredResource>,
    /// Whether more would have to come with them.
    pub cut: bool,
    /// The cursor of the next page; none when this is the last one.
    pub next: Option<String>,
    /// How many there are on all pages, where that is known without reading them all.
    pub total: Option<u64>,
}

/// One state of the record while it is searched.
struct Searcher<'r> {
    reader: &'r Reader,
    connection: &'r Connection,
    runs: Runs<'r>,
    budget: Budget,
}

impl Reader {
    /// One page of what a search finds; the newest first where it does not say.
    ///
    /// A cursor is a place in the order of the answer and no number of rows: a resource that is
    /// stored or changed between two pages does not move the others. One that changes meanwhile
    /// moves to its new place where the order is that of the last change.
    ///
    /// Errors: [`Error::Cursor`] for a cursor of another search or of nobody, [`Error::TooCostly`]
    /// where more than [`MAX_CANDIDATES`] would have to be looked at to answer at all, or all of
    /// its parts together cost more than a [`Budget`], [`Error::ValueSet`] for a value set that is
    /// not known.
    pub fn search(&self, request: &SearchRequest) -> Result<Page, Error> {
        self.search_within(request, Budget::default())
    }

    /// The same with another budget.
    pub fn search_within(&self, request: &SearchRequest, budget: Budget) -> Result<Page, Error> {
        self.spending(budget, request).0
    }

    /// The same where it is as little work as finding what a patient has, or what has an
    /// identifier; none where it is more.
    pub fn search_briefly(&self, request: &SearchRequest) -> Result<Option<Page>, Error> {
        let budget = Budget::new(MAX_BRIEF_READS, MAX_BRIEF_TIME);
        match self.spending(budget, request) {
            // What was left out for want of budget, as a count may be, another search may find.
            (Err(Error::TooCostly { .. }), _) | (Ok(_), Spent(true)) => Ok(None),
            (page, _) => page.map(Some),
        }
    }

    /// What is found, and whether the budget was spent over it.
    fn spending(&self, budget: Budget, request: &SearchRequest) -> (Result<Page, Error>, Spent) {
        let searched = || -> Result<_, Error> {
            let snapshot = self.snapshot()?;
            let runs = Runs::new(&snapshot)?;
            let searcher = Searcher { reader: self, connection: &snapshot, runs, budget };
            let mut request = request.clone();
            searcher.resolve(&mut request.conditions)?;
            let page = searcher.page(&request);
            Ok((page, Spent(searcher.budget.is_spent())))
        };
        searched().unwrap_or_else(|error| (Err(error), Spent(false)))
    }
}

impl Searcher<'_> {
    fn page(&self, request: &SearchRequest) -> Result<Page, Error> {
        let after = request.cursor.as_deref().map(Place::parse).transpose()?;
        let plan = self.plan(request.resource_type, &request.conditions)?;
        if request.count == 0 {
            let total = Some(self.count(request, &plan)?);
            return Ok(Page { total, ..Page::default() });
        }
        let mut page = if request.sort.is_empty() {
            self.walk(request, &plan, after.as_ref())?
        } else if sorted::is_by_change(request) && plan.is_large() {
            self.by_change(request, &plan, after.as_ref())?
        } else {
            self.sorted(request, &plan, after.as_ref())?
        };
        if !request.includes.is_empty() {
            (page.included, page.cut) = self.included(request, &page.resources)?;
        }
        page.total = match request.total {
            Total::None => None,
            _ if page.total.is_some() => page.total,
            Total::Accurate => Some(self.count(request, &plan)?),
            Total::Known if after.is_none() => self.count_few(request, &plan)?,
            Total::Known => None,
        };
        Ok(page)
    }

    /// How many are found, where that is known or costs little.
    fn count_few(&self, request: &SearchRequest, plan: &Plan<'_>) -> Result<Option<u64>, Error> {
        let few = plan.set.as_ref().is_some_and(|set| set.len() <= MAX_COUNTED);
        if !few && (plan.set.is_some() || !plan.checks.is_empty()) {
            return Ok(None);
        }
        match self.count(request, plan) {
            Err(Error::TooCostly { .. }) => Ok(None),
            count => count.map(Some),
        }
    }

    /// How many are found.
    fn count(&self, request: &SearchRequest, plan: &Plan<'_>) -> Result<u64, Error> {
        let _on = self.budget.on(Road::Count);
        if plan.set.is_none() && plan.checks.is_empty() {
            return walk::all_of(self.connection, request.resource_type);
        }
        let mut found = 0;
        self.each(request, plan, |_| {
            found += 1;
            Ok(())
        })?;
        Ok(found)
    }
}

/// Whether a modifier asks for what is in a value set, or is not.
fn is_of_set(modifier: Modifier) -> bool {
    matches!(modifier, Modifier::In | Modifier::NotIn)
}
