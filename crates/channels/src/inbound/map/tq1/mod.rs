//! TQ1, and the TQ fields RXE-1 and ORC-7 before it, to Timing.
//!
//! Both are first read into [`Told`], so that a peer may write its timing in either place.

mod field;
mod length;
mod segment;
mod told;

use std::borrow::Cow;

use fhir::resources::RequestPriority;
use fhir::types::Timing;
use hl7v2::Segment;
use hl7v2::time::{Dtm, Precision};
use jiff::Timestamp;
use medicines::{Problem, ProblemCode};

use super::dose::OwnDose;
use super::time;
use crate::dialect::Rhythm;
use crate::inbound::source::{Source, exact};
use field::of_field;
use length::Length;
pub(crate) use length::{daily_maximum, per_time};
use segment::of_segment;

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
