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
