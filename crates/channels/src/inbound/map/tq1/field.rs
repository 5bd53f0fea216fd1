//! TQ fields: RXE-1 and ORC-7.

use std::borrow::Cow;

use hl7v2::time::Dtm;
use hl7v2::{Repetition, Segment};
use medicines::{Problem, ProblemCode};

use super::length::{Length, NO_DURATION, unit_of_time};
use super::{MAX_TIMINGS, Place, Told, check_count, count, ending};
use crate::dialect::unit_of;
use crate::inbound::map::dose::OwnDose;
use crate::inbound::source::{Source, exact, trimmed};

/// A TQ (HL7 2.5.1 §2.A.81), with the schedule's times as subcomponents of TQ.2.
pub(super) fn of_field<'a>(
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
}
