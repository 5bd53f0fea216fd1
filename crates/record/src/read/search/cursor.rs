//! A place in the order of an answer, and its text.

use std::cmp::Ordering;

use crate::Error;

/// Where a resource stands in an answer: by its time, then by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// In nanoseconds since 1970; none for a resource without the date of its type, which comes
    /// last in either direction.
    pub(super) at: Option<i64>,
    /// The logical id.
    pub(super) id: String,
}

impl Place {
    /// Compares in the order of the answer. Ties go by id, upwards in either direction.
    pub(super) fn compare(&self, other: &Self, descending: bool) -> Ordering {
        let by_time = match (self.at, other.at) {
            (Some(a), Some(b)) if descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        by_time.then_with(|| self.id.cmp(&other.id))
    }

    /// The cursor of the page that begins after this place: `1795688100000000000.rxx.7.1`, or
    /// `none.rxx.7.1`.
    pub(super) fn cursor(&self) -> String {
        match self.at {
            Some(at) => format!("{at}.{}", self.id),
            None => format!("none.{}", self.id),
        }
    }

    /// Reads what [`Place::cursor`] wrote.
    pub(super) fn parse(cursor: &str) -> Result<Self, Error> {
        let (at, id) = cursor.split_once('.').ok_or(Error::Cursor)?;
        let at = if at == "none" { None } else { Some(at.parse().map_err(|_| Error::Cursor)?) };
        let id = fhir::Id::new(id).map_err(|_| Error::Cursor)?;
        Ok(Self { at, id: id.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: Option<i64>, id: &str) -> Place {
        Place { at, id: id.into() }
    }

    #[test]
    fn a_cursor_reads_back() {
        for at in [Some(-7), Some(i64::MAX), None] {
            let place = place(at, "rxx.7.1");
            assert_eq!(Place::parse(&place.cursor()).unwrap(), place);
        }
        for text in ["", "7", "7.", "x.7", "none", "7.a b", "7.'", "99999999999999999999.a"] {
            assert_eq!(Place::parse(text).unwrap_err().code(), "REC-12", "{text:?}");
        }
    }

    #[test]
    fn what_has_no_date_comes_last_either_way() {
        for (descending, first, second) in [(false, 1, 2), (true, 2, 1)] {
            let (first, second) = (place(Some(first), "b"), place(Some(second), "a"));
            assert_eq!(first.compare(&second, descending), Ordering::Less);
            assert_eq!(second.compare(&place(None, "a"), descending), Ordering::Less);
            assert_eq!(first.compare(&place(first.at, "c"), descending), Ordering::Less);
        }
    }
}
