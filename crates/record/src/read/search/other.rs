//! Conditions about other resources: chains, `_has`, lists, and value sets that are stored.

use std::collections::BTreeSet;

use fhir::json::{Node, Tree};
use fhir::{Id, ResourceType};
use fhir_search::{Condition, Param, SearchRequest, entries, find_param, reference_spans, targets};

use super::hold::is_subject;
use super::{MAX_CANDIDATES, Searcher};
use crate::Error;
use crate::postings::MAX_POSTINGS;

/// The most resources of the other type that a chain goes over.
const MAX_CHAINED: usize = 1_000;

impl Searcher<'_> {
    /// The numbers of all of a type of which a condition about others holds; `None` where too many
    /// of the others would have to be looked at.
    pub(super) fn by_others(
        &self,
        kind: ResourceType,
        condition: &Condition,
    ) -> Result<Option<Vec<u32>>, Error> {
        match condition {
            Condition::Chain { param, to } => {
                let mut all = BTreeSet::new();
                for (of, condition) in to {
                    let Some(ids) = self.ids_of(*of, condition, MAX_CHAINED)? else {
                        return Ok(None);
                    };
                    let Some(set) = self.referring_to(kind, param, *of, &ids)? else {
                        return Ok(None);
                    };
                    all.extend(set);
                }
                Ok(Some(all.into_iter().collect()))
            }
            Condition::Has { of, by, condition } => {
                let Some(ids) = self.referred(*of, by, condition, kind)? else { return Ok(None) };
                self.by_ids(kind, &ids).map(Some)
            }
            Condition::Lists(lists) => {
                let mut ids = Vec::new();
                for list in lists {
                    self.budget.read()?;
                    let Some(list) = self.reader.read(ResourceType::List, list)? else { continue };
                    let Ok(tree) = Tree::parse(list.json()) else { continue };
                    let of_kind = entries(tree.root()).filter(|(of, _)| *of == kind);
                    ids.extend(of_kind.filter_map(|(_, id)| Id::new(id).ok()));
                }
                self.by_ids(kind, &ids).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The ids of all of which a condition holds, where they are no more than the limit.
    fn ids_of(
        &self,
        of: ResourceType,
        condition: &Condition,
        limit: usize,
    ) -> Result<Option<Vec<Id>>, Error> {
        let mut ids = Vec::new();
        let ended = self.found(of, condition, &mut |row| {
            ids.push(
                Id::new(&row.get::<_, String>(1)?).map_err(|_| Error::Corrupt("an id".into()))?,
            );
            Ok(ids.len() <= limit)
        })?;
        Ok(ended.then_some(ids))
    }

    /// The ids of the resources of a type to which those refer of which a condition holds.
    fn referred(
        &self,
        of: ResourceType,
        by: &Param,
        condition: &Condition,
        kind: ResourceType,
    ) -> Result<Option<Vec<Id>>, Error> {
        let mut ids = BTreeSet::new();
        let ended = self.found(of, condition, &mut |row| {
            let resource = self.reader.stored(row)?;
            if let Ok(tree) = Tree::parse(resource.json()) {
                let all = targets(by, of, tree.root()).into_iter();
                ids.extend(all.filter(|(target, _)| *target == kind).map(|(_, id)| id));
            }
            Ok(true)
        })?;
        Ok(ended.then(|| ids.into_iter().collect()))
    }

    /// Gives each of a type of which a condition holds; false where they are too many. Only a
    /// budget that is spent is an error: then there is no other way that could be tried.
    fn found(
        &self,
        of: ResourceType,
        condition: &Condition,
        take: &mut dyn FnMut(&rusqlite::Row<'_>) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let plan = match self.plan(of, std::slice::from_ref(condition)) {
            Err(Error::TooCostly { .. }) if !self.budget.is_spent() => return Ok(false),
            plan => plan?,
        };
        if plan.set.as_ref().is_some_and(|set| set.len() > MAX_CANDIDATES) {
            return Ok(false);
        }
        let mut enough = false;
        let request = SearchRequest::all(of);
        let all = self.each(&request, &plan, |row| {
            enough = enough || !take(row)?;
            if enough { Err(self.budget.too_costly()) } else { Ok(()) }
        });
        match all {
            Err(Error::TooCostly { .. }) if !self.budget.is_spent() => Ok(false),
            all => all.map(|()| true),
        }
    }

    /// The numbers of what refers to any of these.
    fn referring_to(
        &self,
        kind: ResourceType,
        by: &'static Param,
        of: ResourceType,
        ids: &[Id],
    ) -> Result<Option<Vec<u32>>, Error> {
        if of == ResourceType::Patient && is_subject(kind, by) {
            return self.by_patients(kind, ids, &[]);
        }
        let mut spans: Vec<_> =
            ids.iter().flat_map(|id| reference_spans(by, of, id.as_str())).collect();
        spans.sort_by(|a, b| a.from.cmp(&b.from));
        self.find(&spans, MAX_POSTINGS)
    }

    /// The codes of a ValueSet that is stored here, as `(system, code)`; `None` where there is none
    /// with that URL, or its codes are not listed in it.
    pub(super) fn stored_value_set(
        &self,
        url: &str,
    ) -> Result<Option<Vec<(String, String)>>, Error> {
        let kind = ResourceType::ValueSet;
        let set = match url.strip_prefix("ValueSet/") {
            Some(id) => match Id::new(id) {
                Ok(id) => self.reader.read(kind, &id)?,
                Err(_) => None,
            },
            None => self.by_url(url)?,
        };
        let Some(set) = set else { return Ok(None) };
        let Ok(tree) = Tree::parse(set.json()) else { return Ok(None) };
        Ok(codes(tree.root()))
    }

    fn by_url(&self, url: &str) -> Result<Option<fhir::StoredResource>, Error> {
        let kind = ResourceType::ValueSet;
        let without_version = url.split('|').next().unwrap_or(url);
        debug_assert!(find_param(kind, "url").is_some(), "R4 has it");
        let pair = [("url".to_owned(), without_version.replace('\\', "\\\\").replace(',', "\\,"))];
        let Ok(search) = SearchRequest::parse(kind, &pair) else { return Ok(None) };
        let plan = self.plan(kind, &search.conditions)?;
        let mut newest = None;
        self.each(&search, &plan, |row| {
            if newest.is_none() {
                newest = Some(self.reader.stored(row)?);
            }
            Ok(())
        })?;
        Ok(newest)
    }
}

/// The codes that a ValueSet lists: those of its expansion, or else of its includes.
fn codes(set: Node<'_>) -> Option<Vec<(String, String)>> {
    let pair = |system: Option<&str>, concept: Node<'_>| {
        Some((system.unwrap_or_default().to_owned(), concept.text("code")?.to_owned()))
    };
    if let Some(expansion) = set.get("expansion") {
        let mut all = Vec::new();
        contained(expansion, &mut |one| all.extend(pair(one.text("system"), one)));
        return Some(all);
    }
    let compose = set.get("compose")?;
    let mut all = Vec::new();
    for include in compose.get("include").into_iter().flat_map(Node::each) {
        // A filter, or a whole system, is not listed here.
        let concepts = include.get("concept").filter(|_| include.get("valueSet").is_none())?;
        all.extend(concepts.each().filter_map(|one| pair(include.text("system"), one)));
    }
    if compose.get("exclude").is_some() {
        return None;
    }
    Some(all)
}

fn contained<'t>(of: Node<'t>, take: &mut dyn FnMut(Node<'t>)) {
    for one in of.get("contains").into_iter().flat_map(Node::each) {
        take(one);
        contained(one, take);
    }
}
