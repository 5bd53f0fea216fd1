//! Lengths of time, and amounts for a time.

use fhir::types::UnitOfTime;
use hl7v2::Segment;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use crate::inbound::map::quantity::{check_sign, decimal, quantity, unit_of_cq};
use crate::inbound::source::{Source, exact, trimmed};

pub(super) const NO_DURATION: &str =
    "the duration cannot be read, so the end of the order is not known";

/// A length of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length {
    pub(super) value: Decimal,
    pub(super) unit: UnitOfTime,
}

/// A CQ that is a length of time. One that cannot be read is a problem: it says when the order
/// ends.
pub(super) fn length(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
) -> Result<Option<Length>, Problem> {
    let Some(value) = source.number(segment, field, 1)? else {
        return Ok(None);
    };
    let unit = trimmed(segment.text(field, 2));
    match unit_of_time(&unit).filter(|_| value.is_sign_positive()) {
        Some(unit) => Ok(Some(Length { value, unit })),
        None => Err(source.problem(ProblemCode::BadValue, segment, field, NO_DURATION)),
    }
}

/// Units of time as UCUM, as HL7's letters and in words.
pub(super) fn unit_of_time(word: &str) -> Option<UnitOfTime> {
    Some(match word {
        "S" | "s" | "sec" | "second" | "seconds" => UnitOfTime::Second,
        "M" | "min" | "MIN" | "mins" | "minute" | "minutes" => UnitOfTime::Minute,
        "H" | "h" | "hr" | "HR" | "hrs" | "hour" | "hours" => UnitOfTime::Hour,
        "D" | "d" | "day" | "days" | "DAY" | "DAYS" => UnitOfTime::Day,
        "W" | "wk" | "week" | "weeks" => UnitOfTime::Week,
        "L" | "mo" | "month" | "months" => UnitOfTime::Month,
        _ => return None,
    })
}

/// A length in UCUM, as FHIR Duration.
pub(super) fn quantity_of_time(value: Decimal, unit: UnitOfTime) -> fhir::types::Quantity {
    fhir::types::Quantity::ucum(decimal(value), unit.as_str())
}

/// How many seconds a unit has; days and longer as a clock that nobody changes counts them.
/// `None` for months and years, which have no fixed length.
pub(super) fn seconds_of(unit: UnitOfTime) -> Option<i64> {
    match unit {
        UnitOfTime::Second => Some(1),
        UnitOfTime::Minute => Some(60),
        UnitOfTime::Hour => Some(3_600),
        UnitOfTime::Day => Some(86_400),
        UnitOfTime::Week => Some(604_800),
        UnitOfTime::Month | UnitOfTime::Year => None,
    }
}

/// The instant a length after `start`. Whole days, weeks and months are counted on the calendar of
/// `zone`, so that a course ends at the time of the day at which it began. `None` where there is
/// no such instant, or a month is not whole.
pub(super) fn after(start: Timestamp, length: Length, zone: &TimeZone) -> Option<Timestamp> {
    let whole = Some(length.value).filter(|value| value.fract().is_zero());
    let whole = whole.and_then(|value| i64::try_from(value.trunc()).ok());
    let span = match (length.unit, whole) {
        (UnitOfTime::Day, Some(days)) => Some(Span::new().try_days(days).ok()?),
        (UnitOfTime::Week, Some(weeks)) => Some(Span::new().try_weeks(weeks).ok()?),
        (UnitOfTime::Month, Some(months)) => Some(Span::new().try_months(months).ok()?),
        _ => None,
    };
    if let Some(span) = span {
        return Some(start.to_zoned(zone.clone()).checked_add(span).ok()?.timestamp());
    }
    let seconds = length.value.checked_mul(Decimal::from(seconds_of(length.unit)?))?.trunc();
    start.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

/// A number with its unit of time as RXE-22 and RXO-17 write it: `H1`, `M30`.
pub(crate) fn per_time(text: &str) -> Option<fhir::types::Quantity> {
    let unit = unit_of_time(text.get(..1)?)?;
    let digits = text.get(1..)?;
    let value = if digits.is_empty() { Decimal::ONE } else { exact(digits)? };
    (value > Decimal::ZERO).then(|| quantity_of_time(value, unit))
}

/// The most that may be given in a day (RXE-19, RXO-23: a CQ). Without a unit it says nothing
/// that could be kept to.
pub(crate) fn daily_maximum(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
) -> Result<Option<fhir::types::Ratio>, Problem> {
    let Some(value) = source.number(segment, field, 1)?.filter(|value| !value.is_zero()) else {
        return Ok(None);
    };
    check_sign(source, segment, field, value)?;
    let unit = unit_of_cq(source, &segment.field(field).component(2));
    if unit.is_empty() {
        let text = "the total daily dose has no unit";
        return Err(source.problem(ProblemCode::FieldMissing, segment, field, text));
    }
    Ok(Some(fhir::types::Ratio {
        numerator: Some(quantity(value, &unit)),
        denominator: Some(quantity_of_time(Decimal::ONE, UnitOfTime::Day)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_per_time_are_read() {
        let check = |text: &str, expect: Option<(&str, &str)>| {
            let found = per_time(text).map(|q| (q.value.unwrap().to_string(), q.code.unwrap()));
            let found = found.as_ref().map(|(value, code)| (value.as_str(), code.as_str()));
            assert_eq!(found, expect, "{text}");
        };
        check("H1", Some(("1", "h")));
        check("M30", Some(("30", "min")));
        check("H", Some(("1", "h")));
        check("30", None);
        check("H0", None);
        check("", None);
    }
}
