//! A write as a whole: what it is about is found first, then all of it is done or none.

use std::collections::HashSet;
use std::sync::Arc;

use fhir::{Id, ResourceType};

use super::governed::{self, Change, Standing};
use super::order;
use super::place::{Place, locate, one};
use super::{
    Act, Done, Effect, Fault, FaultCode, Link, Step, Write, create, delete, dose, doubt, patch,
    update,
};
use crate::command::{Answer, Context, Decision};
use crate::fact::{Access, Fact};
use crate::facts::Facts;
use crate::state::State;
use crate::subscriptions::Wish;

/// Writes resources. The order is that of R4 §3.1.0.11.2: what is deleted, what is created, what
/// is changed.
pub fn write(state: &mut State, ctx: &Context, asked: &Write) -> Decision {
    let site = Arc::clone(state.site());
    match all(state, Facts::new(ctx, &site), asked) {
        Ok(decision) => decision,
        Err(fault) => refuse(Facts::new(ctx, &site), asked, fault),
    }
}

/// A write that is being decided.
pub(super) struct Writing<'a> {
    pub(super) state: &'a mut State,
    pub(super) facts: Facts<'a>,
    asked: &'a Write,
    /// What each step is about.
    pub(super) places: Vec<Place>,
    /// The addresses of what the links lead to.
    pub(super) links: Vec<String>,
    /// The numbers of patients that this write gives out.
    pub(super) numbers: HashSet<String>,
    /// The numbers of orders of which this write tells.
    pub(super) orders: HashSet<String>,
}

fn all<'a>(state: &'a mut State, facts: Facts<'a>, asked: &'a Write) -> Result<Decision, Fault> {
    let mut writing = Writing {
        state,
        facts,
        asked,
        places: Vec::with_capacity(asked.steps.len()),
        links: Vec::with_capacity(asked.links.len()),
        numbers: HashSet::new(),
        orders: HashSet::new(),
    };
    writing.find()?;
    writing.follow()?;
    let mut order: Vec<usize> = (0..asked.steps.len()).collect();
    order.sort_by_key(|n| turn(&asked.steps[*n]));
    let mut done: Vec<Option<Done>> = vec![None; asked.steps.len()];
    for n in order {
        done[n] = Some(writing.step(n).map_err(|fault| fault.of_step(n))?);
    }
    doubt::tell(&mut writing, &asked.doubts, &done);
    let done = done.into_iter().flatten().collect();
    Ok(writing.facts.answer(Answer::Written(done)))
}

/// The turn of a step. Patients come before what is about them, and orders after the stays that
/// they name.
fn turn(step: &Step) -> u8 {
    let kind = step.resource_type;
    match &step.act {
        Act::Delete { .. } | Act::Refuse { .. } => 0,
        Act::Create { .. } if kind == ResourceType::Patient => 1,
        Act::Create { .. } if kind != ResourceType::MedicationRequest => 2,
        Act::Create { .. } => 3,
        Act::Update { .. } if kind == ResourceType::Patient => 4,
        Act::Update { .. } | Act::Patch { .. } if kind != ResourceType::MedicationRequest => 5,
        Act::Update { .. } | Act::Patch { .. } => 6,
    }
}

impl<'a> Writing<'a> {
    /// Finds what each step is about. No resource may be written twice.
    fn find(&mut self) -> Result<(), Fault> {
        let mut written: HashSet<(ResourceType, Id)> = HashSet::new();
        for (n, step) in self.asked.steps.iter().enumerate() {
            let (ctx, site) = (self.facts.ctx, &self.facts.site.code);
            let new = || ctx.id_written(site, n + 1);
            let place = locate(self.state, step.resource_type, &step.act, new);
            let mut place = place.map_err(|fault| fault.of_step(n))?;
            if let Act::Create { draft, .. } = &step.act
                && !place.found
                && (dose::is_of_the_loop(self, draft, &place.id)
                    || order::is_of_the_loop(self, draft, &place.id))
            {
                // It is the loop's word from now on, and has an id of the loop's.
                place.id = self.facts.id();
            }
            if !place.found && !written.insert((step.resource_type, place.id.clone())) {
                let text = "Two entries of the transaction write the same resource.";
                return Err(Fault::new(FaultCode::Duplicate, text).of_step(n));
            }
            self.places.push(place);
        }
        Ok(())
    }

    /// Finds where the links lead.
    fn follow(&mut self) -> Result<(), Fault> {
        for link in &self.asked.links {
            let address = match link {
                Link::Step(n) => {
                    format!("{}/{}", self.asked.steps[*n].resource_type, self.places[*n].id)
                }
                Link::Where(n, search) => {
                    let found = one(self.state, search).map_err(|fault| fault.of_step(*n))?;
                    let Some(found) = found else {
                        let text = "A conditional reference of the resource finds nothing.";
                        return Err(Fault::new(FaultCode::Precondition, text).of_step(*n));
                    };
                    format!("{}/{found}", search.resource_type)
                }
            };
            self.links.push(address);
        }
        Ok(())
    }

    /// How many links there are.
    pub(super) fn count_links(&self) -> usize {
        self.asked.links.len()
    }

    /// Who writes.
    pub(super) fn client(&self) -> &str {
        &self.asked.by
    }

    /// What is asked as a whole.
    pub(super) fn asked(&self) -> &'a Write {
        self.asked
    }

    /// What is asked of a subscription, where the write is of one alone.
    pub(super) fn wish(&self) -> Option<&'a Wish> {
        self.asked.subscription.as_ref().filter(|_| self.asked.steps.len() == 1)
    }

    /// Whether the client may tell what was given to patients.
    pub(super) fn gives(&self) -> bool {
        self.asked.gives
    }

    /// Whether the client is a prescriber's system, whose orders the loop acts on.
    pub(super) fn prescribes(&self) -> bool {
        self.asked.prescribes
    }

    fn step(&mut self, n: usize) -> Result<Done, Fault> {
        match &self.asked.steps[n].act {
            Act::Create { draft, .. } => create::create(self, n, draft),
            Act::Update { draft, only, .. } => update::update(self, n, draft, only),
            Act::Patch { patch, only, .. } => patch::patch(self, n, patch, only),
            Act::Delete { only, .. } => delete::delete(self, n, only),
            Act::Refuse { fault, .. } => Err(fault.clone()),
        }
    }

    /// Makes a version a fact, as the loop allows it, and says whether it is another one than the
    /// one before.
    pub(super) fn keep(&mut self, change: &Change<'_>) -> Result<bool, Fault> {
        if order::takes(self, change)? {
            return order::keep(self, change);
        }
        match governed::check(self, change)? {
            Standing::Recorded => self.facts.push(Fact::Recorded(change.after.clone())),
            Standing::Folded => {
                self.facts.stored(change.after.clone());
                governed::tell(self, change);
            }
        }
        Ok(true)
    }

    /// What was done to a resource that was there before.
    pub(super) fn changed(&self, n: usize, before: u64, is_new: bool) -> Done {
        if is_new {
            self.done(n, before + 1, Effect::Updated)
        } else {
            self.done(n, before, Effect::Unchanged)
        }
    }

    pub(super) fn done(&self, n: usize, version: u64, effect: Effect) -> Done {
        let resource_type = self.asked.steps[n].resource_type;
        Done { resource_type, id: self.places[n].id.clone(), version, effect }
    }

    /// Whether a step is about this resource.
    pub(super) fn tells(&self, kind: ResourceType, id: &Id) -> bool {
        let mut steps = self.asked.steps.iter().zip(&self.places);
        steps.any(|(step, place)| step.resource_type == kind && place.id == *id)
    }

    /// Whether a step deletes this resource.
    pub(super) fn deletes(&self, kind: ResourceType, id: &Id) -> bool {
        let deletes = |(step, place): (&Step, &Place)| {
            matches!(step.act, Act::Delete { .. }) && step.resource_type == kind && place.id == *id
        };
        self.asked.steps.iter().zip(&self.places).any(deletes)
    }
}

/// Nothing but the refusal, with whose data it was about where the address said so.
fn refuse(mut facts: Facts<'_>, asked: &Write, fault: Fault) -> Decision {
    let step = asked.steps.get(fault.step);
    let id = step.and_then(|step| match &step.act {
        Act::Update { target: super::Target::Id(id), .. }
        | Act::Patch { target: super::Target::Id(id), .. }
        | Act::Refuse { target: super::Target::Id(id), .. }
        | Act::Delete { target: super::Target::Id(id), .. } => Some(id),
        _ => None,
    });
    let kind = step.map(|step| step.resource_type);
    let detail = kind.map(|kind| match id {
        Some(id) => format!("{kind}/{id}"),
        None => kind.to_string(),
    });
    let at = facts.ctx.now;
    facts.refused(Access {
        who: asked.by.clone(),
        what: "write".to_owned(),
        patient: id.filter(|_| kind == Some(ResourceType::Patient)).cloned(),
        resource_type: kind,
        detail,
        reason: Some(fault.code.as_str().to_owned()),
        at,
    });
    facts.answer(Answer::Unwritten(fault))
}
