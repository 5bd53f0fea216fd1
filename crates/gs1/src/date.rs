//! Dates in barcodes: two-digit years, and the day 00.

use jiff::civil::Date;
use thiserror::Error;

use crate::character;

/// Why digits are no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DateError {
    /// The length is wrong, or something is not a digit.
    #[error("a date is six digits (YYMMDD) or eight (YYYYMMDD)")]
    Shape,
    /// No such month, or no such day in it.
    #[error("there is no such day")]
    NoSuchDay,
}

/// Reads `YYMMDD`. The century is the one that brings the year within 49 years before and 50
/// years after `today` (GS1 General Specifications §7.12); the day `00` is the month's last.
pub fn short_date(text: &[u8], today: Date) -> Result<Date, DateError> {
    let [year, month, day] = pairs(text).ok_or(DateError::Shape)?;
    let current = today.year().rem_euclid(100);
    let century = today.year() - current;
    let century = match year - current {
        51.. => century - 100,
        ..=-50 => century + 100,
        _ => century,
    };
    date(century + year, month, day)
}

/// Reads `YYYYMMDD`; the day `00` is the month's last.
pub fn full_date(text: &[u8]) -> Result<Date, DateError> {
    if text.len() != 8 {
        return Err(DateError::Shape);
    }
    let century = number(&text[..2]).ok_or(DateError::Shape)?;
    let [year, month, day] = pairs(&text[2..]).ok_or(DateError::Shape)?;
    date(century * 100 + year, month, day)
}

fn date(year: i16, month: i16, day: i16) -> Result<Date, DateError> {
    let month = i8::try_from(month).map_err(|_| DateError::NoSuchDay)?;
    let day = i8::try_from(day).map_err(|_| DateError::NoSuchDay)?;
    if day == 0 {
        let first = Date::new(year, month, 1).map_err(|_| DateError::NoSuchDay)?;
        return Ok(first.last_of_month());
    }
    Date::new(year, month, day).map_err(|_| DateError::NoSuchDay)
}

fn pairs(text: &[u8]) -> Option<[i16; 3]> {
    if text.len() != 6 {
        return None;
    }
    Some([number(&text[..2])?, number(&text[2..4])?, number(&text[4..])?])
}

fn number(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0_i16, |sum, byte| Some(sum * 10 + i16::from(character::digit(*byte)?)))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn two_digit_years_lie_around_today() {
        let today = date(2026, 11, 21);
        for (text, expected) in [
            ("281212", Ok(date(2028, 12, 12))),
            ("280200", Ok(date(2028, 2, 29))),
            ("760101", Ok(date(2076, 1, 1))),
            ("770101", Ok(date(1977, 1, 1))),
            ("991231", Ok(date(1999, 12, 31))),
            ("290229", Err(DateError::NoSuchDay)),
            ("281301", Err(DateError::NoSuchDay)),
            ("280000", Err(DateError::NoSuchDay)),
            ("2812", Err(DateError::Shape)),
            ("28121x", Err(DateError::Shape)),
        ] {
            assert_eq!(short_date(text.as_bytes(), today), expected, "{text}");
        }
        assert_eq!(short_date(b"300101", date(2090, 1, 1)), Ok(date(2130, 1, 1)));
    }

    #[test]
    fn full_dates() {
        assert_eq!(full_date(b"20240229"), Ok(date(2024, 2, 29)));
        assert_eq!(full_date(b"20240200"), Ok(date(2024, 2, 29)));
        assert_eq!(full_date(b"20230229"), Err(DateError::NoSuchDay));
        assert_eq!(full_date(b"2023022"), Err(DateError::Shape));
    }
}
