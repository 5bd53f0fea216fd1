//! Somebody settles a case.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use medicines::cases::Resolution;
use medicines::{Answer, ProblemCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body;
use crate::cases::{CHANNEL, case_id, unknown};
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// How a case was settled.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resolution)]
pub(crate) struct ResolutionBody {
    /// The staff number of the person who settled it. A client that belongs to a person names
    /// nobody else. Without it that person did, or else the client.
    #[schema(value_type = Option<String>, example = "P2001")]
    by: Option<Text>,
    /// How: a code such as `given`, or words.
    #[schema(value_type = String)]
    resolution: Text,
}

/// Settle a case.
#[utoipa::path(
    post,
    path = "/cases/{id}/resolution",
    tag = "cases",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The case"),
        ("Idempotency-Key" = String, Header, description = "New for each new resolution"),
    ),
    request_body = ResolutionBody,
    responses(
        (status = 200, description = "It is closed", body = submit::Done),
        (status = 400, description = "Not understood, or not yours to name", body = ProblemBody),
        (status = 404, description = "No open case has the id", body = ProblemBody),
        (status = 422, description = "The key was used before", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: ResolutionBody = body::read(&asked.raw)?;
    let case = case_id(&id)?;
    let about = case.clone();
    let by = by(&caller, body.by)?;
    let resolution = body.resolution.into_string();
    let request = medicines::Request::Resolve(Resolution { case, by, resolution });
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&about), asked, request).await?;
    match &receipt.answer {
        Answer::Parked(problem) if problem.code == ProblemCode::UnknownCase => Err(unknown()),
        _ => submit::done(&receipt),
    }
}

/// Who settles it: the person who is named, else the one to whom the client belongs, else the
/// client itself.
fn by(caller: &Caller, named: Option<Text>) -> Result<String, Problem> {
    let Some(named) = named else {
        return Ok(caller.person().unwrap_or(caller.name()).to_owned());
    };
    caller.speaks_for("by", &named)?;
    Ok(named.into_string())
}
