//! `$validate`: whether a resource is valid, and could be written (R4 Resource-operation-validate).

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::Response;
use fhir::resources::{IssueType, OperationOutcome};
use fhir::{Id, ResourceType};

use super::parameters::Parameters;
use crate::door::Caller;
use crate::fhir::intake::{self, MAX_BUNDLE_BYTES};
use crate::fhir::interactions::read;
use crate::fhir::interactions::search::query;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{Failure, acceptable, id, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The most profiles of one request.
const MAX_PROFILES: usize = 16;

/// For what the resource is to be used (R4 resource-validation-mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Create,
    Update,
    Delete,
    Profile,
}

/// What is asked.
#[derive(Debug)]
struct Asked {
    /// The resource as JSON; none where that of the address is meant.
    resource: Option<String>,
    mode: Option<Mode>,
    profiles: Vec<String>,
}

/// `POST /fhir/{type}/$validate`.
pub(crate) async fn of_type(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    answer(&api, &caller, (kind, None), request).await
}

/// `GET` and `POST /fhir/{type}/{id}/$validate`.
pub(crate) async fn of_one(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (kind, id) = (served(&kind)?, id(&name)?);
    answer(&api, &caller, (kind, Some(id)), request).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, Option<Id>),
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let pairs = query(&parts.uri)?;
    let shape = Shape::read(&pairs)?;
    acceptable(&parts.headers, shape.format.as_deref())?;
    let is_post = parts.method == Method::POST;
    let has_body = is_post && parts.headers.contains_key(header::CONTENT_TYPE);
    let content = if has_body {
        Some(intake::content(&parts.headers, body, MAX_BUNDLE_BYTES).await?)
    } else {
        None
    };
    let text = content.as_ref().map(intake::Content::text).transpose()?;
    let asked = asked(text, &pairs)?;
    let outcome = outcome(api, caller, (kind, id.as_ref()), asked).await?;
    let body = shape.bundle(outcome.to_json());
    let reply = Reply { body: Some(body), is_outcome: true, ..Reply::new(StatusCode::OK) };
    Ok(reply.respond(&shape))
}

fn asked(text: Option<&str>, pairs: &[(String, String)]) -> Result<Asked, Failure> {
    let parameters = text.map(Parameters::read).transpose()?.flatten();
    let resource = match (&parameters, text) {
        (Some(parameters), _) => parameters.resource("resource").map(str::to_owned),
        (None, text) => text.map(str::to_owned),
    };
    let of_pairs = |name: &str| {
        let values = pairs.iter().filter(|(found, _)| found == name);
        values.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    let all = |name: &str| {
        let told = parameters.iter().flat_map(|it| it.texts(name)).map(str::to_owned);
        told.chain(of_pairs(name)).collect::<Vec<_>>()
    };
    let mode = all("mode").first().map(|mode| read_mode(mode)).transpose()?;
    let profiles = all("profile");
    if profiles.len() > MAX_PROFILES {
        let detail = format!("There are more than {MAX_PROFILES} profiles.");
        return Err(Problem::bad(code::BAD_VALUE, detail).into());
    }
    if mode == Some(Mode::Profile) && profiles.is_empty() {
        return Err(Problem::bad(code::BAD_VALUE, "The mode profile needs a profile.").into());
    }
    Ok(Asked { resource, mode, profiles })
}

fn read_mode(mode: &str) -> Result<Mode, Failure> {
    match mode {
        "create" => Ok(Mode::Create),
        "update" => Ok(Mode::Update),
        "delete" => Ok(Mode::Delete),
        "profile" => Ok(Mode::Profile),
        _ => {
            let detail = "The mode is create, update, delete or profile.";
            Err(Problem::bad(code::BAD_VALUE, detail).into())
        }
    }
}

async fn outcome(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, Option<&Id>),
    asked: Asked,
) -> Result<OperationOutcome, Failure> {
    let stored = match id {
        Some(id) => Some(read::reply(api, caller, (kind, id), &HeaderMap::new()).await?),
        None => None,
    };
    if asked.mode == Some(Mode::Delete) {
        if stored.is_none() {
            let detail = "The mode delete needs the address of the resource.";
            return Err(Problem::bad(code::BAD_VALUE, detail).into());
        }
        let words = "The resource is there. Whether it can be deleted is decided when it is.";
        return Ok(OperationOutcome::information(words));
    }
    let resource = asked.resource.or_else(|| stored.and_then(|stored| stored.body));
    let Some(resource) = resource else {
        let detail = "Send the resource that is to be validated.";
        return Err(Failure::invalid(detail).at("Parameters.parameter"));
    };
    let mut outcome = OperationOutcome::new(Vec::new());
    if let Some(wrong) = unfit(&resource, (kind, id), asked.mode) {
        outcome.issue.extend(wrong.outcome().issue);
    }
    let found = api.judge.validate(vec![resource], asked.profiles).await?;
    let found = fhir_validate::outcome(&found.into_iter().next().unwrap_or_default());
    if outcome.issue.is_empty() {
        return Ok(found);
    }
    outcome.issue.extend(found.issue);
    Ok(outcome)
}

/// What is wrong with the resource in this place, whether or not it is valid.
fn unfit(
    json: &str,
    (kind, id): (ResourceType, Option<&Id>),
    mode: Option<Mode>,
) -> Option<Failure> {
    let draft = match intake::draft(json, kind) {
        Ok(draft) => draft,
        // What cannot be read is told by the validation itself, unless it is of another type.
        Err(wrong) => return Some(wrong).filter(|_| mode != Some(Mode::Profile)),
    };
    let wants_id = mode == Some(Mode::Update);
    let other = id.is_some_and(|id| draft.id.as_ref() != Some(id));
    if wants_id && (draft.id.is_none() || other) {
        let problem = Problem::bad(code::BAD_RESOURCE, "An update needs the id of the address.");
        return Some(Failure::new(problem, IssueType::Required).at(format!("{kind}.id")));
    }
    None
}
