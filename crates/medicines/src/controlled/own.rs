//! What a patient brought along is taken into safe custody: a section of the register by itself.

use super::act::TakeInDeed;
use super::enter::{Told, check_expiry, note_moved};
use super::fact::Note;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::State;
use crate::stock::{self, Account, plain, post};

pub(super) fn take_in(
    state: &mut State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &TakeInDeed,
) -> Result<Decision, Problem> {
    stock::amount(deed.quantity)?;
    check_expiry(deed.expiry, deed.batch.as_deref())?;
    if state.patient(&deed.patient).is_none() {
        return problem(ProblemCode::UnknownPatient, "No patient has this id.");
    }
    let mark = facts.mark();
    let mut transfer = plain(&mut facts, told.item, told.people(), told.entering.act.activity);
    transfer.quantity = deed.quantity;
    transfer.batch.clone_from(&deed.batch);
    transfer.expiry = deed.expiry;
    transfer.patient = Some(deed.patient.clone());
    (transfer.from, transfer.to) = (Account::Opening, Account::OwnDrugs(deed.patient.clone()));
    let transfer = post(state, &mut facts, transfer);
    let note = Note { counterparty: Some("patient".to_owned()), ..told.note() };
    note_moved(&mut facts, mark, &note);
    Ok(facts.answer(Answer::Created(vec![transfer.id])))
}
