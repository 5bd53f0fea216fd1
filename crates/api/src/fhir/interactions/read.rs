//! Reading the current version of a resource (R4 §3.1.0.1).

use std::collections::BTreeSet;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use fhir::{Id, ResourceType, StoredResource};

use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::{CHANNEL, Failure, acceptable, id, no_such_resource, resource, served};
use crate::state::ApiState;

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    acceptable(&headers, format(&uri).as_deref())?;
    let (kind, id) = (served(&kind)?, id(&name)?);
    let wanted = id.clone();
    let found = api.ask(move |record| record.read(kind, &wanted)).await?;
    show(&api, &caller, (kind, &id), found, &headers).await
}

/// The parameter `_format`, where the address has one.
pub(super) fn format(uri: &Uri) -> Option<String> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs.into_iter().find(|(name, _)| name == "_format").map(|(_, value)| value)
}

/// Journals the look, then shows what was found.
pub(super) async fn show(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (ResourceType, &Id),
    found: Option<StoredResource>,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let seen = Look {
        channel: CHANNEL,
        what: "read",
        resource_type: Some(kind),
        detail: format!("{kind}/{id}"),
        patients: found.as_ref().and_then(patient_of).into_iter().collect::<BTreeSet<_>>(),
    };
    look(api, caller, seen).await?;
    let found = found.ok_or_else(no_such_resource)?;
    let tag = format!("W/\"{}\"", found.version);
    let mut response = if is_known(headers, found.version) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        resource(found.json().to_owned())
    };
    let changed = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&found.last_updated)
        .ok();
    let values = [(header::ETAG, Some(tag)), (header::LAST_MODIFIED, changed)];
    for (name, value) in values {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// The patient whom a resource is about.
pub(super) fn patient_of(resource: &StoredResource) -> Option<Id> {
    fhir::search::index(resource).ok()?.patient
}

/// Whether If-None-Match names the version (RFC 9110 §13.1.2; weak comparison).
fn is_known(headers: &HeaderMap, version: u64) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    let version = format!("\"{version}\"");
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == version
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version() {
        let check = |tags: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, tags.parse().unwrap());
            assert_eq!(is_known(&headers, 12), expected, "{tags}");
        };
        check("W/\"12\"", true);
        check("\"12\"", true);
        check("W/\"1\", W/\"12\"", true);
        check("*", true);
        check("W/\"1\"", false);
        check("12", false);
        check("w/\"12\"", false);
        assert!(!is_known(&HeaderMap::new(), 12));
    }
}
