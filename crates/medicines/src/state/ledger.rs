//! The ledger's part of the state: balances, pockets, and what is in whose hands.

use std::sync::Arc;

use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{Due, OrderState, PocketState, Recent, Removal, RowKind, State, Taken};
use crate::bedside::UNEXPLAINED_DOSE;
use crate::cabinet::{REMOVAL_FOUND, REMOVAL_FOUND_ELSEWHERE};
use crate::cases::{Case, CaseClosed};
use crate::facts::INTERLOCK;
use crate::orders::{least_gap, part};
use crate::stock::{Account, BatchState, Lines, Movement, Transfer, TransferState};

/// How long a removal that is told late is waited for to be accounted for, in minutes, where the
/// site does not wait less for any.
const LATE_GRACE_MIN: i64 = 15;
/// How long what was taken on an order is remembered at least, for its interval and maximum rules.
const TAKEN_KEPT: SignedDuration = SignedDuration::from_hours(25);

/// The text under which what is known of a batch is looked up.
fn batch_key(item: &str, batch: &str) -> String {
    format!("{item}|{batch}")
}

/// The text under which the pockets of a cabinet that hold an item are looked up.
fn shelf_key(cabinet: &str, item: &str) -> String {
    format!("{cabinet}|{item}")
}

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
    /// The balance of an account over all batches, in the item's unit.
    pub fn balance(&self, account: &Account, item: &str) -> Decimal {
        self.lines(account, item).total()
    }

    /// What an account holds of an item, by batch.
    pub fn lines(&self, account: &Account, item: &str) -> Lines {
        self.lines_by_key(&balance_key(account, item))
    }

    fn lines_by_key(&self, key: &str) -> Lines {
        match self.balances.get(key) {
            Some(lines) => lines.clone(),
            None => self.thaw(RowKind::Balance, key).unwrap_or_default(),
        }
    }

    /// The balances in memory, as `(account|item, lines)`: all but what is in hands or given.
    pub fn balances(&self) -> impl Iterator<Item = (&str, &Lines)> {
        self.balances.iter().map(|(key, lines)| (&**key, lines))
    }

    /// What is known of a batch beside its number.
    pub fn batch(&self, item: &str, batch: &str) -> Option<&Arc<BatchState>> {
        self.batches.get(batch_key(item, batch).as_str())
    }

    /// The pocket or bin as it was told of, for an item.
    pub fn pocket(&self, account: &Account, item: &str) -> Option<&Arc<PocketState>> {
        self.pockets.get(balance_key(account, item).as_str())
    }

    /// Whether a pocket's or bin's content was ever told: before that, what is in it is unknown.
    pub fn is_counted(&self, account: &Account, item: &str) -> bool {
        self.pocket(account, item).is_some_and(|pocket| pocket.counted.is_some())
    }

    /// The pockets and patients' bins of a cabinet that hold or held an item, with what is in
    /// them by batch, in the order of their names.
    pub fn shelves(&self, cabinet: &str, item: &str) -> Vec<(Account, Lines)> {
        let keys = self.shelves.get(shelf_key(cabinet, item).as_str());
        let held = |key: &str| {
            let account = key.rsplit_once('|')?.0.parse().ok()?;
            let lines = self.lines_by_key(key);
            let known = !lines.is_empty() || self.pockets.contains_key(key);
            known.then_some((account, lines))
        };
        keys.into_iter().flatten().filter_map(|key| held(key)).collect()
    }

    /// The items of the pockets of a cabinet that have something in them; empty where nothing is
    /// known of its pockets.
    pub fn items_in(&self, cabinet: &str) -> std::collections::BTreeSet<String> {
        let prefix = format!("{cabinet}|");
        let here = self.shelves.keys().filter_map(|key| key.strip_prefix(&prefix));
        let full = here.filter(|item| {
            let shelves = self.shelves(cabinet, item);
            shelves.iter().any(|(place, lines)| {
                matches!(place, Account::Pocket { .. }) && lines.total() > Decimal::ZERO
            })
        });
        full.map(str::to_owned).collect()
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
        self.add(&transfer.from, transfer, -Decimal::ONE);
        self.add(&transfer.to, transfer, Decimal::ONE);
        self.note_batch(transfer);
        self.fold_tally(transfer);
        self.fold_register(transfer);
        if transfer.movement == Movement::Relabel {
            // The same units are where they were.
            return;
        }
        match &transfer.to {
            Account::Hands(id) if *id == transfer.id => self.take(id, transfer),
            Account::Transit(id) if *id == transfer.id => self.send_off(id, transfer),
            Account::Transit(id) => self.arrive(id, -transfer.quantity),
            _ => {}
        }
        match &transfer.from {
            Account::Hands(id) => self.leave_hands(id, transfer),
            Account::Transit(id) => self.arrive(id, transfer.quantity),
            // A dose of the patient's own medicines counts like one that was taken out.
            Account::OwnDrugs(_) if transfer.movement == Movement::Administration => {
                self.note_taken(transfer);
            }
            _ => {}
        }
    }

    fn add(&mut self, account: &Account, transfer: &Transfer, sign: Decimal) {
        let key = balance_key(account, &transfer.item);
        let mut lines = self.lines_by_key(&key);
        for (batch, quantity) in transfer.parts() {
            lines.add(batch, sign * quantity);
        }
        self.balances.insert(key.as_str().into(), lines);
        self.shelve(account, &transfer.item, &key);
        if matches!(account, Account::Hands(_) | Account::Patient(_)) {
            self.end(RowKind::Balance, key.clone());
        }
        self.changed.insert((RowKind::Balance, key));
    }

    /// Remembers under its cabinet and item where a pocket's balance stands.
    pub(super) fn shelve(&mut self, account: &Account, item: &str, key: &str) {
        if let Some(cabinet) = account.cabinet().filter(|_| account.is_pocket()) {
            let held = self.shelves.entry(shelf_key(cabinet, item).into()).or_default();
            if !held.contains(key) {
                held.insert(key.into());
            }
        }
    }

    /// What an act told of its batch. Of two dates the earlier counts.
    fn note_batch(&mut self, transfer: &Transfer) {
        let Some(batch) = transfer.batch.as_deref() else { return };
        if transfer.expiry.is_none() && transfer.cost.is_none() {
            return;
        }
        self.change_batch(&transfer.item, batch, |known| {
            known.expiry = match (known.expiry, transfer.expiry) {
                (Some(known), Some(told)) => Some(known.min(told)),
                (known, told) => known.or(told),
            };
            known.cost = transfer.cost.or(known.cost);
        });
    }

    pub(super) fn change_batch(
        &mut self,
        item: &str,
        batch: &str,
        change: impl FnOnce(&mut BatchState),
    ) {
        let key = batch_key(item, batch);
        let known = self.batches.entry(key.as_str().into()).or_insert_with(|| {
            let (item, batch) = (item.to_owned(), batch.to_owned());
            Arc::new(BatchState { item, batch, expiry: None, cost: None, recall: None })
        });
        change(Arc::make_mut(known));
        self.changed.insert((RowKind::Batch, key));
    }

    /// A permit: reserved on its order and in its patient's list until it is used or lapses.
    fn hold(&mut self, transfer: &Transfer, expires: Timestamp) {
        let removal = Removal {
            transfer: transfer.clone(),
            in_hands: Decimal::ZERO,
            back: Decimal::ZERO,
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
        let back = Decimal::ZERO;
        self.put_removal(Removal { transfer: transfer.clone(), in_hands, back, case: None, due });
        self.note_taken(transfer);
    }

    /// A removal was told at `told`. One that is told late, by a cabinet that was cut off, is not
    /// missed at once: what became of it is told after it.
    pub(super) fn fold_told(&mut self, id: &Id, told: Timestamp) {
        let open = |removal: &&Arc<Removal>| removal.in_hands > Decimal::ZERO;
        let Some(removal) = self.removals.get(id).filter(open).map(Arc::clone) else { return };
        let minutes = i64::from(self.site.policies.unaccounted_after_min).min(LATE_GRACE_MIN);
        let due = told.saturating_add(SignedDuration::from_mins(minutes));
        let due = due.unwrap_or(Timestamp::MAX);
        if due <= removal.due || removal.case.is_some() {
            return;
        }
        self.forget_due(id);
        self.due.insert((due, Due::Removal(id.clone())));
        self.removals.insert(id.clone(), Arc::new(Removal { due, ..Removal::clone(&removal) }));
        self.changed.insert((RowKind::Removal, id.to_string()));
    }

    fn leave_hands(&mut self, id: &Id, transfer: &Transfer) {
        let Some(removal) = self.removals.get(id) else {
            return;
        };
        let mut removal = Removal::clone(removal);
        removal.in_hands -= transfer.quantity;
        // What counted is what stayed out: of a removal whose dose nobody can tell, one until the
        // last unit is back.
        let stayed = removal.transfer.quantity - removal.back;
        if transfer.movement == Movement::Return {
            removal.back += transfer.quantity;
        }
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
                let dose = removal.transfer.dose;
                order.total -= parts(stayed, dose) - parts(stayed - transfer.quantity, dose);
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

    /// A dose that no removal explains was given all the same: to the patient, and on the order
    /// that it names.
    pub(super) fn fold_unexplained(&mut self, case: &Case) {
        let told = (&case.patient, &case.item, case.quantity, case.activity);
        let (Some(patient), Some(item), Some(units), Some(at)) = told else { return };
        if case.reason != UNEXPLAINED_DOSE {
            return;
        }
        let recent = Recent { by: case.id.clone(), item: item.as_str().into(), at, units };
        self.note_recent(patient, recent);
        if let Some(order) = &case.order {
            let taken = Taken { removal: case.id.clone(), at, units, of: case.dose };
            self.note_on_order(order, taken, true);
        }
    }

    /// The removal of such a dose was told: it counts now in the place of the dose, on its order
    /// only where it was on the same.
    pub(super) fn fold_removal_found(&mut self, case: &Case, closed: &CaseClosed) {
        let found = [REMOVAL_FOUND, REMOVAL_FOUND_ELSEWHERE].contains(&&*closed.resolution);
        if case.reason != UNEXPLAINED_DOSE || closed.by != INTERLOCK || !found {
            return;
        }
        if let Some(patient) = &case.patient {
            let id = &case.id;
            self.change_patient(patient, |patient| patient.recent.retain(|one| one.by != *id));
        }
        let Some(order) = case.order.as_ref().filter(|_| closed.resolution == REMOVAL_FOUND) else {
            return;
        };
        self.change_order(order, |order| {
            // Even where it is no longer among what was taken lately, it is in the sum.
            order.total -= case.quantity.map_or(Decimal::ZERO, |units| parts(units, case.dose));
            order.taken.retain(|taken| taken.removal != case.id);
        });
    }

    /// The order without the doses given at `at` or later that wait for their removal: this may be
    /// the one, so that it is not held against itself.
    pub(crate) fn without_waiting(&self, order: Arc<OrderState>, at: Timestamp) -> Arc<OrderState> {
        let waits = |taken: &Taken| {
            let case = self.open_case(&taken.removal);
            taken.at >= at && case.is_some_and(|case| case.reason == UNEXPLAINED_DOSE)
        };
        if !order.taken.iter().any(waits) {
            return order;
        }
        let mut without = Arc::unwrap_or_clone(order);
        let waiting = without.taken.extract_if(.., |taken| waits(taken));
        let doses: Decimal = waiting.map(|taken| parts(taken.units, taken.of)).sum();
        without.total -= doses;
        Arc::new(without)
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
        let taken = Taken {
            removal: transfer.id.clone(),
            at: transfer.activity,
            units: transfer.quantity,
            of: transfer.dose,
        };
        self.note_on_order(order, taken, transfer.state == TransferState::Posted);
    }

    /// Counts what was taken on an order, in the place of what was reserved for it.
    fn note_on_order(&mut self, order: &Id, now: Taken, begun: bool) {
        let site = Arc::clone(&self.site);
        self.change_order(order, |order| {
            let gap = least_gap(order.schedule, &site.policies).unwrap_or_default();
            let kept = TAKEN_KEPT.max(gap);
            let oldest = now.at.saturating_sub(kept).unwrap_or(Timestamp::MIN);
            let permitted = order.taken.iter().find(|taken| taken.removal == now.removal);
            let reserved = permitted.map_or(Decimal::ZERO, |t| parts(t.units, t.of));
            order.total += parts(now.units, now.of) - reserved;
            order.begun |= begun;
            // The doses of a step are counted, however long it takes.
            let counted = order.steps.iter().flat_map(|steps| steps.iter());
            let all = counted.into_iter().any(|step| step.doses.is_some());
            let kept = |taken: &Taken| taken.removal != now.removal && (all || taken.at >= oldest);
            order.taken.retain(kept);
            order.taken.push(now);
            order.taken.sort_by_key(|taken| taken.at);
        });
    }

    /// A pocket or bin was worked on; `seen` says that what was in it was told.
    pub(super) fn fold_pocket(&mut self, account: &Account, item: &str, at: Timestamp, seen: bool) {
        let key = balance_key(account, item);
        let pocket = self
            .pockets
            .entry(key.as_str().into())
            .or_insert_with(|| Arc::new(PocketState { last: at, counted: None, opened: None }));
        let pocket = Arc::make_mut(pocket);
        let newest = at >= pocket.last;
        pocket.last = pocket.last.max(at);
        if seen && newest {
            pocket.counted = Some(at);
            pocket.opened = pocket.opened.or(Some(at));
        }
        self.shelve(account, item, &key);
        self.changed.insert((RowKind::Pocket, key));
    }
}
