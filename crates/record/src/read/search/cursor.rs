//! A place in the order of an answer, and its text.

use crate::Error;

/// After what a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// After the version with this number, from the newest to the oldest: `p.4711`.
    Number(u32),
    /// After what was changed then, in nanoseconds since 1970, and has this id, in the order of the
    /// last change: `t.1795688100000000000.rxx.7.1`.
    Changed(i64, String),
    /// After this version of a resource, in any other order: `v.3.rxx.7.1`. Its values are read
    /// again, so that no text of a patient gets into an address.
    Version(u64, String),
}

impl Place {
    /// The text of a cursor.
    pub(super) fn cursor(&self) -> String {
        match self {
            Self::Number(number) => format!("p.{number}"),
            Self::Changed(at, id) => format!("t.{at}.{id}"),
            Self::Version(version, id) => format!("v.{version}.{id}"),
        }
    }

    /// Reads what [`Place::cursor`] wrote.
    pub(super) fn parse(cursor: &str) -> Result<Self, Error> {
        let read = || {
            let (kind, rest) = cursor.split_once('.')?;
            if kind == "p" {
                return rest.parse().ok().map(Self::Number);
            }
            let (number, id) = rest.split_once('.')?;
            let id = fhir::Id::new(id).ok()?.to_string();
            match kind {
                "t" => Some(Self::Changed(number.parse().ok()?, id)),
                "v" => Some(Self::Version(number.parse().ok()?, id)),
                _ => None,
            }
        };
        read().ok_or(Error::Cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let id = || "rxx.7.1".to_owned();
        for place in [
            Place::Number(7),
            Place::Changed(-7, id()),
            Place::Changed(i64::MAX, id()),
            Place::Version(3, id()),
        ] {
            assert_eq!(Place::parse(&place.cursor()).unwrap(), place);
        }
        for text in ["", "7", "p", "p.", "p.x", "p.99999999999", "t.7", "t.7.", "v.-1.a", "t.7.a b"]
        {
            assert_eq!(Place::parse(text).unwrap_err().code(), "REC-12", "{text:?}");
        }
    }
}
