//! Exact decimals that remember how they were written.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

/// A FHIR `decimal`: an exact number that keeps its digits, so that `0.40` stays `0.40`
/// (FHIR R4 §2.24.0.1: precision has meaning and is kept). Never a float.
///
/// Holds up to 28 significant digits; a number that does not fit is an error, never rounded.
/// Equality and order are those of the number: `0.4` equals `0.40`.
#[derive(Clone)]
pub struct Decimal {
    value: rust_decimal::Decimal,
    /// The text, only where it is not what `value` writes: an exponent, or minus zero.
    written: Option<Box<str>>,
}

/// What is said of a number that an exact decimal cannot hold.
pub(crate) const BEYOND: &str = "the number has more than 28 digits or is out of range";

/// Why a text is not a decimal that can be kept exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is not a JSON number.
    #[error("not a JSON number")]
    NotANumber,
    /// More digits than can be held exactly (28).
    #[error("{BEYOND}")]
    TooManyDigits,
}

impl Decimal {
    /// The number, with its scale: `0.40` has scale 2.
    pub fn value(&self) -> rust_decimal::Decimal {
        self.value
    }

    /// Reads a JSON number. Checks the form, then the size.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let plain = is_json_number(text).ok_or(DecimalError::NotANumber)?;
        if plain {
            let value = rust_decimal::Decimal::from_str_exact(text)
                .map_err(|_| DecimalError::TooManyDigits)?;
            // Minus zero loses its sign in the number, so it is kept as text.
            let lossy = value.is_zero() && text.starts_with('-');
            return Ok(Self { value, written: lossy.then(|| text.into()) });
        }
        let value = rust_decimal::Decimal::from_scientific(text)
            .map_err(|_| DecimalError::TooManyDigits)?;
        if !same_digits(text, value) {
            return Err(DecimalError::TooManyDigits);
        }
        Ok(Self { value, written: Some(text.into()) })
    }
}

/// `Some(true)` for a JSON number without exponent, `Some(false)` for one with.
fn is_json_number(text: &str) -> Option<bool> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let whole_ok = |s: &str| digits(s) && (s.len() == 1 || !s.starts_with('0'));
    let mantissa_ok = match mantissa.split_once('.') {
        Some((whole, fraction)) => whole_ok(whole) && digits(fraction),
        None => whole_ok(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    (mantissa_ok && exponent_ok).then_some(exponent.is_none())
}

/// Whether reading an exponent lost a significant digit: both sides without sign, point and the
/// zeros at either end.
fn same_digits(text: &str, value: rust_decimal::Decimal) -> bool {
    fn significant(text: &str) -> String {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    }
    significant(text) == significant(&value.to_string())
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.written {
            Some(text) => f.write_str(text),
            None => self.value.fmt(f),
        }
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl From<rust_decimal::Decimal> for Decimal {
    fn from(value: rust_decimal::Decimal) -> Self {
        Self { value, written: None }
    }
}

impl From<u32> for Decimal {
    fn from(value: u32) -> Self {
        Self { value: value.into(), written: None }
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        // A number is written by its text: that is what `arbitrary_precision` is for.
        self.to_string().parse::<Number>().map_err(S::Error::custom)?.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let number = Number::deserialize(from)?;
        Self::parse(number.as_str()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<(&str, &str), ()>) {
        let read = serde_json::from_str::<Decimal>(json).map_err(|_| ());
        let got = read.map(|d| (d.value().to_string(), serde_json::to_string(&d).unwrap()));
        let expected = expected.map(|(value, written)| (value.to_owned(), written.to_owned()));
        assert_eq!(got, expected, "{json}");
    }

    #[test]
    fn digits_are_kept_as_written() {
        check("0.40", Ok(("0.40", "0.40")));
        check("4", Ok(("4", "4")));
        check("-1.50", Ok(("-1.50", "-1.50")));
        check("100.000", Ok(("100.000", "100.000")));
        check("-0.0", Ok(("0.0", "-0.0")));
        check("1e3", Ok(("1000", "1e+3")));
        check("1.50e-3", Ok(("0.00150", "1.50e-3")));
        check(
            "1.234567890123456789012345678",
            Ok(("1.234567890123456789012345678", "1.234567890123456789012345678")),
        );
    }

    #[test]
    fn what_cannot_be_exact_is_refused() {
        check("1.2345678901234567890123456789012", Err(()));
        check("1e40", Err(()));
        check("1.5e-40", Err(()));
        check("1234567890123456789012345678901", Err(()));
        check("\"0.4\"", Err(()));
        check("true", Err(()));
        for text in ["", "-", "+1", "01", ".5", "1.", "1e", "NaN", "1_000", " 1", "1e5e5"] {
            assert_eq!(Decimal::parse(text), Err(DecimalError::NotANumber), "{text:?}");
        }
    }

    #[test]
    fn equal_numbers_are_equal_however_written() {
        assert_eq!(Decimal::parse("0.4"), Decimal::parse("0.40"));
        assert_eq!(Decimal::parse("1e3"), Decimal::parse("1000"));
    }

    proptest! {
        #[test]
        fn any_decimal_of_18_digits_comes_back(text in "-?(0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?") {
            let read: Decimal = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            let _ = Decimal::parse(&text);
        }
    }
}
