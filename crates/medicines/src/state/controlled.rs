//! The state's part of controlled drugs: which they are, and what each page of the registers
//! holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fhir::Id;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Due, RowKind, State};
use crate::cases::{Case, CaseClosed, CaseKind};
use crate::controlled::{
    Classes, ControlledFact, Count, Discrepancy, DiscrepancyStatus, Place, Requisition, Signature,
    StepTaken, lines,
};
use crate::stock::{Account, Transfer};

/// The coded reason of a case that asks for a count.
pub(crate) const COUNT_OVERDUE: &str = "count-overdue";

/// A page of a register as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageState {
    /// What it holds, in the item's unit.
    pub balance: Decimal,
    /// When the newest of what changed it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Timestamp>,
    /// When each account of the place was last counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counted: BTreeMap<String, Timestamp>,
    /// By when it has to be counted; none while it holds nothing, and once a case asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// The case that asks for a count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<Id>,
}

/// What is live of controlled drugs.
#[derive(Debug, Default)]
pub(super) struct Controlled {
    pub(super) classes: Classes,
    /// For which configuration and release the classes were looked at: none yet, or one with or
    /// without a release that can be read. It spares looking again and is no part of what is
    /// known.
    looked_at: Option<bool>,
    pub(super) pages: HashMap<Box<str>, Arc<PageState>>,
    pub(super) signatures: BTreeMap<Id, Signature>,
    pub(super) requisitions: HashMap<Id, Requisition>,
    pub(super) discrepancies: HashMap<Id, Discrepancy>,
}

impl Controlled {
    /// Drops what is over of this id, a requisition or a discrepancy.
    pub(super) fn let_go(&mut self, id: &Id) {
        if self.requisitions.get(id).is_some_and(|asked| !asked.is_open()) {
            self.requisitions.remove(id);
        }
        if self.discrepancies.get(id).is_some_and(|known| known.status.is_over()) {
            self.discrepancies.remove(id);
        }
    }

    /// The configuration or the release of dm+d is another one.
    pub(super) fn doubt(&mut self) {
        self.looked_at = None;
    }
}

/// The text under which a page is looked up.
pub(crate) fn page_key(place: &Place, item: &str) -> String {
    format!("{place}|{item}")
}

impl State {
    /// Which items are controlled drugs.
    pub fn classes(&self) -> &Classes {
        &self.controlled.classes
    }

    /// Whether a register is kept of an item.
    pub fn is_registered(&self, item: &str) -> bool {
        self.controlled.classes.registered.contains(item)
    }

    /// The page of a place and an item.
    pub fn page(&self, place: &Place, item: &str) -> Option<&Arc<PageState>> {
        self.controlled.pages.get(page_key(place, item).as_str())
    }

    /// Every page, as `(place|item, page)`.
    pub fn pages(&self) -> impl Iterator<Item = (&str, &PageState)> {
        self.controlled.pages.iter().map(|(key, page)| (&**key, &**page))
    }

    pub(crate) fn page_of_key(&self, key: &str) -> Option<&Arc<PageState>> {
        self.controlled.pages.get(key)
    }

    pub(crate) fn classes_in_doubt(&self, with_dictionary: bool) -> bool {
        self.controlled.looked_at != Some(with_dictionary)
    }

    pub(crate) fn classes_looked_at(&mut self, with_dictionary: bool) {
        self.controlled.looked_at = Some(with_dictionary);
    }

    /// The signatures that wait to be used, lapsed ones among them.
    pub fn signatures(&self) -> impl Iterator<Item = &Signature> {
        self.controlled.signatures.values()
    }

    pub(crate) fn signature(&self, id: &Id) -> Option<&Signature> {
        self.controlled.signatures.get(id)
    }

    /// The requisition of that id, while something of it is still to be sent.
    pub fn requisition(&self, id: &Id) -> Option<&Requisition> {
        self.controlled.requisitions.get(id).filter(|asked| asked.is_open())
    }

    /// The discrepancy of that id, while it is not over.
    pub fn discrepancy(&self, id: &Id) -> Option<&Discrepancy> {
        self.controlled.discrepancies.get(id).filter(|known| !known.status.is_over())
    }

    /// The item of the register's entry of a source.
    pub(crate) fn entered_item(&self, source: &Id) -> Option<String> {
        self.cold.entered(source)
    }

    /// A transfer that was posted, whenever that was.
    pub(crate) fn entered_transfer(&self, id: &Id) -> Option<Transfer> {
        self.cold.transfer(id)
    }

    /// By how much the quantity of an entered transfer was corrected before: below zero where some
    /// of it was taken back.
    pub(crate) fn corrected_by(&self, earlier: &Transfer) -> Decimal {
        let ids = self.cold.corrections(&earlier.id).into_iter();
        let transfers = ids.filter_map(|id| self.cold.transfer(&id));
        let change = |moved: Transfer| {
            if (&moved.from, &moved.to) == (&earlier.from, &earlier.to) {
                moved.quantity
            } else if (&moved.from, &moved.to) == (&earlier.to, &earlier.from) {
                -moved.quantity
            } else {
                Decimal::ZERO
            }
        };
        transfers.map(change).sum()
    }

    pub(super) fn fold_controlled(&mut self, fact: &ControlledFact) {
        if let Some(signature) = fact.uses()
            && self.controlled.signatures.remove(signature).is_some()
        {
            self.changed.insert((RowKind::Signatures, String::new()));
        }
        match fact {
            ControlledFact::Classified(classes) => self.fold_classes(classes),
            ControlledFact::Counted(count) => self.fold_counted(count),
            ControlledFact::Signed(signature) => {
                // Those that have lapsed by now are of no use to anybody.
                self.controlled.signatures.retain(|_, one| one.expires > signature.at);
                self.controlled.signatures.insert(signature.id.clone(), signature.clone());
                self.changed.insert((RowKind::Signatures, String::new()));
            }
            ControlledFact::Requisition(asked) => {
                let key = asked.id.to_string();
                if !asked.is_open() {
                    self.end(RowKind::Requisition, key.clone());
                }
                self.controlled.requisitions.insert(asked.id.clone(), asked.clone());
                self.changed.insert((RowKind::Requisition, key));
            }
            ControlledFact::Stepped(step) => self.fold_step(step),
            ControlledFact::Noted(_) | ControlledFact::Corrected(_) => {}
        }
    }

    fn fold_step(&mut self, step: &StepTaken) {
        let known = &step.discrepancy;
        let due = (known.due, Due::Discrepancy(known.id.clone()));
        match known.status {
            DiscrepancyStatus::Open | DiscrepancyStatus::Investigating => self.due.insert(due),
            _ => self.due.remove(&due),
        };
        if known.status.is_over() {
            self.end(RowKind::Discrepancy, known.id.to_string());
        }
        self.changed.insert((RowKind::Discrepancy, known.id.to_string()));
        self.controlled.discrepancies.insert(known.id.clone(), known.clone());
    }

    /// The case of a discrepancy closed by whatever settled it: so is the discrepancy, unless it is
    /// with the accountable officer, whose word alone ends it.
    pub(super) fn fold_settled(&mut self, case: &Id) {
        let Some(known) = self.discrepancy(case) else { return };
        if known.status == DiscrepancyStatus::Escalated {
            return;
        }
        let known = Discrepancy { status: DiscrepancyStatus::Resolved, ..known.clone() };
        self.due.remove(&(known.due, Due::Discrepancy(known.id.clone())));
        self.end(RowKind::Discrepancy, case.to_string());
        self.changed.insert((RowKind::Discrepancy, case.to_string()));
        self.controlled.discrepancies.insert(case.clone(), known);
    }

    pub(super) fn load_requisition(&mut self, asked: Requisition) {
        self.controlled.requisitions.insert(asked.id.clone(), asked);
    }

    pub(super) fn load_discrepancy(&mut self, known: Discrepancy) {
        if known.status != DiscrepancyStatus::Escalated {
            self.due.insert((known.due, Due::Discrepancy(known.id.clone())));
        }
        self.controlled.discrepancies.insert(known.id.clone(), known);
    }

    fn fold_classes(&mut self, classes: &Classes) {
        let before = std::mem::replace(&mut self.controlled.classes, classes.clone());
        for item in classes.registered.difference(&before.registered) {
            self.begin_pages(item, classes.since);
        }
        for item in before.registered.difference(&classes.registered) {
            self.end_pages(item);
        }
        self.changed.insert((RowKind::Classes, String::new()));
    }

    /// The pages of an item begin with what its places hold; so do those that it had before, when
    /// what was moved meanwhile was entered nowhere.
    fn begin_pages(&mut self, item: &str, since: Timestamp) {
        let mut held: BTreeMap<Place, Decimal> = BTreeMap::new();
        for (key, lines) in &self.balances {
            let account = key.rsplit_once('|').filter(|(_, of)| *of == item);
            if let Some(Ok(account)) = account.map(|(account, _)| account.parse::<Account>())
                && let Some(place) = Place::of(&account)
            {
                *held.entry(place).or_default() += lines.total();
            }
        }
        held.retain(|_, balance| !balance.is_zero());
        let before = self.controlled.pages.keys().filter_map(|key| key.rsplit_once('|'));
        let before: Vec<Place> = before
            .filter(|(_, of)| *of == item)
            .filter_map(|(place, _)| place.parse().ok())
            .collect();
        for place in before {
            held.entry(place).or_default();
        }
        for (place, balance) in held {
            self.change_page(&place, item, |page| page.balance = balance);
            self.expect_count(&place, item, since);
        }
    }

    /// Of what is no longer registered no count is asked for.
    fn end_pages(&mut self, item: &str) {
        let keys: Vec<_> = self.controlled.pages.keys().cloned().collect();
        for key in keys {
            let Some((place, of)) = key.rsplit_once('|') else { continue };
            if of == item
                && let Ok(place) = place.parse()
            {
                self.plan_count(&place, item, None);
                self.change_page(&place, item, |page| page.case = None);
            }
        }
    }

    /// A posted transfer of a registered item changes its pages.
    pub(super) fn fold_register(&mut self, moved: &Transfer) {
        if !self.is_registered(&moved.item) {
            return;
        }
        for line in lines(moved, None) {
            let change = line.change();
            let mut fresh = false;
            self.change_page(&line.place, &moved.item, |page| {
                fresh = page.balance.is_zero();
                page.balance += change;
                page.moved = page.moved.max(Some(moved.activity));
            });
            let page = self.page(&line.place, &moved.item);
            if page.is_some_and(|page| page.balance.is_zero()) {
                self.plan_count(&line.place, &moved.item, None);
            } else if fresh {
                self.expect_count(&line.place, &moved.item, moved.activity);
            }
        }
    }

    /// A count of one account of a place: the page is counted when all are that hold some.
    fn fold_counted(&mut self, count: &Count) {
        let Some(place) = count.place() else { return };
        self.change_page(&place, &count.item, |page| {
            let last = page.counted.entry(count.account.to_string()).or_insert(count.activity);
            *last = (*last).max(count.activity);
        });
        if let Some(oldest) = self.counted_since(&place, &count.item, None) {
            self.expect_count(&place, &count.item, oldest);
        }
    }

    /// Since when every account of a place that holds some of the item has been counted; `also` is
    /// an account that is being counted now.
    pub(crate) fn counted_since(
        &self,
        place: &Place,
        item: &str,
        also: Option<(&Account, Timestamp)>,
    ) -> Option<Timestamp> {
        let page = self.page(place, item)?;
        let accounts = match (place, place.account()) {
            (_, Some(account)) => vec![account],
            (Place::Cabinet(cabinet), None) => {
                let shelves = self.shelves(cabinet, item).into_iter();
                let full = shelves.filter(|(_, lines)| !lines.total().is_zero());
                full.map(|(account, _)| account).collect()
            }
            _ => Vec::new(),
        };
        let when = |account: &Account| {
            let now = also.filter(|(counted, _)| *counted == account).map(|(_, at)| at);
            now.max(page.counted.get(&account.to_string()).copied())
        };
        let times: Option<Vec<_>> = accounts.iter().map(when).collect();
        let oldest = times?.into_iter().min();
        oldest.or_else(|| page.counted.values().max().copied().max(also.map(|(_, at)| at)))
    }

    /// From a time on the place has so long until it has to be counted.
    fn expect_count(&mut self, place: &Place, item: &str, since: Timestamp) {
        let holds = self.is_registered(item)
            && self.page(place, item).is_some_and(|page| !page.balance.is_zero());
        let hours = i64::from(self.site.controlled.count_every_h(place));
        let due = since.saturating_add(SignedDuration::from_hours(hours));
        self.plan_count(place, item, Some(due.unwrap_or(Timestamp::MAX)).filter(|_| holds));
    }

    fn plan_count(&mut self, place: &Place, item: &str, due: Option<Timestamp>) {
        let key = page_key(place, item);
        let before = self.controlled.pages.get(key.as_str()).and_then(|page| page.due);
        if let Some(before) = before {
            self.due.remove(&(before, Due::Count(key.clone())));
        }
        if let Some(due) = due {
            self.due.insert((due, Due::Count(key)));
        }
        self.change_page(place, item, |page| page.due = due);
    }

    fn change_page(&mut self, place: &Place, item: &str, change: impl FnOnce(&mut PageState)) {
        let key = page_key(place, item);
        change(Arc::make_mut(self.controlled.pages.entry(key.as_str().into()).or_default()));
        self.changed.insert((RowKind::Page, key));
    }

    /// The case that asks for a count opened: the page is not due again until it is counted.
    pub(super) fn fold_count_asked(&mut self, case: &Case) {
        if case.kind != CaseKind::ControlledDrug || case.reason != COUNT_OVERDUE {
            return;
        }
        let (Some(place), Some(item)) = (&case.place, &case.item) else { return };
        let Ok(place) = place.parse::<Place>() else { return };
        self.plan_count(&place, item, None);
        self.change_page(&place, item, |page| page.case = Some(case.id.clone()));
    }

    /// The case that asked for a count closed: where nobody counted, it will be asked for again.
    pub(super) fn fold_count_settled(&mut self, case: &Case, closed: &CaseClosed) {
        if case.kind != CaseKind::ControlledDrug || case.reason != COUNT_OVERDUE {
            return;
        }
        let (Some(place), Some(item)) = (&case.place, &case.item) else { return };
        let Ok(place) = place.parse::<Place>() else { return };
        self.change_page(&place, item, |page| page.case = None);
        if self.page(&place, item).is_some_and(|page| page.due.is_none()) {
            self.expect_count(&place, item, closed.at);
        }
    }

    pub(super) fn load_page(&mut self, key: &str, page: PageState) {
        if let Some(due) = page.due {
            self.due.insert((due, Due::Count(key.to_owned())));
        }
        self.controlled.pages.insert(key.into(), Arc::new(page));
    }
}
