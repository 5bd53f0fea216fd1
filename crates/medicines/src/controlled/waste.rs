//! Units are wasted before a second person: given and wasted make up what was removed.

use rust_decimal::Decimal;

use super::act::WasteDeed;
use super::enter::{Told, check_denatured, note_moved};
use super::fact::Note;
use super::schedule::Schedule;
use crate::cabinet::hands::{Leaving, leave};
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::state::State;
use crate::stock::{self, Account, Movement, plain, post};

pub(super) fn waste(
    state: &mut State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &WasteDeed,
    schedule: Schedule,
) -> Result<Decision, Problem> {
    stock::amount(deed.quantity)?;
    check_denatured(schedule, deed.denatured.as_deref())?;
    let mark = facts.mark();
    let mut note = Note {
        reason: Some(deed.reason.clone()),
        denatured: deed.denatured.clone(),
        ..told.note()
    };
    match (&deed.removal, &deed.place) {
        (Some(_), None) => note.note = out_of_hands(state, &mut facts, told, deed)?,
        (None, Some(place)) => {
            let Some(account) = place.account().filter(|_| deed.given.is_none()) else {
                let text = "What is wasted out of a cabinet's pocket is told by the cabinet, and \
                            only of a removal a part was given.";
                return problem(ProblemCode::BadValue, text);
            };
            if state.balance(&account, &told.item.code) < deed.quantity {
                let text = "The register has less there: count the place first.";
                return problem(ProblemCode::BadValue, text);
            }
            let activity = told.entering.act.activity;
            let mut transfer = plain(&mut facts, told.item, told.people(), activity);
            transfer.movement = Movement::Waste;
            transfer.quantity = deed.quantity;
            transfer.patient = place.patient().cloned();
            (transfer.from, transfer.to) = (account, Account::Waste);
            post(state, &mut facts, transfer);
        }
        _ => {
            let text = "Say either the removal or the place that it is wasted of.";
            return problem(ProblemCode::BadValue, text);
        }
    }
    let ids = facts.posted_since(mark);
    note_moved(&mut facts, mark, &note);
    Ok(facts.answer(Answer::Created(ids)))
}

/// Out of the hands of a removal. The answer says in words how it comes to what was removed.
fn out_of_hands(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    deed: &WasteDeed,
) -> Result<Option<String>, Problem> {
    let wrong = |text: &str| problem(ProblemCode::BadValue, text);
    let removal = deed.removal.as_ref().and_then(|id| state.removal(id));
    let Some(removal) = removal.filter(|one| one.transfer.item == told.item.code) else {
        return wrong("No removal of this item has this number.");
    };
    let Some(patient) = removal.transfer.patient.clone() else {
        return wrong("This removal names no patient: tell it where it was made.");
    };
    if deed.quantity > removal.in_hands {
        return wrong("More is wasted than is in hands of this removal.");
    }
    let removed = removal.transfer.quantity;
    if let Some(given) = deed.given {
        let is_part = !given.is_sign_negative() && given + deed.quantity == removed;
        if !is_part {
            return wrong("Given and wasted do not make up what was removed.");
        }
    }
    let (person, witness) = told.people();
    let leaving = Leaving {
        patient: &patient,
        item: &told.item.code,
        order: removal.transfer.order.clone(),
        removal: Some(&removal.transfer.id),
        batch: None,
        units: deed.quantity,
        movement: Movement::Waste,
        to: Account::Waste,
        person,
        witness,
        cabinet: None,
        activity: told.entering.act.activity.min(facts.ctx.now),
        resolution: "wasted",
    };
    let excess = leave(state, facts, &leaving);
    debug_assert!(excess == Decimal::ZERO, "what is in hands was looked at before");
    let words = |given: Decimal| {
        let (given, wasted) = (given.normalize(), deed.quantity.normalize());
        format!("given {given} and wasted {wasted} of {} removed", removed.normalize())
    };
    Ok(deed.given.map(words))
}
