//! Recall by batch: where it is, what is blocked, and what still happens with it.

use std::sync::Arc;

use fhir::Id;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::act::RecallNotice;
use super::moves::{item, person};
use super::{Account, Basis, Lines, Movement, Transfer};
use crate::cases::{Case, CaseKind};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::{Facts, problem};
use crate::state::State;

/// A batch was recalled, or its recall was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recall {
    /// Its id, the same for the lifting.
    pub id: Id,
    /// The local formulary code.
    pub item: String,
    /// The batch.
    pub batch: String,
    /// The number of the notice or the reason in words.
    pub reason: String,
    /// Who put it in force or lifted it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether it is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lifted: bool,
}

/// Why nothing of an item may be taken from a cabinet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// All of it is, or may be, of a recalled batch.
    Recalled,
    /// All of it is out of date, or of a recalled batch.
    Expired,
}

/// Puts a recall in force: from now on no cabinet gives the batch out, and a case for each place
/// asks for it to be taken out. Recalling a batch again changes nothing.
pub(super) fn recall(
    state: &State,
    ctx: &Context,
    told: &RecallNotice,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    person(&site, &told.person)?;
    item(&site, &told.item)?;
    if told.batch.trim().is_empty() || told.reason.trim().is_empty() {
        let text = "A recall names the batch, and the number of its notice or a reason.";
        return problem(ProblemCode::BadValue, text);
    }
    if let Some(known) = state.recall(&told.item, &told.batch) {
        return Ok(facts.answer(Answer::Created(vec![known.id.clone()])));
    }
    let id = facts.id();
    facts.push(Fact::Recalled(of(id.clone(), told, ctx.now, false)));
    for (account, quantity, certain) in state.places_of(&told.item, &told.batch) {
        open(&mut facts, told, &id, (&account, quantity, certain), state);
    }
    Ok(facts.answer(Answer::Created(vec![id])))
}

/// Lifts a recall and closes the cases that it opened.
pub(super) fn lift(state: &State, ctx: &Context, told: &RecallNotice) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    person(&site, &told.person)?;
    let Some(known) = state.recall(&told.item, &told.batch).cloned() else {
        return problem(ProblemCode::BadValue, "No recall of this batch is in force.");
    };
    facts.push(Fact::Recalled(of(known.id.clone(), told, ctx.now, true)));
    let asked = |case: &&Arc<Case>| {
        case.kind == CaseKind::Recall && case.delivery.as_ref() == Some(&known.id)
    };
    let mut cases: Vec<_> = state.open_cases().filter(asked).map(|case| case.id.clone()).collect();
    cases.sort();
    for case in cases {
        facts.close(&case, &told.person, "recall-lifted");
    }
    Ok(facts.done())
}

fn of(id: Id, told: &RecallNotice, at: Timestamp, lifted: bool) -> Recall {
    let RecallNotice { item, batch, reason, person } = told.clone();
    Recall { id, item, batch, reason, by: person, at, lifted }
}

fn open(
    facts: &mut Facts<'_>,
    told: &RecallNotice,
    recall: &Id,
    (account, quantity, certain): (&Account, Decimal, bool),
    state: &State,
) {
    let (reason, text) = match (account, certain) {
        (Account::Hands(_), _) => (
            "recalled-in-hands",
            "Units of a recalled batch, or of an unknown one, are in somebody's hands: stop them, \
             and put them into the return bin.",
        ),
        (_, true) => {
            ("recalled-stock", "A recalled batch is here: take it out and send it to the pharmacy.")
        }
        (_, false) => (
            "recalled-perhaps",
            "Stock of an unknown batch is here, and the item has a recalled batch: look at the \
             packs.",
        ),
    };
    let mut case = facts.case(CaseKind::Recall, reason, text);
    case.cabinet = Some(account.cabinet().map_or_else(|| account.to_string(), str::to_owned));
    case.item = Some(told.item.clone());
    case.quantity = Some(quantity);
    case.person = Some(told.person.clone());
    // The case leads to the recall, which closes it when it is lifted.
    case.delivery = Some(recall.clone());
    if let Account::Hands(id) = account {
        let removal = state.open_removal(id);
        case.removal = Some(id.clone());
        case.cabinet = removal.and_then(|removal| removal.transfer.cabinet.clone());
        case.patient = removal.and_then(|removal| removal.transfer.patient.clone());
    }
    facts.open(case);
}

/// Whether anything of the item in a cabinet may be taken. Pockets of which nothing is known are
/// no reason to refuse.
pub(crate) fn usable(
    state: &State,
    cabinet: &str,
    item: &str,
    now: Timestamp,
) -> Result<(), Unusable> {
    let shelves = state.shelves(cabinet, item);
    let mut full = shelves.iter().filter(|(_, lines)| lines.total() > Decimal::ZERO).peekable();
    if full.peek().is_none() {
        return Ok(());
    }
    let mut recalled = true;
    for (_, lines) in full {
        match (state.blocks(item, lines), is_past(state, item, lines, now)) {
            (false, false) => return Ok(()),
            (blocked, _) => recalled &= blocked,
        }
    }
    Err(if recalled { Unusable::Recalled } else { Unusable::Expired })
}

/// Whether all that is held is of batches whose last day is over. The day ends by
/// the clocks of the site.
fn is_past(state: &State, item: &str, lines: &Lines, now: Timestamp) -> bool {
    let today = state.site().time_zone.day_of(now);
    let mut held = lines.iter().filter(|line| line.quantity > Decimal::ZERO);
    held.all(|line| {
        let batch = line.batch.as_deref().and_then(|batch| state.batch(item, batch));
        batch.and_then(|batch| batch.expiry).is_some_and(|last| last < today)
    })
}

/// What a posted transfer does with a recalled batch, or one whose day is over: a case where it
/// was taken or put in, and the end of the case that asked for it to be taken out.
pub(super) fn watch(state: &State, facts: &mut Facts<'_>, moved: &Transfer) {
    let recalled = moved.parts().find_map(|(batch, _)| state.recall(&moved.item, batch?));
    if let Some(recall) = recalled.cloned() {
        let reason = match moved.movement {
            Movement::Removal => Some("recalled-batch-taken"),
            Movement::Administration => Some("recalled-batch-given"),
            Movement::Restock | Movement::Transfer if is_store(&moved.to) => {
                Some("recalled-batch-put-in")
            }
            _ => None,
        };
        if let Some(reason) = reason {
            let text =
                "This was done with a recalled batch: look at once whether it can be undone.";
            let mut case = facts.case(CaseKind::Recall, reason, text);
            super::about(&mut case, moved);
            case.patient.clone_from(&moved.patient);
            case.order.clone_from(&moved.order);
            if let Account::Hands(removal) = &moved.to {
                case.removal = Some(removal.clone());
            }
            case.delivery = Some(recall.id);
            facts.open(case);
        }
    }
    if moved.movement == Movement::Removal {
        out_of_date(state, facts, moved);
    }
    settle(state, facts, moved);
}

fn out_of_date(state: &State, facts: &mut Facts<'_>, moved: &Transfer) {
    let today = state.site().time_zone.day_of(moved.activity);
    let past = moved.parts().any(|(batch, _)| {
        let known = batch.and_then(|batch| state.batch(&moved.item, batch));
        known.and_then(|batch| batch.expiry).is_some_and(|last| last < today)
    });
    if past && moved.basis == Basis::Known {
        let text = "This was taken of a batch whose last day is over: stop it, and take the rest \
                    out of the pocket.";
        let mut case = facts.case(CaseKind::Recall, "expired-batch-taken", text);
        super::about(&mut case, moved);
        case.patient.clone_from(&moved.patient);
        facts.open(case);
    }
}

fn is_store(place: &Account) -> bool {
    place.is_pocket() || matches!(place, Account::WardStock(_) | Account::TakeHome(_))
}

/// The case that asks for a place to be cleared ends when nothing of the batch is left there.
fn settle(state: &State, facts: &mut Facts<'_>, moved: &Transfer) {
    if !state.has_recalls(&moved.item) {
        return;
    }
    let place = moved.from.cabinet().map_or_else(|| moved.from.to_string(), str::to_owned);
    let hands = match &moved.from {
        Account::Hands(id) => Some(id),
        _ => None,
    };
    let asked = |case: &&Arc<Case>| {
        case.kind == CaseKind::Recall
            && case.item.as_ref() == Some(&moved.item)
            && case.reason.starts_with("recalled-")
            && match hands {
                Some(id) => case.reason == "recalled-in-hands" && case.removal.as_ref() == Some(id),
                None => {
                    matches!(case.reason.as_str(), "recalled-stock" | "recalled-perhaps")
                        && case.cabinet.as_ref() == Some(&place)
                }
            }
    };
    let mut cases: Vec<_> = state.open_cases().filter(asked).map(Arc::clone).collect();
    cases.sort_by(|one, other| one.id.cmp(&other.id));
    for case in cases {
        let left = if let Some(cabinet) = moved.from.cabinet() {
            state.blocked_in(facts, cabinet, &moved.item, moved)
        } else {
            let mut held = facts.holding(state, &moved.from, &moved.item);
            take_off(&mut held, moved);
            state.blocks(&moved.item, &held)
        };
        if !left {
            facts.settle(&case.id, "cleared");
        }
    }
}

/// The lines of a place after a transfer that is not among the facts yet.
fn take_off(held: &mut Lines, moved: &Transfer) {
    for (batch, quantity) in moved.parts() {
        held.add(batch, -quantity);
    }
}

impl State {
    /// Whether a cabinet would still hold something of a recalled batch after a transfer.
    fn blocked_in(&self, facts: &Facts<'_>, cabinet: &str, item: &str, moved: &Transfer) -> bool {
        let mut places: Vec<Account> =
            self.shelves(cabinet, item).into_iter().map(|(account, _)| account).collect();
        places.push(Account::ReturnBin(cabinet.to_owned()));
        places.iter().any(|place| {
            let mut held = facts.holding(self, place, item);
            if *place == moved.from {
                take_off(&mut held, moved);
            }
            self.blocks(item, &held)
        })
    }

    /// Whether lines of an item hold something of a recalled batch, or of an unknown one while a
    /// recall of the item is in force.
    pub fn blocks(&self, item: &str, lines: &Lines) -> bool {
        self.has_recalls(item)
            && lines.iter().filter(|line| line.quantity > Decimal::ZERO).any(|line| {
                match line.batch.as_deref() {
                    Some(batch) => self.recall(item, batch).is_some(),
                    None => true,
                }
            })
    }
}
