//! What a scan says about a person: wristbands (8018) and staff badges (8017).
//!
//! NHS wristbands carry the seven digits of an NHS company prefix, the ten digits of the NHS
//! number and a check digit in (8018) (DCB1077). The prefix is configuration: other numbers of the
//! same form are hospitals' own.

use jiff::civil::Date;
use thiserror::Error;

use crate::check;
use crate::date::{self, DateError};
use crate::elements::Elements;

/// Why a scan is no wristband.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WristbandError {
    /// There is no (8018).
    #[error("the scan names no patient (8018)")]
    NoPatient,
    /// The date of birth is no date.
    #[error("the date of birth (7250): {0}")]
    Birth(#[from] DateError),
    /// A separator may be lost, so that the band has to be scanned again.
    #[error("a separator of the wristband may be lost")]
    Doubtful,
}

/// A wristband as scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wristband {
    /// (8018): 18 digits whose check digit is right.
    pub gsrn: String,
    /// (8019): which of several bands or stays this is, at most 10 digits.
    pub instance: Option<String>,
    /// (7250) or (7251), where the band has it.
    pub birth: Option<Date>,
}

impl Wristband {
    /// The NHS number in the GSRN, when the number begins with the NHS company prefix (seven
    /// digits, from the configuration) and its modulo 11 check is right.
    pub fn nhs_number(&self, prefix: &str) -> Option<&str> {
        let rest = self.gsrn.strip_prefix(prefix).filter(|_| prefix.len() == 7)?;
        let number = rest.get(..10)?;
        check::is_nhs_number(number.as_bytes()).then_some(number)
    }
}

impl Elements<'_> {
    /// Reads the elements as a patient's wristband.
    pub fn wristband(&self) -> Result<Wristband, WristbandError> {
        let gsrn = self.get("8018").ok_or(WristbandError::NoPatient)?;
        if self.doubt().is_some() {
            return Err(WristbandError::Doubtful);
        }
        let birth = self.get("7250").or_else(|| self.get("7251")?.get(..8));
        let birth = birth.map(|text| date::full_date(text.as_bytes())).transpose()?;
        let instance = self.get("8019").map(str::to_owned);
        Ok(Wristband { gsrn: gsrn.to_owned(), instance, birth })
    }

    /// The number on a staff badge (8017): 18 digits whose check digit is right.
    pub fn staff(&self) -> Option<&str> {
        self.get("8017")
    }

    /// The number of a place (414), with its extension (254) where there is one.
    pub fn place(&self) -> Option<(&str, Option<&str>)> {
        Some((self.get("414")?, self.get("254")))
    }
}
