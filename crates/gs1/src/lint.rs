//! The rules that parts of values keep, under the names of the GS1 Barcode Syntax Dictionary.
//!
//! Left to whoever uses the value, because a medicine does not turn on them: lists of countries,
//! currencies and packages (only their shape is looked at), company prefixes, bank accounts and
//! coupons.

use thiserror::Error;

use crate::{character, check};

/// Why a part of a value breaks its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LintError {
    /// A character is not in the set of this part.
    #[error("a character does not belong here")]
    Character,
    /// The check digit or the check characters are wrong.
    #[error("the check digit is wrong")]
    CheckDigit,
    /// There is no such day, hour, minute or second.
    #[error("there is no such day or time")]
    Time,
    /// The value is none of those that the rule allows.
    #[error("the value is not an allowed one")]
    Value,
    /// There is no rule of this name here.
    #[error("there is no rule of this name")]
    UnknownRule,
}

type Rule = fn(&[u8]) -> Result<(), LintError>;

const RULES: &[(&str, Rule)] = &[
    ("cset39", |text| all(text, character::is_39)),
    ("cset64", set_64),
    ("cset82", |text| all(text, |byte| character::place_in_82(byte).is_some())),
    ("csetnumeric", digits),
    ("csum", |text| digits(text).and_then(|()| when(check::is_valid(text), LintError::CheckDigit))),
    ("csumalpha", check_pair),
    ("hasnondigit", |text| value(text.iter().any(|byte| !byte.is_ascii_digit()))),
    ("hh", |text| clock(text, &[24])),
    ("hhmi", |text| clock(text, &[24, 60])),
    ("hyphen", |text| value(!text.is_empty() && text.iter().all(|byte| *byte == b'-'))),
    ("importeridx", |text| value(text.len() == 1 && character::is_64(text[0]))),
    ("iso5218", |text| value(matches!(text, b"0" | b"1" | b"2" | b"9"))),
    ("latitude", |text| degrees(text, 1_800_000_000)),
    ("letters", |text| all(text, |byte| byte.is_ascii_uppercase())),
    ("longitude", |text| degrees(text, 3_600_000_000)),
    ("mediatype", |text| value(text.len() == 2 && matches!(number(text)?, 1..=10 | 80..=99))),
    ("mi", |text| clock(text, &[60])),
    ("nonzero", |text| value(number(text)? != 0)),
    ("nozeroprefix", |text| digits(text).and_then(|()| value(text.first() != Some(&b'0')))),
    ("pcenc", percent_encoding),
    ("pieceoftotal", piece_of_total),
    ("posinseqslash", position_in_sequence),
    ("ss", |text| clock(text, &[60])),
    ("winding", |text| value(matches!(text, b"0" | b"1" | b"9"))),
    ("yesno", |text| value(matches!(text, b"0" | b"1"))),
    ("yymmd0", |text| day(text, 6, true)),
    ("yymmdd", |text| day(text, 6, false)),
    ("yyyymmd0", |text| day(text, 8, true)),
    ("yyyymmdd", |text| day(text, 8, false)),
    ("zero", |text| value(!text.is_empty() && text.iter().all(|byte| *byte == b'0'))),
];

/// Whether there is a rule of this name.
#[cfg(test)]
pub(crate) fn is_known(rule: &str) -> bool {
    RULES.iter().any(|(name, _)| *name == rule)
}

/// Checks a part of a value against the rule of this name.
pub fn check(rule: &str, text: &[u8]) -> Result<(), LintError> {
    let (_, rule) = RULES.iter().find(|(name, _)| *name == rule).ok_or(LintError::UnknownRule)?;
    rule(text)
}

fn when(holds: bool, otherwise: LintError) -> Result<(), LintError> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn value(holds: bool) -> Result<(), LintError> {
    when(holds, LintError::Value)
}

fn all(text: &[u8], belongs: impl Fn(u8) -> bool) -> Result<(), LintError> {
    when(text.iter().all(|byte| belongs(*byte)), LintError::Character)
}

fn digits(text: &[u8]) -> Result<(), LintError> {
    all(text, |byte| byte.is_ascii_digit())
}

/// The number of the digits; an overlong one stands at the largest number.
fn number(text: &[u8]) -> Result<u64, LintError> {
    text.iter().try_fold(0_u64, |sum, byte| {
        let digit = character::digit(*byte).ok_or(LintError::Character)?;
        Ok(sum.saturating_mul(10).saturating_add(u64::from(digit)))
    })
}

/// Base 64 with its padding: where there is any, it makes the length a multiple of three.
fn set_64(text: &[u8]) -> Result<(), LintError> {
    let length = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    all(&text[..length], character::is_64)?;
    let padding = text.len() - length;
    value(padding == 0 || (padding < 3 && text.len().is_multiple_of(3)))
}

fn check_pair(text: &[u8]) -> Result<(), LintError> {
    let Some(length) = text.len().checked_sub(2) else { return Err(LintError::Value) };
    let (body, end) = text.split_at(length);
    all(body, |byte| character::place_in_82(byte).is_some())?;
    let pair = check::pair(body).ok_or(LintError::Value)?;
    when(pair == end, LintError::CheckDigit)
}

/// Two digits for each limit, each below its limit.
fn clock(text: &[u8], limits: &[u64]) -> Result<(), LintError> {
    digits(text)?;
    when(text.len() == limits.len() * 2, LintError::Time)?;
    for (pair, limit) in text.chunks(2).zip(limits) {
        when(number(pair)? < *limit, LintError::Time)?;
    }
    Ok(())
}

fn day(text: &[u8], length: usize, zero_allowed: bool) -> Result<(), LintError> {
    digits(text)?;
    when(text.len() == length && (zero_allowed || !text.ends_with(b"00")), LintError::Time)?;
    let mut whole = [b'0'; 8];
    // A two-digit year is a leap year in this century and in the last alike, but for 00, and
    // 2000 was one.
    whole[..2].copy_from_slice(b"20");
    whole[8 - length..].copy_from_slice(text);
    crate::date::full_date(&whole).map(|_| ()).map_err(|_| LintError::Time)
}

/// Ten digits of at most `most`: degrees from the corner of the map, times ten million.
fn degrees(text: &[u8], most: u64) -> Result<(), LintError> {
    value(text.len() == 10 && number(text)? <= most)
}

/// Each percent sign begins a byte of two hexadecimal digits.
fn percent_encoding(text: &[u8]) -> Result<(), LintError> {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let pair = rest.get(at + 1..at + 3).ok_or(LintError::Value)?;
        value(pair.iter().all(u8::is_ascii_hexdigit))?;
        rest = &rest[at + 3..];
    }
    Ok(())
}

/// Two numbers of the same length: this piece, and how many there are.
fn piece_of_total(text: &[u8]) -> Result<(), LintError> {
    value(!text.is_empty() && text.len().is_multiple_of(2))?;
    let (piece, total) = text.split_at(text.len() / 2);
    let (piece, total) = (number(piece)?, number(total)?);
    value(piece != 0 && piece <= total)
}

/// `2/3`: the second of three, without leading zeros.
fn position_in_sequence(text: &[u8]) -> Result<(), LintError> {
    let slash = text.iter().position(|byte| *byte == b'/').ok_or(LintError::Value)?;
    let (position, total) = (&text[..slash], &text[slash + 1..]);
    value(!position.is_empty() && !total.is_empty())?;
    value(position[0] != b'0' && total[0] != b'0')?;
    value(number(position)? <= number(total)?)
}
