//! Creating a resource, unless there is one already (R4 §3.1.0.8).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use medicines::store::{Act, Step};

use super::search::query;
use crate::door::Caller;
use crate::fhir::intake;
use crate::fhir::shape::Shape;
use crate::fhir::subscriptions::intake::{judge, kept};
use crate::fhir::validation::admit;
use crate::fhir::writing::{Asked, about, single};
use crate::fhir::{Failure, conditions, served};
use crate::state::ApiState;

pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    let (parts, body) = request.into_parts();
    let shape = Shape::read(&query(&parts.uri)?)?;
    let content = intake::of_type(kind, &parts.headers, body).await?;
    let judged = judge(&api, &caller, kind, content.text()?)?;
    let json = judged.as_ref().map_or(content.text()?, |judged| &judged.json);
    let draft = intake::draft(json, kind)?;
    let (draft, doubt) = admit(&api, &caller, draft, json).await?;
    let unless = conditions::unless(kind, &parts.headers)?;
    let step = Step { resource_type: kind, act: Act::Create { draft: draft.clone(), unless } };
    let about = about("POST", kind, "");
    let (raw, subscription) = kept(judged, content.raw);
    let asked = Asked { headers: &parts.headers, shape, about, raw, doubt, subscription };
    single(&api, &caller, asked, step, Some(draft)).await
}
