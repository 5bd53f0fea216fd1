//! The PAS tells of a patient: who they are, where they are, what they must not have.

use std::sync::Arc;

use fhir::resources::{Encounter, EncounterStatus, Patient};
use fhir::types::{IdentifierUse, Period, Reference};
use fhir::{DateTime, Id, ResourceType, StoredResource};

use super::{PatientEvent, PatientMessage, concept_key, find_optional, identifier_key};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Subject, VersionOf, channels_of, queue_profile, tell_cabinets};
use crate::facts::{Facts, problem};
use crate::resources::{self, Revision, revise, told_at};
use crate::state::{EncounterState, PatientState, State, ward};

/// Takes over what the PAS says, and tells the cabinets of the wards concerned.
pub fn tell(
    state: &mut State,
    ctx: &Context,
    message: &PatientMessage,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    tell_in(state, &mut facts, message)?;
    Ok(facts.done())
}

/// The same as a part of an entry that tells of more.
pub(super) fn tell_in(
    state: &mut State,
    facts: &mut Facts<'_>,
    message: &PatientMessage,
) -> Result<(), Problem> {
    // A sender whose clock runs ahead must not put its word beyond the next one.
    let activity = message.activity.min(facts.ctx.now);
    let message = &PatientMessage { activity, ..message.clone() };
    let known = find_optional(state, &message.patient.identifier)?;
    if known.is_none() && !may_be_new(message.event) {
        let text = "No patient has any of these identifiers: have the PAS admit or add the \
                    patient, then replay.";
        return problem(ProblemCode::UnknownPatient, text).map_err(|p| p.at("PID-3"));
    }
    let patient = store_patient(state, facts, message, known.as_deref())?;
    let before = known.as_deref().and_then(PatientState::ward).map(str::to_owned);
    let stay = store_encounter(state, facts, message, known.as_deref(), &patient)?;
    store_allergies(facts, message, known.as_deref(), &patient);
    let subject = Subject { patient, encounter: stay.as_ref().map(|stay| stay.version.clone()) };
    let after = match &stay {
        Some(stay) => stay.ward.clone(),
        None => before.clone(),
    };
    tell_wards(state, facts, message.event, known.as_deref(), &subject, [before, after]);
    Ok(())
}

/// Events by which the PAS may tell of somebody for the first time.
fn may_be_new(event: PatientEvent) -> bool {
    use PatientEvent::{A01, A04, A08, A28, A31};
    matches!(event, A01 | A04 | A08 | A28 | A31)
}

fn store_patient(
    state: &State,
    facts: &mut Facts<'_>,
    message: &PatientMessage,
    known: Option<&PatientState>,
) -> Result<VersionOf, Problem> {
    let now = facts.ctx.now;
    let Some(known) = known else {
        let id = introduce(facts, &message.patient)?;
        return Ok(VersionOf::new(ResourceType::Patient, &id, 1));
    };
    let current = state
        .resource(ResourceType::Patient, &known.id)
        .ok_or_else(|| Problem::new(ProblemCode::Internal, "The patient's resource is missing."))?;
    let changes = keep_numbers(&message.patient, &current)?.to_json();
    let revision = Revision { changes: &changes, deleted: &message.deleted, without: &[] };
    match revise(&current, &revision, now) {
        Some(revised) => {
            let version = VersionOf::new(ResourceType::Patient, &known.id, revised.version);
            facts.stored(revised);
            Ok(version)
        }
        None => Ok(VersionOf::patient(known)),
    }
}

/// Stores a patient who was not known before.
pub(crate) fn introduce(facts: &mut Facts<'_>, told: &Patient) -> Result<Id, Problem> {
    let id = facts.id();
    let mut patient = told.clone();
    patient.active = Some(true);
    patient.meta = Some(resources::profile(fhir::profiles::PATIENT));
    if patient.identifier.iter().all(|identifier| identifier_key(identifier).is_none()) {
        let text = "The patient has no identifier with a system and a value.";
        return problem(ProblemCode::FieldMissing, text).map_err(|p| p.at("PID-3"));
    }
    facts.stored(StoredResource::of(&patient, id.clone(), 1, facts.ctx.now));
    Ok(id)
}

/// The message's patient with the numbers on record that it does not repeat: a sender that knows
/// one number must not make another one unknown.
fn keep_numbers(told: &Patient, current: &StoredResource) -> Result<Patient, Problem> {
    let current = Patient::from_slice(current.json().as_bytes()).map_err(|_| {
        Problem::new(ProblemCode::Internal, "The patient's resource cannot be read.")
    })?;
    let mut patient = told.clone();
    let told = |system: &Option<String>| {
        patient.identifier.iter().any(|other| other.system == *system && other.value.is_some())
    };
    // A person has one NHS number: another one corrects it.
    let corrected = told(&Some(fhir::systems::NHS_NUMBER.to_owned()));
    for mut identifier in current.identifier {
        let key = identifier_key(&identifier);
        if !patient.identifier.iter().any(|other| identifier_key(other) == key) {
            if corrected && identifier.system.as_deref() == Some(fhir::systems::NHS_NUMBER) {
                identifier.purpose = Some(IdentifierUse::Old);
            }
            patient.identifier.push(identifier);
        }
    }
    Ok(patient)
}

/// The encounter after the message.
struct Stay {
    version: VersionOf,
    /// The ward where the patient is in hospital by this encounter, if it is going on.
    ward: Option<String>,
}

fn store_encounter(
    state: &State,
    facts: &mut Facts<'_>,
    message: &PatientMessage,
    known: Option<&PatientState>,
    patient: &VersionOf,
) -> Result<Option<Stay>, Problem> {
    let Some(told) = &message.encounter else {
        return Ok(None);
    };
    let current = known.and_then(|known| stay_of(known, told));
    match current {
        Some(current) => revise_encounter(state, facts, message, told, current).map(Some),
        None if begins(message.event) => Ok(Some(begin(facts, message, told, patient))),
        None if moves(message.event) => {
            let text = "The patient has no such visit: have the PAS admit the patient, then \
                        replay.";
            problem(ProblemCode::UnknownPatient, text).map_err(|p| p.at("PV1-19"))
        }
        None => Ok(None),
    }
}

/// The encounter of the visit number; where the message tells none, the one that is going on.
fn stay_of<'a>(known: &'a PatientState, told: &Encounter) -> Option<&'a EncounterState> {
    match told.identifier.iter().find_map(identifier_key) {
        Some(visit) => known.encounters.iter().rev().find(|stay| stay.visit == visit),
        None => known.current().or(known.encounters.last()),
    }
}

fn begins(event: PatientEvent) -> bool {
    matches!(event, PatientEvent::A01 | PatientEvent::A04)
}

fn moves(event: PatientEvent) -> bool {
    use PatientEvent::{A02, A03, A11, A12, A13};
    matches!(event, A02 | A03 | A11 | A12 | A13)
}

fn begin(
    facts: &mut Facts<'_>,
    message: &PatientMessage,
    told: &Encounter,
    patient: &VersionOf,
) -> Stay {
    let mut encounter = told.clone();
    encounter.status = EncounterStatus::InProgress;
    encounter.subject = Some(Reference::to(ResourceType::Patient, &patient.id));
    encounter.meta = Some(resources::profile(fhir::profiles::ENCOUNTER));
    encounter.extension.push(told_at(message.activity));
    let period = encounter.period.get_or_insert_default();
    period.start.get_or_insert_with(|| resources::time(message.activity));
    period.end = None;
    let id = facts.id();
    facts.stored(StoredResource::of(&encounter, id.clone(), 1, facts.ctx.now));
    let version = VersionOf::new(ResourceType::Encounter, &id, 1);
    Stay { version, ward: ward(&encounter) }
}

fn revise_encounter(
    state: &State,
    facts: &mut Facts<'_>,
    message: &PatientMessage,
    told: &Encounter,
    known: &EncounterState,
) -> Result<Stay, Problem> {
    let late = message.activity < known.told;
    if late && !moves(message.event) && !begins(message.event) {
        // Details that are told late are taken over; where the patient is has been told since.
        let version = VersionOf::new(ResourceType::Encounter, &known.id, known.version);
        let going_on = known.status == EncounterStatus::InProgress;
        return Ok(Stay { version, ward: known.ward.clone().filter(|_| going_on) });
    }
    if late {
        let text = "A newer message about this visit was acted on before: check where the \
                    patient is, then close the case.";
        return Err(Problem::new(ProblemCode::Superseded, text).at("EVN-6"));
    }
    let internal = || Problem::new(ProblemCode::Internal, "The visit's resource is missing.");
    let current = state.resource(ResourceType::Encounter, &known.id).ok_or_else(internal)?;
    let before = Encounter::from_slice(current.json().as_bytes()).map_err(|_| internal())?;
    let after = changed_encounter(message, told, &before);
    let (status, ward) = (after.status, ward(&after).or_else(|| known.ward.clone()));
    let changes = after.to_json();
    let revision = Revision { changes: &changes, ..Revision::default() };
    let mut version = VersionOf::new(ResourceType::Encounter, &known.id, known.version);
    if let Some(revised) = revise(&current, &revision, facts.ctx.now) {
        version.version = revised.version;
        facts.stored(revised);
    }
    Ok(Stay { version, ward: ward.filter(|_| status == EncounterStatus::InProgress) })
}

fn changed_encounter(message: &PatientMessage, told: &Encounter, before: &Encounter) -> Encounter {
    let mut changed = told.clone();
    changed.identifier.clone_from(&before.identifier);
    if changed.class.code.is_none() {
        changed.class.clone_from(&before.class);
    }
    changed.subject.clone_from(&before.subject);
    let now_at = resources::time(message.activity);
    let period = before.period.clone().unwrap_or_default();
    let (status, period) = match message.event {
        PatientEvent::A03 => (EncounterStatus::Finished, Period { end: Some(now_at), ..period }),
        PatientEvent::A11 => (EncounterStatus::Cancelled, Period { end: Some(now_at), ..period }),
        PatientEvent::A01 | PatientEvent::A04 | PatientEvent::A13 => {
            (EncounterStatus::InProgress, Period { end: None, ..period })
        }
        _ => (before.status, period),
    };
    changed.status = status;
    changed.period = Some(period);
    if message.activity >= told_before(before) {
        changed.extension = vec![told_at(message.activity)];
    }
    changed
}

fn told_before(encounter: &Encounter) -> jiff::Timestamp {
    let told = encounter.extension.iter().find(|e| e.url == super::TOLD_AT);
    let told = told.and_then(|e| e.value_date_time.as_ref());
    told.map_or(jiff::Timestamp::MIN, DateTime::lower)
}

/// Allergies that are new. One that a message does not repeat stays: silence cures nobody.
fn store_allergies(
    facts: &mut Facts<'_>,
    message: &PatientMessage,
    known: Option<&PatientState>,
    patient: &VersionOf,
) {
    for allergy in message.allergies.iter().flatten() {
        let Some(key) = allergy.code.as_ref().and_then(concept_key) else {
            continue;
        };
        if known.is_some_and(|known| known.allergies.iter().any(|(other, _)| *other == key)) {
            continue;
        }
        let mut allergy = allergy.clone();
        allergy.patient = Reference::to(ResourceType::Patient, &patient.id);
        allergy.meta = Some(resources::profile(fhir::profiles::ALLERGY_INTOLERANCE));
        let id = facts.id();
        facts.stored(StoredResource::of(&allergy, id, 1, facts.ctx.now));
    }
}

/// Tells the cabinets of the ward that the patient was on and of the one that they are on now;
/// the latter get all orders again.
fn tell_wards(
    state: &mut State,
    facts: &mut Facts<'_>,
    event: PatientEvent,
    known: Option<&PatientState>,
    subject: &Subject,
    [before, after]: [Option<String>; 2],
) {
    let wards: Vec<&str> = [&before, &after].into_iter().flatten().map(String::as_str).collect();
    tell_cabinets(facts, &wards, &subject.patient.id, &subject.notice(event));
    let Some(after) = after else { return };
    let arrives = begins(event) || moves(event) || before.as_ref() != Some(&after);
    if let Some(known) = known.filter(|_| arrives) {
        for channel in channels_of(facts, &[&after]) {
            queue_profile(state, facts, &channel, known, subject);
        }
    }
}
