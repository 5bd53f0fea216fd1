//! Taking over a package of FHIR definitions whose file lies in the node's data folder.

use axum::Json;
use axum::extract::{Request, State};

use super::{AdminError, PackageTaken, PackageWish, administrator};
use crate::body;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// The most bytes of a request that names a package.
const MAX_WISH_BYTES: usize = 64 * 1024;

/// Take over a package of FHIR definitions. `interlock import package` writes its file to the data
/// folder and then asks for it by its digest; what is validated from then on is validated by it.
#[utoipa::path(
    post,
    path = "/admin/package",
    tag = "admin",
    security(("bearer" = [])),
    request_body = PackageWish,
    responses(
        (status = 200, description = "It is in use", body = PackageTaken),
        (status = 422, description = "There is no such file", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Json<PackageTaken>, Problem> {
    let (parts, body) = request.into_parts();
    let raw = body::json_bytes_within(&parts.headers, body, MAX_WISH_BYTES).await?;
    let wish: PackageWish = body::read_within(&raw, MAX_WISH_BYTES)?;
    let taken = administrator(&api)?.take_package(wish, caller.name()).await;
    if taken == Err(AdminError::Stopped) {
        api.note_stop();
    }
    Ok(Json(taken?))
}
