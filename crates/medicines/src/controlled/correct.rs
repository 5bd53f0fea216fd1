//! An earlier entry is corrected by a new one that names it. The earlier one stays as it is.

use rust_decimal::Decimal;

use super::act::CorrectDeed;
use super::enter::{Told, note_moved};
use super::fact::{ControlledFact, Correction, Note};
use super::lines;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::State;
use crate::stock::{self, Account, plain, post};

pub(super) fn correct(
    state: &State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &CorrectDeed,
) -> Result<Decision, Problem> {
    let activity = told.entering.act.activity.min(facts.ctx.now);
    let Some(difference) = deed.difference else {
        let id = facts.id();
        facts.controlled(ControlledFact::Corrected(Correction {
            id: id.clone(),
            of: deed.of.clone(),
            item: told.item.code.clone(),
            note: deed.note.clone(),
            person: told.entering.act.person.clone(),
            witness: told.stood.witness.clone(),
            seen: told.stood.seen.clone(),
            activity,
        }));
        return Ok(facts.answer(Answer::Created(vec![id])));
    };
    stock::amount(difference.abs())?;
    let wrong = |text: &str| problem(ProblemCode::BadValue, text);
    let Some(earlier) = state.entered_transfer(&deed.of) else {
        return wrong("A count or a note has no quantity to correct: count again.");
    };
    if lines(&earlier, None).is_empty() || !may_correct(&earlier.from, &earlier.to) {
        let text = "What went through somebody's hands or on its way is put right by telling \
                    what became of it; here it can only be noted.";
        return wrong(text);
    }
    if earlier.quantity + state.corrected_by(&earlier) + difference < Decimal::ZERO {
        return wrong("No more can be taken back than was entered.");
    }
    let mark = facts.mark();
    let mut transfer = plain(&mut facts, told.item, told.people(), activity);
    transfer.movement = earlier.movement;
    transfer.quantity = difference.abs();
    transfer.patient.clone_from(&earlier.patient);
    transfer.batch.clone_from(&earlier.batch);
    (transfer.from, transfer.to) = if difference > Decimal::ZERO {
        (earlier.from, earlier.to)
    } else {
        (earlier.to, earlier.from)
    };
    let transfer = post(state, &mut facts, transfer);
    let note =
        Note { corrects: Some(deed.of.clone()), note: Some(deed.note.clone()), ..told.note() };
    note_moved(&mut facts, mark, &note);
    Ok(facts.answer(Answer::Created(vec![transfer.id])))
}

/// Whether both sides are places or the world outside, so that the entry stands for itself.
fn may_correct(from: &Account, to: &Account) -> bool {
    let stands = |account: &Account| {
        !matches!(account, Account::Hands(_) | Account::Transit(_) | Account::Relabelled)
    };
    stands(from) && stands(to)
}
