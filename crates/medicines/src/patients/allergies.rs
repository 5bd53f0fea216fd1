//! A60: allergies are added, changed and taken back one by one.

use std::sync::Arc;

use fhir::resources::AllergyIntolerance;
use fhir::systems::ALLERGY_VERIFICATION_STATUS;
use fhir::types::{CodeableConcept, Identifier, Reference};
use fhir::{Id, ResourceType, StoredResource};

use super::{PatientEvent, concept_key, find};
use crate::command::{Context, Decision, Problem, ProblemCode};
use crate::deliveries::{Subject, tell_cabinets};
use crate::facts::{Facts, problem};
use crate::resources::{self, Revision, revise};
use crate::state::{PatientState, State};

/// What becomes of an allergy (IAM-6, HL7 table 0323).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllergyAction {
    /// It is added, or told anew.
    Tell,
    /// It was never one: it stays on the record as entered in error, and warns of nothing.
    Withdraw,
}

/// An ADT^A60 message.
#[derive(Debug, Clone)]
pub struct AllergyMessage {
    /// All identifiers that the message gives for the patient (PID-3).
    pub patient: Vec<Identifier>,
    /// What becomes of which allergy. They carry no ids and no patient: the domain gives them.
    pub changes: Vec<(AllergyAction, AllergyIntolerance)>,
}

/// Takes over what is told of each allergy. One that is not named stays as it is.
pub fn allergies(
    state: &mut State,
    ctx: &Context,
    message: &AllergyMessage,
) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    let known = find(state, &message.patient)?;
    let mut seen: Vec<String> = Vec::with_capacity(message.changes.len());
    let mut changed = false;
    for (action, told) in &message.changes {
        let Some(key) = told.code.as_ref().and_then(concept_key) else { continue };
        if seen.contains(&key) {
            let text = "The message tells twice of one allergy: send one after the other.";
            return problem(ProblemCode::DuplicateOrder, text).map_err(|p| p.at("IAM-3"));
        }
        let current = known.allergies.iter().find(|(other, _)| *other == key);
        let current =
            current.and_then(|(_, id)| state.resource(ResourceType::AllergyIntolerance, id));
        if let Some(version) = next(&mut facts, &known, *action, told, current.as_ref()) {
            facts.stored(version);
            changed = true;
        }
        seen.push(key);
    }
    if changed {
        let wards: Vec<&str> = known.ward().into_iter().collect();
        let notice = Subject::of(&known).notice(PatientEvent::A08);
        tell_cabinets(&mut facts, &wards, &known.id, &notice);
    }
    Ok(facts.done())
}

fn next(
    facts: &mut Facts<'_>,
    known: &PatientState,
    action: AllergyAction,
    told: &AllergyIntolerance,
    current: Option<&StoredResource>,
) -> Option<StoredResource> {
    let now = facts.ctx.now;
    match (action, current) {
        (AllergyAction::Tell, None) => {
            let id = facts.id();
            Some(StoredResource::of(&of(told, &known.id), id, 1, now))
        }
        (AllergyAction::Tell, Some(current)) => {
            let changes = of(told, &known.id).to_json();
            revise(current, &Revision { changes: &changes, ..Revision::default() }, now)
        }
        // What was never on the record needs no taking back.
        (AllergyAction::Withdraw, None) => None,
        (AllergyAction::Withdraw, Some(current)) => {
            let status = CodeableConcept::of(ALLERGY_VERIFICATION_STATUS, "entered-in-error", None);
            let changes = serde_json::json!({ "verificationStatus": status }).to_string();
            // R4 ait-2: what was entered in error has no clinical status.
            let revision =
                Revision { changes: &changes, deleted: &["clinicalStatus"], without: &[] };
            revise(current, &revision, now)
        }
    }
}

fn of(told: &AllergyIntolerance, patient: &Id) -> AllergyIntolerance {
    let mut allergy = told.clone();
    allergy.patient = Reference::to(ResourceType::Patient, patient);
    allergy.meta = Some(resources::profile(fhir::profiles::ALLERGY_INTOLERANCE));
    allergy
}
