//! JSON Patch (RFC 6902): changes to a document, one after the other.

use serde_json::Value;

/// The most operations of one patch.
const MAX_OPERATIONS: usize = 1_000;
/// The most bytes, about, that all operations of one patch copy: each copy could double a document.
const MAX_COPIED_BYTES: usize = 4 << 20;
/// The most items of arrays that all operations of one patch move out of the way: a patch is
/// applied where everything else waits.
const MAX_SHIFTED: usize = 1 << 20;
/// The most parts of one pointer: as deep as a document can be.
const MAX_PARTS: usize = super::Limits::MAX_DEPTH;

/// A patch that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Patch(Vec<Operation>);

/// One change.
#[derive(Debug, Clone, PartialEq)]
enum Operation {
    Add { path: Pointer, value: Value },
    Remove { path: Pointer },
    Replace { path: Pointer, value: Value },
    Move { from: Pointer, path: Pointer },
    Copy { from: Pointer, path: Pointer },
    Test { path: Pointer, value: Value },
}

/// Where something is (RFC 6901): the parts, unescaped; empty for the whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pointer(Vec<String>);

/// Why a patch is none, or cannot be applied. What is displayed names the operation by its
/// number, counted from 0, and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is not an array of operations.
    #[error("a JSON Patch is an array of operations")]
    NotAPatch,
    /// There are too many.
    #[error(
        "a patch has at most {MAX_OPERATIONS} operations, copies at most 4 MiB, does not move long \
         arrays and makes nothing deeper than a resource may be"
    )]
    TooLong,
    /// An operation is not one of RFC 6902, or lacks a member that it needs.
    #[error("operation {0} is not one of RFC 6902, or lacks \"path\", \"from\" or \"value\"")]
    Operation(usize),
    /// A path is not a JSON pointer.
    #[error("a path of operation {0} is not a JSON pointer")]
    Pointer(usize),
    /// What a path leads to is not there.
    #[error("the path of operation {0} leads to nothing")]
    NotThere(usize),
    /// A test found something else.
    #[error("the test of operation {0} failed")]
    Test(usize),
    /// Something would be moved into itself.
    #[error("operation {0} moves something into itself")]
    IntoItself(usize),
}

impl PatchError {
    /// Whether the patch itself is wrong, rather than not fitting to the document.
    pub fn is_malformed(&self) -> bool {
        matches!(self, Self::NotAPatch | Self::TooLong | Self::Operation(_) | Self::Pointer(_))
    }
}

impl Patch {
    /// Reads a patch. Call [`super::check`] first on anything from outside.
    pub fn read(json: &str) -> Result<Self, PatchError> {
        let Ok(Value::Array(all)) = serde_json::from_str(json) else {
            return Err(PatchError::NotAPatch);
        };
        if all.len() > MAX_OPERATIONS {
            return Err(PatchError::TooLong);
        }
        all.into_iter()
            .enumerate()
            .map(|(n, one)| operation(n, one))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Applies it to a document, wholly or not at all. Numbers keep their digits.
    pub fn apply(&self, document: &mut Value) -> Result<(), PatchError> {
        let mut changed = document.clone();
        let mut room = Room { bytes: MAX_COPIED_BYTES, items: MAX_SHIFTED };
        for (n, operation) in self.0.iter().enumerate() {
            operation.apply(n, &mut changed, &mut room)?;
        }
        *document = changed;
        Ok(())
    }
}

fn operation(n: usize, one: Value) -> Result<Operation, PatchError> {
    let Value::Object(mut members) = one else { return Err(PatchError::Operation(n)) };
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let pointer = |name: &str| {
        let text = text(name).ok_or(PatchError::Operation(n))?;
        Pointer::read(text).ok_or(PatchError::Pointer(n))
    };
    let path = pointer("path")?;
    let op = text("op").ok_or(PatchError::Operation(n))?.to_owned();
    match op.as_str() {
        "remove" => return Ok(Operation::Remove { path }),
        "move" => return Ok(Operation::Move { from: pointer("from")?, path }),
        "copy" => return Ok(Operation::Copy { from: pointer("from")?, path }),
        _ => {}
    }
    let value = members.shift_remove("value").ok_or(PatchError::Operation(n))?;
    match op.as_str() {
        "add" => Ok(Operation::Add { path, value }),
        "replace" => Ok(Operation::Replace { path, value }),
        "test" => Ok(Operation::Test { path, value }),
        _ => Err(PatchError::Operation(n)),
    }
}

impl Operation {
    fn apply(&self, n: usize, document: &mut Value, room: &mut Room) -> Result<(), PatchError> {
        let missing = || PatchError::NotThere(n);
        match self {
            Self::Add { path, value } => {
                Room::deep(path, value)?;
                room.shift(document, path)?;
                add(document, path, value.clone()).ok_or_else(missing)
            }
            Self::Remove { path } => {
                room.shift(document, path)?;
                remove(document, path).map(drop).ok_or_else(missing)
            }
            Self::Replace { path, value } => {
                Room::deep(path, value)?;
                *path.find_mut(document).ok_or_else(missing)? = value.clone();
                Ok(())
            }
            Self::Move { from, path } => {
                if path.0.len() > from.0.len() && path.0.starts_with(&from.0) {
                    return Err(PatchError::IntoItself(n));
                }
                room.shift(document, from)?;
                let value = remove(document, from).ok_or_else(missing)?;
                Room::deep(path, &value)?;
                room.shift(document, path)?;
                add(document, path, value).ok_or_else(missing)
            }
            Self::Copy { from, path } => {
                let value = from.find(document).ok_or_else(missing)?;
                room.bytes = room.bytes.checked_sub(weight(value)).ok_or(PatchError::TooLong)?;
                Room::deep(path, value)?;
                let value = value.clone();
                room.shift(document, path)?;
                add(document, path, value).ok_or_else(missing)
            }
            Self::Test { path, value } => match path.find(document) {
                Some(found) if same(found, value) => Ok(()),
                _ => Err(PatchError::Test(n)),
            },
        }
    }
}

/// What is left of the work that a patch may make.
struct Room {
    bytes: usize,
    items: usize,
}

impl Room {
    /// Whether a value may stand there: no operation makes a document deeper than one that comes,
    /// so that nothing that walks it runs out of stack.
    fn deep(path: &Pointer, value: &Value) -> Result<(), PatchError> {
        let fits = path.0.len() + depth(value) <= MAX_PARTS;
        if fits { Ok(()) } else { Err(PatchError::TooLong) }
    }

    /// Counts the items behind a place in an array: they move when something comes or goes there.
    fn shift(&mut self, document: &mut Value, path: &Pointer) -> Result<(), PatchError> {
        let Some((last, parents)) = path.0.split_last() else { return Ok(()) };
        if let Some(Value::Array(items)) = walk_mut(document, parents) {
            let behind = items.len().saturating_sub(index(last).unwrap_or(items.len()));
            self.items = self.items.checked_sub(behind).ok_or(PatchError::TooLong)?;
        }
        Ok(())
    }
}

/// How many arrays and objects lie in each other.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    const EACH: usize = 32;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + weight(value)).sum()
        }
        _ => 0,
    }
}

/// Equality as RFC 6902 §4.6 has it: numbers by their value, objects in any order.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            let read = |n: &serde_json::Number| crate::Decimal::parse(&n.to_string()).ok();
            a == b || matches!((read(a), read(b)), (Some(a), Some(b)) if a.value() == b.value())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

fn add(document: &mut Value, path: &Pointer, value: Value) -> Option<()> {
    let Some((last, parents)) = path.0.split_last() else {
        *document = value;
        return Some(());
    };
    match walk_mut(document, parents)? {
        Value::Object(members) => {
            members.insert(last.clone(), value);
        }
        Value::Array(items) => {
            let at = if last == "-" { items.len() } else { index(last)? };
            if at > items.len() {
                return None;
            }
            items.insert(at, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(document: &mut Value, path: &Pointer) -> Option<Value> {
    let (last, parents) = path.0.split_last()?;
    match walk_mut(document, parents)? {
        Value::Object(members) => members.shift_remove(last),
        Value::Array(items) => {
            let at = index(last).filter(|at| *at < items.len())?;
            Some(items.remove(at))
        }
        _ => None,
    }
}

fn walk_mut<'v>(mut value: &'v mut Value, parts: &[String]) -> Option<&'v mut Value> {
    for part in parts {
        value = match value {
            Value::Object(members) => members.get_mut(part)?,
            Value::Array(items) => items.get_mut(index(part)?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// An index of an array: digits without a zero before them (RFC 6901 §4).
fn index(part: &str) -> Option<usize> {
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = part == "0" || !part.starts_with('0');
    (digits && plain).then(|| part.parse().ok())?
}

impl Pointer {
    fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(Vec::new()));
        }
        let parts: Option<Vec<String>> =
            text.strip_prefix('/')?.split('/').take(MAX_PARTS + 1).map(unescape).collect();
        parts.filter(|parts| parts.len() <= MAX_PARTS).map(Self)
    }

    fn find<'v>(&self, mut value: &'v Value) -> Option<&'v Value> {
        for part in &self.0 {
            value = match value {
                Value::Object(members) => members.get(part)?,
                Value::Array(items) => items.get(index(part)?)?,
                _ => return None,
            };
        }
        Some(value)
    }

    fn find_mut<'v>(&self, value: &'v mut Value) -> Option<&'v mut Value> {
        walk_mut(value, &self.0)
    }
}

/// A part with `~1` for a slash and `~0` for a tilde; no other tilde may be there.
fn unescape(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(document: &str, patch: &str, expected: Result<&str, &str>) {
        let mut value: Value = serde_json::from_str(document).unwrap();
        let before = value.clone();
        let done = Patch::read(patch).and_then(|patch| patch.apply(&mut value));
        let found = done.map(|()| value.to_string()).map_err(|error| error.to_string());
        match expected {
            Ok(expected) => assert_eq!(found.as_deref(), Ok(expected), "{patch}"),
            Err(expected) => {
                let error = found.unwrap_err();
                assert!(error.contains(expected), "{patch}: {error}");
                assert_eq!(value, before, "nothing of it is applied");
            }
        }
    }

    #[test]
    fn a_document_gets_no_deeper_than_one_that_may_come() {
        let deep = format!("{}0{}", r#"{"n":"#.repeat(60), "}".repeat(60));
        let into = "/n".repeat(59);
        let swap = |to: &str, from: &str| {
            format!(
                r#"{{"op":"add","path":"/{to}","value":{deep}}},
                   {{"op":"move","from":"/{from}","path":"/{to}{into}/n"}}"#
            )
        };
        let (once, again) = (swap("a", "b"), swap("b", "a"));
        let patch = format!(r#"[{{"op":"add","path":"/b","value":1}},{once},{again}]"#);
        check("{}", &patch, Err("deeper"));
    }

    #[test]
    fn operations_change_what_their_path_leads_to() {
        let doc = r#"{"a":[1,2.50],"b":{"c~d/e":"x"}}"#;
        let whole = |rest: &str| format!("[{rest}]");
        let check = |patch: &str, expected| check(doc, &whole(patch), expected);
        check(
            r#"{"op":"add","path":"/a/1","value":0.10}"#,
            Ok(r#"{"a":[1,0.10,2.50],"b":{"c~d/e":"x"}}"#),
        );
        check(
            r#"{"op":"add","path":"/a/-","value":{}}"#,
            Ok(r#"{"a":[1,2.50,{}],"b":{"c~d/e":"x"}}"#),
        );
        check(r#"{"op":"add","path":"/a/3","value":1}"#, Err("operation 0 leads to nothing"));
        check(r#"{"op":"remove","path":"/b/c~0d~1e"}"#, Ok(r#"{"a":[1,2.50],"b":{}}"#));
        check(r#"{"op":"remove","path":"/a/01"}"#, Err("leads to nothing"));
        check(r#"{"op":"remove","path":""}"#, Err("leads to nothing"));
        check(
            r#"{"op":"replace","path":"/a/0","value":null}"#,
            Ok(r#"{"a":[null,2.50],"b":{"c~d/e":"x"}}"#),
        );
        check(r#"{"op":"replace","path":"/z","value":1}"#, Err("leads to nothing"));
        check(
            r#"{"op":"move","from":"/a/0","path":"/b/f"}"#,
            Ok(r#"{"a":[2.50],"b":{"c~d/e":"x","f":1}}"#),
        );
        check(r#"{"op":"move","from":"/b","path":"/b/f"}"#, Err("into itself"));
        check(
            r#"{"op":"copy","from":"/a","path":"/c"}"#,
            Ok(r#"{"a":[1,2.50],"b":{"c~d/e":"x"},"c":[1,2.50]}"#),
        );
        check(
            r#"{"op":"test","path":"/a/1","value":2.5},{"op":"remove","path":"/b"}"#,
            Ok(r#"{"a":[1,2.50]}"#),
        );
        check(
            r#"{"op":"remove","path":"/b"},{"op":"test","path":"/a/0","value":"1"}"#,
            Err("operation 1 failed"),
        );
        check(r#"{"op":"add","path":"","value":[]}"#, Ok("[]"));
        check("", Ok(doc));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (patch, why) in [
            ("{}", "an array of operations"),
            (r#"["x"]"#, "operation 0"),
            (r#"[{"op":"add","path":"/a"}]"#, "lacks"),
            (r#"[{"op":"spin","path":"/a","value":1}]"#, "RFC 6902"),
            (r#"[{"op":"remove","path":"a"}]"#, "JSON pointer"),
            (r#"[{"op":"remove","path":"/~2"}]"#, "JSON pointer"),
            (r#"[{"op":"move","path":"/a"}]"#, "lacks"),
        ] {
            check("{}", patch, Err(why));
            assert!(Patch::read(patch).unwrap_err().is_malformed());
        }
        let doubling = vec![r#"{"op":"copy","from":"","path":"/-"}"#; 40].join(",");
        check("[]", &format!("[{doubling}]"), Err("copies at most"));
        let long = format!("[{}]", vec!["1"; 20_000].join(","));
        let shifting = vec![r#"{"op":"remove","path":"/0"}"#; 60].join(",");
        check(&long, &format!("[{shifting}]"), Err("long arrays"));
        let many = vec![r#"{"op":"remove","path":"/a"}"#; MAX_OPERATIONS + 1].join(",");
        assert_eq!(Patch::read(&format!("[{many}]")), Err(PatchError::TooLong));
        let deep = format!(r#"[{{"op":"remove","path":"{}"}}]"#, "/a".repeat(MAX_PARTS + 1));
        assert_eq!(Patch::read(&deep), Err(PatchError::Pointer(0)));
    }
}
