//! A place is counted, by two people. The difference is a discrepancy in the same entry.

use rust_decimal::Decimal;

use super::act::CountDeed;
use super::enter::{Told, note_moved};
use super::fact::{ControlledFact, Count};
use super::place::Place;
use crate::cases::CaseKind;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::quantity::is_plausible;
use crate::state::State;
use crate::stock::{Account, Movement, about, plain, post};

pub(super) fn count(
    state: &State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &CountDeed,
) -> Result<Decision, Problem> {
    if deed.found.is_sign_negative() || !is_plausible(deed.found) {
        return problem(ProblemCode::BadValue, "A count is zero or more.");
    }
    let Some(account) = deed.place.account() else {
        let text = "A cabinet's pockets are counted at the cabinet.";
        return problem(ProblemCode::BadValue, text);
    };
    let activity = told.entering.act.activity.min(facts.ctx.now);
    let page = state.page(&deed.place, &told.item.code);
    // A place whose clock is ahead is counted all the same.
    let moved = page.and_then(|page| page.moved).map(|at| at.min(facts.ctx.now));
    if moved.is_some_and(|at| activity < at) {
        let text = "Something was entered that was done after this count: count again.";
        return problem(ProblemCode::BadValue, text);
    }
    let expected = state.balance(&account, &told.item.code);
    let id = facts.id();
    let counted = Count {
        id: id.clone(),
        account: account.clone(),
        item: told.item.code.clone(),
        expected,
        found: deed.found,
        person: told.entering.act.person.clone(),
        witness: told.stood.witness.clone(),
        seen: told.stood.seen.clone(),
        activity,
    };
    // Where stock is counted elsewhere too, the first count says with what the page begins.
    let first = !account.is_counted() && page.is_none_or(|page| page.counted.is_empty());
    enter(state, &mut facts, counted);
    let difference = deed.found - expected;
    if difference.is_zero() {
        return Ok(facts.answer(Answer::Created(vec![id])));
    }
    let other = if first { Account::Opening } else { Account::Discrepancy(account.to_string()) };
    let mark = facts.mark();
    let mut transfer = plain(&mut facts, told.item, told.people(), activity);
    transfer.movement = if first { Movement::Opening } else { Movement::Count };
    transfer.quantity = difference.abs();
    (transfer.from, transfer.to) =
        if difference > Decimal::ZERO { (other, account) } else { (account, other) };
    let transfer = post(state, &mut facts, transfer);
    note_moved(&mut facts, mark, &told.note());
    if !first {
        let text = "The count differs from the register: count again, and look for what was taken \
                    or put there without being entered.";
        let mut case = facts.case(CaseKind::Discrepancy, "count-differs", text);
        about(&mut case, &transfer);
        case.place = Some(deed.place.to_string());
        case.quantity = Some(difference);
        facts.open(case);
    }
    Ok(facts.answer(Answer::Created(vec![id])))
}

/// Enters a count, and closes the case that asked for it once all of the place is counted.
pub(crate) fn enter(state: &State, facts: &mut Facts<'_>, count: Count) {
    if let Some(place) = Place::of(&count.account)
        && let Some(page) = state.page(&place, &count.item)
        && let Some(case) = &page.case
        && state
            .counted_since(&place, &count.item, Some((&count.account, count.activity)))
            .is_some()
    {
        facts.close(case, &count.person, "counted");
    }
    facts.controlled(ControlledFact::Counted(count));
}
