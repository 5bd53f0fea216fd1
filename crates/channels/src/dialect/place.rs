//! Places in the messages of a peer, as rules and scripts name them.

use std::fmt;

use hl7v2::{Editor, Level, Part, Path};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place: `RXE-2`, `RXE-2.1`, `RXE[2]-2.1`, `PID-3[2].4`.
///
/// Without a number in brackets after its name it means every segment of that name; without one
/// after the field, the first repetition, or all of them where the field is meant whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    path: Path,
    /// Whether a segment of that name is counted out.
    counted: bool,
    /// Whether a repetition is counted out.
    repetition: bool,
    level: Level,
}

/// A place that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a place in a message: write it as RXE-2.1, RXE[2]-2.1 or PID-3[2].4")]
pub struct PlaceError(String);

impl Place {
    /// Reads a place.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        let path = Path::parse(text).map_err(|_| PlaceError(text.chars().take(32).collect()))?;
        let (segment, field) = text.split_once('-').unwrap_or((text, ""));
        let (counted, repetition) = (segment.contains('['), field.contains('['));
        let level = match field.matches('.').count() {
            0 if repetition => Level::Repetition,
            0 => Level::Field,
            1 => Level::Component,
            _ => Level::Subcomponent,
        };
        Ok(Place { path, counted, repetition, level })
    }

    /// The segment's name.
    pub(crate) fn segment(&self) -> &str {
        self.path.segment()
    }

    /// Which of the segments of that name, from 1, where it says so.
    pub(crate) fn occurrence(&self) -> Option<usize> {
        self.counted.then(|| self.path.occurrence())
    }

    /// The field's number.
    pub(crate) fn field(&self) -> usize {
        self.path.field()
    }

    /// The part of the segment.
    pub(crate) fn part(&self) -> Part {
        let path = &self.path;
        let numbers = [path.field(), path.repetition(), path.component(), path.subcomponent()];
        Part { numbers, level: self.level }
    }

    /// The parts that hold one value each: of every repetition, unless the place counts one out.
    pub(crate) fn values(&self, editor: &Editor, index: usize) -> Vec<Part> {
        let mut part = self.part();
        part.level = part.level.max(Level::Component);
        if self.repetition {
            return vec![part];
        }
        let each = |repetition| {
            let mut part = part;
            part.numbers[1] = repetition;
            part
        };
        (1..=editor.repetitions(index, self.field())).map(each).collect()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        f.write_str(path.segment())?;
        if self.counted {
            write!(f, "[{}]", path.occurrence())?;
        }
        write!(f, "-{}", path.field())?;
        if self.repetition {
            write!(f, "[{}]", path.repetition())?;
        }
        if self.level >= Level::Component {
            write!(f, ".{}", path.component())?;
        }
        if self.level == Level::Subcomponent {
            write!(f, ".{}", path.subcomponent())?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Place::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back() {
        for text in
            ["RXE-2", "RXE-2.1", "RXE[1]-2.1", "PID-3[1]", "PID-3[2].4", "PID-3.1.2", "ZPM[3]-22"]
        {
            assert_eq!(Place::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "RXE", "rxe-2", "RXE-0", "RXE.2", "RXE-2-3", "RXE-2.1.1.1"] {
            assert!(Place::parse(text).is_err(), "{text}");
        }
    }
}
