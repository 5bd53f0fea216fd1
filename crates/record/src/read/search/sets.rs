//! Conditions as sets of the numbers of versions.

use fhir::search::{DateFilter, TokenFilter};
use fhir::{Id, ResourceType};
use fhir_search::{Condition, Filter, Lookup, Modifier, Span, ValueCondition, expand};
use rusqlite::Params;

use super::budget::WORTH;
use super::{MAX_CANDIDATES, Searcher, is_of_set};
use crate::Error;
use crate::code::type_number;
use crate::postings::MAX_POSTINGS;

/// Up to so many candidates it is quicker to look at each than to look another condition up.
const FEW: usize = 64;
/// The most codes of a value set.
const MAX_CODES: usize = 5_000;

/// What is known before any resource is looked at.
#[derive(Debug)]
pub(super) struct Plan<'q> {
    /// All that may be found are among these, upwards; those of older versions may be too. None
    /// where that is the whole type.
    pub(super) set: Option<Vec<u32>>,
    /// What each of them has to meet.
    pub(super) checks: Vec<Check<'q>>,
}

/// What a resource has to meet.
#[derive(Debug)]
pub(super) enum Check<'q> {
    /// Its column `status` is one of these.
    Status(Vec<&'q str>),
    /// The time of its last change meets one of these.
    Updated(&'q [DateFilter]),
    /// The condition holds of it.
    Holds(&'q Condition),
}

impl Plan<'_> {
    /// Whether too many are in the set to sort them.
    pub(super) fn is_large(&self) -> bool {
        self.set.as_ref().is_none_or(|set| set.len() > MAX_CANDIDATES)
    }
}

impl Searcher<'_> {
    /// What the conditions of a search over a type mean.
    pub(super) fn plan<'q>(
        &self,
        kind: ResourceType,
        conditions: &'q [Condition],
    ) -> Result<Plan<'q>, Error> {
        let mut plan = Plan { set: None, checks: Vec::new() };
        let mut later = Vec::new();
        for condition in conditions {
            match condition {
                Condition::Ids(ids) => plan.narrow(self.by_ids(kind, ids)?),
                Condition::Updated(any_of) => plan.checks.push(Check::Updated(any_of)),
                Condition::Words { .. } => plan.checks.push(Check::Holds(condition)),
                Condition::Values(on) => match on.lookup(kind) {
                    None => plan.checks.push(Check::Holds(condition)),
                    Some(Lookup::Identifiers(tokens)) => {
                        match self.by_identifiers(kind, &tokens)? {
                            Some(set) => plan.narrow(set),
                            None => plan.checks.push(Check::Holds(condition)),
                        }
                    }
                    Some(Lookup::Patients(ids, spans)) => {
                        match self.by_patients(kind, &ids, &spans)? {
                            Some(set) => plan.narrow(set),
                            None => plan.checks.push(Check::Holds(condition)),
                        }
                    }
                    Some(Lookup::Keys { all, exact }) => later.push((condition, all, exact)),
                },
                Condition::Chain { .. } | Condition::Has { .. } | Condition::Lists(_) => {
                    later.push((condition, Vec::new(), true));
                }
            }
        }
        for (condition, all, exact) in later {
            self.narrow_by(kind, &mut plan, condition, &all, exact)?;
        }
        Ok(plan)
    }

    fn narrow_by<'q>(
        &self,
        kind: ResourceType,
        plan: &mut Plan<'q>,
        condition: &'q Condition,
        all: &[Vec<Span>],
        exact: bool,
    ) -> Result<(), Error> {
        let few = plan.set.as_ref().is_some_and(|set| set.len() <= FEW);
        if few {
            let statuses = match condition {
                Condition::Values(on) => on.statuses(kind),
                _ => None,
            };
            plan.checks.push(statuses.map_or(Check::Holds(condition), Check::Status));
            return Ok(());
        }
        if !matches!(condition, Condition::Values(_)) {
            let _on = self.on(condition);
            match self.by_others(kind, condition)? {
                Some(set) => plan.narrow(set),
                // Each candidate would be asked for resources beside it.
                None if plan.set.as_ref().is_none_or(|set| set.len() > super::MAX_COUNTED) => {
                    return Err(self.budget.too_costly());
                }
                None => plan.checks.push(Check::Holds(condition)),
            }
            return Ok(());
        }
        let mut known = exact;
        for spans in all {
            // Where it takes more than to look at what is left, it is looked at.
            let most =
                plan.set.as_ref().map_or(MAX_POSTINGS, |set| set.len().saturating_mul(WORTH));
            match self.find(spans, most)? {
                Some(set) => plan.narrow(set),
                None => known = false,
            }
        }
        if !known {
            plan.checks.push(Check::Holds(condition));
        }
        Ok(())
    }

    /// The current versions of these.
    pub(super) fn by_ids(&self, kind: ResourceType, ids: &[Id]) -> Result<Vec<u32>, Error> {
        let sql = "SELECT p FROM resource WHERE type = ?1 AND id = ?2";
        let mut set = Vec::with_capacity(ids.len());
        for id in ids {
            self.budget.index_row()?;
            self.add(sql, (type_number(kind), id.as_str()), &mut set)?;
        }
        Ok(sorted(set))
    }

    fn by_identifiers(
        &self,
        kind: ResourceType,
        tokens: &[TokenFilter],
    ) -> Result<Option<Vec<u32>>, Error> {
        let any_system = "SELECT r.p FROM identifier i JOIN resource r ON r.n = i.n \
                          WHERE i.type = ?1 AND i.value = ?2";
        let one_system = "SELECT r.p FROM identifier i JOIN resource r ON r.n = i.n \
                          WHERE i.type = ?1 AND i.value = ?2 AND i.system = ?3";
        let kind = type_number(kind);
        let mut set = Vec::new();
        for token in tokens {
            let all = match token {
                TokenFilter::Value(value) => self.add(any_system, (kind, value), &mut set)?,
                TokenFilter::SystemAndValue(system, value) => {
                    self.add(one_system, (kind, value, system), &mut set)?
                }
                TokenFilter::NoSystem(value) => {
                    self.add(one_system, (kind, value, ""), &mut set)?
                }
                TokenFilter::System(_) => false,
            };
            if !all {
                return Ok(None);
            }
        }
        Ok(Some(sorted(set)))
    }

    /// What is about these patients, or has a key in the ranges.
    pub(super) fn by_patients(
        &self,
        kind: ResourceType,
        ids: &[Id],
        spans: &[Span],
    ) -> Result<Option<Vec<u32>>, Error> {
        let sql = "SELECT p FROM resource WHERE subject = ?1 AND type = ?2";
        let mut set = Vec::new();
        for id in ids {
            if !self.add(sql, (id.as_str(), type_number(kind)), &mut set)? {
                return Ok(None);
            }
        }
        if !spans.is_empty() {
            let Some(more) = self.find(spans, MAX_POSTINGS)? else { return Ok(None) };
            set.extend(more);
        }
        Ok(Some(sorted(set)))
    }

    /// The numbers of those that have a key in one of the ranges, as [`crate::postings`] has them.
    pub(super) fn find(&self, spans: &[Span], most: usize) -> Result<Option<Vec<u32>>, Error> {
        let (found, cost) = self.runs.find(spans, most)?;
        self.budget.postings(cost.blocks, cost.numbers)?;
        Ok(found)
    }

    /// Adds the numbers of a query; false where they are too many.
    fn add(&self, sql: &str, values: impl Params, set: &mut Vec<u32>) -> Result<bool, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            if set.len() == MAX_POSTINGS {
                return Ok(false);
            }
            self.budget.index_row()?;
            set.extend(row.get::<_, Option<u32>>(0)?);
        }
        Ok(true)
    }

    /// Puts the codes of value sets in their place.
    pub(super) fn resolve(&self, conditions: &mut [Condition]) -> Result<(), Error> {
        for condition in conditions {
            match condition {
                Condition::Values(on) if is_of_set(on.modifier) => self.codes(on)?,
                Condition::Chain { to, .. } => {
                    for (_, condition) in to {
                        self.resolve(std::slice::from_mut(condition))?;
                    }
                }
                Condition::Has { condition, .. } => {
                    self.resolve(std::slice::from_mut(condition))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn codes(&self, on: &mut ValueCondition) -> Result<(), Error> {
        for url in std::mem::take(&mut on.value_sets) {
            let codes = if let Some(codes) = self.stored_value_set(&url)? {
                codes
            } else {
                let known = expand(&url).ok_or(Error::ValueSet)?;
                known.into_iter().map(|(s, c)| (s.to_owned(), c.to_owned())).collect()
            };
            if on.any_of.len() + codes.len() > MAX_CODES {
                return Err(Error::ValueSet);
            }
            on.any_of.extend(codes.into_iter().map(|(system, code)| {
                Filter::Token(if system.is_empty() {
                    TokenFilter::Value(code)
                } else {
                    TokenFilter::SystemAndValue(system, code)
                })
            }));
        }
        if on.modifier == Modifier::In && on.any_of.is_empty() {
            return Err(Error::ValueSet);
        }
        Ok(())
    }
}

impl Plan<'_> {
    fn narrow(&mut self, set: Vec<u32>) {
        self.set = Some(match self.set.take() {
            None => set,
            Some(known) => both(&known, &set),
        });
    }
}

fn sorted(mut set: Vec<u32>) -> Vec<u32> {
    set.sort_unstable();
    set.dedup();
    set
}

/// What is in both.
fn both(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (few, many) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let (mut found, mut rest) = (Vec::with_capacity(few.len()), many);
    for number in few {
        // Most of many lie between two of few: jump there.
        let at = rest.partition_point(|other| other < number);
        rest = &rest[at..];
        if rest.first() == Some(number) {
            found.push(*number);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_both_sets() {
        assert_eq!(both(&[1, 3, 5, 9], &[2, 3, 4, 9, 10]), [3, 9]);
        assert_eq!(both(&[], &[1]), [0_u32; 0]);
        assert_eq!(sorted(vec![3, 1, 3]), [1, 3]);
    }
}
