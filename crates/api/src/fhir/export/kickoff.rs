//! The kick-off of an export: of everything, of all patients, of the members of a Group.

use std::fmt::Write as _;

use axum::extract::{Path, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use fhir::resources::{IssueType, OperationOutcome};
use fhir::{DateTime, Id, Instant, ResourceType};
use fhir_search::{SearchRequest, Total};
use jiff::Timestamp;

use super::job::{Asked, Output, Scope};
use super::{Exports, Full};
use crate::audit::{Look, look};
use crate::client::Role;
use crate::door::Caller;
use crate::fhir::interactions::search::{Escaped, query};
use crate::fhir::operations::parameters;
use crate::fhir::reply::Reply;
use crate::fhir::shape::Shape;
use crate::fhir::{
    CHANNEL, Failure, Handling, acceptable, handling, id, is_served, no_such_resource, served,
};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The most searches of `_typeFilter`.
const MAX_FILTERS: usize = 32;
/// Names under which NDJSON is asked for.
const NDJSON: [&str; 3] = ["application/fhir+ndjson", "application/ndjson", "ndjson"];
/// When a client that has too many exports may ask again, in seconds.
const RETRY_AFTER_S: u32 = 60;

type Pairs = Vec<(String, String)>;

/// `GET` and `POST /fhir/$export`.
pub(crate) async fn of_all(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Failure> {
    answer(&api, &caller, Scope::System, request).await
}

/// `GET` and `POST /fhir/Patient/$export`.
pub(crate) async fn of_type(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    Path(kind): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    if served(&kind)? != ResourceType::Patient {
        let detail = "$export is of everything, of Patient, and of one Group.";
        return Err(Problem::not_found(detail).into());
    }
    answer(&api, &caller, Scope::Patients, request).await
}

/// `GET` and `POST /fhir/Group/{id}/$export`.
pub(crate) async fn of_one(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    if served(&kind)? != ResourceType::Group {
        let detail = "$export is of everything, of Patient, and of one Group.";
        return Err(Problem::not_found(detail).into());
    }
    let group = id(&name)?;
    answer(&api, &caller, Scope::Group(group.to_string()), request).await
}

async fn answer(
    api: &ApiState,
    caller: &Caller,
    scope: Scope,
    request: Request,
) -> Result<Response, Failure> {
    let address = request.uri().path().strip_prefix("/fhir").unwrap_or_default().to_owned();
    let (headers, pairs) = parameters::pairs(request).await?;
    let shape = Shape::read(&pairs)?;
    acceptable(&headers, shape.format.as_deref())?;
    let exports = exports(api)?;
    waits(&headers)?;
    let asked = asked(api, caller, scope, (&headers, &pairs), &address)?;
    if let Scope::Group(name) = &asked.scope {
        let group = Id::new(name).map_err(|_| no_such_resource())?;
        let found = api.ask(move |record| record.read(ResourceType::Group, &group)).await?;
        found.ok_or_else(no_such_resource)?;
    }
    // One entry of the journal names all that is exported, before anything of it is written.
    let seen = Look {
        channel: CHANNEL,
        what: "export",
        resource_type: None,
        detail: format!("{} of {}", asked.words(), asked.types.join(",")),
        patients: std::collections::BTreeSet::new(),
    };
    look(api, caller, seen).await?;
    let begun = {
        let (exports, name) = (exports.clone(), caller.name().to_owned());
        let begun = tokio::task::spawn_blocking(move || exports.begin(&name, asked)).await;
        begun.map_err(|_| Problem::internal())?
    };
    let job = begun.map_err(full)?.map_err(|error| {
        tracing::error!(%error, "an export could not begin");
        Problem::internal()
    })?;
    let words = "The export has begun: ask for its state at Content-Location.";
    let outcome = OperationOutcome::information(words).to_json();
    let reply = Reply { body: Some(outcome), is_outcome: true, ..Reply::new(StatusCode::ACCEPTED) };
    let mut response = reply.respond(&shape.format_alone());
    let location = format!("{}/_export/{job}", api.fhir_base);
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(header::CONTENT_LOCATION, location);
    }
    Ok(response)
}

/// The exports of the node, where it has any.
pub(super) fn exports(api: &ApiState) -> Result<&Exports, Failure> {
    let none = || {
        let detail = "This node has no folder for exports.";
        Failure::new(Problem::not_found(detail), IssueType::NotSupported)
    };
    api.exports.as_ref().ok_or_else(none)
}

/// The guide: `Prefer: respond-async` has to be there.
fn waits(headers: &HeaderMap) -> Result<(), Failure> {
    let wishes = headers.get_all("prefer").iter().filter_map(|wish| wish.to_str().ok());
    let mut wishes = wishes.flat_map(|all| all.split([',', ';'])).map(str::trim);
    if wishes.any(|wish| wish.eq_ignore_ascii_case("respond-async")) {
        return Ok(());
    }
    let detail = "An export takes its time: send the header Prefer: respond-async.";
    let problem = Problem::bad(code::BAD_VALUE, detail);
    Err(Failure::new(problem, IssueType::Required).at("http.prefer"))
}

fn full(full: Full) -> Failure {
    let detail = match full {
        Full::Running => "This client has as many exports under way as it may: wait for one.",
        Full::Kept => "As many exports are kept as may be: delete one that was fetched.",
        Full::Disk => "The disk of the node has too little room for an export.",
    };
    let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, code::TOO_COSTLY, detail);
    Failure::new(problem, IssueType::Throttled).retry_after(RETRY_AFTER_S)
}

fn asked(
    api: &ApiState,
    caller: &Caller,
    scope: Scope,
    (headers, pairs): (&HeaderMap, &Pairs),
    address: &str,
) -> Result<Asked, Failure> {
    let mut types: Option<Vec<ResourceType>> = None;
    let (mut since, mut filters) = (None, Vec::new());
    for (name, value) in pairs {
        match name.as_str() {
            "_type" => types.get_or_insert_default().extend(kinds(value)?),
            "_since" => since = Some(instant(value)?),
            "_typeFilter" => filters.extend(filters_of(value)?),
            "_outputFormat" if NDJSON.contains(&value.trim().replace(' ', "+").as_str()) => {}
            "_outputFormat" => {
                return Err(refused(name, "application/fhir+ndjson is all that is written."));
            }
            "_format" | "_pretty" => {}
            _ if handling(headers) == Handling::Lenient => {}
            _ => return Err(refused(name, "The export does not have this parameter.")),
        }
    }
    if filters.len() > MAX_FILTERS {
        return Err(refused("_typeFilter", "There are too many filters."));
    }
    let types = permitted(caller, &scope, types)?;
    if let Some((kind, _)) = filters.iter().find(|(kind, _)| !types.contains(kind)) {
        let detail = format!("A filter is of {kind}, which is not exported.");
        return Err(refused("_typeFilter", &detail));
    }
    let mut request = format!("{}{address}", api.fhir_base);
    for (n, (name, value)) in pairs.iter().enumerate() {
        request.push(if n == 0 { '?' } else { '&' });
        let _ = write!(request, "{}={}", Escaped(name), Escaped(value));
    }
    Ok(Asked {
        request,
        scope,
        types: types.iter().map(ToString::to_string).collect(),
        since,
        filters: filters.into_iter().map(|(kind, text)| (kind.to_string(), text)).collect(),
    })
}

/// The types that are exported: those asked for, or all that the client may have. A client that
/// is for some cabinets, or for some Groups, has no export of everybody.
fn permitted(
    caller: &Caller,
    scope: &Scope,
    asked: Option<Vec<ResourceType>>,
) -> Result<Vec<ResourceType>, Failure> {
    exports_scope(caller, scope)?;
    let of_scope: Vec<ResourceType> = match scope {
        Scope::System => ResourceType::ALL.iter().copied().filter(|it| is_served(*it)).collect(),
        Scope::Patients | Scope::Group(_) => {
            record::types_of_patients().filter(|it| is_served(*it)).collect()
        }
    };
    let Some(mut asked) = asked else {
        return Ok(of_scope.into_iter().filter(|kind| caller.exports_type(*kind)).collect());
    };
    asked.sort_unstable_by_key(|kind| kind.as_str());
    asked.dedup();
    if let Some(other) = asked.iter().find(|kind| !of_scope.contains(kind)) {
        let detail = format!("{other} is not in the compartment of a patient.");
        return Err(refused("_type", &detail));
    }
    if let Some(other) = asked.iter().find(|kind| !caller.exports_type(**kind)) {
        let detail = format!("This client may not export {other}.");
        let problem = Problem::new(StatusCode::FORBIDDEN, code::NOT_YOURS, detail);
        return Err(Failure::new(problem, IssueType::Forbidden).at("_type"));
    }
    Ok(asked)
}

/// Whether the client may export anything of the scope.
fn exports_scope(caller: &Caller, scope: &Scope) -> Result<(), Failure> {
    if !caller.has(Role::FhirRead) {
        let detail = "To export, a client needs the role fhir-read as well.";
        return Err(Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail).into());
    }
    let group = match scope {
        Scope::Group(id) => Some(id.as_str()),
        Scope::System | Scope::Patients => None,
    };
    if !caller.exports(group) {
        let detail = "This client may export some Groups alone, and not this.";
        return Err(Problem::new(StatusCode::FORBIDDEN, code::NOT_YOURS, detail).into());
    }
    Ok(())
}

/// Whether the client may still have a file: its rights may be fewer than when the export began.
pub(super) fn still_permitted(
    caller: &Caller,
    scope: &Scope,
    output: &Output,
) -> Result<(), Failure> {
    exports_scope(caller, scope)?;
    if output.of_type().is_some_and(|kind| caller.exports_type(kind)) {
        return Ok(());
    }
    let detail = "This client may not export resources of this type.";
    Err(Problem::new(StatusCode::FORBIDDEN, code::NOT_YOURS, detail).into())
}

fn kinds(value: &str) -> Result<Vec<ResourceType>, Failure> {
    let read = |name: &str| name.trim().parse().ok().filter(|kind| is_served(*kind));
    let all: Option<Vec<ResourceType>> = value.split(',').map(read).collect();
    all.ok_or_else(|| refused("_type", "The value of _type is not a list of types."))
}

fn instant(value: &str) -> Result<Timestamp, Failure> {
    let instant = value.parse::<Instant>().map(|it| it.timestamp()).ok();
    let at = instant.or_else(|| Some(value.parse::<DateTime>().ok()?.lower()));
    at.ok_or_else(|| refused("_since", "The value of _since is not an instant."))
}

/// The searches of a `_typeFilter`: `Type?name=value`, several with commas between them.
fn filters_of(value: &str) -> Result<Vec<(ResourceType, String)>, Failure> {
    let kind_of = |part: &str| part.split_once('?')?.0.parse::<ResourceType>().ok();
    let mut all: Vec<(ResourceType, String)> = Vec::new();
    for part in value.split(',') {
        match (kind_of(part), all.last_mut()) {
            (Some(kind), _) => {
                let text = part.split_once('?').map(|(_, text)| text).unwrap_or_default();
                all.push((kind, text.to_owned()));
            }
            // A comma within a value.
            (None, Some((_, text))) => {
                text.push(',');
                text.push_str(part);
            }
            (None, None) => {
                return Err(refused("_typeFilter", "A filter is Type?name=value."));
            }
        }
    }
    for (kind, text) in &all {
        searched(*kind, text).map_err(|wrong| wrong.at("_typeFilter"))?;
    }
    Ok(all)
}

/// A filter as a search. What is no condition, and what is not known, is refused: without it more
/// would be exported than was meant.
pub(super) fn searched(kind: ResourceType, text: &str) -> Result<SearchRequest, Failure> {
    let mut uri = String::from("/?");
    for byte in text.bytes() {
        match byte {
            b'%' | b'&' | b'=' | b'+' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) => {
                uri.push(char::from(byte));
            }
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    let uri = uri.parse().map_err(|_| refused("_typeFilter", "A filter cannot be read."))?;
    let search = SearchRequest::parse(kind, &query(&uri)?)?;
    let plain = search.sort.is_empty()
        && search.includes.is_empty()
        && search.cursor.is_none()
        && search.total == Total::Known;
    if !plain || !search.unknown.is_empty() || search.conditions.is_empty() {
        let detail = "A filter has conditions that its type knows, and nothing else.";
        return Err(refused("_typeFilter", detail));
    }
    Ok(search)
}

fn refused(place: &str, detail: &str) -> Failure {
    Failure::new(Problem::bad(code::BAD_QUERY, detail), IssueType::Value).at(place)
}

impl Asked {
    /// What is exported, without values of filters: they may be of a patient.
    fn words(&self) -> String {
        let scope = match &self.scope {
            Scope::System => "$export".to_owned(),
            Scope::Patients => "Patient/$export".to_owned(),
            Scope::Group(id) => format!("Group/{id}/$export"),
        };
        let since = self.since.map(|since| format!(" since {since}")).unwrap_or_default();
        let filtered = if self.filters.is_empty() { "" } else { " filtered" };
        format!("{scope}{since}{filtered}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_told_apart_by_their_types() {
        use ResourceType::{MedicationRequest as M, Observation as O};
        let check = |value: &str, expected: Option<&[(ResourceType, &str)]>| {
            let found = filters_of(value).ok();
            let expected = expected.map(|all| {
                all.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect::<Vec<_>>()
            });
            assert_eq!(found, expected, "{value}");
        };
        check("Observation?status=final", Some(&[(O, "status=final")]));
        check(
            "MedicationRequest?status=active,on-hold,Observation?code=a|b&date=ge2026",
            Some(&[(M, "status=active,on-hold"), (O, "code=a|b&date=ge2026")]),
        );
        for wrong in [
            "status=final",
            "Goat?x=1",
            "Observation?",
            "Observation?colour=red",
            "Observation?_sort=date",
            "Observation?_include=*",
            "Observation?date=x",
        ] {
            check(wrong, None);
        }
    }
}
