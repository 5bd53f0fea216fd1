//! Finding what a step is about.

use fhir::{Id, ResourceType, StoredResource};
use fhir_search::SearchRequest;

use super::{Act, Fault, FaultCode, Only, Target};
use crate::state::State;

/// A resource that a step writes, as it is before.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: Id,
    /// Its current version.
    pub(super) before: Option<StoredResource>,
    /// The version of its deletion, where it was deleted.
    gone: Option<u64>,
    /// Whether it is there already and is not to be created.
    pub(super) found: bool,
    /// Whether a client chose the id, rather than this server.
    pub(super) chosen: bool,
}

impl Place {
    /// The number of the next version.
    pub(super) fn next(&self) -> u64 {
        self.before.as_ref().map(|before| before.version).or(self.gone).unwrap_or(0) + 1
    }

    /// Whether the resource was there and was deleted.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    /// Whether the condition holds.
    pub(super) fn meets(&self, only: &Only) -> Result<(), Fault> {
        match (only, &self.before) {
            (Only::Always, _) | (Only::Missing, None) | (Only::Present, Some(_)) => Ok(()),
            (Only::Versions(versions), Some(before)) if versions.contains(&before.version) => {
                Ok(())
            }
            (Only::Versions(_), Some(_)) => {
                let text = "Somebody else changed the resource: its version is not the one of \
                            If-Match. Read it again.";
                Err(Fault::new(FaultCode::Precondition, text))
            }
            (Only::Versions(_) | Only::Present, None) => {
                let text = "If-Match names a version of a resource that is not there.";
                Err(Fault::new(FaultCode::Precondition, text))
            }
            (Only::Missing, Some(_)) => {
                let text = "The resource is there already.";
                Err(Fault::new(FaultCode::Precondition, text))
            }
        }
    }
}

/// Finds the place of a step. `new` gives the next id of the server's own.
pub(super) fn locate(
    state: &State,
    kind: ResourceType,
    act: &Act,
    new: impl FnOnce() -> Id,
) -> Result<Place, Fault> {
    match act {
        Act::Create { unless, .. } => {
            let found = unless.as_ref().map(|search| one(state, search)).transpose()?.flatten();
            Ok(match found {
                Some(id) => Place { found: true, ..known(state, kind, id) },
                None => fresh(new()),
            })
        }
        Act::Update { target: Target::Where(search), draft, .. } => {
            match (one(state, search)?, &draft.id) {
                (Some(found), Some(given)) if found != *given => {
                    let text = "The search finds another resource than the one whose id the body \
                                has.";
                    Err(Fault::new(FaultCode::Invalid, text).at(format!("{kind}.id")))
                }
                (Some(found), _) => Ok(known(state, kind, found)),
                (None, Some(given)) => {
                    Ok(Place { chosen: true, ..known(state, kind, given.clone()) })
                }
                (None, None) => Ok(fresh(new())),
            }
        }
        Act::Update { target: Target::Id(id), .. } => {
            Ok(Place { chosen: true, ..known(state, kind, id.clone()) })
        }
        Act::Refuse { .. } => Ok(fresh(new())),
        Act::Patch { target, .. } | Act::Delete { target, .. } => match target {
            Target::Id(id) => Ok(known(state, kind, id.clone())),
            Target::Where(search) => match one(state, search)? {
                Some(id) => Ok(known(state, kind, id)),
                None => Ok(fresh(new())),
            },
        },
    }
}

fn fresh(id: Id) -> Place {
    Place { id, before: None, gone: None, found: false, chosen: false }
}

fn known(state: &State, kind: ResourceType, id: Id) -> Place {
    let before = state.resource(kind, &id);
    let gone = if before.is_none() { state.deleted(kind, &id) } else { None };
    Place { id, before, gone, found: false, chosen: false }
}

/// What a search finds, where that is one or nothing.
pub(super) fn one(state: &State, search: &SearchRequest) -> Result<Option<Id>, Fault> {
    let Some(found) = state.matching(search) else {
        let text = "Too many resources would have to be looked through: say more exactly which one \
                    is meant.";
        return Err(Fault::new(FaultCode::MultipleMatches, text));
    };
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (_, Some(_)) => {
            let text = "More than one resource meets the condition: say more exactly which one \
                        is meant.";
            Err(Fault::new(FaultCode::MultipleMatches, text))
        }
        (found, None) => Ok(found),
    }
}
