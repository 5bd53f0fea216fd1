//! The formats of primitive values (R4 §2.24.0.1).

use std::str::FromStr;

use fhir::json::{Kind, Node};

/// The longest string, in bytes (R4 §2.24.0.1: 1 MB).
const MAX_STRING_BYTES: usize = 1024 * 1024;

/// What is wrong with a value; nothing where it is right.
pub(crate) fn check(node: Node<'_>, ty: &str) -> Option<&'static str> {
    match (node.kind(), ty) {
        (Kind::Bool(_), "boolean") | (Kind::Number(_), "decimal") => None,
        (_, "boolean") => Some("a boolean is true or false"),
        (Kind::Number(digits), "integer") => whole(digits, i64::from(i32::MIN)),
        (Kind::Number(digits), "unsignedInt") => whole(digits, 0),
        (Kind::Number(digits), "positiveInt") => whole(digits, 1),
        (_, "integer" | "unsignedInt" | "positiveInt" | "decimal") => Some("a number was expected"),
        (Kind::String(text), _) => string(text, ty),
        _ => Some("a string was expected"),
    }
}

fn whole(digits: &str, least: i64) -> Option<&'static str> {
    match digits.parse::<i64>() {
        Ok(value) if (least..=i64::from(i32::MAX)).contains(&value) => None,
        Ok(_) => Some("the number is out of range"),
        Err(_) => Some("a whole number was expected"),
    }
}

fn string(text: &str, ty: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("the value is empty");
    }
    if text.len() > MAX_STRING_BYTES && ty != "base64Binary" && ty != "xhtml" {
        return Some("the value is longer than 1 MB");
    }
    let wrong = match ty {
        "date" => !parses::<fhir::Date>(text),
        "dateTime" => !parses::<fhir::DateTime>(text),
        "instant" => !parses::<fhir::Instant>(text),
        "time" => !parses::<fhir::Time>(text),
        "id" => !is_id(text),
        "code" => !is_code(text),
        "oid" => !is_oid(text),
        "uuid" => !is_uuid(text),
        "uri" | "url" | "canonical" => return uri(text),
        "base64Binary" => !is_base64(text),
        "xhtml" => {
            return fhir::xhtml::check(text).err().map(|error| match error {
                fhir::xhtml::XhtmlError::Empty => "the narrative is empty",
                fhir::xhtml::XhtmlError::NoDiv => "the narrative is no div of XHTML",
                fhir::xhtml::XhtmlError::Element(_) => {
                    "the narrative has an element it may not have"
                }
                fhir::xhtml::XhtmlError::Attribute(_) => {
                    "the narrative has an attribute it may not have"
                }
                _ => "the narrative is not well-formed",
            });
        }
        _ => {
            let control = |c: char| c < ' ' && !matches!(c, '\t' | '\r' | '\n');
            if text.trim().is_empty() {
                return Some("the value is only white space");
            }
            text.chars().any(control)
        }
    };
    wrong.then_some("the value is not in the form of its type")
}

fn parses<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

pub(crate) fn is_id(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
}

fn is_code(text: &str) -> bool {
    let trimmed = text.trim() == text;
    trimmed && !text.contains("  ") && !text.contains(|c: char| c.is_whitespace() && c != ' ')
}

fn is_oid(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("urn:oid:") else {
        return false;
    };
    let mut arcs = rest.split('.');
    let arc = |arc: &str| {
        let digits = !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit());
        digits && (arc == "0" || !arc.starts_with('0'))
    };
    matches!(arcs.next(), Some("0" | "1" | "2")) && rest.contains('.') && arcs.all(arc)
}

fn is_uuid(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("urn:uuid:") else {
        return false;
    };
    let lengths: Vec<usize> = rest.split('-').map(str::len).collect();
    // R4 writes UUIDs in small letters.
    let digits = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b) || b == b'-';
    lengths == [8, 4, 4, 4, 12] && rest.bytes().all(digits)
}

fn uri(text: &str) -> Option<&'static str> {
    if text.contains(char::is_whitespace) {
        return Some("an address has no white space");
    }
    if text.starts_with("urn:oid:") && !is_oid(text) {
        return Some("an OID has the form urn:oid:1.2.3");
    }
    if text.starts_with("urn:uuid:") && !is_uuid(&text.to_ascii_lowercase()) {
        return Some("a UUID has the form urn:uuid:01234567-89ab-cdef-0123-456789abcdef");
    }
    None
}

fn is_base64(text: &str) -> bool {
    let mut count = 0_usize;
    let mut padding = 0;
    for byte in text.bytes() {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'=' => {
                padding += 1;
                count += 1;
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => count += 1,
            _ => return false,
        }
    }
    padding <= 2 && count.is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use fhir::json::Tree;

    #[track_caller]
    fn check(ty: &str, good: &[&str], bad: &[&str]) {
        for (texts, right) in [(good, true), (bad, false)] {
            for json in texts {
                let tree = Tree::parse(json).unwrap();
                assert_eq!(super::check(tree.root(), ty).is_none(), right, "{ty} {json}");
            }
        }
    }

    #[test]
    fn formats_are_those_of_the_standard() {
        check("boolean", &["true"], &["\"true\"", "1"]);
        check("integer", &["-5", "0"], &["1.0", "2147483648", "\"1\""]);
        check("positiveInt", &["1"], &["0", "-1"]);
        check("decimal", &["1.50", "1e3"], &["\"1\""]);
        check("date", &["\"2026\"", "\"2026-03-09\""], &["\"2026-3\"", "\"2026-02-30\"", "2026"]);
        check("dateTime", &["\"2026-03-09T10:00:00Z\""], &["\"2026-03-09T10:00\""]);
        check("instant", &["\"2026-03-09T10:00:00.1Z\""], &["\"2026-03-09\""]);
        check("id", &["\"a-1.b\""], &["\"a_b\"", "\"\""]);
        check("code", &["\"a b\""], &["\" a\"", "\"a  b\"", "\"a\\tb\""]);
        check("oid", &["\"urn:oid:1.2.0\""], &["\"urn:oid:1.02\"", "\"1.2\""]);
        check("uri", &["\"x\"", "\"urn:uuid:0D1A2B3C-0000-0000-0000-000000000000\""], &["\"a b\""]);
        check("string", &["\"a\\nb\""], &["\"\"", "\" \"", "\"\\u0001\""]);
        check("base64Binary", &["\"YQ==\"", "\"YWJj\\nYWJj\""], &["\"YQ=\"", "\"%\""]);
    }
}
