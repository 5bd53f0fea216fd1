//! Takes over what a message tells of things by their numbers.

use std::sync::Arc;

use fhir::types::Reference;
use fhir::{Id, ResourceType, StoredResource};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Content, Filing, How, Sheet, id_of};
use crate::command::{Answer, Context, Decision, Problem, ProblemCode};
use crate::facts::{Facts, problem};
use crate::patients::{TOLD_AT, find_optional, identifier_key, introduce};
use crate::resources::{Revision, revise, told_at};
use crate::state::{PatientState, State};

/// The most things in one message.
const MAX_SHEETS: usize = 2048;

/// Keeps what the message tells. All of it is kept or none is; what is older than what is known,
/// and what is preliminary where something final is known, changes nothing.
pub fn file(state: &mut State, ctx: &Context, filing: &Filing) -> Result<Decision, Problem> {
    let site = Arc::clone(state.site());
    let mut facts = Facts::new(ctx, &site);
    if filing.sheets.len() > MAX_SHEETS {
        return problem(ProblemCode::BadValue, "The message tells of more than 2048 things.");
    }
    // A sender whose clock runs ahead must not put its word beyond the next one.
    let told = filing.told.unwrap_or(ctx.now).min(ctx.now);
    let about = whom(state, &mut facts, filing)?;
    let mut ids: Vec<Id> = Vec::with_capacity(filing.sheets.len());
    for sheet in &filing.sheets {
        let id = id_of(&site.code, sheet.content.kind(), &sheet.number);
        if ids.contains(&id) {
            let text = "The message tells twice of the same thing: send one after the other.";
            return problem(ProblemCode::DuplicateOrder, text);
        }
        if let Some(version) = next(state, sheet, &id, about.as_ref(), told, ctx.now)? {
            facts.stored(version);
        }
        ids.push(id);
    }
    Ok(facts.answer(Answer::Created(ids)))
}

/// The patient and the stay that a message is about.
struct About {
    id: Id,
    patient: Reference,
    encounter: Option<Reference>,
}

fn whom(
    state: &mut State,
    facts: &mut Facts<'_>,
    filing: &Filing,
) -> Result<Option<About>, Problem> {
    let Some(patient) = &filing.patient else { return Ok(None) };
    let known = find_optional(state, &patient.identifier)?;
    let id = match &known {
        Some(known) => known.id.clone(),
        None if filing.introduces => introduce(facts, patient)?,
        None => {
            let text = "No patient has any of these identifiers: wait for the PAS to tell of the \
                        patient, then replay.";
            return problem(ProblemCode::UnknownPatient, text).map_err(|p| p.at("PID-3"));
        }
    };
    let encounter = known.as_deref().and_then(|known| stay(known, filing));
    Ok(Some(About { patient: Reference::to(ResourceType::Patient, &id), id, encounter }))
}

/// The stay of that visit number. Without one nothing is assumed: a result may be of a specimen
/// that was taken long before.
fn stay(known: &PatientState, filing: &Filing) -> Option<Reference> {
    let visit = identifier_key(filing.visit.as_ref()?)?;
    let stay = known.encounters.iter().rev().find(|stay| stay.visit == visit)?;
    Some(Reference::to(ResourceType::Encounter, &stay.id))
}

/// The next version of a thing, where the message changes it.
fn next(
    state: &State,
    sheet: &Sheet,
    id: &Id,
    about: Option<&About>,
    told: Timestamp,
    now: Timestamp,
) -> Result<Option<StoredResource>, Problem> {
    let mut content = sheet.content.clone();
    if let Some(about) = about {
        content.is_about(&about.patient, about.encounter.as_ref());
    }
    content.is_told(told_at(told));
    let kind = content.kind();
    let Some(current) = state.resource(kind, id) else {
        return match sheet.how {
            How::Whole | How::Change => {
                let first = StoredResource::new(&content.to_json(), id.clone(), 1, now);
                Ok(Some(first.expect("what a struct writes is an object of its type")))
            }
            How::ChangeKnown => Ok(None),
            How::NeedsKnown => {
                let text = "Nothing that is known has this number: have its sender tell of it \
                            first, then replay.";
                problem(ProblemCode::UnknownOrder, text)
            }
        };
    };
    let before = object(current.json());
    if let (Some(about), Some(other)) = (about, subject(&before))
        && other != about.id
    {
        let text = "What has this number belongs to another patient: have its sender correct the \
                    number or the patient, then replay.";
        return problem(ProblemCode::AmbiguousPatient, text).map_err(|p| p.at("PID-3"));
    }
    if is_late(&before, &content, told) {
        return Ok(None);
    }
    Ok(match sheet.how {
        How::Whole => replaced(&current, &before, &content, now),
        _ => revised(&current, &content, now),
    })
}

/// Whether something that is known now was told later, or is settled where this is not.
fn is_late(before: &Map<String, Value>, content: &Content, told: Timestamp) -> bool {
    let extensions = before.get("extension").and_then(Value::as_array);
    let known = extensions.into_iter().flatten().find(|e| e["url"] == TOLD_AT);
    let known = known.and_then(|e| e["valueDateTime"].as_str()?.parse::<fhir::DateTime>().ok());
    // The time is kept to the second: within one second the one that comes later holds.
    let earlier = known.is_some_and(|known| told < known.lower());
    let status = before.get("status").and_then(Value::as_str).unwrap_or_default();
    let was_settled = !matches!(status, "registered" | "partial" | "preliminary" | "unknown");
    earlier && (content.is_settled() == was_settled) || was_settled && !content.is_settled()
}

fn replaced(
    current: &StoredResource,
    before: &Map<String, Value>,
    content: &Content,
    now: Timestamp,
) -> Option<StoredResource> {
    let mut after = object(&content.to_json());
    if content.kind() == ResourceType::DiagnosticReport {
        keep_results(before, &mut after);
    }
    if same(before, &after) {
        return None;
    }
    let json = Value::Object(after).to_string();
    let next = StoredResource::new(&json, current.id.clone(), current.version + 1, now);
    Some(next.expect("what a struct writes is an object of its type"))
}

/// A word about one result of a report leaves its other results where they are.
fn keep_results(before: &Map<String, Value>, after: &mut Map<String, Value>) {
    let Some(Value::Array(old)) = before.get("result") else { return };
    let new = after.entry("result").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(new) = new else { return };
    let gone: Vec<Value> = old.iter().filter(|old| !new.contains(old)).cloned().collect();
    new.splice(0..0, gone);
}

/// Whether two versions say the same, whenever it was said.
fn same(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    let said = |members: &Map<String, Value>| {
        let mut members = members.clone();
        for name in ["id", "meta", "extension"] {
            members.shift_remove(name);
        }
        members
    };
    said(before) == said(after)
}

fn revised(current: &StoredResource, content: &Content, now: Timestamp) -> Option<StoredResource> {
    let mut changes = object(&content.to_json());
    // What R4 requires and the message leaves out is there as an empty element.
    changes.retain(|_, value| match value {
        Value::Array(all) => !all.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    });
    if content.kind() == ResourceType::Appointment
        && changes.get("participant").and_then(Value::as_array).is_some_and(|all| all.len() == 1)
    {
        // The patient alone: the others who take part were not told anew.
        changes.shift_remove("participant");
    }
    let changes = Value::Object(changes).to_string();
    revise(current, &Revision { changes: &changes, ..Revision::default() }, now)
}

/// The patient whom a stored thing is about.
fn subject(members: &Map<String, Value>) -> Option<Id> {
    let direct = ["subject", "securityContext"].iter().find_map(|name| members.get(*name));
    let actors = members.get("participant").and_then(Value::as_array);
    let actors = actors.into_iter().flatten().filter_map(|one| one.get("actor"));
    direct.into_iter().chain(actors).find_map(|reference| {
        Id::new(reference.get("reference")?.as_str()?.strip_prefix("Patient/")?).ok()
    })
}

fn object(json: &str) -> Map<String, Value> {
    match serde_json::from_str::<Value>(json) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("a stored resource is a JSON object"),
    }
}
