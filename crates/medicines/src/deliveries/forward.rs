//! A message that came in goes out again as it is.

use std::fmt::Write;
use std::sync::Arc;

use fhir::types::Identifier;
use fhir::{Id, ResourceType};
use sha2::{Digest, Sha256};

use super::{Delivery, Notice};
use crate::command::{Answer, Context, Decision, Request};
use crate::decide;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::patients::find_optional;
use crate::state::State;

/// How many bytes of a digest the key of a lane holds: 160 bits.
const LANE_BYTES: usize = 20;

/// A message that is to go on to other systems untouched, beside what it asks here.
#[derive(Debug, Clone)]
pub struct Forward {
    /// The outbound channels, each once.
    pub to: Vec<Arc<str>>,
    /// The identifiers of the patient whom it is about, as far as they can be read.
    pub patient: Vec<Identifier>,
    /// What it asks here.
    pub request: Box<Request>,
}

/// Decides what the message asks, and queues its bytes for each channel. A message that is not
/// taken here does not go on either: it does when somebody has mended and replayed it.
pub fn forward(state: &mut State, ctx: &Context, message: &Forward) -> Decision {
    let mut decision = decide(state, ctx, &message.request);
    if matches!(decision.answer, Answer::Parked(_) | Answer::Refused(_)) {
        return decision;
    }
    let site = Arc::clone(state.site());
    let key = lane(state, ctx, message, &decision);
    let mut facts = Facts::new(ctx, &site);
    for (n, channel) in message.to.iter().enumerate() {
        facts.push(Fact::Queued(Delivery {
            id: ctx.id_forwarded(&site.code, n + 1),
            channel: Arc::clone(channel),
            key: key.clone(),
            notice: Notice::Forwarded { entry: ctx.seq },
            profile: false,
            at: ctx.now,
        }));
    }
    decision.facts.extend(facts.done().facts);
    decision
}

/// Behind what the message waits: what goes on about one patient keeps its order. A patient who
/// is not known here has a lane by the first of the identifiers, and what is about nobody has
/// that of its channel.
fn lane(state: &mut State, ctx: &Context, message: &Forward, decision: &Decision) -> Id {
    if let Ok(Some(patient)) = find_optional(state, &message.patient) {
        return patient.id.clone();
    }
    let made = decision.facts.iter().find_map(|fact| match fact {
        Fact::Stored(stored) if stored.resource_type == ResourceType::Patient => Some(&stored.id),
        _ => None,
    });
    if let Some(made) = made {
        return made.clone();
    }
    let mut digest = Sha256::new();
    match message.patient.iter().find(|identifier| identifier.value.is_some()) {
        Some(Identifier { system, value, .. }) => {
            digest.update(system.as_deref().unwrap_or_default());
            digest.update("|");
            digest.update(value.as_deref().unwrap_or_default());
        }
        None => digest.update(&ctx.source),
    }
    let mut key = "lane.".to_owned();
    for byte in digest.finalize().iter().take(LANE_BYTES) {
        let _ = write!(key, "{byte:02x}");
    }
    Id::new(&key).expect("letters, digits and a dot below 64 characters are an id")
}
