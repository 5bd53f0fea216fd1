//! Which patient a set of identifiers means.

use std::sync::Arc;

use fhir::types::{Identifier, IdentifierUse};

use crate::command::{Problem, ProblemCode};
use crate::state::{PatientState, State, lookup_key};

/// The most merges that are followed from an identifier to the patient who keeps the record.
const MAX_MERGES: usize = 32;

/// The text under which an identifier is looked up, where it has a system and a value.
pub(crate) fn identifier_key(identifier: &Identifier) -> Option<String> {
    let value = identifier.value.as_deref().filter(|value| !value.is_empty())?;
    Some(lookup_key(identifier.system.as_deref()?, value))
}

/// The keys of all identifiers that have a system and a value, each once. A number of old is kept
/// on the record and finds nobody: it may be another person's by now.
pub(crate) fn keys(identifiers: &[Identifier]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(identifiers.len());
    let current = |identifier: &&Identifier| identifier.purpose != Some(IdentifierUse::Old);
    for key in identifiers.iter().filter(current).filter_map(identifier_key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The patient whom the identifiers mean, after merges. Nobody, and more than one, are problems:
/// the engine never guesses.
pub(crate) fn find(
    state: &mut State,
    identifiers: &[Identifier],
) -> Result<Arc<PatientState>, Problem> {
    find_optional(state, identifiers)?.ok_or_else(|| {
        let text = "No patient has any of these identifiers: wait for the PAS to tell of the \
                    patient, then replay.";
        Problem::new(ProblemCode::UnknownPatient, text).at("PID-3")
    })
}

/// The same, where it is no problem that nobody is known yet.
pub(crate) fn find_optional(
    state: &mut State,
    identifiers: &[Identifier],
) -> Result<Option<Arc<PatientState>>, Problem> {
    let mut found: Option<Arc<PatientState>> = None;
    for key in keys(identifiers) {
        let Some(id) = state.patient_by(&key) else {
            continue;
        };
        let Some(patient) = survivor(state, &id) else {
            continue;
        };
        match &found {
            Some(other) if other.id != patient.id => {
                let text = "The identifiers belong to different patients: have the PAS merge or \
                            correct them, then replay.";
                return Err(Problem::new(ProblemCode::AmbiguousPatient, text).at("PID-3"));
            }
            _ => found = Some(patient),
        }
    }
    Ok(found)
}

/// The patient of that id, or after merges the one who keeps the record.
pub(crate) fn survivor(state: &mut State, id: &fhir::Id) -> Option<Arc<PatientState>> {
    let mut patient = state.patient(id)?;
    for _ in 0..MAX_MERGES {
        match patient.merged_into.clone() {
            Some(into) => patient = state.patient(&into)?,
            None => return Some(patient),
        }
    }
    None
}
