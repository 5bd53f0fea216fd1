//! What the senders and the one who breaks things tell each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a sender waits before it looks again whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What a message is to bring about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Deed {
    /// A patient is admitted.
    Admit,
    /// The patient changes the ward.
    Move,
    /// The patient leaves.
    Discharge,
    /// An order is new.
    Place,
    /// An order has another dose.
    Change,
    /// An order is held.
    Hold,
    /// An order is live again.
    Resume,
    /// An order is stopped.
    Stop,
    /// A unit is taken on an order; whether the order was live.
    Remove {
        /// Whether nobody has to look at it.
        covered: bool,
    },
}

/// A message of one connection.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// MSH-10, unique over all connections.
    pub(super) control_id: String,
    /// The bytes without the frame.
    pub(super) bytes: Vec<u8>,
    /// The hospital number of the patient.
    pub(super) patient: String,
    /// The placer's number of the order that it is about.
    pub(super) order: Option<String>,
    /// What it is to bring about.
    pub(super) deed: Deed,
    /// MSA-1 of its acknowledgement, once there is one.
    pub(super) answer: Option<String>,
}

/// What all threads share.
#[derive(Debug, Default)]
pub(super) struct Board {
    node: Mutex<Option<SocketAddr>>,
    changed: Condvar,
    stopping: AtomicBool,
    given_up: AtomicBool,
    /// Each connection's messages, in the order in which they were sent.
    books: Vec<Mutex<Vec<Message>>>,
    /// How many were acknowledged.
    pub(super) acknowledged: AtomicU64,
    /// How many sendings were repeats of a message that got no answer.
    pub(super) resent: AtomicU64,
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    /// A board for so many connections.
    pub(super) fn new(connections: usize) -> Self {
        let books = (0..connections).map(|_| Mutex::default()).collect();
        Board { books, ..Board::default() }
    }

    /// Says where the node is, or that it is nowhere.
    pub(super) fn set_node(&self, at: Option<SocketAddr>) {
        *held(&self.node) = at;
        self.changed.notify_all();
    }

    /// Waits until there is a node; `None` once it is to be given up.
    pub(super) fn node(&self) -> Option<SocketAddr> {
        let mut node = held(&self.node);
        loop {
            if self.gave_up() {
                return None;
            }
            if let Some(address) = *node {
                return Some(address);
            }
            let waited = self.changed.wait_timeout(node, LOOK);
            node = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No new message is begun; those under way are sent until they are acknowledged.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether no new message is to be begun.
    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed) || self.gave_up()
    }

    /// Everybody goes home at once, whatever is not acknowledged.
    pub(super) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
        self.changed.notify_all();
    }

    fn gave_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Writes a message down before it is sent for the first time.
    pub(super) fn begin(&self, connection: usize, message: Message) {
        held(&self.books[connection]).push(message);
    }

    /// Writes down that the newest message of a connection was acknowledged.
    pub(super) fn acknowledge(&self, connection: usize, code: String) {
        if let Some(message) = held(&self.books[connection]).last_mut() {
            message.answer = Some(code);
        }
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// All messages of all connections as they are now.
    pub(super) fn books(&self) -> Vec<Vec<Message>> {
        self.books.iter().map(|book| held(book).clone()).collect()
    }

    /// How many messages were sent, how many of them still wait for an answer.
    pub(super) fn counts(&self) -> (u64, u64) {
        let (mut sent, mut open) = (0, 0);
        for book in &self.books {
            let book = held(book);
            sent += book.len() as u64;
            open += book.iter().rev().take(1).filter(|last| last.answer.is_none()).count() as u64;
        }
        (sent, open)
    }

    /// How many messages brought about what, for the report.
    pub(super) fn deeds(&self) -> BTreeMap<&'static str, u64> {
        let mut deeds = BTreeMap::new();
        for book in &self.books {
            for message in held(book).iter() {
                *deeds.entry(message.deed.word()).or_default() += 1;
            }
        }
        deeds
    }
}

impl Deed {
    /// The word for it in a report.
    pub(super) fn word(self) -> &'static str {
        match self {
            Deed::Admit => "admitted",
            Deed::Move => "moved",
            Deed::Discharge => "discharged",
            Deed::Place => "ordered",
            Deed::Change => "changed",
            Deed::Hold => "held",
            Deed::Resume => "resumed",
            Deed::Stop => "stopped",
            Deed::Remove { .. } => "removed",
        }
    }
}
