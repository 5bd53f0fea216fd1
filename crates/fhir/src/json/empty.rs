//! Parts that FHIR does not have: null members, and strings, arrays and objects with nothing in
//! them (R4 §2.6.2).

use super::{end_of_string, path_at};

/// The path of the first part with nothing in it, such as `name[0].given`. A null within an array
/// stands for an element that has only an extension, and is none. The text must be JSON.
pub fn empty_part(json: &str) -> Option<String> {
    let bytes = json.as_bytes();
    let (mut at, mut last, mut last_at) = (0, b' ', 0);
    while at < bytes.len() {
        let byte = bytes[at];
        let (end, empty) = match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                at += 1;
                continue;
            }
            b'"' => {
                let end = end_of_string(bytes, at);
                (end, end == at + 2)
            }
            b'}' => (at + 1, last == b'{'),
            b']' => (at + 1, last == b'['),
            b'n' => (at + 4, last == b':'),
            _ => (at + 1, false),
        };
        if empty {
            let place = if matches!(byte, b']' | b'}') { last_at } else { at };
            return Some(path_at(bytes, place));
        }
        (last, last_at, at) = (byte, at, end);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        assert_eq!(empty_part(json).as_deref(), expected, "{json}");
    }

    #[test]
    fn nothing_is_found_where_it_stands() {
        check(r#"{"a":[null,{"b":"\""}],"c":0,"d":false}"#, None);
        check(r#"{"a":null}"#, Some("a"));
        check(r#"{"a":{"b":[{"c":1},{ }]}}"#, Some("a.b[1]"));
        check(r#"{"a":1,"b":[ ]}"#, Some("b"));
        check(r#"{"a":[{"b":""}]}"#, Some("a[0].b"));
        check(r#"{"a":["x",""]}"#, Some("a[1]"));
        check("{}", Some(""));
    }
}
