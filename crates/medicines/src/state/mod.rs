//! The live state: a fold of the facts, held in memory for what is live.
//!
//! What ended (an order that was stopped, a patient who left) is let go once the record holds it
//! and is read again through [`Cold`] when somebody asks. To the rest of the domain there is no
//! difference: it asks [`State`] and gets an answer.

mod controlled;
mod course;
mod entities;
mod fold;
mod fold_resource;
mod ledger;
mod load;
mod row;
mod share;
mod stock;
mod tally;
mod way;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fhir::{Id, ResourceType, StoredResource};
use fhir_search::SearchRequest;
use jiff::Timestamp;

pub(crate) use controlled::COUNT_OVERDUE;
pub use controlled::PageState;
pub use entities::{
    Consignment, EncounterState, OrderState, PatientState, PocketState, Recent, Removal, Schedule,
    StatusChange, Step, StepView, Taken, Way,
};
pub(crate) use fold_resource::{interval, is_readable, maximum, schedule, ward};
pub use load::UnreadableRow;
pub use row::{Body, Cold, NoCold, Row, RowKind};
pub use share::Codings;
pub use tally::{Acts, Tally};

use crate::cabinet::CriticalSpan;
use crate::cases::Case;
use crate::configuration::Applied;
use crate::dictionary::DictionaryInUse;
use crate::package::PackageInUse;
use crate::site::Site;
use crate::stock::{BatchState, Lines};
use crate::subscriptions::Subscription;

/// Something that will be due at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// A permit lapses.
    Permit(Id),
    /// A removal must be accounted for.
    Removal(Id),
    /// A consignment must have arrived.
    Consignment(Id),
    /// A page of a register must have been counted: `place|item`.
    Count(String),
    /// A discrepancy must have been explained.
    Discrepancy(Id),
}

/// How many lanes are remembered as joined.
const MAX_JOINED: usize = 8_192;

/// The live state of one site.
pub struct State {
    cold: Box<dyn Cold>,
    site: Arc<Site>,
    /// The configurations that were put in force, the newest last.
    configurations: Vec<Applied>,
    /// The release of dm+d in use.
    dictionary: Option<DictionaryInUse>,
    /// When a prescribing system last said something of an order that was acted on.
    heard: Option<Timestamp>,
    /// The packages of FHIR definitions in use, each of another name.
    packages: Vec<PackageInUse>,
    patients: HashMap<Id, Arc<PatientState>>,
    identifiers: HashMap<Box<str>, Id>,
    orders: HashMap<Id, Arc<OrderState>>,
    order_numbers: HashMap<Arc<str>, Id>,
    codings: share::Known,
    removals: HashMap<Id, Arc<Removal>>,
    balances: HashMap<Box<str>, Lines>,
    /// Where pockets' balances stand, by `cabinet|item`.
    shelves: HashMap<Box<str>, BTreeSet<Box<str>>>,
    batches: HashMap<Box<str>, Arc<BatchState>>,
    /// The recalled batches, by item.
    recalled: HashMap<Box<str>, BTreeSet<Box<str>>>,
    consignments: HashMap<Id, Arc<Consignment>>,
    controlled: controlled::Controlled,
    /// When the critical override was on, the newest span last.
    critical: Vec<CriticalSpan>,
    pockets: HashMap<Box<str>, Arc<PocketState>>,
    /// What people did lately with medicines that need a second person, by staff number.
    tallies: BTreeMap<Box<str>, Tally>,
    cases: HashMap<Id, Arc<Case>>,
    subscriptions: HashMap<Id, Arc<Subscription>>,
    wards: HashMap<Box<str>, BTreeSet<Id>>,
    due: BTreeSet<(Timestamp, Due)>,
    /// What the facts of the running batch changed, by the entry that changed it last.
    changed: BTreeSet<(RowKind, String)>,
    /// Lanes of forwarded messages that were joined to their patient's; no part of what is known,
    /// it only spares saying so again.
    joined: BTreeSet<Id>,
    /// Resources that the record may not hold yet, with the entry that stored them.
    fresh: HashMap<(ResourceType, Id), (u64, StoredResource)>,
    /// Resources that were deleted, with the entry and the version of the deletion, as long as the
    /// record may not hold it.
    gone: HashMap<(ResourceType, Id), (u64, u64)>,
    /// Things that memory need not keep, by the entry that changed them last: let go when the
    /// record holds it.
    ended: BTreeMap<u64, Vec<(RowKind, String)>>,
    /// The entry under which each of them stands in `ended`; an older mention does not count.
    ended_at: HashMap<(RowKind, String), u64>,
    seq: u64,
}

impl State {
    /// A state that knows nothing yet, over `cold` rows.
    pub fn new(cold: Box<dyn Cold>) -> Self {
        State {
            cold,
            site: Arc::default(),
            configurations: Vec::new(),
            dictionary: None,
            heard: None,
            packages: Vec::new(),
            patients: HashMap::new(),
            identifiers: HashMap::new(),
            orders: HashMap::new(),
            order_numbers: HashMap::new(),
            codings: share::Known::default(),
            removals: HashMap::new(),
            balances: HashMap::new(),
            shelves: HashMap::new(),
            batches: HashMap::new(),
            recalled: HashMap::new(),
            consignments: HashMap::new(),
            controlled: controlled::Controlled::default(),
            critical: Vec::new(),
            pockets: HashMap::new(),
            tallies: BTreeMap::new(),
            cases: HashMap::new(),
            subscriptions: HashMap::new(),
            wards: HashMap::new(),
            due: BTreeSet::new(),
            changed: BTreeSet::new(),
            joined: BTreeSet::new(),
            fresh: HashMap::new(),
            gone: HashMap::new(),
            ended: BTreeMap::new(),
            ended_at: HashMap::new(),
            seq: 0,
        }
    }

    /// Whether it has to be said that a lane is a patient's now: false where it was said lately.
    pub(crate) fn joins(&mut self, lane: &Id) -> bool {
        if self.joined.len() >= MAX_JOINED {
            self.joined.clear();
        }
        self.joined.insert(lane.clone())
    }

    /// The configuration in force.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// The release of dm+d in use, none before the first.
    pub fn dictionary(&self) -> Option<&DictionaryInUse> {
        self.dictionary.as_ref()
    }

    /// When a prescribing system last said something of an order that was acted on.
    pub fn prescriber_heard(&self) -> Option<Timestamp> {
        self.heard
    }

    /// The packages of FHIR definitions in use, each of another name.
    pub fn packages(&self) -> &[PackageInUse] {
        &self.packages
    }

    /// The number of the last entry that was folded.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The patient of that id, merged or not.
    pub fn patient(&mut self, id: &Id) -> Option<Arc<PatientState>> {
        if let Some(patient) = self.patients.get(id) {
            return Some(Arc::clone(patient));
        }
        if self.gone.contains_key(&(ResourceType::Patient, id.clone())) {
            // The record may hold the row still.
            return None;
        }
        // The row of a patient who was deleted is empty.
        let patient: Option<Arc<PatientState>> = self.thaw(RowKind::Patient, id.as_str())?;
        let patient = patient?;
        self.patients.insert(id.clone(), Arc::clone(&patient));
        self.end(RowKind::Patient, id.to_string());
        Some(patient)
    }

    /// The id of the patient who has the identifier `system|value`.
    pub fn patient_by(&mut self, identifier: &str) -> Option<Id> {
        if let Some(id) = self.identifiers.get(identifier) {
            return Some(id.clone());
        }
        let id = self.thaw::<Option<Id>>(RowKind::Identifier, identifier).flatten();
        id.filter(|id| !self.gone.contains_key(&(ResourceType::Patient, id.clone())))
    }

    /// The order of that id.
    pub fn order(&mut self, id: &Id) -> Option<Arc<OrderState>> {
        if let Some(order) = self.orders.get(id) {
            return Some(Arc::clone(order));
        }
        let order: Arc<OrderState> = self.thaw(RowKind::Order, id.as_str())?;
        self.orders.insert(id.clone(), Arc::clone(&order));
        self.end(RowKind::Order, id.to_string());
        Some(order)
    }

    /// The order that has the placer's number `system|value`.
    pub fn order_by(&mut self, number: &str) -> Option<Arc<OrderState>> {
        let id = match self.order_numbers.get(number) {
            Some(id) => id.clone(),
            None => self.thaw(RowKind::OrderNumber, number)?,
        };
        self.order(&id)
    }

    /// The removal, or the permit that was not used yet, of that id.
    pub fn removal(&mut self, id: &Id) -> Option<Arc<Removal>> {
        match self.removals.get(id) {
            Some(removal) => Some(Arc::clone(removal)),
            None => self.thaw(RowKind::Removal, id.as_str()),
        }
    }

    /// The case of that id, open or closed; a closed one has no entry here.
    pub fn open_case(&self, id: &Id) -> Option<&Arc<Case>> {
        self.cases.get(id)
    }

    /// All open cases.
    pub fn open_cases(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.cases.values()
    }

    /// The subscription whose resource has the id.
    pub fn subscription(&self, id: &Id) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(id)
    }

    /// All subscriptions, whatever their status.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.subscriptions.values()
    }

    /// The patients who are in `ward` now, in the order of their ids.
    pub fn patients_in(&self, ward: &str) -> Vec<Id> {
        self.wards.get(ward).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
    }

    /// The newest version of a resource.
    pub fn resource(&self, resource_type: ResourceType, id: &Id) -> Option<StoredResource> {
        let key = (resource_type, id.clone());
        match self.fresh.get(&key) {
            Some((_, resource)) => Some(resource.clone()),
            None if self.gone.contains_key(&key) => None,
            None => self.cold.resource(resource_type, id),
        }
    }

    /// The version under which a resource was deleted, where it was and is not there again.
    pub fn deleted(&self, resource_type: ResourceType, id: &Id) -> Option<u64> {
        let key = (resource_type, id.clone());
        match self.gone.get(&key) {
            Some((_, version)) => Some(*version),
            None if self.fresh.contains_key(&key) => None,
            None => self.cold.deleted(resource_type, id),
        }
    }

    /// The ids of what a search finds, two at the most; `None` where too much would have to be
    /// looked through. The search names ids, identifiers or
    /// patients. The same holds as for [`State::resources_of`].
    pub fn matching(&self, search: &SearchRequest) -> Option<Vec<Id>> {
        self.cold.matching(search)
    }

    /// The newest version of all resources whose subject is the patient.
    ///
    /// The record has to hold all that was folded; the engine sees to it before it decides a
    /// request that [`crate::Request::reads_history`].
    pub fn resources_of(&self, patient: &Id) -> Vec<StoredResource> {
        self.cold.resources_of(patient)
    }

    /// Why a row could not be read, if that ever happened.
    pub fn failure(&self) -> Option<String> {
        self.cold.failure()
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due at `now`, oldest first, at most `limit`.
    pub(crate) fn due(&self, now: Timestamp, limit: usize) -> Vec<Due> {
        self.due.iter().take_while(|(at, _)| *at <= now).take(limit).map(|d| d.1.clone()).collect()
    }

    /// Marks a thing that memory need not keep once the record holds entry `self.seq`.
    fn end(&mut self, kind: RowKind, key: String) {
        self.ended.entry(self.seq).or_default().push((kind, key.clone()));
        self.ended_at.insert((kind, key), self.seq);
    }

    fn thaw<T: serde::de::DeserializeOwned>(&self, kind: RowKind, key: &str) -> Option<T> {
        let body = self.cold.row(kind, key)?;
        Some(serde_json::from_slice(&body).expect("the record keeps rows as they were written"))
    }
}

/// The text under which an identifier is looked up.
pub(crate) fn lookup_key(system: &str, value: &str) -> String {
    format!("{system}|{value}")
}
