//! Starting from rows, and letting go of what ended.

use std::sync::Arc;

use fhir::Id;
use serde::de::DeserializeOwned;

use crate::stock::BatchState;
use crate::subscriptions::Subscription;

use super::{Consignment, Due, OrderState, PatientState, Removal, Row, RowKind, State};

/// A row that the state cannot read: the record is not of this version and has to be rebuilt.
#[derive(Debug, thiserror::Error)]
#[error("a {kind:?} row of the record cannot be read ({source}); rebuild it from the journal")]
pub struct UnreadableRow {
    /// What the row is of.
    pub kind: RowKind,
    /// Why it cannot be read.
    pub source: serde_json::Error,
}

impl State {
    /// Takes a live row in, before the first fold. Rows come in the order of [`RowKind::ALL`].
    pub fn load(&mut self, row: &Row) -> Result<(), UnreadableRow> {
        fn read<T: DeserializeOwned>(row: &Row) -> Result<T, UnreadableRow> {
            serde_json::from_slice(&row.body.json())
                .map_err(|source| UnreadableRow { kind: row.kind, source })
        }
        match row.kind {
            RowKind::Site => self.site = Arc::new(read(row)?),
            RowKind::Patient => self.load_patient(read(row)?),
            RowKind::Order => self.load_order(read(row)?),
            RowKind::Removal => self.load_removal(read(row)?),
            RowKind::Identifier => {
                self.identifiers.insert(row.key.as_str().into(), read(row)?);
            }
            RowKind::OrderNumber => {
                self.order_numbers.insert(row.key.as_str().into(), read(row)?);
            }
            RowKind::Balance => {
                self.balances.insert(row.key.as_str().into(), read(row)?);
                self.shelve_row(&row.key);
            }
            RowKind::Pocket => {
                self.pockets.insert(row.key.as_str().into(), Arc::new(read(row)?));
                self.shelve_row(&row.key);
            }
            RowKind::Batch => {
                let batch: BatchState = read(row)?;
                self.note_recall(&batch.item, &batch.batch, batch.recall.is_some());
                self.batches.insert(row.key.as_str().into(), Arc::new(batch));
            }
            RowKind::CriticalOverride => self.critical = read(row)?,
            RowKind::Tally => {
                self.tallies.insert(row.key.as_str().into(), read(row)?);
            }
            RowKind::Consignment => self.load_consignment(read(row)?),
            RowKind::Classes => self.controlled.classes = read(row)?,
            RowKind::Page => self.load_page(&row.key, read(row)?),
            RowKind::Signatures => self.controlled.signatures = read(row)?,
            RowKind::Requisition => self.load_requisition(read(row)?),
            RowKind::Discrepancy => self.load_discrepancy(read(row)?),
            RowKind::Configurations => self.configurations = read(row)?,
            RowKind::Dictionary => self.dictionary = read(row)?,
            RowKind::Heard => self.heard = read(row)?,
            RowKind::Packages => self.packages = read(row)?,
            RowKind::Subscription => {
                let subscription: Subscription = read(row)?;
                self.subscriptions.insert(subscription.id.clone(), Arc::new(subscription));
            }
            RowKind::Case => {
                let case: crate::cases::Case = read(row)?;
                self.cases.insert(case.id.clone(), Arc::new(case));
            }
        }
        Ok(())
    }

    /// Says that the rows loaded are those of entry `seq`.
    pub fn loaded(&mut self, seq: u64) {
        self.seq = seq;
    }

    fn load_patient(&mut self, patient: PatientState) {
        if let Some(ward) = patient.ward() {
            self.wards.entry(ward.into()).or_default().insert(patient.id.clone());
        }
        for identifier in &patient.identifiers {
            self.identifiers.insert(identifier.as_str().into(), patient.id.clone());
        }
        self.patients.insert(patient.id.clone(), Arc::new(patient));
    }

    fn load_order(&mut self, mut order: OrderState) {
        self.share(&mut order);
        self.order_numbers.insert(Arc::clone(&order.number), order.id.clone());
        self.orders.insert(order.id.clone(), Arc::new(order));
    }

    fn load_removal(&mut self, removal: Removal) {
        let id = removal.transfer.id.clone();
        if removal.in_hands.is_zero() {
            self.due.insert((removal.due, Due::Permit(id.clone())));
        } else if removal.case.is_none() {
            self.due.insert((removal.due, Due::Removal(id.clone())));
        }
        self.removals.insert(id, Arc::new(removal));
    }

    fn shelve_row(&mut self, key: &str) {
        if let Some((account, item)) = key.rsplit_once('|')
            && let Ok(account) = account.parse()
        {
            self.shelve(&account, item, key);
        }
    }

    fn load_consignment(&mut self, consignment: Consignment) {
        let id = consignment.transfer.id.clone();
        if consignment.case.is_none() {
            self.due.insert((consignment.due, Due::Consignment(id.clone())));
        }
        self.consignments.insert(id, Arc::new(consignment));
    }

    /// The record holds everything up to entry `seq`: what ended by then is let go.
    pub fn settled(&mut self, seq: u64) {
        self.fresh.retain(|_, (stored, _)| *stored > seq);
        self.gone.retain(|_, (deleted, _)| *deleted > seq);
        while let Some(first) = self.ended.first_entry() {
            let at = *first.key();
            if at > seq {
                break;
            }
            for thing in first.remove() {
                // A later mention stands in its own place.
                if self.ended_at.get(&thing) == Some(&at) {
                    self.ended_at.remove(&thing);
                    self.let_go(thing.0, &thing.1);
                }
            }
        }
    }

    /// Drops one thing from memory, unless it came back to life.
    fn let_go(&mut self, kind: RowKind, key: &str) {
        if kind == RowKind::Balance {
            self.balances.remove(key);
            return;
        }
        let Ok(id) = Id::new(key) else { return };
        match kind {
            RowKind::Patient if self.patients.get(&id).is_some_and(|p| p.at_rest()) => {
                let patient = self.patients.remove(&id);
                for identifier in patient.iter().flat_map(|patient| &patient.identifiers) {
                    self.identifiers.remove(identifier.as_str());
                }
            }
            RowKind::Order if self.orders.get(&id).is_some_and(|o| !o.is_open()) => {
                let order = self.orders.remove(&id);
                if let Some(order) = order {
                    self.order_numbers.remove(&order.number);
                }
            }
            RowKind::Consignment if self.consignments.get(&id).is_some_and(|c| c.is_over()) => {
                self.consignments.remove(&id);
            }
            RowKind::Requisition | RowKind::Discrepancy => self.controlled.let_go(&id),
            RowKind::Removal if self.removals.get(&id).is_some_and(|r| !r.is_open()) => {
                self.removals.remove(&id);
            }
            _ => {}
        }
    }
}
