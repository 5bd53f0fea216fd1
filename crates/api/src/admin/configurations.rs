//! The configurations that were in force.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{InForce, administrator};
use crate::problem::Problem;
use crate::state::ApiState;

/// The configurations that were in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Configurations)]
pub(crate) struct ConfigurationsBody {
    /// The newest first.
    configurations: Vec<InForce>,
}

/// Tell which configurations were in force, by whom and since when.
#[utoipa::path(
    get,
    path = "/admin/configurations",
    tag = "admin",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "The last hundred", body = ConfigurationsBody),
    ),
)]
pub(crate) async fn get(State(api): State<ApiState>) -> Result<Json<ConfigurationsBody>, Problem> {
    let configurations = administrator(&api)?.configurations().await?;
    Ok(Json(ConfigurationsBody { configurations }))
}
