//! The days of a register: those of the site's time zone.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::Zone;

/// When a day begins that is written as `2026-11-20`; none where the text is no day.
pub fn day_begins(text: &str, zone: &Zone) -> Option<Timestamp> {
    zone.begins(written(text)?)
}

/// When the day after a day begins that is written as `2026-11-20`.
pub fn day_after(text: &str, zone: &Zone) -> Option<Timestamp> {
    zone.begins(written(text)?.tomorrow().ok()?)
}

/// From when to before when a quarter of a year goes that is written as `2026-Q4`.
pub fn quarter_of(text: &str, zone: &Zone) -> Option<(Timestamp, Timestamp)> {
    let (year, quarter) = text.split_once("-Q")?;
    let year: i16 = year.parse().ok().filter(|year| (1_000..=9_000).contains(year))?;
    let quarter: i8 = quarter.parse().ok().filter(|quarter| (1..=4).contains(quarter))?;
    let first = Date::new(year, 3 * quarter - 2, 1).ok()?;
    let next = if quarter == 4 { (year + 1, 1) } else { (year, 3 * quarter + 1) };
    Some((zone.begins(first)?, zone.begins(Date::new(next.0, next.1, 1).ok()?)?))
}

/// A date is read strictly, since a time without its zone must not pass for one.
fn written(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_when_the_clocks_of_the_ward_say_so() {
        let zone = Zone::default();
        let check = |day: &str, begins: Option<&str>, after: Option<&str>| {
            let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
            assert_eq!(text(day_begins(day, &zone)).as_deref(), begins, "{day}");
            assert_eq!(text(day_after(day, &zone)).as_deref(), after, "{day}");
        };
        check("2026-11-20", Some("2026-11-20T00:00:00Z"), Some("2026-11-21T00:00:00Z"));
        check("2026-07-01", Some("2026-06-30T23:00:00Z"), Some("2026-07-01T23:00:00Z"));
        check("2026-10-25", Some("2026-10-24T23:00:00Z"), Some("2026-10-26T00:00:00Z"));
        let quarter = |text: &str| quarter_of(text, &zone).map(|(a, b)| format!("{a} {b}"));
        let expected = "2026-09-30T23:00:00Z 2027-01-01T00:00:00Z";
        assert_eq!(quarter("2026-Q4").as_deref(), Some(expected));
        let expected = "2026-01-01T00:00:00Z 2026-03-31T23:00:00Z";
        assert_eq!(quarter("2026-Q1").as_deref(), Some(expected));
        for wrong in ["2026-Q5", "2026-Q0", "2026", "26-Q1", "2026-Q", "-Q1"] {
            assert_eq!(quarter(wrong), None, "{wrong}");
        }
        for wrong in ["", "2026-11", "20261120", "2026-13-01", "2026-11-20T10:00:00"] {
            check(wrong, None, None);
        }
        let tokyo = Zone::of_site("Asia/Tokyo").unwrap();
        let begins = day_begins("2026-07-01", &tokyo).unwrap();
        assert_eq!(begins.to_string(), "2026-06-30T15:00:00Z");
    }
}
