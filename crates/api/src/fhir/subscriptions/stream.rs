//! Telling a subscriber that reads a stream of server-sent events (HTML standard §9.2).
//!
//! The same as by POST, but that a notification is taken when it is handed to the connection: one
//! that was lost on the way is asked for again by the number of the last one that came
//! (`Last-Event-ID`). Where nobody reads, nothing is taken, and what happens waits in the journal.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use fhir::{Id, ResourceType};
use futures_core::Stream;
use medicines::subscriptions::Subscription;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::asked::Channel;
use super::pump::{Pump, journal};
use super::{Again, Asked, Notice, Type};
use crate::state::ApiState;

/// The most streams at the same time; each holds a connection.
const MAX_STREAMS: usize = 64;
/// The notifications that may wait for a reader who is slower than they come.
const WAITING: usize = 8;
/// How often a connection that says nothing is looked at, by a comment that means nothing.
const BREATH: Duration = Duration::from_secs(15);

type Messages = mpsc::Sender<Bytes>;

/// Whether a subscription is told on a stream.
pub(crate) fn is_stream(asked: &Asked) -> bool {
    asked.channel == Channel::Stream
}

/// Who reads what, by the subscription: one reader each.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    readers: Arc<Mutex<BTreeMap<Id, JoinHandle<()>>>>,
    /// Counts up when nobody is told any more.
    over: Arc<watch::Sender<u64>>,
}

impl Streams {
    pub(super) fn new() -> Self {
        Streams { readers: Arc::default(), over: Arc::new(watch::Sender::new(0)) }
    }

    /// Ends all streams.
    pub(super) fn end(&self) {
        self.over.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Id, JoinHandle<()>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A notification as an event of a stream; one that tells events has the number of the last one.
pub(super) fn message(kind: Type, number: Option<u64>, json: &str) -> Bytes {
    let id = number.map(|number| format!("id: {number}\n")).unwrap_or_default();
    let data = json.replace('\r', "").replace('\n', "\ndata: ");
    Bytes::from(format!("{id}event: {}\ndata: {data}\n\n", kind.code()))
}

/// Begins a stream; none where there are too many. A reader of the same subscription who is there
/// already is cut off first: events are told in one order alone. `last` is the number of the last
/// event that the reader has seen.
pub(crate) async fn begin(api: &ApiState, id: Id, last: Option<u64>) -> Option<Body> {
    let streams = &api.subscriptions.streams;
    let before = streams.lock().remove(&id);
    if let Some(before) = before {
        before.abort();
        // It has ended, by itself or because it was told to.
        let _ = before.await;
    }
    let (messages, came) = mpsc::channel(WAITING);
    let reader = Reader { api: api.clone(), id: id.clone(), messages };
    let mut readers = streams.lock();
    readers.retain(|_, reader| !reader.is_finished());
    if readers.len() >= MAX_STREAMS {
        return None;
    }
    if let Some(other) = readers.insert(id, tokio::spawn(reader.run(last))) {
        // Two came at the same moment: the later one reads.
        other.abort();
    }
    Some(Body::from_stream(Came(came)))
}

/// What came for the reader, as the body of an answer.
struct Came(mpsc::Receiver<Bytes>);

impl Stream for Came {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(Ok))
    }
}

struct Reader {
    api: ApiState,
    id: Id,
    messages: Messages,
}

impl Reader {
    /// Tells what was missed, then what happens, until either side has enough.
    async fn run(self, last: Option<u64>) {
        let mut over = self.api.subscriptions.streams.over.subscribe();
        tokio::select! {
            () = self.tell(last) => {}
            () = self.messages.closed() => {}
            () = self.breathe() => {}
            _ = over.changed() => {}
        }
        // What waits for a reader who is not there is no alarm.
        self.api.subscriptions.lock().remove(&self.id);
    }

    async fn tell(&self, last: Option<u64>) {
        let mut changed = self.api.subscriptions.changed.subscribe();
        let mut next = last.map(|last| last.saturating_add(1));
        loop {
            changed.borrow_and_update();
            let Some((one, asked)) = self.stands().await else { return };
            // What was missed ends where the telling begins, in the same look at the subscription:
            // what the reader before took meanwhile was lost with its connection. What it is still
            // being noted to have taken is told again, under the same number.
            if let Some(first) = next.take()
                && self.repeat(&one, &asked, first).await.is_none()
            {
                return;
            }
            let (version, asked) = (one.version, Arc::new(asked));
            let messages = Some(self.messages.clone());
            let pump = Pump { api: self.api.clone(), one, asked, seed: 0, messages };
            tokio::select! {
                () = pump.run() => {
                    // It ends because of something, or because it said how the subscription stands.
                    let now = self.stands().await;
                    if now.is_none_or(|(now, _)| now.version == version) {
                        return;
                    }
                }
                more = changed.changed() => if more.is_err() { return },
            }
        }
    }

    /// The subscription, where it is on and is read as a stream.
    async fn stands(&self) -> Option<(Subscription, Asked)> {
        let id = self.id.clone();
        let found = self.api.query(move |record| {
            let stored = record.read(ResourceType::Subscription, &id)?;
            Ok(record.subscription(&id)?.zip(stored))
        });
        let (one, stored) = found.await.ok()??;
        let asked = Asked::read(stored.json()).ok()?;
        (one.status.is_on() && asked.channel == Channel::Stream).then_some((one, asked))
    }

    /// Tells again what the reader has missed, from number `first` on.
    async fn repeat(&self, one: &Subscription, asked: &Asked, first: u64) -> Option<()> {
        let mut again = Again::new(&self.api.subscriptions, one, asked, first);
        while again.number() <= one.events {
            let first = again.number();
            let events = again.events(asked.count).await.ok()?;
            if events.is_empty() {
                // It is further on in the journal.
                continue;
            }
            journal(&self.api, one, asked.content, &events).await.ok()?;
            let last = again.number() - 1;
            let notice = Notice {
                base: &self.api.fhir_base,
                subscription: one,
                asked,
                kind: Type::Event,
                content: asked.content,
                now: self.api.engine.clock().now(),
                total: last,
                first,
                events: &events,
            };
            let message = message(Type::Event, Some(last), &notice.bundle());
            timeout(asked.timeout, self.messages.send(message)).await.ok()?.ok()?;
        }
        Some(())
    }

    /// Ends when the connection takes nothing any more.
    async fn breathe(&self) {
        let mut beat = tokio::time::interval_at(Instant::now() + BREATH, BREATH);
        loop {
            beat.tick().await;
            // Where messages wait there is no need to look.
            if let Err(mpsc::error::TrySendError::Closed(_)) =
                self.messages.try_send(Bytes::from_static(b":\n\n"))
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_event_of_a_stream() {
        let check = |kind, number, json: &str, expected: &str| {
            assert_eq!(message(kind, number, json), expected.as_bytes());
        };
        check(Type::Event, Some(7), "{}", "id: 7\nevent: event-notification\ndata: {}\n\n");
        check(Type::Heartbeat, None, "{}", "event: heartbeat\ndata: {}\n\n");
        check(Type::Handshake, None, "{\r\n}", "event: handshake\ndata: {\ndata: }\n\n");
    }
}
