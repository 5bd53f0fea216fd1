//! The registers of controlled drugs: the pages, and the entries of one.

use std::collections::{BTreeMap, BTreeSet};

use fhir::{Id, ResourceType};
use jiff::Timestamp;
use medicines::Zone;
use medicines::controlled::{
    Authority, Classes, Correction, Count, Discrepancy, EntryKind, Lateness, Note, Place,
    RegisterEntry, Requisition, Schedule, Seen, StepTaken, lateness,
};
use medicines::state::PageState;
use medicines::stock::{Account, Transfer};
use medicines::{RowKind, Site};
use rusqlite::{OptionalExtension, Row};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;

use super::{CaseView, Reader, limited};
use crate::Error;
use crate::code::{from_json, integer, nanoseconds, natural, timestamp};

/// The most entries of a register in one answer.
pub const MAX_ENTRIES: usize = 1_000;

/// The most occurrences in one answer.
pub const MAX_OCCURRENCES: usize = 10_000;

/// A page of a register: one place, one item and strength.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterPage {
    /// The place.
    pub place: Place,
    /// The local formulary code of the item.
    pub item: String,
    /// The name on the shelf; the code where the formulary has the item no more.
    pub name: String,
    /// The strength of one unit, as `10 mg`.
    pub strength: Option<String>,
    /// The unit in which it is counted.
    pub unit: String,
    /// Its schedule; none where it is a controlled drug no more.
    pub schedule: Option<Schedule>,
    /// How many entries there are.
    pub entries: u64,
    /// What the page holds.
    pub balance: Decimal,
    /// When the newest entry was entered.
    pub last_entered: Timestamp,
    /// When it was last counted.
    pub last_count: Option<Timestamp>,
    /// By when it has to be counted.
    pub count_due: Option<Timestamp>,
    /// The case that asks for a count, where it is overdue.
    pub overdue: Option<Id>,
}

/// Which entries of a page are asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegisterWindow {
    /// Done at this time or later.
    pub from: Option<Timestamp>,
    /// Done before this time.
    pub to: Option<Timestamp>,
    /// After the entry of this number.
    pub after: u64,
    /// How many at most; no more than [`MAX_ENTRIES`].
    pub limit: usize,
}

/// Entries of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSlice {
    /// The page.
    pub page: RegisterPage,
    /// The entries, in the order in which they were entered.
    pub entries: Vec<RegisterEntry>,
    /// What the page held before the first of them.
    pub carried: Decimal,
    /// The number after which the next entries come; none where there are no more.
    pub next: Option<u64>,
    /// The names of the people in the entries, by their staff numbers.
    pub people: BTreeMap<String, String>,
}

/// One row of a page.
struct Line {
    k: u64,
    seq: u64,
    at: Timestamp,
    entered: Timestamp,
    what: i64,
    source: Id,
    received: Decimal,
    issued: Decimal,
    handled: Decimal,
    balance: Decimal,
}

pub(super) const PAGE_SQL: &str = "SELECT p.place, p.item, r.k, r.balance, r.entered, \
     (SELECT max(c.at) FROM register c WHERE c.page = p.page AND c.what = 1) \
     FROM register_page p JOIN register r ON r.page = p.page \
     AND r.k = (SELECT max(k) FROM register WHERE page = p.page)";

impl Reader {
    /// Every page of the registers, in the order of the places and items.
    pub fn registers(&self) -> Result<Vec<RegisterPage>, Error> {
        let snapshot = self.snapshot()?;
        let sql = format!("{PAGE_SQL} ORDER BY p.place, p.item");
        let mut statement = snapshot.prepare_cached(&sql)?;
        let (site, classes) = (self.site()?, self.classes()?);
        let mut rows = statement.query([])?;
        let mut pages = Vec::new();
        while let Some(row) = rows.next()? {
            pages.push(self.page(row, &site, &classes)?);
        }
        Ok(pages)
    }

    /// Which items are controlled drugs.
    pub fn classes(&self) -> Result<Classes, Error> {
        Ok(self.read_row(RowKind::Classes, "")?.unwrap_or_default())
    }

    /// The items of which registers are or were kept.
    pub fn registered_items(&self) -> Result<BTreeSet<String>, Error> {
        let mut items = self.classes()?.registered;
        let mut statement = self.connection.prepare_cached("SELECT item FROM register_item")?;
        for item in statement.query_map((), |row| row.get(0))? {
            items.insert(item?);
        }
        Ok(items)
    }

    /// The entries of the page of a place and an item; none where there is no such page.
    pub fn register(
        &self,
        place: &Place,
        item: &str,
        window: &RegisterWindow,
    ) -> Result<Option<RegisterSlice>, Error> {
        let snapshot = self.snapshot()?;
        let sql = format!("{PAGE_SQL} WHERE p.place = ?1 AND p.item = ?2");
        let (site, classes) = (self.site()?, self.classes()?);
        let mut statement = snapshot.prepare_cached(&sql)?;
        let mut rows = statement.query((place.to_string(), item))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let page = self.page(row, &site, &classes)?;
        drop(rows);
        let limit = window.limit.clamp(1, MAX_ENTRIES);
        let mut lines = self.lines(place, item, window, limit + 1)?;
        let more = lines.len() > limit;
        lines.truncate(limit);
        let next = lines.last().map(|line| line.k).filter(|_| more);
        let carried = match lines.first() {
            Some(line) => line.balance - line.received + line.issued,
            None => self.carried(place, item, window)?.unwrap_or(page.balance),
        };
        let entry = |line| self.entry(place, line, &site.time_zone);
        let entries: Vec<RegisterEntry> = lines.into_iter().map(entry).collect::<Result<_, _>>()?;
        let people = names(&site, &entries);
        Ok(Some(RegisterSlice { page, entries, carried, next, people }))
    }

    /// The item of the entries of a source; none where no register has one.
    pub(super) fn entered_item(&self, source: &Id) -> Result<Option<String>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT p.item FROM register r JOIN register_page p ON p.page = r.page \
             WHERE r.source = ?1 LIMIT 1",
        )?;
        Ok(statement.query_row([source.as_str()], |row| row.get(0)).optional()?)
    }

    /// The requisitions of which something is still to be sent, the oldest first.
    pub fn requisitions(&self) -> Result<Vec<Requisition>, Error> {
        let mut asked: Vec<Requisition> = self.live_rows(RowKind::Requisition)?;
        asked.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        Ok(asked)
    }

    /// A requisition, whether something of it is still to be sent or not.
    pub fn requisition(&self, id: &Id) -> Result<Option<Requisition>, Error> {
        self.read_row(RowKind::Requisition, id.as_str())
    }

    /// The discrepancies that are not over, the oldest first.
    pub fn discrepancies(&self) -> Result<Vec<Discrepancy>, Error> {
        let mut known: Vec<Discrepancy> = self.live_rows(RowKind::Discrepancy)?;
        known.sort_by(|one, other| (one.opened, &one.id).cmp(&(other.opened, &other.id)));
        Ok(known)
    }

    /// A discrepancy, over or not, with the steps that were taken, the oldest first.
    pub fn discrepancy(&self, id: &Id) -> Result<Option<(Discrepancy, Vec<StepTaken>)>, Error> {
        let Some(known) = self.read_row(RowKind::Discrepancy, id.as_str())? else {
            return Ok(None);
        };
        let mut statement = self
            .connection
            .prepare_cached("SELECT body FROM register_step WHERE of = ?1 ORDER BY n LIMIT 1000")?;
        let steps = statement
            .query_and_then([id.as_str()], |row| from_json("step", &row.get::<_, String>(0)?))?;
        Ok(Some((known, steps.collect::<Result<_, Error>>()?)))
    }

    /// What happened with controlled drugs and was to be looked at, from a time on and before
    /// another: the cases about items of which a register is kept, the oldest first; at most
    /// [`MAX_OCCURRENCES`], and whether there are more.
    pub fn occurrences(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(Vec<CaseView>, bool), Error> {
        let mut found = self.cases_between(from, to, |case| {
            case.item.as_deref().is_some_and(|item| self.has_register(item).unwrap_or(false))
        })?;
        let more = found.len() > MAX_OCCURRENCES;
        found.truncate(MAX_OCCURRENCES);
        Ok((found, more))
    }

    fn has_register(&self, item: &str) -> Result<bool, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM register_item WHERE item = ?1")?;
        Ok(statement.exists([item])?)
    }

    fn live_rows<T: DeserializeOwned>(&self, kind: RowKind) -> Result<Vec<T>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM state INDEXED BY state_live WHERE kind = ?1 AND live = 1",
        )?;
        let rows = statement.query_and_then([kind.number()], |row| {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            serde_json::from_slice(body).map_err(|_| Error::Json { what: "row of the live state" })
        })?;
        rows.collect()
    }

    pub(super) fn page(
        &self,
        row: &Row<'_>,
        site: &Site,
        classes: &Classes,
    ) -> Result<RegisterPage, Error> {
        let (place, item): (String, String) = (row.get(0)?, row.get(1)?);
        let state: PageState =
            self.read_row(RowKind::Page, &format!("{place}|{item}"))?.unwrap_or_default();
        let known = site.item(&item);
        let strength = known.and_then(|item| item.strength.as_ref());
        Ok(RegisterPage {
            place: place.parse().map_err(|_| Error::Corrupt("a place of a register".into()))?,
            name: known.map_or_else(|| item.clone(), |item| item.name.clone()),
            strength: strength.map(|of| format!("{} {}", of.value.normalize(), of.unit)),
            unit: known.map_or_else(String::new, |item| item.unit.clone()),
            schedule: classes.items.get(&item).copied(),
            item,
            entries: natural(row.get(2)?),
            balance: decimal(&row.get::<_, String>(3)?)?,
            last_entered: timestamp(row.get(4)?),
            last_count: row.get::<_, Option<i64>>(5)?.map(timestamp),
            count_due: state.due,
            overdue: state.case,
        })
    }

    fn lines(
        &self,
        place: &Place,
        item: &str,
        window: &RegisterWindow,
        limit: usize,
    ) -> Result<Vec<Line>, Error> {
        // Of a window of time the rows are found by time, and sorted; all of a page lies in order.
        let index = match (window.from, window.to) {
            (None, None) => "register_page_k",
            _ => "register_page_at",
        };
        let sql = format!(
            "SELECT k, seq, at, entered, what, source, received, issued, handled, balance \
             FROM register INDEXED BY {index} WHERE page = \
             (SELECT page FROM register_page WHERE place = ?1 AND item = ?2) \
             AND at >= ?3 AND at < ?4 AND k > ?5 ORDER BY k LIMIT ?6"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let from = window.from.map_or(i64::MIN, nanoseconds);
        let to = window.to.map_or(i64::MAX, nanoseconds);
        let after = integer(window.after);
        let values = (place.to_string(), item, from, to, after, limited(limit, MAX_ENTRIES + 1));
        statement.query_and_then(values, line)?.collect()
    }

    /// What a page held before a window in which nothing was done; none where it has no beginning.
    fn carried(
        &self,
        place: &Place,
        item: &str,
        window: &RegisterWindow,
    ) -> Result<Option<Decimal>, Error> {
        let Some(from) = window.from else { return Ok(None) };
        let mut statement = self.connection.prepare_cached(
            "SELECT balance FROM register INDEXED BY register_page_k WHERE page = \
             (SELECT page FROM register_page WHERE place = ?1 AND item = ?2) \
             AND (at < ?3 OR k <= ?4) ORDER BY k DESC LIMIT 1",
        )?;
        let values = (place.to_string(), item, nanoseconds(from), integer(window.after));
        let row = statement.query_row(values, |row| row.get::<_, String>(0)).optional()?;
        row.map_or(Ok(Decimal::ZERO), |balance| decimal(&balance)).map(Some)
    }

    fn entry(&self, place: &Place, line: Line, zone: &Zone) -> Result<RegisterEntry, Error> {
        let mut entry = RegisterEntry {
            number: line.k,
            kind: EntryKind::Correction,
            received: line.received,
            issued: line.issued,
            handled: line.handled,
            balance: line.balance,
            counterparty: None,
            patient: place.patient().cloned(),
            authority: None,
            actor: String::new(),
            witness: None,
            witnessed: None,
            messenger: None,
            batches: Vec::new(),
            reason: None,
            source: line.source,
            entry: line.seq,
            occurred: line.at,
            entered: line.entered,
            late: lateness(line.at, line.entered, zone) > Lateness::SameDay,
            correction_of: None,
            corrected_by: Vec::new(),
            note: None,
        };
        match line.what {
            0 => self.of_transfer(&mut entry)?,
            1 => self.of_count(&mut entry)?,
            _ => self.of_correction(&mut entry)?,
        }
        entry.corrected_by = self.corrections(&entry.source)?;
        Ok(entry)
    }

    fn of_transfer(&self, entry: &mut RegisterEntry) -> Result<(), Error> {
        let Some(view) = self.transfer(&entry.source)? else {
            return Err(Error::Corrupt("a register names a transfer that is not there".into()));
        };
        let moved = view.transfer;
        let note: Note = self.noted(&entry.source)?.unwrap_or_default();
        let comes_in = !entry.received.is_zero();
        entry.kind = if note.corrects.is_some() {
            EntryKind::Correction
        } else if note.destroyed {
            EntryKind::Destroyed
        } else {
            EntryKind::of(&moved, comes_in)
        };
        entry.counterparty = match &note.counterparty {
            Some(name) => Some(name.clone()),
            None => self.other_side(&moved, comes_in)?,
        };
        entry.patient = moved.patient.clone().or_else(|| entry.patient.take());
        entry.authority = self.authority(&moved, &note)?;
        entry.batches = moved.parts().filter_map(|(batch, _)| batch.map(str::to_owned)).collect();
        let device = (moved.cabinet.is_some() && moved.witness.is_some()).then_some(Seen::Device);
        entry.witnessed = note.seen.clone().or(device);
        entry.reason = match (&note.reason, &moved.case) {
            (Some(reason), _) => Some(reason.clone()),
            (None, Some(case)) => self.case(case)?.map(|view| view.case.reason),
            (None, None) => None,
        };
        (entry.actor, entry.witness) = (moved.person, moved.witness);
        (entry.messenger, entry.note, entry.correction_of) =
            (note.messenger, note.note, note.corrects);
        Ok(())
    }

    /// Where it came from or went to. Of what is on its way that is where it was sent off, or
    /// where it is to go.
    fn other_side(&self, moved: &Transfer, comes_in: bool) -> Result<Option<String>, Error> {
        let other = if comes_in { &moved.from } else { &moved.to };
        let Account::Transit(id) = other else {
            let place = Place::of(other).map(|place| place.to_string());
            return Ok(Some(place.unwrap_or_else(|| other.to_string())));
        };
        if !comes_in {
            return Ok(moved.towards.clone().or_else(|| Some(other.to_string())));
        }
        let sent = self.transfer(id)?.map(|view| view.transfer.from);
        let place = sent.as_ref().and_then(Place::of).map(|place| place.to_string());
        Ok(place.or_else(|| Some(other.to_string())))
    }

    fn authority(&self, moved: &Transfer, note: &Note) -> Result<Option<Authority>, Error> {
        let mut requisition = note.requisition.clone();
        if let Account::Transit(sent) = &moved.from {
            // What is received was supplied on the same requisition.
            requisition = self.noted::<Note>(sent)?.and_then(|note| note.requisition);
        }
        if moved.order.is_none() && requisition.is_none() {
            return Ok(None);
        }
        let order = match &moved.order {
            Some(id) => self.read(ResourceType::MedicationRequest, id)?,
            None => None,
        };
        let (number, prescriber) = order.map(|order| signed(&order)).unwrap_or_default();
        let order = moved.order.clone();
        Ok(Some(Authority { order, number, prescriber, requisition }))
    }

    fn of_count(&self, entry: &mut RegisterEntry) -> Result<(), Error> {
        let Some(count) = self.noted::<Count>(&entry.source)? else {
            return Err(Error::Corrupt("a register names a count that is not there".into()));
        };
        entry.kind = EntryKind::Count;
        entry.note = Some(count.words());
        entry.counterparty = Some(count.account.to_string());
        (entry.actor, entry.witness, entry.witnessed) = (count.person, count.witness, count.seen);
        Ok(())
    }

    fn of_correction(&self, entry: &mut RegisterEntry) -> Result<(), Error> {
        let Some(told) = self.noted::<Correction>(&entry.source)? else {
            return Err(Error::Corrupt("a register names a correction that is not there".into()));
        };
        entry.correction_of = Some(told.of);
        entry.note = Some(told.note);
        (entry.actor, entry.witness, entry.witnessed) = (told.person, told.witness, told.seen);
        Ok(())
    }

    /// The later entries that correct one.
    pub(super) fn corrections(&self, source: &Id) -> Result<Vec<Id>, Error> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT id FROM register_correction WHERE of = ?1 ORDER BY seq, id")?;
        let ids =
            statement.query_and_then([source.as_str()], |row| id(&row.get::<_, String>(0)?))?;
        ids.collect()
    }

    fn noted<T: DeserializeOwned>(&self, id: &Id) -> Result<Option<T>, Error> {
        let mut statement =
            self.connection.prepare_cached("SELECT body FROM register_note WHERE id = ?1")?;
        let body = statement.query_row([id.as_str()], |row| row.get::<_, String>(0)).optional()?;
        body.map(|body| from_json("register note", &body)).transpose()
    }

    fn read_row<T: DeserializeOwned>(&self, kind: RowKind, key: &str) -> Result<Option<T>, Error> {
        let row = self.row(kind, key)?;
        let read = row.map(|row| serde_json::from_slice(&row)).transpose();
        read.map_err(|_| Error::Json { what: "row of the live state" })
    }
}

fn line(row: &Row<'_>) -> Result<Line, Error> {
    Ok(Line {
        k: natural(row.get(0)?),
        seq: natural(row.get(1)?),
        at: timestamp(row.get(2)?),
        entered: timestamp(row.get(3)?),
        what: row.get(4)?,
        source: id(&row.get::<_, String>(5)?)?,
        received: decimal(&row.get::<_, String>(6)?)?,
        issued: decimal(&row.get::<_, String>(7)?)?,
        handled: decimal(&row.get::<_, String>(8)?)?,
        balance: decimal(&row.get::<_, String>(9)?)?,
    })
}

fn id(text: &str) -> Result<Id, Error> {
    Id::new(text).map_err(|_| Error::Corrupt("an id of a register".to_owned()))
}

fn decimal(text: &str) -> Result<Decimal, Error> {
    text.parse().map_err(|_| Error::Corrupt("a number of a register".to_owned()))
}

/// The number of an order and who prescribed it, as far as it says so.
fn signed(order: &fhir::StoredResource) -> (Option<String>, Option<String>) {
    let Ok(json) = serde_json::from_str::<serde_json::Value>(order.json()) else {
        return (None, None);
    };
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let requester = &json["requester"];
    let number = text(&json["identifier"][0]["value"]);
    let name = text(&requester["display"]).or_else(|| text(&requester["identifier"]["value"]));
    (number, name.or_else(|| text(&requester["reference"])))
}

fn names(site: &Site, entries: &[RegisterEntry]) -> BTreeMap<String, String> {
    let people = entries
        .iter()
        .flat_map(|entry| [Some(&entry.actor), entry.witness.as_ref(), entry.messenger.as_ref()]);
    let known = people.flatten().filter_map(|id| site.person(id));
    known.map(|person| (person.id.clone(), person.name.clone())).collect()
}
