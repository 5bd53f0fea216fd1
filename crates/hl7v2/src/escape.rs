//! Escape sequences (HL7 2.5.1 §2.7), decoded once after splitting.

use std::borrow::Cow;

use memchr::memchr;

use crate::{Charset, Delimiters};

/// What the reading of one value needs to know of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) delimiters: Delimiters,
    pub(crate) charset: Charset,
    /// MSH-1 and MSH-2 hold separators as data: nothing in them is split or unescaped.
    pub(crate) verbatim: bool,
}

impl Context {
    pub(crate) fn repetition(&self) -> Option<u8> {
        (!self.verbatim).then_some(self.delimiters.repetition)
    }

    pub(crate) fn component(&self) -> Option<u8> {
        (!self.verbatim).then_some(self.delimiters.component)
    }

    pub(crate) fn subcomponent(&self) -> Option<u8> {
        self.delimiters.subcomponent.filter(|_| !self.verbatim)
    }

    /// The text of a raw value. Hexadecimal escapes are bytes of the message's character set;
    /// where they do not make text in it they stay as they were sent.
    pub(crate) fn decode<'a>(&self, raw: &'a [u8]) -> Cow<'a, str> {
        let escape = self.delimiters.escape.filter(|_| !self.verbatim);
        let Some(first) = escape.and_then(|escape| memchr(escape, raw)) else {
            return self.charset.decode_lossy(raw);
        };
        let bytes = self.unescape(raw, first, true);
        let text = match self.charset.decode(&bytes) {
            Some(text) => text.into_owned(),
            None => self.charset.decode_lossy(&self.unescape(raw, first, false)).into_owned(),
        };
        Cow::Owned(text)
    }

    /// Replaces the sequences that are understood and keeps the others as they are.
    /// `first` is the place of the first escape character.
    fn unescape(&self, raw: &[u8], first: usize, hex: bool) -> Vec<u8> {
        let escape = raw[first];
        let mut out = Vec::with_capacity(raw.len());
        out.extend_from_slice(&raw[..first]);
        let mut rest = &raw[first..];
        while let Some(open) = memchr(escape, rest) {
            out.extend_from_slice(&rest[..open]);
            rest = &rest[open..];
            let Some(close) = memchr(escape, &rest[1..]).map(|at| at + 1) else {
                break;
            };
            if self.write_sequence(&rest[1..close], hex, &mut out) {
                rest = &rest[close + 1..];
            } else {
                // The closing character may open the next sequence: only what stands before
                // it is settled.
                out.extend_from_slice(&rest[..close]);
                rest = &rest[close..];
                if !starts_sequence(rest, escape) {
                    out.push(escape);
                    rest = &rest[1..];
                }
            }
        }
        out.extend_from_slice(rest);
        out
    }

    /// Writes what a sequence stands for; false where it is not understood.
    fn write_sequence(&self, name: &[u8], hex: bool, out: &mut Vec<u8>) -> bool {
        let delimiters = &self.delimiters;
        match name {
            b"F" => out.push(delimiters.field),
            b"S" => out.push(delimiters.component),
            b"R" => out.push(delimiters.repetition),
            b"T" => out.push(delimiters.subcomponent.unwrap_or(b'&')),
            b"E" => out.push(delimiters.escape.unwrap_or(b'\\')),
            b"P" => match delimiters.truncation {
                Some(byte) => out.push(byte),
                None => return false,
            },
            // Highlighting changes how the text looks and not what it says.
            b"H" | b"N" => {}
            b".br" | b".sp" => out.push(b'\n'),
            [b'X', digits @ ..] if hex => return write_hex(digits, out),
            _ => return false,
        }
        true
    }

    /// Escapes text for a value. Every line end (CR, LF or both) becomes one `\.br\`; other
    /// control characters become hexadecimal, so that no text can end a segment or an MLLP
    /// block. `None` where an escape is needed and the message has no escape character.
    pub(crate) fn escape<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let delimiters = &self.delimiters;
        let special = |byte: u8| {
            delimiters.separates(byte)
                || Some(byte) == delimiters.escape
                || Some(byte) == delimiters.truncation
                || is_control(byte)
        };
        // A text of two quotation marks must not read as a deletion.
        let looks_null = text == "\"\"";
        if !looks_null && !text.bytes().any(special) {
            return Some(Cow::Borrowed(text));
        }
        let mark = char::from(delimiters.escape?);
        let mut out = String::with_capacity(text.len() + 16);
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let byte = u8::try_from(character).ok().filter(u8::is_ascii);
            let name: Cow<'static, str> = match byte {
                Some(byte) if byte == delimiters.field => "F".into(),
                Some(byte) if byte == delimiters.component => "S".into(),
                Some(byte) if byte == delimiters.repetition => "R".into(),
                Some(byte) if Some(byte) == delimiters.subcomponent => "T".into(),
                Some(byte) if Some(byte) == delimiters.escape => "E".into(),
                Some(byte) if Some(byte) == delimiters.truncation => "P".into(),
                Some(b'\r') => {
                    characters.next_if_eq(&'\n');
                    ".br".into()
                }
                Some(b'\n') => ".br".into(),
                Some(byte) if is_control(byte) || looks_null => format!("X{byte:02X}").into(),
                _ => {
                    out.push(character);
                    continue;
                }
            };
            out.push(mark);
            out.push_str(&name);
            out.push(mark);
        }
        Some(Cow::Owned(out))
    }
}

/// Control characters that may not stand in a value as they are; a tab may.
fn is_control(byte: u8) -> bool {
    byte.is_ascii_control() && byte != b'\t'
}

/// Whether an escape character at the start of `rest` opens a sequence of a known shape.
fn starts_sequence(rest: &[u8], escape: u8) -> bool {
    match memchr(escape, &rest[1..]) {
        Some(close) => {
            let name = &rest[1..=close];
            matches!(name, b"F" | b"S" | b"R" | b"T" | b"E" | b"P" | b"H" | b"N")
                || name.starts_with(b".")
                || (name.first() == Some(&b'X') && write_hex(&name[1..], &mut Vec::new()))
        }
        None => false,
    }
}

/// Writes the bytes of pairs of hexadecimal digits; writes nothing and is false for other text.
fn write_hex(digits: &[u8], out: &mut Vec<u8>) -> bool {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok());
    let pairs = digits.chunks_exact(2);
    if digits.is_empty() || !pairs.remainder().is_empty() {
        return false;
    }
    let before = out.len();
    for pair in pairs {
        let (Some(high), Some(low)) = (value(pair[0]), value(pair[1])) else {
            out.truncate(before);
            return false;
        };
        out.push(high << 4 | low);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(charset: Charset) -> Context {
        let delimiters = Delimiters { truncation: Some(b'#'), ..Delimiters::STANDARD };
        Context { delimiters, charset, verbatim: false }
    }

    #[test]
    fn sequences_are_decoded_once() {
        let check = |raw: &str, expect: &str| {
            assert_eq!(context(Charset::Utf8).decode(raw.as_bytes()), expect, "{raw}");
        };
        check("plain", "plain");
        check(r"a\F\b\S\c\T\d\R\e\E\f\P\g", r"a|b^c&d~e\f#g");
        check(r"one\.br\two", "one\ntwo");
        check(r"\H\loud\N\ quiet", "loud quiet");
        check(r"\XC3A9\", "é");
        check(r"\XC3\\XA9\", "é");
        check(r"\X0d\x", "\rx");
        check(r"\XF\", r"\XF\");
        check(r"\XGG\", r"\XGG\");
        check(r"\X\", r"\X\");
        check(r"\Z12\ kept", r"\Z12\ kept");
        check(r"\.in+4\ kept", r"\.in+4\ kept");
        check(r"C:\dir", r"C:\dir");
        check(r"C:\dir\file", r"C:\dir\file");
        check(r"a\b\T\c", r"a\b&c");
        check(r"\E\T\E\", r"\T\");
        check(r"\\", r"\\");
        check(r"end\", r"end\");
        check(r"\XFF\ \T\", r"\XFF\ &");
        check("\\H\\\u{FFFD}", "\u{FFFD}");
    }

    #[test]
    fn hexadecimal_is_in_the_character_set() {
        assert_eq!(context(Charset::Latin1).decode(br"\XE9\"), "é");
        assert_eq!(context(Charset::Latin1).decode(b"\xE9\\T\\"), "é&");
    }

    #[test]
    fn text_is_escaped_and_comes_back() {
        let check = |text: &str, expect: &str| {
            let context = context(Charset::Utf8);
            let escaped = context.escape(text).unwrap();
            assert_eq!(escaped, expect);
            let back = context.decode(escaped.as_bytes());
            assert_eq!(back, text.replace("\r\n", "\n").replace('\r', "\n"));
        };
        check("plain\ttext", "plain\ttext");
        check(r"a|b^c&d~e\f#", r"a\F\b\S\c\T\d\R\e\E\f\P\");
        check("a\r\nb\rc\nd", r"a\.br\b\.br\c\.br\d");
        check("\u{B}\u{1C}", r"\X0B\\X1C\");
        check("\"\"", r"\X22\\X22\");
        check("\"", "\"");
        check(r"\T\", r"\E\T\E\");
    }

    #[test]
    fn nothing_is_escaped_without_an_escape_character() {
        let delimiters = Delimiters { escape: None, subcomponent: None, ..Delimiters::STANDARD };
        let context = Context { delimiters, charset: Charset::Utf8, verbatim: false };
        assert_eq!(context.escape("a&b").as_deref(), Some("a&b"));
        assert_eq!(context.escape("a^b"), None);
        assert_eq!(context.decode(br"a\T\b"), r"a\T\b");
    }
}
