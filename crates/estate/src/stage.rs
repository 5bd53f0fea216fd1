//! What all actors share: the clock, the switches, the book, and what the node was told.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::book::{Book, Finding, LinkCounts};
use crate::clock::SimClock;
use crate::config::EstateConfig;
use crate::faults::{FaultBoard, Faults};
use crate::wire::outbox::Told;

/// The most findings that are kept; a node that gets everything wrong needs no longer list.
const MAX_FINDINGS: usize = 5_000;

pub(crate) struct Stage {
    pub(crate) config: EstateConfig,
    pub(crate) board: FaultBoard,
    pub(crate) told: Arc<Told>,
    book: Mutex<Book>,
    /// Nobody waits any more: the hospital is closing.
    hurry: watch::Sender<bool>,
    /// How many visits are under way.
    visits: watch::Sender<usize>,
    heard_at: Mutex<Instant>,
}

impl Stage {
    pub(crate) fn new(config: EstateConfig) -> Arc<Self> {
        let board = FaultBoard::new(config.faults);
        Arc::new(Stage {
            config,
            board,
            told: Arc::default(),
            book: Mutex::default(),
            hurry: watch::Sender::new(false),
            visits: watch::Sender::new(0),
            heard_at: Mutex::new(Instant::now()),
        })
    }

    pub(crate) fn clock(&self) -> SimClock {
        self.config.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock().now()
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes into the counts of a link.
    pub(crate) fn count(&self, link: &str, write: impl FnOnce(&mut LinkCounts)) {
        let mut book = self.book();
        if let Some(counts) = book.links.get_mut(link) {
            write(counts);
        } else {
            write(book.links.entry(link.to_owned()).or_default());
        }
    }

    pub(crate) fn finding(&self, finding: Finding) {
        let mut book = self.book();
        if book.findings.len() < MAX_FINDINGS {
            book.findings.push(finding);
        }
    }

    pub(crate) fn pass_over(&self, reason: &'static str) {
        *self.book().passed_over.entry(reason).or_default() += 1;
    }

    /// Waits for simulated time, or until nobody waits any more.
    pub(crate) async fn pause(&self, wait: SignedDuration) {
        let mut hurry = self.hurry.subscribe();
        let (clock, until) = (self.clock(), self.now() + wait);
        tokio::select! {
            () = clock.sleep_until(until) => {}
            _ = hurry.wait_for(|hurry| *hurry) => {}
        }
    }

    /// Whether what a cabinet is told may lag behind for a reason that is the estate's own.
    pub(crate) fn is_disturbed(&self, cabinet: &str) -> bool {
        let link = format!("{cabinet}/profile");
        self.board.of(&link) != Faults::none() || self.board.is_cut(&link) || self.hurries()
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.hurry.subscribe()
    }

    pub(crate) fn set_hurry(&self, hurry: bool) {
        self.hurry.send_replace(hurry);
    }

    pub(crate) fn hurries(&self) -> bool {
        *self.hurry.borrow()
    }

    pub(crate) fn visit_begins(&self) {
        self.visits.send_modify(|visits| *visits += 1);
    }

    pub(crate) fn visit_ends(&self) {
        self.visits.send_modify(|visits| *visits = visits.saturating_sub(1));
    }

    pub(crate) fn visits(&self) -> usize {
        *self.visits.borrow()
    }

    /// Notes that the node has just told something.
    pub(crate) fn heard(&self) {
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// When the node last told something, in real time.
    pub(crate) fn heard_at(&self) -> Instant {
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
