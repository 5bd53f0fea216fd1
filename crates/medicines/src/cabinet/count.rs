//! C: somebody counted; what was found is the balance, blind or against the expected count.

use rust_decimal::Decimal;

use super::begin::{differs, open_pocket, set_to};
use super::receive::Told;
use super::waste::{is_witnessed, not_witnessed};
use crate::controlled::{Count, Seen, counted};
use crate::facts::Facts;
use crate::state::State;

pub(super) fn count(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let transaction = told.transaction;
    let Some(found) = transaction.actual.or(transaction.expected) else { return };
    if !told.is_outdated(state) {
        enter(state, facts, told, found.max(Decimal::ZERO));
    }
    found_there(state, facts, told, found);
}

/// A count of a controlled drug is an entry of its register, whether it agrees or not, and two
/// people make it.
fn enter(state: &State, facts: &mut Facts<'_>, told: &Told<'_>, found: Decimal) {
    if !state.is_registered(&told.item.code) {
        return;
    }
    let (account, item) = (told.place(), told.item.code.clone());
    let expected = if state.is_counted(&account, &item) {
        facts.holding(state, &account, &item).total()
    } else {
        told.transaction.expected.unwrap_or(found)
    };
    let witnessed = is_witnessed(facts.site, told);
    let id = facts.id();
    let count = Count {
        id,
        account,
        item,
        expected,
        found,
        person: told.transaction.user.id.clone(),
        witness: told.transaction.witness.as_ref().map(|witness| witness.id.clone()),
        seen: witnessed.then_some(Seen::Device),
        activity: told.transaction.activity,
    };
    counted(state, facts, count);
    if !witnessed {
        not_witnessed(facts, told, "count-not-witnessed");
    }
}

/// Makes what was found the balance of the place. A count that is older than the newest one is
/// kept and changes nothing.
pub(super) fn found_there(state: &State, facts: &mut Facts<'_>, told: &Told<'_>, found: Decimal) {
    if told.is_outdated(state) {
        return;
    }
    let found = found.max(Decimal::ZERO);
    let before = told.transaction.expected.unwrap_or(found);
    let first = open_pocket(state, facts, told, before);
    let difference = set_to(state, facts, told, found);
    settle_earlier(state, facts, told);
    differs(facts, told, difference, "count-differs");
    let device = found - before;
    if difference.is_zero() && !first && transaction_is_count(told) {
        // The ledger had it right, and the device had not.
        differs(facts, told, device, "device-count-differs");
    }
}

fn transaction_is_count(told: &Told<'_>) -> bool {
    told.transaction.code == super::TransactionCode::Count
}

/// A count at a removal that differed is settled by the count or adjustment that follows it.
fn settle_earlier(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let mut earlier: Vec<_> = state
        .open_cases()
        .filter(|case| {
            case.reason == "count-at-removal-differs"
                && case.cabinet.as_ref() == Some(&told.cabinet)
                && case.item.as_ref() == Some(&told.item.code)
        })
        .map(|case| case.id.clone())
        .collect();
    earlier.sort();
    for case in earlier {
        facts.settle(&case, "counted");
    }
}
