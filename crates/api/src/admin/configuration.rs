//! The text of a configuration that was in force.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{AdminError, Files, administrator};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// The text of a configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConfigurationText)]
pub(crate) struct TextBody {
    /// Its files, by their paths from its folder.
    files: Files,
}

/// Give the text of a configuration that was in force.
#[utoipa::path(
    get,
    path = "/admin/configurations/{entry}",
    tag = "admin",
    security(("bearer" = [])),
    params(("entry" = String, Path, description = "The entry that put it in force")),
    responses(
        (status = 200, description = "Its files", body = TextBody),
        (status = 404, description = "No configuration has the entry", body = ProblemBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    Path(entry): Path<String>,
) -> Result<Json<TextBody>, Problem> {
    let entry = entry.parse().map_err(|_| AdminError::Unknown)?;
    Ok(Json(TextBody { files: administrator(&api)?.files(entry).await? }))
}
