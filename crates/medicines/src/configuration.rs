//! A configuration is put in force: who did it, what changed, and what becomes of what waits.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cases::CaseKind;
use crate::command::{Context, Decision};
use crate::deliveries::{DeliveryChange, DeliveryState, Rerouted, Which};
use crate::fact::Fact;
use crate::facts::Facts;
use crate::site::Site;
use crate::state::State;

/// The most configurations that the state remembers; older ones are in the journal alone.
pub const MAX_CONFIGURATIONS: usize = 100;

/// A configuration that somebody puts in force. Its text is the message of the entry.
#[derive(Debug, Clone)]
pub struct Application {
    /// What the domain needs of it.
    pub site: Site,
    /// Who, and what it changes.
    pub about: About,
    /// Channels whose messages are given up: what waits on them is never sent.
    pub discard: Vec<String>,
    /// Channels whose messages go out on another one.
    pub reroute: Vec<Rerouted>,
}

/// Who put a configuration in force, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The person, as a staff number or a name; the client where nobody was named.
    pub by: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// The SHA-256 of the configuration's text, in hexadecimal.
    pub digest: String,
    /// What it changed, one line for each part, without values.
    #[serde(default)]
    pub changes: Vec<String>,
    /// The entry whose configuration is in force again, where this goes back to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_to: Option<u64>,
    /// Channels that send no more and whose messages are kept until one of that name sends again,
    /// or until somebody decides otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<String>,
}

/// A configuration that was put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The entry that holds its text.
    pub entry: u64,
    /// Who and when, and what it changed.
    pub about: About,
}

/// Puts a configuration in force.
///
/// What waits on a channel that is given up ends refused, the cases that ask about it are closed,
/// and one case per channel stays open: somebody has to tell the peer what it was not told. What
/// goes out on another channel keeps its order and stands there as it stood, under the policy of
/// that channel.
pub(crate) fn apply(state: &State, ctx: &Context, application: &Application) -> Decision {
    let before = Arc::clone(state.site());
    let Application { site, about, discard, reroute } = application;
    let mut facts = Facts::new(ctx, site);
    if *before != *site {
        facts.push(Fact::Configured(Box::new(site.clone())));
    }
    facts.push(Fact::Applied(about.clone()));
    for channel in discard {
        facts.push(Fact::Delivery(DeliveryChange {
            channel: channel.as_str().into(),
            which: Which::Open,
            state: DeliveryState::Refused,
            detail: Some("discarded".to_owned()),
            ahead: false,
            at: ctx.now,
        }));
        let mut asked: Vec<_> = state
            .open_cases()
            .filter(|case| matches!(case.kind, CaseKind::UnknownOutcome | CaseKind::ParkedDelivery))
            .filter(|case| case.channel.as_deref() == Some(channel))
            .map(|case| case.id.clone())
            .collect();
        asked.sort_unstable();
        for case in asked {
            facts.close(&case, &about.by, "discarded");
        }
        let text = "What waited on this channel was discarded with it: tell the peer's people \
                    which patients they were not told of.";
        let mut case = facts.case(CaseKind::RefusedDelivery, "discarded", text);
        case.channel = Some(channel.clone());
        facts.open(case);
    }
    for rerouted in reroute {
        facts.push(Fact::Rerouted(rerouted.clone()));
    }
    facts.done()
}
