//! Taking over a release of dm+d whose index lies in the node's data folder.

use axum::Json;
use axum::extract::{Request, State};

use super::{AdminError, Release, ReleaseWish, administrator};
use crate::body;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// The most bytes of a request that names a release.
const MAX_WISH_BYTES: usize = 64 * 1024;

/// Take over a release of dm+d. `interlock import dmd` writes its index to the data folder and
/// then asks for it by its digest; the release that is in use already is not taken over again.
#[utoipa::path(
    post,
    path = "/admin/dictionary",
    tag = "admin",
    security(("bearer" = [])),
    request_body = ReleaseWish,
    responses(
        (status = 200, description = "It is in use", body = Release),
        (status = 422, description = "There is no such index", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Json<Release>, Problem> {
    let (parts, body) = request.into_parts();
    let raw = body::json_bytes_within(&parts.headers, body, MAX_WISH_BYTES).await?;
    let wish: ReleaseWish = body::read_within(&raw, MAX_WISH_BYTES)?;
    let taken = administrator(&api)?.take_over(wish, caller.name()).await;
    if taken == Err(AdminError::Stopped) {
        api.note_stop();
    }
    Ok(Json(taken?))
}
