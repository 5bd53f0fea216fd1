//! TQ1, and the TQ fields RXE-1 and ORC-7 before it, to Timing.
//!
//! Both are first read into [`Told`], so that a peer may write its timing in either place.

use std::borrow::Cow;

use fhir::resources::RequestPriority;
use fhir::types::{CodeableConcept, DayOfWeek, EventTiming, Period, Repeat, Timing, UnitOfTime};
use hl7v2::{Repetition, Segment};
use jiff::{SignedDuration, Timestamp};
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::quantity::{decimal, quantity, unit_of_cq};
use super::time;
use crate::dialect::{Rhythm, rhythm_of};
use crate::inbound::source::{Doubt, Source, exact, trimmed};

/// The most timings of one order, and explicit times of one timing.
const MAX_TIMINGS: usize = 24;

/// One timing as it was told.
#[derive(Debug, Default)]
pub(crate) struct Told<'a> {
    /// Where, for problems and doubts: a field of the segment.
    segment: Option<(Segment<'a>, Place)>,
    /// The frequency code; several only where the sender repeats TQ1-3.
    codes: Vec<Cow<'a, str>>,
    /// Times of the day, `HHMM`.
    times: Vec<Cow<'a, str>>,
    /// For how long.
    duration: Option<Length>,
    start: Option<Timestamp>,
    end: Option<fhir::DateTime>,
    /// Codes of HL7 table 0485.
    priorities: Vec<Cow<'a, str>>,
    condition: Cow<'a, str>,
    /// Instructions in words.
    pub(crate) text: Cow<'a, str>,
    /// How long each occurrence lasts.
    occurrence: Option<Length>,
    count: Option<u32>,
    /// Whether the next timing follows this one (`S`) or goes along with it.
    then: bool,
}

/// The fields of a timing, for places in problems.
#[derive(Debug, Clone, Copy)]
struct Place {
    code: usize,
}

/// A length of time.
#[derive(Debug, Clone, Copy)]
struct Length {
    value: Decimal,
    unit: UnitOfTime,
}

/// A timing in FHIR.
pub(crate) struct Read {
    pub(crate) timing: Option<Timing>,
    pub(crate) as_needed: bool,
    /// What it is needed for, in words.
    pub(crate) condition: Option<String>,
    pub(crate) priority: Option<RequestPriority>,
    pub(crate) text: Option<String>,
    /// Whether the next timing follows this one.
    pub(crate) then: bool,
}

/// The timings of one order: its TQ1 segments, else the TQ field. `start` is where the order
/// begins if no timing says so (ORC-15).
pub(crate) fn timings<'a>(
    source: &Source<'_, 'a>,
    tq1: &[Segment<'a>],
    fields: &[(Segment<'a>, usize)],
    start: Option<Timestamp>,
) -> Result<Vec<Read>, Problem> {
    let mut told = Vec::new();
    for segment in tq1.iter().filter(|segment| segment.field_count() > 1).take(MAX_TIMINGS) {
        told.push(of_segment(source, segment)?);
    }
    if told.is_empty() {
        let field = fields.iter().find(|(segment, field)| !segment.field(*field).is_absent());
        if let Some((segment, field)) = field {
            for tq in segment.field(*field).repetitions().take(MAX_TIMINGS) {
                told.push(of_field(source, segment, *field, &tq)?);
            }
        }
    }
    if told.is_empty() && start.is_some() {
        told.push(Told::default());
    }
    told.iter().map(|told| told.read(source, start)).collect()
}

/// TQ1 (HL7 2.5.1 §4.5.4).
fn of_segment<'a>(source: &Source<'_, 'a>, tq1: &Segment<'a>) -> Result<Told<'a>, Problem> {
    let text = |field: usize| trimmed(tq1.text(field, 1));
    let listed = |field: usize| -> Vec<Cow<'a, str>> {
        let repetitions = tq1.field(field).repetitions().take(MAX_TIMINGS);
        repetitions.map(|each| trimmed(each.text())).filter(|text| !text.is_empty()).collect()
    };
    let end = source.stated(tq1, 8)?;
    Ok(Told {
        segment: Some((*tq1, Place { code: 3 })),
        codes: listed(3),
        times: listed(4),
        duration: length(source, tq1, 6)?,
        start: source.stated(tq1, 7)?.map(|dtm| source.resolve(dtm, tq1, 7)).transpose()?,
        end: end.map(|dtm| time::date_time(source, tq1, 8, dtm)).transpose()?,
        priorities: listed(9),
        condition: Cow::Owned(tq1.field(10).free_text().trim().to_owned()),
        text: Cow::Owned(tq1.field(11).free_text().trim().to_owned()),
        occurrence: length(source, tq1, 13)?,
        count: count(source, tq1, 14, &text(14))?,
        then: text(12) == "S",
    })
}

/// A TQ (HL7 2.5.1 §2.A.81), with the schedule's times as subcomponents of TQ.2.
fn of_field<'a>(
    source: &Source<'_, 'a>,
    segment: &Segment<'a>,
    field: usize,
    tq: &Repetition<'a>,
) -> Result<Told<'a>, Problem> {
    let text = |component: usize| trimmed(tq.component(component).text());
    let bad = |text: &str| source.problem(ProblemCode::BadValue, segment, field, text);
    let stated = |component: usize| {
        let text = text(component);
        if text.is_empty() {
            return Ok(None);
        }
        hl7v2::time::Dtm::parse(&text).map(Some).map_err(|error| bad(&error.to_string()))
    };
    let interval = tq.component(2);
    let (code, times) = (trimmed(interval.subcomponent(1).text()), interval.subcomponent(2).text());
    let times = times.split([',', '-']).take(MAX_TIMINGS).map(str::trim);
    let (duration, counted) = old_duration(&text(3)).ok_or_else(|| bad(NO_DURATION))?;
    let total = count(source, segment, field, &text(12))?;
    Ok(Told {
        segment: Some((*segment, Place { code: field })),
        codes: Some(code).filter(|code| !code.is_empty()).into_iter().collect(),
        times: times.filter(|t| !t.is_empty()).map(|t| Cow::Owned(t.to_owned())).collect(),
        duration,
        start: stated(4)?.map(|dtm| source.resolve(dtm, segment, field)).transpose()?,
        end: stated(5)?.map(|dtm| time::date_time(source, segment, field, dtm)).transpose()?,
        priorities: Some(text(6)).filter(|text| !text.is_empty()).into_iter().collect(),
        condition: text(7),
        text: text(8),
        occurrence: None,
        count: total.or(counted),
        then: text(9) == "S",
    })
}

const NO_DURATION: &str = "the duration cannot be read, so the end of the order is not known";

/// The old duration text: `D5` is five days, `X3` three times, `INDEF` no end (HL7 2.5.1
/// §2.A.81.3). `None` where it says anything else.
fn old_duration(text: &str) -> Option<(Option<Length>, Option<u32>)> {
    if text.is_empty() || text == "INDEF" {
        return Some((None, None));
    }
    let number = text.get(1..).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    if text.starts_with('X') {
        return Some((None, Some(number.parse().ok()?)));
    }
    let unit = unit_of_time(text.get(..1)?)?;
    Some((Some(Length { value: exact(number)?, unit }), None))
}

/// A CQ that is a length of time. One that cannot be read is a problem: it says when the order
/// ends.
fn length(
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
fn unit_of_time(word: &str) -> Option<UnitOfTime> {
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

fn count(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
    text: &str,
) -> Result<Option<u32>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let count = exact(text).filter(|n| n.fract().is_zero() && !n.is_zero());
    let count = count.and_then(|n| u32::try_from(n.trunc()).ok());
    let bad = || source.problem(ProblemCode::BadValue, segment, field, "this is not a count");
    count.map(Some).ok_or_else(bad)
}

impl Told<'_> {
    fn read(&self, source: &Source<'_, '_>, start: Option<Timestamp>) -> Result<Read, Problem> {
        let rhythm = self.rhythm(source);
        let has = |code: &str| self.priorities.iter().any(|priority| priority == code);
        let prn_condition = self.condition.eq_ignore_ascii_case("PRN");
        let as_needed = has("PRN") || prn_condition || rhythm.as_ref().is_some_and(|r| r.as_needed);
        let condition = !self.condition.is_empty() && !prn_condition;
        let mut repeat = rhythm.as_ref().map(repeat).unwrap_or_default();
        self.explicit_times(source, &mut repeat)?;
        self.bounds(source, &mut repeat, self.start.or(start));
        if let Some(count) = self.count {
            repeat.count = Some(count);
        }
        if let Some(occurrence) = self.occurrence {
            repeat.duration = Some(decimal(occurrence.value));
            repeat.duration_unit = Some(occurrence.unit);
        }
        let code =
            (!self.codes.is_empty()).then(|| CodeableConcept::from_text(&self.codes.join(" ")));
        let repeat = (repeat != Repeat::default()).then_some(repeat);
        let told = repeat.is_some() || code.is_some();
        Ok(Read {
            timing: told.then(|| Timing { repeat, code, ..Timing::default() }),
            as_needed,
            condition: condition.then(|| self.condition.to_string()),
            priority: self.priority(),
            text: (!self.text.is_empty()).then(|| self.text.to_string()),
            then: self.then,
        })
    }

    /// What the code says. Several codes, or an unknown one, say nothing certain: their text is
    /// kept and no times are worked out from it.
    fn rhythm(&self, source: &Source<'_, '_>) -> Option<Rhythm> {
        let table = &source.dialect().timing_codes;
        let rhythm = match self.codes.as_slice() {
            [] => return None,
            [code] => rhythm_of(code, table).map(Cow::into_owned),
            _ => None,
        };
        if rhythm.is_none()
            && let Some((segment, place)) = &self.segment
        {
            source.doubt(Doubt::UnknownTiming { location: source.place(segment, place.code) });
        }
        rhythm
    }

    /// Times of the day are as many doses a day.
    fn explicit_times(&self, source: &Source<'_, '_>, repeat: &mut Repeat) -> Result<(), Problem> {
        for text in &self.times {
            let Some(time) = time_of_day(text) else {
                let Some((segment, place)) = &self.segment else {
                    return Ok(());
                };
                let what = "a time of the day cannot be read";
                return Err(source.problem(ProblemCode::BadValue, segment, place.code, what));
            };
            repeat.time_of_day.push(time);
        }
        if !repeat.time_of_day.is_empty() {
            // FHIR allows a time of the day or an event, not both (tim-10).
            repeat.when.clear();
            if repeat.frequency.is_none() {
                repeat.frequency = u32::try_from(repeat.time_of_day.len()).ok();
                repeat.period = Some(decimal(Decimal::ONE));
                repeat.period_unit = Some(UnitOfTime::Day);
            }
        }
        Ok(())
    }

    /// From when to when. A duration counts from the start; without one it stays a duration.
    fn bounds(&self, source: &Source<'_, '_>, repeat: &mut Repeat, start: Option<Timestamp>) {
        let ends = self.end.clone().or_else(|| {
            let end = start?.checked_add(signed(self.duration?)?).ok()?;
            Some(time::at(source, end))
        });
        if start.is_some() || ends.is_some() {
            let start = start.map(|start| time::at(source, start));
            repeat.bounds_period = Some(Period { start, end: ends });
        } else if let Some(Length { value, unit }) = self.duration {
            repeat.bounds_duration = Some(quantity_of_time(value, unit));
        }
    }

    /// HL7 table 0485.
    fn priority(&self) -> Option<RequestPriority> {
        let stat = self.codes.iter().any(|code| code.eq_ignore_ascii_case("STAT"));
        let of = |code: &str| match code {
            "S" | "STAT" => Some(RequestPriority::Stat),
            "A" | "ASAP" => Some(RequestPriority::Asap),
            "R" => Some(RequestPriority::Routine),
            code if code.starts_with('T') => Some(RequestPriority::Urgent),
            _ => None,
        };
        let told = self.priorities.iter().find_map(|code| of(code));
        told.or_else(|| stat.then_some(RequestPriority::Stat))
    }
}

/// A length in UCUM, as FHIR Duration.
fn quantity_of_time(value: Decimal, unit: UnitOfTime) -> fhir::types::Quantity {
    fhir::types::Quantity::ucum(decimal(value), unit.as_str())
}

/// The length as seconds; months have no fixed length.
fn signed(length: Length) -> Option<SignedDuration> {
    let seconds = match length.unit {
        UnitOfTime::Second => 1,
        UnitOfTime::Minute => 60,
        UnitOfTime::Hour => 3_600,
        UnitOfTime::Day => 86_400,
        UnitOfTime::Week => 604_800,
        UnitOfTime::Month | UnitOfTime::Year => return None,
    };
    let seconds = length.value.checked_mul(Decimal::from(seconds))?.trunc();
    Some(SignedDuration::from_secs(i64::try_from(seconds).ok()?))
}

/// `0800`, `08:00` or `080000` as a FHIR time.
fn time_of_day(text: &str) -> Option<fhir::Time> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = match digits.len() {
        4 => "00",
        6 => &digits[4..],
        _ => return None,
    };
    format!("{}:{}:{seconds}", &digits[..2], &digits[2..4]).parse().ok()
}

/// A rhythm in the elements of FHIR. Events and days that FHIR does not name are left out with
/// the whole pattern, so that no half of it is acted on.
fn repeat(rhythm: &Rhythm) -> Repeat {
    let when: Option<Vec<EventTiming>> = rhythm.when.iter().map(|w| w.parse().ok()).collect();
    let days: Option<Vec<DayOfWeek>> = rhythm.day_of_week.iter().map(|d| d.parse().ok()).collect();
    let (Some(when), Some(day_of_week)) = (when, days) else {
        return Repeat::default();
    };
    Repeat {
        count: rhythm.count,
        frequency: rhythm.frequency,
        period: rhythm.period.map(|period| decimal(period.into())),
        period_unit: rhythm.unit.and_then(|unit| unit.code().parse().ok()),
        when,
        day_of_week,
        ..Repeat::default()
    }
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
    super::quantity::check_sign(source, segment, field, value)?;
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
    fn old_durations_are_read() {
        let check = |text: &str, expect: Option<&str>| {
            let found = old_duration(text).map(|told| match told {
                (Some(length), _) => format!("{} {}", length.value, length.unit),
                (None, Some(count)) => format!("{count} times"),
                (None, None) => "no end".to_owned(),
            });
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check("", Some("no end"));
        check("INDEF", Some("no end"));
        check("D5", Some("5 d"));
        check("W2", Some("2 wk"));
        check("X3", Some("3 times"));
        check("5 days", None);
        check("D", None);
        check("€5", None);
        check("D-5", None);
    }

    #[test]
    fn times_of_day_are_read() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(time_of_day(text).map(|t| t.to_string()).as_deref(), expect, "{text}");
        };
        check("0800", Some("08:00:00"));
        check("08:00", Some("08:00:00"));
        check("235959", Some("23:59:59"));
        check("2400", None);
        check("8", None);
        check("08-0", None);
        check("ééé", None);
    }

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
