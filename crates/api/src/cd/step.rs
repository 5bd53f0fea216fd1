//! A discrepancy goes on.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::Id;
use medicines::Answer;
use medicines::ProblemCode;
use medicines::controlled::{ControlledAct, DiscrepancyStatus, Step};
use serde::Deserialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// A step of a discrepancy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = TakeStep)]
pub(crate) struct StepBody {
    /// Where it stands from now on: `investigating`, `resolved`, `escalated`, or `closed` by the
    /// accountable officer.
    #[schema(value_type = String, example = "investigating")]
    status: DiscrepancyStatus,
    /// The staff number of the person.
    #[schema(value_type = String, example = "P2001")]
    by: Text,
    /// What was found; needed to resolve and to close.
    #[schema(value_type = Option<String>)]
    text: Option<Text>,
}

/// Take a step: somebody looks into a discrepancy, explains it, brings it to the accountable
/// officer; the accountable officer closes it.
#[utoipa::path(
    post,
    path = "/cd/discrepancies/{id}/steps",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The discrepancy, which has its case's id"),
        ("Idempotency-Key" = String, Header, description = "New for each new step"),
    ),
    request_body = StepBody,
    responses(
        (status = 200, description = "It is as told", body = submit::Done),
        (status = 404, description = "No open discrepancy has this id", body = ProblemBody),
        (status = 422, description = "This step cannot be taken", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let nothing = || Problem::not_found("No open discrepancy has this id.");
    let discrepancy = Id::new(&id).map_err(|_| nothing())?;
    let asked = submit::asked(request).await?;
    let body: StepBody = body::read(&asked.raw)?;
    caller.speaks_for("by", &body.by)?;
    let step = Step {
        discrepancy,
        to: body.status,
        by: body.by.into_string(),
        text: body.text.map(Text::into_string),
    };
    let request = medicines::Request::Controlled(Box::new(ControlledAct::Step(step)));
    let key = format!("steps|{id}");
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&key), asked, request).await?;
    match &receipt.answer {
        Answer::Parked(problem) if problem.code == ProblemCode::UnknownCase => Err(nothing()),
        _ => submit::done(&receipt),
    }
}
