//! The entries of a batch or a transaction: what each asks for.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use fhir::base64;
use fhir::resources::{Bundle, BundleEntry, BundleRequest, HttpVerb, IssueType};
use fhir::{Draft, ResourceType};
use medicines::store::{Act, Only, Step, Target};
use serde::Deserialize;

use super::changing::Changing;
use super::interactions::patch::{self, JSON_PATCH};
use super::interactions::update::{chosen, fits};
use super::subscriptions::intake::by_itself;
use super::{Failure, conditions, id, intake, served};
use crate::problem::{Problem, code};

/// The most entries of one batch or transaction.
pub(crate) const MAX_ENTRIES: usize = 5_000;

type Pairs = Vec<(String, String)>;

/// What an entry asks for.
#[derive(Debug)]
pub(crate) enum Asks {
    /// To write.
    Write(Box<Step>),
    /// To change what is there, as it is worked out from it.
    Change(Box<Changing>),
    /// To read.
    Read(Box<Get>),
}

/// A look that an entry asks for.
#[derive(Debug)]
pub(crate) struct Get {
    /// The parts of the address between slashes.
    pub(crate) path: Vec<String>,
    pub(crate) pairs: Pairs,
    pub(crate) headers: HeaderMap,
}

/// Checks that there are not too many entries.
pub(crate) fn count(bundle: &Bundle) -> Result<(), Failure> {
    if bundle.entry.len() <= MAX_ENTRIES {
        return Ok(());
    }
    let detail = format!("A bundle has at most {MAX_ENTRIES} entries.");
    let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code::BODY_TOO_LARGE, detail);
    Err(Failure::new(problem, IssueType::TooCostly).at("Bundle.entry"))
}

/// Reads an entry of a client whose writes are validated, or not. A fault names its place in the
/// bundle.
pub(crate) fn read(
    base: &str,
    validated: bool,
    n: usize,
    entry: &BundleEntry,
) -> Result<Asks, Failure> {
    asks(base, validated, entry).map_err(|failure| failure.within(&format!("Bundle.entry[{n}]")))
}

fn asks(base: &str, validated: bool, entry: &BundleEntry) -> Result<Asks, Failure> {
    let Some(request) = &entry.request else {
        return Err(Failure::invalid("The entry has no request."));
    };
    let Address { path, pairs } = address(base, &request.url)?;
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    if matches!(request.method, HttpVerb::Get | HttpVerb::Head) {
        let headers = headers(request);
        return Ok(Asks::Read(Box::new(Get { path, pairs, headers })));
    }
    let kind = served(parts.first().copied().unwrap_or_default())?;
    if request.method != HttpVerb::Delete {
        by_itself(kind)?;
    }
    let act = match (request.method, &parts[1..]) {
        (HttpVerb::Post, []) => {
            let unless = match &request.if_none_exist {
                Some(search) => Some(conditions::criteria(kind, &conditions::pairs(search)?)?),
                None => None,
            };
            Act::Create { draft: draft(entry, kind)?, unless }
        }
        (HttpVerb::Put, []) => {
            let target = Target::Where(conditions::criteria(kind, &pairs)?);
            Act::Update { target, draft: draft(entry, kind)?, only: only(request)? }
        }
        (HttpVerb::Put, [name]) => {
            let draft = draft(entry, kind)?;
            let target = Target::Id(fits(chosen(name)?, &draft)?);
            Act::Update { target, draft, only: only(request)? }
        }
        (HttpVerb::Patch, rest) => {
            let (target, only) = (target(kind, rest, &pairs)?, only(request)?);
            if let Some(json) = parameters_of(entry) {
                let changing = Changing::path(kind, target, only, patch::path(json)?);
                return Ok(Asks::Change(Box::new(changing)));
            }
            let patch = patch_of(entry)?;
            if validated {
                let changing = Changing::json(kind, target, only, patch);
                return Ok(Asks::Change(Box::new(changing)));
            }
            Act::Patch { target, patch, only }
        }
        (HttpVerb::Delete, rest) => {
            Act::Delete { target: target(kind, rest, &pairs)?, only: only(request)? }
        }
        _ => return Err(no_interaction()),
    };
    Ok(Asks::Write(Box::new(Step { resource_type: kind, act })))
}

/// 400: the method and the address of an entry are no interaction that a bundle can hold.
pub(crate) fn no_interaction() -> Failure {
    let detail = "The method and the address are no interaction that a bundle can hold here.";
    Failure::new(Problem::bad(code::BAD_RESOURCE, detail), IssueType::NotSupported)
}

struct Address {
    path: Vec<String>,
    pairs: Pairs,
}

/// The address of an entry: relative to the endpoint, or the endpoint's own.
fn address(base: &str, url: &str) -> Result<Address, Failure> {
    let own = url.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
    let url = own.unwrap_or(url).trim_start_matches('/');
    let (path, search) = url.split_once('?').unwrap_or((url, ""));
    let pairs = if search.is_empty() { Pairs::new() } else { conditions::pairs(search)? };
    Ok(Address { path: path.split('/').map(str::to_owned).collect(), pairs })
}

fn target(kind: ResourceType, rest: &[&str], pairs: &Pairs) -> Result<Target, Failure> {
    match rest {
        [] => Ok(Target::Where(conditions::criteria(kind, pairs)?)),
        [name] => Ok(Target::Id(id(name)?)),
        _ => Err(no_interaction()),
    }
}

fn only(request: &BundleRequest) -> Result<Only, Failure> {
    match (&request.if_match, request.if_none_match.as_deref()) {
        (Some(tags), _) => conditions::if_match(tags),
        (None, Some("*")) => Ok(Only::Missing),
        (None, _) => Ok(Only::Always),
    }
}

fn draft(entry: &BundleEntry, kind: ResourceType) -> Result<Draft, Failure> {
    match &entry.resource {
        Some(json) => intake::draft(json.get(), kind),
        None => Err(Failure::invalid("The entry has no resource.")),
    }
}

/// A FHIRPath Patch stands in a bundle as the resource itself.
fn parameters_of(entry: &BundleEntry) -> Option<&str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        resource_type: String,
    }
    let json = entry.resource.as_ref()?.get();
    let kind: Kind = serde_json::from_str(json).ok()?;
    (kind.resource_type == "Parameters").then_some(json)
}

/// A JSON Patch stands in a bundle as the data of a Binary (R4 §3.1.0.11.3).
fn patch_of(entry: &BundleEntry) -> Result<fhir::json::Patch, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wrapped {
        resource_type: String,
        content_type: String,
        data: String,
    }
    let wrong = || {
        let detail = "A patch within a bundle is a Parameters with a FHIRPath Patch, or a Binary \
                      that holds a JSON Patch.";
        Failure::invalid(detail)
    };
    let json = entry.resource.as_ref().ok_or_else(wrong)?;
    let wrapped: Wrapped = serde_json::from_str(json.get()).map_err(|_| wrong())?;
    if wrapped.resource_type != "Binary" || wrapped.content_type != JSON_PATCH {
        return Err(wrong());
    }
    let data = base64::decode(&wrapped.data).ok_or_else(wrong)?;
    patch::read(intake::text(&data, intake::MAX_RESOURCE_BYTES)?)
}

/// The conditions of a look as headers.
fn headers(request: &BundleRequest) -> HeaderMap {
    let since = request.if_modified_since.as_ref().and_then(|since| {
        let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
        printer.timestamp_to_rfc9110_string(&since.timestamp()).ok()
    });
    let values = [
        (header::IF_NONE_MATCH, request.if_none_match.clone()),
        (header::IF_MODIFIED_SINCE, since),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in values {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(name, value);
        }
    }
    headers
}
