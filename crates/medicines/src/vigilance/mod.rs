//! What shows only over many acts of one person: each of them has an explanation, all of them
//! together want one.
//!
//! Two rules look at what people do with medicines that need a second person: how often what
//! somebody took is not accounted for ([`repeats`]), and how often it ends as waste, beside what
//! the others do ([`wastes`]). A case of theirs asks somebody to look; it accuses nobody. NICE NG46
//! (§1.7) asks an organisation to have ways to find such patterns, and Interlock's are explainable:
//! a reader of the case can add up the same figures.

mod repeats;
mod wastes;

use std::sync::Arc;

use crate::cases::CaseKind;
use crate::command::{Context, Decision};
use crate::facts::Facts;
use crate::formulary::Item;
use crate::state::State;

pub(crate) use repeats::is_irregular;

/// The reason of the case about acts that are not accounted for.
pub(crate) const REPEATED: &str = "repeated";
/// The reason of the case about wastes.
pub(crate) const WASTES: &str = "waste-above-others";

/// Looks at what a decision makes true, and adds the cases that follow from it together with what
/// the people did before.
pub(crate) fn watch(state: &State, ctx: &Context, decision: &mut Decision) {
    let site = Arc::clone(state.site());
    if site.policies.review_window_days == 0 {
        return;
    }
    let found =
        [repeats::found(state, &site, ctx, decision), wastes::found(state, &site, decision)];
    let mut facts = Facts::new(ctx, &site);
    for (n, found) in found.into_iter().flatten().enumerate() {
        let mut case = facts.case(CaseKind::PersonPattern, found.reason, &found.text);
        case.id = ctx.id_of_pattern(&site.code, n + 1);
        (case.person, case.item) = (Some(found.person), Some(found.item));
        (case.cabinet, case.count) = (found.cabinet, Some(found.count));
        facts.open(case);
    }
    decision.facts.extend(facts.done().facts);
}

/// What a rule found.
struct Pattern {
    reason: &'static str,
    person: String,
    item: String,
    cabinet: Option<String>,
    /// How many acts it is about.
    count: u64,
    text: String,
}

/// Whether a pattern of a person waits to be looked at.
fn is_open(state: &State, person: &str, reason: &str) -> bool {
    state.open_cases().any(|case| {
        case.kind == CaseKind::PersonPattern
            && case.reason == reason
            && case.person.as_deref() == Some(person)
    })
}

/// Whether what somebody does with an item is looked at: where a second person stands by, and
/// where a register is kept of it, whether the configuration or dm+d makes it a controlled drug.
pub(crate) fn is_watched(state: &State, item: &str) -> bool {
    state.is_registered(item) || state.site().item(item).is_some_and(Item::needs_witness)
}
