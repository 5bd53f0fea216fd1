//! Codes of a peer that no table of its channel knows.

use std::sync::Arc;

use super::{Case, CaseKind};
use crate::command::{Answer, Context, Decision, Request};
use crate::decide::act;
use crate::facts::Facts;
use crate::state::State;

/// The longest code that a case shows, in characters.
const MAX_SHOWN: usize = 40;

/// A code that no table of a channel knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmapped {
    /// The table of the dialect that should know it: `timing_codes`, `tables.wards`.
    pub table: String,
    /// The code as the peer writes it.
    pub code: String,
}

impl Unmapped {
    /// The code as people may see it. What a peer writes in the place of a code may be words about
    /// a patient, so that only what has the form of a code is shown.
    pub fn shown(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || " -/.,+()*_".contains(c);
        let count = self.code.chars().count();
        if count <= MAX_SHOWN && self.code.chars().all(plain) {
            format!("`{}`", self.code)
        } else {
            format!("a text of {count} characters that has not the form of a code")
        }
    }

    fn text(&self) -> String {
        let (code, table) = (self.shown(), &self.table);
        format!(
            "The channel's dialect does not know {code}: add it to its `{table}`, try it with \
             `interlock test`, and settle this case. What was read before stays as it was read."
        )
    }
}

/// Decides what a message asks, and opens a case for each code of it that has none yet on its
/// channel. A message that is parked has its own case.
pub fn unmapped(
    state: &mut State,
    ctx: &Context,
    codes: &[Unmapped],
    request: &Request,
) -> Decision {
    let mut decision = act(state, ctx, request);
    if matches!(decision.answer, Answer::Parked(_)) {
        return decision;
    }
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let mut told: Vec<String> = Vec::new();
    for code in codes {
        let text = code.text();
        if told.contains(&text) || is_open(state, ctx, &text) {
            continue;
        }
        let mut case = facts.case_beside(CaseKind::UnmappedCode, &code.table, &text);
        case.channel = Some(ctx.source.clone());
        facts.open(case);
        told.push(text);
    }
    decision.facts.extend(facts.done().facts);
    decision
}

fn is_open(state: &State, ctx: &Context, text: &str) -> bool {
    let same = |case: &&Arc<Case>| {
        case.kind == CaseKind::UnmappedCode
            && case.channel.as_deref() == Some(&ctx.source)
            && case.text == text
    };
    state.open_cases().any(|case| same(&case))
}
