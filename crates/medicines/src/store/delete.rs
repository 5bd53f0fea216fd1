//! The end of a resource (R4 §3.1.0.7). Its versions stay on the record.

use fhir::{Id, ResourceType, StoredResource};

use super::governed::is_of_the_loop;
use super::order;
use super::write::Writing;
use super::{Deleted, Done, Effect, Fault, FaultCode, Only};
use crate::fact::Fact;
use crate::state::State;

/// Deletes the resource. One that is not there, or was deleted, is none to delete.
pub(super) fn delete(writing: &mut Writing<'_>, n: usize, only: &Only) -> Result<Done, Fault> {
    let place = &writing.places[n];
    place.meets(only)?;
    let Some(before) = place.before.clone() else {
        let version = place.next() - 1;
        return Ok(writing.done(n, version, Effect::Absent));
    };
    let known = order::is_known(writing.state, before.resource_type, &before.id);
    if known || is_of_the_loop(&writing.facts.site.code, &before.id) {
        let text = "The loop made this resource and keeps it: it cannot be deleted.";
        return Err(Fault::new(FaultCode::Conflict, text));
    }
    if before.resource_type == ResourceType::Subscription {
        let wish = writing.wish();
        crate::subscriptions::end(writing.state, writing.client(), wish, &before.id)?;
    }
    if before.resource_type == ResourceType::Patient {
        is_nobodys(writing, &before.id)?;
    }
    let deleted = Deleted {
        resource_type: before.resource_type,
        id: before.id.clone(),
        version: before.version + 1,
        at: writing.facts.ctx.now,
        patient: about(&before),
    };
    let version = deleted.version;
    writing.facts.push(Fact::Deleted(deleted));
    Ok(writing.done(n, version, Effect::Deleted))
}

/// Whom a resource is about.
fn about(resource: &StoredResource) -> Option<Id> {
    fhir::search::index(resource).ok()?.patient
}

/// Whether nothing is about the patient but what this write deletes as well, and nobody leads to
/// it. A merged patient is never deleted, so that its survivor is not either.
fn is_nobodys(writing: &mut Writing<'_>, patient: &Id) -> Result<(), Fault> {
    if writing.state.patient(patient).is_some_and(|known| known.keeps_others) {
        let text = "Other patients were merged into this one (ADT^A40), and their numbers lead \
                    here: the patient cannot be deleted.";
        return Err(Fault::new(FaultCode::Conflict, text));
    }
    let others = writing.state.resources_of(patient);
    let left = |other: &StoredResource| {
        let is_patient = other.resource_type == ResourceType::Patient && other.id == *patient;
        !is_patient && !writing.deletes(other.resource_type, &other.id)
    };
    if others.iter().any(left) || is_in_the_loop(writing.state, patient) {
        let text = "Other resources are about this patient: the patient cannot be deleted while \
                    they are there.";
        return Err(Fault::new(FaultCode::Conflict, text));
    }
    Ok(())
}

fn is_in_the_loop(state: &mut State, id: &Id) -> bool {
    state.patient(id).is_some_and(|patient| {
        !patient.at_rest() || !patient.encounters.is_empty() || patient.merged_into.is_some()
    })
}
