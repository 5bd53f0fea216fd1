//! The facts of a journal, folded anew by rules of this trial's own.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use medicines::cases::{Case, CaseKind};
use medicines::orders::VERIFIED_BY;
use medicines::patients::TOLD_AT;
use medicines::stock::{Movement, Transfer, TransferState};
use medicines::{Fact, Head};
use serde_json::Value;

use super::{Report, TrialError, authority};
use crate::trial::files::JOURNAL;

/// A version of an order, as far as a removal depends on it.
#[derive(Debug, Clone)]
pub(in crate::trial) struct OrderVersion {
    /// From when on it holds, by the prescriber's system.
    pub(super) told: Timestamp,
    pub(super) status: String,
    pub(super) verified: bool,
    pub(super) patient: String,
    /// All codes that name the medicine.
    pub(super) codes: HashSet<String>,
}

/// What the journal tells.
#[derive(Debug, Default)]
pub(in crate::trial) struct Told {
    /// The newest version of every resource, as JSON.
    pub(super) resources: HashMap<(ResourceType, String), Value>,
    /// Every version of every order, in the order in which they were stored.
    pub(super) orders: HashMap<String, Vec<OrderVersion>>,
    /// Every transfer as it stands.
    pub(super) transfers: BTreeMap<String, Transfer>,
    /// Every case, with whether it is open.
    pub(in crate::trial) cases: HashMap<Id, (Case, bool)>,
    /// The codes by which an order may name an item, its own among them.
    pub(super) items: HashMap<String, HashSet<String>>,
    /// Who keeps the record of whom.
    pub(super) merged: HashMap<String, String>,
}

impl Told {
    /// The patient who keeps the record.
    pub(super) fn survivor(&self, patient: &str) -> String {
        let mut patient = patient;
        // A chain of merges is as long as there are patients at the most.
        for _ in 0..self.merged.len() {
            match self.merged.get(patient) {
                Some(next) => patient = next,
                None => break,
            }
        }
        patient.to_owned()
    }

    /// The removals that happened.
    pub(super) fn removals(&self) -> impl Iterator<Item = &Transfer> {
        let happened = |moved: &&Transfer| {
            moved.movement == Movement::Removal && moved.state == TransferState::Posted
        };
        self.transfers.values().filter(happened)
    }
}

/// Reads the journal from its first entry; removals are judged as they come.
pub(in crate::trial) fn read(data: &Path, report: &mut Report) -> Result<Told, TrialError> {
    let journal = journal::Reader::open(&data.join(JOURNAL)).map_err(|e| e.to_string())?;
    let mut told = Told::default();
    let mut next = 1;
    loop {
        let entries = journal.read_from(next, 2_000).map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { break };
        next = last.seq + 1;
        for entry in &entries {
            let head = Head::from_json(&entry.head).map_err(|error| error.to_string())?;
            report.entries += 1;
            report.messages += u64::from(head.key.is_some() || !entry.raw.is_empty());
            let opened: Vec<&Case> = head.facts.iter().filter_map(opened).collect();
            for fact in head.facts.iter() {
                told.fold(fact, &opened, report);
            }
        }
    }
    report.removals = told.removals().count() as u64;
    Ok(told)
}

fn opened(fact: &Fact) -> Option<&Case> {
    match fact {
        Fact::CaseOpened(case) => Some(case),
        _ => None,
    }
}

impl Told {
    fn fold(&mut self, fact: &Fact, opened: &[&Case], report: &mut Report) {
        match fact {
            Fact::Configured(site) => {
                for item in &site.items {
                    let codes = item.codings.iter().map(|(_, code)| code.clone());
                    let codes = codes.chain([item.code.clone()]).collect();
                    self.items.insert(item.code.clone(), codes);
                }
            }
            Fact::Stored(stored) => self.store(stored),
            Fact::Moved(moved) => {
                let first = !self.transfers.contains_key(moved.id.as_str());
                if moved.movement == Movement::Removal && first {
                    authority::judge(self, moved, opened, report);
                }
                let before = self.transfers.insert(moved.id.to_string(), (**moved).clone());
                let settled = |state| !matches!(state, TransferState::Pending { .. });
                if before.is_some_and(|before| settled(before.state)) {
                    report.wrong("a transfer changed twice", || moved.id.to_string());
                }
            }
            Fact::CaseOpened(case) => {
                let kind = format!("{}/{}", case.kind.as_str(), case.reason);
                *report.cases.entry(kind).or_default() += 1;
                if case.reason == "count-overdue" {
                    // The staff count at every change of shifts, three times a day.
                    report.wrong("a count is asked for that was made", || {
                        let (place, item) = (case.place.as_deref(), case.item.as_deref());
                        format!("{} {}", place.unwrap_or_default(), item.unwrap_or_default())
                    });
                }
                if case.kind == CaseKind::RefusedDelivery {
                    report.wrong("a cabinet refused what it was told", || case.reason.clone());
                }
                self.cases.insert(case.id.clone(), ((**case).clone(), true));
            }
            Fact::CaseClosed(closed) => match self.cases.get_mut(&closed.id) {
                Some((_, open @ true)) => *open = false,
                _ => report.wrong("a case closed that was not open", || closed.id.to_string()),
            },
            _ => {}
        }
    }

    fn store(&mut self, stored: &StoredResource) {
        let Ok(json) = serde_json::from_str::<Value>(stored.json()) else { return };
        let id = stored.id.to_string();
        match stored.resource_type {
            ResourceType::MedicationRequest => {
                let version = order_version(&json, stored.last_updated);
                self.orders.entry(id.clone()).or_default().push(version);
            }
            ResourceType::Patient => {
                let links = json["link"].as_array().into_iter().flatten();
                let replaced = links.filter(|link| link["type"] == "replaced-by");
                let other =
                    replaced.filter_map(|link| link["other"]["reference"].as_str()).next_back();
                if let Some(other) = other.and_then(|text| text.strip_prefix("Patient/")) {
                    self.merged.insert(id.clone(), other.to_owned());
                }
            }
            _ => {}
        }
        self.resources.insert((stored.resource_type, id), json);
    }

    /// The open unaccounted-dose case of a removal.
    pub(super) fn unaccounted_case(&self, removal: &Id) -> Option<&Case> {
        let fits = |(case, open): &&(Case, bool)| {
            *open
                && case.kind == CaseKind::UnaccountedDose
                && case.removal.as_ref() == Some(removal)
        };
        self.cases.values().find(fits).map(|(case, _)| case)
    }
}

fn order_version(json: &Value, stored: Timestamp) -> OrderVersion {
    let extensions = || json["extension"].as_array().into_iter().flatten();
    let of = |url: &str| extensions().find(|extension| extension["url"] == url);
    let told = of(TOLD_AT).and_then(|told| told["valueDateTime"].as_str()?.parse().ok());
    let concept = &json["medicationCodeableConcept"];
    let codings = concept["coding"].as_array().into_iter().flatten();
    let code = |coding: &Value| coding["code"].as_str().map(str::to_owned);
    OrderVersion {
        told: told.unwrap_or(stored),
        status: json["status"].as_str().unwrap_or_default().to_owned(),
        verified: of(VERIFIED_BY).is_some(),
        patient: subject(json).unwrap_or_default(),
        codes: codings.filter_map(code).collect(),
    }
}

/// The id of the patient whom a resource is about.
pub(super) fn subject(json: &Value) -> Option<String> {
    json["subject"]["reference"].as_str()?.strip_prefix("Patient/").map(str::to_owned)
}
