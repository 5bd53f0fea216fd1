//! Reading the current version of a resource (R4 §3.1.0.1).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use fhir::{Id, ResourceType, StoredResource};
use record::Revision;

use super::search::query;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, conditions, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    acceptable(&headers, shape.format.as_deref())?;
    let (kind, id) = (served(&kind)?, id(&name)?);
    Ok(reply(&api, &caller, (kind, &id), &headers).await?.respond(&shape))
}

/// The current version, or that it was deleted.
pub(crate) async fn reply(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    headers: &HeaderMap,
) -> Result<Reply, Failure> {
    let wanted = id.clone();
    let found = api
        .ask(move |record| {
            if let Some(found) = record.read(kind, &wanted)? {
                return Ok(Some(Revision::Stored(found)));
            }
            let Some(deleted) = record.deleted(kind, &wanted)? else { return Ok(None) };
            record.revision(kind, &wanted, deleted.version)
        })
        .await?;
    show(api, caller, (kind, id), found, headers).await
}

/// Journals the look, then shows what was found.
pub(super) async fn show(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    found: Option<Revision>,
    headers: &HeaderMap,
) -> Result<Reply, Failure> {
    let patient = match &found {
        Some(Revision::Stored(stored)) => patient_of(stored),
        Some(Revision::Deleted(deleted)) => deleted.patient.clone(),
        None => None,
    };
    let seen = Look {
        channel: CHANNEL,
        what: "read",
        resource_type: Some(kind),
        detail: format!("{kind}/{id}"),
        patients: patient.into_iter().collect::<BTreeSet<_>>(),
    };
    look(api, caller, seen).await?;
    let found = match found {
        Some(Revision::Stored(stored)) => stored,
        Some(Revision::Deleted(_)) => {
            let detail = "The resource was deleted. Its older versions can be read.";
            return Err(Problem::new(StatusCode::GONE, code::GONE, detail).into());
        }
        None => return Err(no_such_resource()),
    };
    let reply = Reply::of(&found);
    if conditions::is_known(headers, found.version, found.last_updated) {
        return Ok(Reply { status: StatusCode::NOT_MODIFIED, body: None, ..reply });
    }
    Ok(reply)
}

/// The patient whom a resource is about.
pub(crate) fn patient_of(resource: &StoredResource) -> Option<Id> {
    fhir::search::index(resource).ok()?.patient
}
