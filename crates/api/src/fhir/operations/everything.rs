//! `$everything`: all that is known of a patient, or of a stay (R4 Patient-operation-everything,
//! Encounter-operation-everything).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use fhir::resources::{
    Bundle, BundleEntry, BundleKind, BundleLink, BundleSearch, IssueType, SearchMode,
};
use fhir::search::{DateRange, index};
use fhir::{DateTime, Id, Instant, ResourceType, StoredResource};
use jiff::Timestamp;
use record::{Compartment, Everything, MAX_EVERYTHING};

use super::parameters;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::interactions::search::{Escaped, not_found, warning};
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{CHANNEL, Failure, acceptable, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Resources on a page where the request does not say.
const DEFAULT_COUNT: usize = 100;
/// The most resources that a page brings along because others refer to them.
const MAX_INCLUDED: usize = 500;
/// The most references of a page that are followed to find these.
const MAX_FOLLOWED: usize = 5_000;

type Pairs = Vec<(String, String)>;

/// What is asked for.
#[derive(Debug, Clone)]
struct Asked {
    /// Patient or Encounter.
    kind: ResourceType,
    id: Id,
    types: Vec<ResourceType>,
    since: Option<Timestamp>,
    after: Option<u64>,
    count: usize,
    /// Only what happened then, as far as a type has a date.
    start: Timestamp,
    end: Timestamp,
}

/// `GET` and `POST /fhir/Patient/{id}/$everything`, `/fhir/Encounter/{id}/$everything`.
pub(crate) async fn of_one(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let (headers, pairs): (HeaderMap, Pairs) = parameters::pairs(request).await?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    let kind = served(&kind)?;
    if !matches!(kind, ResourceType::Patient | ResourceType::Encounter) {
        let detail = "$everything is an operation of Patient and Encounter.";
        return Err(Problem::not_found(detail).into());
    }
    let asked = asked(kind, id(&name)?, &pairs)?;
    let (wanted, about) = (asked.clone(), format!("{kind}/{}/$everything", asked.id));
    let page = api.query(move |record| gather(record, &wanted)).await.map_err(not_found)?;
    let seen = Look {
        channel: CHANNEL,
        what: "everything",
        resource_type: Some(kind),
        detail: about.clone(),
        patients: page.iter().flat_map(|page| page.patients.iter().cloned()).collect(),
    };
    look(&api, &caller, seen).await?;
    let page = page.ok_or_else(no_such_resource)?;
    let address = format!("{}/{about}", api.fhir_base);
    let mut bundle = Bundle::new(BundleKind::Searchset);
    bundle.timestamp = Some(Instant::at(api.engine.clock().now()));
    bundle.link.push(BundleLink::new("self".to_owned(), link(&address, &pairs, None)));
    if let Some(next) = page.next {
        bundle.link.push(BundleLink::new("next".to_owned(), link(&address, &pairs, Some(next))));
    }
    let entry = |stored: &StoredResource, mode| BundleEntry {
        full_url: Some(format!("{}/{}", api.fhir_base, stored.reference())),
        resource: Some(shape.within(stored.to_json())),
        search: Some(BundleSearch::of(mode)),
        ..BundleEntry::default()
    };
    bundle.entry = page.about.iter().map(|stored| entry(stored, SearchMode::Match)).collect();
    bundle.entry.extend(page.others.iter().map(|stored| entry(stored, SearchMode::Include)));
    if page.cut {
        let words = format!(
            "No more than {MAX_INCLUDED} resources come along with a page, and no more than \
             {MAX_FOLLOWED} references are followed to find them."
        );
        bundle.entry.push(warning(IssueType::Incomplete, &words));
    }
    Ok(Reply::body(shape.bundle(bundle.to_json())).respond(&shape.format_alone()))
}

/// One page of what is known.
struct Page {
    /// Whom it is about, and whom each resource on it is about: what belongs to a stay may name
    /// somebody else. Nobody, of a stay that names no patient.
    patients: BTreeSet<Id>,
    about: Vec<StoredResource>,
    /// What these refer to, and is about nobody else.
    others: Vec<StoredResource>,
    /// Whether more would have to come along.
    cut: bool,
    next: Option<u64>,
}

fn gather(record: &record::Reader, asked: &Asked) -> Result<Option<Page>, record::Error> {
    let Some(focus) = record.read(asked.kind, &asked.id)? else { return Ok(None) };
    let patient = index(&focus).ok().and_then(|values| values.patient);
    let (found, next) = match asked.kind {
        ResourceType::Encounter => record.compartment(&Compartment {
            encounter: asked.id.clone(),
            types: asked.types.clone(),
            since: asked.since,
            after: asked.after,
            count: asked.count,
        })?,
        _ => record.everything(&Everything {
            patient: asked.id.clone(),
            types: asked.types.clone(),
            since: asked.since,
            after: asked.after,
            count: asked.count,
        })?,
    };
    let in_time = |stored: &StoredResource| {
        let date = index(stored).ok().and_then(|values| values.date);
        let is_focus = stored.resource_type == asked.kind && stored.id == asked.id;
        is_focus || date.is_none_or(|date| date.upper > asked.start && date.lower < asked.end)
    };
    let about: Vec<StoredResource> = found.into_iter().filter(in_time).collect();
    let (others, cut) = others(record, asked, (&about, patient.as_ref()))?;
    let shown = about.iter().chain(&others);
    let of_shown = shown.filter_map(|stored| index(stored).ok().and_then(|values| values.patient));
    let patients = of_shown.chain(patient.clone()).collect();
    Ok(Some(Page { patients, about, others, cut, next }))
}

/// What a page brings along because its resources refer to it, and whether there would be more.
fn others(
    record: &record::Reader,
    asked: &Asked,
    (about, patient): (&[StoredResource], Option<&Id>),
) -> Result<(Vec<StoredResource>, bool), record::Error> {
    let mut wanted = BTreeSet::new();
    for stored in about {
        references(stored.json(), &mut wanted);
    }
    let is_stay = asked.kind == ResourceType::Encounter;
    let (mut others, mut followed) = (Vec::new(), 0);
    for (kind, id) in wanted {
        let listed = asked.types.is_empty() || asked.types.contains(&kind);
        // What is about this patient has a page of its own where all of the patient is asked for.
        // Beside a stay stands what it refers to of the same patient: the Patient, a Condition.
        if !listed || !is_stay && kind == ResourceType::Patient {
            continue;
        }
        if about.iter().any(|it| it.resource_type == kind && it.id == id) {
            continue;
        }
        if followed == MAX_FOLLOWED {
            return Ok((others, true));
        }
        followed += 1;
        let Some(other) = record.read(kind, &id)? else { continue };
        // What is about another patient is never shown.
        let whose = match index(&other) {
            Ok(values) => values.patient,
            Err(_) => continue,
        };
        if whose.is_none() || is_stay && whose.as_ref() == patient {
            if others.len() == MAX_INCLUDED {
                return Ok((others, true));
            }
            others.push(other);
        }
    }
    Ok((others, false))
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

fn asked(kind: ResourceType, id: Id, pairs: &Pairs) -> Result<Asked, Failure> {
    let (start, end) = (Timestamp::MIN, Timestamp::MAX);
    let (types, since, after, count) = (Vec::new(), None, None, DEFAULT_COUNT);
    let mut asked = Asked { kind, id, types, since, after, count, start, end };
    let date = |name: &str, value: &str| {
        let date = value.parse::<DateTime>();
        date.map(|date| DateRange::from(&date)).map_err(|_| wrong(name, "a date"))
    };
    for (name, value) in pairs {
        match name.as_str() {
            "start" | "end" if kind == ResourceType::Encounter => {
                // Left out, it would find more than was meant.
                let detail = "$everything of an Encounter has no start and no end: a stay is one.";
                let problem = Problem::bad(code::BAD_QUERY, detail);
                return Err(Failure::new(problem, IssueType::NotSupported).at(name.as_str()));
            }
            "start" => asked.start = date(name, value)?.lower,
            "end" => asked.end = date(name, value)?.upper,
            "_since" => asked.since = Some(date(name, value)?.lower),
            "_type" => {
                let types: Result<Vec<ResourceType>, _> =
                    value.split(',').map(str::parse).collect();
                asked.types.extend(types.map_err(|_| wrong(name, "a list of types"))?);
            }
            "_count" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                let count: usize = count.ok_or_else(|| wrong(name, "a number from 1 up"))?;
                asked.count = count.min(MAX_EVERYTHING);
            }
            "_cursor" => {
                let after = value.parse().ok();
                asked.after = Some(after.ok_or_else(|| wrong(name, "one that this server gave"))?);
            }
            _ => {}
        }
    }
    Ok(asked)
}

fn wrong(param: &str, expected: &str) -> Failure {
    let problem = Problem::bad(code::BAD_QUERY, format!("The value of {param} is not {expected}."));
    Failure::new(problem, IssueType::Value).at(param)
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
