//! What the cabinets show is what the record holds: the patients on the ward and their orders.

use std::collections::{BTreeMap, HashMap};

use fhir::ResourceType;
use serde_json::Value;

use super::facts::subject;
use super::{Report, Truth};

const RULE: &str = "a cabinet shows something else than the record";

pub(in crate::trial) fn check(report: &mut Report, truth: &Truth<'_>) {
    let orders = orders(truth);
    for cabinet in truth.site.cabinets.iter().filter(|cabinet| cabinet.has_profile()) {
        let id = cabinet.id();
        let shown = truth.book.profiles.get(&id).cloned().unwrap_or_default();
        for (patient, numbers) in on_wards(truth, &cabinet.wards) {
            let Some(listed) = shown.find(&numbers) else {
                report.wrong(RULE, || format!("{id} does not list {patient}"));
                continue;
            };
            let told: BTreeMap<&str, bool> =
                listed.orders.iter().map(|(n, shown)| (n.as_str(), shown.held)).collect();
            let none = BTreeMap::new();
            let kept = orders.get(&patient).unwrap_or(&none);
            let kept: BTreeMap<&str, bool> =
                kept.iter().map(|(number, held)| (number.as_str(), *held)).collect();
            if told != kept {
                report.wrong(RULE, || format!("{id} {patient}: {told:?}, on record {kept:?}"));
            }
        }
    }
}

/// The patients who are on these wards, with all their numbers.
fn on_wards(truth: &Truth<'_>, wards: &[String]) -> Vec<(String, Vec<String>)> {
    let mut patients = Vec::new();
    for ((kind, _), stay) in &truth.told.resources {
        if *kind != ResourceType::Encounter || stay["status"] != "in-progress" {
            continue;
        }
        let ward = stay["location"][0]["location"]["display"].as_str().unwrap_or_default();
        if !wards.iter().any(|served| served == ward) {
            continue;
        }
        let Some(patient) = subject(stay).map(|patient| truth.told.survivor(&patient)) else {
            continue;
        };
        let key = (ResourceType::Patient, patient.clone());
        let numbers = truth.told.resources.get(&key).map(|json| values(&json["identifier"]));
        patients.push((patient, numbers.unwrap_or_default()));
    }
    patients
}

fn values(identifiers: &Value) -> Vec<String> {
    let identifiers = identifiers.as_array().into_iter().flatten();
    identifiers.filter_map(|number| number["value"].as_str().map(str::to_owned)).collect()
}

/// The orders that are not over, by patient: the placer's number and whether it is held.
fn orders(truth: &Truth<'_>) -> HashMap<String, BTreeMap<String, bool>> {
    let mut orders: HashMap<String, BTreeMap<String, bool>> = HashMap::new();
    for ((kind, _), json) in &truth.told.resources {
        let status = json["status"].as_str().unwrap_or_default();
        if *kind != ResourceType::MedicationRequest || !["active", "on-hold"].contains(&status) {
            continue;
        }
        let number = json["identifier"][0]["value"].as_str().unwrap_or_default().to_owned();
        if let Some(patient) = subject(json) {
            let patient = truth.told.survivor(&patient);
            orders.entry(patient).or_default().insert(number, status == "on-hold");
        }
    }
    orders
}
