//! Stock outside a cabinet's own transactions: where it is, moved, received, counted, recalled.

pub(crate) mod counts;
pub(crate) mod items;
pub(crate) mod movements;
pub(crate) mod recalls;
pub(crate) mod receipt;
pub(crate) mod traced;

use axum::http::StatusCode;
use axum::response::Response;
use engine::Receipt;
use fhir::Id;
use medicines::Answer;
use medicines::stock::Account;
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::{Problem, code};
use crate::submit;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "stock";

/// It is recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockRecorded)]
pub(crate) struct Recorded {
    /// The number of the transfer, the consignment or the recall.
    #[schema(value_type = String, example = "rxx.1042.1")]
    id: Id,
}

/// An account by its text, as `ward:WARDA`, `pharmacy`, `robot:ROWA1`.
fn account(field: &str, text: &str) -> Result<Account, Problem> {
    text.parse().map_err(|_| {
        let detail = format!("{field}: no place has this name; `pharmacy`, `ward:WARDA`, …");
        Problem::bad(code::BAD_VALUE, detail)
    })
}

/// 201 with the number of what was recorded, or the reason why it was not.
fn recorded(receipt: &Receipt) -> Result<Response, Problem> {
    match &receipt.answer {
        Answer::Created(ids) if !ids.is_empty() => {
            let body = Recorded { id: ids[0].clone() };
            Ok(submit::answer(StatusCode::CREATED, receipt, &body))
        }
        _ => Err(submit::refusal(receipt)),
    }
}
