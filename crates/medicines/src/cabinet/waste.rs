//! W: units were wasted. They had left the pocket before, so the pocket does not change; what is
//! wasted from the return bin leaves the bin.

use access::Right;

use super::Bin;
use super::empty_bin::shift;
use super::hands::leave;
use super::receive::Told;
use super::returned::{leaving, unmatched};
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::site::Site;
use crate::state::State;
use crate::stock::{Account, Movement};

pub(super) fn waste(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    if told.transaction.bin == Bin::Return {
        let bin = Account::ReturnBin(told.cabinet.clone());
        shift(state, facts, told, &bin, Account::Waste, told.transaction.units());
    } else {
        let leaving = leaving(state, told, Movement::Waste, Account::Waste);
        let excess = leave(state, facts, &leaving);
        if !excess.is_zero() {
            unmatched(facts, told, "waste-without-removal", excess);
        }
    }
    check_witness(state, facts, told, "waste-not-witnessed");
}

/// Opens a case where the item needs a second person and none, or the same one, was told.
pub(super) fn check_witness(state: &State, facts: &mut Facts<'_>, told: &Told<'_>, reason: &str) {
    let needed = told.item.witness || state.is_registered(&told.item.code);
    if needed && !is_witnessed(facts.site, told) {
        not_witnessed(facts, told, reason);
    }
}

/// The case of an act that nobody saw who may, or the same person twice.
pub(super) fn not_witnessed(facts: &mut Facts<'_>, told: &Told<'_>, reason: &str) {
    let text = "Done without a second person where the item needs one.";
    let mut case = facts.case(CaseKind::UnmatchedTransaction, reason, text);
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(told.item.code.clone());
    case.person = Some(told.transaction.user.id.clone());
    facts.open(case);
}

/// Whether a second person signed in who may stand by.
pub(super) fn is_witnessed(site: &Site, told: &Told<'_>) -> bool {
    let witness = told.transaction.witness.as_ref();
    let witness = witness.filter(|witness| witness.id != told.transaction.user.id);
    let witness = witness.and_then(|witness| site.person(&witness.id));
    access::allow(witness, Right::Witness).is_ok()
}
