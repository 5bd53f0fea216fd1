//! What became of a message that was sent.

use std::sync::Arc;

use fhir::Id;
use jiff::Timestamp;

use super::again::keeper;
use super::{Delivery, DeliveryChange, DeliveryState, Notice, Which};
use crate::cases::{Case, CaseKind};
use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::orders::Control;
use crate::state::State;

/// ERR-3 of a peer that does not know the patient or the order (HL7 table 0357, unknown key
/// identifier).
const UNKNOWN_KEY: &str = "204";

/// A channel tells what became of a delivery.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The outbound channel.
    pub channel: Arc<str>,
    /// The delivery as it was queued.
    pub delivery: Delivery,
    /// Where it stands now.
    pub state: DeliveryState,
    /// Whether later messages with its key need not wait for its end ([`DeliveryChange::ahead`]).
    pub ahead: bool,
    /// Whether the channel holds it until a person decides: it will not send it again by itself.
    pub held: bool,
    /// The peer's acknowledgement code and error codes, without free text.
    pub detail: Option<String>,
}

/// Keeps what became of a delivery. A refusal opens a case, since nobody sends it again by itself;
/// so does an unknown outcome at which the channel stops and waits for a person. A cabinet that
/// does not know any more whose order it is to hold has nothing left to mend.
pub fn outcome(state: &mut State, ctx: &Context, outcome: &Outcome) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    facts.push(change(ctx, &outcome.channel, &outcome.delivery.id, outcome));
    let open = open_case(state, &outcome.delivery.id);
    match outcome.state {
        DeliveryState::Refused if is_off_the_list(state, outcome) => {}
        DeliveryState::Refused => {
            let text = "The peer refused the message: mend the cause there or here, then send \
                        the profile again.";
            let reason = outcome.detail.as_deref().unwrap_or("refused");
            let mut case = facts.case(CaseKind::RefusedDelivery, reason, text);
            about(&mut case, outcome);
            facts.open(case);
        }
        DeliveryState::Parked if open.is_none() => {
            let text = "The peer refused the message, and this patient's later messages wait: \
                        mend the cause there or here, then settle the case with `resend`, \
                        `give-up` or `delivered`.";
            let reason = outcome.detail.as_deref().unwrap_or("refused");
            let mut case = facts.case(CaseKind::ParkedDelivery, reason, text);
            about(&mut case, outcome);
            facts.open(case);
        }
        DeliveryState::Unknown if outcome.held && open.is_none() => {
            let text = "Sent and not answered, and this patient's later messages wait: ask the \
                        peer whether it has the message, then settle the case with `delivered`, \
                        `resend` or `give-up`.";
            let mut case = facts.case(CaseKind::UnknownOutcome, "not-answered", text);
            about(&mut case, outcome);
            facts.open(case);
        }
        _ => {}
    }
    let answered = !outcome.state.is_open() || outcome.state == DeliveryState::Accepted;
    if let Some(case) = open.filter(|_| answered) {
        facts.settle(&case, "answered");
    }
    facts.done()
}

fn change(ctx: &Context, channel: &Arc<str>, delivery: &Id, outcome: &Outcome) -> Fact {
    Fact::Delivery(DeliveryChange {
        channel: Arc::clone(channel),
        which: Which::One(delivery.clone()),
        state: outcome.state,
        detail: outcome.detail.clone(),
        ahead: outcome.ahead,
        at: ctx.now,
    })
}

/// Whether the peer says that it does not know whose order it is to hold, and the patient is indeed
/// on none of the wards of its cabinets.
///
/// Nothing can be taken on the order then: it is held, and the patient has left. An end is another
/// matter, and so is the leave itself: what a cabinet does not take off its list by them stays on
/// it for good.
fn is_off_the_list(state: &mut State, outcome: &Outcome) -> bool {
    let holds = matches!(outcome.delivery.notice, Notice::Order { control: Control::Hold, .. });
    let detail = outcome.detail.as_deref().unwrap_or_default();
    let mut codes = detail.split(' ').skip(1).peekable();
    if !holds || codes.peek().is_none() || !codes.all(|code| code == UNKNOWN_KEY) {
        return false;
    }
    let keeper = keeper(state, &outcome.delivery.key);
    let patient = state.patient(&keeper);
    let Some(ward) = patient.as_ref().and_then(|patient| patient.ward()) else { return true };
    let site = state.site();
    let mut cabinets =
        site.cabinets.iter().filter(|it| it.channel.as_deref() == Some(&outcome.channel));
    !cabinets.any(|cabinet| cabinet.wards.iter().any(|served| served == ward))
}

fn about(case: &mut Case, outcome: &Outcome) {
    case.channel = Some(outcome.channel.to_string());
    case.delivery = Some(outcome.delivery.id.clone());
    case.patient = Some(outcome.delivery.key.clone());
}

/// The open case about a delivery that waits for a person.
fn open_case(state: &State, delivery: &Id) -> Option<Id> {
    let about = |case: &&Arc<Case>| {
        matches!(case.kind, CaseKind::UnknownOutcome | CaseKind::ParkedDelivery)
            && case.delivery.as_ref() == Some(delivery)
    };
    state.open_cases().find(about).map(|case| case.id.clone())
}

/// What a person decides about a delivery that was not answered or was refused, by the words that
/// settle its case; `None` for other words.
pub(crate) fn decided(case: &Case, words: &str, now: Timestamp) -> Option<DeliveryChange> {
    let state = match words {
        "delivered" => DeliveryState::Delivered,
        "resend" => DeliveryState::Waiting,
        "give-up" => DeliveryState::Refused,
        _ => return None,
    };
    Some(DeliveryChange {
        channel: case.channel.as_deref()?.into(),
        which: Which::One(case.delivery.clone()?),
        state,
        detail: Some("decided".to_owned()),
        ahead: false,
        at: now,
    })
}
