//! W: units were wasted. They had left the pocket before; the pocket does not change.

use super::hands::leave;
use super::receive::Told;
use super::returned::{leaving, unmatched};
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement};

pub(super) fn waste(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let leaving = leaving(state, told, Movement::Waste, Account::Waste);
    let excess = leave(state, facts, &leaving);
    if !excess.is_zero() {
        unmatched(facts, told, "waste-without-removal", excess);
    }
    if told.item.witness && !is_witnessed(told) {
        let text = "Wasted without a second person where the item needs one.";
        let mut case = facts.case(CaseKind::UnmatchedTransaction, "waste-not-witnessed", text);
        case.cabinet = Some(told.cabinet.clone());
        case.item = Some(told.item.code.clone());
        case.person = Some(told.transaction.user.id.clone());
        facts.open(case);
    }
}

fn is_witnessed(told: &Told<'_>) -> bool {
    let user = &told.transaction.user.id;
    told.transaction.witness.as_ref().is_some_and(|witness| witness.id != *user)
}
