//! A batch is recalled, or its recall is lifted.

use axum::extract::{Request, State};
use axum::response::Response;
use medicines::Answer;
use medicines::stock::{RecallNotice, StockAct};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CHANNEL, Recorded, recorded};
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// A recall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Recall)]
pub(crate) struct RecallBody {
    /// The local formulary code.
    #[schema(value_type = String, example = "PARA500")]
    item: Text,
    /// The batch.
    #[schema(value_type = String, example = "L2231")]
    batch: Text,
    /// The number of the notice, or the reason in words.
    #[schema(value_type = String, example = "EL(26)A/1")]
    reason: Text,
    /// The staff number of the person who puts it in force or lifts it.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// Whether an earlier recall of the batch is over.
    #[serde(default)]
    lifted: bool,
}

/// Recall a batch: from now on no cabinet that asks gives it out, and a case for each place asks
/// for it to be taken out. `GET /stock/recalls/{item}/{batch}` tells where it is and who had it.
#[utoipa::path(
    post,
    path = "/stock/recalls",
    tag = "stock",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new recall")),
    request_body = RecallBody,
    responses(
        (status = 201, description = "The recall is in force", body = Recorded),
        (status = 200, description = "The recall is lifted", body = submit::Done),
        (status = 422, description = "It cannot be put in force", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: RecallBody = body::read(&asked.raw)?;
    caller.speaks_for("person", &body.person)?;
    let notice = RecallNotice {
        item: body.item.into_string(),
        batch: body.batch.into_string(),
        reason: body.reason.into_string(),
        person: body.person.into_string(),
    };
    let act = if body.lifted { StockAct::Lift(notice) } else { StockAct::Recall(notice) };
    let request = medicines::Request::Stock(Box::new(act));
    let receipt = submit::act(&api, &caller, CHANNEL, Some("recalls"), asked, request).await?;
    match receipt.answer {
        Answer::Done => submit::done(&receipt),
        _ => recorded(&receipt),
    }
}
