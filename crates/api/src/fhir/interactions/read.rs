//! Reading the current version of a resource (R4 §3.1.0.1).

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use fhir::{Id, ResourceType, StoredResource};
use record::{Reader, Revision, patient_of};

use super::binary;
use super::search::query;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, conditions, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::{ApiState, unreadable};

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    let (kind, id) = (served(&kind)?, id(&name)?);
    answerable(kind, &headers, &shape)?;
    let reply = reply(&api, &caller, (kind, &id), &headers).await?;
    respond(reply, kind, &headers, &shape)
}

/// Checks that the caller takes a form in which the type is shown. A Binary has one of its own,
/// which is not known yet.
pub(super) fn answerable(
    kind: ResourceType,
    headers: &HeaderMap,
    shape: &Shape,
) -> Result<(), Failure> {
    if kind == ResourceType::Binary && binary::wants_content(headers, shape) {
        return Ok(());
    }
    Ok(acceptable(headers, shape.format.as_deref())?)
}

/// The answer, which of a Binary is its content where that is asked for.
pub(super) fn respond(
    reply: Reply,
    kind: ResourceType,
    headers: &HeaderMap,
    shape: &Shape,
) -> Result<Response, Failure> {
    if kind == ResourceType::Binary && binary::wants_content(headers, shape) {
        return binary::respond(reply, headers);
    }
    Ok(reply.respond(shape))
}

/// The current version, or that it was deleted.
pub(crate) async fn reply(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    headers: &HeaderMap,
) -> Result<Reply, Failure> {
    let current = api.at_once(|record| record.read_of(kind, id));
    if let Some(Some((found, patient))) = current.transpose().map_err(|error| unreadable(&error))? {
        return show(api, caller, (kind, id), Found::Current(found, patient), headers).await;
    }
    let wanted = id.clone();
    let found = api
        .ask(move |record| {
            if let Some((found, patient)) = record.read_of(kind, &wanted)? {
                return Ok(Found::Current(found, patient));
            }
            match record.deleted(kind, &wanted)? {
                // That it was deleted is known, wherever the entry is that says so.
                Some(deleted) => match version(record, (kind, &wanted), deleted.version)? {
                    Found::Away(patient) => Ok(Found::Deleted(patient)),
                    found => Ok(found),
                },
                None => Ok(Found::Nothing),
            }
        })
        .await?;
    show(api, caller, (kind, id), found, headers).await
}

/// What there is of a version.
#[derive(Debug)]
pub(super) enum Found {
    /// It is here, and it is the current one; it is about this patient.
    Current(StoredResource, Option<Id>),
    /// It is here.
    Revision(Revision),
    /// It is the end of the resource, which was about this patient.
    Deleted(Option<Id>),
    /// Its entry has left this node with its segment; it was about this patient.
    Away(Option<Id>),
    /// There is none.
    Nothing,
}

/// One version, wherever its entry is.
pub(super) fn version(
    record: &Reader,
    (kind, id): (ResourceType, &Id),
    version: u64,
) -> Result<Found, record::Error> {
    match record.revision(kind, id, version) {
        Ok(Some(found)) => Ok(Found::Revision(found)),
        Ok(None) => Ok(Found::Nothing),
        Err(error) if error.is_away() => {
            Ok(Found::Away(record.patient_of_version(kind, id, version)?))
        }
        Err(error) => Err(error),
    }
}

/// Journals the look, then shows what was found.
pub(super) async fn show(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    found: Found,
    headers: &HeaderMap,
) -> Result<Reply, Failure> {
    let patient = match &found {
        Found::Current(_, Some(patient)) => Some(patient.clone()),
        Found::Current(stored, None) => context(api, stored).await?,
        Found::Revision(Revision::Stored(stored)) => whose(api, stored).await?,
        Found::Revision(Revision::Deleted(deleted)) => deleted.patient.clone(),
        Found::Deleted(patient) | Found::Away(patient) => patient.clone(),
        Found::Nothing => None,
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
        Found::Current(stored, _) | Found::Revision(Revision::Stored(stored)) => stored,
        Found::Revision(Revision::Deleted(_)) | Found::Deleted(_) => {
            let detail = "The resource was deleted. Its older versions can be read.";
            return Err(Problem::new(StatusCode::GONE, code::GONE, detail).into());
        }
        Found::Away(_) => {
            let detail = "This version is older than what this node keeps at hand: it is in a \
                          sealed segment of the journal that was moved away.";
            return Err(Problem::new(StatusCode::GONE, code::GONE, detail).into());
        }
        Found::Nothing => return Err(no_such_resource()),
    };
    let reply = Reply::of(&found);
    if conditions::is_known(headers, found.version, found.last_updated) {
        return Ok(Reply { status: StatusCode::NOT_MODIFIED, body: None, ..reply });
    }
    Ok(reply)
}

/// The patient whom a resource is about; of a Binary the one whom its security context is about.
async fn whose(api: &ApiState, stored: &StoredResource) -> Result<Option<Id>, Failure> {
    match patient_of(stored) {
        Some(patient) => Ok(Some(patient)),
        None => context(api, stored).await,
    }
}

/// The patient whom the security context of a Binary is about, where it is no patient itself.
async fn context(api: &ApiState, stored: &StoredResource) -> Result<Option<Id>, Failure> {
    if stored.resource_type != ResourceType::Binary {
        return Ok(None);
    }
    let Ok(binary) = stored.read::<fhir::resources::Binary>() else { return Ok(None) };
    let Some(context) = binary.security_context.and_then(|it| it.reference) else {
        return Ok(None);
    };
    let mut parts = context.rsplit('/');
    let (Some(Ok(id)), Some(Ok(kind))) =
        (parts.next().map(Id::new), parts.next().map(str::parse::<ResourceType>))
    else {
        return Ok(None);
    };
    let context = api.ask(move |record| record.read(kind, &id)).await?;
    Ok(context.as_ref().and_then(patient_of))
}
