//! The door: who calls, and whether they may. Every route goes through it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use engine::Command;
use fhir::{Id, ResourceType};
use medicines::Access;

use crate::client::{Client, Role, Validation};
use crate::problem::{Problem, code};
use crate::routes::{Route, Style};
use crate::state::ApiState;
use crate::turns::in_time;

/// The most bytes of a bearer token; longer ones are not hashed.
const MAX_TOKEN_BYTES: usize = 512;
/// The most refusals of unknown callers that are journalled in [`DOORBELL_PERIOD`]: they come
/// from anybody who can reach the port, and must not be able to fill the journal.
const MAX_STRANGERS: u32 = 60;
/// See [`MAX_STRANGERS`].
const DOORBELL_PERIOD: Duration = Duration::from_mins(1);
/// What the journal calls somebody without a known token.
const STRANGER: &str = "unknown";

/// The client that calls. A handler that takes it stands behind the door.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: Arc<Client>,
    route: &'static Route,
}

impl Caller {
    /// The client's name.
    pub(crate) fn name(&self) -> &str {
        &self.client.name
    }

    /// The staff number of the one person to whom the client belongs.
    pub(crate) fn person(&self) -> Option<&str> {
        self.client.person.as_deref()
    }

    /// Whether the client may name the person in `member` as the one who acts: one that belongs to
    /// a person speaks for nobody else.
    pub(crate) fn speaks_for(&self, member: &str, named: &str) -> Result<(), Problem> {
        match self.person() {
            Some(own) if own != named => {
                let detail = format!("{member}: this client belongs to somebody else.");
                Err(Problem::bad(code::BAD_VALUE, detail))
            }
            _ => Ok(()),
        }
    }

    /// Whether the client has the role beside the one that the route needs.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.client.has(role)
    }

    /// Whether it may export this Group, or everybody.
    pub(crate) fn exports(&self, group: Option<&str>) -> bool {
        self.client.exports(group)
    }

    /// Whether it may export resources of the type.
    pub(crate) fn exports_type(&self, kind: ResourceType) -> bool {
        let types = &self.client.export.types;
        types.is_empty() || types.iter().any(|own| own == kind.as_str())
    }

    /// What becomes of resources that it writes and that are not valid.
    pub(crate) fn validation(&self) -> Validation {
        self.client.validation
    }

    /// Refuses, and journals it, where the cabinet is not one of the client's own.
    pub(crate) async fn acts_for(&self, api: &ApiState, cabinet: &str) -> Result<(), Problem> {
        if self.client.is_for(cabinet) {
            return Ok(());
        }
        let detail = "This client does not speak for this cabinet: its configuration lists others.";
        let problem = Problem::new(StatusCode::FORBIDDEN, code::CABINET_NOT_YOURS, detail);
        let tried = format!("{} {} for {cabinet}", self.route.verb.as_str(), self.route.path);
        let access = Access { detail: Some(tried), ..attempt(api, self.route, self.name()) };
        Err(journal(api, self.route, access, problem).await)
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>().cloned();
        Ok(caller.expect("the door lets nobody through to such a handler without a name"))
    }
}

/// One route's door.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) api: ApiState,
    pub(crate) route: &'static Route,
}

/// Lets a request through that may pass, and journals one that may not.
pub(crate) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let mut caller = None;
    let mut response = in_time(door.route.style, async {
        if !is_text(request.uri().path()) {
            return door.route.style.answer(Problem::not_found("This address is not text."));
        }
        match door.route.needs {
            None => door.api.open_turns.run(next.run(request)).await,
            Some(role) => pass(&door, role, request, next, &mut caller).await,
        }
    })
    .await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The address itself may hold identifiers of patients, so the log names the route.
    tracing::info!(
        method = door.route.verb.as_str(),
        route = door.route.path,
        client = caller.as_ref().map(|client| client.name.as_str()),
        status = response.status().as_u16(),
        took_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// Whether a path is UTF-8 once its percent signs are read. One that is not is nobody's.
fn is_text(path: &str) -> bool {
    if !path.contains('%') {
        return true;
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let read = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match read {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    std::str::from_utf8(&bytes).is_ok()
}

/// Lets a client through that has the role, when it is its turn. Strangers take no turn: nothing
/// that they do may keep a client waiting. `caller` becomes the client.
async fn pass(
    door: &Door,
    role: Role,
    mut request: Request,
    next: Next,
    caller: &mut Option<Arc<Client>>,
) -> Response {
    let client = match identify(&door.api, request.headers()) {
        Ok(client) => client,
        Err(problem) if door.api.doorbell.rings() => {
            return turn_away(door, STRANGER, request.uri().path(), problem).await;
        }
        Err(problem) => return door.route.style.answer(problem),
    };
    *caller = Some(Arc::clone(&client));
    if client.has(role) {
        request.extensions_mut().insert(Caller { client, route: door.route });
        return door.api.turns.run(next.run(request)).await;
    }
    let detail = format!("This client does not have the role {}.", role.as_str());
    let problem = Problem::new(StatusCode::FORBIDDEN, code::ROLE_MISSING, detail);
    door.api.turns.run(turn_away(door, &client.name, request.uri().path(), problem)).await
}

/// Whose token the request brings.
fn identify(api: &ApiState, headers: &HeaderMap) -> Result<Arc<Client>, Problem> {
    let missing = || {
        let detail = "Send the header Authorization: Bearer with the client's token.";
        Problem::new(StatusCode::UNAUTHORIZED, code::TOKEN_MISSING, detail)
    };
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(missing());
    };
    let value = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = value.split_once(' ').ok_or_else(missing)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(missing());
    }
    let known = if token.len() > MAX_TOKEN_BYTES { None } else { api.roster.find(token) };
    known.ok_or_else(|| {
        let detail = "No client has this token.";
        Problem::new(StatusCode::UNAUTHORIZED, code::TOKEN_UNKNOWN, detail)
    })
}

/// Refuses, once the journal holds that it was refused.
async fn turn_away(door: &Door, who: &str, path: &str, problem: Problem) -> Response {
    let (resource_type, id) = resource_of(path);
    let detail = match (resource_type, id) {
        (Some(resource_type), Some(id)) => format!("{resource_type}/{id}"),
        _ => format!("{} {}", door.route.verb.as_str(), door.route.path),
    };
    let tried = attempt(&door.api, door.route, who);
    let access = Access { resource_type, detail: Some(detail), ..tried };
    door.route.style.answer(journal(&door.api, door.route, access, problem).await)
}

/// Somebody's attempt to use a route, now.
fn attempt(api: &ApiState, route: &Route, who: &str) -> Access {
    Access {
        who: who.to_owned(),
        what: route.what.to_owned(),
        patient: None,
        resource_type: None,
        detail: None,
        reason: None,
        at: api.engine.clock().now(),
    }
}

/// The refusal, once the journal holds it.
async fn journal(api: &ApiState, route: &Route, access: Access, problem: Problem) -> Problem {
    let (who, at) = (access.who.clone(), access.at);
    let access = Access { reason: Some(problem.code.to_owned()), ..access };
    let mut command = Command::internal(&who, at, medicines::Request::TurnAway(access));
    command.channel = Arc::from(route.channel());
    match api.submit(command).await {
        Ok(_) => problem,
        Err(stopped) => stopped.into(),
    }
}

/// The resource that an address of the FHIR endpoint names. Anything that is not a type or an id
/// is left out: it could be any text.
fn resource_of(path: &str) -> (Option<ResourceType>, Option<Id>) {
    let Some(rest) = path.strip_prefix("/fhir/") else {
        return (None, None);
    };
    let mut parts = rest.split('/');
    let resource_type = parts.next().and_then(|part| part.parse().ok());
    (resource_type, parts.next().and_then(|part| Id::new(part).ok()))
}

/// Counts the strangers who knock.
#[derive(Debug, Default)]
pub(crate) struct Doorbell(Mutex<Option<(Instant, u32)>>);

impl Doorbell {
    /// Whether this knock is to be journalled.
    fn rings(&self) -> bool {
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, knocks) = count.get_or_insert((Instant::now(), 0));
        if since.elapsed() >= DOORBELL_PERIOD {
            (*since, *knocks) = (Instant::now(), 0);
        }
        *knocks = knocks.saturating_add(1);
        if *knocks == MAX_STRANGERS + 1 {
            tracing::warn!("too many requests without a known token; the next are not journalled");
        }
        *knocks <= MAX_STRANGERS
    }
}

impl Style {
    /// The refusal as this part of the interface writes it.
    pub(crate) fn answer(self, problem: Problem) -> Response {
        use axum::response::IntoResponse;
        match self {
            Style::Json => problem.into_response(),
            Style::Fhir => crate::fhir::Failure::from(problem).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_and_ids_are_taken_from_an_address() {
        let check = |path: &str, expected: (Option<&str>, Option<&str>)| {
            let (resource_type, id) = resource_of(path);
            let found = (resource_type.map(ResourceType::as_str), id.as_deref());
            assert_eq!(found, expected, "{path}");
        };
        check("/fhir/Patient/rxx.1.1", (Some("Patient"), Some("rxx.1.1")));
        check("/fhir/Patient", (Some("Patient"), None));
        check("/fhir/Goat/1", (None, Some("1")));
        check("/fhir/Patient/a%20b", (Some("Patient"), None));
        check("/cases", (None, None));
    }

    #[test]
    fn an_address_is_text_once_it_is_decoded() {
        for path in ["/fhir/Patient/1", "/a%20b%C3%A9", "/100%", "/%zz%4", "/%+1"] {
            assert!(is_text(path), "{path}");
        }
        for path in ["/fhir/Patient/%ff", "/%c3", "/%C3%28"] {
            assert!(!is_text(path), "{path}");
        }
    }

    #[test]
    fn strangers_ring_a_limited_number_of_times() {
        let bell = Doorbell::default();
        assert!((0..MAX_STRANGERS).all(|_| bell.rings()));
        assert!(!bell.rings());
        *bell.0.lock().unwrap() = Instant::now().checked_sub(DOORBELL_PERIOD).map(|at| (at, 900));
        assert!(bell.rings());
    }
}
