//! Somebody settles a case.

use std::sync::Arc;

use fhir::Id;

use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::facts::Facts;
use crate::state::State;

/// A person's word that a case is settled.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The case.
    pub case: Id,
    /// The staff number or client name.
    pub by: String,
    /// How it was settled, in words or a code.
    pub resolution: String,
}

/// Closes an open case. A case that is closed already stays as it was settled first.
pub fn resolve(state: &State, ctx: &Context, resolution: &Resolution) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    if state.open_case(&resolution.case).is_none() {
        let text = "No open case has this id.";
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::UnknownCase, text)));
    }
    facts.close(&resolution.case, &resolution.by, &resolution.resolution);
    facts.done()
}
