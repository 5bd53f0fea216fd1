//! Messages that the peer has stored and whose application acknowledgement is to come.

use std::collections::{HashMap, HashSet, VecDeque};

use fhir::Id;
use medicines::deliveries::Delivery;
use tokio::time::{Duration, Instant};

/// The most messages of one channel that may wait for an application acknowledgement. When there
/// are as many, nothing more is sent until some have ended.
pub(super) const MAX_OUTSTANDING: usize = 1000;

/// What waits for an application acknowledgement, and since when. The times are those of this
/// process: a jump of the clock lets nothing time out, and a start gives the peer its whole time
/// again.
#[derive(Debug)]
pub(super) struct Outstanding {
    waiting: HashMap<Id, (Delivery, u64)>,
    /// In the order of their times, since all may take equally long.
    until: VecDeque<(Instant, Id)>,
    patience: Duration,
}

impl Outstanding {
    pub(super) fn new(patience: Duration) -> Self {
        Outstanding { waiting: HashMap::new(), until: VecDeque::new(), patience }
    }

    /// The peer has stored a message that was sent `tries` times before.
    pub(super) fn add(&mut self, delivery: Delivery, tries: u64, now: Instant) {
        let id = delivery.id.clone();
        if self.waiting.insert(id.clone(), (delivery, tries)).is_none() {
            self.until.push_back((now + self.patience, id));
        }
    }

    /// The message is answered, where it waits for an answer.
    pub(super) fn take(&mut self, id: &str) -> Option<(Delivery, u64)> {
        let id = Id::new(id).ok()?;
        self.waiting.remove(&id)
    }

    /// Whether nothing more may be added.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_OUTSTANDING
    }

    /// When the next one has waited long enough.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        while self.until.front().is_some_and(|(_, id)| !self.waiting.contains_key(id)) {
            self.until.pop_front();
        }
        self.until.front().map(|(at, _)| *at)
    }

    /// Takes one that has waited long enough at `now`.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<(Delivery, u64)> {
        self.next_due().filter(|at| *at <= now)?;
        let (_, id) = self.until.pop_front()?;
        self.waiting.remove(&id)
    }

    /// Forgets all but these: the others were answered on another connection.
    pub(super) fn keep(&mut self, ids: &HashSet<Id>) {
        self.waiting.retain(|id, _| ids.contains(id));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fhir::ResourceType;
    use medicines::deliveries::{Notice, VersionOf};

    use super::*;

    fn delivery(text: &str) -> Delivery {
        let id = Id::new(text).unwrap();
        let version =
            VersionOf { resource_type: ResourceType::Patient, id: id.clone(), version: 1 };
        Delivery {
            id: id.clone(),
            channel: Arc::from("cabinets"),
            key: id,
            notice: Notice::Dispense { dispense: version.clone(), patient: version },
            profile: false,
            at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_answered_is_not_overdue_and_the_rest_is_in_its_order() {
        let second = Duration::from_secs(1);
        let mut outstanding = Outstanding::new(second);
        let now = Instant::now();
        for (text, after) in [("a", 0), ("b", 1), ("c", 2)] {
            outstanding.add(delivery(text), 0, now + second * after);
        }
        assert_eq!(outstanding.overdue(now), None);
        assert_eq!(outstanding.take("a").unwrap().0.id.as_str(), "a");
        assert_eq!(outstanding.take("a"), None, "an answer is taken once");
        assert_eq!(outstanding.take("not an id!"), None);
        assert_eq!(outstanding.next_due(), Some(now + second * 2));
        assert_eq!(outstanding.overdue(now + second * 2).unwrap().0.id.as_str(), "b");
        outstanding.keep(&HashSet::new());
        assert_eq!(outstanding.next_due(), None);
    }
}
