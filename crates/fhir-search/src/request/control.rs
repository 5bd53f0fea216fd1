//! Parameters that say which of what is found comes, in which order, and with what beside it.

use fhir::ResourceType;
use fhir_definitions::SearchKind;

use super::{MAX_COUNT, MAX_CURSOR_BYTES, SearchError, SearchRequest, cut, wrong};
use crate::param::{On, Param, find_param, params_of};

/// The most parameters of one `_sort`.
pub const MAX_SORTS: usize = 4;
/// The most `_include` and `_revinclude` of a search.
pub const MAX_INCLUDES: usize = 32;

/// By what an answer is sorted. What has no value comes last in either direction; ties are broken
/// by id, so that pages have no gaps.
#[derive(Debug, Clone, Copy)]
pub struct Sort {
    /// By which parameter.
    pub by: &'static Param,
    /// The greatest first.
    pub descending: bool,
}

/// Whether the number of all that is found is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Where it is known.
    Known,
    /// It is not.
    None,
    /// It has to be told.
    Accurate,
}

/// What comes with the resources that are found (R4 §3.1.1.5.4).
#[derive(Debug, Clone)]
pub struct Include {
    /// The type that refers.
    pub source: ResourceType,
    /// Its reference; none for all of them.
    pub by: Option<&'static Param>,
    /// The type referred to, where only one is meant.
    pub target: Option<ResourceType>,
    /// From the resource that is referred to, those that refer to it.
    pub reverse: bool,
    /// Also for what came by an include.
    pub iterate: bool,
}

/// Reads a parameter that is no condition; tells whether it was one.
pub(super) fn pair(
    request: &mut SearchRequest,
    seen: &mut Vec<&'static str>,
    name: &str,
    value: &str,
) -> Result<bool, SearchError> {
    let once = |seen: &mut Vec<&'static str>, name: &'static str| {
        if seen.contains(&name) {
            return Err(SearchError::Repeated { param: name.to_owned() });
        }
        seen.push(name);
        Ok(())
    };
    match name {
        "_count" => {
            once(seen, "_count")?;
            // More digits than fit still mean "as many as possible".
            if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
                return Err(wrong("_count", "a whole number from 0 up"));
            }
            request.count = value.parse::<u32>().unwrap_or(MAX_COUNT).min(MAX_COUNT);
        }
        "_sort" => {
            once(seen, "_sort")?;
            request.sort = sorts(request.resource_type, value)?;
        }
        "_cursor" => {
            once(seen, "_cursor")?;
            if value.is_empty() || value.len() > MAX_CURSOR_BYTES {
                return Err(wrong("_cursor", "a cursor of this server"));
            }
            request.cursor = Some(value.to_owned());
        }
        "_total" => {
            once(seen, "_total")?;
            request.total = match value {
                "none" => Total::None,
                "accurate" => Total::Accurate,
                "estimate" => Total::Known,
                _ => return Err(wrong("_total", "\"none\", \"estimate\" or \"accurate\"")),
            };
        }
        _ => return include(request, name, value),
    }
    Ok(true)
}

fn sorts(kind: ResourceType, value: &str) -> Result<Vec<Sort>, SearchError> {
    let keys: Vec<&str> = value.split(',').collect();
    if keys.len() > MAX_SORTS {
        return Err(SearchError::TooLong {
            param: "_sort".to_owned(),
            limit: MAX_SORTS,
            unit: "parameters",
        });
    }
    let one = |key: &str| {
        let (descending, code) = match key.strip_prefix('-') {
            Some(code) => (true, code),
            None => (false, key),
        };
        let sortable = |param: &&Param| match param.on {
            On::Elements => param.kind != SearchKind::Composite,
            On::Id | On::LastUpdated => true,
            On::Narrative | On::Content | On::List => false,
        };
        let by = find_param(kind, code).filter(sortable);
        by.map(|by| Sort { by, descending })
            .ok_or_else(|| wrong("_sort", "parameters of the type that have an order"))
    };
    keys.into_iter().map(one).collect()
}

fn include(request: &mut SearchRequest, name: &str, value: &str) -> Result<bool, SearchError> {
    let (base, modifier) = match name.split_once(':') {
        Some((base, modifier)) => (base, Some(modifier)),
        None => (name, None),
    };
    let reverse = match base {
        "_include" => false,
        "_revinclude" => true,
        _ => return Ok(false),
    };
    let iterate = match modifier {
        None => false,
        // `recurse` is what DSTU2 called it.
        Some("iterate" | "recurse") => true,
        Some(_) => return Err(SearchError::Modifier { param: cut(name) }),
    };
    if request.includes.len() == MAX_INCLUDES {
        return Err(SearchError::TooLong {
            param: cut(name),
            limit: MAX_INCLUDES,
            unit: "includes",
        });
    }
    let expected = "\"Type:reference\", \"Type:reference:Type\" or \"Type:*\"";
    let read = read_include(request.resource_type, value, reverse, iterate);
    request.includes.push(read.ok_or_else(|| wrong(name, expected))?);
    Ok(true)
}

fn read_include(kind: ResourceType, value: &str, reverse: bool, iterate: bool) -> Option<Include> {
    if value == "*" && !reverse {
        return Some(Include { source: kind, by: None, target: None, reverse, iterate });
    }
    let mut parts = value.split(':');
    let source: ResourceType = parts.next()?.parse().ok()?;
    let code = parts.next()?;
    let target: Option<ResourceType> = match parts.next() {
        Some(target) => Some(target.parse().ok()?),
        None => None,
    };
    if parts.next().is_some() || params_of(source).is_empty() {
        return None;
    }
    let by = match code {
        "*" => None,
        code => Some(find_param(source, code).filter(|param| param.kind == SearchKind::Reference)?),
    };
    let leads = |to| by.is_none_or(|by| by.targets.contains(&to));
    if target.is_some_and(|target| !leads(target)) {
        return None;
    }
    Some(Include { source, by, target, reverse, iterate })
}
