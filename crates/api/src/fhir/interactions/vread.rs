//! Reading one version of a resource, current or not (R4 §3.1.0.2).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::{Id, ResourceType};

use super::read::{self, show};
use super::search::query;
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{Failure, id, no_such_resource, served};
use crate::state::ApiState;

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name, version)): Path<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    let (kind, id) = (served(&kind)?, id(&name)?);
    read::answerable(kind, &headers, &shape)?;
    let reply = reply(&api, &caller, (kind, &id), &version, &headers).await?;
    read::respond(reply, kind, &headers, &shape)
}

/// The version, or that the resource was deleted with it.
pub(crate) async fn reply(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    version: &str,
    headers: &HeaderMap,
) -> Result<Reply, Failure> {
    let number: u64 = version.parse().map_err(|_| no_such_resource())?;
    let wanted = id.clone();
    let found = api.ask(move |record| read::version(record, (kind, &wanted), number)).await?;
    show(api, caller, (kind, id), found, headers).await
}
