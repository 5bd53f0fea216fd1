//! The versions of one resource, of a type, or of all, newest first (R4 §3.1.0.9).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::resources::{
    Bundle, BundleEntry, BundleKind, BundleLink, BundleRequest, BundleResponse, HttpVerb,
};
use fhir::search::DateRange;
use fhir::{DateTime, Id, Instant, ResourceType};
use record::{History, HistorySearch, MAX_HISTORY, Place, Revision};

use super::search::{Escaped, query};
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;
use record::patient_of;

/// Versions on a page where the request does not say.
const DEFAULT_COUNT: usize = 50;

/// `GET /fhir/{type}/{id}/_history`.
pub(crate) async fn of_one(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (kind, id) = (served(&kind)?, id(&name)?);
    answer(&api, &caller, (Some(kind), Some(id)), &uri, &headers).await
}

/// `GET /fhir/{type}/_history`.
pub(crate) async fn of_type(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    answer(&api, &caller, (Some(kind), None), &uri, &headers).await
}

/// `GET /fhir/_history`.
pub(crate) async fn of_all(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    answer(&api, &caller, (None, None), &uri, &headers).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    of: (Option<ResourceType>, Option<Id>),
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let pairs = query(uri)?;
    let shape = Shape::read(&pairs)?;
    acceptable(headers, shape.format.as_deref())?;
    let found = reply(api, caller, of, &pairs, &shape).await?;
    let body = found.body.map(|json| shape.bundle(json));
    Ok(Reply { body, ..found }.respond(&Shape::default()))
}

/// A page of a history, as a bundle.
pub(crate) async fn reply(
    api: &ApiState,
    caller: &Caller,
    (kind, id): (Option<ResourceType>, Option<Id>),
    pairs: &[(String, String)],
    shape: &Shape,
) -> Result<Reply, Failure> {
    let mut search = asked(pairs)?;
    (search.resource_type, search.id) = (kind, id.clone());
    let path = path(kind, id.as_ref());
    let page = api.ask(move |record| record.history(&search)).await?;
    let patient = |revision: &Revision| match revision {
        Revision::Stored(stored) => patient_of(stored),
        Revision::Deleted(deleted) => deleted.patient.clone(),
    };
    let seen = Look {
        channel: CHANNEL,
        what: "history",
        resource_type: kind,
        detail: path.clone(),
        patients: page.revisions.iter().filter_map(patient).collect::<BTreeSet<_>>(),
    };
    look(api, caller, seen).await?;
    if id.is_some() && page.total == Some(0) {
        return Err(no_such_resource());
    }
    let base = format!("{}/{path}", api.fhir_base);
    let mut bundle = Bundle::new(BundleKind::History);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    bundle.total = page.total.and_then(|total| u32::try_from(total).ok());
    links(&mut bundle, &base, pairs, &page);
    let entry = |revision| entry(&api.fhir_base, revision, shape);
    bundle.entry = page.revisions.iter().map(entry).collect();
    Ok(Reply::body(bundle.to_json()))
}

fn path(kind: Option<ResourceType>, id: Option<&Id>) -> String {
    match (kind, id) {
        (Some(kind), Some(id)) => format!("{kind}/{id}/_history"),
        (Some(kind), None) => format!("{kind}/_history"),
        _ => "_history".to_owned(),
    }
}

/// What the parameters ask for.
fn asked(pairs: &[(String, String)]) -> Result<HistorySearch, Failure> {
    let mut search = HistorySearch { count: DEFAULT_COUNT, ..HistorySearch::default() };
    for (name, value) in pairs {
        match name.as_str() {
            "_count" => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let count = if digits { value.parse().unwrap_or(MAX_HISTORY) } else { 0 };
                if count == 0 {
                    return Err(wrong("_count", "a whole number from 1 up"));
                }
                search.count = count.min(MAX_HISTORY);
            }
            "_since" => {
                let since = value.parse::<Instant>().map(|since| since.timestamp()).ok();
                let since = since.or_else(|| Some(value.parse::<DateTime>().ok()?.lower()));
                search.since = Some(since.ok_or_else(|| wrong("_since", "an instant"))?);
            }
            "_at" => {
                let at = value.parse::<DateTime>();
                let at = at.map_err(|_| wrong("_at", "a date or a date and time"))?;
                let DateRange { lower, upper } = DateRange::from(&at);
                search.at = Some((lower, upper));
            }
            "_cursor" => search.before = Some(place(value)?),
            _ => {}
        }
    }
    Ok(search)
}

fn wrong(param: &str, expected: &str) -> Failure {
    Problem::bad(code::BAD_QUERY, format!("The value of {param} is not {expected}.")).into()
}

/// A cursor is the place of the last version of a page: `1042.3`.
fn place(cursor: &str) -> Result<Place, Failure> {
    let place = cursor.split_once('.').and_then(|(seq, ordinal)| {
        Some(Place { seq: seq.parse().ok()?, ordinal: ordinal.parse().ok()? })
    });
    place.ok_or_else(|| wrong("_cursor", "one that this server gave"))
}

fn links(bundle: &mut Bundle, base: &str, pairs: &[(String, String)], page: &History) {
    let address = |cursor: Option<Place>| {
        let mut address = base.to_owned();
        let mut separator = '?';
        let mut add = |name: &str, value: &str| {
            let _ = write!(address, "{separator}{}={}", Escaped(name), Escaped(value));
            separator = '&';
        };
        let known = ["_count", "_since", "_at", "_format", "_pretty", "_summary", "_elements"];
        let is_here = |name: &str| known.contains(&name) || name == "_cursor" && cursor.is_none();
        for (name, value) in pairs.iter().filter(|(name, _)| is_here(name)) {
            add(name, value);
        }
        if let Some(Place { seq, ordinal }) = cursor {
            add("_cursor", &format!("{seq}.{ordinal}"));
        }
        address
    };
    bundle.link.push(BundleLink::new("self".to_owned(), address(None)));
    if page.next.is_some() {
        bundle.link.push(BundleLink::new("next".to_owned(), address(page.next)));
    }
}

/// A version as an entry: what was asked then, and what was answered.
fn entry(base: &str, revision: &Revision, shape: &Shape) -> BundleEntry {
    let (kind, id, version) = revision.is();
    let reference = format!("{kind}/{id}");
    let (method, url, status) = match revision {
        Revision::Deleted(_) => (HttpVerb::Delete, reference.clone(), "204 No Content"),
        Revision::Stored(_) if version == 1 => (HttpVerb::Post, kind.to_string(), "201 Created"),
        Revision::Stored(_) => (HttpVerb::Put, reference.clone(), "200 OK"),
    };
    let mut response = BundleResponse::new(status.to_owned());
    response.etag = Some(format!("W/\"{version}\""));
    response.last_modified = Some(Instant::at(revision.at()));
    let resource = match revision {
        Revision::Stored(stored) => Some(shape.within(stored.to_json())),
        Revision::Deleted(_) => None,
    };
    BundleEntry {
        full_url: Some(format!("{base}/{reference}")),
        resource,
        request: Some(BundleRequest::new(method, url)),
        response: Some(response),
        ..BundleEntry::default()
    }
}
