//! A client writes a subscription: what it asks for is judged before anything is stored.

use axum::body::Bytes;
use axum::http::StatusCode;
use fhir::ResourceType;
use medicines::subscriptions::{Status, Wish};
use serde_json::Value;

use super::asked::{Channel, masked, refused};
use super::{Asked, barred};
use crate::client::Role;
use crate::door::Caller;
use crate::fhir::Failure;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// A subscription as it may be stored: without the values of its headers.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) json: String,
    pub(crate) wish: Wish,
}

/// Judges a resource that a client writes, where it is a subscription.
pub(crate) fn judge(
    api: &ApiState,
    caller: &Caller,
    kind: ResourceType,
    json: &str,
) -> Result<Option<Judged>, Failure> {
    if kind != ResourceType::Subscription {
        return Ok(None);
    }
    let asked = Asked::read(json)?;
    let status = asked.status.and_then(Status::of_client).ok_or_else(|| {
        let detail = "A client asks for a subscription (requested) or ends it (off); the server \
                      says how it stands otherwise.";
        refused("Subscription.status", detail)
    })?;
    let Some(policy) = api.subscriptions.policy() else {
        return Err(refused("Subscription", "This server tells no subscribers."));
    };
    if status == Status::Requested {
        if let Channel::RestHook(endpoint) = &asked.channel
            && !policy.allow.allows(endpoint)
        {
            let detail = "The configuration of this server does not list the endpoint's scheme, \
                          host and port: ask who runs it.";
            return Err(refused("Subscription.channel.endpoint", detail));
        }
        if asked.end.is_some_and(|end| end <= api.engine.clock().now()) {
            return Err(refused("Subscription.end", "The end is past already."));
        }
        if barred(api, caller.name(), asked.topic).is_some() {
            let detail = "Whoever subscribes may read what the topic tells: this needs the role \
                          fhir-read, and for cases the role cases as well.";
            let problem = Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail);
            return Err(Failure::from(problem).at("Subscription.criteria"));
        }
    }
    let wrong = || refused("Subscription", "The subscription cannot be read.");
    let mut all: Value = serde_json::from_str(json).map_err(|_| wrong())?;
    if !asked.headers.is_empty() {
        all["channel"]["header"] = masked(&asked.headers).into();
    }
    let wish = Wish { headers: asked.headers, manages: false };
    Ok(Some(Judged { json: all.to_string(), wish }))
}

/// Refuses a subscription in a bundle or by a patch: what comes may have secrets in it, so that it
/// is refused before the journal keeps it.
pub(crate) fn by_itself(kind: ResourceType) -> Result<(), Failure> {
    if kind != ResourceType::Subscription {
        return Ok(());
    }
    let detail = "A subscription is written by itself: by POST, or by PUT or DELETE of its id, \
                  and not in a bundle or by a patch.";
    Err(refused("Subscription", detail))
}

/// What the journal keeps of a write, and what is asked of a subscription.
pub(crate) fn kept(judged: Option<Judged>, raw: Bytes) -> (Bytes, Option<Wish>) {
    match judged {
        // What came has secrets in it.
        Some(judged) => (Bytes::from(judged.json), Some(judged.wish)),
        None => (raw, None),
    }
}

/// What a client that ends a subscription asks.
pub(crate) fn ending(caller: &Caller, kind: ResourceType) -> Option<Wish> {
    (kind == ResourceType::Subscription)
        .then(|| Wish { headers: Vec::new(), manages: caller.has(Role::Admin) })
}
