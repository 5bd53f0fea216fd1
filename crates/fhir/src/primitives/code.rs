//! Closed lists of codes, and reading a primitive from a JSON string.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Visitor;

/// The most bytes of an unknown code that an error repeats.
const MAX_QUOTED_BYTES: usize = 64;

/// A code that is not in the list that R4 binds as required.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{code}\" is not a code of {list}")]
pub struct UnknownCode {
    list: &'static str,
    code: String,
}

impl UnknownCode {
    pub(crate) fn new(list: &'static str, code: &str) -> Self {
        let end = code.floor_char_boundary(MAX_QUOTED_BYTES);
        Self { list, code: code[..end].to_owned() }
    }

    /// The name of the list, which is the name of the Rust type.
    pub fn list(&self) -> &'static str {
        self.list
    }

    /// The code that was found, cut to 64 bytes.
    pub fn code(&self) -> &str {
        &self.code
    }
}

/// Reads a primitive whose JSON form is a string, without keeping the string when it is borrowed.
pub(crate) fn parse_string<'de, T, D>(from: D, expected: &'static str) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: Display,
    D: serde::Deserializer<'de>,
{
    from.deserialize_str(Text { expected, of: PhantomData })
}

struct Text<T> {
    expected: &'static str,
    of: PhantomData<T>,
}

impl<T> Visitor<'_> for Text<T>
where
    T: FromStr,
    T::Err: Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        let text = std::str::from_utf8(bytes).map_err(E::custom)?;
        self.visit_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::MedicationRequestStatus;

    #[test]
    fn every_code_reads_back_and_another_is_refused() {
        for status in MedicationRequestStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        let error = "Active".parse::<MedicationRequestStatus>().unwrap_err();
        assert_eq!(error.to_string(), "\"Active\" is not a code of MedicationRequestStatus");
    }

    #[test]
    fn a_long_code_is_cut_at_a_character() {
        let error = UnknownCode::new("List", &"é".repeat(100));
        assert_eq!(error.code(), "é".repeat(32));
    }
}
