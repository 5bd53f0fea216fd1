//! Dates and times, with the text, the precision and the zone that were written.
//!
//! A FHIR date says a stretch of time as long as its precision: `2026-03` is all of March. Search
//! compares stretches (FHIR R4 §3.1.1.5.8), so each type gives the first instant inside it
//! ([`DateTime::lower`]) and the first instant after it ([`DateTime::upper`]).
//!
//! A date without a zone is read in UK civil time, the local time of the sites that the platform
//! serves: R4 §3.1.1.5.8 asks for the server's local zone where none is given.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::code::parse_string;

/// The most bytes of a date-time: 29 with nanoseconds and a zone offset is 35.
const MAX_DATE_TIME_BYTES: usize = 40;

/// UK civil time by its rule, with no time zone database: summer time runs from 01:00 UTC on the
/// last Sunday of March to 01:00 UTC on the last Sunday of October (Summer Time Order 2002).
static UK: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::posix("GMT0BST,M3.5.0/1,M10.5.0").expect("the rule is a valid POSIX time zone")
});

/// UK civil time, in which dates without a zone are read. It needs no time zone database.
pub fn uk_time_zone() -> TimeZone {
    UK.clone()
}

/// Why a text is not a FHIR date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DateError {
    /// The text does not follow the pattern of the type.
    #[error("not a date or time in the form that FHIR asks for")]
    Form,
    /// The pattern is followed but there is no such day, hour or offset.
    #[error("there is no such day or time")]
    Range,
}

/// How much of a date was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `2026`
    Year,
    /// `2026-03`
    Month,
    /// `2026-03-09`
    Day,
    /// `2026-03-09T14:05`, only in search parameters (R4 §3.1.1.5.8).
    Minute,
    /// `2026-03-09T14:05:00`
    Second,
    /// With a fraction of a second.
    Fraction,
}

/// A parsed date or time: the parts, before any zone is assumed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    start: civil::DateTime,
    offset: Option<Offset>,
    pub(crate) precision: Precision,
    /// How long the fraction says the instant is, in nanoseconds.
    fraction_nanoseconds: i64,
}

impl Parts {
    /// Reads any FHIR date or date-time. `minutes` allows a time without seconds.
    pub(crate) fn parse(text: &str, minutes: bool) -> Result<Self, DateError> {
        if text.len() > MAX_DATE_TIME_BYTES {
            return Err(DateError::Form);
        }
        let (date, time) = match text.split_once('T') {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let (date, precision) = parse_date(date.as_bytes())?;
        let Some(time) = time else {
            let start = date.at(0, 0, 0, 0);
            return Ok(Self { start, offset: None, precision, fraction_nanoseconds: 0 });
        };
        if precision != Precision::Day {
            return Err(DateError::Form);
        }
        let (clock, offset) = split_offset(time)?;
        let clock = Clock::parse(clock.as_bytes(), minutes)?;
        if offset.is_none() && !minutes {
            return Err(DateError::Form);
        }
        Ok(Self {
            start: date.to_datetime(clock.time),
            offset,
            precision: clock.precision,
            fraction_nanoseconds: clock.fraction_nanoseconds,
        })
    }

    fn at(&self, local: civil::DateTime) -> Option<Timestamp> {
        match self.offset {
            Some(offset) => offset.to_timestamp(local).ok(),
            None => UK.to_timestamp(local).ok(),
        }
    }

    /// The first instant inside.
    pub(crate) fn lower(&self) -> Timestamp {
        // Only the last days of the year 9999, which stand for "no end", do not fit.
        self.at(self.start).unwrap_or_else(|| Timestamp::MAX - SignedDuration::from_secs(1))
    }

    /// The first instant after.
    pub(crate) fn upper(&self) -> Timestamp {
        let day = self.start.date();
        let next = match self.precision {
            Precision::Year => next_month(day.year(), 12),
            Precision::Month => next_month(day.year(), day.month()),
            Precision::Day => day.tomorrow().ok(),
            Precision::Minute => return self.after(SignedDuration::from_secs(60)),
            Precision::Second => return self.after(SignedDuration::from_secs(1)),
            Precision::Fraction => {
                return self.after(SignedDuration::from_nanos(self.fraction_nanoseconds));
            }
        };
        next.and_then(|day| self.at(day.at(0, 0, 0, 0))).unwrap_or(Timestamp::MAX)
    }

    fn after(&self, length: SignedDuration) -> Timestamp {
        self.lower().checked_add(length).unwrap_or(Timestamp::MAX)
    }
}

fn next_month(year: i16, month: i8) -> Option<civil::Date> {
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    civil::Date::new(year, month, 1).ok()
}

/// Reads `width` digits that begin at `at`.
fn number(text: &[u8], at: usize, width: usize) -> Result<i16, DateError> {
    let digits = text.get(at..at + width).ok_or(DateError::Form)?;
    digits.iter().try_fold(0_i16, |sum, digit| match digit {
        b'0'..=b'9' => Ok(sum * 10 + i16::from(digit - b'0')),
        _ => Err(DateError::Form),
    })
}

fn two_digits(text: &[u8], at: usize) -> Result<i8, DateError> {
    let value = number(text, at, 2)?;
    Ok(i8::try_from(value).expect("two digits are at most 99"))
}

fn expect(text: &[u8], at: usize, byte: u8) -> Result<(), DateError> {
    if text.get(at) == Some(&byte) { Ok(()) } else { Err(DateError::Form) }
}

fn parse_date(text: &[u8]) -> Result<(civil::Date, Precision), DateError> {
    let precision = match text.len() {
        4 => Precision::Year,
        7 => Precision::Month,
        10 => Precision::Day,
        _ => return Err(DateError::Form),
    };
    let year = number(text, 0, 4)?;
    let mut month = 1;
    let mut day = 1;
    if precision >= Precision::Month {
        expect(text, 4, b'-')?;
        month = two_digits(text, 5)?;
    }
    if precision >= Precision::Day {
        expect(text, 7, b'-')?;
        day = two_digits(text, 8)?;
    }
    // The R4 pattern has no year 0000.
    if year == 0 {
        return Err(DateError::Range);
    }
    let date = civil::Date::new(year, month, day).map_err(|_| DateError::Range)?;
    Ok((date, precision))
}

struct Clock {
    time: civil::Time,
    precision: Precision,
    fraction_nanoseconds: i64,
}

impl Clock {
    /// `hh:mm:ss[.fraction]`, or `hh:mm` where `minutes` allows it.
    fn parse(text: &[u8], minutes: bool) -> Result<Self, DateError> {
        let hour = two_digits(text, 0)?;
        expect(text, 2, b':')?;
        let minute = two_digits(text, 3)?;
        if text.len() == 5 && minutes {
            let time = civil::Time::new(hour, minute, 0, 0).map_err(|_| DateError::Range)?;
            return Ok(Self { time, precision: Precision::Minute, fraction_nanoseconds: 0 });
        }
        expect(text, 5, b':')?;
        // R4 allows the leap second 60; no clock counts it, so it is read as the second before.
        let second = match two_digits(text, 6)? {
            60 => 59,
            second => second,
        };
        let (nanosecond, length) = parse_fraction(text.get(8..).unwrap_or_default())?;
        let time =
            civil::Time::new(hour, minute, second, nanosecond).map_err(|_| DateError::Range)?;
        let precision = if length == 0 { Precision::Second } else { Precision::Fraction };
        Ok(Self { time, precision, fraction_nanoseconds: length })
    }
}

/// Reads `.123` to nanoseconds and the length of its last digit; empty is `(0, 0)`. Digits past
/// the ninth are checked and left out.
fn parse_fraction(text: &[u8]) -> Result<(i32, i64), DateError> {
    let Some((point, digits)) = text.split_first() else {
        return Ok((0, 0));
    };
    if *point != b'.' || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DateError::Form);
    }
    let mut nanoseconds = 0;
    let mut unit = 1_000_000_000_i64;
    for digit in digits.iter().take(9) {
        unit /= 10;
        nanoseconds += i64::from(digit - b'0') * unit;
    }
    Ok((i32::try_from(nanoseconds).expect("nine digits fit"), unit))
}

/// Splits `14:05:00+01:00` before its zone.
fn split_offset(time: &str) -> Result<(&str, Option<Offset>), DateError> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Ok((clock, Some(Offset::UTC)));
    }
    let Some(at) = time.find(['+', '-']) else {
        return Ok((time, None));
    };
    let (clock, zone) = time.split_at(at);
    let bytes = zone.as_bytes();
    if bytes.len() != 6 {
        return Err(DateError::Form);
    }
    let hours = two_digits(bytes, 1)?;
    expect(bytes, 3, b':')?;
    let minutes = two_digits(bytes, 4)?;
    if hours > 14 || minutes > 59 || (hours == 14 && minutes > 0) {
        return Err(DateError::Range);
    }
    let seconds = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    let seconds = if bytes[0] == b'-' { -seconds } else { seconds };
    Ok((clock, Some(Offset::from_seconds(seconds).map_err(|_| DateError::Range)?)))
}

/// What the three date types share: the checked text and how it is shown, read and written.
macro_rules! text_type {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The text as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                parse_string(from, $what)
            }
        }
    };
}

/// What the types that lie on the calendar share.
macro_rules! calendar_type {
    ($name:ident) => {
        impl $name {
            fn parts(&self) -> Parts {
                Parts::parse(&self.0, false).expect("the text was checked when it was read")
            }

            /// The first instant inside it; without a zone, in UK civil time.
            pub fn lower(&self) -> Timestamp {
                self.parts().lower()
            }

            /// The first instant after it; without a zone, in UK civil time.
            pub fn upper(&self) -> Timestamp {
                self.parts().upper()
            }

            /// How much was written.
            pub fn precision(&self) -> Precision {
                self.parts().precision
            }
        }
    };
}

/// FHIR `dateTime`: a year, a month, a day, or a time to the second with its zone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DateTime(Box<str>);

text_type!(DateTime, "a FHIR dateTime");
calendar_type!(DateTime);

impl DateTime {
    /// The instant to the second, in the zone given.
    pub fn at(time: Timestamp, zone: &TimeZone) -> Self {
        let zoned = time.to_zoned(zone.clone());
        Self(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string().into())
    }

    /// The zone offset that was written; a date has none.
    pub fn offset(&self) -> Option<Offset> {
        self.parts().offset
    }
}

impl FromStr for DateTime {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        Parts::parse(text, false).map(|_| Self(text.into()))
    }
}

impl From<Date> for DateTime {
    fn from(date: Date) -> Self {
        Self(date.0)
    }
}

impl From<Instant> for DateTime {
    fn from(instant: Instant) -> Self {
        Self(instant.0)
    }
}

/// FHIR `date`: a year, a month or a day, never with a zone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Date(Box<str>);

text_type!(Date, "a FHIR date");
calendar_type!(Date);

impl Date {
    /// The calendar day, when the whole day is known.
    pub fn day(&self) -> Option<civil::Date> {
        let parts = self.parts();
        (parts.precision == Precision::Day).then(|| parts.start.date())
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let parts = Parts::parse(text, false)?;
        if parts.precision > Precision::Day {
            return Err(DateError::Form);
        }
        Ok(Self(text.into()))
    }
}

impl From<civil::Date> for Date {
    /// Days of the years 1 to 9999; earlier years, which FHIR cannot write, become the year 1.
    fn from(date: civil::Date) -> Self {
        let (year, month, day) = (date.year().max(1), date.month(), date.day());
        Self(format!("{year:04}-{month:02}-{day:02}").into())
    }
}

/// FHIR `instant`: a time to the second or finer, always with its zone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Instant(Box<str>);

text_type!(Instant, "a FHIR instant");
calendar_type!(Instant);

impl Instant {
    /// The instant in UTC to the millisecond, as the platform writes `meta.lastUpdated`.
    pub fn at(time: Timestamp) -> Self {
        Self(format!("{time:.3}").into())
    }

    /// The instant that was written.
    pub fn timestamp(&self) -> Timestamp {
        self.lower()
    }
}

impl FromStr for Instant {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let parts = Parts::parse(text, false)?;
        if parts.precision < Precision::Second {
            return Err(DateError::Form);
        }
        Ok(Self(text.into()))
    }
}

/// FHIR `time`: an hour of the day, `hh:mm:ss`, without a zone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Time(Box<str>);

text_type!(Time, "a FHIR time");

impl Time {
    /// The time of day.
    pub fn civil(&self) -> civil::Time {
        Clock::parse(self.0.as_bytes(), false).expect("the text was checked when it was read").time
    }
}

impl FromStr for Time {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        if text.len() > MAX_DATE_TIME_BYTES {
            return Err(DateError::Form);
        }
        Clock::parse(text.as_bytes(), false).map(|_| Self(text.into()))
    }
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
