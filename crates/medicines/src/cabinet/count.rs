//! C and A: what was found in the pocket is the balance; a difference is a discrepancy.

use rust_decimal::Decimal;

use super::receive::Told;
use super::transaction::TransactionCode;
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

pub(super) fn count(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let Some(found) = found(told) else { return };
    let Some(difference) = set_to(state, facts, told, found, None) else {
        return;
    };
    if difference.is_zero() {
        return;
    }
    let text = "The count differs from the ledger: count again, and look for what was taken, \
                put back or filled without being recorded.";
    let mut case = facts.case(CaseKind::Discrepancy, "count-differs", text);
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(told.item.code.clone());
    case.quantity = Some(difference);
    case.person = Some(told.transaction.user.id.clone());
    facts.open(case);
}

/// The amount found: ZPM-9; for an adjustment without one, what was expected and the amount.
fn found(told: &Told<'_>) -> Option<Decimal> {
    let transaction = told.transaction;
    let found = match transaction.code {
        TransactionCode::Adjust => transaction
            .actual
            .or_else(|| Some(transaction.expected? + transaction.amount.unwrap_or_default())),
        _ => transaction.actual.or(transaction.expected),
    };
    found.map(|found| found.max(Decimal::ZERO))
}

/// Posts what is missing to make the pocket hold `found`, against `other` or the discrepancy
/// account, and returns the difference. A transaction that is older than the pocket's newest one
/// is kept but changes nothing: `None`.
pub(super) fn set_to(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    found: Decimal,
    other: Option<Account>,
) -> Option<Decimal> {
    let transaction = told.transaction;
    let pocket = state.pocket(&told.cabinet, &transaction.address, &told.item.code);
    if pocket.is_some_and(|pocket| transaction.activity < pocket.last) {
        return None;
    }
    let account = told.pocket();
    let item = &told.item.code;
    let difference = found - state.balance(&account, item) - facts.net(&account, item);
    if difference.is_zero() {
        return Some(difference);
    }
    let movement = if other.is_some() { Movement::Restock } else { Movement::Count };
    let other = other.unwrap_or_else(|| Account::Discrepancy(told.cabinet.clone()));
    let (from, to) =
        if difference.is_sign_positive() { (other, told.pocket()) } else { (told.pocket(), other) };
    let mut transfer = told.transfer(facts, movement, from, to);
    transfer.quantity = difference.abs();
    transfer.patient = None;
    facts.moved(transfer);
    Some(difference)
}
