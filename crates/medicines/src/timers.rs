//! What time alone makes true: permits lapse, and units that nobody accounts for open a case.

use std::sync::Arc;

use fhir::Id;

use crate::cases::CaseKind;
use crate::command::{Context, Decision};
use crate::controlled::{DiscrepancyStatus, take};
use crate::facts::{Facts, INTERLOCK};
use crate::state::{COUNT_OVERDUE, Due, State};
use crate::stock::TransferState;

/// The most things that one entry settles; the next tick goes on.
const DUE_AT_ONCE: usize = 500;

/// Settles what is due.
pub(crate) fn tick(state: &mut State, ctx: &Context) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    for due in state.due(ctx.now, DUE_AT_ONCE) {
        match due {
            Due::Permit(id) => lapse(state, &mut facts, &id),
            Due::Removal(id) => unaccounted(state, &mut facts, &id),
            Due::Consignment(id) => missing(state, &mut facts, &id),
            Due::Count(page) => uncounted(state, &mut facts, &page),
            Due::Discrepancy(id) => unexplained(state, &mut facts, &id),
        }
    }
    facts.done()
}

/// A permit that was not used in time: the cabinet has to ask again.
fn lapse(state: &mut State, facts: &mut Facts<'_>, id: &Id) {
    let Some(permit) = state.removal(id) else {
        return;
    };
    let mut transfer = permit.transfer.clone();
    transfer.state = TransferState::Voided;
    if let Some(case) = &transfer.case {
        facts.settle(case, "not-used");
    }
    facts.moved(transfer);
}

fn unaccounted(state: &mut State, facts: &mut Facts<'_>, id: &Id) {
    let Some(removal) = state.removal(id) else {
        return;
    };
    let text = "Removed, and neither given, wasted nor returned in time: ask the person who \
                took it, and record what happened.";
    let mut case = facts.case(CaseKind::UnaccountedDose, "not-accounted-for", text);
    case.patient.clone_from(&removal.transfer.patient);
    case.order.clone_from(&removal.transfer.order);
    case.removal = Some(id.clone());
    case.cabinet.clone_from(&removal.transfer.cabinet);
    case.item = Some(removal.transfer.item.clone());
    case.quantity = Some(removal.in_hands);
    case.person = Some(removal.transfer.person.clone());
    facts.open(case);
}

/// A discrepancy that nobody explained in time goes to the accountable officer.
fn unexplained(state: &State, facts: &mut Facts<'_>, id: &Id) {
    let Some(known) = state.discrepancy(id) else { return };
    take(state, facts, known, DiscrepancyStatus::Escalated, INTERLOCK, None);
}

/// A page of a register that was not counted in time (NICE NG46: stock checks).
fn uncounted(state: &State, facts: &mut Facts<'_>, key: &str) {
    let Some(page) = state.page_of_key(key) else { return };
    let Some((place, item)) = key.rsplit_once('|') else { return };
    let text = "This controlled drug was not counted in time: count it with a second person.";
    let mut case = facts.case(CaseKind::ControlledDrug, COUNT_OVERDUE, text);
    case.place = Some(place.to_owned());
    case.cabinet = place.strip_prefix("cabinet:").map(str::to_owned);
    case.item = Some(item.to_owned());
    case.quantity = Some(page.balance);
    facts.open(case);
}

fn missing(state: &State, facts: &mut Facts<'_>, id: &Id) {
    let Some(sent) = state.consignment(id) else { return };
    let text = "Sent, and not received in time: ask who carried it and who was to receive it, and \
                count both places.";
    let mut case = facts.case(CaseKind::Consignment, "not-arrived", text);
    crate::stock::about(&mut case, &sent.transfer);
    // Where it was to go is where somebody has to look.
    let towards = sent.transfer.towards.as_deref().and_then(|to| to.strip_prefix("cabinet:"));
    case.cabinet = towards.map(str::to_owned).or(case.cabinet);
    case.removal = Some(id.clone());
    case.quantity = Some(sent.left);
    facts.open(case);
}
