//! What a scan says about a medicine pack.

use jiff::civil::Date;
use thiserror::Error;

use crate::date::{self, DateError};
use crate::doubt::Doubt;
use crate::elements::Elements;
use crate::gtin::{Gtin, GtinError};

/// Why a scan is no medicine pack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PackError {
    /// There is no (01), so nothing says what is in the pack.
    #[error("the scan names no trade item (01)")]
    NoGtin,
    /// The scan also has a (02) or (8006): a case of packs or a part of one, not a pack.
    #[error("the scan is of a case or of a part of a pack, ({identifier})")]
    NotOnePack {
        /// The identifier that says so.
        identifier: &'static str,
    },
    /// The number is no GTIN.
    #[error(transparent)]
    Gtin(#[from] GtinError),
    /// The expiry date is no date.
    #[error("the expiry date (17): {0}")]
    Expiry(#[from] DateError),
    /// It is a wristband or something else without a trade item.
    #[error("the scan is not of a pack")]
    NotAPack,
}

/// A pack: what it is, and what is printed about this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// The trade item: certain, its length is fixed and its check digit right.
    pub gtin: Gtin,
    /// Batch, expiry and serial number.
    pub details: Details,
}

/// What is known of one pack, or seems to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Details {
    /// The scan can be read in one way only.
    Certain(PackDetails),
    /// A separator may be lost: somebody has to compare batch, expiry and serial number with the
    /// pack before they are used.
    Doubtful {
        /// The values as the scan literally has them.
        as_read: PackDetails,
        /// The other reading.
        because: Doubt,
    },
}

impl Details {
    /// The details, when there is no doubt about them.
    pub fn certain(&self) -> Option<&PackDetails> {
        match self {
            Self::Certain(details) => Some(details),
            Self::Doubtful { .. } => None,
        }
    }
}

/// Batch, expiry and serial number, as far as the scan has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackDetails {
    /// (10), at most 20 characters.
    pub batch: Option<String>,
    /// (17): the last day on which it may be used.
    pub expiry: Option<Date>,
    /// (21), at most 20 characters.
    pub serial: Option<String>,
}

impl Elements<'_> {
    /// Reads the elements as a pack. `today` settles the century of the expiry date.
    pub fn pack(&self, today: Date) -> Result<Pack, PackError> {
        for identifier in ["02", "8006", "8026"] {
            if self.get(identifier).is_some() {
                return Err(PackError::NotOnePack { identifier });
            }
        }
        let gtin = self.get("01").ok_or(PackError::NoGtin)?;
        let gtin = Gtin::parse(gtin.as_bytes())?;
        let expiry = self.get("17").map(|text| date::short_date(text.as_bytes(), today));
        let as_read = PackDetails {
            batch: self.get("10").map(str::to_owned),
            expiry: expiry.transpose()?,
            serial: self.get("21").map(str::to_owned),
        };
        let details = match self.doubt() {
            None => Details::Certain(as_read),
            Some(doubt) => Details::Doubtful { as_read, because: doubt.clone() },
        };
        Ok(Pack { gtin, details })
    }
}
