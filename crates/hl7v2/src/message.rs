//! A message and its groups of segments.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::escape::Context;
use crate::segment::has_name;
use crate::{Charset, Delimiters, Field, Header, Path, Presence, Segment};

/// The place of one segment in the input, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// A parsed message: the bytes it came in and the places of its segments. Values are found and
/// decoded when they are asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Message<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) spans: Vec<Span>,
    pub(crate) context: Context,
}

/// A run of segments of a message, as one order of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group<'m, 'a> {
    message: &'m Message<'a>,
    start: usize,
    end: usize,
}

/// Shows sizes and no content, since that may be a patient's and reach a log.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} segments, {} bytes)", self.spans.len(), self.bytes.len())
    }
}

impl<'a> Message<'a> {
    /// The input as it came.
    pub fn raw(&self) -> &'a [u8] {
        self.bytes
    }

    /// What stands before the header in the input: normally nothing.
    pub fn leading(&self) -> &'a [u8] {
        &self.bytes[..self.spans.first().map_or(0, |span| span.start as usize)]
    }

    /// The separators, from MSH-1 and MSH-2.
    pub fn delimiters(&self) -> Delimiters {
        self.context.delimiters
    }

    /// The character set that values are decoded with.
    pub fn charset(&self) -> Charset {
        self.context.charset
    }

    /// The header, by the names of its fields.
    pub fn header(&self) -> Header<'a> {
        Header::new(self.segment_at(0))
    }

    /// All segments as one group.
    pub fn all(&self) -> Group<'_, 'a> {
        Group { message: self, start: 0, end: self.spans.len() }
    }

    /// How many segments there are; at least one.
    pub fn segment_count(&self) -> usize {
        self.spans.len()
    }

    /// The first segment of this name.
    pub fn segment(&self, name: &str) -> Option<Segment<'a>> {
        self.all().segment(name)
    }

    /// The segments of this name, in order.
    pub fn segments<'m>(&'m self, name: &'m str) -> impl Iterator<Item = Segment<'a>> + 'm {
        self.all().segments(name)
    }

    /// Every segment, in order.
    pub fn iter(&self) -> impl Iterator<Item = Segment<'a>> + '_ {
        self.all().iter()
    }

    /// The runs of segments that begin with a segment of this name and end before the next.
    pub fn groups<'m>(&'m self, first: &'m str) -> impl Iterator<Item = Group<'m, 'a>> + 'm {
        self.all().groups(first)
    }

    /// The place of a segment among those of its name, from 1, as ERR-2.2 counts.
    pub fn sequence_of(&self, segment: &Segment<'_>) -> usize {
        let name = segment.name_bytes();
        let end = self.spans.len().min(segment.index + 1);
        let separator = self.context.delimiters.field;
        let same = |span: &&Span| has_name(span.of(self.bytes), separator, name);
        self.spans[..end].iter().filter(same).count()
    }

    /// The field at a path, empty where there is none.
    pub fn field(&self, path: &Path) -> Field<'a> {
        let nothing = Segment { raw: &[], context: self.context, index: 0 };
        let segment = self.segments(path.segment()).nth(path.occurrence() - 1);
        segment.unwrap_or(nothing).field(path.field())
    }

    /// The value at a path.
    pub fn at(&self, path: &Path) -> Presence<Cow<'a, str>> {
        let repetition = self.field(path).repetition(path.repetition());
        repetition.component(path.component()).subcomponent(path.subcomponent()).value()
    }

    /// The value at a path written out, as `PID-3[2].4.1`. For paths in the code: one that
    /// cannot be read is a mistake there, asserted in debug builds and otherwise absent. Paths
    /// from outside go through [`Path::parse`] and [`Message::at`].
    pub fn get(&self, path: &str) -> Presence<Cow<'a, str>> {
        let parsed = Path::parse(path);
        debug_assert!(parsed.is_ok(), "not a path: {path}");
        parsed.map_or(Presence::Absent, |path| self.at(&path))
    }

    /// The message in its proper form: every segment as it was sent, ended by a carriage
    /// return. A well-formed message comes back byte for byte; blank lines, bytes before the
    /// header and foreign line ends do not.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 1);
        for span in &self.spans {
            out.extend_from_slice(span.of(self.bytes));
            out.push(b'\r');
        }
        out
    }

    fn segment_at(&self, index: usize) -> Segment<'a> {
        Segment { raw: self.spans[index].of(self.bytes), context: self.context, index }
    }

    /// The places from `range` on that hold a segment of this name.
    fn places<'m>(&'m self, range: Range<usize>, name: &'m str) -> impl Iterator<Item = usize> {
        let separator = self.context.delimiters.field;
        range.filter(move |&index| {
            has_name(self.spans[index].of(self.bytes), separator, name.as_bytes())
        })
    }
}

impl<'m, 'a> Group<'m, 'a> {
    /// The first segment of this name in the group.
    pub fn segment(&self, name: &str) -> Option<Segment<'a>> {
        let message = self.message;
        let first = message.places(self.start..self.end, name).next();
        first.map(|index| message.segment_at(index))
    }

    /// The segments of this name in the group.
    pub fn segments(&self, name: &'m str) -> impl Iterator<Item = Segment<'a>> + 'm + use<'m, 'a> {
        let message = self.message;
        message.places(self.start..self.end, name).map(|index| message.segment_at(index))
    }

    /// Every segment of the group.
    pub fn iter(&self) -> impl Iterator<Item = Segment<'a>> + 'm + use<'m, 'a> {
        let message = self.message;
        (self.start..self.end).map(|index| message.segment_at(index))
    }

    /// The segments before the first one of this name: what the groups have in common.
    #[must_use]
    pub fn before(&self, first: &str) -> Self {
        let end = self.message.places(self.start..self.end, first).next().unwrap_or(self.end);
        Self { end, ..*self }
    }

    /// The runs of segments that begin with a segment of this name and end before the next.
    pub fn groups(&self, first: &'m str) -> impl Iterator<Item = Self> + 'm + use<'m, 'a> {
        let (message, end) = (self.message, self.end);
        let mut places = message.places(self.start..end, first).peekable();
        std::iter::from_fn(move || {
            let start = places.next()?;
            Some(Self { message, start, end: places.peek().copied().unwrap_or(end) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Group;
    use crate::parse;

    fn names<'a>(group: &Group<'_, 'a>) -> Vec<&'a str> {
        group.iter().map(|segment| segment.name()).collect()
    }

    #[test]
    fn debug_output_holds_no_content() {
        let (message, _) = parse(b"MSH|^~\\&|SECRET\rPID|1||SECRET\rSECRET\r").unwrap();
        let parts: Vec<_> = message.iter().collect();
        let values = (parts[1].field(3), parts[1].field(3).repetition(1).component(1));
        let shown = format!("{message:?} {:?} {parts:?} {values:?}", message.all());
        assert!(shown.contains("Segment(PID, 13 bytes)") && !shown.contains("SECRET"), "{shown}");
    }

    #[test]
    fn orders_are_read_in_groups() {
        let input = b"MSH|^~\\&|A\rPID|1\rORC|1\rTQ1|a\rRXE|x\rTQ1|b\rTQ1|c\rORC|2\rRXE|y\r";
        let (message, _) = parse(input).unwrap();
        assert_eq!(names(&message.all().before("ORC")), ["MSH", "PID"]);
        let orders: Vec<_> = message.groups("ORC").collect();
        assert_eq!(orders.len(), 2);
        assert_eq!(names(&orders[1]), ["ORC", "RXE"]);
        assert_eq!(orders[0].segments("TQ1").count(), 3);
        let ordered: Vec<_> = orders[0].before("RXE").segments("TQ1").collect();
        assert_eq!(ordered[0].text(1, 1), "a");
        let encoded = orders[0].groups("RXE").next().unwrap();
        let timings: Vec<_> = encoded.segments("TQ1").map(|segment| segment.text(1, 1)).collect();
        assert_eq!(timings, ["b", "c"]);
        assert!(orders[1].segment("TQ1").is_none());
        let last = message.segments("TQ1").last().unwrap();
        assert_eq!((last.index(), message.sequence_of(&last)), (6, 3));
    }
}
