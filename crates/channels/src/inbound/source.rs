//! The message that a mapper reads, with its places, times and doubts.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use hl7v2::time::{Certainty, Dtm, Precision};
use hl7v2::{Header, Message, Presence, Segment};
use jiff::Timestamp;
use medicines::cases::Unmapped;
use medicines::{Problem, ProblemCode};
use rust_decimal::Decimal;

use super::InboundChannel;
use crate::dialect::{AmbiguousHour, Dialect, Systems};

/// The most doubts kept for one message.
const MAX_DOUBTS: usize = 64;

/// The least exact time that says when something was done.
const ACTIVITY_PRECISION: Precision = Precision::Minute;

/// Something that was read by an assumption. It names places and never content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubt {
    /// The form of the message is untidy.
    Form(hl7v2::Issue),
    /// A time in the hour that autumn repeats, read by the dialect's policy.
    AmbiguousTime {
        /// Where it stands.
        location: String,
    },
    /// A time in the hour that spring leaves out, read by the offset from before.
    SkippedTime {
        /// Where it stands.
        location: String,
    },
    /// A code that no table knows: it is kept as it was sent. Of a frequency no times are worked
    /// out.
    Unmapped {
        /// Where it stands.
        location: String,
        /// The code and its table. It is not displayed, because what stands in the place of a
        /// code may be other words.
        code: Unmapped,
        /// Whether a case asks for it to be added.
        case: bool,
    },
    /// A value that was left out because it is not of its type and nothing depends on it.
    LeftOut {
        /// Where it stands.
        location: String,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doubt::Form(issue) => issue.fmt(f),
            Doubt::AmbiguousTime { location } => {
                write!(f, "{location}: the clock showed this time twice")
            }
            Doubt::SkippedTime { location } => {
                write!(f, "{location}: the clock never showed this time")
            }
            Doubt::Unmapped { location, code, .. } => {
                write!(f, "{location}: `{}` does not know this code", code.table)
            }
            Doubt::LeftOut { location } => write!(f, "{location}: left out, not of its type"),
        }
    }
}

/// A message on its channel.
pub(crate) struct Source<'m, 'a> {
    pub(crate) message: &'m Message<'a>,
    pub(crate) channel: &'m InboundChannel,
    doubts: RefCell<Vec<Doubt>>,
}

impl<'m, 'a> Source<'m, 'a> {
    pub(crate) fn new(message: &'m Message<'a>, channel: &'m InboundChannel) -> Self {
        Source { message, channel, doubts: RefCell::new(Vec::new()) }
    }

    pub(crate) fn header(&self) -> Header<'a> {
        self.message.header()
    }

    pub(crate) fn dialect(&self) -> &'m Dialect {
        self.channel.dialect()
    }

    pub(crate) fn systems(&self) -> &'m Systems {
        self.channel.systems()
    }

    /// The trigger event: MSH-9.2, or EVN-1 of old senders that leave it out.
    pub(crate) fn event(&self) -> Cow<'a, str> {
        let event = self.header().trigger();
        match self.message.segment("EVN") {
            Some(evn) if event.is_empty() => evn.text(1, 1),
            _ => event,
        }
    }

    pub(crate) fn doubt(&self, doubt: Doubt) {
        let mut doubts = self.doubts.borrow_mut();
        if doubts.len() < MAX_DOUBTS {
            doubts.push(doubt);
        }
    }

    pub(crate) fn doubts(&self) -> Vec<Doubt> {
        self.doubts.take()
    }

    /// The place of a field, as `ORC[2]-9`.
    pub(crate) fn place(&self, segment: &Segment<'_>, field: usize) -> String {
        match self.message.sequence_of(segment) {
            0 | 1 => format!("{}-{field}", segment.name()),
            n => format!("{}[{n}]-{field}", segment.name()),
        }
    }

    /// A problem with a field.
    pub(crate) fn problem(
        &self,
        code: ProblemCode,
        segment: &Segment<'_>,
        field: usize,
        text: &str,
    ) -> Problem {
        Problem::new(code, text).at(self.place(segment, field))
    }

    /// The first segment of a name, which the message needs.
    pub(crate) fn need(&self, name: &str) -> Result<Segment<'a>, Problem> {
        self.message.segment(name).ok_or_else(|| missing(name))
    }

    /// The text of a component that the message needs, without the spaces around it.
    pub(crate) fn need_text(
        &self,
        segment: &Segment<'a>,
        field: usize,
        component: usize,
    ) -> Result<Cow<'a, str>, Problem> {
        let text = trimmed(segment.text(field, component));
        if text.is_empty() {
            let what = "the message needs this field";
            return Err(self.problem(ProblemCode::FieldMissing, segment, field, what));
        }
        Ok(text)
    }

    /// An exact number (NM), or `None` where none was sent. A number that cannot be kept exactly
    /// is a problem.
    pub(crate) fn number(
        &self,
        segment: &Segment<'a>,
        field: usize,
        component: usize,
    ) -> Result<Option<Decimal>, Problem> {
        let text = segment.text(field, component);
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        exact(text).map(Some).ok_or_else(|| {
            self.problem(
                ProblemCode::BadValue,
                segment,
                field,
                "this is not a number that can be kept exactly",
            )
        })
    }

    /// The point in time of a field as it was stated; null counts as absent.
    pub(crate) fn stated(
        &self,
        segment: &Segment<'a>,
        field: usize,
    ) -> Result<Option<Dtm>, Problem> {
        match segment.field(field).time() {
            Presence::Absent | Presence::Null => Ok(None),
            Presence::Value(Ok(dtm)) => Ok(Some(dtm)),
            Presence::Value(Err(error)) => {
                Err(self.problem(ProblemCode::BadValue, segment, field, &error.to_string()))
            }
        }
    }

    /// The instant of a stated time. In the hour that autumn repeats the dialect's policy holds;
    /// whatever was assumed becomes a doubt.
    pub(crate) fn resolve(
        &self,
        dtm: Dtm,
        segment: &Segment<'_>,
        field: usize,
    ) -> Result<Timestamp, Problem> {
        let bad = |text: &str| self.problem(ProblemCode::BadValue, segment, field, text);
        let zone = self.dialect().time_zone.rules();
        let resolved = dtm.resolve(zone).map_err(|error| bad(&error.to_string()))?;
        match resolved.certainty {
            Certainty::Stated | Certainty::Zone => Ok(resolved.instant),
            Certainty::Skipped => {
                self.doubt(Doubt::SkippedTime { location: self.place(segment, field) });
                Ok(resolved.instant)
            }
            Certainty::Ambiguous(later) => {
                self.doubt(Doubt::AmbiguousTime { location: self.place(segment, field) });
                match self.dialect().ambiguous_hour {
                    AmbiguousHour::Earlier => Ok(resolved.instant),
                    AmbiguousHour::Later => Ok(later),
                    AmbiguousHour::Park => Err(bad(
                        "the clock showed this time twice and no offset says which is meant",
                    )),
                }
            }
        }
    }

    /// The instant of a field that must be stated at least to the minute, where it is sent.
    pub(crate) fn instant(
        &self,
        segment: &Segment<'a>,
        field: usize,
    ) -> Result<Option<Timestamp>, Problem> {
        let Some(dtm) = self.stated(segment, field)? else {
            return Ok(None);
        };
        if dtm.precision() < ACTIVITY_PRECISION {
            let text = "the time is needed at least to the minute";
            return Err(self.problem(ProblemCode::BadValue, segment, field, text));
        }
        self.resolve(dtm, segment, field).map(Some)
    }

    /// MSH-7 as an instant, where it is stated to the second and can only mean one: by it a peer's
    /// clock is compared with ours, so nothing is assumed.
    pub(crate) fn written(&self) -> Option<Timestamp> {
        let Presence::Value(Ok(dtm)) = self.header().time() else { return None };
        let resolved = dtm.resolve(self.dialect().time_zone.rules()).ok()?;
        let sure = matches!(resolved.certainty, Certainty::Stated | Certainty::Zone);
        (sure && dtm.precision() >= Precision::Second).then_some(resolved.instant)
    }

    /// When something was done: the first of these fields that states it to the minute, else
    /// MSH-7. A date alone would seem to be midnight, and order wrongly what happened that day.
    pub(crate) fn activity(
        &self,
        fields: &[(Option<Segment<'a>>, usize)],
    ) -> Result<Timestamp, Problem> {
        for (segment, field) in fields {
            let Some(segment) = segment else { continue };
            if let Some(dtm) = self.stated(segment, *field)?
                && dtm.precision() >= ACTIVITY_PRECISION
            {
                return self.resolve(dtm, segment, *field);
            }
        }
        let header = self.header().segment();
        self.instant(&header, 7)?.ok_or_else(|| {
            let text = "nothing in the message says when it happened";
            self.problem(ProblemCode::FieldMissing, &header, 7, text)
        })
    }
}

/// A segment that the message needs and does not have.
pub(crate) fn missing(name: &str) -> Problem {
    Problem::new(ProblemCode::SegmentMissing, format!("the message needs the segment {name}"))
        .at(name)
}

/// The text without the spaces around it.
pub(crate) fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// A number of HL7 (NM): digits with a sign and a point, no exponent (HL7 2.5.1 §2.A.47).
pub(crate) fn exact(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = unsigned.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !plain || !unsigned.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    Decimal::from_str_exact(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(exact(text).map(|n| n.to_string()).as_deref(), expect, "{text}");
        };
        check("2", Some("2"));
        check("0.40", Some("0.40"));
        check(".5", Some("0.5"));
        check("5.", Some("5"));
        check("+1", Some("1"));
        check("-3", Some("-3"));
        for bad in ["", ".", "-", "1e3", "1,5", "two", "1.2.3", "--1", "1 2", "0x1", "1_000", "+-1"]
        {
            check(bad, None);
        }
        check("0.12345678901234567890123456789012", None);
    }
}
