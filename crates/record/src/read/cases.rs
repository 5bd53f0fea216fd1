//! Cases: the worklist, single cases, counts.

use fhir::Id;
use jiff::Timestamp;
use medicines::cases::{Case, CaseClosed, CaseKind};
use rusqlite::{OptionalExtension, Params, Row};

use super::{Reader, limited};
use crate::Error;
use crate::code::{count, from_json, integer, nanoseconds, natural, timestamp};

/// The most cases in one answer.
pub const MAX_CASES: usize = 1_000;

const COLUMNS: &str = "n, body, closing";

/// A case and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseView {
    /// Its number, for the next page.
    pub n: u64,
    /// The case as it opened.
    pub case: Case,
    /// How it ended; none while it is open.
    pub closed: Option<CaseClosed>,
}

/// How many cases of a kind are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseCount {
    /// The code of the kind, as [`CaseKind::as_str`] writes it.
    pub kind: String,
    /// How many are open.
    pub open: u64,
    /// When the oldest of them opened.
    pub oldest: Timestamp,
}

impl Reader {
    /// The case of that id, open or closed.
    pub fn case(&self, id: &Id) -> Result<Option<CaseView>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM case_ WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query([id.as_str()])?;
        rows.next()?.map(view).transpose()
    }

    /// The open cases, oldest first, of one kind or of all, after number `after` where it is
    /// given; at most [`MAX_CASES`].
    pub fn open_cases(
        &self,
        kind: Option<CaseKind>,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<CaseView>, Error> {
        let after = after.map_or(-1, integer);
        let limit = limited(limit, MAX_CASES);
        match kind {
            Some(kind) => self.case_views(
                &format!(
                    "SELECT {COLUMNS} FROM case_ INDEXED BY case_open \
                     WHERE kind = ?3 AND closed IS NULL AND n > ?1 ORDER BY n LIMIT ?2"
                ),
                (after, limit, kind.as_str()),
            ),
            // The numbers are sorted first, so that no body is read and thrown away.
            None => self.case_views(
                &format!(
                    "SELECT {COLUMNS} FROM case_ WHERE n IN (\
                       SELECT n FROM case_ INDEXED BY case_open \
                       WHERE closed IS NULL AND n > ?1 ORDER BY n LIMIT ?2) ORDER BY n"
                ),
                (after, limit),
            ),
        }
    }

    /// The cases of a patient, newest first, open and closed; at most [`MAX_CASES`].
    pub fn cases_of(&self, patient: &Id, limit: usize) -> Result<Vec<CaseView>, Error> {
        self.case_views(
            &format!("SELECT {COLUMNS} FROM case_ WHERE patient = ?1 ORDER BY n DESC LIMIT ?2"),
            (patient.as_str(), limited(limit, MAX_CASES)),
        )
    }

    /// The newest cases, newest first, open and closed, from before number `before` where it is
    /// given; at most [`MAX_CASES`].
    pub fn latest_cases(&self, before: Option<u64>, limit: usize) -> Result<Vec<CaseView>, Error> {
        self.case_views(
            &format!("SELECT {COLUMNS} FROM case_ WHERE n < ?1 ORDER BY n DESC LIMIT ?2"),
            (before.map_or(i64::MAX, integer), limited(limit, MAX_CASES)),
        )
    }

    /// The cases that opened from a time on and before another, and that are wanted; one more than
    /// [`MAX_OCCURRENCES`](super::MAX_OCCURRENCES) at most, the oldest first.
    pub(super) fn cases_between(
        &self,
        from: Timestamp,
        to: Timestamp,
        wanted: impl Fn(&Case) -> bool,
    ) -> Result<Vec<CaseView>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM case_ INDEXED BY case_opened \
             WHERE opened >= ?1 AND opened < ?2 ORDER BY opened, n"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((nanoseconds(from), nanoseconds(to)))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let case = view(row)?;
            if wanted(&case.case) {
                found.push(case);
            }
            if found.len() > super::MAX_OCCURRENCES {
                break;
            }
        }
        Ok(found)
    }

    /// How many cases are open, kind by kind in the order of the codes; a kind without an open
    /// case is absent.
    pub fn case_counts(&self) -> Result<Vec<CaseCount>, Error> {
        let snapshot = self.snapshot()?;
        let mut groups = snapshot.prepare_cached(
            "SELECT kind, count(*), min(n) FROM case_ INDEXED BY case_open \
             WHERE closed IS NULL GROUP BY kind ORDER BY kind",
        )?;
        let mut opened = snapshot.prepare_cached("SELECT opened FROM case_ WHERE n = ?1")?;
        let mut counts = Vec::new();
        let mut rows = groups.query([])?;
        while let Some(row) = rows.next()? {
            let first: i64 = row.get(2)?;
            counts.push(CaseCount {
                kind: row.get(0)?,
                open: count(row.get(1)?),
                oldest: timestamp(
                    opened.query_row([first], |row| row.get(0)).optional()?.unwrap_or_default(),
                ),
            });
        }
        Ok(counts)
    }

    fn case_views(&self, sql: &str, values: impl Params) -> Result<Vec<CaseView>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_and_then(values, view)?.collect()
    }
}

fn view(row: &Row<'_>) -> Result<CaseView, Error> {
    let closing: Option<String> = row.get(2)?;
    Ok(CaseView {
        n: natural(row.get(0)?),
        case: from_json("case", &row.get::<_, String>(1)?)?,
        closed: closing.map(|text| from_json("closed case", &text)).transpose()?,
    })
}
