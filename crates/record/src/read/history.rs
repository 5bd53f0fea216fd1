//! The versions of resources, newest first: of one, of a type, of all.
//!
//! The versions of one resource are known by their places in the journal. Those of a type or of
//! all are read from the journal itself, backwards: it is in the order of the history already, and
//! an index of all versions would cost every message that comes in.

use fhir::{Id, ResourceType};
use jiff::Timestamp;
use rusqlite::params;

use super::Reader;
use super::resources::{Facts, Revision, revision_of};
use crate::Error;
use crate::code::{integer, nanoseconds, natural, type_number};

/// The most versions on a page.
pub const MAX_HISTORY: usize = 500;
/// The most entries of the journal that are looked at for one page.
const MAX_ENTRIES: usize = 20_000;
/// Requests that never store a resource, as the message index calls them.
const SILENT: &str = "('see','turn-away','tick','configure','park')";

/// Which versions are asked for.
#[derive(Debug, Clone, Default)]
pub struct HistorySearch {
    /// Of this type alone.
    pub resource_type: Option<ResourceType>,
    /// Of this resource alone; needs the type.
    pub id: Option<Id>,
    /// Stored at this time or later.
    pub since: Option<Timestamp>,
    /// Current at some time between these two.
    pub at: Option<(Timestamp, Timestamp)>,
    /// Before this place, that is the next page.
    pub before: Option<Place>,
    /// The most on the page; at most [`MAX_HISTORY`].
    pub count: usize,
}

/// A place in the journal: the number of the entry and of the fact in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the entry.
    pub seq: u64,
    /// The index of the fact in it.
    pub ordinal: u64,
}

/// One page of a history.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The versions, newest first. There may be fewer than asked for, even none, although there is
    /// a next page.
    pub revisions: Vec<Revision>,
    /// Where the next page begins; none when this is the last one.
    pub next: Option<Place>,
    /// How many there are in all, where that is known.
    pub total: Option<u64>,
}

impl Reader {
    /// One page of a history. Versions whose entries have left this node with their segments are
    /// not in it.
    pub fn history(&self, search: &HistorySearch) -> Result<History, Error> {
        let count = search.count.clamp(1, MAX_HISTORY);
        match (search.resource_type, &search.id) {
            (Some(kind), Some(id)) => self.history_of(search, kind, id, count),
            _ => self.history_of_many(search, count),
        }
    }

    fn history_of(
        &self,
        search: &HistorySearch,
        kind: ResourceType,
        id: &Id,
        count: usize,
    ) -> Result<History, Error> {
        let snapshot = self.snapshot()?;
        let mut statement = snapshot.prepare_cached(
            "SELECT v.seq, v.ordinal FROM resource r JOIN version v ON v.n = r.n \
             WHERE r.type IN (?1, -?1) AND r.id = ?2 \
             UNION ALL SELECT seq, ordinal FROM resource WHERE type IN (?1, -?1) AND id = ?2 \
             ORDER BY 1 DESC, 2 DESC",
        )?;
        let places = statement.query_map(params![type_number(kind), id.as_str()], |row| {
            Ok(Place { seq: natural(row.get(0)?), ordinal: natural(row.get(1)?) })
        })?;
        let places = places.collect::<Result<Vec<Place>, _>>()?;
        let journal = journal::Reader::open(&self.journal)?;
        let conditional = search.since.is_some() || search.at.is_some();
        let total = (!conditional).then(|| u64::try_from(places.len()).unwrap_or(u64::MAX));
        let mut page = History { total, ..History::default() };
        let mut newer = None;
        let mut last = None;
        for place in places {
            let after_start = search.before.is_none_or(|before| place < before);
            if !after_start && search.at.is_none() {
                continue;
            }
            let revision = match revision_of(&journal, place.seq, place.ordinal) {
                Err(Error::Journal(journal::Error::Moved { .. })) => break,
                revision => revision?,
            };
            let at = revision.at();
            if search.since.is_some_and(|since| at < since) {
                break;
            }
            let current_at = search.at.is_none_or(|period| was_current(period, at, newer));
            newer = Some(at);
            if after_start && current_at {
                if page.revisions.len() == count {
                    page.next = last;
                    break;
                }
                page.revisions.push(revision);
                last = Some(place);
            }
        }
        Ok(page)
    }

    fn history_of_many(&self, search: &HistorySearch, count: usize) -> Result<History, Error> {
        let snapshot = self.snapshot()?;
        let mut statement = snapshot.prepare_cached(&format!(
            "SELECT seq, at FROM message WHERE seq <= ?1 \
             AND kind NOT IN (SELECT n FROM message_kind WHERE type IN {SILENT}) \
             ORDER BY seq DESC"
        ))?;
        let from = search.before.map_or(i64::MAX, |before| integer(before.seq));
        let since = search.since.map_or(i64::MIN, nanoseconds);
        let journal = journal::Reader::open(&self.journal)?;
        let mut rows = statement.query([from])?;
        let (mut page, mut looked) = (History::default(), 0);
        while let Some(row) = rows.next()? {
            let (seq, at): (u64, i64) = (natural(row.get(0)?), row.get(1)?);
            if at < since {
                break;
            }
            // The entry before this one is where the next page goes on.
            if looked == MAX_ENTRIES {
                page.next = Some(Place { seq: seq + 1, ordinal: 0 });
                break;
            }
            looked += 1;
            let place = search.before.filter(|before| before.seq == seq);
            let wanted = Wanted { before: place.map(|before| before.ordinal), count };
            match self.revisions_of(&journal, seq, search, wanted, &mut page) {
                Err(Error::Journal(journal::Error::Moved { .. })) => break,
                found => found?,
            }
            if page.next.is_some() {
                break;
            }
        }
        Ok(page)
    }

    /// Adds what an entry made of resources that are asked for, the last one first, until the page
    /// is full; then it says where the next one begins.
    fn revisions_of(
        &self,
        journal: &journal::Reader,
        seq: u64,
        search: &HistorySearch,
        wanted: Wanted,
        page: &mut History,
    ) -> Result<(), Error> {
        let Some(entry) = journal.get(seq)? else { return Ok(()) };
        // Most entries of a loop are about other types: their facts need not be read.
        let named = |kind: ResourceType| {
            let member = format!("\"resource_type\":\"{kind}\"");
            let head = &entry.head[..];
            head.windows(member.len()).any(|window| window == member.as_bytes())
        };
        if search.resource_type.is_some_and(|kind| !named(kind)) {
            return Ok(());
        }
        let facts = Facts::of(&entry.head)?;
        let end = wanted.before.map_or(facts.len(), |before| {
            facts.len().min(usize::try_from(before).unwrap_or(usize::MAX))
        });
        for ordinal in (0..end).rev() {
            let Some(revision) = facts.revision(ordinal)? else { continue };
            let (kind, id, version) = revision.is();
            if search.resource_type.is_some_and(|wanted| wanted != kind) {
                continue;
            }
            if let Some(period) = search.at {
                let newer = self.revision(kind, id, version + 1)?.map(|newer| newer.at());
                if !was_current(period, revision.at(), newer) {
                    continue;
                }
            }
            if page.revisions.len() == wanted.count {
                let after = u64::try_from(ordinal).unwrap_or(u64::MAX).saturating_add(1);
                page.next = Some(Place { seq, ordinal: after });
                return Ok(());
            }
            page.revisions.push(revision);
        }
        Ok(())
    }
}

/// What of an entry is wanted.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Only the facts before this one.
    before: Option<u64>,
    /// The most on the page.
    count: usize,
}

/// Whether a version that came at `at`, and ended with a newer one, was current in the period.
fn was_current(
    (from, to): (Timestamp, Timestamp),
    at: Timestamp,
    newer: Option<Timestamp>,
) -> bool {
    at <= to && newer.is_none_or(|newer| newer > from)
}
