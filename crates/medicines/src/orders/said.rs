//! Whether a frequency code says the same as the pattern of times beside it.

use fhir::types::{Dosage, Repeat, Timing, UnitOfTime};

use super::Rhythm;
use crate::state::interval;

/// Whether a code with that meaning says something else than an instruction's `timing.repeat`, by
/// which it is given: another interval, other days or times of the day, another number of doses, or
/// that it is as needed where it is not.
///
/// `Q6H` and `QID` are not the same (HL7 2.5.1 table 0335). What a code leaves open is no
/// contradiction: `OD` beside the morning, or `PRN` beside an interval.
pub fn contradicts(code: &Rhythm, dosage: &Dosage) -> bool {
    let as_needed =
        dosage.as_needed_boolean == Some(true) || dosage.as_needed_codeable_concept.is_some();
    let timing = dosage.timing.as_ref();
    let none = Repeat::default();
    let repeat = timing.and_then(|timing| timing.repeat.as_ref()).unwrap_or(&none);
    let says_how_often = code.frequency.is_some() || code.unit.is_some();
    let other_interval = says_how_often && interval(&pace(code)) != timing.and_then(interval);
    let other_count = code.count.is_some() && code.count != repeat.count;
    let days = repeat.day_of_week.iter().map(|day| day.as_str());
    let when = repeat.when.iter().map(|when| when.as_str());
    code.as_needed && !as_needed
        || other_count
        || other_interval
        || !code.day_of_week.is_empty() && !same(&code.day_of_week, days)
        || !(code.when.is_empty() || repeat.when.is_empty() || same(&code.when, when))
}

/// What a code says of the interval, as an order says it.
fn pace(code: &Rhythm) -> Timing {
    let repeat = Repeat {
        frequency: code.frequency,
        period: code.period.map(fhir::Decimal::from),
        period_unit: code.unit.and_then(|unit| unit.code().parse::<UnitOfTime>().ok()),
        ..Repeat::default()
    };
    Timing { repeat: Some(repeat), ..Timing::default() }
}

/// Whether two lists hold the same, in whatever order.
fn same<'a>(one: &[impl AsRef<str>], other: impl Iterator<Item = &'a str>) -> bool {
    let mut one: Vec<&str> = one.iter().map(AsRef::as_ref).collect();
    let mut other: Vec<&str> = other.collect();
    one.sort_unstable();
    other.sort_unstable();
    one == other
}
