//! Reading one version of a resource, current or not (R4 §3.1.0.2).

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::read::{format, show};
use crate::door::Caller;
use crate::fhir::{Failure, acceptable, id, no_such_resource, served};
use crate::state::ApiState;

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name, version)): Path<(String, String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    acceptable(&headers, format(&uri).as_deref())?;
    let (kind, id) = (served(&kind)?, id(&name)?);
    let version: u64 = version.parse().map_err(|_| no_such_resource())?;
    let wanted = id.clone();
    let found = api.ask(move |record| record.version(kind, &wanted, version)).await?;
    show(&api, &caller, (kind, &id), found, &headers).await
}
