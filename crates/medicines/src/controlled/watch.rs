//! What is looked at after every decision: whether the classes are those of the configuration, and
//! whether what was entered is entered in time.

use std::sync::Arc;

use fhir::Id;

use super::discrepancy::{Discrepancy, DiscrepancyStatus, StepTaken, found};
use super::entry::{Lateness, lateness};
use super::fact::ControlledFact;
use super::{classify, lines};
use crate::cases::{CaseClosed, CaseKind};
use crate::command::{Context, Decision, Request};
use crate::fact::Fact;
use crate::facts::{Facts, INTERLOCK};
use crate::state::State;

/// The classes that have to come into force before a request is decided: after a release of dm+d
/// was taken over, and after a start, where they are not those that are known.
pub(crate) fn before(state: &mut State, ctx: &Context, request: &Request) -> Option<Fact> {
    if matches!(request, Request::See(_) | Request::TurnAway(_) | Request::Configure(_)) {
        return None;
    }
    if !state.classes_in_doubt(ctx.dictionary.is_some()) {
        return None;
    }
    let classes = {
        let known = state.classes();
        // A release that is in use and cannot be read says nothing; it takes nothing back either.
        let kept = (state.dictionary().is_some() && ctx.dictionary.is_none()).then_some(known);
        let classes = classify(state.site(), ctx.dictionary(), kept, ctx.now);
        (!classes.says(known)).then_some(classes)
    };
    state.classes_looked_at(ctx.dictionary.is_some());
    classes.map(|classes| Fact::Controlled(Box::new(ControlledFact::Classified(classes))))
}

/// Adds to a decision what it means for controlled drugs.
pub(crate) fn watch(state: &State, ctx: &Context, decision: &mut Decision) {
    let configured = decision.facts.iter().find_map(|fact| match fact {
        Fact::Configured(site) => Some(site),
        _ => None,
    });
    if let Some(site) = configured {
        let known = state.classes();
        let kept = (state.dictionary().is_some() && ctx.dictionary.is_none()).then_some(known);
        let classes = classify(site, ctx.dictionary(), kept, ctx.now);
        if !classes.says(known) {
            let fact = ControlledFact::Classified(classes);
            decision.facts.push(Fact::Controlled(Box::new(fact)));
        }
    }
    if state.classes().registered.is_empty() {
        return;
    }
    late(state, ctx, decision);
    discrepancies(state, ctx, decision);
}

/// Every discrepancy of a controlled drug begins its way with its case. Where something else than
/// a step closes the case, as a movement that is told late and explains it, that is a step too.
fn discrepancies(state: &State, ctx: &Context, decision: &mut Decision) {
    let found: Vec<Discrepancy> = decision
        .facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::CaseOpened(case) => found(state, case, state.site()),
            _ => None,
        })
        .collect();
    let stepped: Vec<&Id> = decision.facts.iter().filter_map(stepped).collect();
    let settled = decision.facts.iter().filter_map(|fact| match fact {
        Fact::CaseClosed(closed) if !stepped.contains(&&closed.id) => {
            let new = found.iter().find(|new| new.id == closed.id);
            settled(new.or_else(|| state.discrepancy(&closed.id))?, closed)
        }
        _ => None,
    });
    let settled: Vec<StepTaken> = settled.collect();
    let by = || INTERLOCK.to_owned();
    let begun = found.into_iter().map(|discrepancy| StepTaken {
        discrepancy,
        by: by(),
        at: ctx.now,
        text: None,
    });
    let steps: Vec<Fact> = begun
        .chain(settled)
        .map(|step| Fact::Controlled(Box::new(ControlledFact::Stepped(step))))
        .collect();
    decision.facts.extend(steps);
}

/// The discrepancy of which a fact says where it stands.
fn stepped(fact: &Fact) -> Option<&Id> {
    let Fact::Controlled(fact) = fact else { return None };
    match &**fact {
        ControlledFact::Stepped(step) => Some(&step.discrepancy.id),
        _ => None,
    }
}

/// The step that a closed case is. What is with the accountable officer stays there, with what
/// explained it: only the officer's word ends it.
fn settled(known: &Discrepancy, closed: &CaseClosed) -> Option<StepTaken> {
    let status = match known.status {
        DiscrepancyStatus::Open | DiscrepancyStatus::Investigating => DiscrepancyStatus::Resolved,
        DiscrepancyStatus::Escalated => DiscrepancyStatus::Escalated,
        DiscrepancyStatus::Resolved | DiscrepancyStatus::Closed => return None,
    };
    Some(StepTaken {
        discrepancy: Discrepancy { status, ..known.clone() },
        by: closed.by.clone(),
        at: closed.at,
        text: Some(closed.resolution.clone()),
    })
}

/// One case for an entry of the journal that enters something in a register later than on the day
/// after it was done.
fn late(state: &State, ctx: &Context, decision: &mut Decision) {
    let first = decision.facts.iter().find_map(|fact| match fact {
        Fact::Moved(moved)
            if state.is_registered(&moved.item)
                && !lines(moved, None).is_empty()
                && lateness(moved.activity, ctx.now, &state.site().time_zone)
                    == Lateness::Later =>
        {
            Some(moved)
        }
        _ => None,
    });
    let Some(moved) = first else { return };
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let text = "Entered in the register later than on the day after it was done: find out why, \
                and report it where it is a breach.";
    let mut case = facts.case(CaseKind::ControlledDrug, "late-entry", text);
    case.id = ctx.id_watched(&site.code, 1);
    crate::stock::about(&mut case, moved);
    case.patient.clone_from(&moved.patient);
    facts.open(case);
    decision.facts.extend(facts.done().facts);
}
