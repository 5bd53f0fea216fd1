//! A dose that a client tells of as a MedicationAdministration: the bedside's own decision.
//!
//! What is created about somebody who is in hospital now is accounted for as
//! `POST /administrations` and RAS^O17 are: the units leave the hands that took them, and the
//! systems that keep the record are told. Where it cannot be, nothing is kept, and the client is
//! told why.

use MedicationAdministrationStatus::{Completed, NotDone, Stopped};
use fhir::resources::{
    AdministrationPerformer, MedicationAdministration, MedicationAdministrationStatus,
};
use fhir::types::Identifier;
use fhir::{Draft, Id, ResourceType, StoredResource};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::governed::{in_the_loop, unreadable};
use super::write::Writing;
use super::{Fault, FaultCode};
use crate::Quantity;
use crate::bedside::{Administration, administer_in};
use crate::resources::is_witness;
use crate::state::PatientState;

/// Whether a draft tells of a dose of somebody who is in hospital now.
pub(super) fn is_of_the_loop(writing: &mut Writing<'_>, draft: &Draft, id: &Id) -> bool {
    if draft.resource_type != ResourceType::MedicationAdministration {
        return false;
    }
    // Who is created by the same write is not in hospital yet. Whom a search finds is known only
    // later: such a dose is refused then.
    let links = vec![String::new(); writing.count_links()];
    let trial = draft.store(id.clone(), 1, writing.facts.ctx.now, &links);
    in_the_loop(writing.state, &trial).is_ok_and(|patient| patient.is_some())
}

/// Accounts for the dose and keeps it.
pub(super) fn give(writing: &mut Writing<'_>, after: &StoredResource) -> Result<(), Fault> {
    if !writing.gives() {
        let text = "To tell of a dose of somebody who is in hospital, a client needs the role \
                    bedside.";
        return Err(Fault::new(FaultCode::LoopRule, text));
    }
    let told: MedicationAdministration = after.read().map_err(|error| unreadable(&error))?;
    let patient = in_the_loop(writing.state, after).map_err(|error| unreadable(&error))?;
    let Some(patient) = patient else {
        let text = "The patient is not in hospital any more.";
        return Err(Fault::new(FaultCode::Conflict, text));
    };
    let given = administration(writing, &told, &patient)?;
    let given = administer_in(writing.state, &mut writing.facts, &given, &after.id, Some(after));
    given.map_err(|problem| {
        let text = format!("{}: {}", problem.code.as_str(), problem.text);
        Fault::new(FaultCode::LoopRule, text).at("MedicationAdministration")
    })
}

fn missing(what: &str, place: &str) -> Fault {
    let text = format!("A dose of somebody who is in hospital needs {what}.");
    Fault::new(FaultCode::LoopRule, text).at(format!("MedicationAdministration.{place}"))
}

fn administration(
    writing: &mut Writing<'_>,
    told: &MedicationAdministration,
    patient: &PatientState,
) -> Result<Administration, Fault> {
    if !matches!(told.status, Completed | NotDone | Stopped) {
        return Err(missing("to have ended: completed, stopped or not-done", "status"));
    }
    let item = told
        .medication_concept()
        .filter(|concept| concept.coding.iter().any(|coding| coding.code.is_some()))
        .ok_or_else(|| missing("the medicine as a code", "medicationCodeableConcept"))?;
    let (witnesses, people): (Vec<_>, Vec<_>) =
        told.performer.iter().partition(|one| one.function.as_ref().is_some_and(is_witness));
    let performer = people
        .into_iter()
        .find_map(number)
        .ok_or_else(|| missing("the staff number of who gave it", "performer.actor.identifier"))?;
    let activity = activity(told)
        .filter(|at| *at <= writing.facts.ctx.now)
        .ok_or_else(|| missing("the time when it was given, not later than now", "effective"))?;
    Ok(Administration {
        patient: patient.identifiers.iter().filter_map(|key| identifier(key)).collect(),
        order: order(writing, told),
        removal: None,
        item,
        quantity: quantity(told)?,
        status: told.status,
        reason: told.status_reason.first().cloned(),
        performer,
        witness: witnesses.into_iter().find_map(number),
        activity,
    })
}

/// How much was given: nothing, of a dose that was not.
fn quantity(told: &MedicationAdministration) -> Result<Quantity, Fault> {
    if told.status == NotDone {
        return Ok(Quantity::new(Decimal::ZERO, ""));
    }
    let dose = told.dosage.as_ref().and_then(|dosage| dosage.dose.as_ref());
    let told = dose.and_then(|dose| Some((dose.value.as_ref()?.value(), dose)));
    let (value, dose) = told.ok_or_else(|| missing("how much was given", "dosage.dose"))?;
    let unit = dose.unit.as_deref().or(dose.code.as_deref()).unwrap_or_default();
    Ok(Quantity::new(value, unit))
}

/// The placer's number of the order: that of the order that the client names, or as it says it.
fn order(writing: &mut Writing<'_>, told: &MedicationAdministration) -> Option<Identifier> {
    let request = told.request.as_ref()?;
    let named = request.id_of(ResourceType::MedicationRequest);
    match named.and_then(|id| writing.state.order(&id)) {
        Some(order) => identifier(&order.number),
        None => request.identifier.as_deref().cloned(),
    }
}

/// An identifier from the text under which it is looked up, `system|value`.
fn identifier(key: &str) -> Option<Identifier> {
    key.rsplit_once('|').map(|(system, value)| Identifier::of(system, value))
}

/// The staff number of a performer.
fn number(performer: &AdministrationPerformer) -> Option<String> {
    performer.actor.identifier.as_ref()?.value.clone()
}

fn activity(told: &MedicationAdministration) -> Option<Timestamp> {
    let period = told.effective_period.as_ref().and_then(|period| period.start.as_ref());
    told.effective_date_time.as_ref().or(period).map(fhir::DateTime::lower)
}
