//! What is told of controlled drugs: counted, wasted, destroyed, taken in, corrected, asked for,
//! supplied, received.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use fhir::Id;
use medicines::Answer;
use medicines::controlled::{ControlledAct, Entering};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::CHANNEL;
use super::deeds::{
    Body, CorrectBody, CountBody, DestroyBody, OwnBody, ReceiptBody, RequisitionBody, SupplyBody,
    WasteBody,
};
use crate::body;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// It is entered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ControlledEntered)]
pub(crate) struct EnteredBody {
    /// The number of what was made first: the count, the transfer, the requisition, the
    /// consignment.
    #[schema(value_type = String, example = "rxx.1042.1")]
    id: Id,
    /// Every number of it, where the act made several transfers.
    #[schema(value_type = Vec<String>)]
    ids: Vec<Id>,
}

/// Has an act decided. `about` is what the address says beside the body.
async fn enter<B: Body + DeserializeOwned>(
    api: ApiState,
    caller: Caller,
    key: &str,
    about: Option<&str>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let read: B = body::read(&asked.raw)?;
    let (act, second) = read.told(about)?.understood()?;
    caller.speaks_for("person", &act.person)?;
    let client = caller.name().to_owned();
    let told = ControlledAct::Enter(Entering { act, second, client });
    let request = medicines::Request::Controlled(Box::new(told));
    let key = about.map_or_else(|| key.to_owned(), |about| format!("{key}|{about}"));
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&key), asked, request).await?;
    match &receipt.answer {
        Answer::Created(ids) if !ids.is_empty() => {
            let body = EnteredBody { id: ids[0].clone(), ids: ids.clone() };
            Ok(submit::answer(StatusCode::CREATED, &receipt, &body))
        }
        _ => Err(submit::refusal(&receipt)),
    }
}

/// Enter a count by two people. A difference is a discrepancy in the same entry.
#[utoipa::path(
    post,
    path = "/cd/counts",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new count")),
    request_body = CountBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn count(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<CountBody>(api, caller, "counts", None, request).await
}

/// Enter waste before two people: given and wasted make up what was removed.
#[utoipa::path(
    post,
    path = "/cd/waste",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new act")),
    request_body = WasteBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn waste(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<WasteBody>(api, caller, "waste", None, request).await
}

/// Enter a destruction: stock of schedules 1 and 2 before an authorised witness, what patients
/// returned before any second person.
#[utoipa::path(
    post,
    path = "/cd/destructions",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new act")),
    request_body = DestroyBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn destroy(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<DestroyBody>(api, caller, "destructions", None, request).await
}

/// Take what a patient brought along into safe custody.
#[utoipa::path(
    post,
    path = "/cd/own",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new act")),
    request_body = OwnBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn own(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<OwnBody>(api, caller, "own", None, request).await
}

/// Correct an earlier entry by a new one, which names it; the earlier one stays as it is.
#[utoipa::path(
    post,
    path = "/cd/corrections",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new correction")),
    request_body = CorrectBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn correct(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<CorrectBody>(api, caller, "corrections", None, request).await
}

/// Sign a requisition.
#[utoipa::path(
    post,
    path = "/cd/requisitions",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new requisition")),
    request_body = RequisitionBody,
    responses(
        (status = 201, description = "It is signed", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn requisition(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    enter::<RequisitionBody>(api, caller, "requisitions", None, request).await
}

/// Send what was asked for. The number of the answer is the consignment's.
#[utoipa::path(
    post,
    path = "/cd/requisitions/{id}/supply",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The requisition"),
        ("Idempotency-Key" = String, Header, description = "New for each new supply"),
    ),
    request_body = SupplyBody,
    responses(
        (status = 201, description = "It is on its way", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn supply(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    enter::<SupplyBody>(api, caller, "supply", Some(&id), request).await
}

/// Receive what was sent.
#[utoipa::path(
    post,
    path = "/cd/consignments/{id}/receipt",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The consignment"),
        ("Idempotency-Key" = String, Header, description = "New for each new receipt"),
    ),
    request_body = ReceiptBody,
    responses(
        (status = 201, description = "It is entered", body = EnteredBody),
        (status = 422, description = "It cannot be entered", body = ProblemBody),
    ),
)]
pub(crate) async fn receive(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    enter::<ReceiptBody>(api, caller, "receipt", Some(&id), request).await
}
