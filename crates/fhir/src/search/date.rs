//! Dates: stretches of time that are compared by prefix (R4 §3.1.1.5.6 and §3.1.1.5.8).

use jiff::{SignedDuration, Timestamp};

use crate::primitives::{Date, DateTime, Instant};
use crate::types::Period;

/// How far off `ap` may be, on both sides: one day. R4 leaves it to the server.
const APPROXIMATELY: SignedDuration = SignedDuration::from_hours(24);
/// The most bytes of a date in a search.
const MAX_BYTES: usize = 48;

/// A stretch of time, from its first instant to the first instant after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateRange {
    /// The first instant inside.
    pub lower: Timestamp,
    /// The first instant after; [`Timestamp::MAX`] when it has no end.
    pub upper: Timestamp,
}

impl From<&DateTime> for DateRange {
    fn from(date: &DateTime) -> Self {
        Self { lower: date.lower(), upper: date.upper() }
    }
}

impl From<&Date> for DateRange {
    fn from(date: &Date) -> Self {
        Self { lower: date.lower(), upper: date.upper() }
    }
}

impl From<&Instant> for DateRange {
    fn from(instant: &Instant) -> Self {
        Self { lower: instant.lower(), upper: instant.upper() }
    }
}

/// A period without a start began at the beginning of time, one without an end goes on.
impl From<&Period> for DateRange {
    fn from(period: &Period) -> Self {
        Self {
            lower: period.start.as_ref().map_or(Timestamp::MIN, DateTime::lower),
            upper: period.end.as_ref().map_or(Timestamp::MAX, DateTime::upper),
        }
    }
}

/// How a date of a resource is to lie to the date searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatePrefix {
    /// `eq`, or no prefix: inside.
    Equal,
    /// `ne`: not inside.
    NotEqual,
    /// `gt`: some of it after.
    Greater,
    /// `lt`: some of it before.
    Less,
    /// `ge`: inside, or some of it after.
    GreaterOrEqual,
    /// `le`: inside, or some of it before.
    LessOrEqual,
    /// `sa`: all of it after.
    StartsAfter,
    /// `eb`: all of it before.
    EndsBefore,
    /// `ap`: some of it inside, give or take a day.
    Approximately,
}

/// One condition on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateFilter {
    /// How.
    pub prefix: DatePrefix,
    /// To what; for `ap` already a day wider on both sides.
    pub range: DateRange,
}

impl DateFilter {
    /// Reads a search value such as `ge2026-03-09`; `None` when it is not one. A date without a
    /// zone is read in UK civil time; minutes may end it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (prefix, date) = split_prefix(text)?;
        let parts = crate::primitives::Parts::parse(date, true).ok()?;
        let mut range = DateRange { lower: parts.lower(), upper: parts.upper() };
        if prefix == DatePrefix::Approximately {
            range.lower = range.lower.saturating_sub(APPROXIMATELY).unwrap_or(Timestamp::MIN);
            range.upper = range.upper.saturating_add(APPROXIMATELY).unwrap_or(Timestamp::MAX);
        }
        Some(Self { prefix, range })
    }

    /// Whether a date of a resource meets the condition. A store may write the same comparisons
    /// in its own language.
    pub fn matches(&self, found: DateRange) -> bool {
        let wanted = self.range;
        let inside = found.lower >= wanted.lower && found.upper <= wanted.upper;
        match self.prefix {
            DatePrefix::Equal => inside,
            DatePrefix::NotEqual => !inside,
            DatePrefix::Greater => found.upper > wanted.upper,
            DatePrefix::Less => found.lower < wanted.lower,
            DatePrefix::GreaterOrEqual => inside || found.upper > wanted.upper,
            DatePrefix::LessOrEqual => inside || found.lower < wanted.lower,
            DatePrefix::StartsAfter => found.lower >= wanted.upper,
            DatePrefix::EndsBefore => found.upper <= wanted.lower,
            DatePrefix::Approximately => found.lower < wanted.upper && found.upper > wanted.lower,
        }
    }
}

fn split_prefix(text: &str) -> Option<(DatePrefix, &str)> {
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return Some((DatePrefix::Equal, text));
    }
    let prefix = match text.get(..2)? {
        "eq" => DatePrefix::Equal,
        "ne" => DatePrefix::NotEqual,
        "gt" => DatePrefix::Greater,
        "lt" => DatePrefix::Less,
        "ge" => DatePrefix::GreaterOrEqual,
        "le" => DatePrefix::LessOrEqual,
        "sa" => DatePrefix::StartsAfter,
        "eb" => DatePrefix::EndsBefore,
        "ap" => DatePrefix::Approximately,
        _ => return None,
    };
    Some((prefix, &text[2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, found: &str, expected: bool) {
        let found: DateTime = found.parse().unwrap();
        let read = DateFilter::parse(filter).unwrap();
        assert_eq!(read.matches(DateRange::from(&found)), expected, "{filter} {found}");
    }

    #[test]
    fn prefixes_compare_stretches() {
        for (filter, before, inside, after, around) in [
            ("2026-03-09", false, true, false, false),
            ("eq2026-03-09", false, true, false, false),
            ("ne2026-03-09", true, false, true, true),
            ("gt2026-03-09", false, false, true, true),
            ("lt2026-03-09", true, false, false, true),
            ("ge2026-03-09", false, true, true, true),
            ("le2026-03-09", true, true, false, true),
            ("sa2026-03-09", false, false, true, false),
            ("eb2026-03-09", true, false, false, false),
        ] {
            check(filter, "2026-03-08T23:59:59Z", before);
            check(filter, "2026-03-09T12:00:00Z", inside);
            check(filter, "2026-03-10T00:00:00Z", after);
            check(filter, "2026-03", around);
        }
        check("ap2026-03-09", "2026-03-08T00:00:00Z", true);
        check("ap2026-03-09", "2026-03-07T23:59:59Z", false);
        check("ge2026-03-09T14:05", "2026-03-09T14:04:59Z", false);
        check("ge2026-03-09T14:05+01:00", "2026-03-09T13:05:00Z", true);
    }

    #[test]
    fn a_day_of_summer_begins_at_eleven_in_the_evening() {
        check("2026-07-01", "2026-06-30T23:30:00Z", true);
        check("2026-07-01", "2026-07-01T23:30:00Z", false);
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in ["", "ge", "xx2026", "2026-3", "ge 2026", "é2026", "now", "2026-02-30"] {
            assert_eq!(DateFilter::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_period_without_an_end_goes_on() {
        let period = Period { start: Some("2026-03-09".parse().unwrap()), end: None };
        let range = DateRange::from(&period);
        assert_eq!(range.upper, Timestamp::MAX);
        assert!(DateFilter::parse("ge2030").unwrap().matches(range));
        assert!(!DateFilter::parse("sa2030").unwrap().matches(range));
    }
}
