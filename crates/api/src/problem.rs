//! Refusals as `application/problem+json` (RFC 9457), each with a code that does not change.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a refusal.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";
/// How long a caller may wait before it asks a node that cannot answer again, in seconds.
const RETRY_AFTER_S: u32 = 5;

/// The codes that the interface itself gives. Refusals and parked messages bring the codes of the
/// domain along.
pub(crate) mod code {
    pub(crate) const TOKEN_MISSING: &str = "token-missing";
    pub(crate) const TOKEN_UNKNOWN: &str = "token-unknown";
    pub(crate) const ROLE_MISSING: &str = "role-missing";
    pub(crate) const CABINET_NOT_YOURS: &str = "cabinet-not-yours";
    pub(crate) const KEY_MISSING: &str = "key-missing";
    pub(crate) const KEY_INVALID: &str = "key-invalid";
    pub(crate) const KEY_REUSED: &str = "key-reused";
    pub(crate) const CONTENT_TYPE: &str = "content-type";
    pub(crate) const BODY_TOO_LARGE: &str = "body-too-large";
    pub(crate) const BODY_TOO_SLOW: &str = "body-too-slow";
    pub(crate) const BODY_LOST: &str = "body-lost";
    pub(crate) const NOT_JSON: &str = "not-json";
    pub(crate) const NOT_XML: &str = "not-xml";
    pub(crate) const BAD_RESOURCE: &str = "bad-resource";
    pub(crate) const GONE: &str = "gone";
    pub(crate) const BAD_BODY: &str = "bad-body";
    pub(crate) const BAD_QUERY: &str = "bad-query";
    pub(crate) const BAD_VALUE: &str = "bad-value";
    pub(crate) const NOT_FOUND: &str = "not-found";
    pub(crate) const METHOD: &str = "method-not-allowed";
    pub(crate) const NOT_ACCEPTABLE: &str = "not-acceptable";
    pub(crate) const UNKNOWN_CASE: &str = "unknown-case";
    pub(crate) const NOT_REPLAYABLE: &str = "not-replayable";
    pub(crate) const MISTAKES: &str = "mistakes";
    pub(crate) const PLAN_OUTDATED: &str = "plan-outdated";
    pub(crate) const OBSTACLES: &str = "obstacles";
    pub(crate) const NOT_STARTED: &str = "not-started";
    pub(crate) const NOT_MENDED: &str = "not-mended";
    pub(crate) const NOT_VALID: &str = "not-valid";
    pub(crate) const NO_DEFINITIONS: &str = "no-definitions";
    pub(crate) const BAD_SUBSCRIPTION: &str = "bad-subscription";
    pub(crate) const TOO_COSTLY: &str = "too-costly";
    pub(crate) const EXPORT_FAILED: &str = "export-failed";
    pub(crate) const NOT_YOURS: &str = "not-yours";
    pub(crate) const TOO_WIDE: &str = "too-wide";
    pub(crate) const STOPPED: &str = "stopped";
    pub(crate) const BEHIND: &str = "behind";
    pub(crate) const TIME_OUT: &str = "time-out";
    pub(crate) const INTERNAL: &str = "internal";
}

/// Why a request was not acted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    /// What is the matter and what to do; repeats nothing of the record.
    pub(crate) detail: String,
    /// What a refused removal has to say beside its code.
    pub(crate) more: Option<Box<More>>,
}

/// What a refused removal has to say beside its code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct More {
    /// When the same request would be granted.
    pub(crate) earliest: Option<Timestamp>,
    /// Why a dose cannot be told, or what an order is not for, as a code.
    pub(crate) reason: Option<String>,
    /// What fits, where one has to be chosen.
    pub(crate) choices: Vec<ChoiceBody>,
}

/// An item that fits an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Choice)]
pub(crate) struct ChoiceBody {
    /// The local formulary code.
    pub(crate) item: String,
    /// Its name.
    pub(crate) name: String,
    /// How many units have to be taken for one dose.
    #[schema(example = "1")]
    pub(crate) units: String,
    /// How many of them are given; the rest is wasted.
    #[schema(example = "0.5")]
    pub(crate) exact: String,
    /// The unit.
    pub(crate) unit: String,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// `urn:interlock:problem:` and the code.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The meaning of the status.
    pub(crate) title: &'static str,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The reason, for programs.
    pub(crate) code: &'static str,
    /// The reason and what to do, for people.
    pub(crate) detail: String,
    /// When the same request would be granted; only with the code `too-early`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) earliest: Option<Timestamp>,
    /// Why a dose cannot be told in units of the item, or why the item is not what was ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "part-of-piece")]
    pub(crate) reason: Option<String>,
    /// What fits the order; only with the code `ambiguous-item`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) choices: Vec<ChoiceBody>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Problem { status, code, detail: detail.into(), more: None }
    }

    /// 400: the request cannot be understood.
    pub(crate) fn bad(code: &'static str, detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404: it is not there.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, code::NOT_FOUND, detail)
    }

    /// 405: the address takes other methods.
    pub(crate) fn method() -> Self {
        let detail = "This address does not take this method.";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, code::METHOD, detail)
    }

    /// 503: the node cannot write, so nothing was acknowledged.
    pub(crate) fn stopped() -> Self {
        let detail = "The node cannot write at the moment and acknowledges nothing: ask again \
                      with the same Idempotency-Key.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::STOPPED, detail)
    }

    /// 503: the record has not come to what was answered before; nothing is shown that is old.
    pub(crate) fn behind() -> Self {
        let detail = "The node is behind with its record: ask again in a moment.";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::BEHIND, detail)
    }

    /// 500: a fault of the node. What it is stands in the log.
    pub(crate) fn internal() -> Self {
        let detail = "The node could not read its record: look at its log.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL, detail)
    }

    /// Puts the headers on that belong to the status.
    pub(crate) fn head(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer realm=\"interlock\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            _ => {}
        }
    }

    fn body(&self) -> ProblemBody {
        let more = self.more.as_deref().cloned().unwrap_or_default();
        ProblemBody {
            kind: format!("urn:interlock:problem:{}", self.code),
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.clone(),
            earliest: more.earliest,
            reason: more.reason,
            choices: more.choices,
        }
    }
}

impl From<&medicines::cabinet::Choice> for ChoiceBody {
    fn from(choice: &medicines::cabinet::Choice) -> Self {
        ChoiceBody {
            item: choice.item.clone(),
            name: choice.name.clone(),
            units: choice.units.normalize().to_string(),
            exact: choice.exact.normalize().to_string(),
            unit: choice.unit.clone(),
        }
    }
}

impl From<engine::Stopped> for Problem {
    fn from(engine::Stopped: engine::Stopped) -> Self {
        Problem::stopped()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_string(&self.body()).expect("texts and numbers are JSON");
        let content_type = (header::CONTENT_TYPE, CONTENT_TYPE);
        let mut response = ([content_type], body).into_response();
        self.head(&mut response);
        response
    }
}
