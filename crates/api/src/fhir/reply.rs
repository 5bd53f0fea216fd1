//! An answer before it is written: on its own as a response, or within a bundle as an entry.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fhir::json::Json;
use fhir::resources::BundleResponse;
use fhir::{Instant, StoredResource};
use jiff::Timestamp;

use super::dress::Wish;
use super::shape::Shape;
use super::{Failure, Format, resource};

/// What is answered to one interaction.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The body as JSON, where there is one.
    pub(crate) body: Option<String>,
    /// The version, for ETag.
    pub(crate) version: Option<u64>,
    pub(crate) changed: Option<Timestamp>,
    /// Where the version is, as an absolute address.
    pub(crate) location: Option<String>,
    /// Whether the body says something about the interaction rather than being its result.
    pub(crate) is_outcome: bool,
    /// Whether the same request was answered before.
    pub(crate) is_repeat: bool,
}

impl Reply {
    pub(crate) fn new(status: StatusCode) -> Self {
        Reply {
            status,
            body: None,
            version: None,
            changed: None,
            location: None,
            is_outcome: false,
            is_repeat: false,
        }
    }

    /// A resource as it is stored.
    pub(crate) fn of(stored: &StoredResource) -> Self {
        Reply {
            body: Some(stored.json().to_owned()),
            version: Some(stored.version),
            changed: Some(stored.last_updated),
            ..Reply::new(StatusCode::OK)
        }
    }

    /// A body that is no stored resource.
    pub(crate) fn body(json: String) -> Self {
        Reply { body: Some(json), ..Reply::new(StatusCode::OK) }
    }

    /// The answer as a response, its body in the form that was asked for.
    pub(crate) fn respond(self, shape: &Shape) -> Response {
        let mut response = match self.body {
            Some(json) if !self.is_outcome => resource(shape.of(json)),
            Some(json) => resource(json),
            None => StatusCode::OK.into_response(),
        };
        *response.status_mut() = self.status;
        if let Some(format) = shape.format.as_deref().and_then(Format::named) {
            response.extensions_mut().insert(Wish(format));
        }
        let changed = self.changed.and_then(|at| {
            jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
        });
        let repeat = self.is_repeat.then(|| "true".to_owned());
        let values = [
            (header::ETAG, self.version.map(tag)),
            (header::LAST_MODIFIED, changed),
            (header::LOCATION, self.location),
            (crate::submit::REPLAYED, repeat),
        ];
        for (name, value) in values {
            put(&mut response, name, value);
        }
        response
    }

    /// The answer as that of an entry of a batch or a transaction.
    pub(crate) fn entry(self) -> (Option<Json>, BundleResponse) {
        let words = self.status.canonical_reason().unwrap_or_default();
        let mut response = BundleResponse::new(format!("{} {words}", self.status.as_u16()));
        response.location = self.location;
        response.etag = self.version.map(tag);
        response.last_modified = self.changed.map(Instant::at);
        let body = self.body.and_then(|json| Json::parse(json).ok());
        if self.is_outcome {
            response.outcome = body;
            return (None, response);
        }
        (body, response)
    }
}

/// A refusal within a bundle.
impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Reply {
            body: Some(failure.outcome().to_json()),
            is_outcome: true,
            ..Reply::new(failure.status())
        }
    }
}

/// A version as R4 §3.1.0.1.3 has it in ETag.
fn tag(version: u64) -> String {
    format!("W/\"{version}\"")
}

fn put(response: &mut Response, name: HeaderName, value: Option<String>) {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        response.headers_mut().insert(name, value);
    }
}
