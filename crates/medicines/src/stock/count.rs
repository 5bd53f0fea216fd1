//! Somebody counts a place outside the cabinets: a ward's cupboard, a patient's own medicines.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::act::StockCount;
use super::moves::{item, person, plain, unregistered};
use super::{Account, Movement, post};
use crate::cases::CaseKind;
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::quantity::is_plausible;
use crate::state::State;

/// What was found is the balance; the difference is posted against the discrepancy account of the
/// place, with a case.
pub(super) fn counted(
    state: &State,
    ctx: &Context,
    told: &StockCount,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    person(&site, &told.person)?;
    let item = item(&site, &told.item)?;
    unregistered(state, item)?;
    if told.found.is_sign_negative() || !is_plausible(told.found) {
        return problem(ProblemCode::BadValue, "A count is zero or more.");
    }
    let countable = matches!(
        told.place,
        Account::WardStock(_) | Account::OwnDrugs(_) | Account::TakeHome(_) | Account::Expired
    );
    if !countable {
        let text = "This place is not counted this way: a cabinet's pockets are counted there.";
        return problem(ProblemCode::BadValue, text);
    }
    let difference = told.found - state.balance(&told.place, &item.code);
    if difference.is_zero() {
        return Ok(facts.done());
    }
    let nobody_knows = Account::Discrepancy(told.place.to_string());
    let people = (told.person.as_str(), told.witness.as_deref());
    let mut transfer = plain(&mut facts, item, people, told.activity);
    transfer.movement = Movement::Count;
    transfer.quantity = difference.abs();
    (transfer.from, transfer.to) = if difference > Decimal::ZERO {
        (nobody_knows, told.place.clone())
    } else {
        (told.place.clone(), nobody_knows)
    };
    let transfer = post(state, &mut facts, transfer);
    let text = "The count differs from the ledger: count again, and look for what was taken or \
                put there without being recorded.";
    let mut case = facts.case(CaseKind::Discrepancy, "count-differs", text);
    super::about(&mut case, &transfer);
    case.quantity = Some(difference);
    facts.open(case);
    Ok(facts.done())
}
