//! The last observations of each kind (R4 Observation-operation-lastn).

use std::collections::{BTreeMap, HashMap};

use fhir::json::{Node, Tree};
use fhir::search::DateRange;
use fhir::{DateTime, ResourceType, StoredResource};
use fhir_search::{SearchRequest, fold};
use jiff::Timestamp;

use super::{Budget, Road, Searcher};
use crate::Error;
use crate::postings::Runs;
use crate::read::Reader;

/// The most observations that [`Reader::last_of_each`] gives.
pub const MAX_LAST: usize = 1_000;

/// An observation as it is compared with others.
struct Seen {
    number: u32,
    id: String,
    at: Option<Timestamp>,
    group: usize,
}

/// Which codes mean the same: two of them stood in one observation.
#[derive(Default)]
struct Groups {
    /// The group that each code was first in.
    of: HashMap<String, usize>,
    /// The group that a group has become a part of; itself where it is whole.
    part_of: Vec<usize>,
}

impl Groups {
    fn whole(&self, mut group: usize) -> usize {
        while self.part_of[group] != group {
            group = self.part_of[group];
        }
        group
    }

    /// The group of an observation with these codes. Groups that it joins become one.
    fn join(&mut self, codes: Vec<String>) -> usize {
        let mut joined: Option<usize> = None;
        for code in codes {
            let known = self.of.get(&code).map(|group| self.whole(*group));
            let group = match (joined, known) {
                (Some(joined), Some(known)) => {
                    // The older one stays, so that the order of groups does not change.
                    let (stays, goes) = (joined.min(known), joined.max(known));
                    self.part_of[goes] = stays;
                    stays
                }
                (Some(group), None) | (None, Some(group)) => group,
                (None, None) => {
                    self.part_of.push(self.part_of.len());
                    self.part_of.len() - 1
                }
            };
            joined = Some(group);
            self.of.insert(code, group);
        }
        joined.unwrap_or_else(|| {
            self.part_of.push(self.part_of.len());
            self.part_of.len() - 1
        })
    }
}

impl Reader {
    /// Of the observations that a search finds, the last `most` of each kind: the newest first by
    /// the time at which they were true, ties in the order of their ids. Two are of one kind where
    /// they share a code, or a third one shares one with each. Those of one kind stand together,
    /// the kind with the newest one first.
    ///
    /// [`Error::TooCostly`] where more than [`super::MAX_CANDIDATES`] would have to be looked at,
    /// or more than [`MAX_LAST`] would be given.
    pub fn last_of_each(
        &self,
        request: &SearchRequest,
        most: usize,
    ) -> Result<Vec<StoredResource>, Error> {
        let snapshot = self.snapshot()?;
        let searcher = Searcher {
            reader: self,
            connection: &snapshot,
            runs: Runs::new(&snapshot)?,
            budget: Budget::default(),
        };
        let mut request = request.clone();
        searcher.resolve(&mut request.conditions)?;
        let plan = searcher.plan(request.resource_type, &request.conditions)?;
        let (mut seen, mut groups) = (Vec::new(), Groups::default());
        searcher.each(&request, &plan, |row| {
            let resource = self.stored(row)?;
            let Ok(tree) = Tree::parse(resource.json()) else { return Ok(()) };
            let group = groups.join(codes(tree.root()));
            let (id, at) = (resource.id.to_string(), effective(tree.root()));
            seen.push(Seen { number: row.get(5)?, id, at, group });
            Ok(())
        })?;
        let chosen = chosen(seen, &groups, most);
        if chosen.len() > MAX_LAST {
            return Err(Error::TooCostly { road: Road::Candidates });
        }
        let kind = ResourceType::Observation;
        let found = chosen.into_iter().map(|number| searcher.numbered(kind, number));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

/// The numbers of those that are given, in their order.
fn chosen(mut seen: Vec<Seen>, groups: &Groups, most: usize) -> Vec<u32> {
    // What has no time is older than all that has.
    seen.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    let mut places: HashMap<usize, usize> = HashMap::new();
    let mut kinds: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
    for one in seen {
        let next = places.len();
        let place = *places.entry(groups.whole(one.group)).or_insert(next);
        let kind = kinds.entry(place).or_default();
        if kind.len() < most {
            kind.push(one.number);
        }
    }
    kinds.into_values().flatten().collect()
}

/// All that says what was observed; the text where there is no code.
fn codes(root: Node<'_>) -> Vec<String> {
    let Some(code) = root.get("code") else { return Vec::new() };
    let codings = code.get("coding").into_iter().flat_map(Node::each);
    let coded = codings.filter_map(|coding| {
        Some(format!("{}|{}", coding.text("system").unwrap_or_default(), coding.text("code")?))
    });
    let coded: Vec<String> = coded.collect();
    if coded.is_empty() {
        // No system begins with a blank.
        return code.text("text").map(|text| format!(" |{}", fold(text))).into_iter().collect();
    }
    coded
}

/// When it was true; of a period its end, or its start where it has none.
fn effective(root: Node<'_>) -> Option<Timestamp> {
    let start = |text: &str| text.parse::<DateTime>().ok().map(|time| DateRange::from(&time).lower);
    let at = |name| root.text(name).and_then(start);
    let of_period = || {
        let period = root.get("effectivePeriod")?;
        period.text("end").and_then(start).or_else(|| start(period.text("start")?))
    };
    let of_timing = || {
        let events = root.get("effectiveTiming")?.get("event")?;
        events.each().filter_map(Node::as_str).filter_map(start).max()
    };
    at("effectiveDateTime").or_else(|| at("effectiveInstant")).or_else(of_period).or_else(of_timing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_stood_together_are_one_kind() {
        let mut groups = Groups::default();
        let mut join = |codes: &[&str]| groups.join(codes.iter().map(|&c| c.into()).collect());
        let found = [
            join(&["l|1"]),
            join(&["s|9"]),
            join(&["s|8"]),
            join(&["l|1", "s|9"]),
            join(&["s|9"]),
            join(&[]),
            join(&[]),
        ];
        let whole: Vec<usize> = found.iter().map(|group| groups.whole(*group)).collect();
        assert_eq!(whole, [0, 0, 2, 0, 0, 3, 4]);
    }

    #[test]
    fn the_newest_come_first_and_ties_keep_their_order() {
        let groups = Groups { part_of: vec![0, 1, 0], ..Groups::default() };
        let seen = |number, id: &str, at: Option<i64>, group| Seen {
            number,
            id: id.into(),
            at: at.map(|at| Timestamp::from_second(at).unwrap()),
            group,
        };
        let all = || {
            vec![
                seen(1, "c", None, 0),
                seen(2, "b", Some(5), 2),
                seen(3, "a", Some(5), 0),
                seen(4, "d", Some(9), 1),
                seen(5, "e", Some(1), 0),
            ]
        };
        assert_eq!(chosen(all(), &groups, 9), [4, 3, 2, 5, 1]);
        assert_eq!(chosen(all(), &groups, 1), [4, 3]);
    }
}
