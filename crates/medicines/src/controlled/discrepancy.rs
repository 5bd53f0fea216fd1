//! A discrepancy goes its way: open, investigating, resolved with an explanation, or escalated to
//! the accountable officer, who closes it. Each step is a fact with its person.

use std::sync::Arc;

use access::{Right, Role};
use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::fact::ControlledFact;
use crate::cases::{Case, CaseKind, settle_consignment};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::site::Site;
use crate::state::State;

/// The coded reason of the case that asks the accountable officer.
pub(crate) const ESCALATED: &str = "discrepancy-escalated";

/// Where a discrepancy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiscrepancyStatus {
    /// Found.
    Open,
    /// Somebody looks into it.
    Investigating,
    /// Explained: over.
    Resolved,
    /// With the accountable officer.
    Escalated,
    /// The accountable officer closed it: over.
    Closed,
}

impl DiscrepancyStatus {
    /// The status as addresses and files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            DiscrepancyStatus::Open => "open",
            DiscrepancyStatus::Investigating => "investigating",
            DiscrepancyStatus::Resolved => "resolved",
            DiscrepancyStatus::Escalated => "escalated",
            DiscrepancyStatus::Closed => "closed",
        }
    }

    /// Whether nothing more is to be done.
    pub fn is_over(self) -> bool {
        matches!(self, DiscrepancyStatus::Resolved | DiscrepancyStatus::Closed)
    }

    /// Whether it can go on to another status.
    pub fn may_become(self, next: DiscrepancyStatus) -> bool {
        use DiscrepancyStatus as S;
        match self {
            S::Open => matches!(next, S::Investigating | S::Resolved | S::Escalated),
            S::Investigating => matches!(next, S::Resolved | S::Escalated),
            S::Escalated => matches!(next, S::Closed),
            S::Resolved | S::Closed => false,
        }
    }
}

/// A discrepancy of a controlled drug as it stands. Its id is that of its case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// The id, which is its case's.
    pub id: Id,
    /// The local formulary code.
    pub item: String,
    /// The place, as registers write it, or the cabinet; none where it was found on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How much it is about, in the item's unit; below zero where something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Decimal>,
    /// Why it opened, as a code.
    pub reason: String,
    /// Where it stands.
    pub status: DiscrepancyStatus,
    /// When it was found.
    pub opened: Timestamp,
    /// When it goes to the accountable officer unless it is explained.
    pub due: Timestamp,
}

/// A step that somebody takes.
#[derive(Debug, Clone)]
pub struct Step {
    /// The discrepancy.
    pub discrepancy: Id,
    /// Where it stands afterwards.
    pub to: DiscrepancyStatus,
    /// The staff number of the person.
    pub by: String,
    /// What was found, or why; an explanation is needed to end it.
    pub text: Option<String>,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// The discrepancy as it stands afterwards.
    pub discrepancy: Discrepancy,
    /// Who took it: a staff number, or `interlock` where time alone did.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A case that is a discrepancy of a controlled drug: what is missing or too much, not what is of
/// another batch.
pub(super) fn found(state: &State, case: &Case, site: &Site) -> Option<Discrepancy> {
    let item = case.item.as_ref().filter(|item| state.is_registered(item))?;
    let is_one = match case.kind {
        CaseKind::Discrepancy => {
            !matches!(case.reason.as_str(), "batch-differs" | "expiry-differs")
        }
        CaseKind::Consignment => {
            matches!(case.reason.as_str(), "less-arrived" | "not-arrived")
        }
        _ => false,
    };
    let place = || case.cabinet.as_ref().map(|cabinet| format!("cabinet:{cabinet}"));
    let hours = i64::from(site.controlled.escalate_after_h);
    let due = case.opened.saturating_add(SignedDuration::from_hours(hours));
    is_one.then(|| Discrepancy {
        id: case.id.clone(),
        item: item.clone(),
        place: case.place.clone().or_else(place),
        quantity: case.quantity,
        reason: case.reason.clone(),
        status: DiscrepancyStatus::Open,
        opened: case.opened,
        due: due.unwrap_or(Timestamp::MAX),
    })
}

/// Takes a step.
pub(super) fn step(state: &State, ctx: &Context, step: &Step) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let Some(known) = state.discrepancy(&step.discrepancy) else {
        return problem(ProblemCode::UnknownCase, "No open discrepancy has this id.");
    };
    may_step(&site, known.status, step.to, &step.by)?;
    let text = step.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if step.to.is_over() && text.is_none() {
        return problem(ProblemCode::FieldMissing, "Say how it is explained.");
    }
    take(state, &mut facts, known, step.to, &step.by, text);
    if step.to.is_over() {
        let words = text.unwrap_or_default();
        if let Some(case) = state.open_case(&step.discrepancy) {
            settle_consignment(state, &mut facts, case, &step.by, words);
            facts.close(&step.discrepancy, &step.by, words);
        }
    }
    Ok(facts.answer(Answer::Done))
}

/// Whether somebody may bring a discrepancy to another status.
pub(crate) fn may_step(
    site: &Site,
    from: DiscrepancyStatus,
    to: DiscrepancyStatus,
    by: &str,
) -> Result<(), Problem> {
    if !from.may_become(to) {
        let text =
            format!("A discrepancy that is {} does not become {}.", from.as_str(), to.as_str());
        return Err(Problem::new(ProblemCode::OrderState, text));
    }
    let person = site.person(by);
    access::allow(person, Right::ResolveCase)
        .map_err(|denial| Problem::new(ProblemCode::BadValue, format!("{denial}.")))?;
    if from == DiscrepancyStatus::Escalated && !is_officer(site, by) {
        let text = "What went to the accountable officer is closed by the accountable officer.";
        return problem(ProblemCode::BadValue, text);
    }
    Ok(())
}

/// The accountable officer; whoever has that role where the configuration names none.
fn is_officer(site: &Site, by: &str) -> bool {
    match &site.controlled.accountable_officer {
        Some(officer) => officer == by,
        None => site.person(by).is_some_and(|person| person.role == Role::Governance),
    }
}

/// Enters a step, and opens or closes the officer's case with it.
pub(crate) fn take(
    state: &State,
    facts: &mut Facts<'_>,
    known: &Discrepancy,
    to: DiscrepancyStatus,
    by: &str,
    text: Option<&str>,
) {
    let discrepancy = Discrepancy { status: to, ..known.clone() };
    facts.controlled(ControlledFact::Stepped(StepTaken {
        discrepancy,
        by: by.to_owned(),
        at: facts.ctx.now,
        text: text.map(str::to_owned),
    }));
    if to == DiscrepancyStatus::Escalated {
        let text = "A discrepancy of a controlled drug was not explained in time, or somebody \
                    brought it here: it is the accountable officer's.";
        let mut case = facts.case(CaseKind::ControlledDrug, ESCALATED, text);
        case.removal = Some(known.id.clone());
        case.item = Some(known.item.clone());
        case.place.clone_from(&known.place);
        case.quantity = known.quantity;
        case.person.clone_from(&facts.site.controlled.accountable_officer);
        facts.open(case);
    }
    if to.is_over() {
        for case in officers_cases(state, &known.id) {
            facts.close(&case, by, to.as_str());
        }
    }
}

/// The open cases that ask the accountable officer about a discrepancy.
fn officers_cases(state: &State, discrepancy: &Id) -> Vec<Id> {
    let asks = |case: &&Arc<Case>| {
        case.kind == CaseKind::ControlledDrug
            && case.reason == ESCALATED
            && case.removal.as_ref() == Some(discrepancy)
    };
    let mut cases: Vec<_> = state.open_cases().filter(asks).map(|case| case.id.clone()).collect();
    cases.sort();
    cases
}

/// Settling the case of a discrepancy is a step of it. False where the case is none.
pub(crate) fn settle(
    state: &State,
    facts: &mut Facts<'_>,
    case: &Case,
    by: &str,
    words: &str,
) -> Result<bool, Problem> {
    let of = if case.reason == ESCALATED { case.removal.as_ref() } else { Some(&case.id) };
    let Some(known) = of.and_then(|id| state.discrepancy(id)) else { return Ok(false) };
    let to = match known.status {
        DiscrepancyStatus::Escalated => DiscrepancyStatus::Closed,
        _ => DiscrepancyStatus::Resolved,
    };
    // A client speaks for its people, but never for the accountable officer.
    if known.status == DiscrepancyStatus::Escalated || facts.site.person(by).is_some() {
        may_step(facts.site, known.status, to, by)?;
    }
    take(state, facts, known, to, by, Some(words));
    if known.id != case.id {
        // The officer's word closes the discrepancy itself; its own case is among those closed.
        if let Some(own) = state.open_case(&known.id) {
            settle_consignment(state, facts, own, by, words);
            facts.close(&known.id, by, words);
        }
        return Ok(true);
    }
    facts.close(&case.id, by, words);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discrepancy_goes_one_way() {
        use DiscrepancyStatus as S;
        let all = [S::Open, S::Investigating, S::Resolved, S::Escalated, S::Closed];
        let check = |from: S, to: &[S]| {
            for next in all {
                assert_eq!(from.may_become(next), to.contains(&next), "{from:?} {next:?}");
            }
        };
        check(S::Open, &[S::Investigating, S::Resolved, S::Escalated]);
        check(S::Investigating, &[S::Resolved, S::Escalated]);
        check(S::Escalated, &[S::Closed]);
        check(S::Resolved, &[]);
        check(S::Closed, &[]);
    }
}
