//! Reading a patch from its Parameters.

use serde_json::{Map, Value};

use super::{Change, MAX_OPERATIONS, New, Operation, PatchError};
use crate::Expression;

/// How deep the parts of a value may lie in each other.
const MAX_DEPTH: usize = 16;

pub(super) fn read(parameters: &str) -> Result<Vec<Operation>, PatchError> {
    let read: Value = serde_json::from_str(parameters).map_err(|_| PatchError::NotAPatch)?;
    if read["resourceType"] != "Parameters" {
        return Err(PatchError::NotAPatch);
    }
    let all = read["parameter"].as_array().ok_or(PatchError::NotAPatch)?;
    let is_operation = |one: &Value| one["name"] == "operation";
    if all.is_empty() || all.len() > MAX_OPERATIONS || !all.iter().all(is_operation) {
        return Err(PatchError::NotAPatch);
    }
    all.iter().enumerate().map(|(n, one)| operation(n, one)).collect()
}

fn operation(n: usize, one: &Value) -> Result<Operation, PatchError> {
    let wrong = |what| PatchError::Operation(n, what);
    let parts = one["part"].as_array().ok_or(wrong("it has no parts"))?;
    let part = |name: &str| parts.iter().find(|part| part["name"] == name);
    let text = |name: &str| {
        let part = part(name)?;
        ["valueString", "valueCode"].iter().find_map(|member| part[*member].as_str())
    };
    let number = |name: &str| {
        let number = part(name)?["valueInteger"].as_u64()?;
        usize::try_from(number).ok()
    };
    let value = || {
        let part = part("value").ok_or(wrong("it has no value"))?;
        new(part, 0).ok_or(wrong("its value cannot be read"))
    };
    let path = text("path").ok_or(wrong("it has no path"))?;
    let change = match text("type") {
        Some("add") => {
            let name = text("name").ok_or(wrong("it has no name"))?.to_owned();
            Change::Add { name, value: value()? }
        }
        Some("insert") => {
            let index = number("index").ok_or(wrong("it has no index"))?;
            Change::Insert { index, value: value()? }
        }
        Some("delete") => Change::Delete,
        Some("replace") => Change::Replace { value: value()? },
        Some("move") => Change::Move {
            source: number("source").ok_or(wrong("it has no source"))?,
            destination: number("destination").ok_or(wrong("it has no destination"))?,
        },
        _ => return Err(wrong("its type is add, insert, delete, replace or move")),
    };
    let parse = |text: &str| Expression::parse(text).map_err(|_| PatchError::Path(n));
    let list = match path.rsplit_once('.') {
        Some((holder, name)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            parse(holder).ok().map(|holder| (holder, name.to_owned()))
        }
        _ => None,
    };
    Ok(Operation { path: parse(path)?, list, change })
}

/// The value of a part: `value[x]` with what lies beside it, or parts of its own.
fn new(part: &Value, depth: usize) -> Option<New> {
    let members = part.as_object()?;
    if let Some(parts) = members.get("part") {
        let parts = parts.as_array().filter(|_| depth < MAX_DEPTH)?;
        let named = parts
            .iter()
            .map(|part| Some((part["name"].as_str()?.to_owned(), new(part, depth + 1)?)));
        return named.collect::<Option<Vec<_>>>().map(New::Parts);
    }
    let ty = members.keys().find_map(|name| {
        name.strip_prefix('_').unwrap_or(name).strip_prefix("value").filter(|ty| !ty.is_empty())
    })?;
    let of = |members: &Map<String, Value>, name: String| members.get(&name).cloned();
    let (value, beside) = (of(members, format!("value{ty}")), of(members, format!("_value{ty}")));
    Some(New::Typed { ty: ty.to_owned(), value, beside })
}
