//! What one search may cost: one budget for all of its parts.
//!
//! A condition on other resources, what comes along with a page, an order and a total each lead to
//! more reading, and each of them within the others. Limits of their own would multiply; so that
//! all spend from one budget, and the part that finds it empty says what to narrow.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, Instant};

use crate::Error;

/// The most resources that one search reads, whatever for.
pub const MAX_READS: usize = 60_000;
/// The longest that one search takes. It is there for a machine that is busy: the reads of a
/// whole budget take some hundred milliseconds.
pub const MAX_SEARCH_TIME: Duration = Duration::from_secs(10);

/// How many numbers of postings are decoded in the time in which one resource is read and looked
/// at.
pub(super) const WORTH: usize = 1_000;
/// How many numbers cost as much as a row of an index.
const OF_INDEX_ROW: u64 = 100;
/// How many numbers cost as much as a block of postings that is found and opened.
const OF_BLOCK: u64 = 500;
/// After spending so much the clock is read again.
const CLOCK_EVERY: u64 = 100 * WORTH as u64;

/// On what a search spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Road {
    /// The resources that its own conditions leave.
    Candidates,
    /// The resources to which a chain leads.
    Chain,
    /// The resources that refer to those asked for.
    Has,
    /// What `_include` and `_revinclude` bring along.
    Include,
    /// All that is found, to put it in another order.
    Sort,
    /// All that is found, to count it.
    Count,
}

/// What to do about it.
impl fmt::Display for Road {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Candidates => {
                "too many resources would have to be looked at: name a patient, an identifier or \
                 a shorter time"
            }
            Self::Chain => {
                "a chained condition holds of too many resources: narrow it, or name a patient or \
                 an identifier beside it"
            }
            Self::Has => {
                "a _has condition leads over too many resources: narrow it, or name an identifier \
                 beside it"
            }
            Self::Include => {
                "what _include and _revinclude bring along takes too much: ask for fewer on a \
                 page by _count, or for fewer of them"
            }
            Self::Sort => {
                "too many resources would have to be put in order: leave _sort out, or name a \
                 patient, an identifier or a shorter time"
            }
            Self::Count => {
                "too many resources would have to be counted: leave _total and _summary=count \
                 out, or name a patient, an identifier or a shorter time"
            }
        })
    }
}

/// What one search may still spend.
#[derive(Debug)]
pub struct Budget {
    /// In numbers of postings.
    left: Cell<u64>,
    until_clock: Cell<u64>,
    end: Instant,
    road: Cell<Road>,
}

/// [`MAX_READS`] and [`MAX_SEARCH_TIME`].
impl Default for Budget {
    fn default() -> Self {
        Self::new(MAX_READS, MAX_SEARCH_TIME)
    }
}

impl Budget {
    /// As much as reading so many resources costs, and so long from now.
    pub fn new(reads: usize, time: Duration) -> Self {
        let now = Instant::now();
        Self {
            left: Cell::new(u64::try_from(reads.saturating_mul(WORTH)).unwrap_or(u64::MAX)),
            until_clock: Cell::new(0),
            end: now.checked_add(time).unwrap_or(now),
            road: Cell::new(Road::Candidates),
        }
    }

    /// One resource is read, or looked for.
    pub(super) fn read(&self) -> Result<(), Error> {
        self.spend(WORTH as u64)
    }

    /// One row of an index is read.
    pub(super) fn index_row(&self) -> Result<(), Error> {
        self.spend(OF_INDEX_ROW)
    }

    /// So many blocks of postings were read, and so many numbers decoded.
    pub(super) fn postings(&self, blocks: usize, numbers: usize) -> Result<(), Error> {
        let of = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.spend(of(blocks).saturating_mul(OF_BLOCK).saturating_add(of(numbers)))
    }

    /// What is spent from now on is spent on this, until what it gives is dropped.
    pub(super) fn on(&self, road: Road) -> On<'_> {
        On { budget: self, before: self.road.replace(road) }
    }

    /// The error of what cannot be afforded now.
    pub(super) fn too_costly(&self) -> Error {
        Error::TooCostly { road: self.road.get() }
    }

    /// Whether nothing is left, so that no other way is worth trying.
    pub(super) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    fn spend(&self, numbers: u64) -> Result<(), Error> {
        let Some(left) = self.left.get().checked_sub(numbers) else {
            self.left.set(0);
            return Err(self.too_costly());
        };
        self.left.set(left);
        if let Some(until) = self.until_clock.get().checked_sub(numbers) {
            self.until_clock.set(until);
            return Ok(());
        }
        self.until_clock.set(CLOCK_EVERY);
        if Instant::now() < self.end {
            return Ok(());
        }
        self.left.set(0);
        Err(self.too_costly())
    }
}

/// Goes back to the road before when it is dropped.
#[derive(Debug)]
pub(super) struct On<'b> {
    budget: &'b Budget,
    before: Road,
}

impl Drop for On<'_> {
    fn drop(&mut self) {
        self.budget.road.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parts_spend_from_one_budget() {
        let budget = Budget::new(3, MAX_SEARCH_TIME);
        budget.read().unwrap();
        {
            let _on = budget.on(Road::Has);
            budget.postings(0, WORTH).unwrap();
        }
        budget.index_row().unwrap();
        let _on = budget.on(Road::Include);
        let refused = budget.read().unwrap_err();
        assert!(matches!(refused, Error::TooCostly { road: Road::Include }), "{refused}");
        assert!(budget.is_spent());
        assert!(budget.postings(0, 1).is_err(), "what is spent stays spent");
    }

    #[test]
    fn time_is_spent_too() {
        let budget = Budget::new(MAX_READS, Duration::ZERO);
        let refused = budget.read().unwrap_err();
        assert!(matches!(refused, Error::TooCostly { road: Road::Candidates }), "{refused}");
        assert!(budget.is_spent());
    }
}
