//! What a configuration would change.

use axum::Json;
use axum::extract::{Request, State};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Files, MAX_CONFIGURATION_BYTES, Plan, administrator};
use crate::body;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// A configuration to look at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Configuration)]
pub(crate) struct ConfigurationBody {
    /// Its files, by their paths from its folder.
    files: Files,
}

/// Tell what a configuration would change. Nothing is changed.
#[utoipa::path(
    post,
    path = "/admin/plan",
    tag = "admin",
    security(("bearer" = [])),
    request_body = ConfigurationBody,
    responses(
        (status = 200, description = "What would change", body = Plan),
        (status = 422, description = "The configuration cannot be used", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    request: Request,
) -> Result<Json<Plan>, Problem> {
    let (parts, body) = request.into_parts();
    let most = MAX_CONFIGURATION_BYTES;
    let raw = body::json_bytes_within(&parts.headers, body, most).await?;
    let ConfigurationBody { files } = body::read_within(&raw, most)?;
    Ok(Json(administrator(&api)?.plan(files).await?))
}
