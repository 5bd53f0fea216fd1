//! Times, ages, numbers and codes in words that people read.

use std::fmt::Write;
use std::sync::LazyLock;

use fhir::primitives::uk_time_zone;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use rust_decimal::Decimal;

static UK: LazyLock<TimeZone> = LazyLock::new(uk_time_zone);

/// Times as they are shown: in UK time, relative to the time of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    now: Timestamp,
}

impl Words {
    /// Words for a page of that time.
    pub(crate) fn at(now: Timestamp) -> Self {
        Words { now }
    }

    /// `10:15:32`, with the day before it when that is not today.
    pub(crate) fn clock(&self, at: &Timestamp) -> String {
        let at = uk(*at);
        let same_day = at.date() == uk(self.now).date();
        at.strftime(if same_day { "%H:%M:%S" } else { "%-d %b %H:%M" }).to_string()
    }

    /// `Friday 20 November 2026`.
    pub(crate) fn day(&self) -> String {
        uk(self.now).strftime("%A %-d %B %Y").to_string()
    }

    /// How long ago: `under 1 min`, `5 min`, `2 h 5 min`, `3 days`. Never finer than a minute,
    /// so that a table of ages changes once a minute and not with every look.
    pub(crate) fn age(&self, at: &Timestamp) -> String {
        let minutes = self.now.duration_since(*at).as_mins();
        match (minutes / (24 * 60), minutes / 60, minutes % 60) {
            (0, 0, ..=0) => "under 1 min".to_owned(),
            (0, 0, minutes) => format!("{minutes} min"),
            (0, hours, 0) => format!("{hours} h"),
            (0, hours, minutes) => format!("{hours} h {minutes} min"),
            (1, ..) => "1 day".to_owned(),
            (days, ..) => format!("{days} days"),
        }
    }
}

/// The first moment of the UK day that holds `at`.
pub(crate) fn midnight(at: Timestamp) -> Timestamp {
    uk(at).start_of_day().map_or(at, |start| start.timestamp())
}

/// `20 Nov 2026, 10:15:32.123`, for a page about one thing.
pub(crate) fn moment(at: &Timestamp) -> String {
    uk(*at).strftime("%-d %b %Y, %H:%M:%S%.3f").to_string()
}

/// The day in the UK.
pub(crate) fn uk_day(at: Timestamp) -> jiff::civil::Date {
    uk(at).date()
}

/// `20 Nov 2026, 10:15`.
pub(crate) fn minute(at: &Timestamp) -> String {
    uk(*at).strftime("%-d %b %Y, %H:%M").to_string()
}

/// The time of `2026-11-20T10:15`, as a browser's form has it, in the UK; the earlier one of the
/// ambiguous autumn hour.
pub(crate) fn uk_minute(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_zoned(UK.clone()).ok()?.timestamp())
}

fn uk(at: Timestamp) -> Zoned {
    at.to_zoned(UK.clone())
}

/// A number with its thousands apart: `12,345`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
pub(crate) fn grouped(number: &u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `2 tablet`, without digits that say nothing.
pub(crate) fn amount(quantity: &Decimal, unit: &str) -> String {
    format!("{} {unit}", quantity.normalize()).trim_end().to_owned()
}

/// A code as words: `dispensed-without-order` becomes `Dispensed without order`.
pub(crate) fn sentence(code: &str) -> String {
    let words = code.replace('-', " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A value as it stands in an address (RFC 3986 §2.1).
pub(crate) fn encoded(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing to memory does not fail"),
        }
    }
    out
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to memory does not fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_those_of_the_uk() {
        let words = Words::at(time("2026-07-20T23:30:00Z"));
        assert_eq!(words.clock(&time("2026-07-20T23:10:09Z")), "00:10:09");
        assert_eq!(words.clock(&time("2026-07-20T22:10:09Z")), "20 Jul 23:10");
        assert_eq!(words.day(), "Tuesday 21 July 2026");
        assert_eq!(midnight(time("2026-07-20T23:30:00Z")), time("2026-07-20T23:00:00Z"));
        assert_eq!(midnight(time("2026-01-20T23:30:00Z")), time("2026-01-20T00:00:00Z"));
    }

    #[test]
    fn ages_are_coarse() {
        let words = Words::at(time("2026-11-20T10:00:00Z"));
        let check = |at: &str, expected: &str| assert_eq!(words.age(&time(at)), expected);
        check("2026-11-20T10:00:30Z", "under 1 min");
        check("2026-11-20T10:05:00Z", "under 1 min");
        check("2026-11-20T09:59:01Z", "under 1 min");
        check("2026-11-20T09:59:00Z", "1 min");
        check("2026-11-20T08:00:00Z", "2 h");
        check("2026-11-20T07:55:00Z", "2 h 5 min");
        check("2026-11-19T09:00:00Z", "1 day");
        check("2026-11-10T10:00:00Z", "10 days");
    }

    #[test]
    fn numbers_and_codes_read_well() {
        for (number, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(&number), expected);
        }
        assert_eq!(amount(&Decimal::new(200, 2), "tablet"), "2 tablet");
        assert_eq!(amount(&Decimal::new(25, 1), ""), "2.5");
        assert_eq!(sentence("dispensed-without-order"), "Dispensed without order");
        assert_eq!(sentence(""), "");
        assert_eq!(hex(&[0, 10, 255]), "000aff");
    }
}
