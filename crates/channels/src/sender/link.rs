//! Whether the peer is there, when to try again, and when it needs its whole profile.

use tokio::time::{Duration, Instant};

use super::backoff::Backoff;
use crate::config::Resync;
use crate::transport::Client;

/// The first and the longest wait after a failure.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// The least time between two whole profiles, and the most to which it grows while the line
/// keeps failing before everything is sent. A profile is many messages, each of them journaled;
/// a peer that comes and goes must not fill the journal with them.
const RESYNC: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

/// The line to the peer.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Option<Client>,
    policy: Resync,
    retry: Backoff,
    resync: Backoff,
    /// Whether the peer's memory is in doubt.
    due: bool,
    not_before: Option<Instant>,
    /// Whether the peer has taken anything since its profile was last queued. As long as it has
    /// not, all of that profile still waits, and queueing it again would change nothing.
    answered: bool,
    /// Whether the peer has answered anything on the connection that is open.
    proven: bool,
}

impl Link {
    /// A line that was never tried. Nobody knows what the peer has kept.
    pub(super) fn new(policy: Resync, seed: u64) -> Self {
        Link {
            client: None,
            policy,
            retry: Backoff::new(RETRY.0, RETRY.1, seed),
            resync: Backoff::new(RESYNC.0, RESYNC.1, seed.rotate_left(32)),
            due: policy == Resync::Reconnect,
            not_before: None,
            answered: true,
            proven: false,
        }
    }

    /// Whether the profile may be queued again at `now`.
    pub(super) fn resync_now(&self, now: Instant) -> bool {
        self.due && self.not_before.is_none_or(|at| at <= now)
    }

    /// From when on the profile may be queued again, where that is not yet.
    pub(super) fn resync_at(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.due)
    }

    /// The profile was queued at `now`.
    pub(super) fn resynced(&mut self, now: Instant) {
        self.due = false;
        self.answered = false;
        self.not_before = Some(now + self.resync.wait());
    }

    /// Another connection to the peer was lost, after the peer had taken something.
    pub(super) fn forgotten(&mut self) {
        self.due |= self.policy == Resync::Reconnect;
    }

    /// The peer answered a message.
    pub(super) fn answered(&mut self) {
        self.answered = true;
        self.proven = true;
        self.retry.reset();
    }

    /// A connection was made.
    pub(super) fn opened(&mut self, client: Client) {
        self.client = Some(client);
        self.proven = false;
    }

    /// Whether the peer has answered anything on this connection. What accepts connections and
    /// closes them again may be a proxy of a peer that is not there at all.
    pub(super) fn is_proven(&self) -> bool {
        self.proven
    }

    /// Everything that waited was sent: the line is steady again.
    pub(super) fn drained(&mut self) {
        self.resync.reset();
    }

    /// The peer was gone: it cannot be reached, or it left a message unfinished. Says how long
    /// to wait before the next attempt.
    pub(super) fn lost(&mut self) -> Duration {
        self.due |= self.answered && self.policy == Resync::Reconnect;
        self.silent()
    }

    /// The peer did not answer in time. The connection is given up, so that a late answer cannot
    /// arrive on it, but nothing says that the peer forgot anything.
    pub(super) fn silent(&mut self) -> Duration {
        self.client = None;
        self.retry.wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a story and checks after each step whether a profile is due.
    fn check(policy: Resync, story: &str, due: &str) {
        let mut link = Link::new(policy, 1);
        let now = Instant::now();
        let mut found = vec![link.due];
        for step in story.split_whitespace() {
            match step {
                "profile" => link.resynced(now),
                "answer" => link.answered(),
                "lost" => drop(link.lost()),
                "silent" => drop(link.silent()),
                other => panic!("{other}"),
            }
            found.push(link.due);
        }
        let found: String = found.iter().map(|due| if *due { '1' } else { '0' }).collect();
        assert_eq!(found, due, "{story}");
    }

    #[test]
    fn a_profile_is_due_after_a_start_and_a_loss() {
        check(Resync::Reconnect, "lost profile answer lost profile answer", "1100100");
        check(Resync::Never, "lost answer lost", "0000");
    }

    #[test]
    fn a_silent_peer_has_forgotten_nothing() {
        check(Resync::Reconnect, "profile answer silent answer silent", "100000");
    }

    #[test]
    fn a_profile_of_which_nothing_was_taken_is_not_queued_again() {
        check(Resync::Reconnect, "profile lost lost lost answer lost", "1000001");
    }

    #[test]
    fn profiles_keep_their_distance_until_all_is_sent() {
        let mut link = Link::new(Resync::Reconnect, 1);
        let start = Instant::now();
        assert!(link.resync_now(start));
        let mut distance = Duration::ZERO;
        for _ in 0..8 {
            link.resynced(start);
            link.answered();
            link.lost();
            assert!(!link.resync_now(start));
            let next = link.resync_at().unwrap() - start;
            assert!(next >= distance.min(RESYNC.1 / 2), "{next:?} after {distance:?}");
            distance = next;
            assert!(link.resync_now(start + RESYNC.1));
        }
        link.drained();
        link.resynced(start);
        link.answered();
        link.lost();
        assert!(link.resync_now(start + RESYNC.0));
    }
}
