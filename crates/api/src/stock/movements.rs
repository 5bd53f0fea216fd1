//! Stock is moved from one place to another, or sent off.

use axum::extract::{Request, State};
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use medicines::stock::{Destination, Move, StockAct};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{CHANNEL, Recorded, account, recorded};
use crate::body;
use crate::door::Caller;
use crate::fields::{Exact, Text};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// A movement that was made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = StockMovement)]
pub(crate) struct MovementBody {
    /// Where it left: `supplier`, `pharmacy`, `robot:NAME`, `ward:WARD`, `pocket:…`,
    /// `return-bin:SYSTEM/STATION`, `own:PATIENT`, `take-home:PATIENT`, `expired`; `opening` for
    /// what was there before.
    #[schema(value_type = String, example = "pharmacy")]
    from: Text,
    /// Where it goes: the same, or `cabinet:SYSTEM/STATION`, `patient:PATIENT`, `waste`.
    #[schema(value_type = String, example = "cabinet:ADC/WARDA1")]
    to: Text,
    /// Whether it is on its way until somebody receives it; always so to a cabinet.
    #[serde(default)]
    sent: bool,
    /// The local formulary code.
    #[schema(value_type = String, example = "PARA500")]
    item: Text,
    /// How much, in the item's unit.
    #[schema(value_type = String, example = "100")]
    quantity: Exact,
    /// The batch.
    #[schema(value_type = Option<String>)]
    batch: Option<Text>,
    /// The last day of the batch.
    #[schema(value_type = Option<String>, format = Date)]
    expiry: Option<Date>,
    /// What one unit cost.
    #[schema(value_type = Option<String>)]
    cost: Option<Exact>,
    /// The staff number of the person who did it.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// The staff number of a second person.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// When it was done, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

impl MovementBody {
    fn understood(self) -> Result<Move, Problem> {
        let to = match self.to.strip_prefix("cabinet:") {
            Some(cabinet) => Destination::Cabinet(cabinet.to_owned()),
            None => Destination::Place(account("to", &self.to)?),
        };
        Ok(Move {
            from: account("from", &self.from)?,
            to,
            sent: self.sent,
            item: self.item.into_string(),
            quantity: self.quantity.0,
            batch: self.batch.map(Text::into_string),
            expiry: self.expiry,
            cost: self.cost.map(|cost| cost.0),
            person: self.person.into_string(),
            witness: self.witness.map(Text::into_string),
            activity: self.activity,
        })
    }
}

/// Tell that stock was moved, or send it off. The number of what is sent is its consignment's.
#[utoipa::path(
    post,
    path = "/stock/movements",
    tag = "stock",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new movement")),
    request_body = MovementBody,
    responses(
        (status = 201, description = "It is recorded", body = Recorded),
        (status = 422, description = "It cannot be recorded", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: MovementBody = body::read(&asked.raw)?;
    caller.speaks_for("person", &body.person)?;
    let act = StockAct::Move(body.understood()?);
    let request = medicines::Request::Stock(Box::new(act));
    recorded(&submit::act(&api, &caller, CHANNEL, Some("movements"), asked, request).await?)
}
