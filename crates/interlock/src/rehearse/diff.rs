//! Two JSON values compared, for people.

use std::fmt;

use serde_json::Value;

/// The most differences that are told of one pair.
const MAX_TOLD: usize = 50;
/// The longest value that is shown, in characters.
const MAX_SHOWN: usize = 160;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Where, as a JSON pointer.
    pub(crate) path: String,
    /// What was expected; none where nothing was.
    pub(crate) expected: Option<Value>,
    /// What was found; none where nothing was.
    pub(crate) found: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  at {}", self.path)?;
        if let Some(expected) = &self.expected {
            writeln!(f, "    - {}", shown(expected))?;
        }
        if let Some(found) = &self.found {
            writeln!(f, "    + {}", shown(found))?;
        }
        Ok(())
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= MAX_SHOWN {
        return text;
    }
    text.chars().take(MAX_SHOWN).chain(['…']).collect()
}

/// Where two values differ.
pub(crate) fn differences(expected: &Value, found: &Value) -> Vec<Difference> {
    let mut told = Vec::new();
    compare(String::new(), expected, found, &mut told);
    told
}

fn compare(path: String, expected: &Value, found: &Value, told: &mut Vec<Difference>) {
    if told.len() >= MAX_TOLD || expected == found {
        return;
    }
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, a) in a {
                let path = format!("{path}/{name}");
                pair(path, Some(a), b.get(name), told);
            }
            for (name, b) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                pair(format!("{path}/{name}"), None, Some(b), told);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                pair(format!("{path}/{at}"), a.get(at), b.get(at), told);
            }
        }
        _ => pair(path, Some(expected), Some(found), told),
    }
}

fn pair(path: String, a: Option<&Value>, b: Option<&Value>, told: &mut Vec<Difference>) {
    match (a, b) {
        (Some(a), Some(b)) if a == b => {}
        (Some(a), Some(b))
            if (a.is_object() && b.is_object()) || (a.is_array() && b.is_array()) =>
        {
            compare(path, a, b, told);
        }
        _ if told.len() < MAX_TOLD => {
            told.push(Difference { path, expected: a.cloned(), found: b.cloned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_are_told_with_their_place() {
        let check = |a: Value, b: Value, expect: &str| {
            let told = differences(&a, &b);
            let told: Vec<_> = told.iter().map(ToString::to_string).collect();
            assert_eq!(told.concat(), expect);
        };
        check(json!({"a": [1, {"b": 2}]}), json!({"a": [1, {"b": 2}]}), "");
        check(
            json!({"a": [1, {"b": 2}]}),
            json!({"a": [1, {"b": 3}]}),
            "  at /a/1/b\n    - 2\n    + 3\n",
        );
        check(json!({"a": 1}), json!({"b": 1}), "  at /a\n    - 1\n  at /b\n    + 1\n");
        check(json!([1]), json!([1, "x"]), "  at /1\n    + \"x\"\n");
        check(json!({"a": 1}), json!({"a": {}}), "  at /a\n    - 1\n    + {}\n");
    }
}
