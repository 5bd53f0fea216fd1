//! The whole of a resource anew, under the id that the client names (R4 §3.1.0.4).

use fhir::{Draft, ResourceType};

use super::governed::{self, Change};
use super::write::Writing;
use super::{Done, Effect, Fault, FaultCode, Only};

/// Stores the next version, or the first one under the client's id. What is the same to the
/// letter makes no new version.
pub(super) fn update(
    writing: &mut Writing<'_>,
    n: usize,
    draft: &Draft,
    only: &Only,
) -> Result<Done, Fault> {
    let place = &writing.places[n];
    place.meets(only)?;
    let (id, version) = (place.id.clone(), place.next());
    let Some(before) = place.before.clone() else {
        if place.chosen && !place.is_gone() && governed::is_reserved(&writing.facts.site.code, &id)
        {
            let text = "Ids that begin with the code of the site and a dot are given by this \
                        server: choose another one, or create the resource.";
            let fault = Fault::new(FaultCode::LoopRule, text);
            return Err(fault.at(format!("{}.id", draft.resource_type)));
        }
        let after = draft.store(id, version, writing.facts.ctx.now, &writing.links);
        writing.keep(&Change { before: None, after: &after })?;
        return Ok(writing.done(n, version, Effect::Created));
    };
    let same = draft.store(id.clone(), before.version, before.last_updated, &writing.links);
    // A subscription that is written anew is asked for anew.
    let is_asked = before.resource_type == ResourceType::Subscription;
    if same == before && !is_asked {
        return Ok(writing.done(n, before.version, Effect::Unchanged));
    }
    let after = draft.store(id, version, writing.facts.ctx.now, &writing.links);
    let is_new = writing.keep(&Change { before: Some(&before), after: &after })?;
    Ok(writing.changed(n, before.version, is_new))
}
