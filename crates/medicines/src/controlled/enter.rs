//! An act with controlled drugs: what every one of them needs, and which verb it is.

use std::sync::Arc;

use jiff::civil::Date;

use super::act::{ControlledAct, Deed, Entering};
use super::fact::{ControlledFact, Note, Seen};
use super::place::{Place, Section};
use super::schedule::Schedule;
use super::witness::{NotSeen, Stood, alone, second, turned_away};
use super::{correct, count, destroy, discrepancy, own, requisition, supply, waste, witness};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::formulary::Item;
use crate::site::Site;
use crate::state::State;
use crate::stock;

/// Decides a request about controlled drugs. A mistake is told and leaves nothing.
pub(crate) fn act(state: &mut State, ctx: &Context, act: &ControlledAct) -> Decision {
    let decided = match act {
        ControlledAct::Sign(signing) => witness::sign(state, ctx, signing),
        ControlledAct::Enter(entering) => enter(state, ctx, entering),
        ControlledAct::Step(step) => discrepancy::step(state, ctx, step),
    };
    decided.unwrap_or_else(|problem| {
        let site = Arc::clone(state.site());
        Facts::new(ctx, &site).answer(Answer::Parked(problem))
    })
}

/// An act with what was found of it.
pub(super) struct Told<'a> {
    pub(super) entering: &'a Entering,
    pub(super) item: &'a Item,
    pub(super) stood: Stood,
}

impl Told<'_> {
    /// The person who did it and the one who stood by.
    pub(super) fn people(&self) -> (&str, Option<&str>) {
        (&self.entering.act.person, self.stood.witness.as_deref())
    }

    /// A note that says how the second person stood by.
    pub(super) fn note(&self) -> Note {
        Note { seen: self.stood.seen.clone(), ..Note::default() }
    }
}

fn enter(state: &mut State, ctx: &Context, entering: &Entering) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    stock::person(&site, &entering.act.person)?;
    let code = item_of(state, &entering.act.deed)?;
    let item = stock::item(&site, &code)?;
    let Some(schedule) = state.classes().items.get(&code).copied() else {
        let text = "This item is no controlled drug: tell of it under /stock.";
        return problem(ProblemCode::BadValue, text);
    };
    let registered = state.is_registered(&code);
    let mut facts = Facts::new(ctx, &site);
    let needed = needs_second(&site, &entering.act.deed, schedule, registered);
    let stood = match second(state, ctx, entering, needed != Needed::No) {
        Ok(stood) => stood,
        Err(NotSeen::Problem(problem)) => return Err(problem),
        Err(NotSeen::Same(reason)) => {
            return Ok(turned_away(facts, &entering.act.person, Some(code), reason));
        }
    };
    authorised(&site, needed, &stood)?;
    if let Some(Seen::Alone(_)) = &stood.seen {
        alone(&mut facts, entering, &code);
    }
    let told = Told { entering, item, stood };
    match &entering.act.deed {
        Deed::Count(deed) => count::count(state, facts, &told, deed),
        Deed::Waste(deed) => waste::waste(state, facts, &told, deed, schedule),
        Deed::Destroy(deed) => destroy::destroy(state, facts, &told, deed, schedule),
        Deed::TakeIn(deed) => own::take_in(state, facts, &told, deed),
        Deed::Correct(deed) => correct::correct(state, facts, &told, deed),
        Deed::Requisition(deed) => requisition::requisition(facts, &told, deed),
        Deed::Supply(deed) => supply::supply(state, facts, &told, deed),
        Deed::Receive(deed) => supply::receive(state, facts, &told, deed),
    }
}

/// The item that a deed is about.
pub(super) fn item_of(state: &State, deed: &Deed) -> Result<String, Problem> {
    let unknown = |text: &str| Problem::new(ProblemCode::BadValue, text);
    Ok(match deed {
        Deed::Count(deed) => deed.item.clone(),
        Deed::Waste(deed) => deed.item.clone(),
        Deed::Destroy(deed) => deed.item.clone(),
        Deed::TakeIn(deed) => deed.item.clone(),
        Deed::Requisition(deed) => deed.item.clone(),
        Deed::Correct(deed) => match state.entered_item(&deed.of) {
            Some(item) => item,
            None => return Err(unknown("No register has an entry of this source.")),
        },
        Deed::Supply(deed) => match state.requisition(&deed.requisition) {
            Some(asked) => asked.item.clone(),
            None => return Err(unknown("No open requisition has this number.")),
        },
        Deed::Receive(deed) => match state.consignment(&deed.consignment) {
            Some(sent) => sent.transfer.item.clone(),
            None => return Err(unknown("No consignment of this number is on its way.")),
        },
    })
}

/// Which second person an act needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needed {
    No,
    /// Anybody whose role lets them, or a reason why there was nobody.
    Anybody,
    /// One of those whom the accountable officer authorised; no reason stands for them.
    Authorised,
}

/// Counts, waste, destruction and what changes a quantity need a second person (NICE NG46); stock
/// of schedules 1 and 2 is destroyed before an authorised one (Misuse of Drugs Regulations 2001,
/// regulation 27), what patients returned before any.
fn needs_second(site: &Site, deed: &Deed, schedule: Schedule, registered: bool) -> Needed {
    let when = |needed: bool| if needed { Needed::Anybody } else { Needed::No };
    match deed {
        Deed::Count(_) | Deed::Waste(_) => when(registered),
        Deed::Destroy(deed) => {
            let returned = matches!(deed.place, Place::TakeHome(_))
                || deed.place.section() == Section::PatientsOwn;
            match (returned, schedule.needs_authorised_witness()) {
                (false, true) => Needed::Authorised,
                (true, _) => Needed::Anybody,
                (false, false) => when(registered),
            }
        }
        Deed::Correct(deed) => when(registered && deed.difference.is_some()),
        Deed::TakeIn(_) | Deed::Receive(_) => when(registered && site.controlled.witness_receipt),
        Deed::Requisition(_) | Deed::Supply(_) => Needed::No,
    }
}

fn authorised(site: &Site, needed: Needed, stood: &Stood) -> Result<(), Problem> {
    if needed != Needed::Authorised {
        return Ok(());
    }
    let named = |witness: &String| site.controlled.destruction_witnesses.contains(witness);
    if stood.witness.as_ref().is_some_and(named) {
        return Ok(());
    }
    let text = "Stock of schedules 1 and 2 is destroyed only before a witness whom the accountable \
                officer has authorised (destruction_witnesses of [site.controlled]).";
    problem(ProblemCode::BadValue, text)
}

/// Notes what the register says of every transfer of the item that was posted since `mark`.
pub(super) fn note_moved(facts: &mut Facts<'_>, mark: usize, note: &Note) {
    for transfer in facts.posted_since(mark) {
        let note = Note { transfer: Some(transfer), ..note.clone() };
        facts.controlled(ControlledFact::Noted(note));
    }
}

/// A last day is one of a batch: without it, nobody would find it again.
pub(super) fn check_expiry(expiry: Option<Date>, batch: Option<&str>) -> Result<(), Problem> {
    if expiry.is_some() && batch.is_none() {
        let text = "The last day is one of a batch: say of which (`batch`).";
        return problem(ProblemCode::FieldMissing, text);
    }
    Ok(())
}

/// What has to be made irretrievable has to have been.
pub(super) fn check_denatured(schedule: Schedule, denatured: Option<&str>) -> Result<(), Problem> {
    let said = denatured.is_some_and(|how| !how.trim().is_empty());
    if schedule.needs_denaturing() && !said {
        let text = "It is made irretrievable first: say how (`denatured`).";
        return problem(ProblemCode::BadValue, text);
    }
    Ok(())
}
