//! A40: two patients are one person. The survivor keeps the record, and both numbers.

use std::sync::Arc;

use fhir::resources::{Appointment, Patient, PatientLink, PatientLinkType};
use fhir::types::{IdentifierUse, Reference};
use fhir::{Id, ResourceType, StoredResource};

use super::{MergeMessage, PatientEvent, find_optional, identifier_key, keys};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::deliveries::{
    Joined, Notice, Subject, VersionOf, channels_of, queue_profile, tell_cabinets,
};
use crate::fact::Fact;
use crate::facts::{Facts, problem};
use crate::resources::{Revision, revise};
use crate::state::{PatientState, State};
use crate::store::is_of_the_loop;

/// Moves everything of the merged patient to the survivor. A merge that was done before changes
/// nothing.
pub fn merge(
    state: &mut State,
    ctx: &Context,
    message: &MergeMessage,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let survivor = find_optional(state, &message.survivor.identifier)?.ok_or_else(|| {
        let text = "The surviving patient is not known: have the PAS add the patient, then replay.";
        Problem::new(ProblemCode::UnknownPatient, text).at("PID-3")
    })?;
    let merged = find_optional(state, &message.merged).map_err(|p| p.at("MRG-1"))?;
    if message.merged.iter().all(|identifier| identifier_key(identifier).is_none()) {
        let text = "MRG-1 names no identifier with a system and a value.";
        return problem(ProblemCode::FieldMissing, text).map_err(|p| p.at("MRG-1"));
    }
    if merged.as_ref().is_some_and(|merged| merged.id == survivor.id) {
        return Ok(facts.done());
    }
    let version = keep(state, &mut facts, message, &survivor, merged.as_deref())?;
    if let Some(merged) = merged {
        let ended = end(state, &mut facts, &survivor.id, &merged)?;
        move_history(state, &mut facts, &survivor.id, &merged.id);
        // Before anything is queued: what waits of both is one queue from here on.
        facts.push(Fact::Joined(Joined { from: merged.id.clone(), to: survivor.id.clone() }));
        tell(state, &mut facts, &survivor, &merged, version, ended);
    }
    Ok(facts.done())
}

fn resource(state: &State, id: &Id) -> Result<(StoredResource, Patient), Problem> {
    let internal = || Problem::new(ProblemCode::Internal, "The patient's resource is missing.");
    let stored = state.resource(ResourceType::Patient, id).ok_or_else(internal)?;
    let patient = Patient::from_slice(stored.json().as_bytes()).map_err(|_| internal())?;
    Ok((stored, patient))
}

/// The survivor with the numbers of both.
fn keep(
    state: &State,
    facts: &mut Facts<'_>,
    message: &MergeMessage,
    survivor: &PatientState,
    merged: Option<&PatientState>,
) -> Result<VersionOf, Problem> {
    let (stored, mut patient) = resource(state, &survivor.id)?;
    let mut numbers = message.merged.clone();
    if let Some(merged) = merged {
        numbers.extend(resource(state, &merged.id)?.1.identifier);
        let other = Reference::to(ResourceType::Patient, &merged.id);
        patient.link.push(PatientLink::new(other, PatientLinkType::Replaces));
    }
    let mut known = keys(&patient.identifier);
    for mut number in numbers {
        let Some(key) = identifier_key(&number).filter(|key| !known.contains(key)) else {
            continue;
        };
        // The numbers of a known patient go on leading here through that patient's own record.
        if merged.is_some() {
            number.purpose = Some(IdentifierUse::Old);
        }
        known.push(key);
        patient.identifier.push(number);
    }
    let changes = patient.to_json();
    let revision = Revision { changes: &changes, ..Revision::default() };
    match revise(&stored, &revision, facts.ctx.now) {
        Some(revised) => {
            let version = VersionOf::new(ResourceType::Patient, &survivor.id, revised.version);
            facts.stored(revised);
            Ok(version)
        }
        None => Ok(VersionOf::patient(survivor)),
    }
}

/// The merged patient, out of use and leading to the survivor.
fn end(
    state: &State,
    facts: &mut Facts<'_>,
    survivor: &Id,
    merged: &PatientState,
) -> Result<VersionOf, Problem> {
    let (stored, mut patient) = resource(state, &merged.id)?;
    patient.active = Some(false);
    let other = Reference::to(ResourceType::Patient, survivor);
    patient.link.push(PatientLink::new(other, PatientLinkType::ReplacedBy));
    let changes = patient.to_json();
    let revision = Revision { changes: &changes, ..Revision::default() };
    let revised = revise(&stored, &revision, facts.ctx.now)
        .ok_or_else(|| Problem::new(ProblemCode::Internal, "The patient is merged already."))?;
    let version = VersionOf::new(ResourceType::Patient, &merged.id, revised.version);
    facts.stored(revised);
    Ok(version)
}

/// A new version of everything that was the merged patient's, now the survivor's.
fn move_history(state: &mut State, facts: &mut Facts<'_>, survivor: &Id, merged: &Id) {
    for stored in state.resources_of(merged) {
        let reference = format!("{}/{survivor}", ResourceType::Patient);
        let about = |member: &str| serde_json::json!({ member: { "reference": reference } });
        let changes = match stored.resource_type {
            ResourceType::Patient => continue,
            ResourceType::AllergyIntolerance => about("patient"),
            ResourceType::Binary => about("securityContext"),
            ResourceType::Appointment => comes_instead(&stored, merged, &reference),
            _ => names(&stored, merged).map_or_else(|| serde_json::json!({}), about),
        }
        .to_string();
        let revision = Revision { changes: &changes, ..Revision::default() };
        if let Some(revised) = revise(&stored, &revision, facts.ctx.now) {
            // What a client wrote is still no more than a record.
            match stored.resource_type {
                ResourceType::Encounter | ResourceType::MedicationRequest
                    if !is_of_the_loop(&facts.site.code, &stored.id)
                        && state.order(&stored.id).is_none() =>
                {
                    facts.push(Fact::Recorded(revised));
                }
                _ => facts.stored(revised),
            }
        }
    }
}

/// The member by which a resource names the patient.
fn names(stored: &StoredResource, patient: &Id) -> Option<&'static str> {
    ["subject", "patient"].into_iter().find(|member| {
        let json = stored.member(member);
        let reference = json.and_then(|json| serde_json::from_str::<Reference>(json).ok());
        reference.and_then(|it| it.id_of(ResourceType::Patient)).as_ref() == Some(patient)
    })
}

/// The participants of an appointment with the survivor in the place of the merged patient.
fn comes_instead(stored: &StoredResource, merged: &Id, survivor: &str) -> serde_json::Value {
    let Ok(appointment) = stored.read::<Appointment>() else { return serde_json::json!({}) };
    let mut all = appointment.participant;
    for actor in all.iter_mut().filter_map(|one| one.actor.as_mut()) {
        if actor.id_of(ResourceType::Patient).as_ref() == Some(merged) {
            actor.reference = Some(survivor.to_owned());
        }
    }
    serde_json::json!({ "participant": all })
}

/// Tells the cabinets that had one of the two; those of the wards get the orders again.
fn tell(
    state: &mut State,
    facts: &mut Facts<'_>,
    survivor: &PatientState,
    merged: &PatientState,
    version: VersionOf,
    ended: VersionOf,
) {
    let wards: Vec<&str> = [survivor.ward(), merged.ward()].into_iter().flatten().collect();
    let mut subject = Subject::of(survivor);
    subject.patient = version;
    if survivor.current().is_none()
        && let Some(stay) = merged.current()
    {
        // The stay of the merged patient is the survivor's now, in the version after this one.
        subject.encounter =
            Some(VersionOf::new(ResourceType::Encounter, &stay.id, stay.version + 1));
    }
    let Subject { patient, encounter } = subject.clone();
    let notice =
        Notice::Patient { event: PatientEvent::A40, patient, encounter, merged: Some(ended) };
    tell_cabinets(facts, &wards, &survivor.id, &notice);
    for channel in channels_of(facts, &wards) {
        queue_profile(state, facts, &channel, survivor, &subject);
        // The orders moved with this entry: each has the version after the one in the state.
        queue_moved(state, facts, &channel, survivor, merged, &subject);
    }
}

fn queue_moved(
    state: &mut State,
    facts: &mut Facts<'_>,
    channel: &str,
    survivor: &PatientState,
    merged: &PatientState,
    subject: &Subject,
) {
    for id in &merged.orders {
        let Some(order) = state.order(id) else {
            continue;
        };
        let mut version = VersionOf::order(&order);
        version.version += 1;
        let held = order.status() == fhir::resources::MedicationRequestStatus::OnHold;
        let mut tell = |control| {
            let notice = subject.order(control, version.clone());
            facts.queue(channel, &survivor.id, notice, true);
        };
        tell(crate::orders::Control::New);
        if held {
            tell(crate::orders::Control::Hold);
        }
    }
}
