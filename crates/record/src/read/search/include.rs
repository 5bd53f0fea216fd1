//! What comes with the resources of a page (R4 §3.1.1.5.4).

use std::collections::BTreeSet;

use fhir::json::Tree;
use fhir::{Id, ResourceType, StoredResource};
use fhir_definitions::SearchKind;
use fhir_search::{Include, Param, SearchRequest, params_of, targets};

use super::Searcher;
use super::budget::Road;
use crate::Error;

/// The most resources that come with a page.
pub const MAX_INCLUDED: usize = 1_000;
/// How often an include that iterates goes over what came.
const MAX_ROUNDS: usize = 8;

struct Gathered {
    known: BTreeSet<(ResourceType, Id)>,
    all: Vec<StoredResource>,
    cut: bool,
}

impl Gathered {
    fn take(&mut self, found: StoredResource) {
        if !self.known.insert((found.resource_type, found.id.clone())) {
            return;
        }
        if self.all.len() == MAX_INCLUDED {
            self.cut = true;
        } else {
            self.all.push(found);
        }
    }
}

impl Searcher<'_> {
    /// What is included, each once, and whether there would be more.
    pub(super) fn included(
        &self,
        request: &SearchRequest,
        page: &[StoredResource],
    ) -> Result<(Vec<StoredResource>, bool), Error> {
        let _on = self.budget.on(Road::Include);
        let known = page.iter().map(|one| (one.resource_type, one.id.clone())).collect();
        let mut gathered = Gathered { known, all: Vec::new(), cut: false };
        for include in &request.includes {
            for resource in page {
                self.include(include, resource, &mut gathered)?;
            }
        }
        let again: Vec<&Include> = request.includes.iter().filter(|one| one.iterate).collect();
        let mut done = 0;
        for _ in 0..MAX_ROUNDS {
            let round: Vec<StoredResource> = gathered.all[done..].to_vec();
            done = gathered.all.len();
            if round.is_empty() || again.is_empty() || gathered.cut {
                break;
            }
            for resource in &round {
                for include in &again {
                    self.include(include, resource, &mut gathered)?;
                }
            }
        }
        Ok((gathered.all, gathered.cut))
    }

    fn include(
        &self,
        include: &Include,
        of: &StoredResource,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        if gathered.cut {
            return Ok(());
        }
        if include.reverse {
            return self.reverse(include, of, gathered);
        }
        if include.source != of.resource_type {
            return Ok(());
        }
        let Ok(tree) = Tree::parse(of.json()) else { return Ok(()) };
        for param in references(include) {
            for (kind, id) in targets(param, of.resource_type, tree.root()) {
                let meant = include.target.is_none_or(|target| target == kind);
                if !meant || gathered.known.contains(&(kind, id.clone())) {
                    continue;
                }
                self.budget.read()?;
                if let Some(found) = self.reader.read(kind, &id)? {
                    gathered.take(found);
                }
            }
        }
        Ok(())
    }

    fn reverse(
        &self,
        include: &Include,
        of: &StoredResource,
        gathered: &mut Gathered,
    ) -> Result<(), Error> {
        if include.target.is_some_and(|target| target != of.resource_type) {
            return Ok(());
        }
        for param in references(include) {
            if !param.targets.contains(&of.resource_type) {
                continue;
            }
            for number in self.referring(include.source, param, of)? {
                if gathered.cut {
                    return Ok(());
                }
                if let Some(found) = self.numbered(include.source, number)? {
                    gathered.take(found);
                }
            }
        }
        Ok(())
    }
}

/// The references of an include: the one that it names, or all of its type.
fn references(include: &Include) -> impl Iterator<Item = &'static Param> {
    let all = params_of(include.source).iter();
    let is_meant = include.by.map(|by| by.code);
    all.filter(move |param| {
        param.kind == SearchKind::Reference && is_meant.is_none_or(|code| code == param.code)
    })
}
