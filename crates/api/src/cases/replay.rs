//! A parked message is acted on again.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use engine::ReplayError;
use medicines::{Answer, ProblemCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body;
use crate::cases::{case_id, unknown};
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;
use crate::submit;

/// What became of a message that was acted on again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Replayed)]
pub(crate) struct ReplayedBody {
    /// The number of the journal entry of the replay.
    entry: u64,
    /// The answer as a code: `done`, `permitted`, `refused`.
    outcome: &'static str,
}

/// Act on the message of a case again. The case is the key: once the message was acted on, the
/// case is closed and a repeat finds none.
///
/// Without a body the message is read as it came. A body is the mended message, in the form and
/// the character set of its channel: it is checked first, and where it is taken, both versions are
/// kept and the new entry says which one it mends.
#[utoipa::path(
    post,
    path = "/cases/{id}/replay",
    tag = "cases",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The case")),
    responses(
        (status = 200, description = "The message was acted on", body = ReplayedBody),
        (status = 404, description = "No open case has the id", body = ProblemBody),
        (status = 422, description = "It still cannot be acted on", body = ProblemBody),
        (status = 413, description = "The body is too large", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let case = case_id(&id)?;
    let mended = body::bytes(request.into_body()).await?;
    let mended = (!mended.is_empty()).then(|| mended.to_vec());
    let Some(replayer) = &api.replayer else {
        return Err(not_replayable("this node replays no messages"));
    };
    let receipt =
        replayer.replay(&case, mended, caller.name()).await.map_err(|error| match error {
            ReplayError::UnknownCase => unknown(),
            ReplayError::NotReplayable(why) => not_replayable(&why),
            ReplayError::NotMended(why) => {
                let detail = format!("The mended message was not taken: {why}");
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::NOT_MENDED, detail)
            }
            ReplayError::Stopped => {
                api.note_stop();
                Problem::stopped()
            }
            ReplayError::Unreadable(why) => {
                tracing::error!(why, "a parked message could not be read");
                Problem::internal()
            }
        })?;
    match &receipt.answer {
        Answer::Parked(problem) if problem.code == ProblemCode::UnknownCase => Err(unknown()),
        Answer::Parked(_) => Err(submit::refusal(&receipt)),
        other => {
            let body = ReplayedBody { entry: receipt.seq, outcome: other.code() };
            Ok(submit::answer(StatusCode::OK, &receipt, &body))
        }
    }
}

fn not_replayable(why: &str) -> Problem {
    let detail = format!("The message of this case cannot be replayed: {why}.");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::NOT_REPLAYABLE, detail)
}
