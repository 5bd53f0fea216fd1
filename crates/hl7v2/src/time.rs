//! Points in time as HL7 writes them: DTM, and the first component of TS (HL7 2.5.1 §2.A.21).

use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use jiff::{SignedDuration, Timestamp, Zoned};

/// Offsets in use on earth, in minutes from UTC.
const OFFSETS: std::ops::RangeInclusive<i32> = -12 * 60..=14 * 60;

/// The most digits of a second's fraction that are read. The standard has four; some senders
/// write more.
const MOST_FRACTION_DIGITS: usize = 9;

/// How exactly a point in time was stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// `YYYY`
    Year,
    /// `YYYYMM`
    Month,
    /// `YYYYMMDD`
    Day,
    /// `YYYYMMDDHH`
    Hour,
    /// `YYYYMMDDHHMM`
    Minute,
    /// `YYYYMMDDHHMMSS`
    Second,
    /// With so many digits of a second's fraction, 1 to 9.
    Fraction(u8),
}

impl Precision {
    /// How many digits the date and time have, without fraction.
    fn digits(self) -> usize {
        match self {
            Self::Year => 4,
            Self::Month => 6,
            Self::Day => 8,
            Self::Hour => 10,
            Self::Minute => 12,
            Self::Second | Self::Fraction(_) => 14,
        }
    }
}

/// Why a text is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DtmError {
    /// It is not written as `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][+/-ZZZZ]`.
    #[error("the time is not written as YYYY[MM[DD[HH[MM[SS[.S]]]]]][+/-ZZZZ]")]
    Form,
    /// A part of it does not exist, as a month 13 or a 30 February.
    #[error("the time has a part that does not exist")]
    NoSuchTime,
    /// The offset is not one in use (-1200 to +1400).
    #[error("the offset from UTC is not one in use")]
    NoSuchOffset,
}

/// A point in time as stated: digits, precision and perhaps an offset. Its `Display` is what
/// was read (an offset of `-0000` shows as `+0000`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dtm {
    start: DateTime,
    precision: Precision,
    offset: Option<Offset>,
}

/// A point in time placed on the time line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The instant at which the stated year, month, day, hour, minute or second begins.
    pub instant: Timestamp,
    /// How the instant follows from what was stated.
    pub certainty: Certainty,
}

/// How an instant follows from a stated time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// The offset was stated.
    Stated,
    /// No offset was stated; the zone gives exactly one instant.
    Zone,
    /// No offset was stated and the clock showed this time twice, as in the hour after summer
    /// time ends. The earlier instant was taken; this is the other one.
    Ambiguous(Timestamp),
    /// No offset was stated and the clock never showed this time, as in the hour in which
    /// summer time begins. The time was read by the offset from before the change.
    Skipped,
}

impl Dtm {
    /// Reads a DTM. Spaces around it are dropped. Seconds go up to 59.
    pub fn parse(text: &str) -> Result<Self, DtmError> {
        let text = text.trim_matches(' ');
        let (clock, offset) = match text.find(['+', '-']) {
            Some(at) => (&text[..at], Some(parse_offset(&text[at..])?)),
            None => (text, None),
        };
        let (digits, fraction) = match clock.split_once('.') {
            Some((digits, fraction)) => (digits, Some(fraction)),
            None => (clock, None),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(DtmError::Form);
        }
        let precision = match (digits.len(), fraction) {
            (4, None) => Precision::Year,
            (6, None) => Precision::Month,
            (8, None) => Precision::Day,
            (10, None) => Precision::Hour,
            (12, None) => Precision::Minute,
            (14, None) => Precision::Second,
            (14, Some(fraction)) => Precision::Fraction(fraction_digits(fraction)?),
            _ => return Err(DtmError::Form),
        };
        let part = |from: usize, to: usize, absent: i8| match digits.get(from..to) {
            Some(digits) => digits.parse().map_err(|_| DtmError::Form),
            None => Ok(absent),
        };
        let year = digits[..4].parse().map_err(|_| DtmError::Form)?;
        let nanosecond = format!("{:0<9}", fraction.unwrap_or_default());
        let nanosecond = nanosecond.parse().map_err(|_| DtmError::Form)?;
        let (month, day) = (part(4, 6, 1)?, part(6, 8, 1)?);
        let (hour, minute, second) = (part(8, 10, 0)?, part(10, 12, 0)?, part(12, 14, 0)?);
        let start = DateTime::new(year, month, day, hour, minute, second, nanosecond)
            .map_err(|_| DtmError::NoSuchTime)?;
        Ok(Self { start, precision, offset })
    }

    /// How exactly the time was stated.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The stated offset from UTC.
    pub fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// The date and time on the clock at which the stated period begins.
    pub fn civil(&self) -> DateTime {
        self.start
    }

    /// The date, where one was stated to the day.
    pub fn date(&self) -> Option<Date> {
        (self.precision >= Precision::Day).then(|| self.start.date())
    }

    /// The instant at which the stated period begins, by the stated offset or else by the
    /// zone. A time at the edge of what can be held (years 1 and 9999) is no such time.
    pub fn resolve(&self, zone: &TimeZone) -> Result<Resolved, DtmError> {
        let at = |offset: Offset| offset.to_timestamp(self.start).map_err(|_| DtmError::NoSuchTime);
        if let Some(offset) = self.offset {
            return Ok(Resolved { instant: at(offset)?, certainty: Certainty::Stated });
        }
        let (offset, certainty) = match zone.to_ambiguous_timestamp(self.start).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, Certainty::Zone),
            AmbiguousOffset::Gap { before, .. } => (before, Certainty::Skipped),
            AmbiguousOffset::Fold { before, after } => (before, Certainty::Ambiguous(at(after)?)),
        };
        Ok(Resolved { instant: at(offset)?, certainty })
    }

    /// The same time stated less exactly, as the old second component of TS asks for: `Y`, `L`
    /// (month), `D`, `H`, `M` (minute) or `S`. Other codes change nothing.
    #[must_use]
    pub fn degraded(self, code: &str) -> Self {
        let asked = match code {
            "Y" => Precision::Year,
            "L" => Precision::Month,
            "D" => Precision::Day,
            "H" => Precision::Hour,
            "M" => Precision::Minute,
            "S" => Precision::Second,
            _ => return self,
        };
        if asked >= self.precision {
            return self;
        }
        let digits = &digits_of(self.start)[..asked.digits()];
        let start = Self::parse(digits).map_or(self.start, |shorter| shorter.start);
        Self { start, precision: asked, ..self }
    }
}

impl fmt::Display for Dtm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits_of(self.start)[..self.precision.digits()])?;
        if let Precision::Fraction(digits) = self.precision {
            let nanosecond = format!("{:09}", self.start.subsec_nanosecond());
            let digits = usize::from(digits).clamp(1, MOST_FRACTION_DIGITS);
            write!(f, ".{}", &nanosecond[..digits])?;
        }
        match self.offset {
            Some(offset) => f.write_str(&offset_text(offset)),
            None => Ok(()),
        }
    }
}

/// A time for a message, with its offset where it has at least hours. Digits beyond the
/// precision are cut off and not rounded, so that nothing is stated to be later than it was.
pub fn format(time: &Zoned, precision: Precision) -> String {
    // An offset of the past may have seconds, which HL7 cannot write: the clock is moved by them.
    let seconds = time.offset().seconds() % 60;
    let offset = Offset::from_seconds(time.offset().seconds() - seconds).unwrap_or(Offset::UTC);
    let start = offset.to_datetime(time.timestamp());
    let offset = (precision >= Precision::Hour).then_some(offset);
    Dtm { start, precision, offset }.to_string()
}

/// An instant for a message, on the clock of a zone. See [`format()`].
pub fn format_timestamp(instant: Timestamp, zone: &TimeZone, precision: Precision) -> String {
    format(&instant.to_zoned(zone.clone()), precision)
}

fn digits_of(at: DateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}{:02}{:02}{:02}",
        date.year(),
        date.month(),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn fraction_digits(fraction: &str) -> Result<u8, DtmError> {
    let valid = (1..=MOST_FRACTION_DIGITS).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let count = u8::try_from(fraction.len()).ok();
    count.filter(|_| valid).ok_or(DtmError::Form)
}

/// Reads `+ZZZZ` or `-ZZZZ`: hours and minutes.
fn parse_offset(text: &str) -> Result<Offset, DtmError> {
    let digits = &text[1..];
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DtmError::Form);
    }
    let hours: i32 = digits[..2].parse().map_err(|_| DtmError::Form)?;
    let minutes: i32 = digits[2..].parse().map_err(|_| DtmError::Form)?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let total = sign * (hours * 60 + minutes);
    if minutes > 59 || !OFFSETS.contains(&total) {
        return Err(DtmError::NoSuchOffset);
    }
    Offset::from_seconds(total * 60).map_err(|_| DtmError::NoSuchOffset)
}

fn offset_text(offset: Offset) -> String {
    let minutes = SignedDuration::from_secs(offset.seconds().into()).as_mins();
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn london() -> TimeZone {
        TimeZone::get("Europe/London").unwrap()
    }

    #[test]
    fn times_are_read_and_written_as_stated() {
        let check = |text: &str, precision| {
            let dtm = Dtm::parse(text).unwrap();
            assert_eq!(dtm.precision(), precision, "{text}");
            assert_eq!(dtm.to_string(), text);
        };
        check("2026", Precision::Year);
        check("202611", Precision::Month);
        check("20261120", Precision::Day);
        check("2026112010", Precision::Hour);
        check("202611201015", Precision::Minute);
        check("20261120101500", Precision::Second);
        check("20261120101500.5", Precision::Fraction(1));
        check("20261120101500.0500", Precision::Fraction(4));
        check("20261120101500.123456789", Precision::Fraction(9));
        check("20261120101500+0100", Precision::Second);
        check("20261120101500.1234-0330", Precision::Fraction(4));
        check("20261120+0000", Precision::Day);
        check("20240229", Precision::Day);
        assert_eq!(Dtm::parse(" 2026 ").unwrap().to_string(), "2026");
        assert_eq!(Dtm::parse("2026").unwrap().date(), None);
        assert_eq!(Dtm::parse("20261120").unwrap().date().unwrap().to_string(), "2026-11-20");
    }

    #[test]
    fn other_texts_are_refused() {
        let check = |text: &str, error| assert_eq!(Dtm::parse(text), Err(error), "{text}");
        for text in ["", "20", "20265", "2026-11-20", "20261120 1015", "20261120101500.", "x"] {
            check(text, DtmError::Form);
        }
        for text in
            ["202611201015.5", "20261120101500.1234567890", "2026+1", "2026+01:00", "２０２６"]
        {
            check(text, DtmError::Form);
        }
        for text in ["00000000", "202613", "20260230", "2026112024", "20261120101560"] {
            check(text, DtmError::NoSuchTime);
        }
        for text in ["2026+1500", "2026-1300", "2026+0060", "2026+1430"] {
            check(text, DtmError::NoSuchOffset);
        }
    }

    #[test]
    fn instants_are_found_and_doubts_flagged() {
        let check = |text: &str, expect: &str, certainty: Certainty| {
            let resolved = Dtm::parse(text).unwrap().resolve(&london()).unwrap();
            assert_eq!(resolved.instant.to_string(), expect, "{text}");
            assert_eq!(resolved.certainty, certainty, "{text}");
        };
        check("20260701120000", "2026-07-01T11:00:00Z", Certainty::Zone);
        check("20260701", "2026-06-30T23:00:00Z", Certainty::Zone);
        check("2026", "2026-01-01T00:00:00Z", Certainty::Zone);
        check("20260701120000-0500", "2026-07-01T17:00:00Z", Certainty::Stated);
        let second = "2026-10-25T01:30:00Z".parse().unwrap();
        check("20261025013000", "2026-10-25T00:30:00Z", Certainty::Ambiguous(second));
        check("20261025013000+0000", "2026-10-25T01:30:00Z", Certainty::Stated);
        check("20260329013000", "2026-03-29T01:30:00Z", Certainty::Skipped);
    }

    #[test]
    fn old_precision_codes_cut_the_time_short() {
        let check = |text: &str, code: &str, expect: &str| {
            assert_eq!(Dtm::parse(text).unwrap().degraded(code).to_string(), expect);
        };
        check("19800101123000", "D", "19800101");
        check("19800101123000", "L", "198001");
        check("19800101123000+0100", "M", "198001011230+0100");
        check("1980", "S", "1980");
        check("19800101123000", "?", "19800101123000");
        let degraded = Dtm::parse("19800515123000").unwrap().degraded("Y");
        assert_eq!(degraded.civil().to_string(), "1980-01-01T00:00:00");
    }

    #[test]
    fn instants_are_written_with_their_offset() {
        let check = |instant: &str, precision, expect: &str| {
            let instant: Timestamp = instant.parse().unwrap();
            assert_eq!(format_timestamp(instant, &london(), precision), expect);
        };
        check("2026-07-01T11:00:00Z", Precision::Second, "20260701120000+0100");
        check("2026-11-20T10:15:00Z", Precision::Minute, "202611201015+0000");
        check("2026-11-20T10:15:00.98765Z", Precision::Fraction(3), "20261120101500.987+0000");
        check("2026-06-30T23:30:00Z", Precision::Day, "20260701");
        // Until 1847 London kept its own time, 75 seconds behind Greenwich.
        check("1840-01-01T12:00:00Z", Precision::Second, "18400101115900-0001");
    }
}
