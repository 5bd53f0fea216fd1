//! Whether the conditions that sets do not tell hold of a resource.

use fhir::json::{Node, Tree};
use fhir::search::{DateFilter, DatePrefix, DateRange};
use fhir::{Instant, ResourceType, StoredResource};
use fhir_search::{Condition, Lookup, Nowhere, ValueCondition, reference_spans, targets};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Row;

use super::Searcher;
use super::budget::{On, Road};
use super::sets::{Check, Plan};
use crate::Error;
use crate::code::{nanoseconds, timestamp};

/// Versions are stored to the millisecond, so a second around a bound loses nothing; the exact
/// comparison follows.
const ROUNDING: SignedDuration = SignedDuration::from_secs(1);

impl Searcher<'_> {
    /// Whether a row of [`super::walk::COLUMNS`] meets all that the plan asks.
    pub(super) fn meets(&self, plan: &Plan<'_>, row: &Row<'_>) -> Result<bool, Error> {
        let mut conditions = Vec::new();
        for check in &plan.checks {
            let met = match check {
                Check::Status(codes) => {
                    let status = row.get_ref(6)?.as_str_or_null();
                    let status = status.map_err(rusqlite::Error::from)?;
                    status.is_some_and(|status| codes.contains(&status))
                }
                Check::Updated(any_of) => {
                    let at = DateRange::from(&Instant::at(timestamp(row.get(3)?)));
                    any_of.iter().any(|filter| filter.matches(at))
                }
                Check::Holds(condition) => {
                    conditions.push(*condition);
                    true
                }
            };
            if !met {
                return Ok(false);
            }
        }
        if conditions.is_empty() {
            return Ok(true);
        }
        let resource = self.reader.stored(row)?;
        let Ok(tree) = Tree::parse(resource.json()) else { return Ok(false) };
        for condition in conditions {
            if !self.holds(condition, &resource, tree.root())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a condition holds of a resource, whose JSON begins at the node.
    pub(super) fn holds(
        &self,
        condition: &Condition,
        resource: &StoredResource,
        root: Node<'_>,
    ) -> Result<bool, Error> {
        match condition {
            Condition::Chain { param, to } => {
                let _on = self.budget.on(Road::Chain);
                for (kind, id) in targets(param, resource.resource_type, root) {
                    for (_, condition) in to.iter().filter(|(of, _)| *of == kind) {
                        self.budget.read()?;
                        let other = self.reader.read(kind, &id)?;
                        if let Some(other) = other
                            && self.holds_of(condition, &other)?
                        {
                            return Ok(true);
                        }
                    }
                }
                Ok(false)
            }
            Condition::Has { of, by, condition } => {
                let _on = self.budget.on(Road::Has);
                for number in self.referring(*of, by, resource)? {
                    if let Some(other) = self.numbered(*of, number)?
                        && self.holds_of(condition, &other)?
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Lists(_) => {
                let set = self.by_others(resource.resource_type, condition)?.unwrap_or_default();
                let own =
                    self.by_ids(resource.resource_type, std::slice::from_ref(&resource.id))?;
                Ok(own.iter().any(|number| set.binary_search(number).is_ok()))
            }
            plain => Ok(plain.matches(resource, root, &Nowhere)),
        }
    }

    /// Says on what is spent for a condition about other resources.
    pub(super) fn on(&self, condition: &Condition) -> On<'_> {
        self.budget.on(match condition {
            Condition::Chain { .. } => Road::Chain,
            Condition::Has { .. } => Road::Has,
            _ => Road::Candidates,
        })
    }

    fn holds_of(&self, condition: &Condition, other: &StoredResource) -> Result<bool, Error> {
        match Tree::parse(other.json()) {
            Ok(tree) => self.holds(condition, other, tree.root()),
            Err(_) => Ok(false),
        }
    }

    /// The numbers of what refers to a resource.
    pub(super) fn referring(
        &self,
        of: ResourceType,
        by: &'static fhir_search::Param,
        to: &StoredResource,
    ) -> Result<Vec<u32>, Error> {
        let spans = reference_spans(by, to.resource_type, to.id.as_str());
        let subject = to.resource_type == ResourceType::Patient && is_subject(of, by);
        let ids: &[fhir::Id] = if subject { std::slice::from_ref(&to.id) } else { &[] };
        let found = self.by_patients(of, ids, if subject { &[] } else { &spans })?;
        found.ok_or_else(|| self.budget.too_costly())
    }
}

/// Whether a reference is the one that tells whom a resource is about.
pub(super) fn is_subject(of: ResourceType, by: &'static fhir_search::Param) -> bool {
    let empty = ValueCondition {
        param: by,
        modifier: fhir_search::Modifier::None,
        any_of: Vec::new(),
        value_sets: Vec::new(),
    };
    matches!(empty.lookup(of), Some(Lookup::Patients(..)))
}

/// The first and the last time of change that can be found, in nanoseconds.
pub(super) fn updated_between(plan: &Plan<'_>) -> (i64, i64) {
    let (mut first, mut last) = (Timestamp::MIN, Timestamp::MAX);
    for check in &plan.checks {
        let Check::Updated([filter]) = check else { continue };
        let (from, to) = between(filter);
        first = first.max(from.saturating_sub(ROUNDING).unwrap_or(Timestamp::MIN));
        last = last.min(to.saturating_add(ROUNDING).unwrap_or(Timestamp::MAX));
    }
    (nanoseconds(first), nanoseconds(last))
}

fn between(filter: &DateFilter) -> (Timestamp, Timestamp) {
    let DateRange { lower, upper } = filter.range;
    match filter.prefix {
        DatePrefix::NotEqual => (Timestamp::MIN, Timestamp::MAX),
        DatePrefix::Equal | DatePrefix::Approximately => (lower, upper),
        DatePrefix::GreaterOrEqual => (lower, Timestamp::MAX),
        DatePrefix::Greater | DatePrefix::StartsAfter => (upper, Timestamp::MAX),
        DatePrefix::LessOrEqual => (Timestamp::MIN, upper),
        DatePrefix::Less | DatePrefix::EndsBefore => (Timestamp::MIN, lower),
    }
}
