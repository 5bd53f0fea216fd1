//! Element strings: identifiers and their values, one after the other.

use thiserror::Error;

use crate::dictionary::{Definition, Part};
use crate::doubt::{self, Doubt};
use crate::lint::LintError;
use crate::{character, dictionary, lint};

/// The longest scan that is looked at, in bytes: a QR code holds no more characters
/// (ISO/IEC 18004).
pub const MAX_SCAN_BYTES: usize = 4_296;

/// The group separator that scanners send for FNC1 (ASCII 29).
pub(crate) const SEPARATOR: u8 = 0x1d;

/// Why bytes are no element strings. Places are bytes from the beginning of what was read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ElementError {
    /// There is nothing to read.
    #[error("the scan is empty")]
    Empty,
    /// More than [`MAX_SCAN_BYTES`].
    #[error("the scan is longer than any barcode")]
    TooLong,
    /// What stands here is no known application identifier.
    #[error("no known application identifier at byte {at}")]
    UnknownIdentifier {
        /// The place.
        at: usize,
    },
    /// The value ends before its least length.
    #[error("the value of ({identifier}) at byte {at} is too short")]
    TooShort {
        /// The application identifier.
        identifier: String,
        /// The place of the value.
        at: usize,
    },
    /// The value goes on past its greatest length: perhaps its separator was lost.
    #[error("the value of ({identifier}) at byte {at} is too long; a separator may be lost")]
    ValueTooLong {
        /// The application identifier.
        identifier: String,
        /// The place of the value.
        at: usize,
    },
    /// The value breaks a rule of its identifier.
    #[error("the value of ({identifier}) at byte {at} is wrong: {rule}")]
    Value {
        /// The application identifier.
        identifier: String,
        /// The place of the value.
        at: usize,
        /// What is wrong with it.
        rule: LintError,
    },
    /// The same identifier comes again with another value.
    #[error("({identifier}) stands there twice with different values")]
    Repeated {
        /// The application identifier.
        identifier: String,
    },
}

/// One identifier and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// The digits of the application identifier.
    pub identifier: &'a str,
    /// The value.
    pub value: &'a str,
    /// What the dictionary says about the identifier.
    pub definition: &'static Definition,
}

/// What a scan holds, in its order; each identifier once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elements<'a> {
    list: Vec<Element<'a>>,
    doubt: Option<Doubt>,
}

impl<'a> Elements<'a> {
    /// The elements in the order of the scan.
    pub fn iter(&self) -> impl Iterator<Item = &Element<'a>> {
        self.list.iter()
    }

    /// The value of an identifier.
    pub fn get(&self, identifier: &str) -> Option<&'a str> {
        self.list.iter().find(|element| element.identifier == identifier).map(|found| found.value)
    }

    /// Why a separator may be lost, where the elements can be read in another way too.
    pub fn doubt(&self) -> Option<&Doubt> {
        self.doubt.as_ref()
    }
}

/// Reads element strings: the bytes of the symbol, ASCII 29 where it has FNC1, without the
/// symbology identifier. Separators that nothing needs (at the beginning, after a value of fixed
/// length, doubled, at the end) are passed over.
pub fn parse(data: &[u8]) -> Result<Elements<'_>, ElementError> {
    if data.len() > MAX_SCAN_BYTES {
        return Err(ElementError::TooLong);
    }
    let mut list: Vec<Element<'_>> = Vec::new();
    let mut at = 0;
    loop {
        at += data[at..].iter().take_while(|byte| **byte == SEPARATOR).count();
        if at == data.len() {
            break;
        }
        let (element, end) = element(data, at)?;
        match list.iter().find(|known| known.identifier == element.identifier) {
            None => list.push(element),
            Some(known) if known.value == element.value => {}
            Some(_) => {
                return Err(ElementError::Repeated { identifier: element.identifier.to_owned() });
            }
        }
        at = end;
    }
    if list.is_empty() {
        return Err(ElementError::Empty);
    }
    let doubt = doubt::find(&list);
    Ok(Elements { list, doubt })
}

/// The element that begins at `at`, and where it ends.
pub(crate) fn element(data: &[u8], at: usize) -> Result<(Element<'_>, usize), ElementError> {
    let rest = &data[at..];
    let (identifier, definition) =
        dictionary::find(rest).ok_or(ElementError::UnknownIdentifier { at })?;
    let begin = identifier.len();
    let length = if definition.fixed {
        definition.fixed_length().min(rest.len() - begin)
    } else {
        let separator = rest[begin..].iter().position(|byte| *byte == SEPARATOR);
        separator.unwrap_or(rest.len() - begin)
    };
    let value = &rest[begin..begin + length];
    let value = check_value(value, definition).map_err(|wrong| {
        let (identifier, at) = (identifier.to_owned(), at + begin);
        match wrong {
            Wrong::TooShort => ElementError::TooShort { identifier, at },
            Wrong::TooLong => ElementError::ValueTooLong { identifier, at },
            Wrong::Rule(rule) => ElementError::Value { identifier, at, rule },
        }
    })?;
    Ok((Element { identifier, value, definition }, at + begin + length))
}

enum Wrong {
    TooShort,
    TooLong,
    Rule(LintError),
}

/// Takes the value apart as its definition says and checks each part.
fn check_value<'a>(value: &'a [u8], definition: &Definition) -> Result<&'a str, Wrong> {
    let mut rest = value;
    for part in definition.parts() {
        if rest.is_empty() && part.optional {
            continue;
        }
        let (piece, after) = rest.split_at(rest.len().min(part.most));
        if piece.len() < part.least {
            return Err(Wrong::TooShort);
        }
        check_part(piece, part).map_err(Wrong::Rule)?;
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Wrong::TooLong);
    }
    std::str::from_utf8(value).map_err(|_| Wrong::Rule(LintError::Character))
}

fn check_part(piece: &[u8], part: Part) -> Result<(), LintError> {
    let belongs = match part.set {
        b'N' => |byte: u8| byte.is_ascii_digit(),
        b'Y' => character::is_39,
        b'Z' => |byte: u8| character::is_64(byte) || byte == b'=',
        _ => |byte: u8| character::place_in_82(byte).is_some(),
    };
    if !piece.iter().all(|byte| belongs(*byte)) {
        return Err(LintError::Character);
    }
    part.rules
        .split(',')
        .filter(|rule| !rule.is_empty())
        .try_for_each(|rule| lint::check(rule, piece))
}
