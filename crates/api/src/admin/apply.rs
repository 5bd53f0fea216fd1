//! Putting a configuration in force.

use axum::Json;
use axum::extract::{Request, State};

use super::{AdminError, InForce, MAX_CONFIGURATION_BYTES, Wish, administrator};
use crate::body;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// Put a configuration in force without a restart. The plan is the key: a repeat finds it out of
/// date and does nothing.
#[utoipa::path(
    post,
    path = "/admin/apply",
    tag = "admin",
    security(("bearer" = [])),
    request_body = Wish,
    responses(
        (status = 200, description = "It is in force", body = InForce),
        (status = 409, description = "Out of date, or messages wait", body = ProblemBody),
        (status = 422, description = "The configuration cannot be used", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Json<InForce>, Problem> {
    let (parts, body) = request.into_parts();
    let most = MAX_CONFIGURATION_BYTES;
    let raw = body::json_bytes_within(&parts.headers, body, most).await?;
    let wish: Wish = body::read_within(&raw, most)?;
    let applied = administrator(&api)?.apply(wish, caller.name()).await;
    if applied == Err(AdminError::Stopped) {
        api.note_stop();
    }
    Ok(Json(applied?))
}
