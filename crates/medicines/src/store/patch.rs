//! A change to a part of a resource (R4 §3.1.0.6).

use fhir::StoredResource;
use fhir::json::{Limits, Patch, Raw, check};
use serde_json::Value;

use super::governed::Change;
use super::write::Writing;
use super::{Done, Effect, Fault, FaultCode, Only};

/// Applies the patch to the current version and stores what comes of it.
pub(super) fn patch(
    writing: &mut Writing<'_>,
    n: usize,
    patch: &Patch,
    only: &Only,
) -> Result<Done, Fault> {
    let place = &writing.places[n];
    place.meets(only)?;
    let Some(before) = place.before.clone() else {
        if place.is_gone() {
            return Err(Fault::new(FaultCode::Gone, "The resource was deleted."));
        }
        return Err(Fault::new(FaultCode::NotFound, "There is no such resource."));
    };
    let json = patched(&before, patch)?;
    let stored = |version, at| {
        StoredResource::new(&json, before.id.clone(), version, at).map_err(|error| {
            Fault::new(FaultCode::PatchFailed, format!("What the patch makes is {error}."))
        })
    };
    if stored(before.version, before.last_updated)? == before {
        return Ok(writing.done(n, before.version, Effect::Unchanged));
    }
    let after = stored(before.version + 1, writing.facts.ctx.now)?;
    fhir::search::index(&after).map_err(|error| {
        let text = format!("What the patch makes cannot be read: {}", error.detail());
        Fault::new(FaultCode::PatchFailed, text).at(error.expression())
    })?;
    let is_new = writing.keep(&Change { before: Some(&before), after: &after })?;
    Ok(writing.changed(n, before.version, is_new))
}

/// The most bytes of a resource that can be patched: the patch is applied where every other command
/// waits.
const MAX_PATCHED_BYTES: usize = 1 << 20;

/// The JSON after the patch, within the limits of any JSON and with nothing empty in it.
fn patched(before: &StoredResource, patch: &Patch) -> Result<String, Fault> {
    changed(before, |json| {
        let mut value: Value = serde_json::from_str(json).expect("what is stored is JSON");
        patch.apply(&mut value).map_err(|error| format!("The patch does not fit: {error}."))?;
        Ok(value.to_string())
    })
}

/// The JSON that a change makes of a version: of the same resource, within the limits of any JSON,
/// and with nothing empty in it. `change` tells in words why it does not fit.
pub fn changed(
    before: &StoredResource,
    change: impl FnOnce(&str) -> Result<String, String>,
) -> Result<String, Fault> {
    let failed = |text: String| Fault::new(FaultCode::PatchFailed, text);
    if before.json().len() > MAX_PATCHED_BYTES {
        let text = "The resource is larger than 1 MiB: it cannot be patched; update it.";
        return Err(failed(text.to_owned()));
    }
    let json = change(before.json()).map_err(failed)?;
    let limits = Limits { bytes: Limits::MAX_BYTES, depth: Limits::MAX_DEPTH };
    check(json.as_bytes(), limits).map_err(|error| failed(error.to_string()))?;
    let raw = Raw::parse(&json).map_err(|error| failed(error.to_string()))?;
    if raw.get_str("id").as_deref() != Some(before.id.as_str()) {
        return Err(failed("A patch cannot change the id.".to_owned()));
    }
    if raw.get_str("resourceType").as_deref() != Some(before.resource_type.as_str()) {
        let text = "A patch cannot make a resource one of another type.";
        return Err(failed(text.to_owned()));
    }
    if let Some(fault) = fhir::json::empty_part(&json) {
        let text = "What the patch makes has an empty or null part; FHIR has none.";
        return Err(failed(text.to_owned()).at(format!("{}.{fault}", before.resource_type)));
    }
    Ok(json)
}
