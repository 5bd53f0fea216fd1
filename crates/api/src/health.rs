//! Is the node at work?

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::ApiState;

/// The state of the node.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok`, or `stopped` when nothing can be written any more.
    status: &'static str,
    /// The number of the last journal entry that can be read.
    position: u64,
    /// Why it stopped, as a code, once that is known; the log says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Tell whether the node takes requests.
#[utoipa::path(
    get,
    path = "/health",
    tag = "node",
    responses(
        (status = 200, description = "It does", body = HealthBody),
        (status = 503, description = "It has stopped", body = HealthBody),
    ),
)]
pub(crate) async fn get(State(api): State<ApiState>) -> Response {
    let position = *api.engine.progress().borrow();
    let reason = api.engine.stopped().borrow().as_ref().map(reason);
    let (code, status) = if reason.is_some() || api.is_unanswered() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopped")
    } else {
        (StatusCode::OK, "ok")
    };
    (code, axum::Json(HealthBody { status, position, reason })).into_response()
}

/// Anybody may ask, so the words of the error, which may name files, stay in the log.
fn reason(error: &engine::Error) -> &'static str {
    match error {
        engine::Error::DiskFull => "disk-full",
        engine::Error::Journal(_) | engine::Error::Away(_) => "journal",
        engine::Error::Record(_) => "record",
        engine::Error::Entry { .. } => "entry",
        engine::Error::Fault(_) => "fault",
    }
}

#[cfg(test)]
mod tests {
    use engine::{Clock, Engine, Options};

    use super::*;
    use crate::client::Clients;

    #[tokio::test]
    async fn an_answer_that_never_came_is_a_stop_before_its_reason_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            journal: folder.path().join("journal.sqlite3"),
            record: folder.path().join("record.sqlite3"),
            site: medicines::Site { code: "RXX".into(), ..medicines::Site::default() },
            clock: Clock::system(),
            durability: journal::Durability::Full,
        };
        let engine = tokio::task::spawn_blocking(|| Engine::start(options)).await.unwrap().unwrap();
        let api = ApiState::new(engine, Clients::default(), "");
        assert_eq!(get(State(api.clone())).await.status(), StatusCode::OK);
        api.clone().note_stop();
        assert_eq!(get(State(api)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
