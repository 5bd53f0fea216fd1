//! A new order, or one that replaces another.

use fhir::resources::Substitution;
use fhir::resources::{MedicationRequest, MedicationRequestIntent, MedicationRequestStatus};
use fhir::types::{Extension, Reference};
use fhir::{ResourceType, StoredResource};

use super::receive::{Told, tell};
use super::{Control, VERIFIED_BY, stop};
use crate::command::{Problem, ProblemCode};
use crate::deliveries::VersionOf;
use crate::facts::{Facts, problem};
use crate::patients::identifier_key;
use crate::resources;
use crate::site::Site;
use crate::state::{State, lookup_key};

pub(super) fn place(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    if state.order_by(&told.number).is_some() {
        let text = "An order with this number exists: a change needs its own order control.";
        return problem(ProblemCode::DuplicateOrder, text);
    }
    if told.message.order.medication_concept().is_none_or(|concept| concept.words().is_none()) {
        let text = "The order names no medicine.";
        return problem(ProblemCode::FieldMissing, text).map_err(|p| p.at("RXE-2"));
    }
    let number = told.message.replaces.as_ref().and_then(identifier_key);
    let replaced = match number {
        Some(number) => Some(stop::replaced(state, facts, told, &number)?),
        None => None,
    };
    let placed = if let Some(written) = told.version {
        written.clone()
    } else {
        let mut order = request(facts.site, told);
        order.prior_prescription =
            replaced.map(|id| Reference::to(ResourceType::MedicationRequest, &id));
        StoredResource::of(&order, facts.id(), 1, facts.ctx.now)
    };
    let version = VersionOf::new(ResourceType::MedicationRequest, &placed.id, placed.version);
    facts.stored(placed);
    tell(facts, &told.patient, Control::New, version);
    Ok(())
}

/// The MedicationRequest as it is first stored.
fn request(site: &Site, told: &Told<'_>) -> MedicationRequest {
    let message = told.message;
    let mut order = message.order.clone();
    order.status = MedicationRequestStatus::Active;
    order.intent = MedicationRequestIntent::Order;
    order.subject = Reference::to(ResourceType::Patient, &told.patient.id);
    let encounter = told.patient.current();
    order.encounter = encounter.map(|e| Reference::to(ResourceType::Encounter, &e.id));
    order.meta = Some(resources::profile(fhir::profiles::MEDICATION_REQUEST));
    order.substitution.get_or_insert_with(Substitution::not_allowed);
    order.authored_on.get_or_insert_with(|| resources::time(told.activity));
    put_number_first(&mut order, told);
    order.extension.extend(word(site, told));
    order
}

/// The placer's number is the first identifier: by it the order is known.
fn put_number_first(order: &mut MedicationRequest, told: &Told<'_>) {
    order.identifier.retain(|other| {
        let key = other.system.as_deref().zip(other.value.as_deref());
        key.is_none_or(|(system, value)| lookup_key(system, value) != told.number)
    });
    order.identifier.insert(0, told.message.placer.clone());
}

/// When the order says that it was entered, and who verified it.
pub(super) fn word(site: &Site, told: &Told<'_>) -> Vec<Extension> {
    let mut extensions = vec![resources::told_at(told.activity)];
    if let Some(pharmacist) = &told.message.verified_by {
        let mut verified = Extension::new(VERIFIED_BY.to_owned());
        verified.value_reference = Some(Box::new(resources::staff(site, pharmacist)));
        extensions.push(verified);
    }
    extensions
}
