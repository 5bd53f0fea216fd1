//! Trade item numbers: eight, twelve, thirteen and fourteen digits are one number.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{character, check};

/// Why digits are no GTIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GtinError {
    /// Not 8, 12, 13 or 14 characters.
    #[error("a GTIN has 8, 12, 13 or 14 digits")]
    Length,
    /// Something is not a digit.
    #[error("a GTIN has digits only")]
    Character,
    /// The last digit is not the check digit of the others.
    #[error("the check digit of the GTIN is wrong")]
    CheckDigit,
}

/// A trade item number with a right check digit, whatever its length was: shorter ones are the
/// same number with zeros before it (GS1 General Specifications §3.3.2). Shown in 14 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin(u64);

impl Gtin {
    /// Reads 8, 12, 13 or 14 digits.
    pub fn parse(text: &[u8]) -> Result<Self, GtinError> {
        if !matches!(text.len(), 8 | 12 | 13 | 14) {
            return Err(GtinError::Length);
        }
        let number = text
            .iter()
            .try_fold(0_u64, |sum, byte| Some(sum * 10 + u64::from(character::digit(*byte)?)));
        let number = number.ok_or(GtinError::Character)?;
        if !check::is_valid(text) {
            return Err(GtinError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The number, below 10^14.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The GTIN of this number, when its check digit is right.
    pub fn from_number(number: u64) -> Result<Self, GtinError> {
        Self::parse(format!("{number:014}").as_bytes())
    }

    /// Expands the eight digits of a UPC-E symbol (number system, six digits, check digit) to the
    /// GTIN that they stand for (GS1 General Specifications §5.2.2.4).
    pub fn from_upc_e(text: &[u8]) -> Result<Self, GtinError> {
        let text: &[u8; 8] = text.try_into().map_err(|_| GtinError::Length)?;
        // The sixth digit says how many of the five before it belong to the company; the others
        // end the item's number, and zeros fill the middle.
        let (five, last) = (&text[1..6], text[6]);
        let company = match last {
            b'0'..=b'2' => 2,
            b'3' => 3,
            b'4' => 4,
            _ => 5,
        };
        let mut whole = [b'0'; 12];
        whole[0] = text[0];
        whole[1..=company].copy_from_slice(&five[..company]);
        whole[6 + company..11].copy_from_slice(&five[company..]);
        match last {
            b'0'..=b'2' => whole[3] = last,
            b'3' | b'4' => {}
            _ => whole[10] = last,
        }
        whole[11] = text[7];
        Self::parse(&whole)
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:014}", self.0)
    }
}

impl FromStr for Gtin {
    type Err = GtinError;

    fn from_str(text: &str) -> Result<Self, GtinError> {
        Self::parse(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_one_number() {
        for (text, expected) in [
            ("96385074", Ok("00000096385074")),
            ("614141000036", Ok("00614141000036")),
            ("5901234123457", Ok("05901234123457")),
            ("05901234123457", Ok("05901234123457")),
            ("5901234123458", Err(GtinError::CheckDigit)),
            ("590123412345", Err(GtinError::CheckDigit)),
            ("590123412345x", Err(GtinError::Character)),
            ("590123412", Err(GtinError::Length)),
            ("", Err(GtinError::Length)),
        ] {
            let read = Gtin::parse(text.as_bytes()).map(|gtin| gtin.to_string());
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn upc_e_is_expanded() {
        let read = Gtin::from_upc_e(b"04252614").map(|gtin| gtin.to_string());
        assert_eq!(read.as_deref(), Ok("00042100005264"));
        assert_eq!(Gtin::from_upc_e(b"04252615"), Err(GtinError::CheckDigit));
    }
}
