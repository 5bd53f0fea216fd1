//! The critical override: every cabinet of the site lets medicines out without an order, because
//! orders or their verification do not arrive.
//!
//! A named person switches it on with a reason and somebody switches it off. Whatever leaves
//! meanwhile without a live, verified order has a case, at cabinets that ask and at those that
//! tell afterwards.

use std::sync::Arc;

use access::Right;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::refusal::RefusalCode;
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::{Facts, problem};
use crate::state::State;

/// The reason of the cases about what leaves under it.
pub(crate) const CRITICAL_OVERRIDE: &str = "critical-override";

/// The most spans that are remembered; a burst of a cabinet that was cut off for longer is judged
/// without the older ones.
pub(crate) const MAX_SPANS: usize = 50;

/// Somebody switches the critical override on or off.
#[derive(Debug, Clone)]
pub struct CriticalSwitch {
    /// Whether it is on from now on.
    pub on: bool,
    /// The staff number of the person who switches it.
    pub person: String,
    /// Why; needed to switch it on.
    pub reason: String,
}

/// A span of time in which the critical override was on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalSpan {
    /// From when.
    pub since: Timestamp,
    /// Who switched it on.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Until when; none while it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Who switched it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

impl CriticalSpan {
    /// Whether it was on at a time.
    pub fn covers(&self, at: Timestamp) -> bool {
        self.since <= at && self.until.is_none_or(|until| at < until)
    }
}

/// Switches it. Switching on what is on, or off what is off, changes nothing.
pub(crate) fn switch(
    state: &State,
    ctx: &Context,
    asked: &CriticalSwitch,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    access::allow(site.person(&asked.person), Right::SwitchOverride)
        .map_err(|denial| Problem::new(ProblemCode::BadValue, format!("{denial}.")))?;
    let running = state.critical().last().filter(|span| span.until.is_none());
    let span = match (asked.on, running) {
        (true, None) if asked.reason.trim().is_empty() => {
            return problem(ProblemCode::BadValue, "Say why orders are not checked.");
        }
        (true, None) => CriticalSpan {
            since: ctx.now,
            by: asked.person.clone(),
            reason: asked.reason.trim().to_owned(),
            until: None,
            ended_by: None,
        },
        (false, Some(span)) => CriticalSpan {
            until: Some(ctx.now),
            ended_by: Some(asked.person.clone()),
            ..span.clone()
        },
        _ => return Ok(facts.done()),
    };
    facts.push(Fact::CriticalOverride(span));
    Ok(facts.done())
}

/// Whether a refusal is for want of an order, which the critical override stands in for.
pub(super) fn stands_for(code: RefusalCode) -> bool {
    use RefusalCode as Code;
    matches!(
        code,
        Code::NoLiveOrder
            | Code::NotVerified
            | Code::NotStarted
            | Code::AmbiguousOrder
            | Code::DoseNotComparable
            | Code::ItemNotOfOrder
            | Code::OrderTooOld
            | Code::PrescriberSilent
    )
}

/// The same for the reasons of removals that are told afterwards.
pub(super) fn stands_for_reason(reason: &str) -> bool {
    matches!(
        reason,
        "no-order"
            | "unknown-order"
            | "item-not-of-order"
            | "not-verified"
            | "not-started"
            | "dose-not-comparable"
    )
}
