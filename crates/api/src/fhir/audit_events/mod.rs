//! Who looked at patient data, and who was refused, as AuditEvents that can only be read.
//!
//! They are made of the looks in the record when somebody asks; none is stored. Whoever asks for
//! them is journalled like anybody who looks, once for each patient whose looks are shown.

mod asked;
mod event;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Form, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use fhir::resources::{Bundle, BundleEntry, BundleKind, BundleLink, IssueType};
use fhir::{Id, Instant, ResourceType, StoredResource};
use record::{AccessPage, AccessPlace, MAX_SAME_PERSON, Reader};

use self::asked::Asked;
use super::interactions::search::{Escaped, not_found, query, warning};
use super::reply::Reply;
use super::shape::Shape;
use super::{CHANNEL, Failure, Handling, acceptable, handling, no_such_resource};
use crate::audit::{Look, look};
use crate::body;
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::{ApiState, unreadable};

const KIND: ResourceType = ResourceType::AuditEvent;

/// What is found, and the patients who were asked for.
struct Found {
    page: AccessPage,
    events: Vec<StoredResource>,
    patients: BTreeSet<Id>,
}

/// `GET /fhir/AuditEvent/{id}`.
pub(crate) async fn read(
    State(api): State<ApiState>,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let shape = Shape::read(&query(&uri)?)?;
    acceptable(&headers, shape.format.as_deref())?;
    let n = event::number(&name).ok_or_else(no_such_resource)?;
    let found = api
        .query_looks(move |record| {
            let Some(view) = record.access(n)? else { return Ok(None) };
            let event = event::written(&view, &record.site()?);
            Ok(Some((event, view.access.patient)))
        })
        .await
        .map_err(|error| unreadable(&error))?;
    let patients = found.iter().filter_map(|(_, patient)| patient.clone()).collect();
    journal(&api, &caller, "read", format!("{KIND}/{}", event::id(n)), patients).await?;
    let (event, _) = found.ok_or_else(no_such_resource)?;
    Ok(Reply::of(&event).respond(&shape))
}

/// `GET /fhir/AuditEvent`.
pub(crate) async fn search(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    answer(&api, &caller, &headers, query(&uri)?, false).await
}

/// `POST /fhir/AuditEvent/_search`: the values stay out of every address.
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let mut pairs = query(&parts.uri)?;
    let bytes = body::bytes(body).await?;
    let form = Form::<Vec<(String, String)>>::from_request(
        Request::from_parts(parts, Body::from(bytes)),
        &(),
    );
    let Form(more) = form.await.map_err(|_| {
        let detail = "Send the parameters as application/x-www-form-urlencoded.";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::CONTENT_TYPE, detail)
    })?;
    pairs.extend(more);
    answer(&api, &caller, &headers, pairs, true).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    pairs: Vec<(String, String)>,
    posted: bool,
) -> Result<Response, Failure> {
    let shape = Shape::read(&pairs)?;
    acceptable(headers, shape.format.as_deref())?;
    if shape.is_count() {
        return Err(asked::unsupported("_summary=count: how many there are is not counted."));
    }
    let asked = Asked::read(&pairs, &api.fhir_base)?;
    if handling(headers) == Handling::Strict && !asked.unknown().is_empty() {
        return Err(asked::unsupported(&asked.unknown_words()));
    }
    let names = asked.names(&pairs);
    let (found, asked) = api
        .query_looks(move |record| Ok((find(record, &asked)?, asked)))
        .await
        .map_err(not_found)?;
    let found = found.ok_or_else(|| asked::unsupported(asked::TOO_MANY))?;
    let shown: BTreeSet<Id> =
        found.page.accesses.iter().filter_map(|view| view.access.patient.clone()).collect();
    // A page that shows nothing tells of those asked for that there is nothing.
    let patients = if shown.is_empty() { found.patients.clone() } else { shown };
    journal(api, caller, "search", format!("{KIND}?{}", names.join("&")), patients).await?;
    let links = Links { base: &api.fhir_base, pairs: &pairs, names: &names, posted };
    let mut bundle = links.bundle(&found, &shape);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    if !asked.unknown().is_empty() {
        bundle.entry.push(warning(IssueType::NotSupported, &asked.unknown_words()));
    }
    let body = shape.bundle(bundle.to_json());
    Ok(Reply::body(body).respond(&shape.format_alone()))
}

/// A page of what is asked for; none where too many patients are named.
fn find(record: &Reader, asked: &Asked) -> Result<Option<Found>, record::Error> {
    let site = record.site()?;
    let patients = asked.patients(record)?;
    if patients.as_ref().is_some_and(|all| all.len() > MAX_SAME_PERSON) {
        return Ok(None);
    }
    let search = asked.search(patients.clone());
    let page = record.accesses_of(&search, |view| asked.is_met(|| event::written(view, &site)))?;
    let events = page.accesses.iter().map(|view| event::written(view, &site)).collect();
    let patients = patients.into_iter().flatten().collect();
    Ok(Some(Found { page, events, patients }))
}

/// Who asks who looked has looked.
async fn journal(
    api: &ApiState,
    caller: &Caller,
    what: &'static str,
    detail: String,
    patients: BTreeSet<Id>,
) -> Result<(), Failure> {
    let seen = Look { channel: CHANNEL, what, resource_type: Some(KIND), detail, patients };
    Ok(look(api, caller, seen).await?)
}

/// What the addresses of the pages are made of.
struct Links<'a> {
    base: &'a str,
    pairs: &'a [(String, String)],
    /// The names of the parameters that were understood.
    names: &'a [&'a str],
    posted: bool,
}

impl Links<'_> {
    fn bundle(&self, found: &Found, shape: &Shape) -> Bundle {
        let mut bundle = Bundle::new(BundleKind::Searchset);
        bundle.link.push(BundleLink::new("self".to_owned(), self.address(None)));
        if let Some(next) = found.page.next {
            bundle.link.push(BundleLink::new("next".to_owned(), self.address(Some(next))));
        }
        let entry = |event: &StoredResource| {
            let resource = shape.within(event.to_json());
            BundleEntry::matched(format!("{}/{}", self.base, event.reference()), resource)
        };
        bundle.entry = found.events.iter().map(entry).collect();
        bundle
    }

    /// The address of a page: the parameters that were understood, as they were asked. For a
    /// search by POST it holds the place of the page alone; the same body is posted to it again.
    fn address(&self, next: Option<AccessPlace>) -> String {
        let mut address = format!("{}/{KIND}", self.base);
        if self.posted {
            address.push_str("/_search");
        }
        let mut separator = '?';
        let mut add = |name: &str, value: &str| {
            let _ = write!(address, "{separator}{}={}", Escaped(name), Escaped(value));
            separator = '&';
        };
        for (name, value) in self.pairs {
            let is_here = !self.posted && self.names.contains(&name.as_str());
            if is_here && (name != "_cursor" || next.is_none()) {
                add(name, value);
            }
        }
        if let Some(next) = next {
            add("_cursor", &asked::cursor(next));
        }
        address
    }
}
