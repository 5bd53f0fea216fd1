//! Notifications as the Subscriptions R5 Backport (1.1.0) has them in R4: a history Bundle whose
//! first entry is a Parameters that says how the subscription stands.

use std::fmt::Write as _;

use fhir::{Id, Instant};
use jiff::Timestamp;
use medicines::subscriptions::Subscription;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::asked::{Asked, Content, GUIDE};
use super::events::Event;
use super::topics::{Focus, Interaction};

/// The system of the numbers of cases, which are no resources.
const CASES: &str = "urn:interlock:case";
/// The system of the codes of errors.
const ERRORS: &str = "urn:interlock:subscription-error";

/// Why a notification is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Handshake,
    Heartbeat,
    Event,
    QueryStatus,
    QueryEvent,
}

impl Type {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Type::Handshake => "handshake",
            Type::Heartbeat => "heartbeat",
            Type::Event => "event-notification",
            Type::QueryStatus => "query-status",
            Type::QueryEvent => "query-event",
        }
    }
}

/// What a notification says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice<'a> {
    /// The address of the FHIR endpoint.
    pub(crate) base: &'a str,
    pub(crate) subscription: &'a Subscription,
    pub(crate) asked: &'a Asked,
    pub(crate) kind: Type,
    /// How much is told.
    pub(crate) content: Content,
    pub(crate) now: Timestamp,
    /// The number of all events, those of this notification among them.
    pub(crate) total: u64,
    /// The number of the first event.
    pub(crate) first: u64,
    pub(crate) events: &'a [Event],
}

impl Notice<'_> {
    /// The Parameters alone.
    pub(crate) fn status(&self) -> Value {
        let subscription = self.subscription;
        let reference = format!("{}/Subscription/{}", self.base, subscription.id);
        let mut all =
            vec![json!({"name": "subscription", "valueReference": {"reference": reference}})];
        // The guide leaves the topic out where nothing is to be told of the events.
        if self.content != Content::Empty || self.kind == Type::QueryStatus {
            all.push(json!({"name": "topic", "valueCanonical": self.asked.canonical}));
        }
        all.push(json!({"name": "status", "valueCode": subscription.status.as_str()}));
        all.push(json!({"name": "type", "valueCode": self.kind.code()}));
        let total = self.total.to_string();
        all.push(json!({"name": "events-since-subscription-start", "valueString": total}));
        for (number, event) in (self.first..).zip(self.events) {
            all.push(json!({"name": "notification-event", "part": self.event(number, event)}));
        }
        if let Some(reason) = &subscription.reason {
            let code = reason.split(':').next().unwrap_or_default();
            let coding = json!([{"system": ERRORS, "code": code}]);
            let concept = json!({"coding": coding, "text": reason});
            all.push(json!({"name": "error", "valueCodeableConcept": concept}));
        }
        json!({
            "resourceType": "Parameters",
            "id": uuid(&format!("{}|{}|{}", subscription.id, self.total, self.kind.code())),
            "meta": {"profile": [format!("{GUIDE}backport-subscription-status-r4")]},
            "parameter": all,
        })
    }

    fn event(&self, number: u64, event: &Event) -> Vec<Value> {
        let mut parts = vec![
            json!({"name": "event-number", "valueString": number.to_string()}),
            json!({"name": "timestamp", "valueInstant": Instant::at(event.at)}),
        ];
        if self.content == Content::Empty {
            return parts;
        }
        let focus = match &event.focus {
            Focus::Case(case) => json!({
                "identifier": {"system": CASES, "value": case.id},
                "display": case.kind.as_str(),
            }),
            focus => json!({"reference": address(self.base, focus)}),
        };
        parts.push(json!({"name": "focus", "valueReference": focus}));
        if let Focus::Case(case) = &event.focus
            && let Some(patient) = &case.patient
        {
            let patient = json!({"reference": format!("{}/Patient/{patient}", self.base)});
            parts.push(json!({"name": "additional-context", "valueReference": patient}));
        }
        parts
    }

    /// The whole Bundle.
    pub(crate) fn bundle(&self) -> String {
        let status = self.status();
        let uuid = status["id"].as_str().unwrap_or_default();
        let path = format!("{}/Subscription/{}/$status", self.base, self.subscription.id);
        let first = json!({
            "fullUrl": format!("urn:uuid:{uuid}"),
            "resource": status,
            "request": {"method": "GET", "url": path},
            "response": {"status": "200"},
        });
        let mut entries = vec![first.to_string()];
        if self.content == Content::FullResource {
            entries.extend(self.events.iter().filter_map(|event| entry(self.base, event)));
        }
        let id = self::uuid(&format!("{uuid}|bundle"));
        let timestamp = json!(Instant::at(self.now));
        format!(
            "{{\"resourceType\":\"Bundle\",\"id\":\"{id}\",\"meta\":{{\"profile\":[\
             \"{GUIDE}backport-subscription-notification-r4\"]}},\"type\":\"history\",\
             \"timestamp\":{timestamp},\"entry\":[{}]}}",
            entries.join(",")
        )
    }
}

/// The entry of a resource, as it was at the event.
fn entry(base: &str, event: &Event) -> Option<String> {
    let kind = event.focus.kind()?;
    let address = address(base, &event.focus);
    let (method, status) = match event.focus.interaction() {
        Interaction::Create => ("POST", "201"),
        Interaction::Update => ("PUT", "200"),
        Interaction::Delete => ("DELETE", "204"),
    };
    let url = if method == "POST" { kind.as_str() } else { address.as_str() };
    let request = json!({"method": method, "url": url});
    let response = json!({"status": status, "lastModified": Instant::at(event.at)});
    let resource = match &event.focus {
        // The resource goes out to the letter, so that no digit of it changes.
        Focus::Stored(stored) => format!("\"resource\":{},", stored.json()),
        _ => String::new(),
    };
    Some(format!(
        "{{\"fullUrl\":\"{address}\",{resource}\"request\":{request},\"response\":{response}}}"
    ))
}

fn address(base: &str, focus: &Focus) -> String {
    let of = |kind: fhir::ResourceType, id: &Id| format!("{base}/{kind}/{id}");
    match focus {
        Focus::Stored(stored) => of(stored.resource_type, &stored.id),
        Focus::Deleted(deleted) => of(deleted.resource_type, &deleted.id),
        Focus::Case(case) => format!("{CASES}:{}", case.id),
    }
}

/// A UUID of a form of our own (RFC 9562 §5.8), which is the same for the same notification, so
/// that a repeat is known by it.
fn uuid(of: &str) -> String {
    let mut hash: [u8; 32] = Sha256::digest(of.as_bytes()).into();
    hash[6] = (hash[6] & 0x0F) | 0x80;
    hash[8] = (hash[8] & 0x3F) | 0x80;
    let mut text = String::with_capacity(36);
    for (n, byte) in hash.iter().take(16).enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
