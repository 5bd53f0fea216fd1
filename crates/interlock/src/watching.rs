//! Watches the node: takes readings, keeps the board of alarms, has people told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{SubscriptionView, Subscriptions};
use channels::{ChannelHealth, Direction, Health, LinkState};
use engine::Clock;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use watch::rules::Kind;
use watch::{Alarm, Board, Change, Disk, Line, Notifier, Reading, Way};

/// How often a reading is taken.
const EVERY: Duration = Duration::from_secs(5);

/// The alarms that go on; a cheap handle on the board of the one who watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Alarms(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    alarms: Vec<Alarm>,
    /// How many began since the start, by kind.
    began: BTreeMap<Kind, u64>,
}

impl Alarms {
    /// All of them, the oldest first.
    pub(crate) fn all(&self) -> Vec<Alarm> {
        self.open().alarms.clone()
    }

    /// How many go on, and how many began since the start, of every kind.
    pub(crate) fn counts(&self) -> Vec<(Kind, usize, u64)> {
        let open = self.open();
        let count = |kind| {
            let now = open.alarms.iter().filter(|alarm| alarm.kind == kind).count();
            (kind, now, open.began.get(&kind).copied().unwrap_or_default())
        };
        Kind::ALL.into_iter().map(count).collect()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the console shows them.
    pub(crate) fn views(&self) -> console::Alarms {
        let alarms = self.clone();
        Arc::new(move || alarms.all().iter().map(view).collect())
    }
}

fn view(alarm: &Alarm) -> console::AlarmView {
    console::AlarmView {
        kind: alarm.kind.code().to_owned(),
        subject: alarm.subject.clone(),
        text: alarm.text.clone(),
        since: alarm.since,
    }
}

/// What is watched.
pub(crate) struct Watched {
    pub(crate) health: Health,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) clock: Clock,
    pub(crate) data: PathBuf,
    pub(crate) board: Board,
    pub(crate) notifier: Notifier,
    pub(crate) alarms: Alarms,
}

impl Watched {
    /// Watches until the handle is aborted.
    pub(crate) fn start(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            let started = self.clock.now();
            let mut beat = tokio::time::interval(EVERY);
            beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                beat.tick().await;
                self.look(started);
            }
        })
    }

    fn look(&mut self, started: Timestamp) {
        let at = self.clock.now();
        let subscribers = self.subscriptions.views();
        let channels = self.health.all(at);
        let lines = channels.iter().map(line).chain(subscribers.iter().map(subscriber)).collect();
        let reading = Reading { at, started, lines, disk: disk(&self.data) };
        let changes = self.board.take(&reading);
        let open = self.board.alarms();
        for change in &changes {
            match change {
                Change::Began(alarm) => tracing::warn!(
                    kind = alarm.kind.code(),
                    subject = alarm.subject,
                    text = alarm.text,
                    "an alarm began"
                ),
                Change::Ended(alarm, _) => tracing::info!(
                    kind = alarm.kind.code(),
                    subject = alarm.subject,
                    "an alarm ended"
                ),
            }
        }
        self.notifier.tell(at, &changes, open.len());
        let mut kept = self.alarms.open();
        for change in changes {
            if let Change::Began(alarm) = change {
                *kept.began.entry(alarm.kind).or_default() += 1;
            }
        }
        kept.alarms = open;
    }
}

fn line(health: &ChannelHealth) -> Line {
    let way = match health.direction {
        Direction::Inbound => Way::In,
        Direction::Outbound => Way::Out,
    };
    Line {
        name: health.name.to_string(),
        way,
        down: health.state == LinkState::Down,
        last_seen: health.last_seen,
        queue: health.queue,
        oldest: health.oldest,
        messages: match way {
            Way::In => health.received,
            Way::Out => health.sent,
        },
        refused: health.refused,
        skew_s: health.skew_s,
        certificate: health.certificate,
    }
}

/// A subscription is a line out, of which an event may wait.
fn subscriber(view: &SubscriptionView) -> Line {
    Line {
        name: format!("Subscription/{}", view.id),
        way: Way::Out,
        down: view.down,
        last_seen: view.last,
        queue: u64::from(view.waiting.is_some()),
        oldest: view.waiting,
        messages: view.told,
        refused: 0,
        skew_s: None,
        certificate: None,
    }
}

/// The disk of the data folder; none where the system cannot tell.
pub(crate) fn disk(data: &Path) -> Option<Disk> {
    let found = rustix::fs::statvfs(data).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk { free: bytes(found.f_bavail), size: bytes(found.f_blocks) })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use watch::Limits;

    use super::*;

    /// Whether a channel whose first certificate ends so many days from now is an alarm.
    fn check(days: Option<i64>, expected: Option<&str>) {
        let at: Timestamp = "2026-11-20T10:15:00Z".parse().unwrap();
        let certificate = days.map(|days| at + SignedDuration::from_hours(24 * days + 1));
        let health = ChannelHealth {
            name: "pas".into(),
            direction: Direction::Inbound,
            state: LinkState::Up,
            last_seen: Some(at),
            last_error: None,
            errors: 0,
            sent: 0,
            received: 0,
            refused: 0,
            queue: 0,
            oldest: None,
            oldest_age_s: None,
            connections: 1,
            skew_s: None,
            certificate,
        };
        let reading = Reading { at, started: at, lines: vec![line(&health)], disk: None };
        let mut board = Board::new(Limits::default());
        board.take(&reading);
        let alarms: Vec<String> =
            board.alarms().iter().map(|a| format!("{} {}", a.kind.code(), a.text)).collect();
        match expected {
            None => assert_eq!(alarms, [""; 0]),
            Some(words) => assert!(alarms.iter().any(|a| a.contains(words)), "{alarms:?}"),
        }
    }

    #[test]
    fn an_event_that_nobody_takes_is_an_alarm() {
        let at: Timestamp = "2026-11-20T10:15:00Z".parse().unwrap();
        let check = |minutes: Option<i64>, expected: &[&str]| {
            let waiting = minutes.map(|minutes| at - SignedDuration::from_mins(minutes));
            let id = "rxx.1.f1".parse().unwrap();
            let view = SubscriptionView { id, down: false, waiting, told: 3, last: None };
            let lines = vec![subscriber(&view)];
            let reading = Reading { at, started: at, lines, disk: None };
            let mut board = Board::new(Limits::default());
            board.take(&reading);
            let alarms = board.alarms();
            let kinds: Vec<&str> = alarms.iter().map(|alarm| alarm.kind.code()).collect();
            assert_eq!(kinds, expected);
            assert!(alarms.iter().all(|alarm| alarm.subject == "Subscription/rxx.1.f1"));
        };
        check(None, &[]);
        check(Some(1), &[]);
        check(Some(24 * 60), &["queue-age"]);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_an_alarm() {
        check(None, None);
        check(Some(31), None);
        check(Some(10), Some("certificate its certificate ends in 10 days"));
        check(Some(-1), Some("its certificate ended at"));
    }
}
