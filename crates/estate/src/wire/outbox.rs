//! What waits to be sent on a link, and who waits for what to be told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// Past so many waiting messages on one link the hospital holds still until the node catches up.
pub(crate) const MAX_WAITING: usize = 50_000;

/// What a message is about: the messages of one subject keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Patient(usize),
    Order(u32),
}

/// A message to be sent until it is acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    /// MSH-10.
    pub(crate) control_id: String,
    /// The message, without its frame.
    pub(crate) bytes: Vec<u8>,
    /// What it tells of; counted when it is acknowledged.
    pub(crate) subjects: Vec<Subject>,
    /// What the node must have been told before.
    pub(crate) needs: Vec<(Subject, u32)>,
    /// The patient whose order of messages it belongs to; none keeps its place among all.
    pub(crate) lane: Option<usize>,
}

impl Outgoing {
    /// Whether this message may go before `other`.
    pub(crate) fn may_overtake(&self, other: &Outgoing) -> bool {
        matches!((self.lane, other.lane), (Some(one), Some(two)) if one != two)
    }
}

/// How often each subject was to be told, and how often the node has acknowledged it.
#[derive(Debug, Default)]
pub(crate) struct Told {
    counts: Mutex<HashMap<Subject, (u32, u32)>>,
    changed: Notify,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, (u32, u32)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queued(&self, subjects: &[Subject]) {
        let mut counts = self.lock();
        for subject in subjects {
            counts.entry(*subject).or_default().0 += 1;
        }
    }

    /// The node has acknowledged a message about these.
    pub(crate) fn acknowledged(&self, subjects: &[Subject]) {
        let mut counts = self.lock();
        for subject in subjects {
            counts.entry(*subject).or_default().1 += 1;
        }
        drop(counts);
        self.changed.notify_waiters();
    }

    /// How often the subject was to be told until now.
    pub(crate) fn so_far(&self, subject: Subject) -> u32 {
        self.lock().get(&subject).map_or(0, |(queued, _)| *queued)
    }

    /// Whether the node knows everything about the subject that was to be told.
    pub(crate) fn is_settled(&self, subject: Subject) -> bool {
        self.lock().get(&subject).is_none_or(|(queued, told)| queued == told)
    }

    /// Waits until the subject was told so often.
    pub(crate) async fn reaches(&self, subject: Subject, count: u32) {
        loop {
            let changed = self.changed.notified();
            if self.lock().get(&subject).map_or(0, |(_, told)| *told) >= count {
                return;
            }
            changed.await;
        }
    }
}

/// How many messages were put into an outbox, and how many of them the node has.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    pushed: usize,
    finished: usize,
}

/// The queue of a link. It loses nothing: a message leaves it when the node has it.
#[derive(Debug)]
pub(crate) struct Outbox {
    waiting: Mutex<VecDeque<Outgoing>>,
    progress: watch::Sender<Progress>,
    arrived: Notify,
    told: Arc<Told>,
}

impl Outbox {
    pub(crate) fn new(told: Arc<Told>) -> Arc<Self> {
        Arc::new(Outbox {
            waiting: Mutex::default(),
            progress: watch::Sender::default(),
            arrived: Notify::new(),
            told,
        })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Outgoing>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message at the end.
    pub(crate) fn push(&self, message: Outgoing) {
        self.told.queued(&message.subjects);
        self.progress.send_modify(|progress| progress.pushed += 1);
        self.lock().push_back(message);
        self.arrived.notify_one();
    }

    /// The next message to send. With `overtake` the second comes first, where both allow it.
    pub(crate) async fn next(&self, overtake: bool) -> Outgoing {
        loop {
            {
                let mut waiting = self.lock();
                let second = waiting.get(1).zip(waiting.front());
                if overtake && second.is_some_and(|(second, first)| second.may_overtake(first)) {
                    waiting.swap(0, 1);
                }
                if let Some(message) = waiting.pop_front() {
                    return message;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// The node has the message.
    pub(crate) fn finished(&self, message: &Outgoing) {
        self.told.acknowledged(&message.subjects);
        self.progress.send_modify(|progress| progress.finished += 1);
    }

    /// How many messages the node does not have yet.
    pub(crate) fn pending(&self) -> usize {
        let progress = *self.progress.borrow();
        progress.pushed.saturating_sub(progress.finished)
    }

    /// Waits until the node has everything that was put in until now.
    pub(crate) async fn drained(&self) {
        let mut progress = self.progress.subscribe();
        let pushed = progress.borrow().pushed;
        // The sender of the progress is this outbox, which is alive as long as it is borrowed.
        let _ = progress.wait_for(|progress| progress.finished >= pushed).await;
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn about(control_id: &str, patient: usize) -> Outgoing {
        Outgoing {
            control_id: control_id.to_owned(),
            bytes: control_id.as_bytes().to_vec(),
            subjects: vec![Subject::Patient(patient)],
            needs: Vec::new(),
            lane: Some(patient),
        }
    }

    async fn order_of(messages: &[(&str, Option<usize>)]) -> String {
        let outbox = Outbox::new(Arc::default());
        for (id, lane) in messages {
            outbox.push(Outgoing { lane: *lane, ..about(id, 0) });
        }
        let mut order = String::new();
        for _ in messages {
            order += &outbox.next(true).await.control_id;
        }
        order
    }

    #[tokio::test]
    async fn only_messages_of_different_patients_overtake() {
        let (one, two) = (Some(1), Some(2));
        assert_eq!(order_of(&[("a", one), ("b", two)]).await, "ba");
        assert_eq!(order_of(&[("a", one), ("b", one)]).await, "ab");
        assert_eq!(order_of(&[("a", None), ("b", two)]).await, "ab");
        assert_eq!(order_of(&[("a", one), ("b", None), ("c", two)]).await, "abc");
    }

    #[tokio::test]
    async fn a_subject_is_settled_when_all_of_it_is_told() {
        let told = Arc::new(Told::default());
        let outbox = Outbox::new(told.clone());
        let subject = Subject::Patient(3);
        assert!(told.is_settled(subject));
        outbox.push(about("a", 3));
        assert!(!told.is_settled(subject));
        assert_eq!((told.so_far(subject), outbox.pending()), (1, 1));
        let message = outbox.next(false).await;
        outbox.finished(&message);
        told.reaches(subject, 1).await;
        outbox.drained().await;
        assert!(told.is_settled(subject));
    }
}
