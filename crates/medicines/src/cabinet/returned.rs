//! R: units were put back, into their pocket or into the return bin.

use super::hands::{Leaving, leave};
use super::receive::{Told, explain_if_late};
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::patients::identifier_key;
use crate::state::State;
use crate::stock::{Account, Movement};

pub(super) fn put_back(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let leaving = leaving(state, told, Movement::Return, told.place());
    let excess = leave(state, facts, &leaving);
    if !excess.is_zero() {
        // The stock is back all the same: it comes from nobody knows where.
        let from = Account::Discrepancy(told.cabinet.clone());
        let mut transfer = told.transfer(facts, Movement::Return, from, told.place());
        transfer.quantity = excess;
        facts.moved(transfer);
        unmatched(facts, told, "return-without-removal", excess);
    }
    let from = Account::Discrepancy(told.cabinet.clone());
    let whole = told.transfer(facts, Movement::Return, from, told.place());
    explain_if_late(state, facts, &whole);
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
