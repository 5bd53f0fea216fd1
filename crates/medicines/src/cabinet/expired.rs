//! E and X: stock whose date has passed, or that has to be destroyed, is taken out of a pocket.

use rust_decimal::Decimal;

use super::begin::begin;
use super::outdated::post_in_time;
use super::receive::Told;
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

/// E: out of the pocket because of its date.
pub(super) fn expired(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    take_out(state, facts, told, Movement::Restock, Account::Expired);
}

/// X: destroyed.
pub(super) fn destroyed(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    take_out(state, facts, told, Movement::Waste, Account::Waste);
    super::waste::check_witness(state, facts, told, "destruction-not-witnessed");
    check_authorised(state, facts, told);
}

/// Stock of schedules 1 and 2 is destroyed before somebody whom the accountable officer authorised
/// (Misuse of Drugs Regulations 2001, regulation 27).
fn check_authorised(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let item = &told.item.code;
    let schedule = state.classes().items.get(item);
    if !schedule.is_some_and(|schedule| schedule.needs_authorised_witness()) {
        return;
    }
    let witness = told.transaction.witness.as_ref().map(|witness| &witness.id);
    let named = |witness: &String| facts.site.controlled.destruction_witnesses.contains(witness);
    if witness.is_some_and(named) || !super::waste::is_witnessed(facts.site, told) {
        return;
    }
    let text = "Stock of schedule 1 or 2 was destroyed before a witness whom the accountable \
                officer has not authorised: report it.";
    let mut case = facts.case(CaseKind::ControlledDrug, "destruction-not-authorised", text);
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(item.clone());
    case.person = witness.cloned();
    facts.open(case);
}

fn take_out(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    movement: Movement,
    to: Account,
) {
    begin(state, facts, told);
    if told.transaction.units() > Decimal::ZERO {
        let transfer = told.transfer(facts, movement, told.place(), to);
        post_in_time(state, facts, transfer);
    }
}
