//! Taking facts in.

use std::sync::Arc;

use fhir::Id;

use super::row::{Content, to_json};
use super::{OrderState, PatientState, Row, RowKind, State};
use crate::cabinet::Transaction;
use crate::cases::{Case, CaseClosed, CaseKind};
use crate::configuration::{About, Applied, MAX_CONFIGURATIONS};
use crate::dictionary::{Dictionary, DictionaryInUse};
use crate::fact::Fact;
use crate::facts::INTERLOCK;
use crate::package::{Package, PackageInUse};
use crate::site::Site;
use crate::subscriptions::Change;

impl State {
    /// Takes the facts of entry `seq` in. Entries come in order and each once.
    pub fn fold(&mut self, seq: u64, facts: &[Fact]) {
        debug_assert!(seq > self.seq, "entries are folded in order");
        self.seq = seq;
        for fact in facts {
            match fact {
                Fact::Configured(site) => self.fold_site(site),
                Fact::Applied(about) => self.fold_applied(about),
                Fact::Dictionary(dictionary) => self.fold_dictionary(dictionary),
                Fact::Package(package) => self.fold_package(package),
                Fact::Stored(resource) => self.fold_resource(resource),
                Fact::Recorded(resource) => self.fold_recorded(resource),
                Fact::Deleted(deleted) => self.fold_deleted(deleted),
                Fact::Moved(transfer) => self.fold_transfer(transfer),
                Fact::CriticalOverride(span) => self.fold_critical(span),
                Fact::Recalled(recall) => self.fold_recalled(recall),
                Fact::Controlled(fact) => self.fold_controlled(fact),
                Fact::PocketActivity(transaction) => self.fold_activity(transaction),
                Fact::CaseOpened(case) => self.fold_opened(case),
                Fact::CaseClosed(closed) => self.fold_closed(closed),
                Fact::Subscription(change) => self.fold_subscription(change),
                Fact::Queued(_)
                | Fact::Delivery(_)
                | Fact::Joined(_)
                | Fact::Rerouted(_)
                | Fact::Seen(_)
                | Fact::Refused(_)
                | Fact::Kept(_) => {}
            }
        }
    }

    fn fold_site(&mut self, site: &Site) {
        self.site = Arc::new(site.clone());
        self.controlled.doubt();
        self.changed.insert((RowKind::Site, String::new()));
    }

    fn fold_applied(&mut self, about: &About) {
        if self.configurations.len() == MAX_CONFIGURATIONS {
            self.configurations.remove(0);
        }
        let about = about.clone();
        self.configurations.push(Applied { entry: self.seq, about });
        self.changed.insert((RowKind::Configurations, String::new()));
    }

    fn fold_dictionary(&mut self, dictionary: &Dictionary) {
        let dictionary = dictionary.clone();
        self.dictionary = Some(DictionaryInUse { entry: self.seq, dictionary });
        self.controlled.doubt();
        self.changed.insert((RowKind::Dictionary, String::new()));
    }

    fn fold_package(&mut self, package: &Package) {
        let in_use = PackageInUse { entry: self.seq, package: package.clone() };
        match self.packages.iter_mut().find(|known| known.package.name == package.name) {
            Some(known) => *known = in_use,
            None => self.packages.push(in_use),
        }
        self.changed.insert((RowKind::Packages, String::new()));
    }

    fn fold_subscription(&mut self, change: &Change) {
        let id = change.id();
        if let Some(known) = self.subscriptions.get_mut(id) {
            Arc::make_mut(known).fold(change);
        } else {
            let Some(first) = change.first() else { return };
            self.subscriptions.insert(id.clone(), Arc::new(first));
        }
        self.changed.insert((RowKind::Subscription, id.to_string()));
    }

    fn fold_activity(&mut self, transaction: &Transaction) {
        let seen = transaction.tells_content() && !transaction.cancelled;
        let (place, item) = (transaction.place(), &transaction.item.code);
        self.fold_pocket(&place, item, transaction.activity, seen);
    }

    fn fold_opened(&mut self, case: &Case) {
        if case.kind == CaseKind::UnaccountedDose
            && let Some(removal) = &case.removal
        {
            self.fold_unaccounted(removal, &case.id);
        }
        self.fold_unexplained(case);
        self.fold_pattern(case);
        self.fold_count_asked(case);
        if case.kind == CaseKind::Consignment
            && let Some(sent) = &case.removal
        {
            self.fold_missing(sent, &case.id);
        }
        self.changed.insert((RowKind::Case, case.id.to_string()));
        self.cases.insert(case.id.clone(), Arc::new(case.clone()));
    }

    fn fold_closed(&mut self, closed: &CaseClosed) {
        let id = &closed.id;
        let case = self.cases.remove(id);
        if let Some(case) = &case {
            self.fold_count_settled(case, closed);
            self.fold_settled(&case.id);
        }
        if let Some(case) = case.as_ref().filter(|_| closed.by == INTERLOCK) {
            self.fold_explained(&Arc::clone(case));
        }
        if let Some(case) = &case {
            self.fold_removal_found(case, closed);
        }
        self.changed.insert((RowKind::Case, id.to_string()));
    }

    /// Changes a patient that is known, in memory or not.
    pub(super) fn change_patient(&mut self, id: &Id, change: impl FnOnce(&mut PatientState)) {
        if self.patient(id).is_none() {
            return;
        }
        let Some(patient) = self.patients.get_mut(id) else {
            return;
        };
        let patient = Arc::make_mut(patient);
        let ward = patient.ward().map(str::to_owned);
        change(patient);
        let now = patient.ward().map(str::to_owned);
        let at_rest = patient.at_rest();
        self.changed.insert((RowKind::Patient, id.to_string()));
        if at_rest {
            self.end(RowKind::Patient, id.to_string());
        }
        if ward != now {
            self.move_between(id, ward.as_deref(), now.as_deref());
        }
    }

    pub(super) fn move_between(&mut self, id: &Id, from: Option<&str>, to: Option<&str>) {
        if let Some(ward) = from
            && let Some(patients) = self.wards.get_mut(ward)
        {
            patients.remove(id);
        }
        if let Some(ward) = to {
            self.wards.entry(ward.into()).or_default().insert(id.clone());
        }
    }

    /// Changes an order that is known, in memory or not.
    pub(super) fn change_order(&mut self, id: &Id, change: impl FnOnce(&mut OrderState)) {
        if self.order(id).is_none() {
            return;
        }
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        let order = Arc::make_mut(order);
        change(order);
        let open = order.is_open();
        if !open {
            self.end(RowKind::Order, id.to_string());
        }
        self.changed.insert((RowKind::Order, id.to_string()));
    }

    /// The rows of everything that changed since this was last asked, in the order of their keys.
    pub fn take_changed(&mut self) -> Vec<Row> {
        self.cold.rest();
        let changed = std::mem::take(&mut self.changed);
        changed.into_iter().map(|(kind, key)| self.row(kind, key)).collect()
    }

    fn row(&self, kind: RowKind, key: String) -> Row {
        fn json<T: serde::Serialize>(value: &T) -> Content {
            Content::Json(to_json(value))
        }
        let id = || Id::new(&key).expect("the key of this kind of row is an id");
        let (live, body) = match kind {
            RowKind::Site => (true, json(&*self.site)),
            RowKind::Patient => {
                // A patient whose resource was deleted has none.
                match self.patients.get(&id()) {
                    Some(patient) => (!patient.at_rest(), Content::Patient(Arc::clone(patient))),
                    None => (false, json(&())),
                }
            }
            RowKind::Identifier => (false, json(&self.identifiers.get(key.as_str()))),
            RowKind::Order => {
                let order = &self.orders[&id()];
                (order.is_open(), Content::Order(Arc::clone(order)))
            }
            RowKind::OrderNumber => (false, json(&self.order_numbers[key.as_str()])),
            RowKind::Removal => {
                let removal = &self.removals[&id()];
                (removal.is_open(), Content::Removal(Arc::clone(removal)))
            }
            RowKind::Balance => {
                let lines = self.balances.get(key.as_str()).cloned().unwrap_or_default();
                (!lines.is_empty() && !key.starts_with("patient:"), json(&lines))
            }
            RowKind::Pocket => (true, json(&self.pockets[key.as_str()])),
            RowKind::CriticalOverride => (true, json(&self.critical)),
            RowKind::Tally => (true, json(&self.tallies[key.as_str()])),
            RowKind::Batch => (true, json(&self.batches[key.as_str()])),
            RowKind::Consignment => {
                let consignment = &self.consignments[&id()];
                (!consignment.is_over(), json(consignment))
            }
            RowKind::Classes => (true, json(&self.controlled.classes)),
            RowKind::Page => (true, json(&*self.controlled.pages[key.as_str()])),
            RowKind::Signatures => (true, json(&self.controlled.signatures)),
            RowKind::Requisition => {
                let asked = &self.controlled.requisitions[&id()];
                (asked.is_open(), json(asked))
            }
            RowKind::Discrepancy => {
                let known = &self.controlled.discrepancies[&id()];
                (!known.status.is_over(), json(known))
            }
            RowKind::Configurations => (true, json(&self.configurations)),
            RowKind::Dictionary => (true, json(&self.dictionary)),
            RowKind::Heard => (true, json(&self.heard)),
            RowKind::Packages => (true, json(&self.packages)),
            RowKind::Subscription => match self.subscriptions.get(&id()) {
                Some(subscription) => (true, json(subscription)),
                None => (false, json(&())),
            },
            RowKind::Case => match self.cases.get(&id()) {
                Some(case) => (true, json(case)),
                None => (false, json(&())),
            },
        };
        Row { kind, key, live, body: body.into() }
    }
}
