//! `$lastn`: the last observations of each kind (R4 Observation-operation-lastn).

use axum::extract::{Path, Request, State};
use axum::response::Response;
use fhir::resources::{Bundle, BundleEntry, BundleKind, BundleLink, IssueType};
use fhir::{Id, Instant, ResourceType};
use fhir_search::SearchRequest;

use super::parameters;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::interactions::search::{Asked, address, not_found, warning};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, Handling, acceptable, handling, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;
use record::patient_of;

/// The most observations of one kind that may be asked for.
const MAX_OF_A_KIND: usize = 100;
/// Parameters that tell whom it is about; one of them has to be there.
const SUBJECTS: [&str; 2] = ["patient", "subject"];
/// Parameters that tell what was observed; one of them has to be there.
const KINDS: [&str; 2] = ["category", "code"];
/// Parameters of a search that an answer without pages and of its own order does not have.
const WITHOUT: [&str; 5] = ["_sort", "_count", "_cursor", "_total", "_include"];

/// `GET` and `POST /fhir/Observation/$lastn`.
pub(crate) async fn of_type(
    State(api): State<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    if served(&kind)? != ResourceType::Observation {
        return Err(Problem::not_found("$lastn is an operation of Observation.").into());
    }
    let posted = request.method() == axum::http::Method::POST;
    let (headers, pairs) = parameters::pairs(request).await?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    let (most, search, pairs) = asked(pairs)?;
    if handling(&headers) == Handling::Strict && !search.unknown.is_empty() {
        let problem = Problem::bad(code::BAD_QUERY, unknown_words(&search));
        return Err(Failure::new(problem, IssueType::NotSupported));
    }
    let wanted = search.clone();
    let found = api.query(move |record| record.last_of_each(&wanted, most)).await;
    let found = found.map_err(not_found)?;
    let shown: std::collections::BTreeSet<Id> = found.iter().filter_map(patient_of).collect();
    let seen = Look {
        channel: CHANNEL,
        what: "search",
        resource_type: Some(ResourceType::Observation),
        detail: "Observation/$lastn".to_owned(),
        patients: if shown.is_empty() { search.patients().into_iter().collect() } else { shown },
    };
    look(&api, &caller, seen).await?;
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    bundle.total = u32::try_from(found.len()).ok();
    let asked = Asked { kind: ResourceType::Observation, pairs, posted };
    let own = address(&api.fhir_base, &asked, &search, None);
    let own = match own.split_once('?') {
        Some((_, rest)) if !posted => format!("{}/Observation/$lastn?{rest}", api.fhir_base),
        _ => format!("{}/Observation/$lastn", api.fhir_base),
    };
    bundle.link.push(BundleLink::new("self".to_owned(), own));
    bundle.entry = found
        .iter()
        .map(|it| {
            let url = format!("{}/{}", api.fhir_base, it.reference());
            BundleEntry::matched(url, shape.within(it.to_json()))
        })
        .collect();
    if !search.unknown.is_empty() {
        bundle.entry.push(warning(IssueType::NotSupported, &unknown_words(&search)));
    }
    Ok(Reply::body(shape.bundle(bundle.to_json())).respond(&shape.format_alone()))
}

fn unknown_words(search: &SearchRequest) -> String {
    format!("Observation has no search parameter {}.", search.unknown.join(", "))
}

type Pairs = Vec<(String, String)>;

/// How many of each kind, and which observations.
fn asked(pairs: Pairs) -> Result<(usize, SearchRequest, Pairs), Failure> {
    let mut most = 1;
    let (mut of_search, mut all) = (Vec::new(), Vec::new());
    for (name, value) in pairs {
        all.push((name.clone(), value.clone()));
        let base = name.split([':', '.']).next().unwrap_or_default();
        if name == "max" {
            let read = value.parse().ok().filter(|most| (1..=MAX_OF_A_KIND).contains(most));
            most = read.ok_or_else(|| {
                refused("max", format!("max is a whole number from 1 to {MAX_OF_A_KIND}."))
            })?;
        } else if WITHOUT.contains(&base) || base == "_revinclude" {
            return Err(refused(&name, format!("$lastn has no {base}.")));
        } else {
            of_search.push((name, value));
        }
    }
    let has = |names: [&str; 2]| {
        of_search.iter().any(|(name, value)| {
            !value.is_empty() && names.iter().any(|it| name.split([':', '.']).next() == Some(it))
        })
    };
    if !has(SUBJECTS) {
        let detail = "$lastn needs patient or subject: whose observations are meant.";
        return Err(refused("patient", detail.to_owned()));
    }
    if !has(KINDS) {
        let detail = "$lastn needs category or code: what was observed.";
        return Err(refused("code", detail.to_owned()));
    }
    let search = SearchRequest::parse(ResourceType::Observation, &of_search)?;
    Ok((most, search, all))
}

fn refused(place: &str, detail: String) -> Failure {
    Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::Value).at(place)
}
