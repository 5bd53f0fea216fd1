//! A resource that was not there before, under an id of the server's (R4 §3.1.0.8).

use fhir::{Draft, ResourceType};

use super::dose;
use super::governed::{Change, is_of_the_loop};
use super::write::Writing;
use super::{Done, Effect, Fault};

/// Stores the first version. Where the condition finds one that is there, nothing is done.
pub(super) fn create(writing: &mut Writing<'_>, n: usize, draft: &Draft) -> Result<Done, Fault> {
    let place = &writing.places[n];
    if place.found {
        let version = place.before.as_ref().map_or(0, |before| before.version);
        return Ok(writing.done(n, version, Effect::Found));
    }
    let (id, version) = (place.id.clone(), place.next());
    let after = draft.store(id, version, writing.facts.ctx.now, &writing.links);
    if after.resource_type == ResourceType::MedicationAdministration
        && is_of_the_loop(&writing.facts.site.code, &after.id)
    {
        dose::give(writing, &after)?;
        return Ok(writing.done(n, version, Effect::Created));
    }
    writing.keep(&Change { before: None, after: &after })?;
    Ok(writing.done(n, version, Effect::Created))
}
