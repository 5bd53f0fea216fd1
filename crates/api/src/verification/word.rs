//! A pharmacist verifies an order, asks about it, or holds it back.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::Id;
use medicines::orders::{Verification, Word};
use serde::Deserialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// What a pharmacist says of an order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PharmacistWord)]
pub(crate) struct WordBody {
    /// The version that was looked at.
    version: u64,
    /// What is said.
    word: WordKind,
    /// What is asked, or why it is held back; without patient data.
    #[schema(value_type = Option<String>)]
    text: Option<Text>,
    /// The staff number of the pharmacist.
    #[schema(value_type = String, example = "P2001")]
    by: Text,
    /// The ids of the open cases about the order that the pharmacist saw. Where a colleague opened
    /// another one meanwhile, nothing is kept (`superseded`); without the list nobody looks.
    #[schema(value_type = Option<Vec<String>>)]
    questions: Option<Vec<Id>>,
}

/// What a pharmacist may say.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = PharmacistWordKind)]
pub(crate) enum WordKind {
    /// It is right.
    Verify,
    /// The prescriber is asked; it stays as it is. Opens a case.
    Query,
    /// It must not be taken until it is changed or verified. Opens a case.
    Intervene,
}

impl From<WordKind> for Word {
    fn from(word: WordKind) -> Self {
        match word {
            WordKind::Verify => Word::Verify,
            WordKind::Query => Word::Query,
            WordKind::Intervene => Word::Intervene,
        }
    }
}

/// Say what a pharmacist says of an order.
#[utoipa::path(
    post,
    path = "/verification/orders/{id}",
    tag = "verification",
    security(("bearer" = [])),
    params(
        ("id" = String, Path, description = "The MedicationRequest"),
        ("Idempotency-Key" = String, Header, description = "New for each new word"),
    ),
    request_body = WordBody,
    responses(
        (status = 200, description = "It is kept", body = submit::Done),
        (status = 403, description = "The client or the person may not", body = ProblemBody),
        (status = 404, description = "No order has the id", body = ProblemBody),
        (status = 422, description = "It was changed, or has ended", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: WordBody = body::read(&asked.raw)?;
    caller.speaks_for("by", &body.by)?;
    let order = Id::new(&id).map_err(|_| Problem::not_found("No order has this id."))?;
    let about = order.clone();
    let told = Verification {
        order,
        version: body.version,
        word: body.word.into(),
        text: body.text.map(Text::into_string),
        by: body.by.into_string(),
        questions: body.questions,
    };
    let request = medicines::Request::Verify(Box::new(told));
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&about), asked, request).await?;
    submit::done(&receipt)
}
