//! The ways of messages as spans for a collector.
//!
//! A trace is of one entry. Its ids are made from the site and the number of the entry, and the id
//! of a delivery leads to the entry that made it, so that what is sent later belongs to the same
//! trace without anything being remembered for it. Attributes are the number of the entry, the
//! channel, the type of the message and what came of it: never anything of the message itself.

use engine::{DeliveryTrace, EntryTrace, Span, Tracer};
use sha2::{Digest, Sha256};
use watch::exposition::{Exposition, Kind};
use watch::traces::{Attribute, Exporter, SpanKind, SpanRecord};

/// What is told for a type that could be anything.
const OTHER_TYPE: &str = "other";

/// Tells a collector.
#[derive(Debug, Clone)]
pub(crate) struct Traces {
    site: String,
    exporter: Exporter,
    /// Of so many entries one is told.
    one_in: u64,
}

impl Traces {
    pub(crate) fn new(site: &str, exporter: Exporter, one_in: u64) -> Self {
        Traces { site: site.to_owned(), exporter, one_in: one_in.max(1) }
    }

    /// How many spans came to which end.
    pub(super) fn write(&self, text: &mut Exposition) {
        let counts = self.exporter.counts();
        let counts =
            [("sent", counts.sent), ("dropped", counts.dropped), ("failed", counts.failed)];
        text.family(
            "interlock_trace_spans_total",
            Kind::Counter,
            "Spans that the collector took, that there was no room for, and that it did not take.",
            counts.iter().map(|(outcome, count)| ([("outcome", *outcome)], count.to_string())),
        );
    }

    /// The id of an entry's trace, and those of its spans by what they tell of.
    fn digest(&self, entry: u64, what: &str) -> [u8; 32] {
        Sha256::digest(format!("interlock trace\n{}\n{entry}\n{what}", self.site)).into()
    }

    fn span(&self, entry: u64, what: &str, made: Made) -> SpanRecord {
        let (mut trace, mut id) = ([0; 16], [0; 8]);
        trace.copy_from_slice(&self.digest(entry, "")[..16]);
        id.copy_from_slice(&self.digest(entry, what)[..8]);
        let parent = (what != MESSAGE).then(|| {
            let mut parent = [0; 8];
            parent.copy_from_slice(&self.digest(entry, MESSAGE)[..8]);
            parent
        });
        let Made { name, kind, time, attributes, failed } = made;
        SpanRecord { trace, id, parent, name, kind, time, attributes, failed }
    }

    fn part(&self, entry: u64, name: &'static str, time: Span) -> SpanRecord {
        let (kind, attributes) = (SpanKind::Internal, Vec::new());
        self.span(entry, name, Made { name, kind, time, attributes, failed: false })
    }
}

/// The span that all others of its trace are a part of.
const MESSAGE: &str = "message";

/// A span before it has its ids.
struct Made {
    name: &'static str,
    kind: SpanKind,
    time: Span,
    attributes: Vec<(&'static str, Attribute)>,
    failed: bool,
}

fn attributes(
    entry: u64,
    channel: &str,
    message_type: &str,
    outcome: &str,
) -> Vec<(&'static str, Attribute)> {
    let word = |text: &str| Attribute::Word(text.to_owned());
    vec![
        ("interlock.entry", Attribute::Number(entry)),
        ("interlock.channel", word(channel)),
        ("interlock.message_type", word(message_type)),
        ("interlock.outcome", word(outcome)),
    ]
}

/// The type of a message where it is one: senders write it, and where their fields are shifted a
/// name may stand there. A code of three letters, an event (a letter and two digits, or a `Z` and
/// two more; HL7 2.5.1 tables 0076 and 0003) and a structure (table 0354), the latter two of
/// which may be absent after `ACK` alone.
fn type_of(text: &str) -> &str {
    let letters = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    let code = |text: &str| letters(text) || matches!(text.as_bytes(), [b'Z', ..] if is_z(text));
    let event = |text: &str| match text.as_bytes() {
        [letter, a, b] => letter.is_ascii_uppercase() && a.is_ascii_digit() && b.is_ascii_digit(),
        _ => false,
    };
    let event = |text: &str| event(text) || is_z(text);
    let structure = |text: &str| {
        text == "ACK" || text.split_once('_').is_some_and(|(a, b)| code(a) && event(b))
    };
    let mut parts = text.split('^');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    let right = match parts {
        (Some("ACK"), None, ..) => true,
        (Some(first), Some(second), third, None) => {
            code(first) && event(second) && third.is_none_or(structure)
        }
        _ => false,
    };
    if right { text } else { OTHER_TYPE }
}

/// A code or event of the site's own: a `Z` and two capital letters or digits.
fn is_z(text: &str) -> bool {
    let own = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(text.as_bytes(), [b'Z', rest @ ..] if rest.len() == 2 && rest.iter().all(own))
}

impl Tracer for Traces {
    fn wants(&self, entry: u64) -> bool {
        entry.is_multiple_of(self.one_in)
    }

    fn entry(&self, trace: EntryTrace) {
        let EntryTrace { entry, channel, message_type, is_message, outcome, .. } = &trace;
        let message_type = if *is_message { type_of(message_type) } else { message_type };
        let whole = Made {
            name: MESSAGE,
            kind: SpanKind::Server,
            time: (trace.received, trace.recorded.1),
            attributes: attributes(*entry, channel, message_type, outcome),
            failed: matches!(*outcome, "parked" | "refused"),
        };
        self.exporter.tell(self.span(*entry, MESSAGE, whole));
        self.exporter.tell(self.part(*entry, "decide", trace.decided));
        self.exporter.tell(self.part(*entry, "journal", trace.journaled));
        self.exporter.tell(self.part(*entry, "record", trace.recorded));
    }

    fn delivery(&self, trace: DeliveryTrace) {
        let Some(entry) = trace.entry() else { return };
        let DeliveryTrace { delivery, channel, kind, outcome, sent } = trace;
        let made = Made {
            name: "deliver",
            kind: SpanKind::Client,
            time: sent,
            attributes: attributes(entry, &channel, kind, outcome),
            failed: !matches!(outcome, "AA" | "CA" | "sent"),
        };
        // Each attempt is a span of its own.
        let what = format!("deliver {delivery} {}", sent.0.as_microsecond());
        self.exporter.tell(self.span(entry, &what, made));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_shape_of_a_type_is_told() {
        let check = |text: &str, expected: &str| assert_eq!(type_of(text), expected);
        check("ADT^A01", "ADT^A01");
        check("ADT^A01^ADT_A01", "ADT^A01^ADT_A01");
        check("ACK", "ACK");
        check("ZPM^Z01", "ZPM^Z01");
        check("OMS^ZZ1^OMS_ZZ1", "OMS^ZZ1^OMS_ZZ1");
        check("ACK^O11^ACK", "ACK^O11^ACK");
        // What stands there when fields are shifted.
        for shifted in ["SUE", "SUE^ANN", "smith", "H654321", "9990000018", "A01^ADT", "LEE^J01^X"]
        {
            check(shifted, OTHER_TYPE);
        }
        check("TEST, PATIENT", OTHER_TYPE);
        check("", OTHER_TYPE);
        check(&"A".repeat(33), OTHER_TYPE);
    }
}
