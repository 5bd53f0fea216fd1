//! What became of a message that was sent.

use std::sync::Arc;

use super::{Delivery, DeliveryChange, DeliveryState, Which};
use crate::cases::CaseKind;
use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::state::State;

/// A channel tells what became of a delivery.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The outbound channel.
    pub channel: Arc<str>,
    /// The delivery as it was queued.
    pub delivery: Delivery,
    /// Where it stands now: delivered, refused or unknown.
    pub state: DeliveryState,
    /// The peer's acknowledgement code and error codes, without free text.
    pub detail: Option<String>,
}

/// Keeps what became of a delivery; a refusal opens a case, since nobody resends by itself.
pub fn outcome(state: &State, ctx: &Context, outcome: &Outcome) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    facts.push(Fact::Delivery(DeliveryChange {
        channel: Arc::clone(&outcome.channel),
        which: Which::One(outcome.delivery.id.clone()),
        state: outcome.state,
        detail: outcome.detail.clone(),
        at: ctx.now,
    }));
    if outcome.state == DeliveryState::Refused {
        let text = "The peer refused the message: mend the cause there or here, then send the \
                    profile again.";
        let reason = outcome.detail.as_deref().unwrap_or("refused");
        let mut case = facts.case(CaseKind::RefusedDelivery, reason, text);
        case.channel = Some(outcome.channel.to_string());
        case.patient = Some(outcome.delivery.key.clone());
        facts.open(case);
    }
    facts.done()
}
