//! Changing a part of a resource by JSON Patch (R4 §3.1.0.6, RFC 6902).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::ResourceType;
use fhir::json::Patch;
use medicines::store::{Act, Step, Target};

use super::search::query;
use crate::door::Caller;
use crate::fhir::intake::{self, MAX_RESOURCE_BYTES};
use crate::fhir::shape::Shape;
use crate::fhir::writing::{Asked, about, single};
use crate::fhir::{Failure, conditions, id, served};
use crate::state::ApiState;

/// The content of a JSON Patch (RFC 6902 §6).
pub(crate) const JSON_PATCH: &str = "application/json-patch+json";

/// `PATCH /fhir/{type}/{id}`.
pub(crate) async fn patch(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (kind, id) = (served(&kind)?, id(&name)?);
    let rest = format!("/{id}");
    answer(&api, &caller, kind, Some(Target::Id(id)), &rest, request).await
}

/// `PATCH /fhir/{type}?…`.
pub(crate) async fn patch_where(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    let rest = format!("?{}", request.uri().query().unwrap_or_default());
    answer(&api, &caller, kind, None, &rest, request).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    kind: ResourceType,
    target: Option<Target>,
    rest: &str,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let pairs = query(&parts.uri)?;
    let shape = Shape::read(&pairs)?;
    let is_patch = intake::content_type(&parts.headers)
        .is_some_and(|content| content.eq_ignore_ascii_case(JSON_PATCH));
    if !is_patch {
        return Err(intake::unsupported("Send a JSON Patch: application/json-patch+json."));
    }
    let raw = intake::unpacked(&parts.headers, body, MAX_RESOURCE_BYTES).await?;
    let patch = read(intake::text(&raw, MAX_RESOURCE_BYTES)?)?;
    let target = match target {
        Some(target) => target,
        None => Target::Where(conditions::criteria(kind, &pairs)?),
    };
    let only = conditions::only(&parts.headers)?;
    let act = Act::Patch { target, patch, only };
    let asked = Asked { headers: &parts.headers, shape, about: about("PATCH", kind, rest), raw };
    single(api, caller, asked, Step { resource_type: kind, act }, None).await
}

/// Reads a patch. The text is strict JSON.
pub(crate) fn read(json: &str) -> Result<Patch, Failure> {
    Patch::read(json).map_err(|error| Failure::invalid(format!("{error}.")))
}
