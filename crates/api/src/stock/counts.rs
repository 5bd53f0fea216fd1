//! Somebody counted a place outside the cabinets.

use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use medicines::stock::{StockAct, StockCount};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CHANNEL, account};
use crate::body;
use crate::door::Caller;
use crate::fields::{Exact, Text};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// What was counted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockCount)]
pub(crate) struct CountBody {
    /// The place: `ward:WARD`, `own:PATIENT`, `take-home:PATIENT`, `expired`.
    #[schema(value_type = String, example = "ward:WARDA")]
    place: Text,
    /// The local formulary code.
    #[schema(value_type = String, example = "PARA500")]
    item: Text,
    /// How much there is, in the item's unit.
    #[schema(value_type = String, example = "40")]
    found: Exact,
    /// The staff number of the person who counted.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// The staff number of a second person.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// When it was counted, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

/// Tell a count. A difference opens a case.
#[utoipa::path(
    post,
    path = "/stock/counts",
    tag = "stock",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new count")),
    request_body = CountBody,
    responses(
        (status = 200, description = "It is recorded", body = submit::Done),
        (status = 422, description = "It cannot be recorded", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: CountBody = body::read(&asked.raw)?;
    caller.speaks_for("person", &body.person)?;
    let act = StockAct::Count(StockCount {
        place: account("place", &body.place)?,
        item: body.item.into_string(),
        found: body.found.0,
        person: body.person.into_string(),
        witness: body.witness.map(Text::into_string),
        activity: body.activity,
    });
    let request = medicines::Request::Stock(Box::new(act));
    let receipt = submit::act(&api, &caller, CHANNEL, Some("counts"), asked, request).await?;
    submit::done(&receipt)
}
