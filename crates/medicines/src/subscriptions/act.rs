//! What the edge that tells subscribers found: how a subscription stands, what was taken.

use std::sync::Arc;

use fhir::{Id, ResourceType};

use super::{Change, MAX_TOLD, Place, Status};
use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::state::State;

/// What the edge found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A subscription stands differently.
    Stand {
        /// Which one.
        id: Id,
        /// The version of which that was found: where a client wrote another one since, nothing
        /// changes.
        version: u64,
        /// How it stands.
        status: Status,
        /// Why, where it is an error; without patient data.
        reason: Option<String>,
    },
    /// The subscriber took events, or there were none up to a place.
    Take(Told),
}

/// What a subscriber was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Which subscription.
    pub id: Id,
    /// The version of it by which the events were found: where a client wrote another one since,
    /// nothing changes, because that one may ask for others.
    pub version: u64,
    /// How many events were taken before; where it is another number by now, nothing changes.
    pub after: u64,
    /// Where the events are, in their order; at most [`MAX_TOLD`].
    pub events: Vec<Place>,
    /// How far was looked.
    pub looked: Place,
}

/// Takes in what the edge found. What is out of date changes nothing.
pub(crate) fn act(state: &State, ctx: &Context, act: &Act) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    match act {
        Act::Stand { id, version, status, reason } => {
            stand(state, &mut facts, (id, *version), *status, reason.as_deref());
        }
        Act::Take(told) => take(state, &mut facts, told),
    }
    facts.done()
}

fn stand(
    state: &State,
    facts: &mut Facts<'_>,
    (id, version): (&Id, u64),
    status: Status,
    reason: Option<&str>,
) {
    if state.subscription(id).is_none_or(|known| known.version != version) {
        return;
    }
    let Some(before) = state.resource(ResourceType::Subscription, id) else { return };
    let text = |text: &str| serde_json::to_string(text).expect("text is JSON");
    let (status_json, error) = (text(status.as_str()), reason.map(text));
    let changes = [("status", Some(status_json.as_str())), ("error", error.as_deref())];
    let Some(after) = before.revised(&changes, facts.ctx.now) else { return };
    let reason = reason.map(str::to_owned);
    let version = after.version;
    facts.push(Fact::Recorded(after));
    facts.push(Fact::Subscription(Change::Stands { id: id.clone(), version, status, reason }));
}

fn take(state: &State, facts: &mut Facts<'_>, told: &Told) {
    let Some(known) = state.subscription(&told.id) else { return };
    if (known.version, known.events) != (told.version, told.after) || told.events.len() > MAX_TOLD {
        return;
    }
    if told.events.is_empty() && told.looked <= known.looked {
        return;
    }
    let Told { id, events, looked, .. } = told.clone();
    facts.push(Fact::Subscription(Change::Took { id, events, looked }));
}
