//! L, U, F, B and E: the pharmacy puts stock in, takes it off, empties the bin, removes what is
//! out of date.

use rust_decimal::Decimal;

use super::count::set_to;
use super::receive::{Told, explain_if_late};
use super::transaction::TransactionCode;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

pub(super) fn restock(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let transaction = told.transaction;
    let units = transaction.units();
    match transaction.code {
        TransactionCode::Load => {
            // A load tells the whole content: the amount, else what was expected or found.
            let held = transaction.expected.or(transaction.actual).or(transaction.amount);
            let held = transaction.amount.filter(|amount| !amount.is_zero()).or(held);
            set_to(state, facts, told, held.unwrap_or_default(), Some(Account::Pharmacy));
        }
        TransactionCode::Unload => {
            set_to(state, facts, told, Decimal::ZERO, Some(Account::Pharmacy));
        }
        TransactionCode::Fill => shift(state, facts, told, Account::Pharmacy, told.pocket(), units),
        TransactionCode::Expired => {
            shift(state, facts, told, told.pocket(), Account::Expired, units);
        }
        TransactionCode::EmptyBin => {
            let bin = Account::ReturnBin(told.cabinet.clone());
            let held = state.balance(&bin, &told.item.code);
            shift(state, facts, told, bin, Account::Pharmacy, held);
        }
        _ => {}
    }
}

fn shift(
    state: &State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    from: Account,
    to: Account,
    units: Decimal,
) {
    if units > Decimal::ZERO {
        let mut transfer = told.transfer(facts, Movement::Restock, from, to);
        transfer.quantity = units;
        explain_if_late(state, facts, &transfer);
        facts.moved(transfer);
    }
}
