//! Messages that were queued before are queued once more, because a person asks for it.

use std::sync::Arc;

use fhir::Id;

use super::Delivery;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::state::State;

/// The most messages that are queued again by one request.
pub const MAX_RESENT: usize = 1_000;
/// The most merges that lead from a patient to the one who keeps the record.
const MAX_MERGES: usize = 32;

/// A person asks for messages of one channel once more. Why, and by which search they were
/// chosen, stands in the entry's bytes.
#[derive(Debug, Clone)]
pub struct Resend {
    /// The outbound channel.
    pub channel: Arc<str>,
    /// The deliveries as they were queued, in the order in which they are to be sent.
    pub deliveries: Vec<Delivery>,
}

/// Queues the same versions again, in order. Each is a message of its own, with a control id of
/// its own, so that the peer does not take it for a repeat that it may leave out. It stands in the
/// queue of the patient who keeps the record now, so that no later message overtakes it.
pub fn resend(state: &mut State, ctx: &Context, asked: &Resend) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let refused = if asked.deliveries.is_empty() {
        Some("None of these messages was sent to this channel: choose others.")
    } else if asked.deliveries.len() > MAX_RESENT {
        Some("More than 1,000 messages at a time are not sent again: choose fewer.")
    } else if asked.deliveries.iter().any(|delivery| delivery.channel != asked.channel) {
        Some("A message goes again to the channel for which it was queued, and to no other.")
    } else {
        None
    };
    if let Some(text) = refused {
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::BadValue, text)));
    }
    for delivery in &asked.deliveries {
        let again = Delivery {
            id: facts.id(),
            key: keeper(state, &delivery.key),
            at: ctx.now,
            ..delivery.clone()
        };
        facts.push(Fact::Queued(again));
    }
    facts.done()
}

/// The patient who keeps the record of this one.
pub(super) fn keeper(state: &mut State, key: &Id) -> Id {
    let mut key = key.clone();
    for _ in 0..MAX_MERGES {
        match state.patient(&key).and_then(|patient| patient.merged_into.clone()) {
            Some(into) => key = into,
            None => break,
        }
    }
    key
}
