//! Building messages to send.

mod segment;

use jiff::Zoned;

pub use segment::SegmentBuilder;

use crate::escape::Context;
use crate::time::{self, Precision};
use crate::{Charset, Delimiters, Presence, Segment};

/// A value to be written. Text is escaped as needed; empty text is the same as nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'v> {
    /// Nothing: no change is asked for.
    Absent,
    /// `""`: the receiver shall delete what it has.
    Null,
    /// Text, not yet escaped.
    Text(&'v str),
}

impl<'v> From<&'v str> for Value<'v> {
    fn from(text: &'v str) -> Self {
        if text.is_empty() { Self::Absent } else { Self::Text(text) }
    }
}

impl<'v> From<&'v String> for Value<'v> {
    fn from(text: &'v String) -> Self {
        text.as_str().into()
    }
}

impl<'v, T: Into<Value<'v>>> From<Option<T>> for Value<'v> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Absent, Into::into)
    }
}

impl<'v> From<Presence<&'v str>> for Value<'v> {
    fn from(value: Presence<&'v str>) -> Self {
        match value {
            Presence::Absent => Value::Absent,
            Presence::Null => Value::Null,
            Presence::Value(text) => text.into(),
        }
    }
}

/// What is done with a character that the message's character set lacks, or a separator that
/// cannot be escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unencodable {
    /// The message is refused. The safe choice and the default: a `?` in the name of a patient
    /// or a medicine would go out unseen.
    #[default]
    Refuse,
    /// A question mark is written. For acknowledgements, which must always go out.
    QuestionMark,
}

/// Why a message could not be built. Places only, no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A segment name is not a letter and two letters or digits, all upper case.
    #[error("{0:?} is not a segment name")]
    BadSegmentName(String),
    /// A number is 0 or more than 1,000, or it is MSH-1 or MSH-2, which are not set as fields.
    #[error("{segment}-{field} or a part of it cannot be set")]
    BadPlace {
        /// The segment.
        segment: String,
        /// The field asked for.
        field: usize,
    },
    /// A character is not in the character set of the message.
    #[error("{segment}-{field} holds a character that the message's character set lacks")]
    Unencodable {
        /// The segment.
        segment: String,
        /// The field.
        field: usize,
    },
    /// A separator in a text must be escaped, and the separators have no escape character.
    #[error("{segment}-{field} must be escaped and there is no escape character")]
    NoEscape {
        /// The segment.
        segment: String,
        /// The field.
        field: usize,
    },
}

/// The fields of MSH that every message sets.
#[derive(Debug, Clone, Copy)]
pub struct HeaderSpec<'h> {
    /// MSH-3.1.
    pub sending_application: &'h str,
    /// MSH-4.1.
    pub sending_facility: &'h str,
    /// MSH-5.1.
    pub receiving_application: &'h str,
    /// MSH-6.1.
    pub receiving_facility: &'h str,
    /// MSH-7, written to the second with its offset.
    pub time: &'h Zoned,
    /// MSH-9, as `["RDE", "O11", "RDE_O11"]`; empty parts at the end are left out.
    pub message_type: [&'h str; 3],
    /// MSH-10.
    pub control_id: &'h str,
    /// MSH-11: `P`, `T` or `D`.
    pub processing_id: &'h str,
    /// MSH-12, as `2.5.1`.
    pub version: &'h str,
}

/// Builds a message: a header, then segments in order. Mistakes are kept and given by
/// [`MessageBuilder::encode`], so that a mapper reads as a list of assignments.
#[derive(Debug, Clone)]
pub struct MessageBuilder {
    context: Context,
    unencodable: Unencodable,
    segments: Vec<SegmentBuilder>,
}

impl MessageBuilder {
    /// A message with the standard separators.
    pub fn new(charset: Charset) -> Self {
        Self::with(Delimiters::STANDARD, charset)
    }

    /// A message with these separators, as for an answer in the peer's own.
    pub fn with(delimiters: Delimiters, charset: Charset) -> Self {
        let context = Context { delimiters, charset, verbatim: false };
        let header = SegmentBuilder::new("MSH", context, true);
        Self { context, unencodable: Unencodable::default(), segments: vec![header] }
    }

    /// A message with the standard separators and its header filled in.
    pub fn message(charset: Charset, spec: &HeaderSpec<'_>) -> Self {
        let mut message = Self::new(charset);
        message
            .header()
            .set(3, spec.sending_application)
            .set(4, spec.sending_facility)
            .set(5, spec.receiving_application)
            .set(6, spec.receiving_facility)
            .set(7, &time::format(spec.time, Precision::Second))
            .field(9, &spec.message_type)
            .set(10, spec.control_id)
            .set(11, spec.processing_id)
            .set(12, spec.version);
        message
    }

    /// Chooses what is done with characters that the character set lacks.
    pub fn unencodable(&mut self, choice: Unencodable) -> &mut Self {
        self.unencodable = choice;
        self
    }

    /// Declares the character set in MSH-18.
    pub fn declare_charset(&mut self) -> &mut Self {
        let label = self.context.charset.label();
        self.header().set(18, label.as_ref());
        self
    }

    /// The header. MSH-1 and MSH-2 write themselves.
    pub fn header(&mut self) -> &mut SegmentBuilder {
        &mut self.segments[0]
    }

    /// Adds a segment.
    pub fn segment(&mut self, name: &str) -> &mut SegmentBuilder {
        self.segments.push(SegmentBuilder::new(name, self.context, false));
        self.segments.last_mut().expect("a segment was pushed")
    }

    /// Adds a copy of a received segment, to be changed further. A segment with the same
    /// separators and character set is copied byte for byte, empty fields at its end included.
    /// A header is not copied so: copy its fields into [`MessageBuilder::header`].
    pub fn copy(&mut self, segment: &Segment<'_>) -> &mut SegmentBuilder {
        let copy = self.segment(segment.name());
        for (field, number) in segment.fields().zip(1..) {
            copy.copy(number, &field);
        }
        let count = segment.field_count();
        if count > 0 && segment.field(count).raw().is_empty() {
            copy.keep_empty(count);
        }
        copy
    }

    /// The bytes of the message.
    pub fn encode(&self) -> Result<Vec<u8>, BuildError> {
        let mut out = Vec::with_capacity(self.segments.len() * 128);
        for segment in &self.segments {
            segment.write(self.unencodable, &mut out)?;
            out.push(b'\r');
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn check(charset: Charset, expect: &[u8], build: impl FnOnce(&mut SegmentBuilder)) {
        let mut message = MessageBuilder::new(charset);
        build(message.segment("ZZZ"));
        let made = message.encode().unwrap();
        let segment = made.strip_prefix(b"MSH|^~\\&\r").unwrap();
        assert_eq!(String::from_utf8_lossy(segment), String::from_utf8_lossy(expect));
        assert_eq!(segment, expect);
    }

    #[test]
    fn values_land_in_their_places() {
        let utf8 = Charset::Utf8;
        check(utf8, b"ZZZ\r", |_| {});
        check(utf8, b"ZZZ|1||a^^c~d\r", |s| {
            s.set(1, "1").field(3, &["a", "", "c"]).repeat(3, &["d"]);
        });
        check(utf8, b"ZZZ||\"\"|^\"\"|x\r", |s| {
            s.null(2)
                .field(3, &[Value::Absent, Value::Null])
                .set(4, Some("x"))
                .set(5, None::<&str>);
        });
        check(utf8, b"ZZZ|~^^&deep|z\r", |s| {
            s.set(2, "z").put(1, 2, 3, 2, "deep");
        });
        check(utf8, b"ZZZ|new\r", |s| {
            s.field(1, &["old", "older"]).set(1, "new").set(2, "gone").set(2, "");
        });
        check(utf8, b"ZZZ|b^c\r", |s| {
            s.put(1, 1, 2, 1, "c").put(1, 1, 1, 1, "a").put(1, 1, 1, 1, "b");
        });
        check(utf8, b"ZZZ|A\\T\\E \\F\\ \\.br\\x\r", |s| {
            s.set(1, "A&E | \nx");
        });
        check(Charset::Windows1252, b"ZZZ|\x80\r", |s| {
            s.set(1, "€");
        });
    }

    #[test]
    fn mistakes_are_given_when_the_message_is_made() {
        let check = |expect: BuildError, build: fn(&mut MessageBuilder)| {
            let mut message = MessageBuilder::new(Charset::Latin1);
            build(&mut message);
            assert_eq!(message.encode(), Err(expect));
        };
        let place = |segment: &str, field| BuildError::BadPlace { segment: segment.into(), field };
        check(BuildError::BadSegmentName("pid".into()), |m| {
            m.segment("pid");
        });
        check(BuildError::BadSegmentName("MSH".into()), |m| {
            m.segment("MSH");
        });
        check(place("PID", 0), |m| {
            m.segment("PID").set(0, "x");
        });
        check(place("PID", 1001), |m| {
            m.segment("PID").set(1001, "x");
        });
        check(place("MSH", 2), |m| {
            m.header().set(2, "x");
        });
        check(BuildError::Unencodable { segment: "PID".into(), field: 5 }, |m| {
            m.segment("PID").set(5, "Łucja");
        });
        check(BuildError::NoEscape { segment: "PID".into(), field: 5 }, |m| {
            let delimiters = Delimiters { escape: None, ..Delimiters::STANDARD };
            *m = MessageBuilder::with(delimiters, Charset::Utf8);
            m.segment("PID").set(5, "a^b");
        });
        let mut message = MessageBuilder::new(Charset::Latin1);
        message.unencodable(Unencodable::QuestionMark).segment("PID").set(5, "Łucja é");
        assert!(message.encode().unwrap().ends_with(b"PID|||||?ucja \xE9\r"));
    }

    #[test]
    fn a_header_is_filled_in() {
        let time = "2026-07-01T12:00:00+01:00[Europe/London]".parse().unwrap();
        let spec = HeaderSpec {
            sending_application: "INTERLOCK",
            sending_facility: "RXX",
            receiving_application: "CAB",
            receiving_facility: "",
            time: &time,
            message_type: ["RDE", "O11", "RDE_O11"],
            control_id: "7",
            processing_id: "P",
            version: "2.5.1",
        };
        let mut message = MessageBuilder::message(Charset::Utf8, &spec);
        message.declare_charset();
        let expect = "MSH|^~\\&|INTERLOCK|RXX|CAB||20260701120000+0100||RDE^O11^RDE_O11|7|P|2.5.1\
            ||||||UNICODE UTF-8\r";
        assert_eq!(String::from_utf8(message.encode().unwrap()).unwrap(), expect);
    }

    #[test]
    fn received_parts_are_copied() {
        let input = b"MSH|^~\\&|A|||||||||||||||8859/1\rZZZ|a^\xE9\\Z1\\~\"\"||x\\F\\y|\r";
        let (received, _) = parse(input).unwrap();
        let segment = received.segment("ZZZ").unwrap();
        let mut same = MessageBuilder::with(received.delimiters(), received.charset());
        same.copy(&segment);
        assert!(same.encode().unwrap().ends_with(b"\rZZZ|a^\xE9\\Z1\\~\"\"||x\\F\\y|\r"));
        let delimiters = Delimiters { field: b'#', component: b'*', ..Delimiters::STANDARD };
        let mut other = MessageBuilder::with(delimiters, Charset::Utf8);
        other.copy(&segment).set(2, "new");
        let made = String::from_utf8(other.encode().unwrap()).unwrap();
        assert!(made.ends_with("\rZZZ#a*é\\E\\Z1\\E\\~\"\"#new#x|y#\r"), "{made}");
    }
}
