//! An acknowledgement that nobody waits for.

use std::sync::Arc;

use fhir::Id;

use crate::cases::{Case, CaseKind};
use crate::command::{Context, Decision};
use crate::facts::Facts;
use crate::state::State;

/// An acknowledgement of another message, one that came too late, or one of nothing that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Why it is given to no message, as a code: `late`, `unknown-message`, `not-an-ack`.
    pub reason: &'static str,
    /// The message that it names, where that is one of ours.
    pub delivery: Option<Id>,
    /// How many came since the last one that was told and were not kept themselves: a peer that
    /// sends them without end must not fill the journal.
    pub unkept: u64,
}

/// Keeps the acknowledgement in its entry. One case for each channel stays open for all of them
/// and counts them.
pub fn stray(state: &State, ctx: &Context, stray: &Stray) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let text = "The peer sent acknowledgements of messages that were not waiting for one. None \
                of them was taken for another message. Ask the peer's vendor why MSA-2 does not \
                match or comes late; a message whose own answer is missing has a case of its own.";
    let mut case = match open_case(state, &ctx.source) {
        Some(open) => (*open).clone(),
        None => Case {
            channel: Some(ctx.source.clone()),
            ..facts.case(CaseKind::StrayAcknowledgement, stray.reason, text)
        },
    };
    // The case leads to the newest entry; the older ones have the same channel and type.
    case.entry = ctx.seq;
    stray.reason.clone_into(&mut case.reason);
    case.delivery.clone_from(&stray.delivery);
    case.count = Some(case.count.unwrap_or(0).saturating_add(stray.unkept).saturating_add(1));
    facts.open(case);
    facts.done()
}

fn open_case(state: &State, channel: &str) -> Option<Arc<Case>> {
    let same = |case: &&Arc<Case>| {
        case.kind == CaseKind::StrayAcknowledgement && case.channel.as_deref() == Some(channel)
    };
    state.open_cases().find(same).cloned()
}
