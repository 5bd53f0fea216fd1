//! The parts of which bodies are made: exact numbers, short texts, identifiers.

use std::fmt;
use std::ops::Deref;

use fhir::types::Identifier;
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// The most characters of one text.
pub(crate) const MAX_TEXT_CHARS: usize = 256;
/// The most characters of a number: 12 before the point and 12 after it.
const MAX_NUMBER_CHARS: usize = 25;

/// An exact decimal, read from a JSON number or string without going through binary fractions:
/// digits, and a point with digits after it. No exponent, so that one number has one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact(pub(crate) Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(from)?;
        let quoted = raw.get().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        plain(quoted.unwrap_or(raw.get())).map(Exact).ok_or_else(|| {
            D::Error::custom("a quantity is a plain decimal, as 2 or \"0.5\", without an exponent")
        })
    }
}

fn plain(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let leads_with_zero = whole.len() > 1 && whole.starts_with('0');
    let fits = text.len() <= MAX_NUMBER_CHARS && all_digits(whole) && !leads_with_zero;
    if !fits || !fraction.is_none_or(all_digits) {
        return None;
    }
    // A zero below zero would be a second look of the same number.
    let read = Decimal::from_str_exact(text).ok()?;
    (!read.is_zero() || digits == text).then_some(read)
}

/// A text of 1 to 256 characters, none of which is a control character. It keeps no blanks at
/// its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(String);

impl Text {
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let trimmed = text.trim();
        let fits = !trimmed.is_empty() && trimmed.chars().count() <= MAX_TEXT_CHARS;
        if !fits || trimmed.chars().any(char::is_control) {
            let rule = "a text has 1 to 256 characters and no control characters";
            return Err(D::Error::custom(rule));
        }
        Ok(Text(trimmed.to_owned()))
    }
}

/// A number of somebody or something, with the system that gives such numbers.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Identifier)]
pub(crate) struct IdentifierBody {
    /// The system, as a URI.
    #[schema(value_type = String, example = "https://fhir.nhs.uk/Id/nhs-number")]
    pub(crate) system: Text,
    /// The number.
    #[schema(value_type = String, example = "9990000018")]
    pub(crate) value: Text,
}

impl From<IdentifierBody> for Identifier {
    fn from(body: IdentifierBody) -> Self {
        Identifier::of(&body.system, &body.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Option<&str>) {
        let read = serde_json::from_str::<Exact>(json).ok().map(|Exact(read)| read.to_string());
        assert_eq!(read.as_deref(), expected, "{json}");
    }

    #[test]
    fn numbers_are_exact_or_refused() {
        check("2", Some("2"));
        check("\"2\"", Some("2"));
        check("0.5", Some("0.5"));
        check("\"2.500\"", Some("2.500"));
        check("-1", Some("-1"));
        check("0.1", Some("0.1"));
        check("123456789012.123456789012", Some("123456789012.123456789012"));
        for bad in [
            "1e3",
            "\"1E3\"",
            "\"\"",
            "\"-\"",
            "\".5\"",
            "\"5.\"",
            "\"+1\"",
            "\"1,5\"",
            "\"1_0\"",
            "\" 1\"",
            "\"007\"",
            "null",
            "true",
            "[1]",
            "{}",
            "\"\\u0031\"",
            "\"NaN\"",
            "-0",
            "\"-0.0\"",
            "\"½\"",
            "12345678901234567890123456",
        ] {
            check(bad, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_exact_number_or_none(text in "-?[0-9]{0,14}[.,eE+_ ]?[0-9]{0,14}") {
            if let Some(read) = plain(&text) {
                proptest::prop_assert_eq!(read.to_string(), text);
            }
        }
    }

    #[test]
    fn texts_are_short_and_clean() {
        let read = |json: &str| serde_json::from_str::<Text>(json).ok().map(Text::into_string);
        assert_eq!(read("\" N1001 \"").as_deref(), Some("N1001"));
        assert_eq!(read(&format!("{:?}", "é".repeat(256))), Some("é".repeat(256)));
        for bad in ["\"\"", "\"  \"", "\"a\\nb\"", "\"\\u0000\"", "1", "null"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("{:?}", "x".repeat(257))), None);
    }
}
