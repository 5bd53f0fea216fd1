//! What can be told of the way of a message through the node: times and codes, no patient data.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use fhir::Id;
use jiff::{SignedDuration, Timestamp};

/// From when to when something was done.
pub type Span = (Timestamp, Timestamp);

/// The way of one command that somebody outside sent, from its receipt to the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryTrace {
    /// The number of its entry.
    pub entry: u64,
    /// The channel.
    pub channel: String,
    /// The type of the message, as `ADT^A01`.
    pub message_type: String,
    /// Whether it is a message, whose sender wrote its type; else it is the kind of a request.
    pub is_message: bool,
    /// What the engine answered: `done`, `parked`, …
    pub outcome: &'static str,
    /// When it came.
    pub received: Timestamp,
    /// When the rules decided it.
    pub decided: Span,
    /// When its batch was appended to the journal and synced.
    pub journaled: Span,
    /// When its batch was taken into the record.
    pub recorded: Span,
}

/// One message that was sent to a peer, until its outcome was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryTrace {
    /// The delivery; its id leads to the entry that made it.
    pub delivery: Id,
    /// The channel.
    pub channel: String,
    /// The kind of the message, as `order`.
    pub kind: &'static str,
    /// What became of it: `delivered`, `refused`, `unknown`, …
    pub outcome: &'static str,
    /// From when it was sent to when its outcome was known.
    pub sent: Span,
}

impl DeliveryTrace {
    /// The entry that made the delivery.
    pub fn entry(&self) -> Option<u64> {
        self.delivery.split('.').nth(1)?.parse().ok()
    }
}

/// Who is told of the ways of messages. It is called where others wait, so it may neither block
/// nor take long.
pub trait Tracer: fmt::Debug + Send + Sync {
    /// Whether the way of what concerns this entry is to be told.
    fn wants(&self, entry: u64) -> bool;

    /// A command's entry is recorded.
    fn entry(&self, trace: EntryTrace);

    /// A message was sent, and its outcome is known.
    fn delivery(&self, trace: DeliveryTrace);
}

/// Where the one who is told is kept; empty on most nodes.
pub(crate) type Told = Arc<OnceLock<Arc<dyn Tracer>>>;

/// When a batch began, by the clock and by the time that measures spans.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began {
    pub(crate) at: Timestamp,
    pub(crate) since: Instant,
}

impl Began {
    /// An instant as the clock showed it.
    pub(crate) fn at(&self, instant: Instant) -> Timestamp {
        let passed = instant.saturating_duration_since(self.since);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::ZERO);
        self.at.saturating_add(passed).unwrap_or(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_leads_to_its_entry() {
        let check = |id: &str, entry: Option<u64>| {
            let at = Timestamp::UNIX_EPOCH;
            let delivery = Id::new(id).unwrap();
            let channel = "to-a".to_owned();
            let (kind, outcome, sent) = ("order", "delivered", (at, at));
            let trace = DeliveryTrace { delivery, channel, kind, outcome, sent };
            assert_eq!(trace.entry(), entry, "{id}");
        };
        check("rxx.1042.1", Some(1042));
        check("rxx", None);
        check("rxx.a.1", None);
    }
}
