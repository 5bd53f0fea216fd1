//! One form for each meaning, for comparing.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes JSON compactly with the names of every object in order of their bytes. Strings are
/// compared by meaning, numbers by their digits: `0.40` and `0.4` differ, `1E3` and `1e+3` do not.
///
/// For comparing resources, not for signatures. Fails on what is not JSON.
pub fn canonical(json: &str) -> Result<String, serde_json::Error> {
    let value: Value = serde_json::from_str(json)?;
    let mut out = String::with_capacity(json.len());
    write(&value, &mut out);
    Ok(out)
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_bytes());
            out.push('{');
            for (i, (name, value)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                let _ = write!(out, "{}:", Value::String(name.clone()));
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        leaf => {
            let _ = write!(out, "{leaf}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        assert_eq!(canonical(json).unwrap(), expected);
    }

    #[test]
    fn order_and_space_do_not_matter_but_digits_do() {
        check(
            r#"{ "b": [1, {"d":0, "c":null}], "a": "\u00e9\/" }"#,
            r#"{"a":"é/","b":[1,{"c":null,"d":0}]}"#,
        );
        check(
            "[0.40, 0.4, 1E3, 1e+3, 12345678901234567890123.10]",
            "[0.40,0.4,1e+3,1e+3,12345678901234567890123.10]",
        );
        assert!(canonical("{").is_err());
    }
}
