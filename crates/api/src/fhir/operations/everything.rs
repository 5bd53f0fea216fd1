//! `$everything`: all that is known of a patient (R4 Patient-operation-everything).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use fhir::resources::{Bundle, BundleEntry, BundleKind, BundleLink, BundleSearch, SearchMode};
use fhir::search::{DateRange, index};
use fhir::{DateTime, Id, Instant, ResourceType, StoredResource};
use jiff::Timestamp;
use record::{Everything, MAX_EVERYTHING};

use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::interactions::search::{Escaped, query};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Resources on a page where the request does not say.
const DEFAULT_COUNT: usize = 100;
/// The most resources that a page brings along because others refer to them.
const MAX_INCLUDED: usize = 500;

type Pairs = Vec<(String, String)>;

/// What is asked for.
#[derive(Debug, Clone)]
struct Asked {
    search: Everything,
    /// Only what happened then, as far as a type has a date.
    start: Timestamp,
    end: Timestamp,
}

/// `GET /fhir/Patient/{id}/$everything`.
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let pairs = query(&uri)?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    if served(&kind)? != ResourceType::Patient {
        return Err(Problem::not_found("$everything is an operation of Patient.").into());
    }
    let patient = id(&name)?;
    let asked = asked(&patient, &pairs)?;
    let page = api.ask(move |record| gather(record, &asked)).await?;
    let seen = Look {
        channel: CHANNEL,
        what: "everything",
        resource_type: Some(ResourceType::Patient),
        detail: format!("Patient/{patient}/$everything"),
        patients: page.is_some().then(|| patient.clone()).into_iter().collect(),
    };
    look(&api, &caller, seen).await?;
    let page = page.ok_or_else(no_such_resource)?;
    let address = format!("{}/Patient/{patient}/$everything", api.fhir_base);
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    bundle.link.push(BundleLink::new("self".to_owned(), link(&address, &pairs, None)));
    if let Some(next) = page.next {
        bundle.link.push(BundleLink::new("next".to_owned(), link(&address, &pairs, Some(next))));
    }
    let entry = |stored: &StoredResource, mode| BundleEntry {
        full_url: Some(format!("{}/{}", api.fhir_base, stored.reference())),
        resource: Some(shape.within(stored.to_json())),
        search: Some(BundleSearch { mode: Some(mode), score: None }),
        ..BundleEntry::default()
    };
    bundle.entry = page.about.iter().map(|stored| entry(stored, SearchMode::Match)).collect();
    bundle.entry.extend(page.others.iter().map(|stored| entry(stored, SearchMode::Include)));
    Ok(Reply::body(shape.bundle(bundle.to_json())).respond(&Shape::default()))
}

/// One page of what is known.
struct Page {
    about: Vec<StoredResource>,
    /// What these refer to and is about nobody.
    others: Vec<StoredResource>,
    next: Option<u64>,
}

fn gather(record: &record::Reader, asked: &Asked) -> Result<Option<Page>, record::Error> {
    let patient = &asked.search.patient;
    if record.read(ResourceType::Patient, patient)?.is_none() {
        return Ok(None);
    }
    let (found, next) = record.everything(&asked.search)?;
    let in_time = |stored: &StoredResource| {
        let date = index(stored).ok().and_then(|values| values.date);
        let is_patient = stored.resource_type == ResourceType::Patient;
        is_patient || date.is_none_or(|date| date.upper > asked.start && date.lower < asked.end)
    };
    let about: Vec<StoredResource> = found.into_iter().filter(in_time).collect();
    let mut wanted = BTreeSet::new();
    for stored in &about {
        references(stored.json(), &mut wanted);
    }
    let mut others = Vec::new();
    for (kind, id) in wanted.into_iter().take(MAX_INCLUDED) {
        let listed = asked.search.types.is_empty() || asked.search.types.contains(&kind);
        if !listed || kind == ResourceType::Patient {
            continue;
        }
        // What is about this patient has a page of its own; what is about another is not shown.
        let other = record.read(kind, &id)?;
        others.extend(other.filter(|it| index(it).is_ok_and(|values| values.patient.is_none())));
    }
    Ok(Some(Page { about, others, next }))
}

/// The resources of this server to which a resource refers.
fn references(json: &str, found: &mut BTreeSet<(ResourceType, Id)>) {
    const MEMBER: &str = "\"reference\":\"";
    let mut rest = json;
    while let Some(at) = rest.find(MEMBER) {
        rest = &rest[at + MEMBER.len()..];
        let Some(address) = rest.split('"').next() else { return };
        let mut parts = address.split('/');
        if let (Some(kind), Some(id)) = (parts.next(), parts.next())
            && let (Ok(kind), Ok(id)) = (kind.parse(), Id::new(id))
        {
            found.insert((kind, id));
        }
    }
}

fn asked(patient: &Id, pairs: &Pairs) -> Result<Asked, Failure> {
    let mut asked = Asked {
        search: Everything {
            patient: patient.clone(),
            types: Vec::new(),
            since: None,
            after: None,
            count: DEFAULT_COUNT,
        },
        start: Timestamp::MIN,
        end: Timestamp::MAX,
    };
    let date = |name: &str, value: &str| {
        let date = value.parse::<DateTime>();
        date.map(|date| DateRange::from(&date)).map_err(|_| wrong(name, "a date"))
    };
    for (name, value) in pairs {
        match name.as_str() {
            "start" => asked.start = date(name, value)?.lower,
            "end" => asked.end = date(name, value)?.upper,
            "_since" => asked.search.since = Some(date(name, value)?.lower),
            "_type" => {
                let types: Result<Vec<_>, _> = value.split(',').map(str::parse).collect();
                asked.search.types = types.map_err(|_| wrong(name, "a list of types"))?;
            }
            "_count" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                let count: usize = count.ok_or_else(|| wrong(name, "a number from 1 up"))?;
                asked.search.count = count.min(MAX_EVERYTHING);
            }
            "_cursor" => {
                let after = value.parse().ok();
                asked.search.after =
                    Some(after.ok_or_else(|| wrong(name, "one that this server gave"))?);
            }
            _ => {}
        }
    }
    Ok(asked)
}

fn wrong(param: &str, expected: &str) -> Failure {
    Problem::bad(code::BAD_QUERY, format!("The value of {param} is not {expected}.")).into()
}

fn link(address: &str, pairs: &Pairs, after: Option<u64>) -> String {
    let mut link = address.to_owned();
    let mut separator = '?';
    let mut add = |name: &str, value: &str| {
        let _ = write!(link, "{separator}{}={}", Escaped(name), Escaped(value));
        separator = '&';
    };
    let known = [
        "start",
        "end",
        "_since",
        "_type",
        "_count",
        "_format",
        "_pretty",
        "_summary",
        "_elements",
    ];
    let is_here = |name: &str| known.contains(&name) || name == "_cursor" && after.is_none();
    for (name, value) in pairs.iter().filter(|(name, _)| is_here(name)) {
        add(name, value);
    }
    if let Some(after) = after {
        add("_cursor", &after.to_string());
    }
    link
}
