//! Who looked at patient data, and who was refused.

use std::collections::{BTreeSet, VecDeque};

use fhir::{Id, ResourceType};
use jiff::Timestamp;
use medicines::Access;
use rusqlite::{Params, Row};
use serde::Deserialize;

use super::{Reader, limited};
use crate::Error;
use crate::code::{from_json, integer, nanoseconds, natural};

/// The most looks and refusals in one answer.
pub const MAX_ACCESSES: usize = 1_000;
/// The most looks and refusals that one page is made from: what is further back is on the next.
pub const MAX_ACCESS_READS: usize = 5_000;
/// The most records of one person: those merged into one, and those merged into these.
pub const MAX_SAME_PERSON: usize = 64;
/// How many are read at once.
const TOGETHER: usize = 250;

/// A look at patient data, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessView {
    /// Its number, which stays the same after every rebuild.
    pub n: u64,
    /// The number of the journal entry.
    pub seq: u64,
    /// Whether it was refused.
    pub refused: bool,
    /// Who, what and when.
    pub access: Access,
}

/// Where a page of looks ended: what follows happened before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessPlace {
    /// When the last look of the page happened.
    pub at: Timestamp,
    /// Its number, since several may have happened at the same instant.
    pub n: u64,
}

/// Which looks and refusals are asked for.
#[derive(Debug, Clone, Default)]
pub struct AccessSearch {
    /// Of these patients, where there are any given; else of all, and of none. Each costs a page
    /// of its own: whoever asks limits how many they are.
    pub patients: Option<Vec<Id>>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
    /// Before this place, which is [`AccessPage::next`] of the page before.
    pub before: Option<AccessPlace>,
    /// The most on the page; at most [`MAX_ACCESSES`].
    pub count: usize,
}

/// A page of looks and refusals, the newest first.
#[derive(Debug, Clone, Default)]
pub struct AccessPage {
    /// The looks and refusals.
    pub accesses: Vec<AccessView>,
    /// Where the next page begins; none on the last one. A page may have fewer than were asked
    /// for, and none at all, while there is a next one.
    pub next: Option<AccessPlace>,
}

impl AccessView {
    /// Where it stands among the others.
    pub fn place(&self) -> AccessPlace {
        AccessPlace { at: self.access.at, n: self.n }
    }
}

impl Reader {
    /// The newest looks and refusals in the order in which they were recorded, newest first, from
    /// before number `before` where it is given; at most [`MAX_ACCESSES`].
    pub fn accesses(&self, before: Option<u64>, limit: usize) -> Result<Vec<AccessView>, Error> {
        let before = before.map_or(i64::MAX, integer);
        self.access_views(
            "SELECT n, seq, refused, body FROM access WHERE n < ?1 ORDER BY n DESC LIMIT ?2",
            (before, limited(limit, MAX_ACCESSES)),
        )
    }

    /// The look or refusal of a number.
    pub fn access(&self, n: u64) -> Result<Option<AccessView>, Error> {
        let sql = "SELECT n, seq, refused, body FROM access WHERE n = ?1";
        Ok(self.access_views(sql, [integer(n)])?.pop())
    }

    /// A page of those that are asked for and that `keep` keeps, the newest first by their time.
    /// It reads no more than [`MAX_ACCESS_READS`], and what is read at once.
    pub fn accesses_of(
        &self,
        search: &AccessSearch,
        keep: impl Fn(&AccessView) -> bool,
    ) -> Result<AccessPage, Error> {
        let snapshot = self.snapshot()?;
        let count = search.count.clamp(1, MAX_ACCESSES);
        let mut page = AccessPage::default();
        let mut before = search.before;
        let mut read = 0;
        while read < MAX_ACCESS_READS {
            let (next, fetched) = self.accesses_before(search, before)?;
            if next.is_empty() {
                return Ok(page);
            }
            read += fetched;
            for view in next {
                before = Some(view.place());
                if !keep(&view) {
                    continue;
                }
                if page.accesses.len() == count {
                    page.next = page.accesses.last().map(AccessView::place);
                    return Ok(page);
                }
                page.accesses.push(view);
            }
        }
        page.next = before;
        drop(snapshot);
        Ok(page)
    }

    /// The next [`TOGETHER`] of them, and how many were read for that.
    fn accesses_before(
        &self,
        search: &AccessSearch,
        before: Option<AccessPlace>,
    ) -> Result<(Vec<AccessView>, usize), Error> {
        let from = search.from.map_or(i64::MIN, nanoseconds);
        let to = search.to.map_or(i64::MAX, nanoseconds);
        let (at, n) = before.map_or((i64::MAX, u64::MAX), |place| (nanoseconds(place.at), place.n));
        let (n, limit) = (integer(n), limited(TOGETHER, TOGETHER));
        let Some(patients) = &search.patients else {
            let sql = "SELECT n, seq, refused, body FROM access \
                       WHERE at >= ?1 AND at < ?2 AND (at, n) < (?3, ?4) \
                       ORDER BY at DESC, n DESC LIMIT ?5";
            let views = self.access_views(sql, (from, to, at, n, limit))?;
            let read = views.len();
            return Ok((views, read));
        };
        let mut views = Vec::new();
        for patient in patients {
            let sql = "SELECT n, seq, refused, body FROM access \
                       WHERE patient = ?6 AND at >= ?1 AND at < ?2 AND (at, n) < (?3, ?4) \
                       ORDER BY at DESC, n DESC LIMIT ?5";
            let values = (from, to, at, n, limit, patient.as_str());
            views.extend(self.access_views(sql, values)?);
        }
        views.sort_unstable_by_key(|view| std::cmp::Reverse((view.access.at, view.n)));
        let read = views.len();
        views.truncate(TOGETHER);
        Ok((views, read))
    }

    /// The records of one person: `patient`, what it was merged into, and all that was merged into
    /// that, at most [`MAX_SAME_PERSON`]. A merge is what both records say of each other: a link
    /// that a client wrote into one of them joins nothing. Who is not known is alone.
    pub fn same_person(&self, patient: &Id) -> Result<Vec<Id>, Error> {
        let mut known = BTreeSet::from([patient.clone()]);
        let mut waiting = VecDeque::from([patient.clone()]);
        while let Some(id) = waiting.pop_front() {
            let links = self.links_of(&id)?;
            for link in links {
                let joins = match link.kind.as_str() {
                    "replaced-by" => true,
                    "replaces" => self
                        .links_of(&link.to)?
                        .iter()
                        .any(|back| back.kind == "replaced-by" && back.to == id),
                    _ => false,
                };
                if joins && known.len() < MAX_SAME_PERSON && known.insert(link.to.clone()) {
                    waiting.push_back(link.to);
                }
            }
        }
        Ok(known.into_iter().collect())
    }

    fn links_of(&self, patient: &Id) -> Result<Vec<Linked>, Error> {
        let Some(stored) = self.read(ResourceType::Patient, patient)? else {
            return Ok(Vec::new());
        };
        let links: Links = from_json("patient", stored.json()).unwrap_or_default();
        let read = |link: Link| {
            let id = link.other.reference.strip_prefix("Patient/")?;
            Some(Linked { kind: link.kind, to: Id::new(id).ok()? })
        };
        Ok(links.link.into_iter().filter_map(read).collect())
    }

    fn access_views(&self, sql: &str, values: impl Params) -> Result<Vec<AccessView>, Error> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_and_then(values, view)?.collect()
    }
}

/// A link of a Patient to another one of this server.
struct Linked {
    kind: String,
    to: Id,
}

/// A Patient, as far as its links go.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Links {
    link: Vec<Link>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Link {
    #[serde(rename = "type")]
    kind: String,
    other: Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Other {
    reference: String,
}

fn view(row: &Row<'_>) -> Result<AccessView, Error> {
    Ok(AccessView {
        n: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        refused: row.get(2)?,
        access: from_json(
            "look at patient data",
            row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?,
        )?,
    })
}
