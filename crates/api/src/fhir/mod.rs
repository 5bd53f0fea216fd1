//! The FHIR R4 endpoint: what is served, and how it refuses.

pub(crate) mod audit_events;
mod changing;
mod conditions;
mod dress;
mod entries;
pub(crate) mod export;
mod intake;
pub(crate) mod interactions;
mod negotiate;
pub(crate) mod operations;
mod outcome;
mod reply;
mod shape;
pub(crate) mod subscriptions;
mod validation;
mod writing;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use fhir::{Id, ResourceType};

pub(crate) use dress::{Wardrobe, dress};
pub use export::{Exports, FreeBytes};
pub(crate) use negotiate::{Format, Handling, Return, acceptable, handling, returning};
pub(crate) use outcome::Failure;
pub use subscriptions::{
    AllowEntry, AllowError, AllowList, Policy, SubscriptionView, Subscriptions, Telling, Trust,
    TrustError, USUAL_ATTEMPTS,
};
pub use validation::{Definitions, Judge};

use crate::problem::Problem;

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "fhir";
/// The type of every answer in JSON.
pub(crate) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
/// The type of every answer in XML.
pub(crate) const FHIR_XML: &str = "application/fhir+xml; charset=utf-8";

/// Whether resources of the type are kept: all of R4 but Parameters, which it never stores, and
/// AuditEvents, which are made of the looks on record ([`audit_events`]).
fn is_served(kind: ResourceType) -> bool {
    !matches!(kind, ResourceType::Parameters | ResourceType::AuditEvent)
}

/// The type in an address.
fn served(name: &str) -> Result<ResourceType, Failure> {
    let kind = name.parse().ok();
    kind.filter(|kind| is_served(*kind)).ok_or_else(|| {
        let detail = match kind {
            Some(ResourceType::AuditEvent) => {
                "AuditEvents are made by this server alone: they are read and searched at \
                 AuditEvent, by a client with the role audit, and by nothing else."
            }
            _ => "This server does not keep resources of this type.",
        };
        Problem::not_found(detail).into()
    })
}

/// The id in an address. What cannot be an id is nobody's.
fn id(text: &str) -> Result<Id, Failure> {
    Id::new(text).map_err(|_| no_such_resource())
}

fn no_such_resource() -> Failure {
    Problem::not_found("There is no such resource.").into()
}

/// An answer with a FHIR body.
fn resource(json: String) -> Response {
    let content_type = HeaderValue::from_static(FHIR_JSON);
    ([(header::CONTENT_TYPE, content_type)], json).into_response()
}
