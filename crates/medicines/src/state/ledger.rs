//! The ledger's part of the state: balances, pockets, and what is in whose hands.

use std::sync::Arc;

use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Due, PocketState, Recent, Removal, RowKind, State, Taken};
use crate::bedside::UNEXPLAINED_DOSE;
use crate::cases::Case;
use crate::orders::{least_gap, part};
use crate::stock::{Account, Movement, PocketAddress, Transfer, TransferState};

/// How long what was taken on an order is remembered at least, for its interval and maximum rules.
const TAKEN_KEPT: SignedDuration = SignedDuration::from_hours(25);

/// The text under which an account's balance of an item is looked up.
pub(crate) fn balance_key(account: &Account, item: &str) -> String {
    format!("{account}|{item}")
}

/// So many units in doses; a removal of which nobody could tell the dose is one.
fn parts(units: Decimal, dose: Option<Decimal>) -> Decimal {
    match dose {
        Some(dose) => part(units, dose),
        None if units.is_zero() => Decimal::ZERO,
        None => Decimal::ONE,
    }
}

impl State {
    /// The balance of an account, in the item's unit.
    pub fn balance(&self, account: &Account, item: &str) -> Decimal {
        self.balance_by_key(&balance_key(account, item))
    }

    fn balance_by_key(&self, key: &str) -> Decimal {
        match self.balances.get(key) {
            Some(balance) => *balance,
            None => self.thaw(RowKind::Balance, key).unwrap_or_default(),
        }
    }

    /// The balances in memory, as `(account|item, balance)`: all but what is in hands or given.
    pub fn balances(&self) -> impl Iterator<Item = (&str, Decimal)> {
        self.balances.iter().map(|(key, balance)| (&**key, *balance))
    }

    /// The pocket, once a transaction told of it.
    pub fn pocket(
        &self,
        cabinet: &str,
        address: &PocketAddress,
        item: &str,
    ) -> Option<&Arc<PocketState>> {
        let account = Account::Pocket { cabinet: cabinet.to_owned(), address: address.clone() };
        self.pockets.get(balance_key(&account, item).as_str())
    }

    /// The items of the pockets of a cabinet that have something in them; empty where nothing is
    /// known of its pockets.
    pub fn items_in(&self, cabinet: &str) -> std::collections::BTreeSet<String> {
        let here = self.pockets.values().filter(|pocket| pocket.cabinet == cabinet);
        let full = here.filter(|pocket| {
            let (cabinet, address) = (pocket.cabinet.clone(), pocket.address.clone());
            self.balance(&Account::Pocket { cabinet, address }, &pocket.item) > Decimal::ZERO
        });
        full.map(|pocket| pocket.item.clone()).collect()
    }

    /// The removal of that id, while it is open.
    pub(crate) fn open_removal(&self, id: &Id) -> Option<&Arc<Removal>> {
        self.removals.get(id).filter(|removal| removal.is_open())
    }

    /// The open removals and permits of a patient, oldest first.
    pub fn removals_of(&self, patient: &Id) -> Vec<Arc<Removal>> {
        let open = self.patients.get(patient).map(|patient| patient.removals.as_slice());
        let mut open: Vec<_> =
            open.unwrap_or_default().iter().filter_map(|id| self.removals.get(id)).collect();
        open.sort_by_key(|removal| removal.transfer.activity);
        open.into_iter().map(Arc::clone).collect()
    }

    pub(super) fn fold_transfer(&mut self, transfer: &Transfer) {
        match transfer.state {
            TransferState::Pending { expires } => self.hold(transfer, expires),
            TransferState::Voided => self.release(&transfer.id),
            TransferState::Posted => self.post(transfer),
        }
    }

    fn post(&mut self, transfer: &Transfer) {
        self.add(&transfer.from, &transfer.item, -transfer.quantity);
        self.add(&transfer.to, &transfer.item, transfer.quantity);
        if let Account::Hands(id) = &transfer.to {
            self.take(id, transfer);
        }
        if let Account::Hands(id) = &transfer.from {
            self.leave_hands(id, transfer);
        }
    }

    fn add(&mut self, account: &Account, item: &str, quantity: Decimal) {
        let key = balance_key(account, item);
        let before = self.balance_by_key(&key);
        self.balances.insert(key.as_str().into(), before + quantity);
        if matches!(account, Account::Hands(_) | Account::Patient(_)) {
            self.end(RowKind::Balance, key.clone());
        }
        self.changed.insert((RowKind::Balance, key));
    }

    /// A permit: reserved on its order and in its patient's list until it is used or lapses.
    fn hold(&mut self, transfer: &Transfer, expires: Timestamp) {
        let removal = Removal {
            transfer: transfer.clone(),
            in_hands: Decimal::ZERO,
            case: transfer.case.clone(),
            due: expires,
        };
        self.due.insert((expires, Due::Permit(transfer.id.clone())));
        self.put_removal(removal);
        self.note_taken(transfer);
    }

    fn take(&mut self, id: &Id, transfer: &Transfer) {
        self.forget_due(id);
        let minutes = i64::from(self.site.policies.unaccounted_after_min);
        let due = transfer.activity.saturating_add(SignedDuration::from_mins(minutes));
        let due = due.unwrap_or(Timestamp::MAX);
        self.due.insert((due, Due::Removal(id.clone())));
        let in_hands = transfer.quantity;
        self.put_removal(Removal { transfer: transfer.clone(), in_hands, case: None, due });
        self.note_taken(transfer);
    }

    fn leave_hands(&mut self, id: &Id, transfer: &Transfer) {
        let Some(removal) = self.removals.get(id) else {
            return;
        };
        let mut removal = Removal::clone(removal);
        removal.in_hands -= transfer.quantity;
        if matches!(transfer.movement, Movement::Return | Movement::Waste)
            && let Some(patient) = removal.transfer.patient.clone()
        {
            self.change_patient(&patient, |patient| {
                if let Some(one) = patient.recent.iter_mut().find(|one| one.by == *id) {
                    one.units -= transfer.quantity;
                }
            });
        }
        if transfer.movement == Movement::Return
            && let Some(order) = removal.transfer.order.clone()
        {
            self.change_order(&order, |order| {
                order.total -= parts(transfer.quantity, removal.transfer.dose);
                if let Some(taken) = order.taken.iter_mut().find(|taken| taken.removal == *id) {
                    taken.units -= transfer.quantity;
                }
            });
        }
        let over = removal.in_hands <= Decimal::ZERO;
        self.put_removal(removal);
        if over {
            self.release_removal(id);
        }
    }

    /// A permit that was not used: nothing is reserved any more.
    fn release(&mut self, id: &Id) {
        let Some(removal) = self.removals.get(id).map(Arc::clone) else {
            return;
        };
        if let Some(order) = &removal.transfer.order {
            self.change_order(order, |order| {
                order.total -= parts(removal.transfer.quantity, removal.transfer.dose);
                order.taken.retain(|taken| taken.removal != *id);
            });
        }
        if let Some(patient) = &removal.transfer.patient {
            self.change_patient(patient, |patient| patient.recent.retain(|one| one.by != *id));
        }
        let mut removal = Removal::clone(&removal);
        removal.transfer.state = TransferState::Voided;
        self.put_removal(removal);
        self.release_removal(id);
    }

    fn release_removal(&mut self, id: &Id) {
        self.forget_due(id);
        let Some(removal) = self.removals.get(id) else {
            return;
        };
        let patient = removal.transfer.patient.clone();
        self.changed.insert((RowKind::Removal, id.to_string()));
        self.end(RowKind::Removal, id.to_string());
        if let Some(patient) = patient {
            self.change_patient(&patient, |patient| {
                patient.removals.retain(|open| open != id);
            });
        }
    }

    fn put_removal(&mut self, removal: Removal) {
        let id = removal.transfer.id.clone();
        if let Some(patient) = removal.transfer.patient.clone() {
            self.change_patient(&patient, |patient| {
                if !patient.removals.contains(&id) {
                    patient.removals.push(id.clone());
                }
            });
        }
        self.changed.insert((RowKind::Removal, id.to_string()));
        self.removals.insert(id, Arc::new(removal));
    }

    fn forget_due(&mut self, id: &Id) {
        if let Some(removal) = self.removals.get(id) {
            let at = removal.due;
            self.due.remove(&(at, Due::Permit(id.clone())));
            self.due.remove(&(at, Due::Removal(id.clone())));
        }
    }

    /// The case that watches a removal opened: it is not due again.
    pub(super) fn fold_unaccounted(&mut self, removal: &Id, case: &Id) {
        self.forget_due(removal);
        if let Some(held) = self.removals.get_mut(removal) {
            Arc::make_mut(held).case = Some(case.clone());
            self.changed.insert((RowKind::Removal, removal.to_string()));
        }
    }

    /// What the patient got lately, whatever it was taken on.
    fn note_recent(&mut self, patient: &Id, recent: Recent) {
        self.change_patient(patient, |patient| {
            let oldest = recent.at.saturating_sub(TAKEN_KEPT).unwrap_or(Timestamp::MIN);
            patient.recent.retain(|one| one.by != recent.by && one.at >= oldest);
            patient.recent.push(recent);
            patient.recent.sort_by_key(|one| one.at);
        });
    }

    /// A dose that no removal explains was given all the same.
    pub(super) fn fold_unexplained(&mut self, case: &Case) {
        let told = (&case.patient, &case.item, case.quantity, case.activity);
        if case.reason == UNEXPLAINED_DOSE
            && let (Some(patient), Some(item), Some(units), Some(at)) = told
        {
            let recent = Recent { by: case.id.clone(), item: item.as_str().into(), at, units };
            self.note_recent(patient, recent);
        }
    }

    fn note_taken(&mut self, transfer: &Transfer) {
        if let Some(patient) = &transfer.patient {
            let recent = Recent {
                by: transfer.id.clone(),
                item: transfer.item.as_str().into(),
                at: transfer.activity,
                units: transfer.quantity,
            };
            self.note_recent(patient, recent);
        }
        let Some(order) = &transfer.order else { return };
        let posted = transfer.state == TransferState::Posted;
        let site = Arc::clone(&self.site);
        self.change_order(order, |order| {
            let gap = least_gap(order.schedule, &site.policies).unwrap_or_default();
            let kept = TAKEN_KEPT.max(gap);
            let oldest = transfer.activity.saturating_sub(kept).unwrap_or(Timestamp::MIN);
            let permitted = order.taken.iter().find(|taken| taken.removal == transfer.id);
            let reserved = permitted.map_or(Decimal::ZERO, |t| parts(t.units, t.of));
            order.total += parts(transfer.quantity, transfer.dose) - reserved;
            order.begun |= posted;
            order.taken.retain(|taken| taken.removal != transfer.id && taken.at >= oldest);
            order.taken.push(Taken {
                removal: transfer.id.clone(),
                at: transfer.activity,
                units: transfer.quantity,
                of: transfer.dose,
            });
            order.taken.sort_by_key(|taken| taken.at);
        });
    }

    /// A pocket was worked on; `sets` says that what was found there is the balance from then on.
    pub(super) fn fold_pocket(
        &mut self,
        cabinet: &str,
        address: &PocketAddress,
        item: &str,
        activity: Timestamp,
        sets: bool,
    ) {
        let account = Account::Pocket { cabinet: cabinet.to_owned(), address: address.clone() };
        let key = balance_key(&account, item);
        let pocket = self.pockets.entry(key.as_str().into()).or_insert_with(|| {
            Arc::new(PocketState {
                cabinet: cabinet.to_owned(),
                address: address.clone(),
                item: item.to_owned(),
                last: activity,
                counted: None,
            })
        });
        let pocket = Arc::make_mut(pocket);
        let newest = activity >= pocket.last;
        pocket.last = pocket.last.max(activity);
        if sets && newest {
            pocket.counted = Some(activity);
        }
        self.changed.insert((RowKind::Pocket, key));
    }
}
