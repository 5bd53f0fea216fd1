//! A47: a number that a patient was known by is replaced by another one.

use std::sync::Arc;

use fhir::ResourceType;
use fhir::resources::Patient;
use fhir::types::{Identifier, IdentifierUse};

use super::{PatientEvent, find_optional, identifier_key, keys};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Subject, VersionOf, tell_cabinets};
use crate::facts::{Facts, problem};
use crate::resources::{Revision, revise};
use crate::state::State;

/// An ADT^A47 message: whoever was known by `old` is known by `new`.
#[derive(Debug, Clone)]
pub struct RenumberMessage {
    /// The numbers that hold from now on (PID-3).
    pub new: Vec<Identifier>,
    /// The numbers that no longer hold (MRG-1).
    pub old: Vec<Identifier>,
}

/// Retires the old numbers, which stay on the record and find nobody, and adds the new ones. A
/// change that was done before changes nothing.
pub fn renumber(
    state: &mut State,
    ctx: &Context,
    message: &RenumberMessage,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let before = find_optional(state, &message.old).map_err(|p| p.at("MRG-1"))?;
    let after = find_optional(state, &message.new)?;
    let known = match (before, after) {
        (Some(before), Some(after)) if before.id != after.id => {
            let text = "The old and the new number belong to two patients: have the PAS merge \
                        them, then close the case.";
            return problem(ProblemCode::AmbiguousPatient, text).map_err(|p| p.at("MRG-1"));
        }
        (Some(before), _) => before,
        (None, Some(_)) => return Ok(facts.done()),
        (None, None) => {
            let text = "No patient has any of these identifiers: have the PAS admit or add the \
                        patient, then replay.";
            return problem(ProblemCode::UnknownPatient, text).map_err(|p| p.at("MRG-1"));
        }
    };
    let internal = || Problem::new(ProblemCode::Internal, "The patient's resource is missing.");
    let stored = state.resource(ResourceType::Patient, &known.id).ok_or_else(internal)?;
    let mut patient = stored.read::<Patient>().map_err(|_| internal())?;
    let retired = keys(&message.old);
    for number in &mut patient.identifier {
        if identifier_key(number).is_some_and(|key| retired.contains(&key)) {
            number.purpose = Some(IdentifierUse::Old);
        }
    }
    let current = keys(&patient.identifier);
    for number in &message.new {
        if identifier_key(number).is_some_and(|key| !current.contains(&key)) {
            patient.identifier.push(number.clone());
        }
    }
    let changes = patient.to_json();
    let revision = Revision { changes: &changes, ..Revision::default() };
    let Some(revised) = revise(&stored, &revision, ctx.now) else { return Ok(facts.done()) };
    let mut subject = Subject::of(&known);
    subject.patient = VersionOf::new(ResourceType::Patient, &known.id, revised.version);
    facts.stored(revised);
    let wards: Vec<&str> = known.ward().into_iter().collect();
    tell_cabinets(&mut facts, &wards, &known.id, &subject.notice(PatientEvent::A31));
    Ok(facts.done())
}
