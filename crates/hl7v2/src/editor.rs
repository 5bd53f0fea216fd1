//! Changing a received message: each part that is not touched keeps its bytes.

use std::fmt;

use memchr::{memchr, memchr_iter};

use crate::escape::Context;
use crate::segment::has_name;
use crate::{Charset, Delimiters, Field, Message, Segment, Value};

/// The largest number of a field, repetition, component or subcomponent that is written.
const MOST: usize = 1_000;

/// The longest that a message may become by being changed, in bytes.
const MAX_EDITED_BYTES: usize = 16 * 1024 * 1024;

/// The most segments that a message may come to have by being changed.
const MAX_EDITED_SEGMENTS: usize = 10_000;

/// How much of a segment is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// A field with all its repetitions.
    Field,
    /// One repetition of a field.
    Repetition,
    /// One component.
    Component,
    /// One subcomponent.
    Subcomponent,
}

/// A part of a segment: field, repetition, component and subcomponent, each from 1, and how far
/// down of these is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// Field, repetition, component, subcomponent.
    pub numbers: [usize; 4],
    /// How far down the numbers count.
    pub level: Level,
}

/// Why a message cannot be changed so. Places only, no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// There is no segment at that place.
    #[error("there is no such segment")]
    NoSegment,
    /// A segment name is not a letter and two letters or digits, all upper case, or is `MSH`.
    #[error("{0:?} is not the name of a segment that can be added")]
    BadSegmentName(String),
    /// The header can be changed and not taken away.
    #[error("MSH cannot be removed")]
    Header,
    /// A number is 0 or more than 1,000, or it is MSH-1 or MSH-2.
    #[error("field {0} or a part of it cannot be set")]
    BadPlace(usize),
    /// A character is not in the character set of the message.
    #[error("field {0} would hold a character that the message's character set lacks")]
    Unencodable(usize),
    /// A separator in a text must be escaped, and the message has no escape character.
    #[error("field {0} must be escaped and there is no escape character")]
    NoEscape(usize),
    /// The message would become longer than 16 MiB or have more than 10,000 segments.
    #[error("the message becomes too long")]
    TooLong,
}

/// A message that is being changed. Segments are counted from 0, the header first.
#[derive(Clone, PartialEq, Eq)]
pub struct Editor {
    context: Context,
    segments: Vec<Vec<u8>>,
    bytes: usize,
}

/// Shows sizes and no content, since that may be a patient's and reach a log.
impl fmt::Debug for Editor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Editor({} segments, {} bytes)", self.segments.len(), self.bytes)
    }
}

impl Editor {
    /// A copy of a message, to be changed.
    pub fn new(message: &Message<'_>) -> Self {
        let segments: Vec<Vec<u8>> = message.iter().map(|segment| segment.raw().to_vec()).collect();
        let bytes = segments.iter().map(|segment| segment.len() + 1).sum();
        Editor { context: message.context, segments, bytes }
    }

    /// The separators.
    pub fn delimiters(&self) -> Delimiters {
        self.context.delimiters
    }

    /// The character set.
    pub fn charset(&self) -> Charset {
        self.context.charset
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// A segment by its place in the message, from 0.
    pub fn segment(&self, index: usize) -> Option<Segment<'_>> {
        let raw = self.segments.get(index)?;
        Some(Segment { raw, context: self.context, index })
    }

    /// The places of the segments of a name, in order.
    pub fn places<'e>(&'e self, name: &'e str) -> impl Iterator<Item = usize> + 'e {
        let separator = self.context.delimiters.field;
        let named =
            move |index: &usize| has_name(&self.segments[*index], separator, name.as_bytes());
        (0..self.segments.len()).filter(named)
    }

    /// The bytes of a part as they stand in the message; empty where there is none.
    pub fn raw(&self, index: usize, part: Part) -> &[u8] {
        let Some(segment) = self.segment(index) else { return &[] };
        let field = segment.field(part.numbers[0]);
        if part.level == Level::Field {
            return field.raw();
        }
        let repetition = field.repetition(part.numbers[1]);
        if part.level == Level::Repetition {
            return repetition.raw();
        }
        let component = repetition.component(part.numbers[2]);
        if part.level == Level::Component {
            return component.raw();
        }
        component.subcomponent(part.numbers[3]).raw()
    }

    /// The text of a part: of its first value, where it has several. Empty where absent or null.
    pub fn text(&self, index: usize, part: Part) -> String {
        let field = self.field(index, part.numbers[0]);
        let [_, repetition, component, subcomponent] = part.first();
        let value = field.repetition(repetition).component(component);
        value.subcomponent(subcomponent).text().into_owned()
    }

    fn field(&self, index: usize, number: usize) -> Field<'_> {
        let nothing = Segment { raw: &[], context: self.context, index: 0 };
        self.segment(index).unwrap_or(nothing).field(number)
    }

    /// How many repetitions a field has; none where it is empty.
    pub fn repetitions(&self, index: usize, field: usize) -> usize {
        let field = self.field(index, field);
        if field.is_absent() { 0 } else { field.repetitions().count() }
    }

    /// Writes a value in place of a part. Text is escaped as needed.
    pub fn set<'v>(
        &mut self,
        index: usize,
        part: Part,
        value: impl Into<Value<'v>>,
    ) -> Result<(), EditError> {
        let mut bytes = Vec::new();
        match value.into() {
            Value::Absent => {}
            Value::Null => bytes.extend_from_slice(b"\"\""),
            Value::Text(text) => {
                let field = part.numbers[0];
                let escaped = self.context.escape(text).ok_or(EditError::NoEscape(field))?;
                let lacks = |_: &mut Vec<u8>| Err(EditError::Unencodable(field));
                self.context.charset.encode_into(&escaped, &mut bytes, lacks)?;
            }
        }
        self.put_raw(index, part, &bytes)
    }

    /// Writes bytes of this message, which are escaped already, in place of a part.
    pub fn put_raw(&mut self, index: usize, part: Part, bytes: &[u8]) -> Result<(), EditError> {
        let numbers = part.first();
        let delimiters = self.context.delimiters;
        let segment = self.segments.get(index).ok_or(EditError::NoSegment)?;
        let header = index == 0;
        let in_range = numbers.iter().all(|number| (1..=MOST).contains(number));
        let no_mark = part.level == Level::Subcomponent && delimiters.subcomponent.is_none();
        if !in_range || (header && numbers[0] <= 2) || (no_mark && numbers[3] > 1) {
            return Err(EditError::BadPlace(numbers[0]));
        }
        // The first part is the name; in the header the separator itself counts as field 1.
        let field = if header { numbers[0] } else { numbers[0] + 1 };
        let steps = [
            (delimiters.field, field),
            (delimiters.repetition, numbers[1]),
            (delimiters.component, numbers[2]),
            (delimiters.subcomponent.unwrap_or(b'&'), numbers[3]),
        ];
        let depth = part.level as usize + 1;
        let changed = splice(segment, &steps[..depth], bytes);
        let total = self.bytes - segment.len() + changed.len();
        if total > MAX_EDITED_BYTES {
            return Err(EditError::TooLong);
        }
        self.bytes = total;
        self.segments[index] = changed;
        Ok(())
    }

    /// Puts a new, empty segment at a place, at the end where the message is not that long, and
    /// returns where it stands. Nothing can stand before the header.
    pub fn insert(&mut self, index: usize, name: &str) -> Result<usize, EditError> {
        let later = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let valid = matches!(name.as_bytes(), [a, b, c]
            if a.is_ascii_uppercase() && later(b) && later(c));
        if !valid || name == "MSH" {
            return Err(EditError::BadSegmentName(name.to_owned()));
        }
        if self.segments.len() >= MAX_EDITED_SEGMENTS || self.bytes + 4 > MAX_EDITED_BYTES {
            return Err(EditError::TooLong);
        }
        let at = index.clamp(1, self.segments.len());
        self.bytes += name.len() + 1;
        self.segments.insert(at, name.as_bytes().to_vec());
        Ok(at)
    }

    /// Takes a segment away.
    pub fn remove(&mut self, index: usize) -> Result<(), EditError> {
        if index == 0 {
            return Err(EditError::Header);
        }
        if index >= self.segments.len() {
            return Err(EditError::NoSegment);
        }
        let removed = self.segments.remove(index);
        self.bytes -= removed.len() + 1;
        Ok(())
    }

    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes);
        for segment in &self.segments {
            out.extend_from_slice(segment);
            out.push(b'\r');
        }
        out
    }
}

impl Part {
    /// The numbers, with 1 for those below the level.
    fn first(self) -> [usize; 4] {
        let mut numbers = self.numbers;
        for number in &mut numbers[self.level as usize + 1..] {
            *number = 1;
        }
        numbers
    }
}

/// The bytes with one part of them replaced: each step has its separator and the number of the
/// part to go into.
fn splice(whole: &[u8], steps: &[(u8, usize)], value: &[u8]) -> Vec<u8> {
    let Some(((mark, number), deeper)) = steps.split_first() else {
        return value.to_vec();
    };
    // A deletion has no parts; one that gets a part is no deletion any more.
    let whole = if whole == b"\"\"" { &[] } else { whole };
    let marks = memchr_iter(*mark, whole).take(number - 1);
    let (passed, start) = marks.fold((1, 0), |(passed, _), at| (passed + 1, at + 1));
    let mut out = Vec::with_capacity(whole.len() + value.len() + 8);
    if passed < *number {
        out.extend_from_slice(whole);
        out.extend(std::iter::repeat_n(*mark, number - passed));
        out.extend(splice(&[], deeper, value));
        return out;
    }
    let end = memchr(*mark, &whole[start..]).map_or(whole.len(), |at| start + at);
    out.extend_from_slice(&whole[..start]);
    out.extend(splice(&whole[start..end], deeper, value));
    out.extend_from_slice(&whole[end..]);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{parse, parse_as};

    const MESSAGE: &[u8] = b"MSH|^~\\&|A|B|||||ADT^A01|1|P|2.3\rPID|1||x^y~z|\"\"\rZZZ\r";

    fn editor() -> Editor {
        Editor::new(&parse(MESSAGE).unwrap().0)
    }

    fn part(field: usize, more: &[usize]) -> Part {
        let mut numbers = [field, 1, 1, 1];
        numbers[1..=more.len()].copy_from_slice(more);
        let levels = [Level::Field, Level::Repetition, Level::Component, Level::Subcomponent];
        Part { numbers, level: levels[more.len()] }
    }

    fn check(index: usize, part: Part, value: &str, expect: &str) {
        let mut editor = editor();
        editor.set(index, part, value).unwrap();
        let bytes = editor.encode();
        assert_eq!(editor.bytes, bytes.len());
        let line = bytes.split(|byte| *byte == b'\r').nth(index).unwrap();
        assert_eq!(String::from_utf8_lossy(line), expect);
    }

    #[test]
    fn a_message_that_is_not_changed_comes_back() {
        assert_eq!(editor().encode(), MESSAGE);
    }

    #[test]
    fn parts_are_replaced_and_made() {
        check(1, part(1, &[]), "9", "PID|9||x^y~z|\"\"");
        check(1, part(3, &[]), "w", "PID|1||w|\"\"");
        check(1, part(3, &[1]), "w", "PID|1||w~z|\"\"");
        check(1, part(3, &[2, 3]), "w", "PID|1||x^y~z^^w|\"\"");
        check(1, part(3, &[1, 2, 2]), "w", "PID|1||x^y&w~z|\"\"");
        check(1, part(4, &[1, 2]), "w", "PID|1||x^y~z|^w");
        check(1, part(6, &[]), "a|b", "PID|1||x^y~z|\"\"||a\\F\\b");
        check(1, part(3, &[]), "", "PID|1|||\"\"");
        check(2, part(2, &[]), "w", "ZZZ||w");
        check(0, part(9, &[1, 2]), "A08", "MSH|^~\\&|A|B|||||ADT^A08|1|P|2.3");
        check(0, part(13, &[]), "w", "MSH|^~\\&|A|B|||||ADT^A01|1|P|2.3|w");
    }

    #[test]
    fn parts_are_read() {
        let editor = editor();
        let check = |part: Part, raw: &str, text: &str| {
            assert_eq!(String::from_utf8_lossy(editor.raw(1, part)), raw);
            assert_eq!(editor.text(1, part), text);
        };
        check(part(3, &[]), "x^y~z", "x");
        check(part(3, &[2]), "z", "z");
        check(part(3, &[1, 2]), "y", "y");
        check(part(4, &[]), "\"\"", "");
        check(part(9, &[3, 2, 2]), "", "");
        assert_eq!(editor.repetitions(1, 3), 2);
        assert_eq!(editor.repetitions(1, 2), 0);
        assert_eq!(editor.raw(9, part(1, &[])), b"");
    }

    #[test]
    fn segments_come_and_go() {
        let mut editor = editor();
        assert_eq!(editor.insert(2, "NTE"), Ok(2));
        assert_eq!(editor.insert(99, "NTE"), Ok(4));
        assert_eq!(editor.insert(0, "EVN"), Ok(1));
        assert_eq!(editor.places("NTE").collect::<Vec<_>>(), [3, 5]);
        editor.remove(2).unwrap();
        let made = editor.encode();
        assert!(made.ends_with(b"2.3\rEVN\rNTE\rZZZ\rNTE\r"), "{editor:?}");
        assert_eq!(editor.bytes, made.len());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let mut editor = editor();
        assert_eq!(editor.remove(0), Err(EditError::Header));
        assert_eq!(editor.remove(7), Err(EditError::NoSegment));
        assert_eq!(editor.insert(1, "MSH"), Err(EditError::BadSegmentName("MSH".into())));
        assert_eq!(editor.insert(1, "nte"), Err(EditError::BadSegmentName("nte".into())));
        assert_eq!(editor.set(0, part(2, &[]), "x"), Err(EditError::BadPlace(2)));
        assert_eq!(editor.set(1, part(0, &[]), "x"), Err(EditError::BadPlace(0)));
        assert_eq!(editor.set(1, part(1_001, &[]), "x"), Err(EditError::BadPlace(1_001)));
        assert_eq!(editor.set(7, part(1, &[]), "x"), Err(EditError::NoSegment));
        let long = "x".repeat(MAX_EDITED_BYTES);
        assert_eq!(editor.set(1, part(1, &[]), long.as_str()), Err(EditError::TooLong));
        assert_eq!(editor.encode(), MESSAGE);
        let charset = crate::CharsetChoice::Always(Charset::Windows1252);
        let mut western = Editor::new(&parse_as(MESSAGE, charset).unwrap().0);
        assert_eq!(western.set(1, part(5, &[]), "Łucja"), Err(EditError::Unencodable(5)));
        western.set(1, part(5, &[]), "Zoë €").unwrap();
        assert!(western.encode().ends_with(b"|Zo\xEB \x80\rZZZ\r"));
    }

    proptest! {
        /// What is written anywhere is read there again, and what stands elsewhere is not touched.
        #[test]
        fn what_is_set_is_read(
            field in 3_usize..12, repetition in 1_usize..4, component in 1_usize..5,
            subcomponent in 1_usize..3, text in "[a-z|^~&\\\\é]{1,12}",
        ) {
            let mut editor = editor();
            let place = part(field, &[repetition, component, subcomponent]);
            editor.set(1, place, text.as_str()).unwrap();
            let bytes = editor.encode();
            let (message, issues) = parse(&bytes).unwrap();
            prop_assert!(issues.is_empty());
            let pid = message.segment("PID").unwrap();
            let value = pid.field(field).repetition(repetition).component(component);
            prop_assert_eq!(value.subcomponent(subcomponent).text(), text);
            prop_assert_eq!(pid.text(1, 1), "1");
            prop_assert_eq!(message.segment("ZZZ").unwrap().raw(), b"ZZZ");
        }
    }
}
