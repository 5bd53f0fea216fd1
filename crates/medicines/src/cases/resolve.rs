//! Somebody settles a case.

use std::sync::Arc;

use access::Right;
use fhir::Id;
use rust_decimal::Decimal;

use super::{Case, CaseKind};
use crate::cabinet::{Refusal, RefusalCode};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::deliveries::decided;
use crate::fact::{Access, Fact};
use crate::facts::{Facts, INTERLOCK, problem};
use crate::state::{Removal, State};
use crate::stock::{Account, Movement, Transfer, about, post};

/// A person's word that a case is settled.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The case.
    pub case: Id,
    /// The staff number or client name.
    pub by: String,
    /// How it was settled, in words or a code.
    pub resolution: String,
}

/// Closes an open case. A case that is closed already stays as it was settled first; one about a
/// message that was not answered is settled by what is to become of the message.
pub fn resolve(state: &State, ctx: &Context, resolution: &Resolution) -> Decision {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let Some(case) = state.open_case(&resolution.case) else {
        let text = "No open case has this id.";
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::UnknownCase, text)));
    };
    // What the node settles by itself has effects of its own.
    if resolution.by == INTERLOCK {
        let text = "`interlock` is the node's own name: say who settles the case.";
        return facts.answer(Answer::Parked(Problem::new(ProblemCode::BadValue, text)));
    }
    // A client speaks for its people; a person who is named has to have the right.
    let person = site.person(&resolution.by);
    if person.is_some() && access::allow(person, Right::ResolveCase).is_err() {
        let text = "This person may not settle cases.";
        facts.refused(Access {
            who: resolution.by.clone(),
            what: "resolve".to_owned(),
            patient: case.patient.clone(),
            resource_type: None,
            detail: Some(case.kind.as_str().to_owned()),
            reason: Some(RefusalCode::UserNotAllowed.as_str().to_owned()),
            at: ctx.now,
        });
        let refusal = Refusal::new(RefusalCode::UserNotAllowed, text);
        return facts.answer(Answer::Refused(refusal));
    }
    if matches!(case.kind, CaseKind::UnknownOutcome | CaseKind::ParkedDelivery) {
        if let Some(change) = decided(case, &resolution.resolution, ctx.now) {
            facts.push(Fact::Delivery(change));
        } else {
            let text = "Settle this case with `delivered`, `resend` or `give-up`.";
            return facts.answer(Answer::Parked(Problem::new(ProblemCode::UnknownCode, text)));
        }
    }
    if let Err(problem) = may_settle_units(state, case, resolution) {
        return facts.answer(Answer::Parked(problem));
    }
    settle_units(state, &mut facts, case, resolution);
    settle_consignment(state, &mut facts, case, &resolution.by, &resolution.resolution);
    match crate::controlled::settle(state, &mut facts, case, &resolution.by, &resolution.resolution)
    {
        Ok(true) => return facts.done(),
        Ok(false) => {}
        Err(problem) => {
            return Facts::new(ctx, &site).answer(Answer::Parked(problem));
        }
    }
    facts.close(&resolution.case, &resolution.by, &resolution.resolution);
    facts.done()
}

/// The units of a removal that a case asks for, while they are in somebody's hands.
fn in_hands<'a>(state: &'a State, case: &Case) -> Option<&'a Removal> {
    let removal = case.removal.as_ref().and_then(|id| state.open_removal(id));
    removal.map(Arc::as_ref).filter(|removal| {
        case.kind == CaseKind::UnaccountedDose && removal.in_hands > Decimal::ZERO
    })
}

/// A lost dose of a registered item is not settled by whoever took it, and waste and returns have
/// acts of their own, with their second person.
fn may_settle_units(state: &State, case: &Case, resolution: &Resolution) -> Result<(), Problem> {
    let registered = |removal: &&Removal| state.is_registered(&removal.transfer.item);
    let Some(removal) = in_hands(state, case).filter(registered) else { return Ok(()) };
    if removal.transfer.person == resolution.by {
        let text = "Who took a controlled drug does not settle what became of it.";
        return problem(ProblemCode::BadValue, text);
    }
    if matches!(resolution.resolution.as_str(), "wasted" | "returned") {
        let text = "A register is kept of this item: tell its waste under /cd/waste or at the \
                    cabinet, and its return at the cabinet.";
        return problem(ProblemCode::BadValue, text);
    }
    Ok(())
}

/// Units that were removed and never accounted for leave the hands by a person's word: for the
/// waste or the return bin where that is the word, else as a discrepancy of the cabinet. Of a
/// registered item they are looked for from then on.
fn settle_units(state: &State, facts: &mut Facts<'_>, case: &Case, resolution: &Resolution) {
    let Some(removal) = in_hands(state, case) else { return };
    let taken = &removal.transfer;
    let cabinet = taken.cabinet.clone().unwrap_or_default();
    let (movement, to) = match resolution.resolution.as_str() {
        "wasted" => (Movement::Waste, Account::Waste),
        "returned" => (Movement::Return, Account::ReturnBin(cabinet)),
        _ => (Movement::Count, Account::Discrepancy(cabinet)),
    };
    let transfer = Transfer {
        id: facts.id(),
        movement,
        batch: None,
        lots: Vec::new(),
        quantity: removal.in_hands,
        from: Account::Hands(taken.id.clone()),
        to,
        person: resolution.by.clone(),
        witness: None,
        activity: facts.ctx.now,
        ..taken.clone()
    };
    let transfer = post(state, facts, transfer);
    if !state.is_registered(&transfer.item) {
        return;
    }
    let text = "A controlled drug was taken and nobody can say what became of it: look for it, and \
                count the cabinet.";
    let mut lost = facts.case(CaseKind::Discrepancy, "not-accounted-for", text);
    about(&mut lost, &transfer);
    lost.patient.clone_from(&case.patient);
    lost.order.clone_from(&case.order);
    lost.person = Some(taken.person.clone());
    lost.quantity = Some(-transfer.quantity);
    facts.open(lost);
}

/// What was sent and never arrived leaves its way by a person's word: back to where it came from
/// where that is the word, to waste, else as a discrepancy of the place that sent it.
pub(crate) fn settle_consignment(
    state: &State,
    facts: &mut Facts<'_>,
    case: &Case,
    by: &str,
    words: &str,
) {
    let sent = case.removal.as_ref().filter(|_| case.kind == CaseKind::Consignment);
    let Some(sent) = sent.and_then(|id| state.consignment(id)) else { return };
    let origin = &sent.transfer.from;
    let place = origin.cabinet().map_or_else(|| origin.to_string(), str::to_owned);
    let (movement, to) = match words {
        "wasted" => (Movement::Waste, Account::Waste),
        "returned" => (Movement::Transfer, origin.clone()),
        _ => (Movement::Count, Account::Discrepancy(place)),
    };
    let transfer = Transfer {
        id: facts.id(),
        movement,
        batch: None,
        lots: Vec::new(),
        expiry: None,
        cost: None,
        towards: None,
        quantity: sent.left,
        from: Account::Transit(sent.transfer.id.clone()),
        to,
        person: by.to_owned(),
        witness: None,
        activity: facts.ctx.now,
        ..sent.transfer.clone()
    };
    post(state, facts, transfer);
}
