//! What a Subscription asks for, by the profile of the Subscriptions R5 Backport (1.1.0) for R4;
//! one that is to a search and not to a topic is [plain].

use std::time::Duration;

use axum::http::StatusCode;
use fhir::resources::IssueType;
use fhir_search::{Nowhere, SearchRequest};
use jiff::Timestamp;
use medicines::subscriptions::{Header, MASK, MAX_TOLD, Status};
use serde_json::Value;

use super::guard::Endpoint;
use super::plain;
use super::topics::{Focus, Interaction, Topic};
use crate::fhir::{Failure, conditions};
use crate::problem::{Problem, code};

/// What the addresses of the extensions of the guide begin with.
pub(crate) const GUIDE: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/";
/// The system of the channels that R4 does not know.
pub(crate) const CHANNEL_TYPES: &str = "urn:interlock:subscription-channel";
/// The channel on which the subscriber reads a stream of server-sent events.
pub(crate) const SSE: &str = "sse";
/// The most filters of a subscription.
const MAX_FILTERS: usize = 16;
/// The most bytes of a filter, and of criteria that are a search.
pub(super) const MAX_FILTER_BYTES: usize = 2048;
/// The most headers of an endpoint.
const MAX_HEADERS: usize = 16;
/// The most bytes of a header.
const MAX_HEADER_BYTES: usize = 4096;
/// How often a heartbeat may be asked for, in seconds.
const HEARTBEAT_S: std::ops::RangeInclusive<u64> = 1..=86_400;
/// How long an attempt may take, in seconds.
const TIMEOUT_S: std::ops::RangeInclusive<u64> = 1..=120;
/// The same where the client does not say.
const USUAL_TIMEOUT_S: u64 = 30;
/// How many events are told at once where the client does not say.
const USUAL_COUNT: usize = 20;
/// Headers that the node sets itself, or that are about the connection (RFC 9110 §7.6.1).
const OUR_HEADERS: [&str; 11] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-authorization",
];

/// Where the subscriber is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Channel {
    /// By POST to its endpoint.
    RestHook(Endpoint),
    /// On the stream that it reads.
    Stream,
}

/// How much it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Content {
    /// That there was an event.
    Empty,
    /// What it is about.
    IdOnly,
    /// The resource itself.
    FullResource,
}

impl Content {
    pub(crate) fn read(code: &str) -> Option<Self> {
        match code {
            "empty" => Some(Content::Empty),
            "id-only" => Some(Content::IdOnly),
            "full-resource" => Some(Content::FullResource),
            _ => None,
        }
    }
}

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In bundles that say how the subscription stands, by the guide.
    Guide,
    /// The resource itself, or nothing, as R4 has it without the guide.
    Plain,
}

/// What a subscription asks for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) form: Form,
    /// The canonical address of the topic.
    pub(crate) canonical: String,
    pub(crate) topic: Topic,
    pub(super) filters: Vec<Filter>,
    /// What it says of how it stands, as its client or the server wrote it.
    pub(crate) status: Option<Status>,
    pub(crate) channel: Channel,
    pub(crate) headers: Vec<Header>,
    pub(crate) content: Content,
    /// Whether the subscriber reads XML.
    pub(crate) as_xml: bool,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) timeout: Duration,
    /// The most events in one notification.
    pub(crate) count: usize,
    pub(crate) end: Option<Timestamp>,
}

/// By what events are chosen; all filters have to let an event through.
#[derive(Debug, Clone)]
pub(super) enum Filter {
    Search(Box<SearchRequest>),
    Interactions(Vec<Interaction>),
    /// Of a case: whose it is, as ids.
    CaseOf(Vec<String>),
    /// Of a case: its kind.
    CaseKinds(Vec<String>),
}

/// 422: the subscription cannot be, at a place in it.
pub(crate) fn refused(at: &str, detail: impl Into<String>) -> Failure {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let problem = Problem::new(status, code::BAD_SUBSCRIPTION, detail);
    Failure::new(problem, IssueType::Invalid).at(at)
}

impl Asked {
    /// Reads a Subscription.
    pub(crate) fn read(json: &str) -> Result<Self, Failure> {
        let all: Value = serde_json::from_str(json)
            .map_err(|_| refused("Subscription", "The subscription cannot be read."))?;
        if let Some(asked) = plain::read(&all) {
            return asked;
        }
        let (canonical, topic) = topic(&all)?;
        let channel_json = &all["channel"];
        if !channel_json.is_object() {
            return Err(refused("Subscription.channel", "A subscription has a channel."));
        }
        let (content, as_xml) = payload(channel_json)?;
        let channel = channel(channel_json)?;
        if as_xml && channel == Channel::Stream {
            let detail = "On a stream notifications are application/fhir+json.";
            return Err(refused("Subscription.channel.payload", detail));
        }
        let number = |name: &str, at: std::ops::RangeInclusive<u64>| number(channel_json, name, at);
        let most = u64::try_from(MAX_TOLD).unwrap_or(u64::MAX);
        let count = number("backport-max-count", 1..=most)?;
        Ok(Asked {
            form: Form::Guide,
            canonical,
            topic,
            filters: filters(&all, topic)?,
            status: status(&all),
            channel,
            headers: headers(channel_json)?,
            content,
            as_xml,
            heartbeat: number("backport-heartbeat-period", HEARTBEAT_S)?.map(Duration::from_secs),
            timeout: number("backport-timeout", TIMEOUT_S)?
                .map_or_else(usual_timeout, Duration::from_secs),
            count: count.and_then(|n| usize::try_from(n).ok()).unwrap_or(USUAL_COUNT),
            end: end(&all)?,
        })
    }

    /// Whether a focus passes the filters. Of a deletion its last version is looked at.
    pub(crate) fn lets(&self, focus: &Focus, last: Option<&fhir::StoredResource>) -> bool {
        self.filters.iter().all(|filter| match (filter, focus) {
            (Filter::Search(search), Focus::Stored(stored)) => search.matches(stored, &Nowhere),
            (Filter::Search(search), Focus::Deleted(_)) => {
                last.is_some_and(|last| search.matches(last, &Nowhere))
            }
            (Filter::Interactions(wanted), focus) => wanted.contains(&focus.interaction()),
            (Filter::CaseOf(ids), Focus::Case(case)) => {
                case.patient.as_ref().is_some_and(|id| ids.iter().any(|one| one == id.as_str()))
            }
            (Filter::CaseKinds(kinds), Focus::Case(case)) => {
                kinds.iter().any(|kind| kind == case.kind.as_str())
            }
            _ => false,
        })
    }

    /// Whether a deletion needs the version before it to be judged.
    pub(crate) fn searches(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Filter::Search(_)))
    }
}

/// How long an attempt may take where the client does not say.
pub(super) fn usual_timeout() -> Duration {
    Duration::from_secs(USUAL_TIMEOUT_S)
}

/// How the subscription stands, as it says itself.
pub(super) fn status(all: &Value) -> Option<Status> {
    text(all, "status").and_then(Status::read)
}

fn text<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name)?.as_str()
}

/// The extensions of the guide that an element has under this name.
fn extensions<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let url = format!("{GUIDE}{name}");
    let all = of.get("extension").and_then(Value::as_array).into_iter().flatten();
    all.filter(move |one| text(one, "url") == Some(&url))
}

fn topic(all: &Value) -> Result<(String, Topic), Failure> {
    let at = "Subscription.criteria";
    let Some(canonical) = text(all, "criteria") else {
        return Err(refused(at, "A subscription names its topic."));
    };
    // A canonical address may name a version; topics have none.
    let topic = Topic::read(canonical).ok_or_else(|| {
        let detail = "There is no such topic: the CapabilityStatement names them. A search of one \
                      type is taken as well: Observation?code=718-7.";
        refused(at, detail)
    })?;
    Ok((canonical.to_owned(), topic))
}

pub(super) fn end(all: &Value) -> Result<Option<Timestamp>, Failure> {
    let Some(end) = all.get("end") else { return Ok(None) };
    let read = end.as_str().and_then(|end| end.parse().ok());
    read.map(Some).ok_or_else(|| refused("Subscription.end", "The end is an instant."))
}

pub(super) fn channel(channel: &Value) -> Result<Channel, Failure> {
    let at = "Subscription.channel.type";
    let own = channel.get("_type").and_then(|of| extensions(of, "backport-channel-type").next());
    let stream = match own {
        Some(own) => {
            let coding = &own["valueCoding"];
            if (text(coding, "system"), text(coding, "code")) != (Some(CHANNEL_TYPES), Some(SSE)) {
                let detail = format!("Of other channels there is {SSE} of {CHANNEL_TYPES} alone.");
                return Err(refused(at, detail));
            }
            true
        }
        None if text(channel, "type") == Some("rest-hook") => false,
        None => {
            let detail = format!(
                "Channels are rest-hook and, by the extension {GUIDE}backport-channel-type, {SSE} \
                 of {CHANNEL_TYPES}."
            );
            return Err(refused(at, detail));
        }
    };
    let at = "Subscription.channel.endpoint";
    let endpoint = text(channel, "endpoint");
    if stream {
        return match endpoint {
            None => Ok(Channel::Stream),
            Some(_) => Err(refused(at, "A stream is read from this server: it has no endpoint.")),
        };
    }
    let read = endpoint.and_then(Endpoint::read).ok_or_else(|| {
        let detail = "The endpoint is an address by https, or by http where the configuration \
                      says so, without a name, a password or a fragment in it.";
        refused(at, detail)
    })?;
    Ok(Channel::RestHook(read))
}

fn payload(channel: &Value) -> Result<(Content, bool), Failure> {
    let at = "Subscription.channel.payload";
    let as_xml = match text(channel, "payload") {
        Some("application/fhir+json" | "application/json") => false,
        Some("application/fhir+xml") => true,
        _ => {
            return Err(refused(
                at,
                "The payload is application/fhir+json or application/fhir+xml.",
            ));
        }
    };
    let of = channel.get("_payload").unwrap_or(&Value::Null);
    let mut told = extensions(of, "backport-payload-content");
    let content = told.next().and_then(|one| text(one, "valueCode")).and_then(Content::read);
    if let (Some(content), None) = (content, told.next()) {
        return Ok((content, as_xml));
    }
    let detail = "The extension backport-payload-content says how much is told: empty, id-only or \
                  full-resource.";
    Err(refused(&format!("{at}.extension"), detail))
}

fn number(
    channel: &Value,
    name: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, Failure> {
    let Some(one) = extensions(channel, name).next() else { return Ok(None) };
    let value = one.get("valueUnsignedInt").or_else(|| one.get("valuePositiveInt"));
    let read = value.and_then(Value::as_u64).filter(|value| range.contains(value));
    read.map(Some).ok_or_else(|| {
        let detail = format!("{name} is from {} to {}.", range.start(), range.end());
        refused("Subscription.channel.extension", detail)
    })
}

pub(super) fn headers(channel: &Value) -> Result<Vec<Header>, Failure> {
    let Some(lines) = channel.get("header") else { return Ok(Vec::new()) };
    // What is read as no headers would be stored with its values.
    let lines = lines.as_array().ok_or_else(|| {
        refused("Subscription.channel.header", "The headers are a list of \"Name: value\".")
    })?;
    if lines.len() > MAX_HEADERS {
        let detail = format!("An endpoint is called with at most {MAX_HEADERS} headers.");
        return Err(refused("Subscription.channel.header", detail));
    }
    let mut headers: Vec<Header> = Vec::with_capacity(lines.len());
    for (n, line) in lines.iter().enumerate() {
        let at = format!("Subscription.channel.header[{n}]");
        let header = line.as_str().and_then(header).ok_or_else(|| {
            refused(&at, "A header is \"Name: value\" in printable ASCII, of 4096 bytes at most.")
        })?;
        if OUR_HEADERS.contains(&header.name.as_str()) {
            return Err(refused(&at, "This header is set by the server."));
        }
        if headers.iter().any(|one| one.name == header.name) {
            return Err(refused(&at, "This header comes twice."));
        }
        headers.push(header);
    }
    Ok(headers)
}

/// A header, its name in small letters.
fn header(line: &str) -> Option<Header> {
    let (name, value) = line.split_once(':').filter(|_| line.len() <= MAX_HEADER_BYTES)?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let read = hyper::header::HeaderName::from_bytes(name.as_bytes()).ok()?;
    let printable = value.bytes().all(|byte| matches!(byte, 0x20..=0x7E));
    (printable && !value.is_empty())
        .then(|| Header { name: read.as_str().to_owned(), value: value.to_owned() })
}

/// What the subscription has in the place of its headers where it is stored: their names alone.
pub(crate) fn masked(headers: &[Header]) -> Vec<String> {
    headers.iter().map(|header| format!("{}: {MASK}", header.name)).collect()
}

fn filters(all: &Value, topic: Topic) -> Result<Vec<Filter>, Failure> {
    let at = "Subscription.criteria.extension";
    let of = all.get("_criteria").unwrap_or(&Value::Null);
    let mut filters = Vec::new();
    for (n, one) in extensions(of, "backport-filter-criteria").enumerate() {
        let at = format!("{at}[{n}]");
        if n == MAX_FILTERS {
            return Err(refused(&at, format!("There are at most {MAX_FILTERS} filters.")));
        }
        let criteria = text(one, "valueString").filter(|text| text.len() <= MAX_FILTER_BYTES);
        let criteria = criteria
            .ok_or_else(|| refused(&at, "A filter is a search: Encounter?patient=Patient/1."))?;
        filter(criteria, topic, &mut filters).map_err(|detail| refused(&at, detail))?;
    }
    Ok(filters)
}

/// Adds what one criterion asks for, or says what is wrong with it.
fn filter(criteria: &str, topic: Topic, filters: &mut Vec<Filter>) -> Result<(), String> {
    let name = topic.kind().map_or("Case", fhir::ResourceType::as_str);
    let query = match criteria.split_once('?') {
        Some((of, query)) if of == name => query,
        // The type may be left out.
        None => criteria,
        Some(_) => return Err(format!("A filter of this topic is of {name}: {name}?…")),
    };
    let pairs = conditions::pairs(query).map_err(|_| "The filter cannot be read.".to_owned())?;
    if pairs.is_empty() {
        return Err("The filter is empty.".to_owned());
    }
    let mut search = Vec::new();
    for (param, value) in pairs {
        let code = param.split([':', '.']).next().unwrap_or_default();
        let values = || value.split(',').map(str::to_owned).collect::<Vec<String>>();
        match (code, topic.kind()) {
            ("interaction", Some(_)) => {
                let wanted = values().iter().map(|one| Interaction::read(one)).collect();
                let wanted: Option<Vec<Interaction>> = wanted;
                let wanted = wanted.ok_or("interaction is create, update or delete.")?;
                filters.push(Filter::Interactions(wanted));
            }
            ("patient", None) => {
                let id = |one: String| one.rsplit('/').next().unwrap_or_default().to_owned();
                filters.push(Filter::CaseOf(values().into_iter().map(id).collect()));
            }
            ("code", None) => filters.push(Filter::CaseKinds(values())),
            (code, Some(_)) if topic.takes(code) => search.push((param, value)),
            _ => return Err("This topic does not have that filter.".to_owned()),
        }
    }
    if let Some(kind) = topic.kind().filter(|_| !search.is_empty()) {
        filters.push(self::search(kind, &search)?);
    }
    Ok(())
}

/// The filter of a search, by its decoded names and values; or what is wrong with it.
pub(super) fn search(
    kind: fhir::ResourceType,
    pairs: &[(String, String)],
) -> Result<Filter, String> {
    let request = SearchRequest::parse(kind, pairs).map_err(|error| format!("{error}."))?;
    let is_control = request.conditions.len() < pairs.len();
    if !request.unknown.is_empty() || is_control || !request.is_plain() {
        let words = "A filter looks at the resource itself, by search parameters of its type.";
        return Err(words.to_owned());
    }
    Ok(Filter::Search(Box::new(request)))
}
