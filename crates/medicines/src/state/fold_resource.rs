//! What a stored resource means to the live state.

use std::sync::Arc;

use fhir::resources::{
    AllergyIntolerance, Encounter, EncounterStatus, MedicationRequest, Patient, PatientLinkType,
    Resource,
};
use fhir::types::{Dosage, Timing, UnitOfTime};
use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    EncounterState, OrderState, PatientState, RowKind, Schedule, State, StatusChange, course, way,
};
use crate::Quantity;
use crate::patients::keys;
use crate::store::{Deleted, is_of_the_loop};

/// The most status changes that an order remembers: enough for judging what arrives late.
const MAX_CHANGES: usize = 24;
/// The most encounters that a patient keeps in the state; older ones stay in the record.
const MAX_ENCOUNTERS: usize = 16;
/// The seconds of a day.
const DAY_S: i64 = 86_400;

impl State {
    pub(super) fn fold_resource(&mut self, resource: &StoredResource) {
        self.fold_recorded(resource);
        match resource.resource_type {
            ResourceType::Patient => self.fold_patient(resource, &read(resource)),
            ResourceType::Encounter => self.fold_encounter(resource, &read(resource)),
            ResourceType::MedicationRequest => self.fold_order(resource, &read(resource)),
            ResourceType::AllergyIntolerance => self.fold_allergy(resource, &read(resource)),
            // The dispense of a removal has the removal's id.
            ResourceType::MedicationDispense => {
                self.fold_told(&resource.id, resource.last_updated);
            }
            _ => {}
        }
    }

    /// Takes a version in that means nothing to the live state.
    pub(super) fn fold_recorded(&mut self, resource: &StoredResource) {
        let key = (resource.resource_type, resource.id.clone());
        if !self.gone.is_empty() {
            self.gone.remove(&key);
        }
        self.fresh.insert(key, (self.seq, resource.clone()));
    }

    pub(super) fn fold_deleted(&mut self, deleted: &Deleted) {
        let id = &deleted.id;
        let key = (deleted.resource_type, id.clone());
        self.fresh.remove(&key);
        match (deleted.resource_type, &deleted.patient) {
            (ResourceType::Patient, _) => self.forget_patient(id),
            (ResourceType::AllergyIntolerance, Some(patient)) => {
                self.change_patient(patient, |state| {
                    state.allergies.retain(|(_, known)| known != id);
                });
            }
            (ResourceType::Subscription, _) => {
                self.subscriptions.remove(id);
                self.changed.insert((RowKind::Subscription, id.to_string()));
            }
            _ => {}
        }
        // From now on nobody finds it, whatever the record still holds.
        self.gone.insert(key, (self.seq, deleted.version));
    }

    fn forget_patient(&mut self, id: &Id) {
        let Some(patient) = self.patient(id) else { return };
        for number in &patient.identifiers {
            if self.patient_by(number).as_ref() == Some(id) {
                self.identifiers.remove(number.as_str());
                self.changed.insert((RowKind::Identifier, number.clone()));
            }
        }
        self.patients.remove(id);
        self.changed.insert((RowKind::Patient, id.to_string()));
    }

    fn fold_patient(&mut self, resource: &StoredResource, patient: &Patient) {
        let id = &resource.id;
        if self.patient(id).is_none() {
            let fresh = PatientState {
                id: id.clone(),
                version: 0,
                merged_into: None,
                keeps_others: false,
                identifiers: Vec::new(),
                encounters: Vec::new(),
                orders: Vec::new(),
                removals: Vec::new(),
                allergies: Vec::new(),
                recent: Vec::new(),
            };
            self.patients.insert(id.clone(), Arc::new(fresh));
        }
        let merged_into = patient
            .link
            .iter()
            .find(|link| link.kind == PatientLinkType::ReplacedBy)
            .and_then(|link| link.other.id_of(ResourceType::Patient));
        let newly_merged = merged_into.clone().filter(|_| !self.is_merged(id));
        let identifiers = keys(&patient.identifier);
        let before = self.patients.get(id).map(|known| known.identifiers.clone());
        for gone in before.into_iter().flatten().filter(|key| !identifiers.contains(key)) {
            // A number that was corrected is nobody's until somebody else is told to have it.
            if self.patient_by(&gone).as_ref() == Some(id) {
                self.identifiers.remove(gone.as_str());
                self.changed.insert((RowKind::Identifier, gone));
            }
        }
        for key in &identifiers {
            // The numbers of a patient who ended lead to the one who keeps the record.
            let leads_to = merged_into.as_ref().unwrap_or(id);
            self.identifiers.insert(key.as_str().into(), leads_to.clone());
            self.changed.insert((RowKind::Identifier, key.clone()));
        }
        self.change_patient(id, |state| {
            state.version = resource.version;
            state.identifiers = identifiers;
            state.merged_into = merged_into;
        });
        if let Some(survivor) = newly_merged {
            self.join(id, &survivor);
        }
    }

    fn is_merged(&self, id: &Id) -> bool {
        self.patients.get(id).is_some_and(|patient| patient.merged_into.is_some())
    }

    /// What a merged patient has goes to the survivor. The resources follow with new versions of
    /// their own.
    fn join(&mut self, merged: &Id, survivor: &Id) {
        let mut all = None;
        self.change_patient(merged, |patient| {
            all = Some((
                std::mem::take(&mut patient.encounters),
                std::mem::take(&mut patient.orders),
                std::mem::take(&mut patient.removals),
                std::mem::take(&mut patient.allergies),
                std::mem::take(&mut patient.recent),
            ));
        });
        let Some((encounters, orders, removals, allergies, recent)) = all else {
            return;
        };
        for id in &removals {
            if let Some(removal) = self.removals.get_mut(id) {
                Arc::make_mut(removal).transfer.patient = Some(survivor.clone());
                self.changed.insert((RowKind::Removal, id.to_string()));
            }
        }
        for id in &orders {
            self.change_order(id, |order| order.patient = survivor.clone());
        }
        self.change_patient(survivor, |patient| {
            patient.keeps_others = true;
            patient.encounters.extend(encounters);
            patient.encounters.sort_by_key(|stay| stay.told);
            patient.orders.extend(orders);
            patient.orders.sort();
            patient.removals.extend(removals);
            patient.allergies.extend(allergies);
            patient.recent.extend(recent);
            patient.recent.sort_by_key(|one| one.at);
        });
    }

    fn fold_encounter(&mut self, resource: &StoredResource, encounter: &Encounter) {
        let subject = encounter.subject.as_ref();
        let Some(patient) = subject.and_then(|s| s.id_of(ResourceType::Patient)) else {
            return;
        };
        let told = EncounterState {
            id: resource.id.clone(),
            version: resource.version,
            visit: keys(&encounter.identifier).into_iter().next().unwrap_or_default(),
            status: encounter.status,
            ward: ward(encounter),
            ended: encounter.period.as_ref().and_then(|p| Some(p.end.as_ref()?.lower())),
            told: told_at(&encounter.extension).unwrap_or(resource.last_updated),
        };
        self.change_patient(&patient, |state| {
            match state.encounters.iter_mut().find(|known| known.id == told.id) {
                Some(known) => *known = told,
                None => state.encounters.push(told),
            }
            while state.encounters.len() > MAX_ENCOUNTERS {
                let over = |e: &EncounterState| e.status != EncounterStatus::InProgress;
                let oldest = state.encounters.iter().position(over).unwrap_or(0);
                state.encounters.remove(oldest);
            }
        });
    }

    fn fold_order(&mut self, resource: &StoredResource, request: &MedicationRequest) {
        let Some(patient) = request.subject.id_of(ResourceType::Patient) else {
            return;
        };
        let id = &resource.id;
        // The first version has no past, so that nobody need look for one.
        let before = if resource.version == 1 { None } else { self.order(id) };
        let site = Arc::clone(self.site());
        let number = crate::orders::number_of(&site.code, request).unwrap_or_default();
        let about = (patient.clone(), number);
        let mut order = order_state(resource, request, about, before.as_deref());
        // A stay that a client wrote is a record, and says nothing of where somebody is.
        order.encounter = order.encounter.filter(|id| is_of_the_loop(&site.code, id));
        self.share(&mut order);
        if let Some(before) = before.filter(|before| before.patient != patient) {
            self.change_patient(&before.patient, |state| state.orders.retain(|o| o != id));
        }
        let heard = order.entered().max(self.heard);
        if heard != self.heard {
            self.heard = heard;
            self.changed.insert((RowKind::Heard, String::new()));
        }
        let (open, number) = (order.is_open(), Arc::clone(&order.number));
        self.orders.insert(id.clone(), Arc::new(order));
        // A version of an order whose number is known by now says nothing new of the number.
        if !number.is_empty() && self.order_numbers.get(&number) != Some(id) {
            self.order_numbers.insert(Arc::clone(&number), id.clone());
            self.changed.insert((RowKind::OrderNumber, number.to_string()));
        }
        self.change_order(id, |_| {});
        if self.patient(&patient).is_none_or(|state| state.orders.contains(id) == open) {
            return;
        }
        self.change_patient(&patient, |state| {
            state.orders.retain(|other| other != id);
            if open {
                state.orders.push(id.clone());
                state.orders.sort();
            }
        });
    }

    fn fold_allergy(&mut self, resource: &StoredResource, allergy: &AllergyIntolerance) {
        let Some(patient) = allergy.patient.id_of(ResourceType::Patient) else {
            return;
        };
        let Some(key) = allergy.code.as_ref().and_then(crate::patients::concept_key) else {
            return;
        };
        let (id, live) = (resource.id.clone(), allergy.is_live());
        self.change_patient(&patient, |state| {
            state.allergies.retain(|(_, known)| *known != id);
            if live {
                state.allergies.push((key, id));
            }
        });
    }
}

/// Whether the fold will be able to read a resource.
pub(crate) fn is_readable(resource: &StoredResource) -> bool {
    match resource.resource_type {
        ResourceType::Patient => resource.keep_reading::<Patient>().is_ok(),
        ResourceType::Encounter => resource.keep_reading::<Encounter>().is_ok(),
        ResourceType::MedicationRequest => resource.keep_reading::<MedicationRequest>().is_ok(),
        ResourceType::AllergyIntolerance => resource.keep_reading::<AllergyIntolerance>().is_ok(),
        _ => true,
    }
}

fn read<R: Resource + 'static>(resource: &StoredResource) -> R {
    resource.take_reading().expect("a resource is read before it becomes a fact")
}

/// The ward: the identifier of the location that the patient is in.
pub(crate) fn ward(encounter: &Encounter) -> Option<String> {
    let location = encounter.location.first()?;
    location.location.identifier.as_ref()?.value.clone()
}

/// When the message that made this version says that it happened.
fn told_at(extensions: &[fhir::types::Extension]) -> Option<Timestamp> {
    let told = extensions.iter().find(|e| e.url == crate::patients::TOLD_AT)?;
    Some(told.value_date_time.as_ref()?.lower())
}

fn order_state(
    resource: &StoredResource,
    request: &MedicationRequest,
    (patient, number): (Id, String),
    before: Option<&OrderState>,
) -> OrderState {
    let dosage = request.dosage_instruction.first();
    let mut changes = before.map(|order| order.changes.clone()).unwrap_or_default();
    let told = told_at(&request.extension).unwrap_or(resource.last_updated);
    let verified = request.extension.iter().any(|e| e.url == crate::orders::VERIFIED_BY);
    let held = request.extension.iter().any(|e| e.url == crate::orders::HELD_BY);
    let here = before.is_some_and(|before| {
        let same = before.status() == request.status && before.entered() == Some(told);
        same && (before.verified() != verified || before.held() != held)
    });
    let at = if here { resource.last_updated } else { told };
    changes.reserve_exact(1);
    changes.push(StatusChange { at, status: request.status, verified, here, held });
    if changes.len() > MAX_CHANGES {
        changes.remove(0);
    }
    let codings = request.medication_concept().map(|concept| concept.coding).unwrap_or_default();
    let codings = codings.into_iter().filter_map(|c| Some((c.system?, c.code?))).collect();
    let all = &request.dosage_instruction;
    let (start, end) = course::bounds(request);
    OrderState {
        id: resource.id.clone(),
        version: resource.version,
        patient,
        number: number.into(),
        by: crate::orders::told_by(&request.extension).map(Into::into),
        changes,
        codings,
        dose: course::one_dose(course::of_first(all)),
        schedule: dosage.map_or(Schedule::Unknown, schedule),
        maximum: dosage.and_then(maximum),
        start,
        end,
        taken: before.map(|order| order.taken.clone()).unwrap_or_default(),
        begun: before.is_some_and(|order| order.begun),
        doses: dosage.and_then(doses),
        total: before.map(|order| order.total).unwrap_or_default(),
        encounter: request.encounter.as_ref().and_then(|e| e.id_of(ResourceType::Encounter)),
        steps: course::steps(all),
        way: way::of(request),
    }
}

pub(super) fn dose(dosage: &Dosage) -> Option<Quantity> {
    let dose = dosage.dose_and_rate.first()?;
    let high = || dose.dose_range.as_ref()?.high.as_ref();
    quantity(dose.dose_quantity.as_ref().or_else(high)?)
}

/// How many doses the course has (TQ1-14 or a code such as X3, STAT).
pub(super) fn doses(dosage: &Dosage) -> Option<u32> {
    dosage.timing.as_ref()?.repeat.as_ref()?.count
}

fn quantity(quantity: &fhir::types::Quantity) -> Option<Quantity> {
    let unit = quantity.unit.as_deref().or(quantity.code.as_deref()).unwrap_or_default();
    Some(Quantity::new(quantity.value.as_ref()?.value(), unit))
}

/// The most in 24 hours, where the order tells it for a day or 24 hours.
pub(crate) fn maximum(dosage: &Dosage) -> Option<Quantity> {
    let ratio = dosage.max_dose_per_period.as_ref()?;
    let period = ratio.denominator.as_ref()?;
    let unit = period.code.as_deref().or(period.unit.as_deref())?;
    let per_day = match (period.value.as_ref().map(fhir::Decimal::value), unit) {
        (Some(n), "d" | "day") => n == Decimal::ONE,
        (Some(n), "h" | "hour" | "hours") => n == Decimal::from(24),
        _ => false,
    };
    per_day.then(|| quantity(ratio.numerator.as_ref()?)).flatten()
}

pub(crate) fn schedule(dosage: &Dosage) -> Schedule {
    let as_needed =
        dosage.as_needed_boolean == Some(true) || dosage.as_needed_codeable_concept.is_some();
    let timing = dosage.timing.as_ref();
    let interval = timing.and_then(interval);
    if as_needed {
        return Schedule::AsNeeded(interval.map_or(0, |(seconds, _)| seconds));
    }
    let once = timing.and_then(|t| t.repeat.as_ref()).is_some_and(|r| r.count == Some(1));
    match interval {
        _ if once => Schedule::Once,
        Some((seconds, true)) => Schedule::Every(seconds),
        Some((seconds, false)) => Schedule::Daily(seconds),
        None => Schedule::Unknown,
    }
}

/// The mean interval between doses in seconds, and whether it is fixed: one dose in a number of
/// hours or minutes. HL7 tells the two apart as Q6H and QID.
pub(crate) fn interval(timing: &Timing) -> Option<(i64, bool)> {
    let repeat = timing.repeat.as_ref()?;
    let times = i64::try_from(repeat.time_of_day.len()).ok().filter(|times| *times > 0);
    if let (Some(times), None, None) = (times, repeat.frequency, repeat.period_unit) {
        // Times of the day, and nothing else, are as many doses a day.
        return Some((DAY_S / times, false));
    }
    let most = repeat.frequency_max.max(repeat.frequency).map(i64::from);
    let frequency = most.or(times).unwrap_or(1).max(1);
    let unit = match repeat.period_unit? {
        UnitOfTime::Second => 1,
        UnitOfTime::Minute => 60,
        UnitOfTime::Hour => 3_600,
        UnitOfTime::Day => DAY_S,
        UnitOfTime::Week => 7 * DAY_S,
        UnitOfTime::Month => 30 * DAY_S,
        UnitOfTime::Year => 365 * DAY_S,
    };
    let period = repeat.period.as_ref().map_or(Decimal::ONE, fhir::Decimal::value);
    let seconds = period.checked_mul(Decimal::from(unit))?.trunc();
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Some((seconds / frequency, frequency == 1 && unit <= 3_600))
}
