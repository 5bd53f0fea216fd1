//! Searching within a type (R4 §3.1.1), by GET and by POST `_search`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Form, FromRequest, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use fhir::json::Json;
use fhir::resources::{
    Bundle, BundleEntry, BundleKind, BundleLink, BundleSearch, IssueType, OperationOutcome,
    SearchMode,
};
use fhir::{Id, Instant, ResourceType};
use fhir_search::SearchRequest;
use record::{MAX_INCLUDED, Page};

use crate::audit::{Look, look};
use crate::body;
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, Handling, acceptable, handling, served};
use crate::problem::{Problem, code};
use crate::state::{ApiState, unreadable};
use record::patient_of;

/// The most bytes that a search keeps of an unknown name.
pub(crate) const MAX_UNKNOWN_NAME_BYTES: usize = 64;

type Pairs = Vec<(String, String)>;

/// A search as it came.
pub(crate) struct Asked {
    pub(crate) kind: ResourceType,
    pub(crate) pairs: Pairs,
    /// By POST the values stay out of every address, also out of the links of the answer.
    pub(crate) posted: bool,
}

pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (kind, pairs) = (served(&kind)?, query(&uri)?);
    answer(&api, &caller, &headers, Asked { kind, pairs, posted: false }).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    asked: Asked,
) -> Result<Response, Failure> {
    let shape = Shape::read(&asked.pairs)?;
    acceptable(headers, shape.format.as_deref())?;
    let found = reply(api, caller, headers, asked, &shape).await?;
    let pretty = found.body.map(|json| shape.bundle(json));
    Ok(Reply { body: pretty, ..Reply::new(StatusCode::OK) }.respond(&shape.format_alone()))
}

pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let kind = served(&kind)?;
    let (parts, body) = request.into_parts();
    let headers = parts.headers.clone();
    let mut pairs = query(&parts.uri)?;
    let bytes = body::bytes(body).await?;
    let form =
        Form::<Pairs>::from_request(Request::from_parts(parts, Body::from(bytes)), &()).await;
    let Form(more) = form.map_err(|_| {
        let detail = "Send the parameters as application/x-www-form-urlencoded.";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::CONTENT_TYPE, detail)
    })?;
    pairs.extend(more);
    answer(&api, &caller, &headers, Asked { kind, pairs, posted: true }).await
}

pub(crate) fn query(uri: &Uri) -> Result<Pairs, Failure> {
    if uri.query().is_none() {
        return Ok(Pairs::new());
    }
    let Query(pairs) = Query::<Pairs>::try_from_uri(uri)
        .map_err(|_| Problem::bad(code::BAD_QUERY, "The query cannot be read."))?;
    Ok(pairs)
}

/// A page of what a search finds, as a bundle.
pub(crate) async fn reply(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    asked: Asked,
    shape: &Shape,
) -> Result<Reply, Failure> {
    let mut search = SearchRequest::parse(asked.kind, &asked.pairs)?;
    if shape.is_count() {
        search.count = 0;
    }
    if handling(headers) == Handling::Strict && !search.unknown.is_empty() {
        let problem = Problem::bad(code::BAD_QUERY, unknown_words(&search));
        return Err(Failure::new(problem, IssueType::NotSupported));
    }
    let page = find(api, &search).await.map_err(not_found)?;
    let seen = Look {
        channel: CHANNEL,
        what: "search",
        resource_type: Some(asked.kind),
        detail: without_values(&asked, &search),
        patients: shown(&search, &page),
    };
    look(api, caller, seen).await?;
    let now = Instant::at(api.engine.clock().now());
    let mut bundle = bundle(&api.fhir_base, &asked, &search, &page, now);
    for entry in &mut bundle.entry {
        entry.resource = entry.resource.take().map(|resource| shape.within(resource));
    }
    Ok(Reply::body(bundle.to_json()))
}

/// A page of what there is.
async fn find(api: &ApiState, search: &SearchRequest) -> Result<Page, record::Error> {
    // What one patient has is little, as a rule.
    if !search.patients().is_empty() {
        let brief = api.at_once(|record| record.search_briefly(search));
        if let Some(Some(page)) = brief.transpose()? {
            return Ok(page);
        }
    }
    let wanted = search.clone();
    api.query(move |record| record.search(&wanted)).await
}

/// What of the record's errors is the caller's.
pub(crate) fn not_found(error: record::Error) -> Failure {
    match error {
        record::Error::Cursor => {
            let detail = "_cursor is not one that this server gave to this search.";
            Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::Value)
        }
        record::Error::TooCostly { road } => {
            let detail = format!("The search is too costly; {road}.");
            Failure::new(Problem::bad(code::TOO_WIDE, detail), IssueType::TooCostly)
        }
        record::Error::ValueSet => {
            let detail = "A ValueSet of the search is not here, or its codes are not listed in it.";
            Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::NotSupported)
        }
        error => unreadable(&error).into(),
    }
}

/// The patients whose data the page shows; one that shows nothing tells of those asked for that
/// there is nothing.
fn shown(search: &SearchRequest, page: &Page) -> BTreeSet<Id> {
    let all = page.resources.iter().chain(&page.included);
    let shown: BTreeSet<Id> = all.filter_map(patient_of).collect();
    if !shown.is_empty() {
        return shown;
    }
    search.patients().into_iter().collect()
}

/// The search with the names of its parameters and none of their values.
fn without_values(asked: &Asked, search: &SearchRequest) -> String {
    let known = asked.pairs.iter().map(|(name, _)| name.as_str());
    let names: BTreeSet<&str> = known.filter(|name| is_known(search, name)).collect();
    let names: Vec<&str> = names.into_iter().collect();
    format!("{}?{}", asked.kind, names.join("&"))
}

/// Names that are not parameters could be any text, patient data among it. The search keeps of
/// an unknown name no more than its beginning.
fn is_known(search: &SearchRequest, name: &str) -> bool {
    let beginning = &name[..name.floor_char_boundary(MAX_UNKNOWN_NAME_BYTES)];
    !search.unknown.iter().any(|unknown| unknown == name || unknown == beginning)
}

fn unknown_words(search: &SearchRequest) -> String {
    let names = search.unknown.join(", ");
    format!("{} has no search parameter {names}.", search.resource_type)
}

fn bundle(base: &str, asked: &Asked, search: &SearchRequest, page: &Page, now: Instant) -> Bundle {
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.timestamp = Some(now);
    bundle.total = page.total.and_then(|total| u32::try_from(total).ok());
    bundle.link.push(BundleLink::new("self".to_owned(), address(base, asked, search, None)));
    if let Some(cursor) = &page.next {
        let next = address(base, asked, search, Some(cursor));
        bundle.link.push(BundleLink::new("next".to_owned(), next));
    }
    bundle.entry = page
        .resources
        .iter()
        .map(|it| BundleEntry::matched(format!("{base}/{}", it.reference()), it.to_json()))
        .collect();
    bundle.entry.extend(page.included.iter().map(|it| {
        let entry = BundleEntry::matched(format!("{base}/{}", it.reference()), it.to_json());
        let search = Some(BundleSearch::of(SearchMode::Include));
        BundleEntry { search, ..entry }
    }));
    if page.cut {
        let words = format!("No more than {MAX_INCLUDED} resources come along with a page.");
        bundle.entry.push(warning(IssueType::Incomplete, &words));
    }
    if !search.unknown.is_empty() {
        bundle.entry.push(warning(IssueType::NotSupported, &unknown_words(search)));
    }
    bundle
}

/// An entry that says what was left out of the search (R4 §3.1.1.5.1).
pub(crate) fn warning(issue: IssueType, words: &str) -> BundleEntry {
    let outcome = OperationOutcome::warning(issue, words).to_json();
    BundleEntry {
        resource: Json::parse(outcome).ok(),
        search: Some(BundleSearch::of(SearchMode::Outcome)),
        ..BundleEntry::default()
    }
}

/// The address of a page: the parameters that were understood, as they were asked. For a search
/// by POST it holds the form of the page alone; the same body is posted to it again.
pub(crate) fn address(
    base: &str,
    asked: &Asked,
    search: &SearchRequest,
    cursor: Option<&str>,
) -> String {
    let mut address = format!("{base}/{}", asked.kind);
    if asked.posted {
        address.push_str("/_search");
    }
    let mut separator = '?';
    let mut add = |name: &str, value: &str| {
        let _ = write!(address, "{separator}{}={}", Escaped(name), Escaped(value));
        separator = '&';
    };
    let is_here = |name: &str| !asked.posted && is_known(search, name);
    for (name, value) in asked.pairs.iter().filter(|(name, _)| is_here(name)) {
        if name != "_cursor" || cursor.is_none() {
            add(name, value);
        }
    }
    if let Some(cursor) = cursor {
        add("_cursor", cursor);
    }
    address
}

/// A text as a part of a query (RFC 3986 §2.3: everything but unreserved characters is escaped;
/// those that FHIR uses within values may stand as they are in a query).
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.bytes().try_for_each(|byte| match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b':'
            | b',' => f.write_char(char::from(byte)),
            _ => write!(f, "%{byte:02X}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str, posted: bool) -> (Asked, SearchRequest) {
        let kind = ResourceType::MedicationRequest;
        let pairs = super::query(&format!("/?{query}").parse().unwrap()).unwrap();
        let search = SearchRequest::parse(kind, &pairs).unwrap();
        (Asked { kind, pairs, posted }, search)
    }

    #[track_caller]
    fn check(query: &str, posted: bool, cursor: Option<&str>, expected: &str) {
        let (asked, search) = asked(query, posted);
        assert_eq!(address("b", &asked, &search, cursor), expected, "{query}");
    }

    #[test]
    fn links_hold_what_was_asked_and_understood() {
        let query = "patient=Patient/a,b&identifier=http%3A%2F%2Fx%7C1%202&colour=red&_cursor=old";
        let known = "b/MedicationRequest?patient=Patient/a,b&identifier=http://x%7C1%202";
        check(query, false, None, &format!("{known}&_cursor=old"));
        check(query, false, Some("a+b="), &format!("{known}&_cursor=a%2Bb%3D"));
        check("", false, None, "b/MedicationRequest");
        check(query, true, None, "b/MedicationRequest/_search");
        check(query, true, Some("c"), "b/MedicationRequest/_search?_cursor=c");
    }

    #[test]
    fn unknown_names_leave_the_known_ones_alone() {
        let known = "b/MedicationRequest?patient=a";
        check("patient=a&=x", false, None, known);
        check("patient=a&p=x&patien=x&patientt=x", false, None, known);
        check(&format!("patient=a&{}=x", "é".repeat(99)), false, None, known);
    }

    #[test]
    fn the_journal_gets_names_and_no_values() {
        let (asked, search) = asked("patient=a&status=active&status=stopped&9990000018=x", false);
        assert_eq!(without_values(&asked, &search), "MedicationRequest?patient&status");
    }

    #[test]
    fn what_costs_too_much_says_what_to_narrow() {
        let refused = not_found(record::Error::TooCostly { road: record::Road::Has });
        let words = format!("{refused:?}");
        assert!(words.contains("TooCostly") && words.contains("_has"), "{words}");
    }

    #[test]
    fn a_value_is_read_back_as_it_was_written() {
        for value in ["a b", "ä|ö&x=y#z?", "100%", "ge2026-01-01T00:00:00+01:00", "\\,"] {
            let uri: Uri = format!("/?a={}", Escaped(value)).parse().unwrap();
            assert_eq!(query(&uri).unwrap(), [("a".to_owned(), value.to_owned())]);
        }
    }
}
