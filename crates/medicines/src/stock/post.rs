//! Posting a transfer: of which batches it is, and what has to be set right before it can happen.

use rust_decimal::Decimal;

use super::allocate::allocate;
use super::{Account, Lot, Movement, Transfer, TransferState, recall};
use crate::cases::{Case, CaseKind};
use crate::facts::Facts;
use crate::state::State;

/// Posts a transfer and returns it with the batches that it moves.
///
/// Where a place that is counted held less than what leaves, the rest comes from the discrepancy
/// account first and a case opens: no such place ever holds less than nothing. Where it held other
/// batches than the one that was told, they are relabelled first.
pub(crate) fn post(state: &State, facts: &mut Facts<'_>, transfer: Transfer) -> Transfer {
    let (from, item) = (transfer.from.clone(), transfer.item.clone());
    let held = facts.holding(state, &from, &item);
    let expiry = |batch: &str| state.batch(&item, batch).and_then(|known| known.expiry);
    let found = allocate(&held, expiry, transfer.quantity, transfer.batch.as_deref());
    if found.short > Decimal::ZERO && from.is_counted() {
        make_up(state, facts, &transfer, found.short);
    }
    if from.is_counted() || matches!(from, Account::Discrepancy(_)) {
        relabel(facts, &transfer, found.relabelled);
    }
    check_expiry(state, facts, &transfer);
    let basis = transfer.basis.max(found.basis);
    let transfer = transfer.of(found.lots, basis);
    recall::watch(state, facts, &transfer);
    arrived(state, facts, &transfer);
    facts.moved(transfer.clone());
    transfer
}

/// The units that left and were not on the books come from nobody knows where; a pocket of which
/// nothing was ever told had them when Interlock came.
fn make_up(state: &State, facts: &mut Facts<'_>, transfer: &Transfer, short: Decimal) {
    let (account, item) = (&transfer.from, &transfer.item);
    if account.is_pocket() && !state.is_counted(account, item) {
        set(facts, transfer, Account::Opening, Movement::Opening, short);
        return;
    }
    let place = account.cabinet().map_or_else(|| account.to_string(), str::to_owned);
    set(facts, transfer, Account::Discrepancy(place), Movement::Count, short);
    let text = "More left this place than the ledger says was there: count it, and look for what \
                was put in without being recorded.";
    let mut case = facts.case(CaseKind::Discrepancy, "more-than-was-there", text);
    about(&mut case, transfer);
    case.quantity = Some(short);
    facts.open(case);
}

fn set(facts: &mut Facts<'_>, transfer: &Transfer, from: Account, movement: Movement, n: Decimal) {
    let id = facts.id();
    let (to, patient, order) = (transfer.from.clone(), None, None);
    let made = Transfer { id, movement, quantity: n, from, to, patient, order, ..transfer.clone() };
    facts.moved(Transfer { lots: Vec::new(), case: None, state: TransferState::Posted, ..made });
}

/// What was under another batch, or under none, is of the told one.
fn relabel(facts: &mut Facts<'_>, transfer: &Transfer, others: Vec<Lot>) {
    if others.is_empty() {
        return;
    }
    let units = others.iter().map(|lot| lot.quantity).sum();
    let wrong: Decimal =
        others.iter().filter(|lot| lot.batch.is_some()).map(|lot| lot.quantity).sum();
    let plain = |facts: &mut Facts<'_>, from: Account, to: Account| {
        let id = facts.id();
        let movement = Movement::Relabel;
        let (patient, order, case) = (None, None, None);
        let quantity = units;
        let state = TransferState::Posted;
        Transfer {
            id,
            movement,
            quantity,
            from,
            to,
            state,
            patient,
            order,
            case,
            ..transfer.clone()
        }
    };
    let place = transfer.from.clone();
    let out = plain(facts, place.clone(), Account::Relabelled);
    facts.moved(Transfer { expiry: None, cost: None, ..out.of(others, transfer.basis) });
    let back = plain(facts, Account::Relabelled, place);
    facts.moved(back);
    if wrong > Decimal::ZERO && transfer.from.is_counted() {
        let text = "A batch was told that the ledger had not in this place: look which batch is \
                    there, because a recall goes by it.";
        let mut case = facts.case(CaseKind::Discrepancy, "batch-differs", text);
        about(&mut case, transfer);
        case.quantity = Some(wrong);
        facts.open(case);
    }
}

/// The case that looks for a consignment ends with the last unit that arrives.
fn arrived(state: &State, facts: &mut Facts<'_>, transfer: &Transfer) {
    let Account::Transit(id) = &transfer.from else { return };
    let Some(sent) = state.consignment(id) else { return };
    let moved = -facts.net(&transfer.from, &transfer.item) + transfer.quantity;
    if let Some(case) = sent.case.as_ref().filter(|_| moved >= sent.left) {
        facts.settle(case, "arrived");
    }
}

/// Two dates of one batch cannot both be right; the earlier one counts until somebody looked.
fn check_expiry(state: &State, facts: &mut Facts<'_>, transfer: &Transfer) {
    let known = transfer.batch.as_deref().and_then(|batch| state.batch(&transfer.item, batch));
    let known = known.and_then(|batch| batch.expiry);
    if let (Some(told), Some(known)) = (transfer.expiry, known)
        && told != known
    {
        let text = "Two expiry dates were told for one batch: look at the pack. The earlier date \
                    counts.";
        let mut case = facts.case(CaseKind::Discrepancy, "expiry-differs", text);
        about(&mut case, transfer);
        facts.open(case);
    }
}

/// What a case about a transfer says of it.
pub(crate) fn about(case: &mut Case, transfer: &Transfer) {
    case.cabinet.clone_from(&transfer.cabinet);
    case.item = Some(transfer.item.clone());
    case.quantity = Some(transfer.quantity);
    case.person = Some(transfer.person.clone());
    case.activity = Some(transfer.activity);
}
