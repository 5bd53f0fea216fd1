//! What is printed beside a barcode, for when it cannot be scanned and somebody types it.

use crate::elements::{self, ElementError, SEPARATOR};

/// Turns `(01)09990000000012(17)281212(10)B81645` into the bytes that a scanner would send for
/// it: a separator first, and after each value that needs one. A bracket that belongs to a value
/// has a backslash before it. White space around the elements is passed over.
///
/// Brackets say where each value ends, so here nothing can be swallowed: what
/// [`crate::Elements::doubt`] says of these bytes is not about a lost separator.
pub fn from_printed(text: &str) -> Result<Vec<u8>, ElementError> {
    let mut out = vec![SEPARATOR];
    let mut rest = text.trim().as_bytes();
    if rest.is_empty() {
        return Err(ElementError::Empty);
    }
    let length = rest.len();
    while let Some(after) = rest.strip_prefix(b"(") {
        let unknown = ElementError::UnknownIdentifier { at: length - rest.len() };
        let end = after.iter().position(|byte| *byte == b')').ok_or(unknown.clone())?;
        let begin = out.len();
        out.extend_from_slice(&after[..end]);
        rest = value(&after[end + 1..], &mut out);
        // The identifier has to be the whole of what stands in brackets, and the value its own.
        let (element, ended) = elements::element(&out, begin)?;
        if element.identifier.len() != end {
            return Err(unknown);
        }
        if ended != out.len() {
            let identifier = element.identifier.to_owned();
            return Err(ElementError::ValueTooLong { identifier, at: length - rest.len() });
        }
        if !element.definition.fixed && !rest.is_empty() {
            out.push(SEPARATOR);
        }
    }
    if rest.is_empty() {
        Ok(out)
    } else {
        Err(ElementError::UnknownIdentifier { at: length - rest.len() })
    }
}

/// Takes a value up to the next bracket; what is behind it.
fn value<'a>(text: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut at = 0;
    while at < text.len() && text[at] != b'(' {
        // A backslash before a bracket is no part of the value.
        let escaped = text[at] == b'\\' && text.get(at + 1) == Some(&b'(');
        at += usize::from(escaped);
        out.push(text[at]);
        at += 1;
    }
    &text[at..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type() {
        let pack = from_printed(" (01)09990000000012(10)B(17)281212(21)A\\(1 ").unwrap();
        assert_eq!(pack, b"\x1d010999000000001210B\x1d1728121221A(1");
        for wrong in ["", "(01", "(17)2812", "(01)09990000000013", "x(10)A", "(10)A B", "(3)1"] {
            assert!(from_printed(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_does_no_harm(text in "[()\\\\0-9A\u{e9} ]{0,40}") {
            if let Ok(bytes) = from_printed(&text) {
                prop_assert!(elements::element(&bytes, 1).is_ok());
            }
        }
    }
}
