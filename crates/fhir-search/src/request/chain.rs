//! Conditions on other resources: chains (R4 §3.1.1.5.5) and `_has` (§3.1.1.5.6).

use fhir::ResourceType;
use fhir_definitions::SearchKind;

use super::{SearchError, cut, plain};
use crate::condition::Condition;
use crate::param::{Param, find_param};

/// The most resources that a chain goes over.
pub const MAX_CHAIN: usize = 4;

/// The condition that a name and a value make; `None` where the type has no such parameter.
pub(super) fn condition(
    kind: ResourceType,
    name: &str,
    value: &str,
    depth: usize,
) -> Result<Option<Condition>, SearchError> {
    if depth > MAX_CHAIN {
        return Err(SearchError::TooLong {
            param: cut(name),
            limit: MAX_CHAIN,
            unit: "resources in a chain",
        });
    }
    if let Some(rest) = name.strip_prefix("_has:") {
        return has(kind, name, rest, value, depth).map(Some);
    }
    let Some((reference, rest)) = name.split_once('.') else {
        return plain(kind, name, value);
    };
    let (code, of) = match reference.split_once(':') {
        Some((code, of)) => (code, Some(of)),
        None => (reference, None),
    };
    let Some(param) = find_param(kind, code) else { return Ok(None) };
    let chained = || SearchError::Chained { param: cut(name) };
    if param.kind != SearchKind::Reference {
        return Err(chained());
    }
    let targets = match of {
        Some(of) => vec![target(param, of).ok_or_else(chained)?],
        None => param.targets.clone(),
    };
    let mut to = Vec::new();
    let mut failed = None;
    for target in targets {
        // A chain without a type goes to each type that has such a parameter.
        match condition(target, rest, value, depth + 1) {
            Ok(found) => to.extend(found.map(|condition| (target, condition))),
            Err(error) => failed = Some(error),
        }
    }
    match (to.is_empty(), failed) {
        (true, Some(error)) => Err(error),
        (true, None) => Err(chained()),
        (false, _) => Ok(Some(Condition::Chain { param, to })),
    }
}

fn target(param: &Param, name: &str) -> Option<ResourceType> {
    let kind = name.parse().ok()?;
    param.targets.contains(&kind).then_some(kind)
}

/// `_has:Observation:patient:code=1234-5`.
fn has(
    kind: ResourceType,
    name: &str,
    rest: &str,
    value: &str,
    depth: usize,
) -> Result<Condition, SearchError> {
    let chained = || SearchError::Chained { param: cut(name) };
    let (of, rest) = rest.split_once(':').ok_or_else(chained)?;
    let (by, rest) = rest.split_once(':').ok_or_else(chained)?;
    let of: ResourceType = of.parse().map_err(|_| chained())?;
    let by = find_param(of, by).filter(|by| by.kind == SearchKind::Reference);
    let by = by.filter(|by| by.targets.contains(&kind)).ok_or_else(chained)?;
    let condition = condition(of, rest, value, depth + 1)?.ok_or_else(chained)?;
    Ok(Condition::Has { of, by, condition: Box::new(condition) })
}
