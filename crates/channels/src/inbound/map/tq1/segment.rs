//! TQ1 segments.

use std::borrow::Cow;

use hl7v2::{Repetition, Segment};
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::length::{length, unit_of_time};
use super::told::words_of;
use super::{MAX_TIMINGS, Place, Told, check_count, count, ending};
use crate::dialect::{PeriodUnit, Rhythm};
use crate::inbound::map::dose::OwnDose;
use crate::inbound::map::quantity::unit_of_cq;
use crate::inbound::source::{Doubt, Source, exact, trimmed};

/// TQ1 (HL7 2.5.1 §4.5.4).
pub(super) fn of_segment<'a>(
    source: &Source<'_, 'a>,
    tq1: &Segment<'a>,
) -> Result<Told<'a>, Problem> {
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
