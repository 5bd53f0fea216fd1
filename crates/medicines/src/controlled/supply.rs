//! The pharmacy sends what a ward asked for, and the ward receives it: each with its own person,
//! and the messenger between them.

use super::act::{ReceiveDeed, SupplyDeed};
use super::enter::{Told, check_expiry};
use super::fact::{ControlledFact, Note};
use super::place::Place;
use crate::command::{Answer, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::{Facts, problem};
use crate::state::State;
use crate::stock::{self, Account, Receipt, TransferState, plain, post, to_cabinet};

pub(super) fn supply(
    state: &State,
    mut facts: Facts<'_>,
    told: &Told<'_>,
    deed: &SupplyDeed,
) -> Result<Decision, Problem> {
    stock::amount(deed.quantity)?;
    let wrong = |text: &str| problem(ProblemCode::BadValue, text);
    check_expiry(deed.expiry, deed.batch.as_deref())?;
    let Some(asked) = state.requisition(&deed.requisition).cloned() else {
        return wrong("No open requisition has this number.");
    };
    if asked.person == told.entering.act.person {
        return wrong("Who signed the requisition does not supply it.");
    }
    if asked.supplied + deed.quantity > asked.quantity {
        return wrong("More is supplied than was asked for.");
    }
    let account = match &deed.from {
        Place::Pharmacy | Place::Robot(_) | Place::Ward(_) if deed.from != asked.place => {
            deed.from.account()
        }
        _ => None,
    };
    let Some(account) = account else {
        return wrong("It is supplied by the pharmacy, a robot or another ward.");
    };
    let counted = account.is_counted()
        || state.page(&deed.from, &asked.item).is_some_and(|page| !page.counted.is_empty());
    if counted && state.balance(&account, &asked.item) < deed.quantity {
        return wrong("The register has less there: count the place first.");
    }
    let mut transfer = plain(&mut facts, told.item, told.people(), told.entering.act.activity);
    let id = transfer.id.clone();
    transfer.quantity = deed.quantity;
    transfer.batch.clone_from(&deed.batch);
    transfer.expiry = deed.expiry;
    (transfer.from, transfer.to) = (account, Account::Transit(id.clone()));
    transfer.towards = Some(match &asked.place {
        Place::Cabinet(cabinet) => to_cabinet(cabinet),
        place => place.to_string(),
    });
    post(state, &mut facts, transfer);
    let note = Note {
        transfer: Some(id.clone()),
        requisition: Some(asked.id.clone()),
        messenger: Some(deed.messenger.clone()),
        ..told.note()
    };
    facts.controlled(ControlledFact::Noted(note));
    let mut asked = super::Requisition::clone(&asked);
    asked.supplied += deed.quantity;
    asked.consignments.push(id.clone());
    facts.controlled(ControlledFact::Requisition(asked));
    Ok(facts.answer(Answer::Created(vec![id])))
}

pub(super) fn receive(
    state: &State,
    facts: Facts<'_>,
    told: &Told<'_>,
    deed: &ReceiveDeed,
) -> Result<Decision, Problem> {
    let Some(sent) = state.consignment(&deed.consignment) else {
        return problem(ProblemCode::BadValue, "No consignment of this number is on its way.");
    };
    if sent.transfer.person == told.entering.act.person {
        return problem(ProblemCode::BadValue, "Who sent it does not receive it.");
    }
    let receipt = Receipt {
        consignment: deed.consignment.clone(),
        quantity: deed.quantity,
        complete: deed.complete,
        person: told.entering.act.person.clone(),
        witness: told.stood.witness.clone(),
        activity: told.entering.act.activity,
    };
    let mut decision = stock::received_in(state, facts, &receipt)?;
    let posted = decision.facts.iter().filter_map(|fact| match fact {
        Fact::Moved(moved) if moved.state == TransferState::Posted => Some(moved.id.clone()),
        _ => None,
    });
    let ids: Vec<_> = posted.collect();
    for transfer in &ids {
        let note = Note { transfer: Some(transfer.clone()), ..told.note() };
        decision.facts.push(Fact::Controlled(Box::new(ControlledFact::Noted(note))));
    }
    decision.answer = Answer::Created(ids);
    Ok(decision)
}
