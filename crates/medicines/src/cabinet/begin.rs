//! What a pocket held when a transaction began, as the device counted it.
//!
//! A device's balance after an act is what it expected before, with the amount added or taken off
//! (VA PADE, `PSJPADIT`). Where the ledger has another count, the difference is posted against the
//! discrepancy account and a case opens, so that both go on from the same number.

use rust_decimal::Decimal;

use super::receive::Told;
use super::transaction::{Bin, TransactionCode};
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement, post};

/// Takes over what the device expected before the act. An outdated transaction changes nothing,
/// and neither does one that tells no count.
pub(super) fn begin(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let transaction = told.transaction;
    if transaction.bin == Bin::Return || told.is_outdated(state) {
        return;
    }
    if let Some(expected) = transaction.expected.or(transaction.actual) {
        if open_pocket(state, facts, told, expected) {
            return;
        }
        let difference = set_to(state, facts, told, expected);
        differs(facts, told, difference, "expected-differs");
    }
    if let (Some(expected), Some(actual)) = (transaction.expected, transaction.actual)
        && transaction.code != TransactionCode::Adjust
    {
        // The device tells what was found as an adjustment of its own.
        differs(facts, told, actual - expected, "count-at-removal-differs");
    }
}

/// The first word of a pocket: what it held before comes from what the cabinet was known to hold
/// elsewhere, else from the opening account.
pub(super) fn open_pocket(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    held: Decimal,
) -> bool {
    let place = told.place();
    let known = state.is_counted(&place, &told.item.code);
    let missing = held - facts.holding(state, &place, &told.item.code).total();
    if known || missing.is_sign_negative() {
        return false;
    }
    let elsewhere = Account::Elsewhere(told.cabinet.clone());
    let seen = facts.holding(state, &elsewhere, &told.item.code).total().min(missing);
    for (from, quantity) in [(elsewhere, seen), (Account::Opening, missing - seen)] {
        if quantity > Decimal::ZERO {
            let mut transfer = told.transfer(facts, Movement::Opening, from, place.clone());
            (transfer.quantity, transfer.patient, transfer.batch) = (quantity, None, None);
            facts.moved(transfer);
        }
    }
    true
}

/// Posts what is missing to make the place hold `found` against the discrepancy account, and
/// returns the difference: above zero where more was found than the ledger had.
pub(super) fn set_to(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    found: Decimal,
) -> Decimal {
    let place = told.place();
    let difference = found - facts.holding(state, &place, &told.item.code).total();
    if difference.is_zero() {
        return difference;
    }
    let nobody_knows = Account::Discrepancy(told.cabinet.clone());
    let (from, to) =
        if difference > Decimal::ZERO { (nobody_knows, place) } else { (place, nobody_knows) };
    let mut transfer = told.transfer(facts, Movement::Count, from, to);
    (transfer.quantity, transfer.patient) = (difference.abs(), None);
    if difference < Decimal::ZERO {
        // The batch of the act is not the batch of what is missing.
        transfer.batch = None;
    }
    post(state, facts, transfer);
    difference
}

/// Opens a discrepancy case, where there is a difference.
pub(super) fn differs(facts: &mut Facts<'_>, told: &Told<'_>, difference: Decimal, reason: &str) {
    if difference.is_zero() {
        return;
    }
    let text = "The count differs from the ledger: count again, and look for what was taken, \
                put back or filled without being recorded.";
    let mut case = facts.case(CaseKind::Discrepancy, reason, text);
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(told.item.code.clone());
    case.quantity = Some(difference);
    case.person = Some(told.transaction.user.id.clone());
    case.activity = Some(told.transaction.activity);
    facts.open(case);
}
