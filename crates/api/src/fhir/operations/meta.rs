//! `$meta`: the profiles and labels of a resource (R4 Resource-operation-meta).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::{Id, ResourceType};

use crate::door::Caller;
use crate::fhir::interactions::read;
use crate::fhir::interactions::search::query;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{Failure, acceptable, id, served};
use crate::state::ApiState;

/// `GET /fhir/{type}/{id}/$meta`. It is a look like any other.
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
    reply(&api, &caller, (kind, &id), &HeaderMap::new(), &shape).await
}

/// The Meta of the current version, as Parameters.
pub(super) async fn reply(
    api: &ApiState,
    caller: &Caller,
    of: (ResourceType, &Id),
    headers: &HeaderMap,
    shape: &Shape,
) -> Result<Response, Failure> {
    let found = read::reply(api, caller, of, headers).await?;
    let json = found.body.unwrap_or_default();
    let members = fhir::json::members(&json).unwrap_or_default();
    let meta = members.get("meta").unwrap_or("{}");
    let parameters = format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"return","valueMeta":{meta}}}]}}"#
    );
    Ok(Reply::body(shape.bundle(parameters)).respond(&Shape::default()))
}
