//! A consignment arrived.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::Id;
use jiff::Timestamp;
use medicines::stock::{Receipt, StockAct};
use serde::Deserialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::body;
use crate::door::Caller;
use crate::fields::{Exact, Text};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// What arrived of a consignment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockReceipt)]
pub(crate) struct ReceiptBody {
    /// How much arrived, in the item's unit.
    #[schema(value_type = String, example = "100")]
    quantity: Exact,
    /// Whether nothing more is to come: what is missing opens a case at once.
    #[serde(default)]
    complete: bool,
    /// The staff number of the person who received it.
    #[schema(value_type = String, example = "N1001")]
    person: Text,
    /// The staff number of a second person.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// When it was received, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

/// Receive a consignment where it was sent to. What was sent to a cabinet is received there, by
/// filling its pockets.
#[utoipa::path(
    post,
    path = "/stock/consignments/{id}/receipt",
    tag = "stock",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The consignment"),
        ("Idempotency-Key" = String, Header, description = "New for each new receipt"),
    ),
    request_body = ReceiptBody,
    responses(
        (status = 200, description = "It is recorded", body = submit::Done),
        (status = 404, description = "No number of a consignment", body = ProblemBody),
        (status = 422, description = "It cannot be recorded", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: ReceiptBody = body::read(&asked.raw)?;
    caller.speaks_for("person", &body.person)?;
    let consignment = Id::new(&id)
        .map_err(|_| Problem::not_found("No consignment has a number of this form."))?;
    let about = consignment.clone();
    let act = StockAct::Receive(Receipt {
        consignment,
        quantity: body.quantity.0,
        complete: body.complete,
        person: body.person.into_string(),
        witness: body.witness.map(Text::into_string),
        activity: body.activity,
    });
    let request = medicines::Request::Stock(Box::new(act));
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&about), asked, request).await?;
    submit::done(&receipt)
}
