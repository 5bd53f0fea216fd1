//! Somebody's removals, wastes and returns are again and again not accounted for.
//!
//! One unit that is missing is followed by its own case. Three within a week, of the same person,
//! are looked at together. What is explained later, because a dose was only told late, does not
//! count.

use std::collections::BTreeMap;

use super::{Pattern, REPEATED, is_open, is_watched};
use crate::cases::{Case, CaseKind};
use crate::command::{Context, Decision};
use crate::fact::Fact;
use crate::site::Site;
use crate::state::State;

/// The reasons of unmatched transactions that are about units of which nobody knows where they
/// came from or went to. A dose without a removal is not among them: after a downtime, the
/// removals are often told after their doses.
const UNMATCHED: [&str; 4] = [
    "waste-without-removal",
    "waste-not-witnessed",
    "destruction-not-witnessed",
    "return-without-removal",
];

/// Whether a case is about units that somebody has not accounted for.
pub(crate) fn is_irregular(state: &State, case: &Case) -> bool {
    let kind = match case.kind {
        CaseKind::UnaccountedDose => true,
        CaseKind::UnmatchedTransaction => UNMATCHED.contains(&case.reason.as_str()),
        _ => false,
    };
    kind && case.person.is_some() && case.item.as_ref().is_some_and(|item| is_watched(state, item))
}

/// The first person whose cases of this decision make their number as great as the site allows.
pub(super) fn found(
    state: &State,
    site: &Site,
    ctx: &Context,
    decision: &Decision,
) -> Option<Pattern> {
    let limit = usize::try_from(site.policies.review_repeats).ok().filter(|limit| *limit > 0)?;
    let mut new: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for fact in &decision.facts {
        if let Fact::CaseOpened(case) = fact
            && is_irregular(state, case)
        {
            new.entry(case.person.as_deref()?).or_default().push(case);
        }
    }
    new.into_iter().find_map(|(person, cases)| {
        let count = state.irregular_of(person, ctx.now) + cases.len();
        let last = cases.last().filter(|_| count >= limit && !is_open(state, person, REPEATED))?;
        let text = format!(
            "{count} times within {} days, what this person took, wasted or put back of medicines \
             that need a second person is not accounted for: look at these acts together.",
            site.policies.review_window_days
        );
        Some(Pattern {
            reason: REPEATED,
            person: person.to_owned(),
            item: last.item.clone()?,
            cabinet: last.cabinet.clone(),
            count: count as u64,
            text,
        })
    })
}
