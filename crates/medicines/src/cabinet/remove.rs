//! V: a nurse opened a drawer and took units for a patient.
//!
//! A cabinet that asked before used its permit: the transaction posts it. One that did not ask
//! is judged now, by the order as it was at the time of the removal; what no live, verified
//! order of that patient covers opens a *dispensed without order* case.

use std::sync::Arc;

use fhir::Id;
use rust_decimal::Decimal;

use super::begin::begin;
use super::critical::{CRITICAL_OVERRIDE, stands_for_reason};
use super::outdated::post_in_time;
use super::receive::Told;
use super::refusal::{Refusal, not_covered, not_live};
use super::rules::{self, Question};
use super::{dispense, late};
use crate::cases::CaseKind;
use crate::facts::Facts;
use crate::orders::{Dose, LiveOrder, NotLive, Wanted, is_for};
use crate::patients::identifier_key;
use crate::site::Site;
use crate::state::{OrderState, PatientState, Removal, State};
use crate::stock::{Account, Movement, Transfer, TransferState};

pub(super) fn take(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    let Some(patient) = told.patient.clone() else {
        return;
    };
    begin(state, facts, told);
    let units = told.transaction.units();
    if units.is_zero() {
        return;
    }
    let transfer = match permit_for(state, told, &patient.id) {
        Some(permit) => use_permit(facts, told, &permit, &patient),
        None => unasked(state, facts, told, &patient),
    };
    let transfer = post_in_time(state, facts, transfer);
    late::explain_doses(state, facts, &transfer);
    dispense::tell(state, facts, &patient, &transfer);
}

/// A permit of this person at this cabinet for this item, patient and order that was not used yet,
/// oldest first; one for exactly so many units before any other.
fn permit_for(state: &mut State, told: &Told<'_>, patient: &Id) -> Option<Arc<Removal>> {
    let number = told.transaction.order.as_ref().and_then(identifier_key);
    let order = number.and_then(|number| state.order_by(&number)).map(|order| order.id.clone());
    let fits = |removal: &Arc<Removal>| {
        let transfer = &removal.transfer;
        let TransferState::Pending { expires } = transfer.state else {
            return false;
        };
        transfer.cabinet.as_ref() == Some(&told.cabinet)
            && transfer.item == told.item.code
            && transfer.person == told.transaction.user.id
            && order.as_ref().is_none_or(|order| transfer.order.as_ref() == Some(order))
            && transfer.activity <= told.transaction.activity
            && told.transaction.activity <= expires
    };
    let permits: Vec<_> = state.removals_of(patient).into_iter().filter(fits).collect();
    let units = told.transaction.units();
    let exact = permits.iter().find(|permit| permit.transfer.quantity == units);
    exact.or(permits.first()).map(Arc::clone)
}

/// Posts the permit with what was really taken; more than was permitted is reviewed.
fn use_permit(
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    permit: &Removal,
    patient: &PatientState,
) -> Transfer {
    let mut transfer = permit.transfer.clone();
    let permitted = transfer.quantity;
    transfer.quantity = told.transaction.units();
    transfer.from = told.place();
    transfer.batch.clone_from(&told.transaction.batch);
    if let Some(witness) = &told.transaction.witness {
        transfer.witness = Some(witness.id.clone());
    }
    transfer.state = TransferState::Posted;
    transfer.activity = told.transaction.activity;
    if transfer.quantity > permitted {
        let excess = transfer.quantity - permitted;
        let order = transfer.order.clone();
        review(facts, told, patient, &transfer.id, order, "more-than-permitted", excess);
    }
    transfer
}

fn unasked(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    patient: &PatientState,
) -> Transfer {
    let id = facts.id();
    let mut transfer =
        told.transfer(facts, Movement::Removal, told.place(), Account::Hands(id.clone()));
    transfer.id = id;
    let judged = judge(state, facts, told, patient);
    let why = judged.why.or_else(|| circumstances(facts.site, told, patient));
    (transfer.order, transfer.dose) = (judged.order, judged.dose);
    let critical = state.critical_at(transfer.activity).is_some() && !told.item.is_restricted();
    if let Some(reason) = why {
        let stands = critical && stands_for_reason(reason);
        let reason = if stands { CRITICAL_OVERRIDE } else { reason };
        let (id, order, units) = (transfer.id.clone(), transfer.order.clone(), transfer.quantity);
        transfer.case = Some(review(facts, told, patient, &id, order, reason, units));
    }
    transfer
}

/// The reason of a removal on an order that nobody verified: a case of its own kind where the site
/// lets it be taken.
const NOT_VERIFIED: &str = "not-verified";

/// What an order has to say of a removal.
#[derive(Default)]
struct Judged {
    order: Option<Id>,
    /// How many units one dose is, where the order covers the removal.
    dose: Option<Decimal>,
    /// Why it should not have happened, if it should not.
    why: Option<&'static str>,
}

impl Judged {
    fn because(why: &'static str) -> Self {
        Judged { why: Some(why), ..Judged::default() }
    }
}

fn judge(state: &mut State, facts: &Facts<'_>, told: &Told<'_>, patient: &PatientState) -> Judged {
    let Some(number) = &told.transaction.order else {
        return Judged::because("no-order");
    };
    let Some(order) = identifier_key(number).and_then(|key| state.order_by(&key)) else {
        return Judged::because("unknown-order");
    };
    if order.patient != patient.id {
        return Judged::because("order-of-another-patient");
    }
    if !is_for(&order, told.item, &facts.site.item_system(), facts.ctx.dictionary()) {
        return Judged::because("item-not-of-order");
    }
    let id = Some(order.id.clone());
    let order = state.without_waiting(order, told.transaction.activity);
    match authority(&order, patient, facts, told) {
        Ok((dose, verified)) => {
            let why = (!verified).then_some(NOT_VERIFIED);
            Judged { order: id, dose: Some(dose.taken), why }
        }
        Err(refusal) => Judged { order: id, dose: None, why: Some(refusal.code.as_str()) },
    }
}

/// What a cabinet that asks would have been refused for, apart from the order.
fn circumstances(site: &Site, told: &Told<'_>, patient: &PatientState) -> Option<&'static str> {
    let transaction = told.transaction;
    let question = Question {
        site,
        cabinet: site.cabinet(&told.cabinet)?,
        item: told.item,
        patient,
        user: &transaction.user.id,
        witness: transaction.witness.as_ref().map(|witness| witness.id.as_str()),
        units: transaction.units(),
        expiry: transaction.expiry,
        at: transaction.activity,
    };
    rules::might(&question).err().map(|refusal| refusal.code.as_str())
}

/// How much one dose was, and whether the order was verified.
fn authority(
    order: &OrderState,
    patient: &PatientState,
    facts: &Facts<'_>,
    told: &Told<'_>,
) -> Result<(Dose, bool), Refusal> {
    let (site, at) = (facts.site, told.transaction.activity);
    if !patient.stays_for(order, at, &site.policies) {
        return Err(not_live(NotLive::Stopped));
    }
    let live = LiveOrder::check(order, at, &site.policies).map_err(not_live)?;
    let wanted = Wanted {
        site,
        item: told.item,
        units: told.transaction.units(),
        recent: &patient.recent,
        dictionary: facts.ctx.dictionary(),
    };
    let dose = live.covers(&wanted).map_err(not_covered)?;
    Ok((dose, live.is_verified()))
}

fn review(
    facts: &mut Facts<'_>,
    told: &Told<'_>,
    patient: &PatientState,
    removal: &Id,
    order: Option<Id>,
    reason: &str,
    units: Decimal,
) -> Id {
    let (kind, text) = if reason == NOT_VERIFIED && facts.site.policies.unverified_allowed {
        let text = "Taken on an order that no pharmacist has verified: verify it now, or speak to \
                    the prescriber.";
        (CaseKind::UnverifiedRemoval, text)
    } else if reason == CRITICAL_OVERRIDE {
        let text = "Taken without a live, verified order while the critical override was on: match \
                    it to an order.";
        (CaseKind::Override, text)
    } else {
        let text = "Taken without a live, verified order that covers it: find out why, and match \
                    it to an order or report it.";
        (CaseKind::DispensedWithoutOrder, text)
    };
    let mut case = facts.case(kind, reason, text);
    case.patient = Some(patient.id.clone());
    case.order = order;
    case.removal = Some(removal.clone());
    case.cabinet = Some(told.cabinet.clone());
    case.item = Some(told.item.code.clone());
    case.quantity = Some(units);
    case.person = Some(told.transaction.user.id.clone());
    let id = case.id.clone();
    facts.open(case);
    id
}
