//! A cabinet that asked tells what was really taken.

use std::sync::Arc;

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::outdated::post_in_time;
use super::refusal::{Refusal, RefusalCode};
use super::{dispense, late};
use crate::command::{Answer, Context, Decision};
use crate::facts::Facts;
use crate::quantity::is_plausible;
use crate::state::State;
use crate::stock::{Account, PocketAddress, TransferState};

/// The end of a permitted removal at the cabinet.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The permit.
    pub permit: Id,
    /// The cabinet, `system/station`; must be the one that asked.
    pub cabinet: String,
    /// What was taken, in the item's unit; zero when the drawer was closed again.
    pub taken: Decimal,
    /// The pocket it came from.
    pub address: PocketAddress,
    /// The batch, where it was scanned.
    pub batch: Option<String>,
    /// When it was done.
    pub activity: Timestamp,
}

/// Posts the permit with what was taken, or gives it back.
pub fn complete(state: &mut State, ctx: &Context, done: &Completion) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let permit = state.removal(&done.permit);
    let permit = permit.filter(|permit| {
        permit.is_permit() && permit.transfer.cabinet.as_ref() == Some(&done.cabinet)
    });
    let Some(permit) = permit else {
        let text = "The permit is unknown, lapsed, used, or of another cabinet. If units were \
                    taken, send the transaction.";
        return facts.answer(Answer::Refused(Refusal::new(RefusalCode::PermitNotValid, text)));
    };
    let taken = done.taken.normalize();
    if taken.is_sign_negative() || taken > permit.transfer.quantity || !is_plausible(taken) {
        let text = "What was taken must lie between zero and what was permitted.";
        return facts.answer(Answer::Refused(Refusal::new(RefusalCode::BadQuantity, text)));
    }
    let mut transfer = permit.transfer.clone();
    if taken.is_zero() {
        transfer.state = TransferState::Voided;
        if let Some(case) = &transfer.case {
            facts.settle(case, "not-used");
        }
        facts.moved(transfer);
        return facts.done();
    }
    transfer.quantity = taken;
    transfer.batch.clone_from(&done.batch);
    transfer.state = TransferState::Posted;
    transfer.activity = done.activity.clamp(permit.transfer.activity, ctx.now);
    transfer.from =
        Account::Pocket { cabinet: done.cabinet.clone(), address: done.address.clone() };
    let transfer = post_in_time(state, &mut facts, transfer);
    late::explain_doses(state, &mut facts, &transfer);
    if let Some(patient) = transfer.patient.as_ref().and_then(|id| state.patient(id)) {
        dispense::tell(state, &mut facts, &patient, &transfer);
    }
    facts.done()
}
