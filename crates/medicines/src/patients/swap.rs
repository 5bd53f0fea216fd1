//! A17: two patients change places.

use std::sync::Arc;

use super::tell::tell_in;
use super::{PatientMessage, find_optional};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::State;

/// Takes over where both patients are now. Both moves take effect or neither does.
pub fn swap(
    state: &mut State,
    ctx: &Context,
    messages: &[PatientMessage; 2],
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let [one, other] = messages;
    let first = find_optional(state, &one.patient.identifier)?;
    let second = find_optional(state, &other.patient.identifier)?;
    if let (Some(first), Some(second)) = (first, second)
        && first.id == second.id
    {
        let text = "Both of those who change places are one patient: check where they are in the \
                    PAS, then close the case.";
        return problem(ProblemCode::AmbiguousPatient, text).map_err(|p| p.at("PID[2]-3"));
    }
    for message in messages {
        tell_in(state, &mut facts, message)?;
    }
    Ok(facts.done())
}
