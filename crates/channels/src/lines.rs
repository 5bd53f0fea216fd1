//! What inbound channels need to know of the outbound channels of their node: whether a queue is
//! full, and whose application acknowledgements come to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::Engine;
use tokio::time::{Duration, Instant};

use crate::config::{ChannelConfig, QueueLimit};
use crate::sender::Policy;

/// How long a look at a queue counts. It is one short read of the record.
const FRESH: Duration = Duration::from_millis(200);

/// A queue that was full has room again when it is down to nine tenths of its limit, so that its
/// sources are not told of every message.
const ROOM: (u64, u64) = (9, 10);

/// The outbound channels that run; a cheap handle on a shared table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<BTreeMap<String, Line>>>);

#[derive(Debug, Clone)]
struct Line {
    answers_on: Option<String>,
    policy: Policy,
    limit: QueueLimit,
    full: bool,
    looked: Option<Instant>,
}

impl Lines {
    /// An outbound channel runs.
    pub(crate) fn add(&self, config: &ChannelConfig) {
        let line = Line {
            answers_on: config.application_ack_from.clone().filter(|_| config.wants_application()),
            policy: Policy::of(config),
            limit: config.queue_limit,
            full: false,
            looked: None,
        };
        self.table().insert(config.name.clone(), line);
    }

    /// It does not run any more. What it has queued still counts when it runs again.
    pub(crate) fn remove(&self, name: &str) {
        self.table().remove(name);
    }

    /// The policy of an outbound channel whose application acknowledgements come on `inbound`.
    pub(crate) fn answered_on(&self, inbound: &str, outbound: &str) -> Option<Policy> {
        let table = self.table();
        let line = table.get(outbound)?;
        (line.answers_on.as_deref() == Some(inbound)).then_some(line.policy)
    }

    /// The first of these outbound channels whose queue is full. A record that cannot be read
    /// keeps nobody out: the engine stops then, and says so.
    pub(crate) async fn full(&self, feeds: &[String], engine: &Engine) -> Option<String> {
        for name in feeds {
            if self.is_full(name, engine).await {
                return Some(name.clone());
            }
        }
        None
    }

    async fn is_full(&self, name: &str, engine: &Engine) -> bool {
        let Some(line) = self.table().get(name).cloned() else {
            return false;
        };
        if line.limit == QueueLimit::default() {
            return false;
        }
        if line.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
            return line.full;
        }
        let (readers, queue) = (engine.readers(), name.to_owned());
        let reading = tokio::task::spawn_blocking(move || readers.as_it_is()?.queue(&queue));
        let Ok(Ok(queue)) = reading.await else {
            return false;
        };
        let now = engine.clock().now();
        let (depth, age) = queue.map_or((0, 0), |queue| {
            let age = now.duration_since(queue.oldest).as_secs().max(0);
            (queue.depth, u64::try_from(age).unwrap_or(0))
        });
        let full = line.limit.is_reached(line.full, depth, age);
        if let Some(line) = self.table().get_mut(name) {
            line.full = full;
            line.looked = Some(Instant::now());
        }
        full
    }

    /// The guard of the table. Every change under it is a plain assignment, so a thread that
    /// panicked has left nothing half done.
    fn table(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueLimit {
    /// Whether a queue of that depth, whose oldest message is `age` seconds old, is full; `before`
    /// says whether it was.
    fn is_reached(self, before: bool, depth: u64, age: u64) -> bool {
        let over = |limit: Option<u64>, value: u64| {
            let limit = limit.map(|most| if before { most / ROOM.1 * ROOM.0 } else { most });
            limit.is_some_and(|most| value >= most.max(1))
        };
        over(self.messages, depth) || over(self.age_s, age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_needs_some_room_before_it_is_not_full() {
        let check = |before: bool, depth: u64, age: u64, full: bool| {
            let limit = QueueLimit { messages: Some(1000), age_s: Some(60) };
            assert_eq!(limit.is_reached(before, depth, age), full, "{before} {depth} {age}");
        };
        check(false, 999, 59, false);
        check(false, 1000, 0, true);
        check(false, 0, 60, true);
        check(true, 950, 0, true);
        check(true, 900, 0, true);
        check(true, 899, 53, false);
        check(true, 0, 54, true);
        assert!(!QueueLimit::default().is_reached(true, u64::MAX, u64::MAX));
        let one = QueueLimit { messages: Some(1), age_s: None };
        assert!(one.is_reached(true, 1, 0) && !one.is_reached(true, 0, 0));
    }
}
