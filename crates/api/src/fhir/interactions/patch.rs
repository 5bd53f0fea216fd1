//! Changing a part of a resource by JSON Patch (R4 §3.1.0.6, RFC 6902) or FHIRPath Patch
//! (R4 §3.1.0.6.2).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::ResourceType;
use fhir::json::Patch;
use medicines::store::{Act, Step, Target};

use super::search::query;
use crate::client::Validation;
use crate::door::Caller;
use crate::fhir::changing::{Changing, change};
use crate::fhir::intake::{self, MAX_RESOURCE_BYTES};
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::intake::by_itself;
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
    by_itself(kind)?;
    let (parts, body) = request.into_parts();
    let pairs = query(&parts.uri)?;
    let shape = Shape::read(&pairs)?;
    let target = match target {
        Some(target) => target,
        None => Target::Where(conditions::criteria(kind, &pairs)?),
    };
    let only = conditions::only(&parts.headers)?;
    let about = about("PATCH", kind, rest);
    let headers = &parts.headers;
    let says_so = intake::content_type(headers)
        .is_some_and(|content| content.eq_ignore_ascii_case(JSON_PATCH));
    let (raw, patch) = if says_so {
        let raw = intake::unpacked(headers, body, MAX_RESOURCE_BYTES).await?;
        let patch = read(intake::text(&raw, MAX_RESOURCE_BYTES)?)?;
        (raw, patch)
    } else {
        let content = intake::content(headers, body, MAX_RESOURCE_BYTES).await?;
        let text = content.text()?;
        // No resource is a list: some clients send a JSON Patch as they send everything.
        if !text.trim_start().starts_with('[') {
            let changing = Changing::path(kind, target, only, path(text)?);
            let (raw, subscription) = (content.raw, None);
            let asked = Asked { headers, shape, about, raw, doubt: None, subscription };
            return change(api, caller, asked, &changing).await;
        }
        let patch = read(text)?;
        (content.raw, patch)
    };
    let asked = Asked { headers, shape, about, raw, doubt: None, subscription: None };
    if caller.validation() != Validation::Off {
        return change(api, caller, asked, &Changing::json(kind, target, only, patch)).await;
    }
    let act = Act::Patch { target, patch, only };
    single(api, caller, asked, Step { resource_type: kind, act }, None).await
}

/// Reads a FHIRPath Patch. The text is strict JSON.
pub(crate) fn path(json: &str) -> Result<fhirpath::patch::Patch, Failure> {
    fhirpath::patch::Patch::read(json)
        .map_err(|error| Failure::invalid(format!("{error}.")).at("Parameters.parameter"))
}

/// Reads a patch. The text is strict JSON.
pub(crate) fn read(json: &str) -> Result<Patch, Failure> {
    Patch::read(json).map_err(|error| Failure::invalid(format!("{error}.")))
}
