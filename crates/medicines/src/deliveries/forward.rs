//! A message that came in goes out again as it is.

use std::fmt::Write;
use std::sync::Arc;

use fhir::types::{Identifier, IdentifierUse};
use fhir::{Id, ResourceType};
use sha2::{Digest, Sha256};

use super::{Delivery, Joined, Notice};
use crate::command::{Answer, Context, Decision, Request};
use crate::decide::act;
use crate::fact::Fact;
use crate::facts::Facts;
use crate::patients::find_optional;
use crate::state::State;

/// How the key of a lane begins that is nobody's who is known here.
const LANE: &str = "lane.";
/// How many identifiers of a message may have had a lane.
const MAX_LANES: usize = 8;
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
    let mut decision = act(state, ctx, &message.request);
    if matches!(decision.answer, Answer::Parked(_) | Answer::Refused(_)) {
        return decision;
    }
    let site = Arc::clone(state.site());
    let key = lane(state, ctx, message, &decision);
    let mut facts = Facts::new(ctx, &site);
    for from in former_lanes(message, &key) {
        if state.joins(&from) {
            facts.push(Fact::Joined(Joined { from, to: key.clone() }));
        }
    }
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
    match message.patient.iter().find(|identifier| identifier.value.is_some()) {
        Some(first) => lane_of(first),
        None => named(Sha256::new().chain_update(&ctx.source)),
    }
}

/// The lanes in which messages about a patient who is known may still be, from before the patient
/// was: they come first.
fn former_lanes(message: &Forward, key: &Id) -> Vec<Id> {
    if key.starts_with(LANE) {
        return Vec::new();
    }
    let current = |identifier: &&Identifier| {
        identifier.value.is_some() && identifier.purpose != Some(IdentifierUse::Old)
    };
    message.patient.iter().filter(current).take(MAX_LANES).map(lane_of).collect()
}

/// The lane of an unknown patient with this identifier.
fn lane_of(identifier: &Identifier) -> Id {
    let Identifier { system, value, .. } = identifier;
    let digest = Sha256::new()
        .chain_update(system.as_deref().unwrap_or_default())
        .chain_update("|")
        .chain_update(value.as_deref().unwrap_or_default());
    named(digest)
}

fn named(digest: Sha256) -> Id {
    let mut key = LANE.to_owned();
    for byte in digest.finalize().iter().take(LANE_BYTES) {
        let _ = write!(key, "{byte:02x}");
    }
    Id::new(&key).expect("letters, digits and a dot below 64 characters are an id")
}
