//! Which of the deliveries that the record lists is sent next: pure, without I/O.

use std::collections::{HashSet, VecDeque};

use fhir::Id;
use medicines::deliveries::{Delivery, DeliveryState};
use record::{DeliveryView, MAX_DELIVERIES};

use crate::config::OnUnknown;
use crate::outbound::RenderError;

/// How many deliveries are read and written out at a time.
pub(super) const PAGE: usize = 64;

/// The most deliveries that are read at once to get past those that are held back. When more
/// patients than this are held on a channel, it waits until somebody has decided about some.
pub(super) const MAX_PAGE: usize = MAX_DELIVERIES;

/// The most outcomes that may be on their way to the journal while the next message goes out.
pub(super) const MAX_UNRECORDED: usize = 64;

/// A delivery with its message.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) delivery: Delivery,
    /// How often the journal says already that it was sent and not answered.
    pub(super) unanswered: u64,
    /// The message, or why it cannot be written.
    pub(super) message: Result<Vec<u8>, RenderError>,
}

/// The messages that are ready to be sent, and what the record does not know yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: VecDeque<Ready>,
    /// Deliveries that have ended while the record still lists them.
    concluded: HashSet<Id>,
}

impl Queue {
    /// Takes the message that is next.
    pub(super) fn next(&mut self) -> Option<Ready> {
        self.ready.pop_front()
    }

    /// Whether nothing is ready.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Adds what was read, in order.
    pub(super) fn fill(&mut self, page: Vec<Ready>) {
        self.ready.extend(page);
    }

    /// Forgets what was read, so that it is read anew.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
    }

    /// A delivery has ended, and the record will know soon.
    pub(super) fn conclude(&mut self, id: Id) {
        self.concluded.insert(id);
    }

    /// The record knows now. Call it only between two listings: one that began before could
    /// still hold the delivery.
    pub(super) fn recorded(&mut self, id: &Id) {
        self.concluded.remove(id);
    }

    /// What has ended while the record may still list it.
    pub(super) fn concluded(&self) -> &HashSet<Id> {
        &self.concluded
    }
}

/// What a channel does about messages that are not answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) on_unknown: OnUnknown,
    pub(super) max_resends: u32,
}

impl Policy {
    /// Whether a message that was sent so often, and never answered, waits for a person.
    pub(super) fn holds(self, unanswered: u64) -> bool {
        match self.on_unknown {
            OnUnknown::Hold => unanswered > 0,
            OnUnknown::Resend => unanswered > u64::from(self.max_resends),
        }
    }

    /// Whether the delivery waits for a person.
    pub(super) fn holds_back(self, view: &DeliveryView) -> bool {
        is_unknown(view) && self.holds(view.attempts.max(1))
    }
}

/// How often the journal says that the delivery was sent and not answered.
pub(super) fn unanswered(view: &DeliveryView) -> u64 {
    if is_unknown(view) { view.attempts.max(1) } else { 0 }
}

fn is_unknown(view: &DeliveryView) -> bool {
    view.state == DeliveryState::Unknown
}

/// Chooses what may be sent of `listed`: of every patient the oldest open delivery, in the order
/// in which they were queued, and those that were not answered after the others. A message that
/// the peer cannot answer would otherwise be tried first for ever.
///
/// The listing names one delivery of each patient and none behind it, so one that waits for a
/// person holds back that patient's later messages, and those of others go on.
pub(super) fn choose(
    listed: Vec<DeliveryView>,
    concluded: &HashSet<Id>,
    policy: Policy,
) -> Vec<DeliveryView> {
    let open =
        |view: &DeliveryView| !concluded.contains(&view.delivery.id) && !policy.holds_back(view);
    let mut chosen: Vec<_> = listed.into_iter().filter(open).collect();
    chosen.sort_by_key(unanswered);
    chosen.truncate(PAGE);
    chosen
}

#[cfg(test)]
mod tests {
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

    fn check(on_unknown: OnUnknown, queue: &str, concluded: &[&str], sent: &str) {
        let queue = queue.split_whitespace().map(listed).collect();
        let concluded = concluded.iter().map(|text| id(text)).collect();
        let chosen = choose(queue, &concluded, Policy { on_unknown, max_resends: 3 });
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
    fn a_page_is_not_longer_than_it_may_be() {
        let queue = (1..200).map(|n| listed(&n.to_string())).collect();
        let policy = Policy { on_unknown: OnUnknown::Resend, max_resends: 3 };
        assert_eq!(choose(queue, &HashSet::new(), policy).len(), PAGE);
    }
}
