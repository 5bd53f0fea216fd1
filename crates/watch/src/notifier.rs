//! Tells people what changed: at once when it has been quiet, gathered when it has not.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::board::Change;
use crate::notice::Notice;

/// The most reports between the one who watches and the one who tells.
const REPORTS: usize = 64;
/// The most changes that wait to be told; of older ones only the count is kept.
const MOST_CHANGES: usize = 10_000;

/// Why a notice did not reach anybody.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// By e-mail.
    #[error("the mail server did not take it: {0}")]
    Mail(#[from] crate::mail::MailError),
    /// By webhook.
    #[error("the webhook did not take it: {0}")]
    Webhook(#[from] crate::post::PostError),
}

/// A way to tell people. It may block for as long as its own time-out.
pub trait Deliver: Send {
    /// Its name, for the log.
    fn name(&self) -> &'static str;
    /// Tells.
    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError>;
}

/// How often people are told.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// What changes within this time of the first change goes out together.
    pub gather: Duration,
    /// The least time between two notices to one place: a storm is one notice.
    pub between: Duration,
    /// How long to wait after a failure; it doubles up to `between`.
    pub retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            gather: Duration::from_secs(10),
            between: Duration::from_mins(5),
            retry: Duration::from_secs(15),
        }
    }
}

/// What changed, and how many alarms were open then.
#[derive(Debug)]
struct Report {
    at: Timestamp,
    changes: Vec<Change>,
    open: usize,
}

/// Tells people in a thread of its own for each place, so that a mail server that hangs does not
/// keep the webhook waiting, nor anybody who watches.
#[derive(Debug)]
pub struct Notifier {
    places: Vec<SyncSender<Report>>,
}

impl Notifier {
    /// Starts a thread for each place; they end when the notifier is dropped.
    pub fn start(site: &str, pace: Pace, places: Vec<Box<dyn Deliver>>) -> std::io::Result<Self> {
        let mut senders = Vec::new();
        for place in places {
            let (sender, reports) = sync_channel(REPORTS);
            let teller = Teller { site: site.to_owned(), pace, place };
            let name = format!("tell-{}", teller.place.name());
            thread::Builder::new().name(name).spawn(move || teller.run(&reports))?;
            senders.push(sender);
        }
        Ok(Notifier { places: senders })
    }

    /// Hands over what changed; never blocks.
    pub fn tell(&self, at: Timestamp, changes: &[Change], open: usize) {
        if changes.is_empty() {
            return;
        }
        for place in &self.places {
            let report = Report { at, changes: changes.to_vec(), open };
            match place.try_send(report) {
                Ok(()) => {}
                Err(TrySendError::Full(_)) => tracing::error!("alarms change faster than told"),
                Err(TrySendError::Disconnected(_)) => tracing::error!("nobody tells of alarms"),
            }
        }
    }
}

struct Teller {
    site: String,
    pace: Pace,
    place: Box<dyn Deliver>,
}

/// What waits to be told.
#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<Change>,
    open: usize,
    at: Timestamp,
}

impl Waiting {
    /// Adds a report. What began and ended while it waited is still told: somebody may ask why
    /// messages were late.
    fn add(&mut self, report: Report) {
        let room = MOST_CHANGES.saturating_sub(self.changes.len());
        self.changes.extend(report.changes.into_iter().take(room));
        (self.open, self.at) = (report.open, report.at);
    }
}

impl Teller {
    fn run(&self, reports: &Receiver<Report>) {
        let mut waiting = Waiting::default();
        let mut retry = self.pace.retry;
        let mut due: Option<Instant> = None;
        let mut earliest: Option<Instant> = None;
        loop {
            let report = match due {
                None => reports.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => reports.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match report {
                Ok(report) => {
                    waiting.add(report);
                    let soon = Instant::now() + self.pace.gather;
                    due = Some(due.unwrap_or_else(|| earliest.map_or(soon, |at| at.max(soon))));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.deliver(&waiting) {
                        waiting = Waiting::default();
                        (due, retry) = (None, self.pace.retry);
                        earliest = Some(Instant::now() + self.pace.between);
                    } else {
                        due = Some(Instant::now() + retry);
                        retry = retry.saturating_mul(2).min(self.pace.between.max(self.pace.retry));
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn deliver(&self, waiting: &Waiting) -> bool {
        let notice = Notice::of(&self.site, waiting.at, &waiting.changes, waiting.open);
        match self.place.deliver(&notice) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(place = self.place.name(), %error, "a notice was not delivered");
                false
            }
        }
    }
}
