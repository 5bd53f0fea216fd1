//! Whether an element is, or has in it, what a profile writes out (R4 §5.3.1.5).

use fhir::json::{Kind, Node};
use rust_decimal::Decimal;
use serde_json::Value;

/// Whether both are the same, but for the order of members.
pub(crate) fn equals(node: Node<'_>, value: &Value) -> bool {
    match (node.kind(), value) {
        (Kind::Object, Value::Object(members)) => {
            node.children().count() == members.len()
                && members
                    .iter()
                    .all(|(name, value)| node.get(name).is_some_and(|found| equals(found, value)))
        }
        (Kind::Array, Value::Array(items)) => {
            node.children().count() == items.len()
                && node.children().zip(items).all(|(node, value)| equals(node, value))
        }
        _ => same_primitive(node, value),
    }
}

/// Whether all that a pattern has is there; more may be.
pub(crate) fn fits(node: Node<'_>, pattern: &Value) -> bool {
    match (node.kind(), pattern) {
        (Kind::Object, Value::Object(members)) => members
            .iter()
            .all(|(name, value)| node.get(name).is_some_and(|found| fits(found, value))),
        (Kind::Array, Value::Array(items)) => {
            items.iter().all(|value| node.children().any(|node| fits(node, value)))
        }
        _ => same_primitive(node, pattern),
    }
}

fn same_primitive(node: Node<'_>, value: &Value) -> bool {
    match (node.kind(), value) {
        (Kind::String(text), Value::String(other)) => text.as_ref() == other,
        (Kind::Bool(one), Value::Bool(other)) => one == other,
        (Kind::Number(digits), Value::Number(other)) => {
            let parse = |text: &str| text.parse::<Decimal>().ok();
            *digits == other.as_str()
                || (parse(digits).is_some() && parse(digits) == parse(other.as_str()))
        }
        (Kind::Null, Value::Null) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use fhir::json::Tree;

    use super::*;

    #[track_caller]
    fn check(json: &str, value: &str, expected: (bool, bool)) {
        let tree = Tree::parse(json).unwrap();
        let value: Value = serde_json::from_str(value).unwrap();
        assert_eq!((equals(tree.root(), &value), fits(tree.root(), &value)), expected, "{json}");
    }

    #[test]
    fn fixed_is_all_and_pattern_is_some() {
        check(r#"{"a":1,"b":[1,2]}"#, r#"{"b":[1,2],"a":1.0}"#, (true, true));
        check(r#"{"a":1,"b":[1,2]}"#, r#"{"b":[2]}"#, (false, true));
        check(r#"{"a":"x"}"#, r#"{"a":"y"}"#, (false, false));
        check(r#"["x"]"#, r#"["x","y"]"#, (false, false));
    }
}
