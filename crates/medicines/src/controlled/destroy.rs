//! Stock, or what a patient brought or returned, is destroyed.

use super::act::DestroyDeed;
use super::enter::{Told, check_denatured, note_moved};
use super::fact::Note;
use super::schedule::Schedule;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::State;
use crate::stock::{self, Account, Movement, plain, post};

pub(super) fn destroy(
    state: &State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &DestroyDeed,
    schedule: Schedule,
) -> Result<Decision, Problem> {
    stock::amount(deed.quantity)?;
    check_denatured(schedule, deed.denatured.as_deref())?;
    let Some(account) = deed.place.account() else {
        let text = "Take it out of the cabinet first: there it is told as expired.";
        return problem(ProblemCode::BadValue, text);
    };
    if state.balance(&account, &told.item.code) < deed.quantity {
        let text = "The register has less there: count the place first.";
        return problem(ProblemCode::BadValue, text);
    }
    let mark = facts.mark();
    let mut transfer = plain(&mut facts, told.item, told.people(), told.entering.act.activity);
    transfer.movement = Movement::Waste;
    transfer.quantity = deed.quantity;
    transfer.batch.clone_from(&deed.batch);
    transfer.patient = deed.place.patient().cloned();
    (transfer.from, transfer.to) = (account, Account::Waste);
    let transfer = post(state, &mut facts, transfer);
    let note = Note {
        reason: Some(deed.reason.clone()),
        denatured: deed.denatured.clone(),
        destroyed: true,
        ..told.note()
    };
    note_moved(&mut facts, mark, &note);
    Ok(facts.answer(Answer::Created(vec![transfer.id])))
}
