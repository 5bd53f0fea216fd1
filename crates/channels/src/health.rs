//! How each channel does: what people see of it, without patient data.
//!
//! The tasks of a channel write through a [`Meter`]; pages and the API read [`Health::all`].
//! A counter is an atomic, so a message costs a few additions and one short lock at most.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tally::{ChannelTally, Tally};

/// Which way messages flow on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The peer connects and sends.
    Inbound,
    /// We connect and send.
    Outbound,
}

/// Whether the peer can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// A connection is open.
    Up,
    /// The last attempt failed, or the listener is gone.
    Down,
    /// No connection is open and none is missing.
    Idle,
}

/// One channel as it is now. It holds no patient data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelHealth {
    /// The channel.
    pub name: Arc<str>,
    /// Which way it goes.
    pub direction: Direction,
    /// Whether the peer can be reached.
    pub state: LinkState,
    /// When the peer last sent a whole message or acknowledgement.
    pub last_seen: Option<Timestamp>,
    /// The code of the last thing that went wrong since the channel was last well.
    pub last_error: Option<&'static str>,
    /// How many things went wrong on the line since the start: noise, half frames, time-outs,
    /// acknowledgements that match nothing.
    pub errors: u64,
    /// Messages (outbound) or acknowledgements (inbound) sent since the start.
    pub sent: u64,
    /// Messages (inbound) or acknowledgements (outbound) received since the start.
    pub received: u64,
    /// Messages refused since the start: by us (inbound) or by the peer (outbound).
    pub refused: u64,
    /// Messages that wait to be sent, or whose outcome is unknown.
    pub queue: u64,
    /// When the oldest of these was queued.
    pub oldest: Option<Timestamp>,
    /// How long that is ago, in seconds.
    pub oldest_age_s: Option<i64>,
    /// Connections that are open now.
    pub connections: usize,
    /// How far the peer's clock is ahead of ours, in seconds; below zero where it is behind.
    ///
    /// It is the most that any message of the last ten minutes seems to come from the future. A
    /// message that waited somewhere seems old, and says nothing of the clock; but when the newest
    /// of all of them does, the clock is behind or the peer is late, and either is worth telling.
    pub skew_s: Option<i64>,
    /// When the first certificate of this channel, ours or one that a peer has shown, stops being
    /// good; none without TLS.
    pub certificate: Option<Timestamp>,
}

/// The health of all channels; a cheap handle on shared counters.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<BTreeMap<Arc<str>, Meter>>>);

/// What the tasks of one channel write to; a cheap handle on shared counters.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Gauges>);

#[derive(Debug)]
struct Gauges {
    name: Arc<str>,
    direction: Direction,
    last_seen_us: AtomicI64,
    errors: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    refused: AtomicU64,
    connections: AtomicUsize,
    tally: Tally,
    slow: Mutex<Slow>,
}

/// What changes rarely.
#[derive(Debug)]
struct Slow {
    state: LinkState,
    last_error: Option<&'static str>,
    queue: u64,
    oldest: Option<Timestamp>,
    skew: Skew,
    /// When our own certificate ends.
    own_certificate: Option<Timestamp>,
    /// When those end that peers have shown, by whose they are.
    peer_certificates: BTreeMap<String, Timestamp>,
}

/// The most peers of one channel whose certificates are watched.
const MAX_WATCHED_PEERS: usize = 256;

/// How far a peer's clock seems ahead, in seconds: the most of this span of time and of the one
/// before it.
#[derive(Debug, Default)]
struct Skew {
    span: i64,
    now: Option<i64>,
    before: Option<i64>,
}

/// How long a span of [`Skew`] is, in seconds.
const SKEW_SPAN_S: i64 = 300;

impl Skew {
    fn turn(&mut self, at: Timestamp) {
        let span = at.as_second().div_euclid(SKEW_SPAN_S);
        match span - self.span {
            0 => {}
            1 => (self.before, self.now) = (self.now, None),
            _ => (self.before, self.now) = (None, None),
        }
        self.span = span;
    }

    fn note(&mut self, written: Timestamp, at: Timestamp) {
        self.turn(at);
        let ahead = written.duration_since(at).as_secs();
        self.now = self.now.max(Some(ahead));
    }

    fn most(&mut self, at: Timestamp) -> Option<i64> {
        self.turn(at);
        self.now.max(self.before)
    }
}

/// The value of `last_seen_us` before anything was seen.
const NEVER: i64 = i64::MIN;

impl Health {
    /// A registry without channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a channel, or gives back the meter of the channel that has that name.
    pub fn register(&self, name: &Arc<str>, direction: Direction) -> Meter {
        lock(&self.0)
            .entry(Arc::clone(name))
            .or_insert_with(|| Meter::new(Arc::clone(name), direction))
            .clone()
    }

    /// Forgets a channel: it was removed, or begins anew.
    pub fn remove(&self, name: &str) {
        lock(&self.0).remove(name);
    }

    /// Every channel as it is at `now`, by name.
    pub fn all(&self, now: Timestamp) -> Vec<ChannelHealth> {
        let meters: Vec<Meter> = lock(&self.0).values().cloned().collect();
        meters.iter().map(|meter| meter.read(now)).collect()
    }

    /// What was counted of every channel since it started, by name.
    pub fn tallies(&self) -> Vec<ChannelTally> {
        let meters: Vec<Meter> = lock(&self.0).values().cloned().collect();
        let tally = |Meter(gauges): &Meter| gauges.tally.read(&gauges.name, gauges.direction);
        meters.iter().map(tally).collect()
    }

    /// One channel as it is at `now`.
    pub fn get(&self, name: &str, now: Timestamp) -> Option<ChannelHealth> {
        let meter = lock(&self.0).get(name).cloned();
        meter.map(|meter| meter.read(now))
    }
}

impl Meter {
    /// A meter that is in no registry, for a task that runs alone.
    pub fn new(name: Arc<str>, direction: Direction) -> Self {
        Meter(Arc::new(Gauges {
            name,
            direction,
            last_seen_us: AtomicI64::new(NEVER),
            errors: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            tally: Tally::new(),
            slow: Mutex::new(Slow {
                state: LinkState::Idle,
                last_error: None,
                queue: 0,
                oldest: None,
                skew: Skew::default(),
                own_certificate: None,
                peer_certificates: BTreeMap::new(),
            }),
        }))
    }

    /// The channel's name.
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// The channel as it is at `now`.
    pub fn read(&self, now: Timestamp) -> ChannelHealth {
        let gauges = &*self.0;
        let mut slow = lock(&gauges.slow);
        let skew_s = slow.skew.most(now);
        let peers = slow.peer_certificates.values().min().copied();
        let seen = gauges.last_seen_us.load(Ordering::Relaxed);
        ChannelHealth {
            name: Arc::clone(&gauges.name),
            direction: gauges.direction,
            state: slow.state,
            last_seen: (seen != NEVER).then(|| Timestamp::from_microsecond(seen).ok()).flatten(),
            last_error: slow.last_error,
            errors: gauges.errors.load(Ordering::Relaxed),
            sent: gauges.sent.load(Ordering::Relaxed),
            received: gauges.received.load(Ordering::Relaxed),
            refused: gauges.refused.load(Ordering::Relaxed),
            queue: slow.queue,
            oldest: slow.oldest,
            oldest_age_s: slow.oldest.map(|at| now.duration_since(at).as_secs().max(0)),
            connections: gauges.connections.load(Ordering::Relaxed),
            skew_s,
            certificate: slow.own_certificate.into_iter().chain(peers).min(),
        }
    }

    /// Where more is counted.
    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// The peer sent something whole.
    pub(crate) fn seen(&self, at: Timestamp) {
        self.0.received.fetch_add(1, Ordering::Relaxed);
        self.0.last_seen_us.store(at.as_microsecond(), Ordering::Relaxed);
    }

    /// The peer says that it wrote a message at `written`; it came at `at`.
    pub(crate) fn written(&self, written: Timestamp, at: Timestamp) {
        lock(&self.0.slow).skew.note(written, at);
    }

    /// The channel starts, with our own certificate that ends at that time.
    pub(crate) fn starts(&self, ends: Option<Timestamp>) {
        let mut slow = lock(&self.0.slow);
        slow.own_certificate = ends;
        slow.peer_certificates.clear();
    }

    /// Our own certificate was renewed and ends at that time; none without one.
    pub(crate) fn own_certificate(&self, ends: Option<Timestamp>) {
        lock(&self.0.slow).own_certificate = ends;
    }

    /// A peer has shown a certificate. A new one of the same peer takes the place of its old one;
    /// an outbound channel has one peer.
    pub(crate) fn peer_certificate(&self, subject: String, ends: Timestamp) {
        let mut slow = lock(&self.0.slow);
        let peers = &mut slow.peer_certificates;
        if self.0.direction == Direction::Outbound {
            peers.clear();
        }
        if peers.len() < MAX_WATCHED_PEERS || peers.contains_key(&subject) {
            peers.insert(subject, ends);
        }
    }

    /// We sent something whole.
    pub(crate) fn sent(&self) {
        self.0.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was refused.
    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Something went wrong on the line; the channel goes on.
    pub(crate) fn error(&self, code: &'static str) {
        self.0.errors.fetch_add(1, Ordering::Relaxed);
        lock(&self.0.slow).last_error = Some(code);
    }

    /// The peer cannot be reached.
    pub(crate) fn down(&self, code: &'static str) {
        self.0.errors.fetch_add(1, Ordering::Relaxed);
        let mut slow = lock(&self.0.slow);
        slow.state = LinkState::Down;
        slow.last_error = Some(code);
    }

    /// The peer is there and answers: what went wrong before is over.
    pub(crate) fn well(&self) {
        lock(&self.0.slow).last_error = None;
    }

    /// A connection opened.
    pub(crate) fn opened(&self) {
        let mut slow = lock(&self.0.slow);
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        slow.state = LinkState::Up;
    }

    /// A connection closed. The last one leaves the channel idle, unless it is down.
    pub(crate) fn closed(&self) {
        let mut slow = lock(&self.0.slow);
        let before = self.0.connections.fetch_sub(1, Ordering::Relaxed);
        if before == 1 && slow.state == LinkState::Up {
            slow.state = LinkState::Idle;
        }
    }

    /// How much waits to be sent, and since when.
    pub(crate) fn queue(&self, length: u64, oldest: Option<Timestamp>) {
        let mut slow = lock(&self.0.slow);
        slow.queue = length;
        slow.oldest = oldest;
    }
}

/// The guard of `mutex`. Every change under these locks is a plain assignment, so a thread that
/// panicked has left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_channel_tells_how_it_does() {
        let health = Health::new();
        let name: Arc<str> = "cabinets".into();
        let meter = health.register(&name, Direction::Outbound);
        assert_eq!(health.get("cabinets", at(0)).unwrap().state, LinkState::Idle);
        assert_eq!(health.get("cabinets", at(0)).unwrap().last_seen, None);

        meter.opened();
        meter.sent();
        meter.seen(at(100));
        meter.queue(3, Some(at(90)));
        meter.error("ack-mismatch");
        let now = health.get("cabinets", at(130)).unwrap();
        assert_eq!(now.state, LinkState::Up);
        assert_eq!((now.sent, now.received, now.refused, now.errors), (1, 1, 0, 1));
        assert_eq!((now.queue, now.oldest_age_s), (3, Some(40)));
        assert_eq!(now.last_seen, Some(at(100)));
        assert_eq!(now.last_error, Some("ack-mismatch"));

        meter.well();
        meter.closed();
        assert_eq!(health.all(at(130))[0].state, LinkState::Idle);
        assert_eq!(health.all(at(130))[0].last_error, None);

        meter.down("connect-failed");
        meter.opened();
        meter.down("ack-timeout");
        meter.closed();
        assert_eq!(health.all(at(130))[0].state, LinkState::Down, "a failure outlives the line");
    }

    #[test]
    fn a_clock_is_judged_by_the_newest_message() {
        let meter = Meter::new("pas".into(), Direction::Inbound);
        assert_eq!(meter.read(at(1000)).skew_s, None);
        meter.written(at(400), at(1000));
        assert_eq!(meter.read(at(1000)).skew_s, Some(-600), "all that came is old");
        meter.written(at(999), at(1000));
        meter.written(at(10), at(1001));
        assert_eq!(meter.read(at(1001)).skew_s, Some(-1), "what waited says nothing");
        meter.written(at(1500), at(1100));
        assert_eq!(meter.read(at(1100)).skew_s, Some(400));
        assert_eq!(meter.read(at(1300)).skew_s, Some(400));
        assert_eq!(meter.read(at(1600)).skew_s, None, "it is forgotten");
    }

    #[test]
    fn the_first_certificate_to_end_is_told() {
        let check = |direction, expected: [Option<i64>; 4]| {
            let meter = Meter::new("pas".into(), direction);
            let ends = || meter.read(at(0)).certificate.map(Timestamp::as_second);
            let mut found = vec![ends()];
            meter.own_certificate(Some(at(500)));
            found.push(ends());
            meter.peer_certificate("CN=a".to_owned(), at(100));
            meter.peer_certificate("CN=b".to_owned(), at(200));
            found.push(ends());
            meter.peer_certificate("CN=a".to_owned(), at(900));
            found.push(ends());
            assert_eq!(found, expected);
        };
        check(Direction::Inbound, [None, Some(500), Some(100), Some(200)]);
        check(Direction::Outbound, [None, Some(500), Some(200), Some(500)]);
    }

    #[test]
    fn a_name_has_one_meter() {
        let health = Health::new();
        let name: Arc<str> = "pas".into();
        health.register(&name, Direction::Inbound).sent();
        health.register(&name, Direction::Inbound).sent();
        assert_eq!(health.all(at(0)).len(), 1);
        assert_eq!(health.all(at(0))[0].sent, 2);
    }
}
