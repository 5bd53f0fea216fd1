//! What the connections of one channel share, so that several keep the promises of one.
//!
//! A patient belongs to a connection by a hash of the key, so that one patient's messages go over
//! one connection, one after another. When two patients become one, messages that another
//! connection has in hand may suddenly be of the same patient: so each connection tells the others
//! what it has in hand, and while that is not recorded nothing else of its patient is taken. What
//! is in hand and what may be taken are looked at under one lock, so that no message can be in two
//! hands.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fhir::Id;
use medicines::deliveries::DeliveryState;
use record::DeliveryView;
use tokio::sync::{Notify, watch};

use super::outstanding::Outstanding;
use crate::config::ChannelConfig;

/// How many messages that wait for another connection are passed over in one look. What lies
/// beyond them is found when some of them are sent.
const MAX_PASSED: usize = 4_096;

#[derive(Debug)]
struct Shared {
    count: u64,
    /// The deliveries in hand, and whose hand it is.
    held: Mutex<HashMap<Id, u64>>,
    turn: tokio::sync::Mutex<()>,
    outstanding: Mutex<Outstanding>,
    /// How often what a connection has read has become wrong by what another one did.
    changes: AtomicU64,
    /// Whether the peer has taken anything since its profile was last queued.
    answered: AtomicBool,
    /// Whether a connection was lost since then.
    lost: AtomicBool,
    wake: Notify,
    begun: watch::Sender<bool>,
}

/// The place of one connection among those of its channel.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    number: u64,
    seed: u64,
    /// Which of the changes it knows of.
    known: u64,
    shared: Arc<Shared>,
}

impl Lane {
    /// One for each connection of the channel.
    pub(crate) fn all(config: &ChannelConfig, seed: u64) -> Vec<Lane> {
        let count = u64::from(config.connections.max(1));
        let shared = Arc::new(Shared {
            count,
            held: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            outstanding: Mutex::new(Outstanding::new(config.application_ack_timeout())),
            changes: AtomicU64::new(0),
            answered: AtomicBool::new(true),
            lost: AtomicBool::new(false),
            wake: Notify::new(),
            begun: watch::Sender::new(false),
        });
        let lane = |number| {
            let seed = seed ^ u64::wrapping_mul(number, 0x9E37_79B9_7F4A_7C15);
            Lane { number, seed, known: 0, shared: Arc::clone(&shared) }
        };
        (0..count).map(lane).collect()
    }

    /// What the waits of this connection are drawn from.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether this is the connection that looks after what is the channel's.
    pub(super) fn is_first(&self) -> bool {
        self.number == 0
    }

    /// What was left over from before the start is dealt with.
    pub(super) fn begin(&self) {
        self.shared.begun.send_replace(true);
    }

    /// Waits until [`Lane::begin`].
    pub(super) async fn begun(&self) {
        // The sender lives as long as `self`.
        let _ = self.shared.begun.subscribe().wait_for(|begun| *begun).await;
    }

    /// Keeps the others from looking meanwhile.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.turn.lock().await
    }

    /// What a look may take.
    pub(super) fn share(&self) -> Share {
        let held = self.held();
        let others = held.iter().filter(|(_, lane)| **lane != self.number);
        let others = others.map(|(id, _)| id.clone()).collect();
        let (number, count) = (self.number, self.shared.count);
        Share { number, count, others, busy: HashSet::new(), passed: 0 }
    }

    /// These are in hand.
    pub(super) fn hold<'i>(&self, ids: impl Iterator<Item = &'i Id>) {
        self.held().extend(ids.map(|id| (id.clone(), self.number)));
    }

    /// These are not in hand any more: the record knows where they stand.
    pub(super) fn release<'i>(&self, ids: impl IntoIterator<Item = &'i Id>) {
        let mut held = self.held();
        for id in ids {
            if held.get(id) == Some(&self.number) {
                held.remove(id);
            }
        }
    }

    /// Everything that any connection has in hand.
    pub(super) fn all_held(&self) -> HashSet<Id> {
        self.held().keys().cloned().collect()
    }

    /// What the peer has stored and has not answered for.
    pub(super) fn outstanding(&self) -> MutexGuard<'_, Outstanding> {
        self.shared.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the others have read may be wrong now.
    pub(super) fn change(&self) {
        self.shared.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether what was read may have become wrong since this was last asked.
    pub(super) fn has_changed(&mut self) -> bool {
        let changes = self.shared.changes.load(Ordering::Acquire);
        std::mem::replace(&mut self.known, changes) != changes
    }

    /// The peer has answered a message.
    pub(super) fn answered(&self) {
        self.shared.answered.store(true, Ordering::Release);
    }

    /// The peer's profile was queued.
    pub(super) fn resynced(&self) {
        self.shared.answered.store(false, Ordering::Release);
    }

    /// This connection was lost: the first one has to know, because it looks after the profile.
    pub(super) fn lost(&self) {
        if !self.is_first() && self.shared.answered.load(Ordering::Acquire) {
            self.shared.lost.store(true, Ordering::Release);
            self.wake();
        }
    }

    /// Whether another connection was lost since this was last asked.
    pub(super) fn take_lost(&self) -> bool {
        self.is_first() && self.shared.lost.swap(false, Ordering::AcqRel)
    }

    /// Wakes the connections that wait for something to do.
    pub(super) fn wake(&self) {
        self.shared.wake.notify_waiters();
    }

    /// Waits until another connection wakes this one.
    pub(super) async fn woken(&self) {
        self.shared.wake.notified().await;
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Id, u64>> {
        self.shared.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one connection may take of what is listed, which has to be shown to it in its order.
#[derive(Debug, Clone)]
pub(super) struct Share {
    number: u64,
    count: u64,
    /// What the others have in hand.
    others: HashSet<Id>,
    /// Whose messages these are.
    busy: HashSet<Id>,
    passed: usize,
}

impl Share {
    /// Whether this connection may take the delivery; `None` where it has looked far enough.
    pub(super) fn takes(&mut self, view: &DeliveryView) -> Option<bool> {
        let key = &view.delivery.key;
        if self.others.contains(&view.delivery.id) {
            self.busy.insert(key.clone());
            return Some(false);
        }
        if self.is_own(key) {
            return Some(!self.busy.contains(key));
        }
        if view.state == DeliveryState::Waiting {
            self.passed += 1;
        }
        (self.passed < MAX_PASSED).then_some(false)
    }

    /// FNV-1a of the key, by the number of connections.
    fn is_own(&self, key: &Id) -> bool {
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        (hash ^ (hash >> 32)) % self.count == self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::sender::queue::tests::listed_for;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn lanes(count: u32) -> Vec<Lane> {
        let mut config = ChannelConfig::outbound("adc", "h:1", Dialect::default());
        config.connections = count;
        Lane::all(&config, 7)
    }

    #[test]
    fn every_patient_belongs_to_one_connection() {
        for count in [1, 2, 7] {
            let mut shares: Vec<Share> = lanes(count).iter().map(Lane::share).collect();
            let mut used = HashSet::new();
            for n in 0..200 {
                let view = listed_for(&format!("d{n}"), &format!("p{n}"));
                let takers: Vec<usize> =
                    (0..shares.len()).filter(|at| shares[*at].takes(&view) == Some(true)).collect();
                assert_eq!(takers.len(), 1, "{count}");
                used.extend(takers);
            }
            assert_eq!(used.len(), shares.len(), "each has some");
        }
    }

    #[test]
    fn what_another_has_in_hand_keeps_its_patient_back() {
        let lanes = lanes(2);
        let view = listed_for("d2", "p1");
        let own = lanes.iter().position(|lane| lane.share().takes(&view) == Some(true)).unwrap();
        let (own, other) = (&lanes[own], &lanes[1 - own]);
        // It is of the same patient by now, and was taken when it was another one's.
        other.hold([id("d1")].iter());
        let mut share = own.share();
        assert_eq!(share.takes(&listed_for("d1", "p1")), Some(false));
        assert_eq!(share.takes(&view), Some(false));
        own.release([&id("d1")]);
        assert!(own.all_held().contains("d1"), "only who has it lets it go");
        other.release([&id("d1")]);
        assert_eq!(own.share().takes(&view), Some(true));
    }

    #[test]
    fn a_look_ends_and_the_others_hear_of_a_change() {
        let mut lanes = lanes(2);
        let mut share = lanes[0].share();
        let other = (0..100)
            .map(|n| listed_for("d", &format!("p{n}")))
            .find(|view| share.takes(view) == Some(false))
            .unwrap();
        let looks = (0..MAX_PASSED * 2).take_while(|_| share.takes(&other).is_some()).count();
        assert!(looks < MAX_PASSED, "{looks}");
        assert!(!lanes[1].has_changed());
        lanes[0].change();
        assert!(lanes[1].has_changed());
        assert!(!lanes[1].has_changed());
        lanes[1].lost();
        assert!(!lanes[1].take_lost() && lanes[0].take_lost() && !lanes[0].take_lost());
        lanes[0].resynced();
        lanes[1].lost();
        assert!(!lanes[0].take_lost(), "the peer has taken nothing since");
    }
}
