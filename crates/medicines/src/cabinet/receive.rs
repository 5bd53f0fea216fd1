//! A cabinet tells of an action at a pocket, after the fact.
//!
//! What happened has happened: a transaction is never refused for what it says. It is kept, its
//! effect on the ledger is taken over, and what should not have happened opens a case. Only a
//! transaction that cannot be understood (no such cabinet, item or patient) is parked.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::total::check_total;
use super::transaction::{Bin, Transaction, TransactionCode};
use super::{adjust, count, empty_bin, expired, fill, load, null, remove, returned, unload, waste};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::fact::Fact;
use crate::facts::{Facts, park, problem};
use crate::formulary::Item;
use crate::patients::find;
use crate::quantity::is_plausible;
use crate::site::Site;
use crate::state::{PatientState, State};
use crate::stock::{Account, Basis, Movement, Transfer, TransferState};

/// A transaction with what it is about, found.
pub(super) struct Told<'a> {
    pub(super) transaction: &'a Transaction,
    pub(super) cabinet: String,
    pub(super) item: &'a Item,
    pub(super) patient: Option<Arc<PatientState>>,
}

impl Told<'_> {
    /// The account that the transaction works on.
    pub(super) fn place(&self) -> Account {
        self.transaction.place()
    }

    /// A posted transfer by the transaction's people at its time.
    pub(super) fn transfer(
        &self,
        facts: &mut Facts<'_>,
        movement: Movement,
        from: Account,
        to: Account,
    ) -> Transfer {
        Transfer {
            id: facts.id(),
            movement,
            item: self.item.code.clone(),
            batch: self.transaction.batch.clone(),
            lots: Vec::new(),
            basis: Basis::default(),
            expiry: self.transaction.expiry.filter(|_| self.transaction.batch.is_some()),
            cost: None,
            towards: None,
            quantity: self.transaction.units(),
            unit: self.item.unit.clone(),
            dose: None,
            from,
            to,
            state: TransferState::Posted,
            patient: self.patient.as_ref().map(|patient| patient.id.clone()),
            order: None,
            case: None,
            cabinet: Some(self.cabinet.clone()),
            person: self.transaction.user.id.clone(),
            witness: self.transaction.witness.as_ref().map(|witness| witness.id.clone()),
            activity: self.transaction.activity,
        }
    }
}

/// Takes a transaction in, by its code (domain rules: VA PADE, `PSJPADIT`).
pub fn receive(state: &mut State, ctx: &Context, transaction: &Transaction) -> Decision {
    let site = Arc::clone(state.site());
    // A device whose clock runs ahead must not put its acts into the future.
    let mut transaction = transaction.clone();
    transaction.activity = transaction.activity.min(ctx.now);
    let told = match understand(state, &site, &transaction) {
        Ok(told) => told,
        Err(problem) => return park(ctx, &site, problem),
    };
    let mut facts = Facts::new(ctx, &site);
    if !transaction.cancelled {
        act(state, &mut facts, &told);
        check_total(state, &mut facts, &told);
    }
    facts.push(Fact::PocketActivity(Box::new(transaction.clone())));
    facts.done()
}

fn act(state: &mut State, facts: &mut Facts<'_>, told: &Told<'_>) {
    use TransactionCode as Code;
    match told.transaction.code {
        Code::Vend => remove::take(state, facts, told),
        Code::Return => returned::put_back(state, facts, told),
        Code::Waste => waste::waste(state, facts, told),
        Code::Null => null::nothing_taken(state, facts, told),
        Code::Count => count::count(state, facts, told),
        Code::Adjust => adjust::adjust(state, facts, told),
        Code::Load => load::load(state, facts, told),
        Code::Unload => unload::unload(state, facts, told),
        Code::Fill => fill::fill(state, facts, told),
        Code::EmptyBin => empty_bin::empty_bin(state, facts, told),
        Code::Expired => expired::expired(state, facts, told),
        Code::Destroy => expired::destroyed(state, facts, told),
    }
}

fn amounts(transaction: &Transaction) -> [(&'static str, Option<Decimal>); 4] {
    [
        ("ZPM-8", transaction.expected),
        ("ZPM-9", transaction.actual),
        ("ZPM-10", transaction.amount),
        ("ZPM-13", transaction.total),
    ]
}

fn understand<'a>(
    state: &mut State,
    site: &'a Site,
    transaction: &'a Transaction,
) -> Result<Told<'a>, Problem> {
    let cabinet = transaction.cabinet();
    if site.cabinet(&cabinet).is_none() {
        let text = "No cabinet of this system and station is configured: add it, then replay.";
        return Err(Problem::new(ProblemCode::UnknownCabinet, text).at("ZPM-3"));
    }
    let Some(item) = site.item(&transaction.item.code) else {
        let text = "The formulary has no such item: add it, then replay.";
        return Err(Problem::new(ProblemCode::UnknownItem, text).at("ZPM-6"));
    };
    for (field, amount) in amounts(transaction) {
        if !amount.is_none_or(is_plausible) {
            let text = "The amount is beyond what a pocket can hold: correct it, then replay.";
            return Err(Problem::new(ProblemCode::BadValue, text).at(field));
        }
    }
    let unit = transaction.unit.as_deref().filter(|unit| !unit.is_empty());
    if unit.is_some_and(|unit| !unit.eq_ignore_ascii_case(&item.unit)) {
        let text = "The amount is told in another unit than the item is counted in: map the unit \
                    in the channel's dialect, then replay.";
        return Err(Problem::new(ProblemCode::BadValue, text).at("RQD-6"));
    }
    if transaction.units().is_sign_negative() && transaction.code != TransactionCode::Adjust {
        let text = "Only an adjustment may have a negative amount.";
        return Err(Problem::new(ProblemCode::BadValue, text).at("ZPM-10"));
    }
    let patient = match (&transaction.patient, transaction.code) {
        (ids, TransactionCode::Waste) if ids.is_empty() && transaction.bin == Bin::Return => None,
        (ids, TransactionCode::Vend | TransactionCode::Return | TransactionCode::Waste)
            if ids.is_empty() =>
        {
            return problem(ProblemCode::SegmentMissing, "V, R and W need a patient.")
                .map_err(|p| p.at("PID"));
        }
        (ids, _) if ids.is_empty() => None,
        (ids, _) => Some(find(state, ids).map_err(|problem| problem.at("PID-3"))?),
    };
    Ok(Told { transaction, cabinet, item, patient })
}
