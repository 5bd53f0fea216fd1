//! Spans for a collector: OTLP over HTTP in its JSON encoding (OpenTelemetry protocol 1.5).
//!
//! A thread of its own sends them in batches. The queue to it is bounded and nobody waits for it:
//! what does not fit, and what the collector does not take, is dropped and counted.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::post::Post;

/// The most spans between those who make them and the thread that sends them.
const QUEUE_SPANS: usize = 8_192;
/// The most spans in one request.
const BATCH_SPANS: usize = 512;
/// How long spans are gathered before they are sent.
const GATHER: Duration = Duration::from_secs(2);
/// How often a batch is offered before it is dropped.
const TRIES: u32 = 3;
/// How long the thread waits after the first time that a batch was not taken.
const RETRY: Duration = Duration::from_secs(1);

/// What a span tells of: who did something for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Something that the node did by itself.
    Internal,
    /// Something that a peer asked for.
    Server,
    /// Something that the node asked of a peer.
    Client,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A number.
    Number(u64),
    /// A word.
    Word(String),
}

/// One span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// The trace that it belongs to.
    pub trace: [u8; 16],
    /// Its own id.
    pub id: [u8; 8],
    /// The span that it is a part of.
    pub parent: Option<[u8; 8]>,
    /// What was done.
    pub name: &'static str,
    /// For whom.
    pub kind: SpanKind,
    /// From when to when.
    pub time: (Timestamp, Timestamp),
    /// What is known of it.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Whether it went wrong.
    pub failed: bool,
}

/// How many spans came to which end since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpanCounts {
    /// The collector took them.
    pub sent: u64,
    /// There was no room for them.
    pub dropped: u64,
    /// The collector did not take them.
    pub failed: u64,
}

#[derive(Debug, Default)]
struct Counters {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// Hands spans to the thread that sends them; a clone hands them to the same one. The thread ends
/// when all are dropped, after what was handed over is sent or was offered once; a process that
/// ends sooner loses what waits.
#[derive(Debug, Clone)]
pub struct Exporter {
    queue: SyncSender<SpanRecord>,
    counters: Arc<Counters>,
}

impl Exporter {
    /// Starts the thread. `resource` says whose spans they are: names and values.
    pub fn start(place: Post, resource: &[(&str, &str)]) -> std::io::Result<Exporter> {
        let (queue, spans) = sync_channel(QUEUE_SPANS);
        let counters = Arc::new(Counters::default());
        let attributes = resource
            .iter()
            .map(|(name, value)| json!({ "key": name, "value": { "stringValue": value } }));
        let resource = json!({ "attributes": attributes.collect::<Vec<_>>() });
        let sender = Sender { place, resource, counters: Arc::clone(&counters) };
        thread::Builder::new().name("traces".to_owned()).spawn(move || sender.run(&spans))?;
        Ok(Exporter { queue, counters })
    }

    /// Hands over a span; never blocks.
    pub fn tell(&self, span: SpanRecord) {
        if self.queue.try_send(span).is_err() {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of spans.
    pub fn counts(&self) -> SpanCounts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { sent, dropped, failed } = &*self.counters;
        SpanCounts { sent: load(sent), dropped: load(dropped), failed: load(failed) }
    }
}

struct Sender {
    place: Post,
    resource: Value,
    counters: Arc<Counters>,
}

impl Sender {
    fn run(&self, spans: &Receiver<SpanRecord>) {
        let mut batch = Vec::with_capacity(BATCH_SPANS);
        while let Ok(first) = spans.recv() {
            batch.push(first);
            let until = Instant::now() + GATHER;
            let mut ended = false;
            while batch.len() < BATCH_SPANS && !ended {
                match spans.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(span) => batch.push(span),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => ended = true,
                }
            }
            // A node that stops does not wait for a collector that is not there.
            self.send(&batch, if ended { 1 } else { TRIES });
            batch.clear();
        }
    }

    fn send(&self, batch: &[SpanRecord], tries: u32) {
        let body = request(&self.resource, batch).to_string();
        let count = batch.len() as u64;
        let mut wait = RETRY;
        for left in (0..tries).rev() {
            match self.place.send(body.clone()) {
                Ok(()) => {
                    self.counters.sent.fetch_add(count, Ordering::Relaxed);
                    return;
                }
                Err(_) if left > 0 => {
                    thread::sleep(wait);
                    wait *= 2;
                }
                Err(error) => tracing::warn!(%error, spans = count, "spans were not taken"),
            }
        }
        self.counters.failed.fetch_add(count, Ordering::Relaxed);
    }
}

/// An `ExportTraceServiceRequest`.
fn request(resource: &Value, spans: &[SpanRecord]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({ "resourceSpans": [{
        "resource": resource,
        "scopeSpans": [{ "scope": { "name": "interlock" }, "spans": spans }],
    }] })
}

/// Ids are hexadecimal, whole numbers of 64 bits are strings: so the JSON encoding of OTLP.
fn span(span: &SpanRecord) -> Value {
    let kind = match span.kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
    };
    let attributes = span.attributes.iter().map(|(name, value)| {
        let value = match value {
            Attribute::Number(number) => json!({ "intValue": number.to_string() }),
            Attribute::Word(word) => json!({ "stringValue": word }),
        };
        json!({ "key": name, "value": value })
    });
    let mut written = json!({
        "traceId": hexadecimal(&span.trace),
        "spanId": hexadecimal(&span.id),
        "name": span.name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds(span.time.0),
        "endTimeUnixNano": nanoseconds(span.time.1.max(span.time.0)),
        "attributes": attributes.collect::<Vec<_>>(),
        "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let Some(parent) = &span.parent {
        written["parentSpanId"] = hexadecimal(parent).into();
    }
    written
}

fn nanoseconds(at: Timestamp) -> String {
    at.as_nanosecond().max(0).to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_written_as_otlp_json() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let record = SpanRecord {
            trace: [0xab; 16],
            id: [1; 8],
            parent: Some([2; 8]),
            name: "deliver",
            kind: SpanKind::Client,
            time: (at(1_800_000_000), at(1_800_000_001)),
            attributes: vec![
                ("interlock.entry", Attribute::Number(1042)),
                ("interlock.channel", Attribute::Word("to-a".to_owned())),
            ],
            failed: true,
        };
        let expected = json!({
            "traceId": "abababababababababababababababab",
            "spanId": "0101010101010101",
            "parentSpanId": "0202020202020202",
            "name": "deliver",
            "kind": 3,
            "startTimeUnixNano": "1800000000000000000",
            "endTimeUnixNano": "1800000001000000000",
            "attributes": [
                { "key": "interlock.entry", "value": { "intValue": "1042" } },
                { "key": "interlock.channel", "value": { "stringValue": "to-a" } },
            ],
            "status": { "code": 2 },
        });
        assert_eq!(span(&record), expected);
        let back = SpanRecord { parent: None, time: (at(9), at(8)), failed: false, ..record };
        let written = span(&back);
        assert_eq!(written["startTimeUnixNano"], written["endTimeUnixNano"]);
        assert!(written.get("parentSpanId").is_none());
        assert_eq!(written["status"], json!({}));
    }
}
