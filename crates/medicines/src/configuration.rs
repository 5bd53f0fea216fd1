//! A configuration is put in force: who did it, what changed, and what becomes of what waits.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cases::{Case, CaseKind};
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
        for case in asked(state, channel) {
            facts.close(&case.id, &about.by, "discarded");
        }
        let text = "What waited on this channel was discarded with it: tell the peer's people \
                    which patients they were not told of.";
        let mut case = facts.case(CaseKind::RefusedDelivery, "discarded", text);
        case.channel = Some(channel.clone());
        facts.open(case);
    }
    for rerouted in reroute {
        facts.push(Fact::Rerouted(rerouted.clone()));
        for case in asked(state, &rerouted.from) {
            facts.close(&case.id, &about.by, "moved");
            let again = facts.case(case.kind, &case.reason, &case.text);
            let (channel, delivery) = (Some(rerouted.to.clone()), case.delivery.clone());
            facts.open(Case { channel, delivery, patient: case.patient.clone(), ..again });
        }
    }
    facts.done()
}

/// The open cases that ask what is to become of a message of this channel, the oldest first.
fn asked(state: &State, channel: &str) -> Vec<Arc<Case>> {
    let asks = |case: &&Arc<Case>| {
        matches!(case.kind, CaseKind::UnknownOutcome | CaseKind::ParkedDelivery)
            && case.channel.as_deref() == Some(channel)
    };
    let mut asked: Vec<_> = state.open_cases().filter(asks).cloned().collect();
    asked.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    asked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::CaseClosed;

    /// Reads nothing: all is in memory.
    #[derive(Debug)]
    struct Nothing;

    impl crate::Cold for Nothing {
        fn row(&self, _: crate::RowKind, _: &str) -> Option<Vec<u8>> {
            None
        }

        fn resource(&self, _: fhir::ResourceType, _: &fhir::Id) -> Option<fhir::StoredResource> {
            None
        }

        fn resources_of(&self, _: &fhir::Id) -> Vec<fhir::StoredResource> {
            Vec::new()
        }
    }

    #[test]
    fn a_case_about_a_message_goes_with_it_to_its_new_channel() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let context = |seq| Context {
            seq,
            now: at(10),
            source: "configuration".to_owned(),
            dictionary: None,
        };
        let mut state = State::new(Box::new(Nothing));
        let site = Site { code: "RXX".to_owned(), ..Site::default() };
        let first = context(1);
        let mut facts = Facts::new(&first, &site);
        for channel in ["old", "other"] {
            let mut case = facts.case(CaseKind::ParkedDelivery, "AE", "Look.");
            case.channel = Some(channel.to_owned());
            case.delivery = fhir::Id::new(&format!("d.{channel}")).ok();
            facts.open(case);
        }
        state.fold(1, &facts.done().facts);
        let about = About {
            by: "N1001".to_owned(),
            at: at(10),
            digest: String::new(),
            changes: Vec::new(),
            back_to: None,
            held: Vec::new(),
        };
        let reroute = vec![Rerouted { from: "old".to_owned(), to: "new".to_owned() }];
        let wish = Application { site, about, discard: Vec::new(), reroute };
        let decision = apply(&state, &context(2), &wish);
        state.fold(2, &decision.facts);
        let mut open: Vec<_> = state
            .open_cases()
            .map(|case| (case.channel.clone().unwrap(), case.delivery.clone().unwrap()))
            .collect();
        open.sort();
        let of = |channel: &str, id: &str| (channel.to_owned(), fhir::Id::new(id).unwrap());
        assert_eq!(open, [of("new", "d.old"), of("other", "d.other")]);
        let moved = |fact: &&Fact| match fact {
            Fact::CaseClosed(CaseClosed { resolution, .. }) => resolution == "moved",
            _ => false,
        };
        assert_eq!(decision.facts.iter().filter(moved).count(), 1);
    }
}
