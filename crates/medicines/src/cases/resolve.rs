//! Somebody settles a case.

use std::sync::Arc;

use fhir::Id;

use super::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::deliveries::decided;
use crate::fact::Fact;
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

/// Closes an open case. A case that is closed already stays as it was settled first; one about a
/// message that was not answered is settled by what is to become of the message.
pub fn resolve(state: &State, ctx: &Context, resolution: &Resolution) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let Some(case) = state.open_case(&resolution.case) else {
        let text = "No open case has this id.";
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::UnknownCase, text)));
    };
    if case.kind == CaseKind::UnknownOutcome {
        match decided(case, &resolution.resolution, ctx.now) {
            Some(change) => facts.push(Fact::Delivery(change)),
            None => {
                let text = "Settle this case with `delivered`, `resend` or `give-up`.";
                return facts.answer(Answer::Parked(Problem::new(ProblemCode::UnknownCode, text)));
            }
        }
    }
    facts.close(&resolution.case, &resolution.by, &resolution.resolution);
    facts.done()
}
