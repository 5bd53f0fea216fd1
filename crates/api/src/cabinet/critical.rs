//! The critical override: every cabinet lets medicines out without an order.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use medicines::cabinet::{CriticalSpan, CriticalSwitch};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CHANNEL;
use crate::body;
use crate::door::Caller;
use crate::fields::Text;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// Switching the critical override.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = CriticalSwitch)]
pub(crate) struct SwitchBody {
    /// Whether it is on from now on.
    on: bool,
    /// The staff number of the person who switches it: a pharmacist, an engineer, or governance.
    #[schema(value_type = String, example = "P2001")]
    person: Text,
    /// Why; needed to switch it on.
    #[schema(value_type = Option<String>)]
    reason: Option<Text>,
}

/// Whether the critical override is on, and when it was.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CriticalOverride)]
pub(crate) struct CriticalBody {
    /// Whether it is on now.
    on: bool,
    /// When it was on, the newest last.
    spans: Vec<SpanBody>,
}

/// A span of time in which it was on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CriticalSpan)]
pub(crate) struct SpanBody {
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Who switched it on.
    by: String,
    /// Why.
    reason: String,
    /// Until when; absent while it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Who switched it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<String>,
}

impl From<CriticalSpan> for SpanBody {
    fn from(span: CriticalSpan) -> Self {
        let CriticalSpan { since, by, reason, until, ended_by } = span;
        SpanBody { since, by, reason, until, ended_by }
    }
}

/// Tell whether the critical override is on.
#[utoipa::path(
    get,
    path = "/cabinet/critical-override",
    tag = "cabinet",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "Whether it is on, and when it was", body = CriticalBody),
    ),
)]
pub(crate) async fn get(State(api): State<ApiState>) -> Result<Response, Problem> {
    let spans = api.ask(record::Reader::critical_override).await?;
    let on = spans.last().is_some_and(|span| span.until.is_none());
    let spans = spans.into_iter().map(SpanBody::from).collect();
    Ok(axum::Json(CriticalBody { on, spans }).into_response())
}

/// Switch the critical override on or off. While it is on, what leaves without an order has a case.
#[utoipa::path(
    post,
    path = "/cabinet/critical-override",
    tag = "cabinet",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new switch")),
    request_body = SwitchBody,
    responses(
        (status = 200, description = "It is as asked for", body = submit::Done),
        (status = 422, description = "This person may not, or gave no reason", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: SwitchBody = body::read(&asked.raw)?;
    caller.speaks_for("person", &body.person)?;
    let switch = CriticalSwitch {
        on: body.on,
        person: body.person.into_string(),
        reason: body.reason.map(Text::into_string).unwrap_or_default(),
    };
    let request = medicines::Request::CriticalOverride(switch);
    let receipt = submit::act(&api, &caller, CHANNEL, Some("critical"), asked, request).await?;
    submit::done(&receipt)
}
