//! What the loop says to a write: its own word is not changed from outside.
//!
//! - Orders, dispenses, administrations and stays that the loop made change by its own doors: HL7,
//!   the cabinets, the bedside. Nothing that the loop made is deleted.
//! - An order, a dispense, a dose or a stay of somebody who is in hospital now acts in the loop: it
//!   has to take those doors as well, unless a prescriber's system writes the order (`order`). Of
//!   anybody else it is a record of what happened elsewhere, which grants nothing and moves no
//!   stock. A dose may be told here as well: `dose`.
//! - Who a patient is may be told. No number may lead to two patients, none may be taken from a
//!   patient whom the loop knows, and patients are merged by the PAS alone.

use std::sync::Arc;

use fhir::resources::{MedicationRequest, MedicationRequestIntent, Patient, PatientLinkType};
use fhir::types::Reference;
use fhir::{Id, ReadError, ResourceType, StoredResource};

use super::write::Writing;
use super::{Fault, FaultCode};
use crate::deliveries::{Subject, VersionOf, tell_cabinets};
use crate::patients::{PatientEvent, identifier_key, keys};
use crate::state::{PatientState, State};
use crate::subscriptions::{Written, admit};

/// A version and the one before it.
pub(super) struct Change<'a> {
    pub(super) before: Option<&'a StoredResource>,
    pub(super) after: &'a StoredResource,
}

/// What a version that is written means to the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The live state takes it in.
    Folded,
    /// It is kept, and acts on nothing.
    Recorded,
}

/// Whether the id is of the series that this server gives out itself.
pub(super) fn is_reserved(site: &str, id: &Id) -> bool {
    after_site(site, id).is_some()
}

/// Whether the loop made the resource of that id at the site.
pub fn is_of_the_loop(site: &str, id: &Id) -> bool {
    let Some(rest) = after_site(site, id) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match rest.split_once('.') {
        // What clients write is of a series of its own.
        Some((entry, number)) => !(digits(entry) && number.strip_prefix('f').is_some_and(digits)),
        None => true,
    }
}

fn after_site<'i>(site: &str, id: &'i Id) -> Option<&'i str> {
    let site: String = site.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    id.strip_prefix(&site.to_ascii_lowercase())?.strip_prefix('.')
}

/// Whether a version may be written, and what it then means.
pub(super) fn check(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<Standing, Fault> {
    let kind = change.after.resource_type;
    match kind {
        ResourceType::Patient => patient(writing, change).map(|()| Standing::Folded),
        ResourceType::AllergyIntolerance => allergy(change).map(|()| Standing::Folded),
        ResourceType::Encounter
        | ResourceType::MedicationRequest
        | ResourceType::MedicationDispense
        | ResourceType::MedicationAdministration => {
            if is_of_the_loop(&writing.facts.site.code, &change.after.id) {
                return Err(Fault::new(FaultCode::LoopRule, by_its_door(kind)));
            }
            outside_the_loop(writing.state, change.after).map(|()| Standing::Recorded)
        }
        ResourceType::Subscription => subscription(writing, change).map(|()| Standing::Recorded),
        _ => Ok(Standing::Recorded),
    }
}

fn subscription(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<(), Fault> {
    let (before, after) = (change.before, change.after);
    let asked = writing.asked();
    let (client, wish) = (asked.by.as_str(), writing.wish());
    let written = Written { client, wish, before, after };
    admit(writing.state, &mut writing.facts, &written)
}

/// The way that a word about such a thing has to take.
pub(super) fn by_its_door(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::MedicationRequest => {
            "Only the prescriber's system changes an order in the loop: send it as an order \
             message (RDE^O11), or write it as a client with the role prescriber."
        }
        ResourceType::MedicationDispense => {
            "Only a cabinet tells what was taken from it: use its HL7 channel, or \
             /cabinet/removals."
        }
        ResourceType::MedicationAdministration => {
            "What was given to somebody who is in hospital has to be accounted for: use \
             /administrations, RAS^O17, or create a MedicationAdministration."
        }
        _ => "Where a patient is comes from the PAS: send it as an ADT message.",
    }
}

/// Refuses what would act in the loop: it is about somebody who is in hospital now.
fn outside_the_loop(state: &mut State, after: &StoredResource) -> Result<(), Fault> {
    let kind = after.resource_type;
    if in_the_loop(state, after).map_err(|error| unreadable(&error))?.is_none() {
        return Ok(());
    }
    Err(Fault::new(FaultCode::LoopRule, by_its_door(kind)).at(format!("{kind}.subject")))
}

/// Whose a resource is, where it acts in the loop.
pub(super) fn in_the_loop(
    state: &mut State,
    after: &StoredResource,
) -> Result<Option<Arc<PatientState>>, ReadError> {
    if !acts(after)? {
        return Ok(None);
    }
    let patient = whom(state, after).and_then(|patient| state.patient(&patient));
    Ok(patient.filter(|patient| patient.current().is_some()))
}

/// Whether a resource says that something is to be done or was done, rather than that it was not.
fn acts(after: &StoredResource) -> Result<bool, ReadError> {
    let status = fhir::search::index(after)?.status.unwrap_or_default();
    Ok(match after.resource_type {
        ResourceType::MedicationRequest => {
            use MedicationRequestIntent::{Option, Plan, Proposal};
            let intent = after.read::<MedicationRequest>()?.intent;
            matches!(status, "active" | "on-hold") && !matches!(intent, Proposal | Plan | Option)
        }
        ResourceType::Encounter => {
            matches!(status, "arrived" | "triaged" | "in-progress" | "onleave")
        }
        _ => !matches!(status, "entered-in-error" | "unknown" | "cancelled" | "declined"),
    })
}

/// The patient whom a resource names, by reference or by number.
fn whom(state: &mut State, after: &StoredResource) -> Option<Id> {
    let subject: Reference = serde_json::from_str(after.member("subject")?).ok()?;
    let by_number = || identifier_key(subject.identifier.as_deref()?);
    match subject.id_of(ResourceType::Patient) {
        Some(id) => Some(id),
        None => by_number().and_then(|number| state.patient_by(&number)),
    }
}

/// An allergy stays its patient's.
fn allergy(change: &Change<'_>) -> Result<(), Fault> {
    let whose = |version: &StoredResource| {
        fhir::search::index(version).map(|values| values.patient).map_err(|e| unreadable(&e))
    };
    let now = whose(change.after)?;
    let Some(before) = change.before else { return Ok(()) };
    if whose(before)? == now {
        return Ok(());
    }
    let text = "An allergy stays with its patient: withdraw it (entered-in-error), and record \
                another one.";
    Err(Fault::new(FaultCode::LoopRule, text).at("AllergyIntolerance.patient"))
}

fn patient(writing: &mut Writing<'_>, change: &Change<'_>) -> Result<(), Fault> {
    let read = |version: &StoredResource| version.read::<Patient>().map_err(|e| unreadable(&e));
    let after = read(change.after)?;
    let before = change.before.map(read).transpose()?;
    let id = &change.after.id;
    if replaced_by(&after) != before.as_ref().and_then(replaced_by) {
        let text = "Patients are merged by the PAS (ADT^A40): a link of the type replaced-by \
                    cannot be written.";
        return Err(Fault::new(FaultCode::LoopRule, text).at("Patient.link"));
    }
    let numbers = keys(&after.identifier);
    for number in &numbers {
        let others = writing.state.patient_by(number).is_some_and(|other| other != *id);
        if others && before.as_ref().is_none_or(|before| !keys(&before.identifier).contains(number))
            || !writing.numbers.insert(number.clone())
        {
            let text = "One of the identifiers is another patient's: a number leads to one \
                        patient only.";
            return Err(Fault::new(FaultCode::Conflict, text).at("Patient.identifier"));
        }
    }
    let known = writing.state.patient(id);
    let in_the_loop = is_of_the_loop(&writing.facts.site.code, id)
        || known.is_some_and(|known| !known.at_rest() || !known.encounters.is_empty());
    let lost = |before: &Patient| keys(&before.identifier).iter().any(|key| !numbers.contains(key));
    if in_the_loop && before.as_ref().is_some_and(lost) {
        let text = "The loop knows this patient by their numbers: none of them may be left out. \
                    The PAS gives another number (ADT^A47).";
        return Err(Fault::new(FaultCode::LoopRule, text).at("Patient.identifier"));
    }
    Ok(())
}

fn replaced_by(patient: &Patient) -> Option<Id> {
    let link = patient.link.iter().find(|link| link.kind == PatientLinkType::ReplacedBy)?;
    link.other.id_of(ResourceType::Patient)
}

/// Tells the cabinets of a patient who is on one of their wards what is new of them.
pub(super) fn tell(writing: &mut Writing<'_>, change: &Change<'_>) {
    let (kind, id) = (change.after.resource_type, &change.after.id);
    if kind != ResourceType::Patient || change.before.is_none() {
        return;
    }
    let Some(known) = writing.state.patient(id) else { return };
    let Some(ward) = known.ward() else { return };
    let mut subject = Subject::of(&known);
    subject.patient = VersionOf::new(kind, id, change.after.version);
    let notice = subject.notice(PatientEvent::A08);
    tell_cabinets(&mut writing.facts, &[ward], id, &notice);
}

pub(super) fn unreadable(error: &ReadError) -> Fault {
    let text = format!("The resource cannot be read: {}.", error.detail());
    Fault::new(FaultCode::Invalid, text).at(error.expression())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_who_made_them() {
        let check = |id: &str, reserved: bool, of_the_loop: bool| {
            let id: Id = id.parse().unwrap();
            let found = (is_reserved("RXX", &id), is_of_the_loop("RXX", &id));
            assert_eq!(found, (reserved, of_the_loop), "{id}");
        };
        check("rxx.12.1", true, true);
        check("rxx.12.b1", true, true);
        check("rxx.12.f1", true, false);
        check("rxx.12.f", true, true);
        check("rxx.0123456789abcdef0123456789abcdef01234567", true, true);
        check("rxy.12.1", false, false);
        check("rxx", false, false);
        check("example", false, false);
    }
}
