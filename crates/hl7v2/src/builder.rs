//! Building messages to send.

use jiff::Zoned;

use crate::escape::Context;
use crate::time::{self, Precision};
use crate::{Charset, Delimiters, Field, Presence, Segment};

/// The largest number of a field, repetition, component or subcomponent that is built.
const MOST: usize = 1_000;

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
        if text.is_empty() {
            Self::Absent
        } else {
            Self::Text(text)
        }
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

/// One segment being built.
#[derive(Debug, Clone)]
pub struct SegmentBuilder {
    name: String,
    context: Context,
    is_header: bool,
    leaves: Vec<(Place, Leaf)>,
    mistake: Option<BuildError>,
}

/// Field, repetition, component, subcomponent: numbers from 1, compared in that order.
type Place = [u16; 4];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Leaf {
    Null,
    Text(String),
    Raw(Vec<u8>),
}

impl MessageBuilder {
    /// A message with the standard separators.
    pub fn new(charset: Charset) -> Self {
        Self::with(Delimiters::STANDARD, charset)
    }

    /// A message with these separators, as for an answer in the peer's own.
    pub fn with(delimiters: Delimiters, charset: Charset) -> Self {
        let context = Context {
            delimiters,
            charset,
            verbatim: false,
        };
        let header = SegmentBuilder::new("MSH", context, true);
        Self {
            context,
            unencodable: Unencodable::default(),
            segments: vec![header],
        }
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
        self.segments
            .push(SegmentBuilder::new(name, self.context, false));
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
            copy.put_leaf([count, 1, 1, 1], Some(Leaf::Raw(Vec::new())));
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

impl SegmentBuilder {
    fn new(name: &str, context: Context, is_header: bool) -> Self {
        let later = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let valid = matches!(name.as_bytes(), [a, b, c]
            if a.is_ascii_uppercase() && later(b) && later(c))
            && (is_header || name != "MSH");
        let mistake = (!valid).then(|| BuildError::BadSegmentName(name.to_owned()));
        Self {
            name: name.to_owned(),
            context,
            is_header,
            leaves: Vec::new(),
            mistake,
        }
    }

    /// Sets a field to one value, in place of what it had.
    pub fn set<'v>(&mut self, field: usize, value: impl Into<Value<'v>>) -> &mut Self {
        self.clear(field);
        self.put(field, 1, 1, 1, value)
    }

    /// Sets a field to components, in place of what it had.
    pub fn field<'v, V>(&mut self, field: usize, components: &[V]) -> &mut Self
    where
        V: Into<Value<'v>> + Copy,
    {
        self.clear(field);
        self.components(field, 1, components)
    }

    /// Adds a repetition of components after those that the field has.
    pub fn repeat<'v, V>(&mut self, field: usize, components: &[V]) -> &mut Self
    where
        V: Into<Value<'v>> + Copy,
    {
        let of_field = |place: &Place| usize::from(place[0]) == field;
        let places = self.leaves.iter().map(|(place, _)| place);
        let last = places
            .filter(|place| of_field(place))
            .map(|place| usize::from(place[1]))
            .max();
        self.components(field, last.unwrap_or(0) + 1, components)
    }

    /// Writes the components of one repetition.
    pub fn components<'v, V>(
        &mut self,
        field: usize,
        repetition: usize,
        components: &[V],
    ) -> &mut Self
    where
        V: Into<Value<'v>> + Copy,
    {
        for (&value, component) in components.iter().zip(1..) {
            self.put(field, repetition, component, 1, value);
        }
        self
    }

    /// Writes one subcomponent, in place of what stands there.
    pub fn put<'v>(
        &mut self,
        field: usize,
        repetition: usize,
        component: usize,
        subcomponent: usize,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let leaf = match value.into() {
            Value::Absent => None,
            Value::Null => Some(Leaf::Null),
            Value::Text(text) => Some(Leaf::Text(text.to_owned())),
        };
        self.put_leaf([field, repetition, component, subcomponent], leaf)
    }

    /// Sets a field to `""`: the receiver shall delete what it has.
    pub fn null(&mut self, field: usize) -> &mut Self {
        self.set(field, Value::Null)
    }

    /// Copies a received field, in place of what this one had. With the same separators and
    /// character set its bytes are copied; otherwise, or where control characters stand in it,
    /// each part is decoded and written anew.
    pub fn copy(&mut self, field: usize, from: &Field<'_>) -> &mut Self {
        self.clear(field);
        if from.raw().is_empty() {
            return self;
        }
        let plain = !from.raw().iter().any(|&byte| byte < b' ' && byte != b'\t');
        if plain && from.context == self.context {
            return self.put_leaf([field, 1, 1, 1], Some(Leaf::Raw(from.raw().to_vec())));
        }
        for (repetition, r) in from.repetitions().zip(1..) {
            for (component, c) in repetition.components().zip(1..) {
                for (part, s) in component.subcomponents().zip(1..) {
                    let value = part.value();
                    let value = match &value {
                        Presence::Absent => Value::Absent,
                        Presence::Null => Value::Null,
                        Presence::Value(text) => Value::Text(text),
                    };
                    self.put(field, r, c, s, value);
                }
            }
        }
        self
    }

    fn clear(&mut self, field: usize) {
        self.leaves
            .retain(|(place, _)| usize::from(place[0]) != field);
    }

    fn put_leaf(&mut self, numbers: [usize; 4], leaf: Option<Leaf>) -> &mut Self {
        let in_range = numbers.iter().all(|number| (1..=MOST).contains(number));
        let own = self.is_header && numbers[0] <= 2;
        if !in_range || own {
            let bad = BuildError::BadPlace {
                segment: self.name.clone(),
                field: numbers[0],
            };
            self.mistake.get_or_insert(bad);
            return self;
        }
        let place = numbers.map(|number| u16::try_from(number).expect("MOST fits sixteen bits"));
        // Fields mostly come in order, so the search ends at once.
        let at = self.leaves.iter().rposition(|(other, _)| *other <= place);
        let same = at.filter(|&at| self.leaves[at].0 == place);
        match (same, leaf) {
            (Some(at), Some(leaf)) => self.leaves[at].1 = leaf,
            (Some(at), None) => drop(self.leaves.remove(at)),
            (None, Some(leaf)) => self.leaves.insert(at.map_or(0, |at| at + 1), (place, leaf)),
            (None, None) => {}
        }
        self
    }

    fn write(&self, unencodable: Unencodable, out: &mut Vec<u8>) -> Result<(), BuildError> {
        if let Some(mistake) = &self.mistake {
            return Err(mistake.clone());
        }
        let delimiters = &self.context.delimiters;
        out.extend_from_slice(self.name.as_bytes());
        // The field that the next separator closes: before the first field it is number 0.
        let mut last: Place = [0, 1, 1, 1];
        if self.is_header {
            out.push(delimiters.field);
            out.extend_from_slice(&delimiters.encoding_characters());
            last = [2, 1, 1, 1];
        }
        let subcomponent = delimiters.subcomponent.unwrap_or(b'&');
        let marks = [
            delimiters.field,
            delimiters.repetition,
            delimiters.component,
            subcomponent,
        ];
        for (place, leaf) in &self.leaves {
            let from = place
                .iter()
                .zip(&last)
                .position(|(new, old)| new != old)
                .unwrap_or(3);
            for level in from..4 {
                let before = if level == from { last[level] } else { 1 };
                for _ in before..place[level] {
                    out.push(marks[level]);
                }
            }
            last = *place;
            match leaf {
                Leaf::Null => out.extend_from_slice(b"\"\""),
                Leaf::Raw(raw) => out.extend_from_slice(raw),
                Leaf::Text(text) => self.write_text(text, *place, unencodable, out)?,
            }
        }
        Ok(())
    }

    fn write_text(
        &self,
        text: &str,
        place: Place,
        unencodable: Unencodable,
        out: &mut Vec<u8>,
    ) -> Result<(), BuildError> {
        let (segment, field) = (&self.name, usize::from(place[0]));
        let replace = unencodable == Unencodable::QuestionMark;
        let escaped = match self.context.escape(text) {
            Some(escaped) => escaped,
            None if replace => {
                let separates = |c: char| u8::try_from(c).is_ok_and(|b| self.must_escape(b));
                text.replace(separates, "?").into()
            }
            None => {
                return Err(BuildError::NoEscape {
                    segment: segment.clone(),
                    field,
                });
            }
        };
        self.context.charset.encode_into(&escaped, out, |out| {
            if !replace {
                return Err(BuildError::Unencodable {
                    segment: segment.clone(),
                    field,
                });
            }
            out.push(b'?');
            Ok(())
        })
    }

    fn must_escape(&self, byte: u8) -> bool {
        self.context.delimiters.separates(byte) || byte.is_ascii_control()
    }
}
