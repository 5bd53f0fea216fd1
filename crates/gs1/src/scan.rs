//! A scan as the scanner sends it, with or without the symbology identifier.

use jiff::civil::Date;
use thiserror::Error;

use crate::elements::{self, ElementError, Elements, MAX_SCAN_BYTES, SEPARATOR};
use crate::gtin::{Gtin, GtinError};
use crate::pack::{Details, Pack, PackDetails, PackError};

/// Which kind of barcode it was (ISO/IEC 15424), as far as that changes the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbology {
    /// `]C1`, `]e0`, `]e1`, `]e2`, `]d2`, `]Q3`, `]J1`: the symbol is marked as GS1.
    Gs1,
    /// `]E0` with 13 digits, `]E4` with 8 (a UPC-E symbol comes expanded as `]E0`).
    Ean,
    /// `]I0`, `]I1`: ITF-14 on outer cases.
    Itf,
    /// Anything else: what it says is a matter of local agreement.
    Other,
}

/// Why a scan cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScanError {
    /// Nothing was scanned.
    #[error("the scan is empty")]
    Empty,
    /// Longer than [`MAX_SCAN_BYTES`].
    #[error("the scan is longer than any barcode")]
    TooLong,
    /// It begins like a symbology identifier and is none.
    #[error("the symbology identifier is cut off or unknown")]
    Symbology,
    /// The bytes are not text.
    #[error("the scan is not text")]
    NotText,
    /// The symbol says that it is GS1 and its elements are wrong.
    #[error(transparent)]
    Elements(#[from] ElementError),
    /// The symbol holds a trade item number and it is wrong.
    #[error(transparent)]
    Gtin(#[from] GtinError),
}

/// What a scan holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// Element strings.
    Elements(Elements<'a>),
    /// A trade item number and nothing else; no batch, no expiry.
    Gtin(Gtin),
    /// Something that GS1 says nothing about: a local code, perhaps an alias.
    Text(&'a str),
}

/// A scan that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan<'a> {
    /// The kind of barcode, where the scanner told it.
    pub symbology: Option<Symbology>,
    /// What it holds.
    pub content: Content<'a>,
}

impl Scan<'_> {
    /// Reads the scan as a medicine pack. A bare trade item number is a pack about which nothing
    /// else is known. `today` settles the century of the expiry date.
    pub fn pack(&self, today: Date) -> Result<Pack, PackError> {
        match &self.content {
            Content::Elements(elements) => elements.pack(today),
            Content::Gtin(gtin) => {
                let details = Details::Certain(PackDetails::default());
                Ok(Pack { gtin: *gtin, details })
            }
            Content::Text(_) => Err(PackError::NotAPack),
        }
    }
}

/// Reads what a scanner sent. Where it tells no symbology, 8, 12, 13 or 14 digits with a right
/// check digit are a trade item number, what reads as element strings and says what it is about
/// is that, and the rest is text. But what begins like a trade item with details, `(01)` and 14
/// digits, or has a separator, has to be right: it is never taken for a local code because
/// something in it is wrong.
pub fn read(bytes: &[u8]) -> Result<Scan<'_>, ScanError> {
    if bytes.is_empty() {
        return Err(ScanError::Empty);
    }
    if bytes.len() > MAX_SCAN_BYTES {
        return Err(ScanError::TooLong);
    }
    let Some(marked) = bytes.strip_prefix(b"]") else {
        return Ok(Scan { symbology: None, content: unmarked(bytes)? });
    };
    let (identifier, data) = marked.split_at_checked(2).ok_or(ScanError::Symbology)?;
    if !identifier[0].is_ascii_alphabetic() || !identifier[1].is_ascii_alphanumeric() {
        return Err(ScanError::Symbology);
    }
    let symbology = match identifier {
        b"C1" | b"e0" | b"e1" | b"e2" | b"d2" | b"Q3" | b"J1" => Symbology::Gs1,
        b"E0" | b"E4" => Symbology::Ean,
        b"I0" | b"I1" => Symbology::Itf,
        _ => Symbology::Other,
    };
    let content = match symbology {
        Symbology::Gs1 => Content::Elements(elements::parse(data)?),
        Symbology::Ean => ean(identifier, data)?,
        Symbology::Itf => match Gtin::parse(data) {
            Ok(gtin) if data.len() == 14 => Content::Gtin(gtin),
            _ => text(data)?,
        },
        Symbology::Other => text(data)?,
    };
    Ok(Scan { symbology: Some(symbology), content })
}

/// An EAN symbol holds its digits and nothing else; a composite's second part is not about the
/// trade item alone and is passed over.
fn ean<'a>(identifier: &[u8], data: &[u8]) -> Result<Content<'a>, ScanError> {
    let end = data.iter().position(|byte| *byte == b'|').unwrap_or(data.len());
    let wanted = if identifier == b"E4" { 8 } else { 13 };
    if end != wanted {
        return Err(GtinError::Length.into());
    }
    Ok(Content::Gtin(Gtin::parse(&data[..end])?))
}

fn unmarked(bytes: &[u8]) -> Result<Content<'_>, ScanError> {
    match Gtin::parse(bytes) {
        Ok(gtin) => return Ok(Content::Gtin(gtin)),
        // Fourteen digits are nothing else; fewer may be a local number.
        Err(GtinError::CheckDigit) if bytes.len() >= 13 => {
            return Err(GtinError::CheckDigit.into());
        }
        Err(_) => {}
    }
    let must_be_elements = bytes.contains(&SEPARATOR)
        || (bytes.starts_with(b"01")
            && bytes.get(2..16).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit)));
    match elements::parse(bytes) {
        Ok(elements) if must_be_elements || names_something(&elements) => {
            Ok(Content::Elements(elements))
        }
        Err(wrong) if must_be_elements => Err(wrong.into()),
        Ok(_) | Err(_) => text(bytes),
    }
}

/// Whether one of the elements says what was scanned: a local code such as `10-AB` reads as a
/// batch, but a batch alone is on nothing.
fn names_something(elements: &Elements<'_>) -> bool {
    const KEYS: [&str; 9] = ["00", "01", "02", "414", "8003", "8004", "8006", "8017", "8018"];
    KEYS.iter().any(|key| elements.get(key).is_some())
}

fn text(bytes: &[u8]) -> Result<Content<'_>, ScanError> {
    std::str::from_utf8(bytes).map(Content::Text).map_err(|_| ScanError::NotText)
}
