//! The facts of one entry while they are being decided.

use fhir::{Id, ResourceType, StoredResource};
use rust_decimal::Decimal;

use crate::cases::{Case, CaseClosed, CaseKind};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::controlled::ControlledFact;
use crate::deliveries::{Delivery, Notice};
use crate::fact::{Access, Fact};
use crate::site::Site;
use crate::state::State;
use crate::stock::{Account, Lines, Movement, Transfer, TransferState};

/// Who closes a case that an event settled, and nobody else.
pub(crate) const INTERLOCK: &str = "interlock";

/// Collects the facts of one entry and gives out its ids.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// Time and number of the entry.
    pub(crate) ctx: &'a Context,
    /// The configuration in force.
    pub(crate) site: &'a Site,
    made: Vec<Fact>,
    ids: usize,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(ctx: &'a Context, site: &'a Site) -> Self {
        Facts { ctx, site, made: Vec::with_capacity(8), ids: 0 }
    }

    /// The next id of the entry.
    pub(crate) fn id(&mut self) -> Id {
        self.ids += 1;
        self.ctx.id(&self.site.code, self.ids)
    }

    /// Stores a version of a resource.
    ///
    /// # Panics
    /// Where the resource cannot be read again: the engine then parks the message that led to it,
    /// since a fact that nobody can read must not come into being.
    pub(crate) fn stored(&mut self, resource: StoredResource) {
        assert!(crate::state::is_readable(&resource), "a resource that was written can be read");
        self.made.push(Fact::Stored(resource));
    }

    /// The version of a resource that this entry stores.
    pub(crate) fn written(&self, kind: ResourceType, id: &Id) -> Option<&StoredResource> {
        self.made.iter().rev().find_map(|fact| match fact {
            Fact::Stored(it) | Fact::Recorded(it) if it.resource_type == kind && it.id == *id => {
                Some(it)
            }
            _ => None,
        })
    }

    pub(crate) fn moved(&mut self, transfer: Transfer) {
        self.made.push(Fact::Moved(Box::new(transfer)));
    }

    /// How much of an item this entry moves into an account, net of what it moves out.
    pub(crate) fn net(&self, account: &Account, item: &str) -> Decimal {
        let posted = self.made.iter().filter_map(|fact| match fact {
            Fact::Moved(t) if t.state == TransferState::Posted && t.item == item => Some(&**t),
            _ => None,
        });
        let net = |sum: Decimal, t: &Transfer| {
            let sum = if t.to == *account { sum + t.quantity } else { sum };
            if t.from == *account { sum - t.quantity } else { sum }
        };
        posted.fold(Decimal::ZERO, net)
    }

    /// What an account holds of an item, with what this entry moved so far.
    pub(crate) fn holding(&self, state: &State, account: &Account, item: &str) -> Lines {
        let mut lines = state.lines(account, item);
        for fact in &self.made {
            let Fact::Moved(moved) = fact else { continue };
            if moved.state != TransferState::Posted || moved.item != item {
                continue;
            }
            for (batch, quantity) in moved.parts() {
                if moved.to == *account {
                    lines.add(batch, quantity);
                }
                if moved.from == *account {
                    lines.add(batch, -quantity);
                }
            }
        }
        lines
    }

    /// How many facts there are so far, for [`Facts::posted_since`].
    pub(crate) fn mark(&self) -> usize {
        self.made.len()
    }

    /// The transfers that were posted since, but for those that say of which batch stock is.
    pub(crate) fn posted_since(&self, mark: usize) -> Vec<Id> {
        let posted = self.made[mark..].iter().filter_map(|fact| match fact {
            Fact::Moved(t) if t.state == TransferState::Posted => Some(t),
            _ => None,
        });
        let moved = posted.filter(|t| t.movement != Movement::Relabel);
        moved.map(|t| t.id.clone()).collect()
    }

    pub(crate) fn controlled(&mut self, fact: ControlledFact) {
        self.made.push(Fact::Controlled(Box::new(fact)));
    }

    pub(crate) fn push(&mut self, fact: Fact) {
        self.made.push(fact);
    }

    /// Queues a message; `profile` says whether a newer whole profile replaces it.
    pub(crate) fn queue(&mut self, channel: &str, key: &Id, notice: Notice, profile: bool) {
        let id = self.id();
        let (channel, key, at) = (channel.into(), key.clone(), self.ctx.now);
        self.made.push(Fact::Queued(Delivery { id, channel, key, notice, profile, at }));
    }

    /// A case that is about this entry, to be filled in and opened.
    pub(crate) fn case(&mut self, kind: CaseKind, reason: &str, text: &str) -> Case {
        Case {
            id: self.id(),
            kind,
            reason: reason.to_owned(),
            opened: self.ctx.now,
            entry: self.ctx.seq,
            patient: None,
            order: None,
            removal: None,
            cabinet: None,
            place: None,
            channel: None,
            delivery: None,
            item: None,
            quantity: None,
            dose: None,
            count: None,
            activity: None,
            person: None,
            text: text.to_owned(),
        }
    }

    /// A case that is about this entry beside what a decision made of it: its id is of a series
    /// of its own, so that it can never be one that the decision gave out.
    pub(crate) fn case_beside(&mut self, kind: CaseKind, reason: &str, text: &str) -> Case {
        let case = self.case(kind, reason, text);
        Case { id: self.ctx.id_beside(&self.site.code, self.ids), ..case }
    }

    pub(crate) fn open(&mut self, case: Case) {
        self.made.push(Fact::CaseOpened(Box::new(case)));
    }

    /// Closes a case that an event settled.
    pub(crate) fn settle(&mut self, case: &Id, resolution: &str) {
        self.close(case, INTERLOCK, resolution);
    }

    pub(crate) fn close(&mut self, case: &Id, by: &str, resolution: &str) {
        let (id, at) = (case.clone(), self.ctx.now);
        let (by, resolution) = (by.to_owned(), resolution.to_owned());
        self.made.push(Fact::CaseClosed(CaseClosed { id, at, by, resolution }));
    }

    pub(crate) fn refused(&mut self, access: Access) {
        self.made.push(Fact::Refused(access));
    }

    pub(crate) fn done(self) -> Decision {
        self.answer(Answer::Done)
    }

    pub(crate) fn answer(self, answer: Answer) -> Decision {
        Decision { facts: self.made, answer }
    }
}

/// Nothing but a case that keeps the message, and the answer that says why.
pub(crate) fn park(ctx: &Context, site: &Site, problem: Problem) -> Decision {
    let mut facts = Facts::new(ctx, site);
    let reason = problem.code.as_str();
    let mut case = facts.case(CaseKind::ParkedMessage, reason, &problem.text);
    case.channel = Some(ctx.source.clone());
    facts.open(case);
    facts.answer(Answer::Parked(problem))
}

/// A problem, for `?` in the verbs that may park their message.
pub(crate) fn problem<T>(code: ProblemCode, text: &str) -> Result<T, Problem> {
    Err(Problem::new(code, text))
}
