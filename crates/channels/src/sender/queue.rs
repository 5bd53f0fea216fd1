//! Which of the deliveries that the record lists is sent next: pure, without I/O.

use std::collections::{HashMap, HashSet, VecDeque};

use fhir::Id;
use medicines::deliveries::{Delivery, DeliveryState};
use record::DeliveryView;
use tokio::time::Instant;

use crate::config::{ChannelConfig, OnRefused, OnUnknown};
use crate::outbound::RenderError;

/// How many deliveries are read and written out at a time.
pub(super) const PAGE: usize = 64;

/// The most outcomes that may be on their way to the journal while the next message goes out.
pub(super) const MAX_UNRECORDED: usize = 64;

/// A delivery with its message.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) delivery: Delivery,
    /// MSH-10 of the message, which its acknowledgement has to name.
    pub(super) control_id: String,
    /// Whether it was refused and is to be sent again after a while.
    pub(super) deferred: bool,
    /// How often the journal says already that it was sent and not answered, or refused.
    pub(super) tries: u64,
    /// The message, or why it cannot be written.
    pub(super) message: Result<Vec<u8>, RenderError>,
}

/// The messages that are ready to be sent, and what the record does not know yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Ready>,
    /// Deliveries that have ended while the record still lists them.
    concluded: HashSet<Id>,
    /// Deliveries that were refused and are put off, and until when.
    deferred: HashMap<Id, Instant>,
    /// Of these, those whose time has come.
    released: HashSet<Id>,
}

/// What is not to be listed although the record may list it.
#[derive(Debug, Clone, Default)]
pub(super) struct Out {
    /// Deliveries that have ended.
    pub(super) concluded: HashSet<Id>,
    /// Deliveries that wait for their time.
    pub(super) deferred: HashSet<Id>,
}

/// The most refused deliveries whose times are kept.
const MAX_DEFERRED: usize = 10_000;

impl Queue {
    /// Takes the message that is next.
    pub(super) fn next(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Whether nothing is ready.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Takes out what is ready of one patient, since something holds it back, and says what.
    #[must_use]
    pub(super) fn drop_key(&mut self, key: &Id) -> Vec<Id> {
        let (out, left) = std::mem::take(&mut self.ready)
            .into_iter()
            .partition(|ready| ready.delivery.key == *key);
        self.ready = left;
        ids(out)
    }

    /// Adds what was read, in order.
    pub(super) fn fill(&mut self, page: Vec<Ready>) {
        self.ready.extend(page);
    }

    /// Forgets what was read, so that it is read anew, and says what.
    #[must_use]
    pub(super) fn clear(&mut self) -> Vec<Id> {
        ids(std::mem::take(&mut self.ready))
    }

    /// A delivery has ended, and the record will know soon.
    pub(super) fn conclude(&mut self, id: Id) {
        self.concluded.insert(id);
    }

    /// Whether the delivery has ended and the record does not know yet.
    pub(super) fn is_concluded(&self, id: &Id) -> bool {
        self.concluded.contains(id)
    }

    /// The record knows now. Call it only between two listings: one that began before could
    /// still hold the delivery.
    pub(super) fn recorded(&mut self, id: &Id) {
        self.concluded.remove(id);
    }

    /// Whether a refused delivery that the record lists is to be sent now; where not, it is put
    /// off until `at`. Nobody has to remember it over a start: it is put off anew when it is first
    /// listed. Where too many are put off already it is sent, and its tries are counted.
    pub(super) fn is_due(&mut self, id: &Id, at: Instant) -> bool {
        let due = self.released.remove(id) || self.deferred.len() >= MAX_DEFERRED;
        if !due {
            self.deferred.insert(id.clone(), at);
        }
        due
    }

    /// When the next refused delivery is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.deferred.values().min().copied()
    }

    /// What is not to be listed at `now`.
    pub(super) fn out(&mut self, now: Instant) -> Out {
        self.released.extend(self.deferred.extract_if(|_, at| *at <= now).map(|(id, _)| id));
        Out { concluded: self.concluded.clone(), deferred: self.deferred.keys().cloned().collect() }
    }
}

fn ids(ready: VecDeque<Ready>) -> Vec<Id> {
    ready.into_iter().map(|ready| ready.delivery.id).collect()
}

/// What a channel does about messages that are not answered, or refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) on_unknown: OnUnknown,
    pub(crate) max_resends: u32,
    pub(crate) on_refused: OnRefused,
    pub(crate) max_retries: u32,
}

impl Policy {
    /// The policy of a channel.
    pub(crate) fn of(config: &ChannelConfig) -> Self {
        Policy {
            on_unknown: config.on_unknown,
            max_resends: config.max_resends,
            on_refused: config.on_refused,
            max_retries: config.max_retries,
        }
    }

    /// Whether a message that was sent so often, and never answered, waits for a person.
    pub(super) fn holds(self, unanswered: u64) -> bool {
        match self.on_unknown {
            OnUnknown::Hold => unanswered > 0,
            OnUnknown::Resend => unanswered > u64::from(self.max_resends),
        }
    }

    /// Whether the delivery waits for a person to say what became of it.
    pub(super) fn holds_back(self, view: &DeliveryView) -> bool {
        view.state == DeliveryState::Unknown && self.holds(view.attempts.max(1))
    }

    /// Where a message stands that was refused and was tried `tries` times before.
    pub(crate) fn refused(self, tries: u64) -> DeliveryState {
        match self.on_refused {
            OnRefused::Skip => DeliveryState::Refused,
            OnRefused::Retry if tries < u64::from(self.max_retries) => DeliveryState::Deferred,
            OnRefused::Hold | OnRefused::Retry => DeliveryState::Parked,
        }
    }

    /// Whether a sender may send the delivery, as far as its state says.
    fn may_send(self, view: &DeliveryView) -> bool {
        match view.state {
            DeliveryState::Waiting | DeliveryState::Deferred => true,
            DeliveryState::Unknown => !self.holds_back(view),
            _ => false,
        }
    }
}

/// How often the journal says that the delivery was sent and not answered, or refused.
pub(super) fn tries(view: &DeliveryView) -> u64 {
    match view.state {
        DeliveryState::Unknown | DeliveryState::Deferred => view.attempts.max(1),
        _ => 0,
    }
}

/// Whether the delivery may be sent now.
pub(super) fn is_next(view: &DeliveryView, out: &Out, policy: Policy) -> bool {
    let id = &view.delivery.id;
    policy.may_send(view) && !out.concluded.contains(id) && !out.deferred.contains(id)
}

/// The order in which listed deliveries are sent: that in which they were queued, and those that
/// were tried before after the others. A message that the peer cannot answer would otherwise be
/// tried first for ever.
///
/// The listing holds nothing that stands behind a delivery that was tried before, so a patient's
/// messages keep their order.
pub(super) fn arrange(listed: &mut [DeliveryView]) {
    listed.sort_by_key(tries);
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use medicines::deliveries::{Notice, VersionOf};
    use medicines::patients::PatientEvent;

    use super::*;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    /// A delivery, with a `?` at the end for each time that it was sent and not answered.
    fn listed(text: &str) -> DeliveryView {
        let own = id(text.trim_end_matches('?'));
        let patient =
            VersionOf { resource_type: fhir::ResourceType::Patient, id: own.clone(), version: 1 };
        let notice =
            Notice::Patient { event: PatientEvent::A01, patient, encounter: None, merged: None };
        let at = Timestamp::UNIX_EPOCH;
        let delivery = Delivery {
            key: own.clone(),
            id: own,
            channel: "cabinets".into(),
            notice,
            profile: false,
            at,
        };
        let times = text.chars().filter(|&c| c == '?').count();
        DeliveryView {
            n: 1,
            seq: 1,
            delivery,
            state: if times > 0 { DeliveryState::Unknown } else { DeliveryState::Waiting },
            attempts: u64::try_from(times).unwrap(),
            changed_at: at,
            detail: None,
        }
    }

    /// A delivery of a patient that waits.
    pub(in crate::sender) fn listed_for(text: &str, patient: &str) -> DeliveryView {
        let mut view = listed(text);
        view.delivery.key = id(patient);
        view
    }

    fn check(on_unknown: OnUnknown, queue: &str, concluded: &[&str], sent: &str) {
        let policy =
            Policy { on_unknown, max_resends: 3, on_refused: OnRefused::Retry, max_retries: 2 };
        let out =
            Out { concluded: concluded.iter().map(|text| id(text)).collect(), ..Out::default() };
        let mut chosen: Vec<_> = queue.split_whitespace().map(listed).collect();
        chosen.retain(|view| is_next(view, &out, policy));
        arrange(&mut chosen);
        let ids: Vec<_> = chosen.iter().map(|view| view.delivery.id.as_str()).collect();
        assert_eq!(ids.join(" "), sent);
    }

    #[test]
    fn messages_go_in_order() {
        check(OnUnknown::Hold, "1 2 3", &[], "1 2 3");
        check(OnUnknown::Hold, "", &[], "");
    }

    #[test]
    fn an_unknown_outcome_is_held_where_the_policy_says_so() {
        check(OnUnknown::Hold, "1 2? 3", &[], "1 3");
    }

    #[test]
    fn what_was_not_answered_goes_after_the_others_until_it_was_tried_too_often() {
        check(OnUnknown::Resend, "1? 2 3", &[], "2 3 1");
        check(OnUnknown::Resend, "1?? 2? 3", &[], "3 2 1");
        check(OnUnknown::Resend, "1??? 2", &[], "2 1");
        check(OnUnknown::Resend, "1???? 2 3?????", &[], "2");
    }

    #[test]
    fn what_has_ended_is_not_sent_again() {
        check(OnUnknown::Resend, "1 2? 3", &["1", "2"], "3");
    }

    #[test]
    fn a_refusal_is_tried_again_so_often_and_then_parked() {
        let policy = |on_refused| Policy {
            on_unknown: OnUnknown::Resend,
            max_resends: 3,
            on_refused,
            max_retries: 2,
        };
        let states =
            |on_refused| (0..4).map(|tries| policy(on_refused).refused(tries)).collect::<Vec<_>>();
        let (refused, deferred, parked) =
            (DeliveryState::Refused, DeliveryState::Deferred, DeliveryState::Parked);
        assert_eq!(states(OnRefused::Skip), [refused; 4]);
        assert_eq!(states(OnRefused::Hold), [parked; 4]);
        assert_eq!(states(OnRefused::Retry), [deferred, deferred, parked, parked]);
    }

    #[test]
    fn what_is_put_off_comes_back_at_its_time() {
        let mut queue = Queue::default();
        let now = Instant::now();
        let second = std::time::Duration::from_secs(1);
        assert!(!queue.is_due(&id("1"), now + second));
        assert_eq!(queue.next_due(), Some(now + second));
        assert!(queue.out(now).deferred.contains(&id("1")));
        assert!(queue.out(now + second).deferred.is_empty());
        assert_eq!(queue.next_due(), None);
        assert!(queue.is_due(&id("1"), now), "its time has come");
        assert!(!queue.is_due(&id("1"), now), "and when it is refused again it is put off again");
    }
}
