//! A new version of an order. What the message does not tell stays; verification does not.

use fhir::ResourceType;
use fhir::json::members;

use super::receive::{Told, open, tell};
use super::{Control, HELD_BY, VERIFIED_AT, VERIFIED_BY, place};
use crate::command::{Problem, ProblemCode};
use crate::deliveries::VersionOf;
use crate::facts::Facts;
use crate::resources::{Revision, revise};
use crate::state::{OrderState, State};

/// Members that only the domain writes.
const OWN_MEMBERS: [&str; 6] =
    ["status", "subject", "encounter", "intent", "identifier", "substitution"];

pub(super) fn change(
    state: &mut State,
    facts: &mut Facts<'_>,
    told: &Told<'_>,
) -> Result<(), Problem> {
    let order = open(state, told)?;
    if let Some(version) = written(facts, told) {
        tell(facts, &told.patient, Control::Change, version);
        return Ok(());
    }
    let mut request = told.message.order.clone();
    request.extension.extend(place::word(facts.site, told));
    let changes = without_own_members(&request.to_json());
    let revision =
        Revision { changes: &changes, deleted: &[], without: &[VERIFIED_BY, VERIFIED_AT, HELD_BY] };
    let version = revised(state, facts, &order, &revision)?;
    tell(facts, &told.patient, Control::Change, version);
    Ok(())
}

/// Stores the version that a client writes, where one does.
pub(super) fn written(facts: &mut Facts<'_>, told: &Told<'_>) -> Option<VersionOf> {
    let version = told.version?;
    facts.stored(version.clone());
    Some(VersionOf::new(version.resource_type, &version.id, version.version))
}

fn without_own_members(json: &str) -> String {
    let all = members(json).expect("a resource is a JSON object");
    let kept = all.iter().filter(|(name, _)| !OWN_MEMBERS.contains(&name.as_ref()));
    let kept: Vec<String> = kept.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", kept.join(","))
}

/// Stores the next version of an order. One that says the same again is told again all the same.
pub(super) fn revised(
    state: &State,
    facts: &mut Facts<'_>,
    order: &OrderState,
    revision: &Revision<'_>,
) -> Result<VersionOf, Problem> {
    let missing = || Problem::new(ProblemCode::Internal, "The order's resource is missing.");
    let current = state.resource(ResourceType::MedicationRequest, &order.id).ok_or_else(missing)?;
    let mut version = VersionOf::order(order);
    if let Some(revised) = revise(&current, revision, facts.ctx.now) {
        version.version = revised.version;
        facts.stored(revised);
    }
    Ok(version)
}
