//! The state's part of batches, recalls, and stock on its way between places.

use std::sync::Arc;

use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Consignment, Due, RowKind, State};
use crate::cabinet::{CriticalSpan, MAX_SPANS};
use crate::stock::{Account, Recall, RecallInForce, Transfer};

impl State {
    /// The consignments that have not arrived.
    pub fn consignments(&self) -> impl Iterator<Item = &Arc<Consignment>> {
        self.consignments.values().filter(|consignment| !consignment.is_over())
    }

    /// The consignment of that id, while something of it has not arrived.
    pub fn consignment(&self, id: &Id) -> Option<&Arc<Consignment>> {
        self.consignments.get(id).filter(|consignment| !consignment.is_over())
    }

    pub(super) fn send_off(&mut self, id: &Id, transfer: &Transfer) {
        let hours = if self.is_registered(&transfer.item) {
            self.site.controlled.receipt_within_h
        } else {
            self.site.policies.transit_max_h
        };
        let hours = i64::from(hours);
        let due = transfer.activity.saturating_add(SignedDuration::from_hours(hours));
        let due = due.unwrap_or(Timestamp::MAX);
        self.due.insert((due, Due::Consignment(id.clone())));
        let (transfer, left) = (transfer.clone(), transfer.quantity);
        let consignment = Consignment { transfer, left, case: None, due };
        self.consignments.insert(id.clone(), Arc::new(consignment));
        self.changed.insert((RowKind::Consignment, id.to_string()));
    }

    /// So much of a consignment has come, or less than nothing where more was found than sent.
    pub(super) fn arrive(&mut self, id: &Id, quantity: Decimal) {
        let Some(consignment) = self.consignments.get_mut(id) else { return };
        let consignment = Arc::make_mut(consignment);
        consignment.left -= quantity;
        if consignment.is_over() {
            self.due.remove(&(consignment.due, Due::Consignment(id.clone())));
            self.end(RowKind::Consignment, id.to_string());
        }
        self.changed.insert((RowKind::Consignment, id.to_string()));
    }

    /// The case that looks for a consignment opened: it is not due again.
    pub(super) fn fold_missing(&mut self, id: &Id, case: &Id) {
        if let Some(consignment) = self.consignments.get_mut(id) {
            let consignment = Arc::make_mut(consignment);
            consignment.case = Some(case.clone());
            self.due.remove(&(consignment.due, Due::Consignment(id.clone())));
            self.changed.insert((RowKind::Consignment, id.to_string()));
        }
    }

    /// When the critical override was on, the newest span last; one without an end is on now.
    pub fn critical(&self) -> &[CriticalSpan] {
        &self.critical
    }

    /// The span of the critical override that covers a time.
    pub fn critical_at(&self, at: Timestamp) -> Option<&CriticalSpan> {
        self.critical.iter().rev().find(|span| span.covers(at))
    }

    pub(super) fn fold_critical(&mut self, span: &CriticalSpan) {
        self.critical.retain(|known| known.since != span.since);
        if self.critical.len() == MAX_SPANS {
            self.critical.remove(0);
        }
        self.critical.push(span.clone());
        self.changed.insert((RowKind::CriticalOverride, String::new()));
    }

    /// The recall of a batch that is in force.
    pub fn recall(&self, item: &str, batch: &str) -> Option<&RecallInForce> {
        self.batch(item, batch)?.recall.as_ref()
    }

    /// Whether a recall of any batch of the item is in force.
    pub fn has_recalls(&self, item: &str) -> bool {
        self.recalled.contains_key(item)
    }

    pub(super) fn fold_recalled(&mut self, recall: &Recall) {
        let Recall { id, item, batch, reason, by, at, lifted } = recall.clone();
        let in_force = (!lifted).then_some(RecallInForce { id, reason, by, since: at });
        self.note_recall(&item, &batch, !lifted);
        self.change_batch(&item, &batch, |known| known.recall = in_force);
    }

    pub(super) fn note_recall(&mut self, item: &str, batch: &str, in_force: bool) {
        let batches = self.recalled.entry(item.into()).or_default();
        if in_force {
            batches.insert(batch.into());
        } else {
            batches.remove(batch);
        }
        if batches.is_empty() {
            self.recalled.remove(item);
        }
    }

    /// Where a batch is, or may be: the places that hold some of it (`true`) or some of an unknown
    /// batch (`false`), in the order of their names, hands among them. What was given, wasted or
    /// is counted elsewhere is not.
    pub fn places_of(&self, item: &str, batch: &str) -> Vec<(Account, Decimal, bool)> {
        let mut held = Vec::new();
        for (key, lines) in &self.balances {
            let place = key.rsplit_once('|').filter(|(_, of)| *of == item);
            if let Some(Ok(account)) = place.map(|(account, _)| account.parse::<Account>())
                && is_store(&account)
            {
                held.push((account, lines.clone()));
            }
        }
        // Memory lets go of the lines of hands sooner than of the removals.
        for removal in self.removals.values().filter(|removal| removal.transfer.item == item) {
            let account = Account::Hands(removal.transfer.id.clone());
            let lines = self.lines(&account, item);
            held.push((account, lines));
        }
        let mut places = Vec::new();
        for (account, lines) in held {
            let (of, unknown) = (lines.of(Some(batch)), lines.of(None));
            if of > Decimal::ZERO {
                places.push((account, of, true));
            } else if unknown > Decimal::ZERO {
                places.push((account, unknown, false));
            }
        }
        places.sort();
        places
    }
}

/// Whether a place still holds what is in it for use.
fn is_store(account: &Account) -> bool {
    match account {
        Account::Patient(_) | Account::Hands(_) | Account::Waste | Account::Expired => false,
        Account::Pharmacy | Account::Robot(_) => true,
        account => account.is_counted(),
    }
}
