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
    /// Why it stopped, as a code; the log says more.
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
    let (code, status) = match reason {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
    };
    (code, axum::Json(HealthBody { status, position, reason })).into_response()
}

/// Anybody may ask, so the words of the error, which may name files, stay in the log.
fn reason(error: &engine::Error) -> &'static str {
    match error {
        engine::Error::DiskFull => "disk-full",
        engine::Error::Journal(_) => "journal",
        engine::Error::Record(_) => "record",
        engine::Error::Entry { .. } => "entry",
        engine::Error::Fault(_) => "fault",
    }
}
