//! Units that leave somebody's hands: which removals they came from, and what that settles.

use std::sync::Arc;

use fhir::Id;
use rust_decimal::Decimal;

use crate::facts::Facts;
use crate::state::{Removal, State};
use crate::stock::{Account, Basis, Movement, Transfer, TransferState, post};

/// What the units that leave are known by.
pub(crate) struct Leaving<'a> {
    pub(crate) patient: &'a Id,
    pub(crate) item: &'a str,
    pub(crate) order: Option<Id>,
    pub(crate) removal: Option<&'a Id>,
    /// The batch, where it was told or scanned.
    pub(crate) batch: Option<&'a str>,
    pub(crate) units: Decimal,
    pub(crate) movement: Movement,
    pub(crate) to: Account,
    pub(crate) person: &'a str,
    pub(crate) witness: Option<&'a str>,
    pub(crate) cabinet: Option<&'a str>,
    pub(crate) activity: jiff::Timestamp,
    /// What a case about the removal is closed with once nothing is left: `administered`.
    pub(crate) resolution: &'a str,
}

/// Moves the units out of the hands they are in, the named removal first, then those of the same
/// order, then any of the item for the patient; among these first the removals of which nobody has
/// asked yet where they are, oldest first. Returns how many found no removal.
pub(crate) fn leave(state: &State, facts: &mut Facts<'_>, leaving: &Leaving<'_>) -> Decimal {
    let mut left = leaving.units;
    for removal in candidates(state, leaving) {
        if left <= Decimal::ZERO {
            break;
        }
        // An earlier dose of the same message may have used some already.
        let hands = Account::Hands(removal.transfer.id.clone());
        let in_hands = removal.in_hands + facts.net(&hands, leaving.item);
        let units = left.min(in_hands);
        if units <= Decimal::ZERO {
            continue;
        }
        left -= units;
        hand_over(state, facts, leaving, &removal, units);
        if units == in_hands
            && let Some(case) = &removal.case
        {
            facts.settle(case, leaving.resolution);
        }
    }
    if leaving.movement == Movement::Administration && left > Decimal::ZERO {
        left -= from_own(state, facts, leaving, left);
    }
    left
}

/// A dose that no removal explains was of the patient's own medicines, as far as they go.
fn from_own(
    state: &State,
    facts: &mut Facts<'_>,
    leaving: &Leaving<'_>,
    units: Decimal,
) -> Decimal {
    let own = Account::OwnDrugs(leaving.patient.clone());
    let held = facts.holding(state, &own, leaving.item).total();
    let part = units.min(held);
    if part <= Decimal::ZERO {
        return Decimal::ZERO;
    }
    let unit = facts.site.item(leaving.item).map(|item| item.unit.clone());
    let transfer = Transfer {
        id: facts.id(),
        movement: leaving.movement,
        item: leaving.item.to_owned(),
        batch: leaving.batch.map(str::to_owned),
        lots: Vec::new(),
        basis: Basis::default(),
        expiry: None,
        cost: None,
        quantity: part,
        unit: unit.unwrap_or_default(),
        from: own,
        to: leaving.to.clone(),
        state: TransferState::Posted,
        patient: Some(leaving.patient.clone()),
        towards: None,
        dose: None,
        order: leaving.order.clone(),
        case: None,
        cabinet: None,
        person: leaving.person.to_owned(),
        witness: leaving.witness.map(str::to_owned),
        activity: leaving.activity,
    };
    post(state, facts, transfer);
    part
}

fn hand_over(
    state: &State,
    facts: &mut Facts<'_>,
    leaving: &Leaving<'_>,
    removal: &Removal,
    units: Decimal,
) {
    let taken = &removal.transfer;
    let transfer = Transfer {
        id: facts.id(),
        movement: leaving.movement,
        item: taken.item.clone(),
        batch: leaving.batch.map(str::to_owned),
        lots: Vec::new(),
        basis: taken.basis,
        expiry: None,
        cost: None,
        towards: None,
        dose: None,
        quantity: units,
        unit: taken.unit.clone(),
        from: Account::Hands(taken.id.clone()),
        to: leaving.to.clone(),
        state: TransferState::Posted,
        patient: Some(leaving.patient.clone()),
        order: taken.order.clone(),
        case: None,
        cabinet: leaving.cabinet.map(str::to_owned),
        person: leaving.person.to_owned(),
        witness: leaving.witness.map(str::to_owned),
        activity: leaving.activity,
    };
    post(state, facts, transfer);
}

fn candidates(state: &State, leaving: &Leaving<'_>) -> Vec<Arc<Removal>> {
    let mut open = state.removals_of(leaving.patient);
    open.retain(|removal| {
        removal.in_hands > Decimal::ZERO && removal.transfer.item == leaving.item
    });
    let rank = |removal: &Removal| {
        let named = leaving.removal == Some(&removal.transfer.id);
        let same_order = leaving.order.is_some() && leaving.order == removal.transfer.order;
        let missed = match (named, same_order) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        // What is missing from an earlier removal is not found by giving a later one: its case
        // would close, and whoever took the later one would be asked for it.
        (missed, removal.case.is_some())
    };
    // The sort is stable: within a rank the oldest stays first.
    open.sort_by_key(|removal| rank(removal));
    open
}
