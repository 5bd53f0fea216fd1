//! The scanner behind [`super::check`]: strict RFC 8259, one pass, names remembered by object.

use std::fmt::Write as _;

use super::check::JsonProblem;

/// The most characters of a number; the longest exact decimal needs 31.
const MAX_NUMBER_BYTES: usize = 128;
/// Objects with more names than this are checked by sorting them when they end.
const FEW_NAMES: usize = 16;
/// The most bytes of a name that a path repeats.
const MAX_PATH_NAME_BYTES: usize = 64;

/// What is wrong and at which byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    pub(super) problem: JsonProblem,
    pub(super) offset: usize,
}

/// A name in an open object: its bytes without quotes, in the text or, when it had escapes, in the
/// scanner's own store.
#[derive(Debug, Clone, Copy)]
struct Name {
    start: u32,
    length: u32,
    /// Where the name's opening quote stands in the text.
    offset: u32,
    unescaped: bool,
}

/// An open object or array.
#[derive(Debug, Clone, Copy)]
struct Frame {
    is_object: bool,
    /// Objects: where its names begin in the stack of names.
    names: usize,
    /// Arrays: which element comes now.
    index: usize,
}

pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    max_depth: usize,
    frames: Vec<Frame>,
    names: Vec<Name>,
    unescaped: Vec<u8>,
}

/// What may come next.
enum Next {
    Value,
    /// After a value: a comma, the end of the container, or the end of the text.
    After,
}

fn fault<T>(problem: JsonProblem, offset: usize) -> Result<T, Fault> {
    Err(Fault { problem, offset })
}

fn index(at: usize) -> u32 {
    u32::try_from(at).expect("the text is at most 1 GiB long")
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8], max_depth: usize) -> Self {
        let (frames, names, unescaped) = (Vec::with_capacity(16), Vec::with_capacity(64), vec![]);
        Self { text, at: 0, max_depth, frames, names, unescaped }
    }

    /// Reads one value and the end of the text.
    pub(super) fn run(&mut self) -> Result<(), Fault> {
        let mut next = Next::Value;
        loop {
            self.skip_space();
            next = match next {
                Next::Value => self.value()?,
                Next::After if self.frames.is_empty() => break,
                Next::After => self.after()?,
            };
        }
        if self.at < self.text.len() {
            return fault(JsonProblem::Trailing, self.at);
        }
        Ok(())
    }

    /// Where the scanner stands, as a path.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        for (depth, frame) in self.frames.iter().enumerate() {
            if !frame.is_object {
                let _ = write!(path, "[{}]", frame.index);
                continue;
            }
            let end = self.frames[depth + 1..]
                .iter()
                .find(|inner| inner.is_object)
                .map_or(self.names.len(), |inner| inner.names);
            let Some(name) = self.names[frame.names..end].last() else {
                continue;
            };
            let bytes = self.bytes_of(*name);
            let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_PATH_NAME_BYTES)]);
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&text);
        }
        path
    }

    fn syntax<T>(&self, what: &'static str) -> Result<T, Fault> {
        fault(JsonProblem::Syntax(what), self.at)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Next, Fault> {
        match self.peek() {
            Some(b'{') => return self.open_object(),
            Some(b'[') => return self.open_array(),
            Some(b'"') => self.string().map(|_| ())?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            Some(_) => return self.syntax("a value was expected"),
            None => return self.syntax("the text ends where a value was expected"),
        }
        Ok(Next::After)
    }

    fn open(&mut self, is_object: bool) -> Result<(), Fault> {
        if self.frames.len() >= self.max_depth {
            return fault(JsonProblem::TooDeep { limit: self.max_depth }, self.at);
        }
        self.frames.push(Frame { is_object, names: self.names.len(), index: 0 });
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn open_array(&mut self) -> Result<Next, Fault> {
        self.open(false)?;
        if self.peek() == Some(b']') {
            return Ok(self.close());
        }
        Ok(Next::Value)
    }

    fn open_object(&mut self) -> Result<Next, Fault> {
        self.open(true)?;
        if self.peek() == Some(b'}') {
            return Ok(self.close());
        }
        self.name()
    }

    fn close(&mut self) -> Next {
        self.at += 1;
        if let Some(frame) = self.frames.pop()
            && frame.is_object
        {
            self.names.truncate(frame.names);
        }
        if self.frames.is_empty() {
            self.unescaped.clear();
        }
        Next::After
    }

    fn after(&mut self) -> Result<Next, Fault> {
        let frame = *self.frames.last().expect("the caller saw a frame");
        match (self.peek(), frame.is_object) {
            (Some(b','), true) => {
                self.at += 1;
                self.skip_space();
                self.name()
            }
            (Some(b','), false) => {
                self.at += 1;
                if let Some(frame) = self.frames.last_mut() {
                    frame.index += 1;
                }
                Ok(Next::Value)
            }
            (Some(b'}'), true) => {
                self.check_many_names(frame)?;
                Ok(self.close())
            }
            (Some(b']'), false) => Ok(self.close()),
            (Some(_), true) => self.syntax("a comma or the end of the object was expected"),
            (Some(_), false) => self.syntax("a comma or the end of the array was expected"),
            (None, _) => self.syntax("the text ends inside an object or array"),
        }
    }

    fn name(&mut self) -> Result<Next, Fault> {
        if self.peek() != Some(b'"') {
            return self.syntax("the name of a member was expected");
        }
        let start = self.at;
        let escaped = self.string()?;
        let inside = start + 1..self.at - 1;
        let name = if escaped {
            self.unescape(inside, start)
        } else {
            let (start, length) = (index(inside.start), index(inside.len()));
            Name { start, length, offset: index(start as usize - 1), unescaped: false }
        };
        self.names.push(name);
        self.check_few_names()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.syntax("a colon was expected");
        }
        self.at += 1;
        Ok(Next::Value)
    }

    /// Compares the newest name with the others of its object, while they are few.
    fn check_few_names(&self) -> Result<(), Fault> {
        let first = self.frames.last().expect("a name is in an object").names;
        let Some((newest, others)) = self.names[first..].split_last() else {
            return Ok(());
        };
        if others.len() >= FEW_NAMES {
            return Ok(());
        }
        let bytes = self.bytes_of(*newest);
        let same = |other: &Name| other.length == newest.length && self.bytes_of(*other) == bytes;
        if others.iter().any(same) {
            return fault(JsonProblem::DuplicateKey, newest.offset as usize);
        }
        Ok(())
    }

    /// Compares all names of an object that ends, when they are many, by sorting them.
    fn check_many_names(&mut self, frame: Frame) -> Result<(), Fault> {
        if self.names.len() - frame.names <= FEW_NAMES {
            return Ok(());
        }
        let mut names = self.names.split_off(frame.names);
        names.sort_unstable_by(|a, b| {
            self.bytes_of(*a).cmp(self.bytes_of(*b)).then(a.offset.cmp(&b.offset))
        });
        let twice = names.windows(2).find(|pair| self.bytes_of(pair[0]) == self.bytes_of(pair[1]));
        if let Some([_, second]) = twice {
            // The path is that of the last name, so the one at fault is left there alone.
            self.names.push(*second);
            return fault(JsonProblem::DuplicateKey, second.offset as usize);
        }
        Ok(())
    }

    fn bytes_of(&self, name: Name) -> &[u8] {
        let range = name.start as usize..(name.start + name.length) as usize;
        if name.unescaped { &self.unescaped[range] } else { &self.text[range] }
    }

    /// Stores a checked name without its escapes.
    fn unescape(&mut self, inside: std::ops::Range<usize>, offset: usize) -> Name {
        let quoted = &self.text[inside.start - 1..=inside.end];
        let text: String =
            serde_json::from_slice(quoted).expect("the string was checked when it was scanned");
        let start = index(self.unescaped.len());
        self.unescaped.extend_from_slice(text.as_bytes());
        Name { start, length: index(text.len()), offset: index(offset), unescaped: true }
    }

    /// Reads a string from its opening quote; tells whether it has escapes.
    fn string(&mut self) -> Result<bool, Fault> {
        self.at += 1;
        let mut escaped = false;
        loop {
            let plain = self.text[self.at..].iter().position(|b| !PLAIN[usize::from(*b)]);
            let Some(plain) = plain else {
                self.at = self.text.len();
                return self.syntax("the text ends inside a string");
            };
            self.at += plain;
            match self.text[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(escaped);
                }
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.syntax("a control character stands in a string"),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.code_unit()? {
                0xD800..=0xDBFF => {
                    let low = self.text.get(self.at..self.at + 2) == Some(b"\\u");
                    if low && (0xDC00..=0xDFFF).contains(&self.code_unit()?) {
                        return Ok(());
                    }
                    self.syntax("half a surrogate pair stands in a string")
                }
                0xDC00..=0xDFFF => self.syntax("half a surrogate pair stands in a string"),
                _ => Ok(()),
            },
            _ => self.syntax("an escape is not valid"),
        }
    }

    /// Reads `\u` and four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32, Fault> {
        let Some(digits) = self.text.get(self.at + 2..self.at + 6) else {
            return self.syntax("an escape is not valid");
        };
        let mut unit = 0;
        for digit in digits {
            match char::from(*digit).to_digit(16) {
                Some(digit) => unit = unit * 16 + digit,
                None => return self.syntax("an escape is not valid"),
            }
        }
        self.at += 6;
        Ok(unit)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return self.syntax("a digit was expected");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.syntax("a digit was expected");
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.syntax("a digit was expected");
            }
        }
        if self.at - start > MAX_NUMBER_BYTES {
            return fault(JsonProblem::LongNumber, start);
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Fault> {
        if !self.text[self.at..].starts_with(word) {
            return self.syntax("a value was expected");
        }
        self.at += word.len();
        Ok(())
    }
}

/// Bytes of a string that need no thought: all but quotes, backslashes and control characters.
static PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};
