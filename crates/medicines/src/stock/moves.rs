//! Stock is moved between places, or sent off to one.

use std::sync::Arc;

use access::Right;
use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::act::{Destination, Move};
use super::consignment::to_cabinet;
use super::{Account, Basis, Movement, Transfer, TransferState, post};
use crate::cases::CaseKind;
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::formulary::Item;
use crate::quantity::is_plausible;
use crate::site::Site;
use crate::state::State;

/// Posts the movement, or sends the stock off: then it is in transit until it is received.
pub(super) fn moved(state: &State, ctx: &Context, told: &Move) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let item = understand(&site, told)?;
    if told.to == Destination::Place(Account::Waste) {
        unregistered(state, item)?;
    }
    let id = facts.id();
    let (to, towards) = match &told.to {
        Destination::Place(place) if told.sent => {
            (Account::Transit(id.clone()), Some(place.to_string()))
        }
        Destination::Place(place) => (place.clone(), None),
        Destination::Cabinet(cabinet) => (Account::Transit(id.clone()), Some(to_cabinet(cabinet))),
    };
    let movement = match to {
        Account::Waste => Movement::Waste,
        _ => Movement::Transfer,
    };
    let transfer = Transfer {
        id: id.clone(),
        movement,
        item: item.code.clone(),
        batch: told.batch.clone(),
        lots: Vec::new(),
        basis: Basis::default(),
        expiry: told.expiry.filter(|_| told.batch.is_some()),
        cost: told.cost.filter(|_| told.batch.is_some()),
        quantity: told.quantity,
        unit: item.unit.clone(),
        from: told.from.clone(),
        to,
        state: TransferState::Posted,
        patient: patient_of(told),
        towards,
        dose: None,
        order: None,
        case: None,
        cabinet: told.from.cabinet().map(str::to_owned),
        person: told.person.clone(),
        witness: told.witness.clone(),
        activity: told.activity.min(ctx.now),
    };
    let transfer = post(state, &mut facts, transfer);
    witnessed(state, &mut facts, item, &transfer);
    Ok(facts.answer(Answer::Created(vec![id])))
}

fn understand<'a>(site: &'a Site, told: &Move) -> Result<&'a Item, Problem> {
    person(site, &told.person)?;
    amount(told.quantity)?;
    if told.cost.is_some_and(|cost| cost.is_sign_negative() || !is_plausible(cost)) {
        return problem(ProblemCode::BadValue, "A unit costs nothing or more.");
    }
    if let Destination::Cabinet(cabinet) = &told.to
        && site.cabinet(cabinet).is_none()
    {
        return problem(ProblemCode::UnknownCabinet, "No such cabinet is configured.");
    }
    if !may_move(&told.from, &told.to) {
        let text = "Stock does not go from this place to that one by hand: removals, doses and \
                    counts have acts of their own.";
        return problem(ProblemCode::BadValue, text);
    }
    item(site, &told.item)
}

/// The item of that code.
pub(crate) fn item<'a>(site: &'a Site, code: &str) -> Result<&'a Item, Problem> {
    let text = "The formulary has no such item.";
    site.item(code).ok_or_else(|| Problem::new(ProblemCode::UnknownItem, text))
}

/// Somebody who may handle medicines.
pub(crate) fn person(site: &Site, id: &str) -> Result<(), Problem> {
    let allowed = access::allow(site.person(id), Right::RemoveMedicine);
    allowed.map(|_| ()).map_err(|denial| Problem::new(ProblemCode::BadValue, format!("{denial}.")))
}

pub(crate) fn amount(quantity: Decimal) -> Result<(), Problem> {
    if quantity > Decimal::ZERO && is_plausible(quantity) {
        return Ok(());
    }
    problem(ProblemCode::BadValue, "A quantity is above zero, with six decimals at the most.")
}

/// Of a registered item counts, waste and receipts have acts of their own, with their second
/// person.
pub(super) fn unregistered(state: &State, item: &Item) -> Result<(), Problem> {
    if !state.is_registered(&item.code) {
        return Ok(());
    }
    problem(ProblemCode::BadValue, "A register is kept of this item: tell it under /cd.")
}

/// Which places stock is carried between by hand.
fn may_move(from: &Account, to: &Destination) -> bool {
    let stores = |place: &Account| {
        matches!(place, Account::Pharmacy | Account::Robot(_) | Account::WardStock(_))
    };
    let ends = |place: &Account| matches!(place, Account::Waste | Account::Expired);
    let to = match to {
        Destination::Cabinet(_) => return stores(from) || from.cabinet().is_some(),
        Destination::Place(to) if from == to => return false,
        Destination::Place(to) => to,
    };
    match from {
        Account::Supplier => matches!(to, Account::Pharmacy | Account::Robot(_)),
        Account::Opening => stores(to) || matches!(to, Account::OwnDrugs(_)),
        Account::Pharmacy | Account::Robot(_) => {
            stores(to) || ends(to) || matches!(to, Account::TakeHome(_) | Account::Supplier)
        }
        Account::WardStock(_) => {
            stores(to) || ends(to) || matches!(to, Account::TakeHome(_) | Account::Patient(_))
        }
        Account::Pocket { .. } | Account::PatientBin { .. } | Account::ReturnBin(_) => {
            stores(to) || ends(to)
        }
        Account::OwnDrugs(patient) => {
            ends(to)
                || *to == Account::Patient(patient.clone())
                || *to == Account::TakeHome(patient.clone())
        }
        Account::TakeHome(patient) => {
            ends(to) || *to == Account::Patient(patient.clone()) || *to == Account::Pharmacy
        }
        Account::Expired => *to == Account::Waste || *to == Account::Supplier,
        _ => false,
    }
}

/// The patient whom the places of a movement name.
fn patient_of(told: &Move) -> Option<Id> {
    let of = |place: &Account| match place {
        Account::OwnDrugs(id) | Account::TakeHome(id) | Account::Patient(id) => Some(id.clone()),
        _ => None,
    };
    let to = match &told.to {
        Destination::Place(place) => of(place),
        Destination::Cabinet(_) => None,
    };
    to.or_else(|| of(&told.from))
}

/// A case where the item needs a second person and none, or the same one, was told.
fn witnessed(state: &State, facts: &mut Facts<'_>, item: &Item, transfer: &Transfer) {
    let needed = item.witness || state.is_registered(&item.code);
    if needed {
        not_seen(facts, transfer);
    }
}

/// A case where nobody who may, or the same person, was the second one.
pub(super) fn not_seen(facts: &mut Facts<'_>, transfer: &Transfer) {
    let seen = transfer.witness.as_deref().is_some_and(|witness| {
        witness != transfer.person
            && access::allow(facts.site.person(witness), Right::Witness).is_ok()
    });
    if seen {
        return;
    }
    let text = "Done without a second person where the item needs one.";
    let mut case = facts.case(CaseKind::UnmatchedTransaction, "movement-not-witnessed", text);
    super::about(&mut case, transfer);
    facts.open(case);
}

/// A posted transfer of an item by somebody, to be filled in.
pub(crate) fn plain(
    facts: &mut Facts<'_>,
    item: &Item,
    (person, witness): (&str, Option<&str>),
    activity: Timestamp,
) -> Transfer {
    Transfer {
        id: facts.id(),
        movement: Movement::Transfer,
        item: item.code.clone(),
        batch: None,
        lots: Vec::new(),
        basis: Basis::default(),
        expiry: None,
        cost: None,
        quantity: Decimal::ZERO,
        unit: item.unit.clone(),
        from: Account::Opening,
        to: Account::Opening,
        state: TransferState::Posted,
        patient: None,
        towards: None,
        dose: None,
        order: None,
        case: None,
        cabinet: None,
        person: person.to_owned(),
        witness: witness.map(str::to_owned),
        activity: activity.min(facts.ctx.now),
    }
}
