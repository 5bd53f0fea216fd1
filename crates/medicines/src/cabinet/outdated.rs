//! What arrives about a time before the pocket's last count.
//!
//! Such a transaction is kept, and the units that it moved are where it says; the pocket's balance
//! does not change, because the count has seen its effect already (VA PADE, `PSJPADIT`: "outdated
//! transaction"). What the count found missing or too much is explained by it.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::receive::Told;
use crate::cases::{Case, CaseKind};
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement, Transfer, TransferState, about, post};

/// The reasons of cases whose quantity says how much more was found than the ledger had.
const COUNTED: [&str; 6] = [
    "count-differs",
    "expected-differs",
    "load-differs",
    "unload-differs",
    "more-than-was-there",
    "outdated",
];

impl Told<'_> {
    /// Whether the pocket's content was told for a later time already.
    pub(super) fn is_outdated(&self, state: &State) -> bool {
        let pocket = state.pocket(&self.place(), &self.item.code);
        let counted = pocket.and_then(|pocket| pocket.counted);
        counted.is_some_and(|at| self.transaction.activity < at)
    }
}

/// Posts a movement out of or into a pocket, told in time or late.
pub(super) fn post_in_time(state: &State, facts: &mut Facts<'_>, movement: Transfer) -> Transfer {
    let out = movement.from.is_pocket();
    let place = if out { movement.from.clone() } else { movement.to.clone() };
    if !out || !is_late(state, &movement, &place) {
        let posted = post(state, facts, movement);
        if !out && is_late(state, &posted, &place) {
            offset(state, facts, &posted, &place);
        }
        return posted;
    }
    offset(state, facts, &movement, &place);
    post(state, facts, movement)
}

/// Undoes on the pocket's balance what a late movement does to it, `moved` in or out of `place`.
pub(super) fn offset(state: &State, facts: &mut Facts<'_>, moved: &Transfer, place: &Account) {
    let out = moved.from == *place;
    let opened = state.pocket(place, &moved.item).and_then(|pocket| pocket.opened);
    let before_opening = opened.is_some_and(|opened| moved.activity < opened);
    let cabinet = place.cabinet().unwrap_or_default().to_owned();
    let other = if before_opening { Account::Opening } else { Account::Discrepancy(cabinet) };
    let (from, to) = if out { (other, place.clone()) } else { (place.clone(), other) };
    let id = facts.id();
    let (movement, state_of) = (Movement::Count, TransferState::Posted);
    let (patient, order, case) = (None, None, None);
    let made = Transfer { id, movement, from, to, patient, order, case, ..moved.clone() };
    post(state, facts, Transfer { state: state_of, lots: Vec::new(), ..made });
    if !before_opening {
        let found = if out { -moved.quantity } else { moved.quantity };
        let left = explain(state, facts, moved, found);
        unexplained(facts, moved, left);
    }
}

/// Whether a movement is about a time before the place was counted. Devices tell seconds: within
/// one, a movement is late where a count waits to be explained by it.
pub(super) fn is_late(state: &State, moved: &Transfer, place: &Account) -> bool {
    let counted = state.pocket(place, &moved.item).and_then(|pocket| pocket.counted);
    let Some(counted) = counted else { return false };
    let same_second = moved.activity > counted && second(moved.activity) == second(counted);
    let out = moved.from == *place;
    moved.activity < counted
        || same_second && waiting(state, moved).iter().any(|case| is_of(case, out))
}

fn second(at: Timestamp) -> i64 {
    at.as_second()
}

fn is_of(case: &Case, out: bool) -> bool {
    case.quantity.is_some_and(|quantity| quantity.is_sign_negative() == out)
}

/// The open cases about counts of the movement's cabinet and item that were made after it.
fn waiting(state: &State, moved: &Transfer) -> Vec<Arc<Case>> {
    let fits = |case: &&Arc<Case>| {
        case.kind == CaseKind::Discrepancy
            && COUNTED.contains(&case.reason.as_str())
            && case.cabinet == moved.cabinet
            && case.item.as_ref() == Some(&moved.item)
            && case.activity.is_some_and(|at| second(at) >= second(moved.activity))
    };
    let mut cases: Vec<_> = state.open_cases().filter(fits).map(Arc::clone).collect();
    cases.sort_by(|one, other| {
        let key = |case: &Case| (case.activity, case.entry);
        key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
    });
    cases
}

/// Takes `found`, which is below zero for what had left, off what open cases wait for; returns
/// what no case waited for.
fn explain(state: &State, facts: &mut Facts<'_>, moved: &Transfer, found: Decimal) -> Decimal {
    let mut left = found;
    for case in waiting(state, moved) {
        let Some(wanted) = case.quantity else { continue };
        if left.is_zero() || wanted.is_sign_negative() != left.is_sign_negative() {
            continue;
        }
        let part = if wanted.abs() < left.abs() { wanted } else { left };
        left -= part;
        facts.settle(&case.id, "explained");
        if part != wanted {
            let id = facts.case(case.kind, &case.reason, &case.text).id;
            facts.open(Case { id, quantity: Some(wanted - part), ..(*case).clone() });
        }
    }
    left
}

/// A movement that a later count does not bear out.
fn unexplained(facts: &mut Facts<'_>, moved: &Transfer, left: Decimal) {
    if left.is_zero() {
        return;
    }
    let text = "This was told after the pocket had been counted, and the count does not show it: \
                count again.";
    let mut case = facts.case(CaseKind::Discrepancy, "outdated", text);
    about(&mut case, moved);
    case.quantity = Some(-left);
    facts.open(case);
}
