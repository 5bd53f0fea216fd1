//! Bodies of writes: which content they have, and that they are resources.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use fhir::json::{Limits, check, empty_part};
use fhir::{Draft, Id, ResourceType};
use jiff::Timestamp;

use super::Failure;
use crate::body;
use crate::problem::{Problem, code};

/// The most bytes of one resource.
pub(crate) const MAX_RESOURCE_BYTES: usize = 4 << 20;
/// The most bytes of a batch or a transaction.
pub(crate) const MAX_BUNDLE_BYTES: usize = 16 << 20;
/// The most objects and arrays inside one another: questionnaires and plans go deep.
pub(crate) const MAX_DEPTH: usize = 64;
/// The content under which JSON comes (R4 §3.1.0.1.11).
const JSON: [&str; 3] = ["application/fhir+json", "application/json", "text/json"];

/// Takes a body that the headers say is FHIR in JSON.
pub(crate) async fn bytes(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Failure> {
    if !content_type(headers).is_some_and(|kind| JSON.iter().any(|j| j.eq_ignore_ascii_case(&kind)))
    {
        return Err(unsupported("Send the header Content-Type: application/fhir+json."));
    }
    Ok(body::bytes_within(body, most).await?)
}

/// The content that the headers name, without its parameters.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next()?.trim().to_owned())
}

pub(crate) fn unsupported(detail: &str) -> Failure {
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Problem::new(status, code::CONTENT_TYPE, detail).into()
}

/// The text of a body, once it is strict JSON within the limits.
pub(crate) fn text(bytes: &[u8], most: usize) -> Result<&str, Failure> {
    Ok(check(bytes, Limits { bytes: most, depth: MAX_DEPTH })?)
}

/// Reads a resource of the type that the address names. The text is strict JSON.
pub(crate) fn draft(json: &str, kind: ResourceType) -> Result<Draft, Failure> {
    let draft = Draft::read(json)?;
    if draft.resource_type != kind {
        let detail = format!("The address names the type {kind}, and the body is of another.");
        return Err(Failure::invalid(detail).at("Resource.resourceType"));
    }
    if let Some(path) = empty_part(json) {
        let detail = "An element has no value: FHIR has neither nulls nor empty parts.";
        return Err(Failure::invalid(detail).at(format!("{kind}.{path}")));
    }
    let trial = Id::new("x").expect("a letter is an id");
    let links: [String; 0] = [];
    match fhir::search::index(&draft.store(trial, 1, Timestamp::UNIX_EPOCH, &links)) {
        // It is kept to the last digit all the same; it is found by its id alone.
        Err(error) if error.is_beyond() && !is_acted_on(kind) => Ok(draft),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(draft),
    }
}

/// Whether the loop reads resources of the type.
fn is_acted_on(kind: ResourceType) -> bool {
    use ResourceType as K;
    matches!(
        kind,
        K::Patient
            | K::Encounter
            | K::AllergyIntolerance
            | K::MedicationRequest
            | K::MedicationDispense
            | K::MedicationAdministration
    )
}
