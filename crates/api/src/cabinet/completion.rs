//! What was really taken on a permit.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::Id;
use jiff::Timestamp;
use medicines::cabinet::Completion;
use medicines::stock::PocketAddress;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::body;
use crate::cabinet::CHANNEL;
use crate::door::Caller;
use crate::fields::{Exact, MAX_TEXT_CHARS, Text};
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;
use crate::submit;

/// How a permitted removal ended at the cabinet.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Completion)]
pub(crate) struct CompletionBody {
    /// The cabinet that asked.
    #[schema(value_type = String, example = "ASK/WARDC1")]
    cabinet: Text,
    /// What was taken, in the item's unit; `0` when the drawer was closed again.
    #[schema(value_type = String, example = "2")]
    taken: Exact,
    /// The pocket it came from.
    pocket: PocketBody,
    /// The batch, where it was scanned.
    #[schema(value_type = Option<String>)]
    batch: Option<Text>,
    /// When it was taken, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

/// A pocket inside the cabinet. Parts that the cabinet does not use are empty.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Pocket)]
pub(crate) struct PocketBody {
    /// The drawer.
    #[serde(default)]
    drawer: String,
    /// The sub-drawer.
    #[serde(default)]
    sub_drawer: String,
    /// The pocket.
    pocket: String,
}

impl PocketBody {
    fn address(self) -> Result<PocketAddress, Problem> {
        let parts = [&self.drawer, &self.sub_drawer, &self.pocket];
        let clean = |text: &str| {
            text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control)
        };
        if !parts.into_iter().all(|part| clean(part)) {
            let detail = "pocket: each part has at most 256 characters, none of them control.";
            return Err(Problem::bad(code::BAD_VALUE, detail));
        }
        let PocketBody { drawer, sub_drawer, pocket } = self;
        Ok(PocketAddress { drawer, sub_drawer, pocket })
    }
}

/// Tell what was taken on a permit. It uses the permit up.
#[utoipa::path(
    post,
    path = "/cabinet/removals/{permit}/completion",
    tag = "cabinet",
    security(("bearer" = [])),
    params(
        ("permit" = String, Path, description = "The permit's number"),
        ("Idempotency-Key" = String, Header, description = "New for each new completion"),
    ),
    request_body = CompletionBody,
    responses(
        (status = 200, description = "It is recorded", body = submit::Done),
        (status = 403, description = "No such permit, too much, or not yours", body = ProblemBody),
        (status = 422, description = "The key was used before", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(permit): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: CompletionBody = body::read(&asked.raw)?;
    caller.acts_for(&api, &body.cabinet).await?;
    let permit =
        Id::new(&permit).map_err(|_| Problem::not_found("No permit has a number of this form."))?;
    let about = permit.clone();
    let completion = Completion {
        permit,
        cabinet: body.cabinet.into_string(),
        taken: body.taken.0,
        address: body.pocket.address()?,
        batch: body.batch.map(Text::into_string),
        activity: body.activity,
    };
    let request = medicines::Request::Complete(Box::new(completion));
    let receipt = submit::act(&api, &caller, CHANNEL, Some(&about), asked, request).await?;
    submit::done(&receipt)
}
