//! Building one segment.

use std::fmt;

use super::{BuildError, Unencodable, Value};
use crate::escape::Context;
use crate::{Field, Presence};

/// The largest number of a field, repetition, component or subcomponent that is built.
const MOST: usize = 1_000;

/// One segment being built.
#[derive(Clone)]
pub struct SegmentBuilder {
    name: String,
    context: Context,
    is_header: bool,
    leaves: Vec<(Place, Leaf)>,
    mistake: Option<BuildError>,
}

/// Field, repetition, component, subcomponent: numbers from 1, compared in that order.
type Place = [u16; 4];

#[derive(Clone, PartialEq, Eq)]
enum Leaf {
    Null,
    Text(String),
    Raw(Vec<u8>),
}

/// Shows the name and no content, since that may be a patient's and reach a log.
impl fmt::Debug for SegmentBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SegmentBuilder({}, {} values)", self.name, self.leaves.len())
    }
}

impl SegmentBuilder {
    pub(super) fn new(name: &str, context: Context, is_header: bool) -> Self {
        let later = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let valid = matches!(name.as_bytes(), [a, b, c]
            if a.is_ascii_uppercase() && later(b) && later(c))
            && (is_header || name != "MSH");
        let mistake = (!valid).then(|| BuildError::BadSegmentName(name.to_owned()));
        Self { name: name.to_owned(), context, is_header, leaves: Vec::new(), mistake }
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
        let last = places.filter(|place| of_field(place)).map(|place| usize::from(place[1])).max();
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

    /// Writes the separators up to an empty field, which otherwise are left out at the end.
    pub(super) fn keep_empty(&mut self, field: usize) {
        self.put_leaf([field, 1, 1, 1], Some(Leaf::Raw(Vec::new())));
    }

    fn clear(&mut self, field: usize) {
        self.leaves.retain(|(place, _)| usize::from(place[0]) != field);
    }

    fn put_leaf(&mut self, numbers: [usize; 4], leaf: Option<Leaf>) -> &mut Self {
        let in_range = numbers.iter().all(|number| (1..=MOST).contains(number));
        let own = self.is_header && numbers[0] <= 2;
        if !in_range || own {
            let bad = BuildError::BadPlace { segment: self.name.clone(), field: numbers[0] };
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

    pub(super) fn write(
        &self,
        unencodable: Unencodable,
        out: &mut Vec<u8>,
    ) -> Result<(), BuildError> {
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
        let marks = [delimiters.field, delimiters.repetition, delimiters.component, subcomponent];
        for (place, leaf) in &self.leaves {
            let from = place.iter().zip(&last).position(|(new, old)| new != old).unwrap_or(3);
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
                return Err(BuildError::NoEscape { segment: segment.clone(), field });
            }
        };
        self.context.charset.encode_into(&escaped, out, |out| {
            if !replace {
                return Err(BuildError::Unencodable { segment: segment.clone(), field });
            }
            out.push(b'?');
            Ok(())
        })
    }

    fn must_escape(&self, byte: u8) -> bool {
        self.context.delimiters.separates(byte) || byte.is_ascii_control()
    }
}
