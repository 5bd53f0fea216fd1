//! What a search means, in plain Rust over resources in memory: the measure for every store's own
//! queries.

use fhir::json::{Node, Tree};
use fhir::search::DateRange;
use fhir::{Id, Instant, ResourceType, StoredResource};

use crate::condition::{Condition, references};
use crate::param::Param;
use crate::request::SearchRequest;
use crate::value::Target;
use crate::words;

/// The resources among which is searched.
pub trait World {
    /// Gives each resource of a type.
    fn each(&self, kind: ResourceType, take: &mut dyn FnMut(&StoredResource));
}

/// A world with nothing in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nowhere;

impl World for Nowhere {
    fn each(&self, _: ResourceType, _: &mut dyn FnMut(&StoredResource)) {}
}

impl World for [StoredResource] {
    fn each(&self, kind: ResourceType, take: &mut dyn FnMut(&StoredResource)) {
        self.iter().filter(|stored| stored.resource_type == kind).for_each(take);
    }
}

impl SearchRequest {
    /// Whether a resource is found. Sorting and paging are not looked at.
    pub fn matches(&self, stored: &StoredResource, world: &(impl World + ?Sized)) -> bool {
        let Ok(tree) = Tree::parse(stored.json()) else { return false };
        stored.resource_type == self.resource_type
            && self.conditions.iter().all(|one| one.matches(stored, tree.root(), world))
    }
}

impl Condition {
    /// Whether it holds of a resource, whose JSON begins at the node.
    pub fn matches(
        &self,
        stored: &StoredResource,
        root: Node<'_>,
        world: &(impl World + ?Sized),
    ) -> bool {
        match self {
            Self::Values(on) => on.matches(stored.resource_type, root),
            Self::Ids(ids) => ids.contains(&stored.id),
            Self::Updated(any_of) => {
                let at = DateRange::from(&Instant::at(stored.last_updated));
                any_of.iter().any(|filter| filter.matches(at))
            }
            Self::Words { narrative, any_of } => words::matches(*narrative, any_of, root),
            Self::Chain { param, to } => {
                targets(param, stored.resource_type, root).into_iter().any(|(kind, id)| {
                    to.iter().filter(|(of, _)| *of == kind).any(|(_, condition)| {
                        holds_of_some(world, kind, |other, root| {
                            other.id == id && condition.matches(other, root, world)
                        })
                    })
                })
            }
            Self::Has { of, by, condition } => holds_of_some(world, *of, |other, node| {
                targets(by, *of, node)
                    .iter()
                    .any(|(kind, id)| *kind == stored.resource_type && *id == stored.id)
                    && condition.matches(other, node, world)
            }),
            Self::Lists(ids) => holds_of_some(world, ResourceType::List, |list, node| {
                ids.contains(&list.id) && {
                    entries(node)
                        .any(|(kind, id)| kind == stored.resource_type && id == stored.id.as_str())
                }
            }),
        }
    }
}

fn holds_of_some(
    world: &(impl World + ?Sized),
    kind: ResourceType,
    holds: impl Fn(&StoredResource, Node<'_>) -> bool,
) -> bool {
    let mut found = false;
    world.each(kind, &mut |other| {
        let tree = || Tree::parse(other.json()).ok();
        found = found || tree().is_some_and(|tree| holds(other, tree.root()));
    });
    found
}

/// The resources of this server to which a resource refers by a parameter, in the order of the
/// text.
pub fn targets(param: &Param, kind: ResourceType, root: Node<'_>) -> Vec<(ResourceType, Id)> {
    let mut all = Vec::new();
    references(param, kind, root, &mut |target| {
        if let Target::Local(kind, id) = target
            && let Ok(id) = Id::new(id)
        {
            all.push((kind, id));
        }
    });
    all
}

/// The resources of this server in the entries of a List that are not marked as removed.
pub fn entries(list: Node<'_>) -> impl Iterator<Item = (ResourceType, &str)> {
    let entries = list.get("entry").into_iter().flat_map(Node::each);
    let deleted = |entry: &Node<'_>| {
        entry.get("deleted").is_some_and(|it| matches!(it.kind(), fhir::json::Kind::Bool(true)))
    };
    entries.filter(move |entry| !deleted(entry)).filter_map(|entry| {
        match crate::value::target(entry.get("item")?.text("reference")?) {
            Target::Local(kind, id) => Some((kind, id)),
            Target::Other(_) => None,
        }
    })
}
