//! Tests of dates and times.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, bounds: Option<(&str, &str)>) {
    let got = text.parse::<DateTime>().ok().map(|d| (d.lower().to_string(), d.upper().to_string()));
    let expected = bounds.map(|(lower, upper)| (lower.to_owned(), upper.to_owned()));
    assert_eq!(got, expected, "{text}");
}

#[test]
fn a_date_time_is_as_long_as_its_precision() {
    check("2026", Some(("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")));
    check("2026-12", Some(("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")));
    check("2024-02-29", Some(("2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z")));
    check("2026-03-09T14:05:07Z", Some(("2026-03-09T14:05:07Z", "2026-03-09T14:05:08Z")));
    check("2026-03-09T14:05:07.25Z", Some(("2026-03-09T14:05:07.25Z", "2026-03-09T14:05:07.26Z")));
    check("2026-03-09T14:05:07+01:00", Some(("2026-03-09T13:05:07Z", "2026-03-09T13:05:08Z")));
    check("2026-03-09T00:05:07-05:30", Some(("2026-03-09T05:35:07Z", "2026-03-09T05:35:08Z")));
    check("2016-12-31T23:59:60Z", Some(("2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z")));
}

#[test]
fn a_date_without_a_zone_is_a_day_in_the_united_kingdom() {
    check("2026-07-01", Some(("2026-06-30T23:00:00Z", "2026-07-01T23:00:00Z")));
    // The clocks go forward on this day, which has 23 hours.
    check("2026-03-29", Some(("2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z")));
    // And back on this one, which has 25.
    check("2026-10-25", Some(("2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z")));
}

#[test]
fn the_last_year_has_an_end() {
    let last: DateTime = "9999".parse().unwrap();
    assert!(last.lower() < last.upper());
}

#[test]
fn what_is_not_a_date_time_is_refused() {
    for text in [
        "",
        "26",
        "2026-3",
        "2026-13",
        "2026-02-30",
        "0000",
        "2026-03-09T",
        "2026-03-09T14",
        "2026-03-09T14:05Z",
        "2026-03-09T14:05:07",
        "2026-03-09T24:00:00Z",
        "2026-03-09 14:05:07Z",
        "2026-03-09T14:05:07+15:00",
        "2026-03-09T14:05:07+1",
        "2026-03-09T14:05:07.Z",
        "2026-03T14:05:07Z",
        "２026",
        "2026-03-09T14:05:61Z",
        "+026-01-01",
        "2026-03-09T14:05:07ZZ",
    ] {
        check(text, None);
    }
    assert!("2026-03-09T14:05:07Z".parse::<Date>().is_err());
    assert!("2026-03-09".parse::<Instant>().is_err());
    assert!("25:00:00".parse::<Time>().is_err());
    assert!("08:00".parse::<Time>().is_err());
}

#[test]
fn text_zone_and_parts_are_kept() {
    let time: DateTime = serde_json::from_str("\"2026-03-09T14:05:07.100+01:00\"").unwrap();
    assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-03-09T14:05:07.100+01:00\"");
    assert_eq!(time.offset().unwrap().seconds(), 3600);
    assert_eq!(time.precision(), Precision::Fraction);
    assert_eq!("2026-03".parse::<Date>().unwrap().day(), None);
    assert_eq!("2026-03-09".parse::<Date>().unwrap().day(), Some(civil::date(2026, 3, 9)));
    assert_eq!("08:30:00".parse::<Time>().unwrap().civil(), civil::time(8, 30, 0, 0));
}

#[test]
fn times_are_written_with_their_zone() {
    let time: Timestamp = "2026-07-01T08:00:00.1239Z".parse().unwrap();
    assert_eq!(DateTime::at(time, &uk_time_zone()).as_str(), "2026-07-01T09:00:00+01:00");
    assert_eq!(DateTime::at(time, &TimeZone::UTC).as_str(), "2026-07-01T08:00:00+00:00");
    assert_eq!(Instant::at(time).as_str(), "2026-07-01T08:00:00.123Z");
    assert_eq!(Date::from(civil::date(987, 1, 2)).as_str(), "0987-01-02");
}

proptest! {
    #[test]
    fn any_instant_comes_back(seconds in -50_000_000_000_i64..200_000_000_000, ms in 0_i32..1000) {
        let time = Timestamp::new(seconds, 0).unwrap()
            .checked_add(SignedDuration::from_millis(ms.into())).unwrap();
        let written = Instant::at(time);
        let read: Instant = written.as_str().parse().unwrap();
        prop_assert_eq!(read.timestamp(), time);
    }

    #[test]
    fn a_stretch_ends_after_it_begins(
        text in concat!(
            "[0-9]{4}(-[01][0-9](-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]",
            "(\\.[0-9]{1,12})?(Z|[+-][01][0-9]:[0-5][0-9]))?)?)?",
        )
    ) {
        if let Ok(time) = text.parse::<DateTime>() {
            prop_assert!(time.lower() < time.upper());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
        let _ = Parts::parse(&text, true);
        let _ = text.parse::<Time>();
    }
}
