//! N: the drawer was opened and nothing was taken. A permit for it is given back.

use crate::facts::Facts;
use crate::state::State;
use crate::stock::TransferState;

use super::receive::Told;

pub(super) fn nothing_taken(state: &State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let Some(patient) = &told.patient else { return };
    let permit = state.removals_of(&patient.id).into_iter().find(|removal| {
        removal.is_permit()
            && removal.transfer.cabinet.as_ref() == Some(&told.cabinet)
            && removal.transfer.item == told.item.code
            && removal.transfer.person == told.transaction.user.id
    });
    if let Some(permit) = permit {
        let mut transfer = permit.transfer.clone();
        transfer.state = TransferState::Voided;
        if let Some(case) = &transfer.case {
            facts.settle(case, "not-used");
        }
        facts.moved(transfer);
    }
}
