//! Storing the whole of a resource anew, by its id or by a search (R4 §3.1.0.4).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::{Draft, Id, ResourceType};
use medicines::store::{Act, Step, Target};

use super::search::query;
use crate::door::Caller;
use crate::fhir::intake;
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::intake::{judge, kept};
use crate::fhir::validation::admit;
use crate::fhir::writing::{Asked, about, single};
use crate::fhir::{Failure, conditions, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// `PUT /fhir/{type}/{id}`.
pub(crate) async fn put(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    let id = chosen(&name)?;
    let rest = format!("/{id}");
    answer(&api, &caller, kind, Some(id), &rest, request).await
}

/// `PUT /fhir/{type}?…`.
pub(crate) async fn put_where(
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
    id: Option<Id>,
    rest: &str,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let pairs = query(&parts.uri)?;
    let shape = Shape::read(&pairs)?;
    let content = intake::of_type(kind, &parts.headers, body).await?;
    let judged = judge(api, caller, kind, content.text()?)?;
    let json = judged.as_ref().map_or(content.text()?, |judged| &judged.json);
    let draft = intake::draft(json, kind)?;
    let target = match id {
        // What was made of other content has no id of its own.
        Some(id) if content.is_made => Target::Id(id),
        Some(id) => Target::Id(fits(id, &draft)?),
        None => Target::Where(conditions::criteria(kind, &pairs)?),
    };
    let (draft, doubt) = admit(api, caller, draft, json).await?;
    let only = conditions::only(&parts.headers)?;
    let act = Act::Update { target, draft: draft.clone(), only };
    let about = about("PUT", kind, rest);
    let (raw, subscription) = kept(judged, content.raw);
    let asked = Asked { headers: &parts.headers, shape, about, raw, doubt, subscription };
    single(api, caller, asked, Step { resource_type: kind, act }, Some(draft)).await
}

/// The id that a client chose. It has to be one.
pub(crate) fn chosen(name: &str) -> Result<Id, Failure> {
    Id::new(name).map_err(|_| {
        let detail = "An id has 1 to 64 letters, digits, \"-\" and \".\".";
        Problem::bad(code::BAD_VALUE, detail).into()
    })
}

/// The body has to have the id of the address (R4 §3.1.0.4).
pub(crate) fn fits(id: Id, draft: &Draft) -> Result<Id, Failure> {
    if draft.id.as_ref() == Some(&id) {
        return Ok(id);
    }
    let detail = "The body has to have the id that the address names.";
    Err(Failure::invalid(detail).at(format!("{}.id", draft.resource_type)))
}
