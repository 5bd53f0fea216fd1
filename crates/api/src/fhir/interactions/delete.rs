//! Deleting a resource, by its id or by a search (R4 §3.1.0.7).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::ResourceType;
use medicines::store::{Act, Step, Target};

use super::search::query;
use crate::door::Caller;
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::intake::ending;
use crate::fhir::writing::{Asked, about, single};
use crate::fhir::{Failure, conditions, id, served};
use crate::state::ApiState;

/// `DELETE /fhir/{type}/{id}`.
pub(crate) async fn delete(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (kind, id) = (served(&kind)?, id(&name)?);
    let rest = format!("/{id}");
    answer(&api, &caller, (kind, Target::Id(id)), &rest, &uri, &headers).await
}

/// `DELETE /fhir/{type}?…`.
pub(crate) async fn delete_where(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    let search = conditions::criteria(kind, &query(&uri)?)?;
    let rest = format!("?{}", uri.query().unwrap_or_default());
    answer(&api, &caller, (kind, Target::Where(search)), &rest, &uri, &headers).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    (kind, target): (ResourceType, Target),
    rest: &str,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(uri)?)?;
    let act = Act::Delete { target, only: conditions::only(headers)? };
    let raw = Bytes::new();
    let (about, subscription) = (about("DELETE", kind, rest), ending(caller, kind));
    let asked = Asked { headers, shape, about, raw, doubt: None, subscription };
    single(api, caller, asked, Step { resource_type: kind, act }, None).await
}
