//! A consignment is received where it was sent to.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::act::Receipt;
use super::moves::{amount, item, not_seen, person, plain, unregistered};
use super::{Account, post};
use crate::cases::{Case, CaseKind};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::controlled::DiscrepancyStatus;
use crate::facts::{Facts, problem};
use crate::state::{Consignment, State};

/// Puts what arrived where it was sent to. What is still to come stays on its way; where nothing
/// more is to come, the rest is missing and a case looks for it at once.
pub(super) fn received(state: &State, ctx: &Context, told: &Receipt) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    if let Some(sent) = state.consignment(&told.consignment) {
        unregistered(state, item(&site, &sent.transfer.item)?)?;
    }
    received_in(state, Facts::new(ctx, &site), told)
}

/// The same, with facts that were found before.
pub(crate) fn received_in(
    state: &State,
    mut facts: Facts<'_>,
    told: &Receipt,
) -> Result<Decision, Problem> {
    let site = facts.site;
    person(site, &told.person)?;
    if !told.quantity.is_zero() {
        amount(told.quantity)?;
    }
    let Some(sent) = state.consignment(&told.consignment).cloned() else {
        return problem(ProblemCode::BadValue, "No consignment of this number is on its way.");
    };
    let place = sent.transfer.towards.as_deref().and_then(|to| to.parse::<Account>().ok());
    let Some(place) = place else {
        let text = "What was sent to a cabinet is received by filling or loading its pockets.";
        return problem(ProblemCode::BadValue, text);
    };
    let item = item(site, &sent.transfer.item)?;
    if told.quantity > Decimal::ZERO {
        let people = (told.person.as_str(), told.witness.as_deref());
        let mut transfer = plain(&mut facts, item, people, told.activity);
        transfer.quantity = told.quantity;
        (transfer.from, transfer.to) = (Account::Transit(told.consignment.clone()), place);
        transfer.patient.clone_from(&sent.transfer.patient);
        let transfer = post(state, &mut facts, transfer);
        // Under /cd the policy says whether a receipt needs a second person, and it was asked.
        if item.witness {
            not_seen(&mut facts, &transfer);
        }
    }
    let left = sent.left - told.quantity;
    if told.complete && left > Decimal::ZERO && goes_on(state, &mut facts, &sent, told) {
        let text = "Less was received than was sent: ask who carried it, and count both places.";
        let mut case = facts.case(CaseKind::Consignment, "less-arrived", text);
        super::about(&mut case, &sent.transfer);
        case.removal = Some(told.consignment.clone());
        case.quantity = Some(left);
        facts.open(case);
    }
    Ok(facts.done())
}

/// Whether a case about the rest opens now. Of a registered item it takes the place of the one
/// that looked for all of the consignment, unless that is with the accountable officer.
fn goes_on(state: &State, facts: &mut Facts<'_>, sent: &Consignment, told: &Receipt) -> bool {
    let Some(id) = &sent.case else { return true };
    let waits = |case: &Case| case.reason == "not-arrived";
    let escalated =
        state.discrepancy(id).is_some_and(|one| one.status == DiscrepancyStatus::Escalated);
    let replaced = state.is_registered(&sent.transfer.item)
        && !escalated
        && state.open_case(id).is_some_and(|case| waits(case));
    if replaced {
        facts.close(id, &told.person, "less-arrived");
    }
    replaced
}
