//! A selection of messages goes to one destination again.

use axum::extract::{Query, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use engine::{Chosen, ReplayError, resend};
use medicines::deliveries::MAX_RESENT;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CHANNEL;
use super::search::asked;
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;
use crate::submit;

/// Where the selection goes, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Resend)]
pub(crate) struct ResendBody {
    /// The outbound channel.
    #[schema(value_type = String)]
    channel: Text,
    /// Why, in words.
    #[schema(value_type = String)]
    reason: Text,
    /// The search that chooses the messages, as the query of `GET /messages`.
    #[schema(value_type = String, example = "type=RDE&from=2026-11-20T10:00:00Z")]
    search: Text,
    /// Where more messages than this would go out, none does; 1 to 1,000.
    #[serde(default)]
    limit: Option<usize>,
}

/// What was queued again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resent)]
pub(crate) struct ResentBody {
    /// The journal entry that queued them.
    entry: u64,
    /// How many messages.
    messages: usize,
}

/// Send the messages of a selection to one destination again, in order.
#[utoipa::path(
    post,
    path = "/messages/replay",
    tag = "messages",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new request")),
    request_body = ResendBody,
    responses(
        (status = 200, description = "They are queued", body = ResentBody),
        (status = 422, description = "Nothing was queued", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let got = submit::asked(request).await?;
    let wanted: ResendBody = body::read(&got.raw)?;
    let bad = |detail: &str| Problem::bad(code::BAD_VALUE, detail);
    let uri: Uri = format!("/messages?{}", wanted.search.into_string())
        .parse()
        .map_err(|_| bad("search: the query of GET /messages."))?;
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| bad("search: the query of GET /messages."))?;
    let (search, _) = asked(&pairs)?;
    let limit = wanted.limit.unwrap_or(MAX_RESENT);
    if !(1..=MAX_RESENT).contains(&limit) {
        return Err(bad("limit: 1 to 1,000."));
    }
    let chosen = Chosen {
        search,
        entry: None,
        channel: wanted.channel.into_string(),
        reason: wanted.reason.into_string(),
        limit,
    };
    let key = format!("{}|{}", caller.name(), got.key);
    let sent = resend(&api.engine, chosen, (CHANNEL, Some(key)), caller.name()).await;
    let sent = sent.map_err(|error| match error {
        ReplayError::Stopped => {
            api.note_stop();
            Problem::stopped()
        }
        ReplayError::Unreadable(why) => {
            tracing::error!(why, "messages could not be read");
            Problem::internal()
        }
        other => {
            let detail = format!("Nothing was queued: {other}.");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::NOT_REPLAYABLE, detail)
        }
    })?;
    Ok(axum::Json(ResentBody { entry: sent.entry, messages: sent.messages }).into_response())
}
