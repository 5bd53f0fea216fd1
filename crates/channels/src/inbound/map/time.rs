//! Stated times to FHIR, as exactly as they were stated.

use fhir::{Date, DateTime};
use hl7v2::Segment;
use hl7v2::time::{Dtm, Precision};
use jiff::Timestamp;
use medicines::Problem;

use crate::inbound::source::Source;

/// A year, a month or a day stays what it is; anything finer becomes an instant to the second in
/// the dialect's zone.
pub(crate) fn date_time(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
    dtm: Dtm,
) -> Result<DateTime, Problem> {
    if let Some(date) = date(dtm).filter(|_| dtm.precision() <= Precision::Day) {
        return Ok(date.into());
    }
    Ok(at(source, source.resolve(dtm, segment, field)?))
}

/// An instant in the dialect's zone.
pub(crate) fn at(source: &Source<'_, '_>, instant: Timestamp) -> DateTime {
    DateTime::at(instant, source.dialect().time_zone.rules())
}

/// A time of day (TM) to the second, without an offset: FHIR has none there.
pub(crate) fn of_day(text: &str) -> Option<fhir::Time> {
    let digits = text.trim().split(['+', '-', '.']).next()?;
    let digits = digits.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let pair = |at: usize| std::str::from_utf8(digits.get(at..at + 2).unwrap_or(b"00")).ok();
    format!("{}:{}:{}", pair(0)?, pair(2)?, pair(4)?).parse().ok()
}

/// The date, to the precision that was stated and a day at most.
pub(crate) fn date(dtm: Dtm) -> Option<Date> {
    let civil = dtm.civil();
    match dtm.precision() {
        Precision::Year => format!("{:04}", civil.year()).parse().ok(),
        Precision::Month => format!("{:04}-{:02}", civil.year(), civil.month()).parse().ok(),
        _ if civil.year() < 1 => None,
        _ => Some(civil.date().into()),
    }
}
