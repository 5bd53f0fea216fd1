//! What other programs watch a node by: its figures, and whether it is ready for work.

use std::future::Future;
use std::pin::Pin;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::problem::Problem;
use crate::state::ApiState;

/// The name of the source from which the engine has who was refused the figures.
pub(crate) const CHANNEL: &str = "metrics";

/// The text format of Prometheus.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One thing that has to be so before a node can work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReadyCheck)]
pub struct Check {
    /// What is looked at: `journal`, `record`, `disk`, …
    pub name: &'static str,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, in words and figures; it names no file and no patient.
    pub detail: String,
}

/// An answer of an [`Observer`] that comes later.
pub type Observing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells how the node does. The assembly has all the figures, so it is given one.
pub trait Observer: Send + Sync {
    /// All figures in the text format of Prometheus.
    fn metrics(&self) -> Observing<'_, String>;

    /// Everything that has to be well for the node to work.
    fn checks(&self) -> Observing<'_, Vec<Check>>;
}

/// Whether the node is ready.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready` or `not-ready`.
    status: &'static str,
    /// Every check, whether it is well or not.
    checks: Vec<Check>,
}

/// Tell whether the node is ready for work.
#[utoipa::path(
    get,
    path = "/ready",
    tag = "node",
    responses(
        (status = 200, description = "Every check is well", body = Readiness),
        (status = 503, description = "A check is not", body = Readiness),
    ),
)]
pub(crate) async fn ready(State(api): State<ApiState>) -> Response {
    let checks = match &api.observer {
        Some(observer) => observer.checks().await,
        None => Vec::new(),
    };
    let well = checks.iter().all(|check| check.ok) && !api.is_unanswered();
    let (code, status) = if well {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not-ready")
    };
    (code, axum::Json(Readiness { status, checks })).into_response()
}

/// All figures of the node, for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "node",
    security(("bearer" = [])),
    responses((status = 200, description = "The figures, in the text format of Prometheus")),
)]
pub(crate) async fn metrics(State(api): State<ApiState>) -> Response {
    match &api.observer {
        Some(observer) => {
            ([(header::CONTENT_TYPE, TEXT)], observer.metrics().await).into_response()
        }
        None => Problem::not_found("This node has no figures.").into_response(),
    }
}
