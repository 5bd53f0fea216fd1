//! Dates and times with as much of them as was written.

use std::cmp::Ordering;
use std::fmt;

use jiff::civil;
use jiff::{SignedDuration, Span, ToSpan};

use crate::quantity::CalendarUnit;

/// Which of FHIRPath's three types it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemporalKind {
    /// `@2026-03-09`
    Date,
    /// `@2026-03-09T14:05`
    DateTime,
    /// `@T14:05`
    Time,
}

/// How much was written, from a year to milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    /// A year.
    Year,
    /// A month.
    Month,
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
    /// A second.
    Second,
    /// Parts of a second.
    Millisecond,
}

/// A Date, DateTime or Time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Temporal {
    /// Which of the three it is.
    pub kind: TemporalKind,
    /// How much of it was written; the rest of `at` is the least that it can be.
    pub precision: Precision,
    /// The parts. A Time has the first day of the year 1.
    at: civil::DateTime,
    /// Minutes east of UTC, where they were written.
    offset: Option<i16>,
}

/// Time zones from where a day begins first to where it ends last, in minutes.
const EARLIEST_ZONE: i16 = 14 * 60;
const LATEST_ZONE: i16 = -12 * 60;

impl Temporal {
    /// Reads what follows the `@` of a literal.
    pub(crate) fn parse_literal(text: &str) -> Option<Self> {
        match text.split_once('T') {
            Some(("", time)) => Self::parse_time(time),
            Some(_) => Self::parse_date_time(text),
            None => Self::parse_date(text),
        }
    }

    /// Reads a date: a year, a month or a day.
    pub fn parse_date(text: &str) -> Option<Self> {
        let (date, precision) = date(text)?;
        let at = date.at(0, 0, 0, 0);
        Some(Self { kind: TemporalKind::Date, precision, at, offset: None })
    }

    /// Reads a date and perhaps a time, as much of them as was written.
    pub fn parse_date_time(text: &str) -> Option<Self> {
        let (day, time) = text.split_once('T').unwrap_or((text, ""));
        let (date, mut precision) = date(day)?;
        let mut at = date.at(0, 0, 0, 0);
        let (clock, offset) = split_offset(time)?;
        if !clock.is_empty() {
            if precision != Precision::Day {
                return None;
            }
            let (time, finer) = clock_of(clock)?;
            at = date.to_datetime(time);
            precision = finer;
        } else if offset.is_some() {
            return None;
        }
        Some(Self { kind: TemporalKind::DateTime, precision, at, offset })
    }

    /// Reads a time of day, which has no zone.
    pub fn parse_time(text: &str) -> Option<Self> {
        let (time, precision) = clock_of(text)?;
        let at = civil::date(1, 1, 1).to_datetime(time);
        Some(Self { kind: TemporalKind::Time, precision, at, offset: None })
    }

    /// A Date or DateTime as the other of the two.
    pub(crate) fn with_kind(self, kind: TemporalKind) -> Self {
        let mut changed = Self { kind, ..self };
        if kind == TemporalKind::Date && changed.precision > Precision::Day {
            changed.precision = Precision::Day;
            changed.at = changed.at.date().at(0, 0, 0, 0);
            changed.offset = None;
        }
        changed
    }

    /// The time of day of a DateTime.
    pub(crate) fn time_of_day(self) -> Self {
        let at = civil::date(1, 1, 1).to_datetime(self.at.time());
        Self { kind: TemporalKind::Time, precision: self.precision, at, offset: None }
    }

    fn in_utc(self) -> civil::DateTime {
        let minutes = i64::from(self.offset.unwrap_or(0));
        self.at.saturating_sub(SignedDuration::from_mins(minutes))
    }

    /// Which comes first; `None` where as much as was written does not say it
    /// (FHIRPath N1 §6.2).
    pub fn compare(self, other: Self) -> Option<Ordering> {
        let time = |kind| kind == TemporalKind::Time;
        if time(self.kind) != time(other.kind) {
            return None;
        }
        let zoned = |t: Self| t.precision > Precision::Day && t.kind == TemporalKind::DateTime;
        let (mut left, mut right) = (self.at, other.at);
        if zoned(self) && zoned(other) {
            match (self.offset, other.offset) {
                (Some(_), Some(_)) => (left, right) = (self.in_utc(), other.in_utc()),
                (None, None) => {}
                _ => {
                    // Zones lie at most 26 hours apart.
                    let apart = left.duration_since(right).abs();
                    let far = apart > SignedDuration::from_hours(26);
                    return far.then(|| left.cmp(&right));
                }
            }
        }
        let shared = self.precision.min(other.precision);
        let (left, right) = (truncate(left, shared), truncate(right, shared));
        // Seconds and their parts are one number (FHIRPath N1 §6.1.1).
        let finest = |t: Self| t.precision.min(Precision::Second);
        match left.cmp(&right) {
            Ordering::Equal if finest(self) != finest(other) => None,
            Ordering::Equal => Some(self.finest().cmp(&other.finest())),
            order => Some(order),
        }
    }

    /// What is below a second.
    fn finest(self) -> i32 {
        if self.precision >= Precision::Second { self.at.subsec_nanosecond() } else { 0 }
    }

    /// Adds a number of units; parts of a unit are dropped where the precision does not hold them.
    /// `None` where the result is beyond the years 1 to 9999 or the unit does not fit.
    pub(crate) fn add(self, count: i64, unit: CalendarUnit) -> Option<Self> {
        if self.kind == TemporalKind::Time && unit.is_date() {
            return None;
        }
        // A unit finer than what was written counts in whole units of that.
        let (count, unit) = match (self.precision, self.kind) {
            (Precision::Year, _) => (unit.coarsen(count, CalendarUnit::Year), CalendarUnit::Year),
            (Precision::Month, _) if unit != CalendarUnit::Year => {
                (unit.coarsen(count, CalendarUnit::Month), CalendarUnit::Month)
            }
            (Precision::Day, _) if !unit.is_date() => {
                (unit.coarsen(count, CalendarUnit::Day), CalendarUnit::Day)
            }
            _ => (count, unit),
        };
        let at = if self.kind == TemporalKind::Time {
            let time = self.at.time().wrapping_add(unit.span(count)?);
            self.at.date().to_datetime(time)
        } else {
            self.at.checked_add(unit.span(count)?).ok()?
        };
        (1..=9999).contains(&at.year()).then_some(Self { at, ..self })
    }

    /// How many digits its parts have: 4 for a year, 17 for a DateTime to the millisecond.
    pub(crate) fn digits(self) -> i64 {
        let date = match self.precision {
            Precision::Year => 4,
            Precision::Month => 6,
            Precision::Day => 8,
            Precision::Hour => 10,
            Precision::Minute => 12,
            Precision::Second => 14,
            Precision::Millisecond => 17,
        };
        if self.kind == TemporalKind::Time { date - 8 } else { date }
    }

    /// The least or greatest that it can be, written with that many digits.
    pub(crate) fn boundary(self, digits: Option<i64>, high: bool) -> Option<Self> {
        let default = match self.kind {
            TemporalKind::Date => 8,
            TemporalKind::DateTime => 17,
            TemporalKind::Time => 9,
        };
        let digits = digits.unwrap_or(default);
        let all = if self.kind == TemporalKind::Time { digits + 8 } else { digits };
        let precision = match all {
            4 => Precision::Year,
            6 => Precision::Month,
            8 => Precision::Day,
            10 => Precision::Hour,
            12 => Precision::Minute,
            14 => Precision::Second,
            17 => Precision::Millisecond,
            _ => return None,
        };
        if self.kind == TemporalKind::Date && precision > Precision::Day {
            return None;
        }
        let at = if high { self.last()? } else { self.at };
        let at = truncate(at, precision);
        let needs_zone = precision > Precision::Day && self.kind == TemporalKind::DateTime;
        let zone = if high { LATEST_ZONE } else { EARLIEST_ZONE };
        let offset = needs_zone.then(|| self.offset.unwrap_or(zone));
        Some(Self { precision, at, offset, ..self })
    }

    /// The last millisecond inside what was written.
    fn last(self) -> Option<civil::DateTime> {
        let length = match self.precision {
            Precision::Year => 1.year(),
            Precision::Month => 1.month(),
            Precision::Day => 1.day(),
            Precision::Hour => 1.hour(),
            Precision::Minute => 1.minute(),
            Precision::Second => 1.second(),
            Precision::Millisecond => return Some(self.at),
        };
        let first_after = self.at.checked_add(length).ok()?;
        first_after.checked_sub(1.millisecond()).ok()
    }
}

impl CalendarUnit {
    fn span(self, count: i64) -> Option<Span> {
        let span = Span::new();
        match self {
            Self::Year => span.try_years(count),
            Self::Month => span.try_months(count),
            Self::Week => span.try_weeks(count),
            Self::Day => span.try_days(count),
            Self::Hour => span.try_hours(count),
            Self::Minute => span.try_minutes(count),
            Self::Second => span.try_seconds(count),
            Self::Millisecond => span.try_milliseconds(count),
        }
        .ok()
    }
}

fn truncate(at: civil::DateTime, precision: Precision) -> civil::DateTime {
    let (date, time) = (at.date(), at.time());
    let keep = |finer: Precision, value: i8, least: i8| {
        if precision >= finer { value } else { least }
    };
    let month = keep(Precision::Month, date.month(), 1);
    let day = keep(Precision::Day, date.day(), 1);
    let hour = keep(Precision::Hour, time.hour(), 0);
    let minute = keep(Precision::Minute, time.minute(), 0);
    let second = keep(Precision::Second, time.second(), 0);
    let rest = if precision == Precision::Millisecond { time.subsec_nanosecond() } else { 0 };
    civil::DateTime::new(date.year(), month, day, hour, minute, second, rest).unwrap_or(at)
}

fn number<T: std::str::FromStr>(text: &str, width: usize) -> Option<T> {
    let digits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn date(text: &str) -> Option<(civil::Date, Precision)> {
    let mut parts = text.split('-');
    let year: i16 = number(parts.next()?, 4)?;
    let month: Option<i8> =
        parts.next().map(|m| number(m, 2)).map_or(Some(None), |m| m.map(Some))?;
    let day: Option<i8> = parts.next().map(|d| number(d, 2)).map_or(Some(None), |d| d.map(Some))?;
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let precision = match (month, day) {
        (None, _) => Precision::Year,
        (_, None) => Precision::Month,
        _ => Precision::Day,
    };
    let date = civil::Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
    Some((date, precision))
}

fn clock_of(text: &str) -> Option<(civil::Time, Precision)> {
    let mut parts = text.split(':');
    let hour: i8 = number(parts.next()?, 2)?;
    let Some(minute) = parts.next() else {
        return Some((civil::Time::new(hour, 0, 0, 0).ok()?, Precision::Hour));
    };
    let minute: i8 = number(minute, 2)?;
    let Some(second) = parts.next() else {
        return Some((civil::Time::new(hour, minute, 0, 0).ok()?, Precision::Minute));
    };
    if parts.next().is_some() {
        return None;
    }
    let (whole, fraction) = second.split_once('.').map_or((second, None), |(w, f)| (w, Some(f)));
    // No clock counts the leap second that R4 allows.
    let second = number::<i8>(whole, 2)?.min(if whole == "60" { 59 } else { 99 });
    let mut nanoseconds = 0_i32;
    if let Some(fraction) = fraction {
        if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = &fraction[..fraction.len().min(9)];
        nanoseconds = format!("{digits:0<9}").parse().ok()?;
    }
    let precision = if fraction.is_some() { Precision::Millisecond } else { Precision::Second };
    Some((civil::Time::new(hour, minute, second, nanoseconds).ok()?, precision))
}

/// Splits the zone off a time; minutes east of UTC.
fn split_offset(time: &str) -> Option<(&str, Option<i16>)> {
    if let Some(clock) = time.strip_suffix('Z') {
        return Some((clock, Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, None));
    };
    let (clock, zone) = time.split_at(at);
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes): (i16, i16) = (number(hours, 2)?, number(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let total = hours * 60 + minutes;
    Some((clock, Some(if zone.starts_with('-') { -total } else { total })))
}

impl fmt::Display for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at;
        if self.kind != TemporalKind::Time {
            write!(f, "{:04}", at.year())?;
            if self.precision >= Precision::Month {
                write!(f, "-{:02}", at.month())?;
            }
            if self.precision >= Precision::Day {
                write!(f, "-{:02}", at.day())?;
            }
            if self.precision > Precision::Day {
                f.write_str("T")?;
            }
        }
        for (finer, value, sign) in [
            (Precision::Hour, at.hour(), ""),
            (Precision::Minute, at.minute(), ":"),
            (Precision::Second, at.second(), ":"),
        ] {
            if self.precision >= finer {
                write!(f, "{sign}{value:02}")?;
            }
        }
        if self.precision == Precision::Millisecond {
            let nanoseconds = format!("{:09}", at.subsec_nanosecond());
            let digits = nanoseconds.trim_end_matches('0').len().max(3);
            write!(f, ".{}", &nanoseconds[..digits])?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                let minutes = minutes.abs();
                write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
            }
        }
    }
}
