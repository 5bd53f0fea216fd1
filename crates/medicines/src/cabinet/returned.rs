//! R: units were put back, into their pocket or into the return bin.

use super::begin::begin;
use super::hands::{Leaving, leave};
use super::outdated::{is_late, offset};
use super::receive::Told;
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::patients::identifier_key;
use crate::state::State;
use crate::stock::{Account, Movement, post};

pub(super) fn put_back(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    begin(state, facts, told);
    let leaving = leaving(state, told, Movement::Return, told.place());
    let excess = leave(state, facts, &leaving);
    let from = Account::Discrepancy(told.cabinet.clone());
    if !excess.is_zero() {
        // The stock is back all the same: it comes from nobody knows where.
        let mut transfer = told.transfer(facts, Movement::Return, from.clone(), told.place());
        transfer.quantity = excess;
        post(state, facts, transfer);
        unmatched(facts, told, "return-without-removal", excess);
    }
    let whole = told.transfer(facts, Movement::Return, from, told.place());
    if is_late(state, &whole, &told.place()) && !whole.quantity.is_zero() {
        offset(state, facts, &whole, &told.place());
    }
}

/// What a return or a waste at a cabinet is known by.
pub(super) fn leaving<'a>(
    state: &mut State,
    told: &'a Told<'_>,
    movement: Movement,
    to: Account,
) -> Leaving<'a> {
    let transaction = told.transaction;
    let patient = told.patient.as_ref().expect("V, R and W are understood only with a patient");
    let number = transaction.order.as_ref().and_then(identifier_key);
    let order = number.and_then(|number| state.order_by(&number));
    Leaving {
        patient: &patient.id,
        item: &told.item.code,
        order: order.map(|order| order.id.clone()),
        removal: None,
        batch: transaction.batch.as_deref(),
        units: transaction.units(),
        movement,
        to,
        person: &transaction.user.id,
        witness: transaction.witness.as_ref().map(|witness| witness.id.as_str()),
        cabinet: Some(&told.cabinet),
        activity: transaction.activity,
        resolution: if movement == Movement::Waste { "wasted" } else { "returned" },
    }
}

pub(super) fn unmatched(
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    reason: &str,
    units: rust_decimal::Decimal,
) {
    let text = "No open removal explains this transaction: find the removal, or count the pocket.";
    let mut case = facts.case(CaseKind::UnmatchedTransaction, reason, text);
    case.patient = told.patient.as_ref().map(|patient| patient.id.clone());
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(told.item.code.clone());
    case.quantity = Some(units);
    case.person = Some(told.transaction.user.id.clone());
    facts.open(case);
}
