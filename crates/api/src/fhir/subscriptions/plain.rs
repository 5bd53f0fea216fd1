//! Subscriptions as R4 has them without the guide: criteria that are a search.
//!
//! What is created or updated and meets the search then is told, event by event; what is deleted,
//! or does not meet it any more, is not (R4 §2.46). Without a payload the endpoint gets an empty
//! POST; with one it is the base of a FHIR server, and the resource is put there under its type
//! and id (R4 value set subscription-channel-type, `rest-hook`). There is no handshake, because an
//! empty POST would tell of an event that was none.

use axum::body::Bytes;
use fhir::ResourceType;
use hyper::Method;
use serde_json::Value;

use super::asked::{Asked, Channel, Content, Filter, Form, GUIDE, MAX_FILTER_BYTES};
use super::asked::{channel, end, headers, refused, search, status, usual_timeout};
use super::guard::Endpoint;
use super::topics::{BASE, Focus, Interaction, Topic, is_told};
use super::{Event, post};
use crate::fhir::{Failure, conditions};

/// The type and the query of criteria that are a search.
fn split(criteria: &str) -> Option<(ResourceType, &str)> {
    let (kind, query) = criteria.split_once('?').unwrap_or((criteria, ""));
    let kind = kind.parse().ok().filter(|kind| is_told(*kind))?;
    Some((kind, query))
}

/// Whether anything in it is an extension of the guide or names its profiles.
fn is_of_guide(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(GUIDE),
        Value::Array(all) => all.iter().any(is_of_guide),
        Value::Object(all) => all.values().any(is_of_guide),
        _ => false,
    }
}

/// Reads a Subscription whose criteria are a search; none where they are not.
pub(super) fn read(all: &Value) -> Option<Result<Asked, Failure>> {
    let (kind, query) = all.get("criteria").and_then(Value::as_str).and_then(split)?;
    Some(asked(all, kind, query))
}

fn asked(all: &Value, kind: ResourceType, query: &str) -> Result<Asked, Failure> {
    if is_of_guide(all) {
        let detail = "A subscription by the guide is to a topic, which the CapabilityStatement \
                      names; one to a search has neither the guide's profile nor its extensions.";
        return Err(refused("Subscription.criteria", detail));
    }
    let topic = Topic::Resource(kind);
    let mut filters = vec![Filter::Interactions(vec![Interaction::Create, Interaction::Update])];
    if !query.is_empty() {
        let chosen = chosen(kind, query);
        filters.push(chosen.map_err(|detail| refused("Subscription.criteria", detail))?);
    }
    let channel_json = &all["channel"];
    if !channel_json.is_object() {
        return Err(refused("Subscription.channel", "A subscription has a channel."));
    }
    let (content, as_xml) = payload(channel_json)?;
    let channel = channel(channel_json)?;
    if let Channel::RestHook(endpoint) = &channel
        && content == Content::FullResource
        && endpoint.path.contains('?')
    {
        let detail = "With a payload the endpoint is the base of a FHIR server, under which the \
                      resources are put: it has no query.";
        return Err(refused("Subscription.channel.endpoint", detail));
    }
    Ok(Asked {
        form: Form::Plain,
        canonical: format!("{BASE}{kind}"),
        topic,
        filters,
        status: status(all),
        channel,
        headers: headers(channel_json)?,
        content,
        as_xml,
        heartbeat: None,
        timeout: usual_timeout(),
        count: 1,
        end: end(all)?,
    })
}

/// What the search chooses. Its names are judged as they are decoded, and as search parameters
/// alone: `interaction` is a filter of the guide's topics, and none of these.
fn chosen(kind: ResourceType, query: &str) -> Result<Filter, String> {
    if query.len() > MAX_FILTER_BYTES {
        return Err(format!("The search has at most {MAX_FILTER_BYTES} bytes."));
    }
    let pairs = conditions::pairs(query).map_err(|_| "The search cannot be read.".to_owned())?;
    if pairs.is_empty() {
        return Err("The search is empty.".to_owned());
    }
    search(kind, &pairs)
}

fn payload(channel: &Value) -> Result<(Content, bool), Failure> {
    match channel.get("payload").map(Value::as_str) {
        None => Ok((Content::Empty, false)),
        Some(Some("application/fhir+json" | "application/json")) => {
            Ok((Content::FullResource, false))
        }
        Some(Some("application/fhir+xml")) => Ok((Content::FullResource, true)),
        Some(_) => {
            let detail = "The payload is application/fhir+json or application/fhir+xml, or there \
                          is none and nothing is told but that something happened.";
            Err(refused("Subscription.channel.payload", detail))
        }
    }
}

/// What an endpoint is sent of an event.
pub(super) fn letter(asked: &Asked, endpoint: &Endpoint, event: &Event) -> Option<post::Letter> {
    if asked.content == Content::Empty {
        let (method, path) = (Method::POST, endpoint.path.clone());
        return Some(post::Letter { method, path, content_type: None, body: Bytes::new() });
    }
    let Focus::Stored(stored) = &event.focus else { return None };
    let base = endpoint.path.trim_end_matches('/');
    let path = format!("{base}/{}/{}", stored.resource_type, stored.id);
    Some(post::Letter::of(Method::PUT, path, stored.json().to_owned(), asked.as_xml))
}
