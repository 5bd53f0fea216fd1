//! What an order that is written is about: whose it is, its number, its stay, its medicine.

use std::sync::Arc;

use fhir::resources::{MedicationRequest, Patient};
use fhir::systems::DMD_OR_SNOMED;
use fhir::types::{CodeableConcept, Coding, Identifier, Reference};
use fhir::{Id, ResourceType, StoredResource};
use serde_json::Value;

use super::{Told, rule};
use crate::orders::{order_systems, placers_of};
use crate::patients::{find_optional, identifier_key, keys, survivor};
use crate::state::PatientState;
use crate::store::Fault;
use crate::store::write::Writing;

/// The patient whom an order is for: one whom the loop knows, or whom the same write creates.
pub(super) fn patient(
    writing: &mut Writing<'_>,
    order: &MedicationRequest,
) -> Result<Arc<PatientState>, Fault> {
    let unknown = || rule("No patient is known by this reference or number.", "subject");
    let subject = &order.subject;
    let by_number = match &subject.identifier {
        Some(number) => find_optional(writing.state, std::slice::from_ref(&**number))
            .map_err(|problem| rule(problem.text, "subject.identifier"))?,
        None => None,
    };
    let Some(reference) = &subject.reference else { return by_number.ok_or_else(unknown) };
    let id = subject.id_of(ResourceType::Patient).ok_or_else(unknown)?;
    let named = match survivor(writing.state, &id) {
        Some(known) => known,
        None => created(writing, &id).ok_or_else(unknown)?,
    };
    if by_number.is_some_and(|other| other.id != named.id) {
        let text = format!("The number is not that of {reference}.");
        return Err(rule(text, "subject.identifier"));
    }
    Ok(named)
}

/// A patient whom this write creates: in no stay yet.
fn created(writing: &Writing<'_>, id: &Id) -> Option<Arc<PatientState>> {
    let created = writing.facts.written(ResourceType::Patient, id)?;
    let patient: Patient = created.read().ok()?;
    Some(Arc::new(PatientState {
        id: id.clone(),
        version: created.version,
        merged_into: None,
        keeps_others: false,
        identifiers: keys(&patient.identifier),
        encounters: Vec::new(),
        orders: Vec::new(),
        removals: Vec::new(),
        allergies: Vec::new(),
        recent: Vec::new(),
    }))
}

/// The number by which the prescriber's system and the cabinets know the order: the only one in a
/// system of the site's order numbers, `https://rxx.nhs.uk/Id/order/epma`.
pub(super) fn placer(
    writing: &Writing<'_>,
    order: &MedicationRequest,
) -> Result<Identifier, Fault> {
    let site = &writing.facts.site.code;
    let start = order_systems(site);
    let mut numbers = placers_of(site, &order.identifier);
    match (numbers.next(), numbers.next()) {
        (Some(number), None) => Ok(number.clone()),
        (None, _) => {
            let text = format!(
                "An order needs the number by which your system knows it, in the system \
                 {start}NAME (NAME in small letters, as your HL7 would name its numbers)."
            );
            Err(rule(text, "identifier"))
        }
        (Some(_), Some(_)) => {
            let text = format!("An order has one number in the systems {start}NAME.");
            Err(rule(text, "identifier"))
        }
    }
}

/// Whether no other order has the number.
pub(super) fn is_new(writing: &mut Writing<'_>, number: &str) -> Result<(), Fault> {
    if writing.state.order_by(number).is_none() {
        return Ok(());
    }
    let text = "There is an order with this number: change that one, or give this one its own.";
    Err(Fault { code: crate::store::FaultCode::Conflict, ..rule(text, "identifier") })
}

/// The stay in which an order is placed, as the member that has to stand in the resource; `None`
/// where what stands there, or that nothing does, is right.
pub(super) fn encounter(
    writing: &Writing<'_>,
    before: Option<&StoredResource>,
    told: &Told,
) -> Result<Option<String>, Fault> {
    let kept = before.and_then(|before| before.member("encounter"));
    let Some(named) = &told.order.encounter else {
        let current = told.patient.current().filter(|_| before.is_none());
        let current = current.map(|stay| json(&Reference::to(ResourceType::Encounter, &stay.id)));
        return Ok(kept.map(str::to_owned).or(current));
    };
    let stays = &told.patient.encounters;
    let visit = named.identifier.as_deref().and_then(identifier_key);
    let by_visit = || stays.iter().find(|stay| Some(&stay.visit) == visit.as_ref());
    let id = match &named.reference {
        Some(_) => named.id_of(ResourceType::Encounter),
        None => by_visit().map(|stay| stay.id.clone()),
    };
    let unknown =
        || rule("No stay of the patient is known by this reference or number.", "encounter");
    let id = id.ok_or_else(unknown)?;
    let was = kept.and_then(|kept| serde_json::from_str::<Reference>(kept).ok());
    let is_kept = was.and_then(|was| was.id_of(ResourceType::Encounter)).as_ref() == Some(&id);
    let is_right = match told.patient.current() {
        _ if is_kept => true,
        Some(current) => current.id == id,
        None => !stays.iter().any(|stay| stay.id == id) && is_of(writing, &id, &told.patient.id),
    };
    if !is_right {
        let text = "This is not the stay in which the patient is now.";
        return Err(if is_known(writing, &id) { rule(text, "encounter") } else { unknown() });
    }
    Ok(named.reference.is_none().then(|| {
        let found = Reference::to(ResourceType::Encounter, &id);
        json(&Reference { reference: found.reference, ..named.clone() })
    }))
}

fn is_known(writing: &Writing<'_>, id: &Id) -> bool {
    stay(writing, id).is_some()
}

/// A stay that a client wrote, in this write or before.
fn stay(writing: &Writing<'_>, id: &Id) -> Option<StoredResource> {
    let kind = ResourceType::Encounter;
    writing.facts.written(kind, id).cloned().or_else(|| writing.state.resource(kind, id))
}

fn is_of(writing: &Writing<'_>, id: &Id, patient: &Id) -> bool {
    let subject = stay(writing, id).and_then(|stay| {
        serde_json::from_str::<Reference>(stay.member("subject")?)
            .ok()?
            .id_of(ResourceType::Patient)
    });
    subject.as_ref() == Some(patient)
}

/// The subject that has to stand in the resource: a reference to the patient who keeps the record.
pub(super) fn subject(told: &Told) -> Option<String> {
    let subject = &told.order.subject;
    if subject.id_of(ResourceType::Patient).as_ref() == Some(&told.patient.id) {
        return None;
    }
    let found = Reference::to(ResourceType::Patient, &told.patient.id);
    Some(json(&Reference { reference: found.reference, ..subject.clone() }))
}

fn json(value: &Reference) -> String {
    serde_json::to_string(value).expect("a reference is JSON")
}

/// The number of the order that a new one replaces, where the loop acts on that and no other part
/// of the write says what becomes of it.
pub(super) fn replaced(
    writing: &mut Writing<'_>,
    told: &Told,
) -> Result<Option<Identifier>, Fault> {
    let Some(prior) = &told.order.prior_prescription else { return Ok(None) };
    let number = prior.identifier.as_deref().and_then(identifier_key);
    let order = match prior.id_of(ResourceType::MedicationRequest) {
        Some(id) => writing.state.order(&id),
        None => number.and_then(|number| writing.state.order_by(&number)),
    };
    // What is not in the loop is a prescription elsewhere, of which the resource tells.
    let Some(order) = order.filter(|order| order.is_open()) else { return Ok(None) };
    if order.patient != told.patient.id || order.by.as_deref() != Some(writing.client()) {
        let text = "The order that is to be replaced is another patient's or another system's.";
        return Err(rule(text, "priorPrescription"));
    }
    if writing.tells(ResourceType::MedicationRequest, &order.id) {
        return Ok(None);
    }
    if !writing.orders.insert(order.number.to_string()) {
        let text = "The write replaces the same order twice.";
        return Err(rule(text, "priorPrescription"));
    }
    Ok(crate::resources::number(&order).map(|number| *number))
}

/// Whether nothing in it changes the meaning of the rest in a way that is not known here (R4
/// §2.4.1.1: a modifier extension has to be understood).
pub(super) fn understood(version: &StoredResource) -> Result<(), Fault> {
    let value: Value = serde_json::from_str(version.json()).expect("what is stored is JSON");
    if value.get("implicitRules").is_some() {
        return Err(rule("Rules that change what elements mean are not known.", "implicitRules"));
    }
    match modifier(&value) {
        None => Ok(()),
        Some(place) => {
            let text = "An extension that changes the meaning of an order has to be understood, \
                        and this one is not.";
            Err(rule(text, &place))
        }
    }
}

/// Where the first modifier extension is.
fn modifier(value: &Value) -> Option<String> {
    const MODIFIER: &str = "modifierExtension";
    match value {
        Value::Object(members) if members.contains_key(MODIFIER) => Some(MODIFIER.to_owned()),
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let place = modifier(value)?;
            let dot = if place.starts_with('[') { "" } else { "." };
            Some(format!("{name}{dot}{place}"))
        }),
        Value::Array(values) => values
            .iter()
            .enumerate()
            .find_map(|(number, value)| Some(format!("[{number}].{}", modifier(value)?))),
        _ => None,
    }
}

/// Whether somebody here knows the medicine by one of its codes: the formulary, or dm+d.
pub(super) fn medicine(writing: &Writing<'_>, order: &MedicationRequest) -> Result<(), Fault> {
    let concept = order.medication_concept().ok_or_else(|| {
        let text = "Name the medicine by a code, here or in a contained Medication.";
        rule(text, "medication")
    })?;
    if concept.coding.iter().any(|coding| is_medicine(writing, coding)) {
        return Ok(());
    }
    let text = if is_words(&concept) {
        "Name the medicine by a code: words are not read."
    } else {
        "Neither the formulary nor dm+d knows the medicine by these codes."
    };
    Err(rule(text, "medication"))
}

fn is_words(concept: &CodeableConcept) -> bool {
    concept.coding.iter().all(|coding| coding.code.is_none())
}

fn is_medicine(writing: &Writing<'_>, coding: &Coding) -> bool {
    let (Some(system), Some(code)) = (coding.system.as_deref(), coding.code.as_deref()) else {
        return false;
    };
    let site = writing.facts.site;
    if system == site.item_system() {
        return site.item(code).is_some();
    }
    let is_dmd = DMD_OR_SNOMED.contains(&system);
    let mut items = site.items.iter();
    let of_item = items.any(|item| {
        let same = |other: &str| other == system || is_dmd && DMD_OR_SNOMED.contains(&other);
        item.codings.iter().any(|(other, known)| known == code && same(other))
            || is_dmd && item.dmd.as_deref() == Some(code)
    });
    // Without a release nobody can say that dm+d does not have a code.
    let in_release = || match (code.parse(), writing.facts.ctx.dictionary()) {
        (Ok(id), Some(index)) => index.find(id).is_some(),
        (Ok(_), None) => true,
        (Err(_), _) => false,
    };
    of_item || is_dmd && in_release()
}
