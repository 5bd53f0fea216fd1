//! TQ1, and the TQ fields RXE-1 and ORC-7 before it, to Timing.
//!
//! Both are first read into [`Told`], so that a peer may write its timing in either place.

use std::borrow::Cow;

use fhir::resources::RequestPriority;
use fhir::types::{CodeableConcept, DayOfWeek, EventTiming, Period, Repeat, Timing, UnitOfTime};
use hl7v2::time::{Dtm, Precision};
use hl7v2::{Repetition, Segment};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::dose::OwnDose;
use super::quantity::{decimal, quantity, unit_of_cq};
use super::time;
use crate::dialect::{PeriodUnit, Rhythm, local_code, rhythm_of, unit_of};
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
    /// The end, and its instant where it is told to the minute.
    end: Option<(fhir::DateTime, Option<Timestamp>)>,
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
    /// The dose of this timing.
    dose: Option<OwnDose>,
    /// The interval that is spelt out beside the code, or in its place (RPT.5 and .6).
    every: Option<Rhythm>,
}

/// The fields of a timing, for places in problems.
#[derive(Debug, Clone, Copy)]
struct Place {
    code: usize,
    duration: usize,
}

/// When a timing begins that does not say so.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Begin {
    /// When the order begins (ORC-15), or the timing before ends that this one follows.
    pub(crate) start: Option<Timestamp>,
    /// When the order was made: from then on a length counts where nothing else tells its start.
    pub(crate) made: Option<Timestamp>,
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
    pub(crate) dose: Option<OwnDose>,
    /// When it ends, where that is known to the minute.
    ends: Option<Timestamp>,
}

/// The timings of one order: its TQ1 segments, else the TQ field.
pub(crate) fn timings<'a>(
    source: &Source<'_, 'a>,
    tq1: &[Segment<'a>],
    fields: &[(Segment<'a>, usize)],
    mut begin: Begin,
) -> Result<Vec<Read>, Problem> {
    let mut told = Vec::new();
    for segment in tq1.iter().filter(|segment| segment.field_count() > 1) {
        check_count(source, segment, 1, told.len())?;
        told.push(of_segment(source, segment)?);
    }
    if told.is_empty() {
        let field = fields.iter().find(|(segment, field)| !segment.field(*field).is_absent());
        if let Some((segment, field)) = field {
            for tq in segment.field(*field).repetitions() {
                check_count(source, segment, *field, told.len())?;
                told.push(of_field(source, segment, *field, &tq)?);
            }
        }
    }
    if told.is_empty() && begin.start.is_some() {
        told.push(Told::default());
    }
    let mut read = Vec::new();
    for told in told {
        let timing = told.read(source, begin)?;
        if timing.then {
            // Where the end is not known, nor is the start of what follows.
            begin = Begin { start: timing.ends, made: None };
        }
        read.push(timing);
    }
    Ok(read)
}

/// Refuses one more than are taken: what is left out might be the dose that matters.
fn check_count(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
    count: usize,
) -> Result<(), Problem> {
    if count < MAX_TIMINGS {
        return Ok(());
    }
    let text = "there are more timings, or times of the day, than are taken";
    Err(source.problem(ProblemCode::BadValue, segment, field, text))
}

/// TQ1 (HL7 2.5.1 §4.5.4).
fn of_segment<'a>(source: &Source<'_, 'a>, tq1: &Segment<'a>) -> Result<Told<'a>, Problem> {
    let text = |field: usize| trimmed(tq1.text(field, 1));
    let listed = |field: usize| -> Result<Vec<Cow<'a, str>>, Problem> {
        let texts = tq1.field(field).repetitions().map(|each| trimmed(each.text()));
        let texts: Vec<_> = texts.filter(|text| !text.is_empty()).take(MAX_TIMINGS + 1).collect();
        check_count(source, tq1, field, texts.len().saturating_sub(1))?;
        Ok(texts)
    };
    let (codes, every) = patterns(source, tq1)?;
    let unit = unit_of_cq(source, &tq1.field(2).component(2));
    let end = source.stated(tq1, 8)?;
    Ok(Told {
        segment: Some((*tq1, Place { code: 3, duration: 6 })),
        dose: OwnDose::read(source, tq1, 2, (&text(2), &unit))?,
        codes,
        every,
        times: listed(4)?,
        duration: length(source, tq1, 6)?,
        start: source.stated(tq1, 7)?.map(|dtm| source.resolve(dtm, tq1, 7)).transpose()?,
        end: end.map(|dtm| ending(source, tq1, 8, dtm)).transpose()?,
        priorities: listed(9)?,
        condition: Cow::Owned(tq1.field(10).free_text().trim().to_owned()),
        text: Cow::Owned(tq1.field(11).free_text().trim().to_owned()),
        occurrence: length(source, tq1, 13)?,
        count: count(source, tq1, 14, &text(14))?,
        then: text(12) == "S",
    })
}

/// An end as it was told, and its instant where that is exact.
fn ending(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
    dtm: Dtm,
) -> Result<(fhir::DateTime, Option<Timestamp>), Problem> {
    let end = time::date_time(source, segment, field, dtm)?;
    let exact = (dtm.precision() > Precision::Day).then(|| end.lower());
    Ok((end, exact))
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
        Dtm::parse(&text).map(Some).map_err(|error| bad(&error.to_string()))
    };
    let interval = tq.component(2);
    let (code, times) = (trimmed(interval.subcomponent(1).text()), interval.subcomponent(2).text());
    let times = times.split([',', '-']).map(str::trim).filter(|time| !time.is_empty());
    let times: Vec<_> =
        times.take(MAX_TIMINGS + 1).map(|time| Cow::Owned(time.to_owned())).collect();
    check_count(source, segment, field, times.len().saturating_sub(1))?;
    let dose = tq.component(1);
    let unit = trimmed(dose.subcomponent(2).text());
    let unit = unit_of(&unit, &source.dialect().units);
    let (duration, counted) = old_duration(&text(3)).ok_or_else(|| bad(NO_DURATION))?;
    let total = count(source, segment, field, &text(12))?;
    Ok(Told {
        segment: Some((*segment, Place { code: field, duration: field })),
        dose: OwnDose::read(source, segment, field, (&dose.subcomponent(1).text(), &unit))?,
        every: None,
        codes: Some(code).filter(|code| !code.is_empty()).into_iter().collect(),
        times,
        duration,
        start: stated(4)?.map(|dtm| source.resolve(dtm, segment, field)).transpose()?,
        end: stated(5)?.map(|dtm| ending(source, segment, field, dtm)).transpose()?,
        priorities: Some(text(6)).filter(|text| !text.is_empty()).into_iter().collect(),
        condition: text(7),
        text: text(8),
        occurrence: None,
        count: total.or(counted),
        then: text(9) == "S",
    })
}

/// The codes of TQ1-3 and the interval that it spells out (RPT.1, .5 and .6). An interval beside
/// other patterns becomes one of several codes, from which no times are worked out.
fn patterns<'a>(
    source: &Source<'_, 'a>,
    tq1: &Segment<'a>,
) -> Result<(Vec<Cow<'a, str>>, Option<Rhythm>), Problem> {
    let mut patterns = Vec::new();
    for rpt in tq1.field(3).repetitions() {
        let (code, every) = (trimmed(rpt.text()), interval(source, tq1, &rpt)?);
        if !code.is_empty() || every.is_some() {
            check_count(source, tq1, 3, patterns.len())?;
            patterns.push((code, every));
        }
    }
    if let [(_, every)] = patterns.as_mut_slice() {
        let every = every.take();
        let codes = patterns.into_iter().map(|(code, _)| code).filter(|code| !code.is_empty());
        return Ok((codes.collect(), every));
    }
    let words = |(code, every): (Cow<'a, str>, Option<Rhythm>)| match every {
        Some(every) if code.is_empty() => Cow::Owned(words_of(&every, source)),
        _ => code,
    };
    Ok((patterns.into_iter().map(words).collect(), None))
}

/// RPT.5 and .6: every so many units of time. Half of one, or one that is not whole, is a problem:
/// it says how long to wait.
fn interval(
    source: &Source<'_, '_>,
    tq1: &Segment<'_>,
    rpt: &Repetition<'_>,
) -> Result<Option<Rhythm>, Problem> {
    let [value, unit] = [5, 6].map(|component| trimmed(rpt.component(component).text()));
    if value.is_empty() && unit.is_empty() {
        return Ok(None);
    }
    let whole = exact(&value).filter(|n| n.fract().is_zero() && *n > Decimal::ZERO);
    let period = whole.and_then(|n| u32::try_from(n.trunc()).ok());
    let unit = unit_of_time(&unit).and_then(|unit| PeriodUnit::from_code(unit.as_str()));
    if period.is_none() && unit.is_none() && !value.is_empty() && !rpt.text().trim().is_empty() {
        // Senders that write a coded element here have the words and the system of another code
        // in these components.
        source.doubt(Doubt::LeftOut { location: source.place(tq1, 3) });
        return Ok(None);
    }
    if period.is_none() || unit.is_none() {
        let text = "the interval between doses cannot be read";
        return Err(source.problem(ProblemCode::BadValue, tq1, 3, text));
    }
    Ok(Some(Rhythm { frequency: Some(1), period, unit, ..Rhythm::default() }))
}

/// An interval in a code that the peer knows, else in words.
fn words_of(every: &Rhythm, source: &Source<'_, '_>) -> String {
    if let Some(code) = local_code(every, &source.dialect().timing_codes) {
        return code.into_owned();
    }
    let unit = every.unit.map_or("", PeriodUnit::code);
    format!("every {} {unit}", every.period.unwrap_or_default())
}

/// A code's meaning with the interval beside it; `None` where they disagree. `BD` goes with
/// twelve hours, which lie between its doses, and with one day, which is its period.
fn together(rhythm: Rhythm, every: &Rhythm) -> Option<Rhythm> {
    if rhythm == (Rhythm { as_needed: rhythm.as_needed, ..Rhythm::default() }) {
        return Some(Rhythm { as_needed: rhythm.as_needed, ..every.clone() });
    }
    let same = (rhythm.period, rhythm.unit) == (every.period, every.unit);
    let between = |rhythm: &Rhythm| {
        let seconds = seconds_of(rhythm.unit?.code().parse().ok()?)?;
        let period = Decimal::from(rhythm.period?) * Decimal::from(seconds);
        period.checked_div(rhythm.frequency?.into())
    };
    (same || between(&rhythm).is_some_and(|gap| between(every) == Some(gap))).then_some(rhythm)
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
    fn read(self, source: &Source<'_, '_>, begin: Begin) -> Result<Read, Problem> {
        let rhythm = self.rhythm(source)?;
        let has = |code: &str| self.priorities.iter().any(|priority| priority == code);
        let prn_condition = self.condition.eq_ignore_ascii_case("PRN");
        let as_needed = has("PRN") || prn_condition || rhythm.as_ref().is_some_and(|r| r.as_needed);
        let condition = !self.condition.is_empty() && !prn_condition;
        let mut repeat = rhythm.as_ref().map(repeat).unwrap_or_default();
        self.explicit_times(source, &mut repeat)?;
        let ends = self.bounds(source, &mut repeat, begin)?;
        if let Some(count) = self.count {
            repeat.count = Some(count);
        }
        if let Some(occurrence) = self.occurrence {
            repeat.duration = Some(decimal(occurrence.value));
            repeat.duration_unit = Some(occurrence.unit);
        }
        let code = match &self.every {
            Some(every) if self.codes.is_empty() => Some(words_of(every, source)),
            _ => Some(self.codes.join(" ")).filter(|code| !code.is_empty()),
        };
        let code = code.as_deref().map(CodeableConcept::from_text);
        let repeat = (repeat != Repeat::default()).then_some(repeat);
        let told = repeat.is_some() || code.is_some();
        Ok(Read {
            timing: told.then(|| Timing { repeat, code, ..Timing::default() }),
            as_needed,
            condition: condition.then(|| self.condition.to_string()),
            priority: self.priority(),
            text: (!self.text.is_empty()).then(|| self.text.to_string()),
            then: self.then,
            dose: self.dose,
            ends,
        })
    }

    /// What the code says, and the interval beside it. Several codes, or an unknown one, say
    /// nothing certain: their text is kept and no times are worked out from it.
    fn rhythm(&self, source: &Source<'_, '_>) -> Result<Option<Rhythm>, Problem> {
        let table = &source.dialect().timing_codes;
        let rhythm = match self.codes.as_slice() {
            [] => return Ok(self.every.clone()),
            [code] => rhythm_of(code, table).map(Cow::into_owned),
            _ => None,
        };
        let Some(rhythm) = rhythm else {
            if let Some((segment, place)) = &self.segment {
                source.doubt(Doubt::UnknownTiming { location: source.place(segment, place.code) });
            }
            return Ok(None);
        };
        let Some(every) = &self.every else {
            return Ok(Some(rhythm));
        };
        together(rhythm, every).map(Some).ok_or_else(|| {
            let text = "the frequency code and the interval beside it disagree";
            self.problem(source, |place| place.code, text)
        })
    }

    fn problem(
        &self,
        source: &Source<'_, '_>,
        field: impl FnOnce(&Place) -> usize,
        text: &str,
    ) -> Problem {
        match &self.segment {
            Some((segment, place)) => {
                source.problem(ProblemCode::BadValue, segment, field(place), text)
            }
            None => Problem::new(ProblemCode::BadValue, text),
        }
    }

    /// Times of the day are as many doses a day.
    fn explicit_times(&self, source: &Source<'_, '_>, repeat: &mut Repeat) -> Result<(), Problem> {
        for text in &self.times {
            let Some(time) = time_of_day(text) else {
                let what = "a time of the day cannot be read";
                return Err(self.problem(source, |place| place.code, what));
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

    /// From when to when. A duration counts from the start, else from when the order was made;
    /// where neither is known it stays a duration. Tells when the timing ends, where that is known
    /// to the minute.
    fn bounds(
        &self,
        source: &Source<'_, '_>,
        repeat: &mut Repeat,
        begin: Begin,
    ) -> Result<Option<Timestamp>, Problem> {
        let made = begin.made.filter(|_| self.duration.is_some());
        let start = self.start.or(begin.start).or(made);
        let (end, ends) = match (&self.end, start, self.duration) {
            (Some((end, instant)), _, _) => (Some(end.clone()), *instant),
            (None, Some(start), Some(duration)) => {
                let zone = source.dialect().time_zone.rules();
                let ends = after(start, duration, zone)
                    .ok_or_else(|| self.problem(source, |place| place.duration, NO_DURATION))?;
                (Some(time::at(source, ends)), Some(ends))
            }
            _ => (None, None),
        };
        if start.is_some() || end.is_some() {
            let start = start.map(|start| time::at(source, start));
            repeat.bounds_period = Some(Period { start, end });
        } else if let Some(Length { value, unit }) = self.duration {
            repeat.bounds_duration = Some(quantity_of_time(value, unit));
        }
        Ok(ends)
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

/// How many seconds a unit has; days and longer as a clock that nobody changes counts them.
/// `None` for months and years, which have no fixed length.
fn seconds_of(unit: UnitOfTime) -> Option<i64> {
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
fn after(start: Timestamp, length: Length, zone: &TimeZone) -> Option<Timestamp> {
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
