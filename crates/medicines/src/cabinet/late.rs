//! A removal that is told after the dose that it was for.
//!
//! A cabinet that was cut off tells its removals late; the bedside has told of the dose already,
//! and a case waits for the removal that explains it.

use std::sync::Arc;

use fhir::Id;
use rust_decimal::Decimal;

use crate::bedside::UNEXPLAINED_DOSE;
use crate::cases::Case;
use crate::facts::Facts;
use crate::state::State;
use crate::stock::{Account, Movement, Transfer, post};

/// How the case of a dose ends whose removal was told at last: it counts in the place of the dose.
pub(crate) const REMOVAL_FOUND: &str = "removal-found";
/// The same where the removal was on no order, or on another: on its own order the dose still
/// counts by itself.
pub(crate) const REMOVAL_FOUND_ELSEWHERE: &str = "removal-without-its-order-found";

/// Gives the units of a removal to the doses that wait for one, oldest first: of the same patient
/// and item, of the same order where both name one, and told to be given no earlier.
pub(super) fn explain_doses(state: &State, facts: &mut Facts<'_>, removal: &Transfer) {
    let mut left = removal.quantity;
    for case in waiting(state, removal) {
        let Some(wanted) = case.quantity.filter(|_| left > Decimal::ZERO) else { continue };
        let units = wanted.min(left);
        left -= units;
        give(state, facts, removal, &case, units);
        let elsewhere = case.order.is_some() && case.order != removal.order;
        let how = if elsewhere { REMOVAL_FOUND_ELSEWHERE } else { REMOVAL_FOUND };
        facts.settle(&case.id, how);
        if units < wanted {
            let id = facts.case(case.kind, &case.reason, &case.text).id;
            let quantity = Some(wanted - units);
            // The whole dose stays counted where it was.
            let order = case.order.clone().filter(|_| !elsewhere);
            facts.open(Case { id, opened: case.opened, quantity, order, ..(*case).clone() });
        }
    }
}

fn waiting(state: &State, removal: &Transfer) -> Vec<Arc<Case>> {
    let same = |a: &Option<Id>, b: &Option<Id>| a.is_none() || b.is_none() || a == b;
    let fits = |case: &&Arc<Case>| {
        case.reason == UNEXPLAINED_DOSE
            && case.patient == removal.patient
            && case.item.as_ref() == Some(&removal.item)
            && same(&case.order, &removal.order)
            && case.activity.is_some_and(|given| given >= removal.activity)
    };
    let mut cases: Vec<_> = state.open_cases().filter(fits).map(Arc::clone).collect();
    cases.sort_by(|one, other| {
        let key = |case: &Case| (case.activity, case.entry);
        key(one).cmp(&key(other)).then_with(|| one.id.cmp(&other.id))
    });
    cases
}

fn give(state: &State, facts: &mut Facts<'_>, removal: &Transfer, case: &Case, units: Decimal) {
    let Some(patient) = removal.patient.clone() else { return };
    let transfer = Transfer {
        id: facts.id(),
        movement: Movement::Administration,
        batch: None,
        lots: Vec::new(),
        expiry: None,
        quantity: units,
        from: Account::Hands(removal.id.clone()),
        to: Account::Patient(patient),
        case: None,
        cabinet: None,
        person: case.person.clone().unwrap_or_else(|| removal.person.clone()),
        witness: None,
        activity: case.activity.unwrap_or(removal.activity),
        ..removal.clone()
    };
    post(state, facts, transfer);
}
