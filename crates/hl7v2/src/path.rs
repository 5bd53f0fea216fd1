//! Paths to values, as `PID-3[2].4.1`.

use std::fmt;

/// The largest number in a path.
const MOST: u16 = 9_999;

/// A place in a message: `SEG[occurrence]-field[repetition].component.subcomponent`. All numbers
/// start at 1 and all but the field may be left out, which means 1.
///
/// ```
/// use hl7v2::Path;
/// const NHS_NUMBER: Path = Path::new("PID-3.1");
/// assert_eq!(Path::parse("OBX[2]-5[1].1").unwrap().to_string(), "OBX[2]-5");
/// assert_eq!(NHS_NUMBER.field(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Path {
    segment: [u8; 3],
    /// Occurrence, field, repetition, component, subcomponent.
    numbers: [u16; 5],
}

/// A path that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a path: write it as SEG[n]-field[n].component.subcomponent, with numbers from 1")]
pub struct PathError;

impl Path {
    /// A path known when the code is written; as a `const` a wrong one does not compile.
    ///
    /// # Panics
    /// On a path that [`Path::parse`] refuses.
    pub const fn new(text: &str) -> Self {
        match Self::parse(text) {
            Ok(path) => path,
            Err(_) => panic!("not a path"),
        }
    }

    /// Reads a path.
    pub const fn parse(text: &str) -> Result<Self, PathError> {
        let bytes = text.as_bytes();
        if bytes.len() < 5 {
            return Err(PathError);
        }
        let segment = [bytes[0], bytes[1], bytes[2]];
        let mut place = 0;
        while place < 3 {
            let digit = place > 0 && segment[place].is_ascii_digit();
            if !segment[place].is_ascii_uppercase() && !digit {
                return Err(PathError);
            }
            place += 1;
        }
        let mut numbers = [1; 5];
        // Each step is introduced by its own mark and the marks come in this order.
        let marks = [b'[', b'-', b'[', b'.', b'.'];
        let mut step = 0;
        while step < marks.len() {
            if place < bytes.len() && bytes[place] == marks[step] {
                match number(bytes, place + 1) {
                    Some((value, next)) => (numbers[step], place) = (value, next),
                    None => return Err(PathError),
                }
                if marks[step] == b'[' {
                    if place >= bytes.len() || bytes[place] != b']' {
                        return Err(PathError);
                    }
                    place += 1;
                }
            } else if step == 1 {
                return Err(PathError);
            }
            step += 1;
        }
        if place == bytes.len() { Ok(Self { segment, numbers }) } else { Err(PathError) }
    }

    /// The segment's name.
    pub fn segment(&self) -> &str {
        str::from_utf8(&self.segment).expect("a path's segment name is ASCII")
    }

    /// Which of the segments of that name, from 1.
    pub fn occurrence(&self) -> usize {
        usize::from(self.numbers[0])
    }

    /// The field's number.
    pub fn field(&self) -> usize {
        usize::from(self.numbers[1])
    }

    /// The repetition's number.
    pub fn repetition(&self) -> usize {
        usize::from(self.numbers[2])
    }

    /// The component's number.
    pub fn component(&self) -> usize {
        usize::from(self.numbers[3])
    }

    /// The subcomponent's number.
    pub fn subcomponent(&self) -> usize {
        usize::from(self.numbers[4])
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::parse(text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [occurrence, field, repetition, component, subcomponent] = self.numbers;
        f.write_str(self.segment())?;
        if occurrence > 1 {
            write!(f, "[{occurrence}]")?;
        }
        write!(f, "-{field}")?;
        if repetition > 1 {
            write!(f, "[{repetition}]")?;
        }
        match (component, subcomponent) {
            (1, 1) => Ok(()),
            (_, 1) => write!(f, ".{component}"),
            _ => write!(f, ".{component}.{subcomponent}"),
        }
    }
}

/// A number from 1 to [`MOST`] and the place after it.
const fn number(bytes: &[u8], start: usize) -> Option<(u16, usize)> {
    let mut value: u16 = 0;
    let mut place = start;
    while place < bytes.len() && bytes[place].is_ascii_digit() {
        value = value * 10 + (bytes[place] - b'0') as u16;
        if value == 0 || value > MOST {
            return None;
        }
        place += 1;
    }
    if place == start { None } else { Some((value, place)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_written() {
        let check = |text: &str, expect: Option<&str>| {
            let read = Path::parse(text).ok().map(|path| path.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        };
        check("PID-3", Some("PID-3"));
        check("PID-3[2].4.1", Some("PID-3[2].4"));
        check("PID-3[2].4.2", Some("PID-3[2].4.2"));
        check("OBX[12]-5[1].1.3", Some("OBX[12]-5.1.3"));
        check("ZP1-9999", Some("ZP1-9999"));
        let wrong = ["", "PID", "PID-", "PID-0", "PID-03", "pid-3", "PID-3.", "PID-3[2", "PID-3[]"];
        let odd = ["PID-3.1.1.1", "PID-10000", "PID-3x", "PID[1]", "1ID-3", "PID-3.4[2]"];
        for text in wrong.into_iter().chain(odd) {
            check(text, None);
        }
    }
}
