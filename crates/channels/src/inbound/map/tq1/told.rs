//! A timing as it was told, in the elements of FHIR.

use std::borrow::Cow;

use fhir::resources::RequestPriority;
use fhir::types::{CodeableConcept, DayOfWeek, EventTiming, Period, Repeat, Timing, UnitOfTime};
use jiff::Timestamp;
use medicines::cases::Unmapped;
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::length::{Length, NO_DURATION, after, quantity_of_time, seconds_of};
use super::{Begin, Place, Read, Told};
use crate::dialect::{PeriodUnit, Rhythm, UnknownTiming, local_code, names_no_times, rhythm_of};
use crate::inbound::map::quantity::decimal;
use crate::inbound::map::time;
use crate::inbound::source::{Doubt, Source};

/// An interval in a code that the peer knows, else in words.
pub(super) fn words_of(every: &Rhythm, source: &Source<'_, '_>) -> String {
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

impl Told<'_> {
    pub(super) fn read(self, source: &Source<'_, '_>, begin: Begin) -> Result<Read, Problem> {
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

    /// What the code says, and the interval beside it. An unknown code says nothing certain, and
    /// several do not unless the peer's table knows them together: their text is kept and no
    /// times are worked out from it.
    fn rhythm(&self, source: &Source<'_, '_>) -> Result<Option<Rhythm>, Problem> {
        let table = &source.dialect().timing_codes;
        let rhythm = match self.codes.as_slice() {
            [] => return Ok(self.every.clone()),
            [code] => rhythm_of(code, table).map(Cow::into_owned),
            several => table.get(&several.join(" ")).cloned(),
        };
        let Some(rhythm) = rhythm else {
            self.unknown(source)?;
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

    /// A code that no table knows, by the dialect's policy.
    fn unknown(&self, source: &Source<'_, '_>) -> Result<(), Problem> {
        let Some((segment, place)) = &self.segment else { return Ok(()) };
        let table = "timing_codes".to_owned();
        let code = Unmapped { table, code: self.codes.join(" ") };
        let policy = match self.codes.as_slice() {
            [code] if names_no_times(code) => UnknownTiming::Keep,
            _ => source.dialect().unknown_timing,
        };
        if policy == UnknownTiming::Park {
            let shown = code.shown();
            let text = format!("no table knows {shown}: add it to `timing_codes`, then replay");
            return Err(source.problem(ProblemCode::UnknownCode, segment, place.code, &text));
        }
        let location = source.place(segment, place.code);
        let case = policy == UnknownTiming::Case;
        source.doubt(Doubt::Unmapped { location, code, case });
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
