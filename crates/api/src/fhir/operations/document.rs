//! `$document`: a Composition and all that it is made of, as one document (R4
//! Composition-operation-document, R4 §3.3).

use std::collections::{BTreeSet, VecDeque};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use fhir::json::{Node, Tree};
use fhir::resources::{Bundle, BundleEntry, BundleKind, IssueType};
use fhir::types::Identifier;
use fhir::{Draft, Id, Instant, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::store::{Act, Step};
use sha2::{Digest, Sha256};

use super::parameters;
use crate::audit::{Look, look};
use crate::client::Role;
use crate::door::Caller;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::writing::{location, submit, write_of};
use crate::fhir::{CHANNEL, Failure, acceptable, id, no_such_resource, served};
use crate::problem::{Problem, code};
use crate::state::ApiState;
use crate::submit::optional_key;
use record::patient_of;

/// The most resources of a document.
const MAX_RESOURCES: usize = 1_000;
/// The most bytes of its resources.
const MAX_BYTES: usize = 16 << 20;
/// The deepest that elements are looked for references in.
const MAX_DEPTH: usize = 64;
/// The system of identifiers that are URIs (R4 §2.24.0.5).
const URIS: &str = "urn:ietf:rfc:3986";

/// `GET` and `POST /fhir/Composition/{id}/$document`.
pub(crate) async fn of_one(
    State(api): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    if served(&kind)? != ResourceType::Composition {
        return Err(Problem::not_found("$document is an operation of Composition.").into());
    }
    let composition = id(&name)?;
    let (headers, pairs) = parameters::pairs(request).await?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    let persists = persists(&pairs)?;
    if persists && !caller.has(Role::FhirWrite) {
        let detail = "To store the document, a client needs the role fhir-write.";
        return Err(Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail).into());
    }
    let (base, wanted) = (api.fhir_base.clone(), composition.clone());
    let gathered = api.ask(move |record| Ok(gather(record, &base, &wanted))).await?;
    let gathered = gathered.map_err(|wrong| match wrong {
        Wrong::Record(error) => crate::state::unreadable(&error).into(),
        Wrong::Refused(failure) => *failure,
    })?;
    let about = format!("Composition/{composition}/$document");
    let parts = gathered.as_deref().unwrap_or_default();
    let seen = Look {
        channel: CHANNEL,
        what: "read",
        resource_type: Some(ResourceType::Composition),
        detail: about.clone(),
        patients: parts.iter().filter_map(patient_of).collect(),
    };
    look(&api, &caller, seen).await?;
    let parts = gathered.ok_or_else(no_such_resource)?;
    let document = document(&api.fhir_base, &parts, api.engine.clock().now());
    let mut reply = Reply::body(document.clone());
    if persists {
        reply = store(&api, &caller, &headers, &about, document).await?;
    }
    reply.body = reply.body.map(|json| shape.bundle(json));
    Ok(reply.respond(&shape.format_alone()))
}

fn persists(pairs: &[(String, String)]) -> Result<bool, Failure> {
    match pairs.iter().rfind(|(name, _)| name == "persist").map(|(_, value)| value.as_str()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let problem = Problem::bad(code::BAD_VALUE, "persist is true or false.");
            Err(Failure::new(problem, IssueType::Value).at("persist"))
        }
    }
}

/// Stores the document as a Bundle, by the decision that any other write takes.
async fn store(
    api: &ApiState,
    caller: &Caller,
    headers: &HeaderMap,
    about: &str,
    document: String,
) -> Result<Reply, Failure> {
    let key = optional_key(headers)?;
    let draft = Draft::read(&document)?;
    let kind = ResourceType::Bundle;
    let step =
        Step { resource_type: kind, act: Act::Create { draft: draft.clone(), unless: None } };
    let write = write_of(caller, vec![step], Vec::new());
    let (receipt, done) = submit(api, caller, key, about, write, document.into()).await?;
    let done = done.first().ok_or_else(Problem::internal)?;
    let stored = draft.store(done.id.clone(), done.version, receipt.at, &[]);
    Ok(Reply {
        version: Some(done.version),
        changed: Some(receipt.at),
        location: Some(location(api, done)),
        is_repeat: receipt.duplicate,
        ..Reply::body(stored.json().to_owned())
    })
}

/// Why a document cannot be put together.
enum Wrong {
    Record(record::Error),
    Refused(Box<Failure>),
}

impl From<record::Error> for Wrong {
    fn from(error: record::Error) -> Self {
        Wrong::Record(error)
    }
}

/// The Composition, and after it all that it refers to, directly or over others, each once; none
/// where there is no such Composition.
///
/// What the Composition itself names has to be here. What is about another patient comes along
/// only where the Composition itself names it.
fn gather(
    record: &record::Reader,
    base: &str,
    id: &Id,
) -> Result<Option<Vec<StoredResource>>, Wrong> {
    let Some(composition) = record.read(ResourceType::Composition, id)? else { return Ok(None) };
    let patient = patient_of(&composition);
    let mut known = BTreeSet::from([(ResourceType::Composition, id.clone())]);
    let mut bytes = composition.json().len();
    let mut parts = vec![composition];
    let mut waiting: VecDeque<(Link, bool)> =
        links(&parts[0], base).into_iter().map(|link| (link, true)).collect();
    while let Some((link, named)) = waiting.pop_front() {
        if !known.insert((link.kind, link.id.clone())) {
            continue;
        }
        let Some(found) = record.read(link.kind, &link.id)? else {
            if named {
                return Err(Wrong::Refused(Box::new(missing(&link))));
            }
            continue;
        };
        let others = patient_of(&found).filter(|whose| patient.as_ref() != Some(whose));
        if others.is_some() && !named {
            continue;
        }
        bytes += found.json().len();
        if parts.len() == MAX_RESOURCES || bytes > MAX_BYTES {
            let detail = format!(
                "The document would have more than {MAX_RESOURCES} resources or {} MiB.",
                MAX_BYTES >> 20
            );
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::TOO_COSTLY, detail);
            let failure = Failure::new(problem, IssueType::TooCostly).at("Composition");
            return Err(Wrong::Refused(Box::new(failure)));
        }
        // Of somebody else nothing but what is named.
        if others.is_none() {
            waiting.extend(links(&found, base).into_iter().map(|link| (link, false)));
        }
        parts.push(found);
    }
    Ok(Some(parts))
}

fn missing(link: &Link) -> Failure {
    let detail = "The Composition refers to a resource that is not here, or was deleted: a \
                  document holds all that it refers to.";
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code::BAD_RESOURCE, detail);
    Failure::new(problem, IssueType::NotFound).at(link.place.as_str())
}

/// A reference to a resource of this server, and where it stands.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    kind: ResourceType,
    id: Id,
    place: String,
}

/// The references of a resource, in the order of its text. Documents that a Composition is related
/// to are no part of it.
fn links(resource: &StoredResource, base: &str) -> Vec<Link> {
    let mut all = Vec::new();
    let Ok(tree) = Tree::parse(resource.json()) else { return all };
    walk(tree.root(), resource.resource_type.as_str(), (base, MAX_DEPTH), &mut all);
    all
}

fn walk(node: Node<'_>, place: &str, (base, deeper): (&str, usize), all: &mut Vec<Link>) {
    if deeper == 0 {
        return;
    }
    for child in node.children() {
        let (name, text) = (child.name(), child.as_str());
        if place == "Composition" && name == "relatesTo" {
            continue;
        }
        if let Some((kind, id)) =
            text.filter(|_| name == "reference").and_then(|it| local(it, base))
        {
            all.push(Link { kind, id, place: format!("{place}.reference") });
        }
        if child.is_array() {
            for (n, item) in child.each().enumerate() {
                walk(item, &format!("{place}.{name}[{n}]"), (base, deeper - 1), all);
            }
        } else if child.is_object() {
            walk(child, &format!("{place}.{name}"), (base, deeper - 1), all);
        }
    }
}

/// The resource of this server that an address leads to.
fn local(address: &str, base: &str) -> Option<(ResourceType, Id)> {
    let relative = match address.strip_prefix(base) {
        Some(rest) => rest.strip_prefix('/')?,
        None => address,
    };
    let mut parts = relative.split('/');
    let (kind, id) = (parts.next()?.parse().ok()?, Id::new(parts.next()?).ok()?);
    match (parts.next(), parts.next()) {
        (None, None) | (Some("_history"), Some(_)) => Some((kind, id)),
        _ => None,
    }
}

/// The document. Its identifier is its own: made of the versions that it holds and of its time.
fn document(base: &str, parts: &[StoredResource], now: Timestamp) -> String {
    let mut bundle = Bundle::new(BundleKind::Document);
    let mut hash = Sha256::new();
    hash.update(format!("{base} {now}"));
    for part in parts {
        hash.update(format!(" {}/_history/{}", part.reference(), part.version));
    }
    let uuid = uuid(hash.finalize().into());
    bundle.identifier = Some(Identifier::of(URIS, &format!("urn:uuid:{uuid}")));
    bundle.timestamp = Some(Instant::at(now));
    let entry = |part: &StoredResource| BundleEntry {
        full_url: Some(format!("{base}/{}", part.reference())),
        resource: Some(part.to_json()),
        ..BundleEntry::default()
    };
    bundle.entry = parts.iter().map(entry).collect();
    bundle.to_json()
}

/// A UUID of 122 bits of a hash (RFC 9562 §5.8: version 8).
fn uuid(hash: [u8; 32]) -> String {
    let mut bits = u128::from_be_bytes(hash[..16].try_into().expect("half of 32 bytes"));
    bits = bits & !(0xF << 76) | 0x8 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{bits:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_with_their_places() {
        let json = r#"{"resourceType":"Composition","subject":{"reference":"Patient/p"},
            "relatesTo":[{"targetReference":{"reference":"Composition/old"}}],
            "section":[{"entry":[{"reference":"https://here/fhir/Observation/o/_history/2"},
            {"reference":"https://elsewhere/fhir/Observation/o"},{"reference":"urn:uuid:1"},
            {"reference":"Goat/1"},{"reference":"List/l","display":"reference"}]}]}"#;
        let at = Timestamp::UNIX_EPOCH;
        let stored = StoredResource::new(json, Id::new("c").unwrap(), 1, at).unwrap();
        let found = links(&stored, "https://here/fhir");
        let found: Vec<(String, &str)> =
            found.iter().map(|it| (format!("{}/{}", it.kind, it.id), it.place.as_str())).collect();
        let expected = [
            ("Patient/p", "Composition.subject.reference"),
            ("Observation/o", "Composition.section[0].entry[0].reference"),
            ("List/l", "Composition.section[0].entry[4].reference"),
        ];
        assert_eq!(found, expected.map(|(to, place)| (to.to_owned(), place)));
    }

    #[test]
    fn an_identifier_is_a_uuid() {
        let made = uuid([0xFF; 32]);
        assert_eq!(made, "ffffffff-ffff-8fff-bfff-ffffffffffff");
    }
}
