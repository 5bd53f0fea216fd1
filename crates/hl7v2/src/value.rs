//! Fields, repetitions, components and subcomponents: views of the message's bytes.
//!
//! Numbers start at 1, as in the standard. What is not there reads as empty, so that a mapper
//! can ask for `seg.field(8).repetition(2).component(4)` without checking each step.

use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr_iter};

use crate::Presence;
use crate::escape::Context;
use crate::time::{Dtm, DtmError};

/// One field, with all its repetitions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    pub(crate) raw: &'a [u8],
    pub(crate) context: Context,
}

/// One repetition of a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Repetition<'a> {
    raw: &'a [u8],
    context: Context,
}

/// One component.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Component<'a> {
    raw: &'a [u8],
    context: Context,
}

/// One subcomponent: the smallest part, a piece of text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Subcomponent<'a> {
    raw: &'a [u8],
    context: Context,
}

/// What the four kinds of value have in common.
macro_rules! common {
    ($($kind:ident),*) => {$(
        /// Shows no content, since it may be a patient's and reach a log.
        impl fmt::Debug for $kind<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($kind), self.raw.len())
            }
        }

        impl<'a> $kind<'a> {
            /// The bytes as they were sent, escapes and separators included.
            pub fn raw(&self) -> &'a [u8] {
                self.raw
            }

            /// True where no content was sent: no bytes, or separators alone.
            pub fn is_absent(&self) -> bool {
                only_separators(self.raw, &self.context)
            }

            /// True where a deletion (`""`) was sent.
            pub fn is_null(&self) -> bool {
                self.raw == b"\"\""
            }

            /// Whether a value, a deletion or nothing was sent, with the bytes of the value.
            pub fn presence(&self) -> Presence<&'a [u8]> {
                match self.raw {
                    b"\"\"" => Presence::Null,
                    _ if self.is_absent() => Presence::Absent,
                    raw => Presence::Value(raw),
                }
            }

            /// All of it as text: escapes are decoded while separators stay in it. This is the
            /// reading for notes and other free text, where a sender may have left an `&` or
            /// `~` unescaped and the words after it must not be lost.
            pub fn free_text(&self) -> Cow<'a, str> {
                match self.presence() {
                    Presence::Value(raw) => self.context.decode(raw),
                    Presence::Absent | Presence::Null => Cow::Borrowed(""),
                }
            }
        }
    )*};
}

common!(Field, Repetition, Component, Subcomponent);

/// The reading of a value's first and smallest part.
macro_rules! first_part {
    ($($kind:ident => $down:ident),*) => {$(
        impl<'a> $kind<'a> {
            /// The text of the first and smallest part, or that it is absent or null.
            pub fn value(&self) -> Presence<Cow<'a, str>> {
                self.$down(1).value()
            }

            /// The text of the first and smallest part; empty where absent or null.
            pub fn text(&self) -> Cow<'a, str> {
                self.value().text()
            }
        }
    )*};
}

first_part!(Field => repetition, Repetition => component, Component => subcomponent);

impl<'a> Field<'a> {
    /// The repetitions, none where the field is empty. Empty ones between `~` are yielded, so
    /// that positions count.
    pub fn repetitions(&self) -> impl Iterator<Item = Repetition<'a>> + use<'a> {
        let context = self.context;
        parts(self.raw, context.repetition()).map(move |raw| Repetition { raw, context })
    }

    /// A repetition by its number from 1.
    pub fn repetition(&self, number: usize) -> Repetition<'a> {
        let context = self.context;
        Repetition { raw: part(self.raw, context.repetition(), number), context }
    }

    /// A component of the first repetition.
    pub fn component(&self, number: usize) -> Component<'a> {
        self.repetition(1).component(number)
    }

    /// The field as a point in time (TS or DTM). An old TS may state its precision in the second
    /// component (Y, L, D, H, M, S), which then limits the first (HL7 2.5.1 §2.A.77.2).
    pub fn time(&self) -> Presence<Result<Dtm, DtmError>> {
        let precision = self.component(2).text();
        self.value().map(|text| Ok(Dtm::parse(&text)?.degraded(&precision)))
    }
}

impl<'a> Repetition<'a> {
    /// The components, none where the repetition is empty.
    pub fn components(&self) -> impl Iterator<Item = Component<'a>> + use<'a> {
        let context = self.context;
        parts(self.raw, context.component()).map(move |raw| Component { raw, context })
    }

    /// A component by its number from 1.
    pub fn component(&self, number: usize) -> Component<'a> {
        let context = self.context;
        Component { raw: part(self.raw, context.component(), number), context }
    }
}

impl<'a> Component<'a> {
    /// The subcomponents, none where the component is empty.
    pub fn subcomponents(&self) -> impl Iterator<Item = Subcomponent<'a>> + use<'a> {
        let context = self.context;
        parts(self.raw, context.subcomponent()).map(move |raw| Subcomponent { raw, context })
    }

    /// A subcomponent by its number from 1.
    pub fn subcomponent(&self, number: usize) -> Subcomponent<'a> {
        let context = self.context;
        Subcomponent { raw: part(self.raw, context.subcomponent(), number), context }
    }
}

impl<'a> Subcomponent<'a> {
    /// The text, or that it is absent or null.
    pub fn value(&self) -> Presence<Cow<'a, str>> {
        self.presence().map(|raw| self.context.decode(raw))
    }

    /// The text; empty where absent or null.
    pub fn text(&self) -> Cow<'a, str> {
        self.value().text()
    }
}

fn only_separators(raw: &[u8], context: &Context) -> bool {
    let delimiters = &context.delimiters;
    let Some(&first) = raw.first() else {
        return true;
    };
    // Most values begin with content, which settles it.
    !context.verbatim && delimiters.separates(first) && raw.iter().all(|&b| delimiters.separates(b))
}

/// The parts between separators; none of an empty value.
fn parts(raw: &[u8], separator: Option<u8>) -> impl Iterator<Item = &[u8]> {
    let mut rest = (!raw.is_empty()).then_some(raw);
    std::iter::from_fn(move || {
        let all = rest?;
        match separator.and_then(|separator| memchr(separator, all)) {
            Some(at) => {
                rest = Some(&all[at + 1..]);
                Some(&all[..at])
            }
            None => rest.take(),
        }
    })
}

/// The part of a number from 1; empty where there is none.
pub(crate) fn part(raw: &[u8], separator: Option<u8>, number: usize) -> &[u8] {
    let Some(separator) = separator else {
        return if number == 1 { raw } else { &[] };
    };
    let mut ends = memchr_iter(separator, raw);
    let start = match number {
        0 => return &[],
        1 => 0,
        _ => match ends.nth(number - 2) {
            Some(before) => before + 1,
            None => return &[],
        },
    };
    &raw[start..ends.next().unwrap_or(raw.len())]
}

#[cfg(test)]
mod tests {
    use crate::{Presence, parse};

    const INPUT: &[u8] = b"MSH|^~\\&|A|B\rPID|1||1^^^NHS&x~2^b||\"\"|^~&|x^\"\"^y|\rZZZ\r";

    #[test]
    fn parts_are_numbered_from_one() {
        let (message, _) = parse(INPUT).unwrap();
        let check = |path: &str, expect: Presence<&str>| {
            assert_eq!(message.get(path), expect.map(Into::into), "{path}");
        };
        check("MSH-1", Presence::Value("|"));
        check("MSH-2", Presence::Value("^~\\&"));
        check("MSH-3", Presence::Value("A"));
        check("PID-1", Presence::Value("1"));
        check("PID-2", Presence::Absent);
        check("PID-3", Presence::Value("1"));
        check("PID-3.2", Presence::Absent);
        check("PID-3.4", Presence::Value("NHS"));
        check("PID-3.4.2", Presence::Value("x"));
        check("PID-3[2].2", Presence::Value("b"));
        check("PID-3[3].2", Presence::Absent);
        check("PID-5", Presence::Null);
        check("PID-6", Presence::Absent);
        check("PID-7.2", Presence::Null);
        check("PID-7.3", Presence::Value("y"));
        check("PID-99", Presence::Absent);
        check("ZZZ-1", Presence::Absent);
        check("ZZY-1", Presence::Absent);
        check("PID[2]-1", Presence::Absent);
    }

    #[test]
    fn parts_are_walked() {
        let (message, _) = parse(INPUT).unwrap();
        let pid = message.segment("PID").unwrap();
        assert_eq!((pid.field_count(), pid.fields().count()), (8, 8));
        assert_eq!(message.segment("ZZZ").unwrap().fields().count(), 0);
        let header: Vec<_> = message.header().segment().fields().map(|f| f.raw()).collect();
        assert_eq!(header, [&b"|"[..], b"^~\\&", b"A", b"B"]);
        let ids: Vec<_> = pid.field(3).repetitions().map(|r| r.text()).collect();
        assert_eq!(ids, ["1", "2"]);
        assert_eq!(pid.field(4).repetitions().count(), 0);
        assert_eq!(pid.field(6).repetitions().count(), 2);
        assert_eq!(pid.field(0).raw(), b"");
        assert!(pid.field(6).is_absent() && pid.field(5).is_null() && pid.field(8).is_absent());
        assert_eq!(pid.field(3).presence(), Presence::Value(&b"1^^^NHS&x~2^b"[..]));
    }

    #[test]
    fn free_text_loses_nothing() {
        let input = b"MSH|^~\\&|A\rNTE|1||Go to A&E ~ ask for \\T\\ see ^Dr X|\"\"\r";
        let (message, _) = parse(input).unwrap();
        let note = message.segment("NTE").unwrap();
        assert_eq!(note.field(3).free_text(), "Go to A&E ~ ask for & see ^Dr X");
        assert_eq!(note.field(3).text(), "Go to A");
        assert_eq!(note.field(4).free_text(), "");
    }

    #[test]
    fn times_take_their_old_precision() {
        let (message, _) = parse(b"MSH|^~\\&|A\rPID|19800101120000^D|2026|x|\"\"\r").unwrap();
        let pid = message.segment("PID").unwrap();
        let read = |field: usize| pid.field(field).time().map(|t| t.map(|t| t.to_string()));
        assert_eq!(read(1), Presence::Value(Ok("19800101".into())));
        assert_eq!(read(2), Presence::Value(Ok("2026".into())));
        assert!(matches!(read(3), Presence::Value(Err(_))));
        assert_eq!(read(4), Presence::Null);
        assert_eq!(read(5), Presence::Absent);
    }
}
