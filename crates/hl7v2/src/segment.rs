//! One segment.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

use crate::escape::Context;
use crate::value::{Field, part};
use crate::{Charset, Delimiters, Presence};

/// One segment: a view of its bytes, without its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Segment<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) context: Context,
    pub(crate) index: usize,
}

/// Shows the name and the length and no content, since that may reach a log.
impl fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Some(self.name()).filter(|name| name.len() == 3).unwrap_or("?");
        write!(f, "Segment({name}, {} bytes)", self.raw.len())
    }
}

impl<'a> Segment<'a> {
    /// The bytes as they were sent, without the segment end.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The name, as `PID`: what stands before the first field separator. Empty where that is
    /// not ASCII (see [`Segment::name_bytes`]).
    pub fn name(&self) -> &'a str {
        let name = self.name_bytes();
        str::from_utf8(name).ok().filter(|name| name.is_ascii()).unwrap_or("")
    }

    /// The bytes before the first field separator, which for an odd line may be all of it.
    pub fn name_bytes(&self) -> &'a [u8] {
        let end = memchr(self.context.delimiters.field, self.raw).unwrap_or(self.raw.len());
        &self.raw[..end]
    }

    /// True where the segment has this name.
    pub fn is(&self, name: &str) -> bool {
        has_name(self.raw, self.context.delimiters.field, name.as_bytes())
    }

    /// The place of the segment in the message, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The separators of the message.
    pub fn delimiters(&self) -> Delimiters {
        self.context.delimiters
    }

    /// The character set of the message.
    pub fn charset(&self) -> Charset {
        self.context.charset
    }

    /// A field by its number. In `MSH` field 1 is the separator itself and field 2 the encoding
    /// characters; neither is split or unescaped. Number 0 and numbers past the end are empty.
    pub fn field(&self, number: usize) -> Field<'a> {
        let separator = self.context.delimiters.field;
        let verbatim = self.is_header() && (number == 1 || number == 2);
        let raw = match (self.is_header(), number) {
            (_, 0) => &[],
            (true, 1) => self.raw.get(3..4).unwrap_or(&[]),
            (true, _) => part(self.raw, Some(separator), number),
            (false, _) => part(self.raw, Some(separator), number + 1),
        };
        Field { raw, context: Context { verbatim, ..self.context } }
    }

    /// How many fields were sent, empty ones included.
    pub fn field_count(&self) -> usize {
        let separators = memchr::memchr_iter(self.context.delimiters.field, self.raw).count();
        separators + usize::from(self.is_header())
    }

    /// The fields in order, from number 1.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let segment = *self;
        let mut rest = match self.raw.get(self.name_bytes().len() + 1..) {
            Some(rest) if segment.field_count() > 0 => Some(rest),
            _ => None,
        };
        let mut number = 0;
        std::iter::from_fn(move || {
            number += 1;
            if segment.is_header() && number == 1 {
                return Some(segment.field(1));
            }
            let all = rest?;
            let end = memchr(segment.context.delimiters.field, all);
            rest = end.map(|at| &all[at + 1..]);
            let verbatim = segment.is_header() && number == 2;
            let raw = &all[..end.unwrap_or(all.len())];
            Some(Field { raw, context: Context { verbatim, ..segment.context } })
        })
    }

    /// The text of a component of a field's first repetition; empty where absent or null.
    pub fn text(&self, field: usize, component: usize) -> Cow<'a, str> {
        self.field(field).component(component).text()
    }

    /// The text of a component of a field's first repetition, or that it is absent or null.
    pub fn value(&self, field: usize, component: usize) -> Presence<Cow<'a, str>> {
        self.field(field).component(component).value()
    }

    fn is_header(&self) -> bool {
        self.raw.starts_with(b"MSH") && self.raw.get(3) == Some(&self.context.delimiters.field)
    }
}

/// Whether a segment's bytes begin with the name and a field separator, or are the name alone.
pub(crate) fn has_name(raw: &[u8], separator: u8, name: &[u8]) -> bool {
    match raw.strip_prefix(name) {
        Some(rest) => !name.is_empty() && rest.first().is_none_or(|&byte| byte == separator),
        None => false,
    }
}
