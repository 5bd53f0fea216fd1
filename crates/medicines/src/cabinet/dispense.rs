//! A removal becomes a MedicationDispense, and the systems that keep the record are told.

use fhir::resources::{DispensePerformer, MedicationDispense, MedicationDispenseStatus};
use fhir::types::{CodeableConcept, Quantity, Reference};
use fhir::{Decimal, ResourceType, StoredResource};

use crate::deliveries::{Notice, VersionOf, tell_recorders};
use crate::facts::Facts;
use crate::state::{PatientState, State};
use crate::stock::{Basis, Transfer};
use crate::{resources, site::Site};

/// The code system of kinds of supply that Interlock adds to the standard's.
const DISPENSE_KIND: &str = "urn:interlock:dispense-kind";

/// Stores the MedicationDispense of a posted removal and queues it for the recorders (RDS^O13).
pub(super) fn tell(
    state: &mut State,
    facts: &mut Facts<'_>,
    patient: &PatientState,
    removal: &Transfer,
) {
    let dispense = dispense(state, facts.site, patient, removal);
    let at = facts.ctx.now;
    let stored = StoredResource::of(&dispense, removal.id.clone(), 1, at);
    facts.stored(stored);
    let notice = Notice::Dispense {
        dispense: VersionOf::new(ResourceType::MedicationDispense, &removal.id, 1),
        patient: VersionOf::patient(patient),
    };
    tell_recorders(facts, &patient.id, &notice);
}

fn dispense(
    state: &mut State,
    site: &Site,
    patient: &PatientState,
    removal: &Transfer,
) -> MedicationDispense {
    let mut dispense = MedicationDispense::new(MedicationDispenseStatus::Completed);
    dispense.meta = Some(resources::profile(fhir::profiles::MEDICATION_DISPENSE));
    dispense.medication_codeable_concept = Some(resources::item_concept(site, &removal.item));
    dispense.subject = Some(Reference::to(ResourceType::Patient, &patient.id));
    let encounter = patient.current().map(|e| Reference::to(ResourceType::Encounter, &e.id));
    dispense.context = encounter;
    dispense.performer = performers(site, removal);
    dispense.location = removal.cabinet.as_deref().map(|id| resources::cabinet(site, id));
    if let Some(order) = &removal.order {
        let mut reference = Reference::to(ResourceType::MedicationRequest, order);
        reference.identifier = state.order(order).and_then(|order| resources::number(&order));
        dispense.authorizing_prescription = vec![reference];
    }
    dispense.kind = Some(CodeableConcept::of(DISPENSE_KIND, "removal", None));
    let value = Decimal::from(removal.quantity);
    dispense.quantity = Some(Quantity {
        value: Some(value),
        unit: Some(removal.unit.clone()),
        ..Quantity::default()
    });
    dispense.when_handed_over = Some(resources::time(removal.activity));
    // A batch that is only assumed is nobody else's business.
    if let Some(batch) = removal.batch.as_ref().filter(|_| removal.basis == Basis::Known) {
        dispense.identifier = vec![resources::batch_identifier(site, batch)];
    }
    dispense
}

fn performers(site: &Site, removal: &Transfer) -> Vec<DispensePerformer> {
    let person = DispensePerformer::new(resources::staff(site, &removal.person));
    let witness = removal.witness.as_deref().map(|witness| {
        let mut performer = DispensePerformer::new(resources::staff(site, witness));
        performer.function = Some(resources::witness_function());
        performer
    });
    std::iter::once(person).chain(witness).collect()
}
