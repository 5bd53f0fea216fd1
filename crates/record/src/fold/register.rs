//! The registers of controlled drugs: what each posted transfer enters on which page.
//!
//! They are a reading of the transfers ([`medicines::controlled::lines`]), kept with their
//! running balances so that a page is shown without adding up years of it. Rows are only ever
//! added.

use jiff::Timestamp;
use medicines::controlled::{Classes, ControlledFact, Correction, Count, Line, Place, lines};
use medicines::stock::{Account, Transfer};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use rust_decimal::Decimal;

use super::Place as Told;
use crate::Error;
use crate::code::{from_json, integer, json, nanoseconds, natural, timestamp};

/// What a row of a page is of.
#[derive(Debug, Clone, Copy)]
enum Source {
    Transfer = 0,
    Count = 1,
    Correction = 2,
}

pub(super) struct Registers<'c> {
    connection: &'c Connection,
    registered: CachedStatement<'c>,
    register: CachedStatement<'c>,
    page: CachedStatement<'c>,
    begin: CachedStatement<'c>,
    last: CachedStatement<'c>,
    enter: CachedStatement<'c>,
    taken: CachedStatement<'c>,
    note: CachedStatement<'c>,
    pages_of: CachedStatement<'c>,
    correct: CachedStatement<'c>,
    step: CachedStatement<'c>,
}

/// One row of a page, as it is entered.
struct Row<'a> {
    id: &'a str,
    source: Source,
    seq: i64,
    entered: Timestamp,
    occurred: Timestamp,
}

impl<'c> Registers<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        let prepare = |sql| connection.prepare_cached(sql);
        Ok(Self {
            connection,
            registered: prepare("SELECT 1 FROM register_item WHERE item = ?1")?,
            register: prepare("INSERT OR IGNORE INTO register_item (item, seq) VALUES (?1, ?2)")?,
            page: prepare("SELECT page FROM register_page WHERE place = ?1 AND item = ?2")?,
            begin: prepare("INSERT INTO register_page (place, item) VALUES (?1, ?2)")?,
            last: prepare(
                "SELECT k, balance FROM register WHERE page = ?1 ORDER BY k DESC LIMIT 1",
            )?,
            enter: prepare(
                "INSERT INTO register (page, k, seq, at, entered, what, source, received, issued, \
                 handled, balance) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?,
            taken: prepare("SELECT body FROM transfer WHERE id = ?1")?,
            note: prepare(
                "INSERT OR IGNORE INTO register_note (id, seq, body) VALUES (?1, ?2, ?3)",
            )?,
            pages_of: prepare(
                "SELECT DISTINCT page FROM register WHERE source = ?1 ORDER BY page",
            )?,
            correct: prepare(
                "INSERT OR IGNORE INTO register_correction (of, id, seq) VALUES (?1, ?2, ?3)",
            )?,
            step: prepare("INSERT INTO register_step (of, body) VALUES (?1, ?2)")?,
        })
    }

    /// A transfer as it stands now.
    pub(super) fn moved(&mut self, told: Told, moved: &Transfer) -> Result<(), Error> {
        if self.registered.exists([&moved.item])? {
            self.enter_transfer(told.seq, told.at, moved)?;
        }
        Ok(())
    }

    pub(super) fn controlled(&mut self, told: Told, fact: &ControlledFact) -> Result<(), Error> {
        match fact {
            ControlledFact::Classified(classes) => self.classified(told, classes),
            ControlledFact::Counted(count) => self.counted(told, count),
            ControlledFact::Noted(note) => {
                let Some(id) = &note.transfer else { return Ok(()) };
                let body = json("register note", note)?;
                self.note.execute(params![id.as_str(), told.seq, body])?;
                if let Some(of) = &note.corrects {
                    self.correct.execute(params![of.as_str(), id.as_str(), told.seq])?;
                }
                Ok(())
            }
            ControlledFact::Corrected(correction) => self.corrected(told, correction),
            ControlledFact::Stepped(step) => {
                let body = json("step", step)?;
                self.step.execute(params![step.discrepancy.id.as_str(), body])?;
                Ok(())
            }
            // What is live of them is in the rows of the state.
            ControlledFact::Signed(_) | ControlledFact::Requisition(_) => Ok(()),
        }
    }

    /// An item that becomes a controlled drug gets its pages with all that ever moved of it. Once
    /// it has them they go on, whatever its class is later.
    fn classified(&mut self, told: Told, classes: &Classes) -> Result<(), Error> {
        for item in &classes.registered {
            if self.register.execute(params![item, told.seq])? == 0 {
                continue;
            }
            let mut earlier = self.connection.prepare_cached(
                "SELECT seq, told, body FROM transfer INDEXED BY transfer_item \
                 WHERE item = ?1 AND state = 1 ORDER BY seq, n",
            )?;
            let mut rows = earlier.query([item])?;
            while let Some(row) = rows.next()? {
                let moved: Transfer = from_json("transfer", &row.get::<_, String>(2)?)?;
                self.enter_transfer(row.get(0)?, timestamp(row.get(1)?), &moved)?;
            }
        }
        Ok(())
    }

    fn enter_transfer(
        &mut self,
        seq: i64,
        entered: Timestamp,
        moved: &Transfer,
    ) -> Result<(), Error> {
        let taken_from = self.taken_from(moved)?;
        for line in lines(moved, taken_from.as_ref()) {
            let occurred = moved.activity;
            let source = Source::Transfer;
            let row = Row { id: moved.id.as_str(), source, seq, entered, occurred };
            self.enter(&row, &line, &moved.item)?;
        }
        Ok(())
    }

    /// Out of which account the units in hands were taken, that a transfer moves on.
    fn taken_from(&mut self, moved: &Transfer) -> Result<Option<Account>, Error> {
        let Account::Hands(removal) = &moved.from else { return Ok(None) };
        let body = self.taken.query_row([removal.as_str()], |row| row.get::<_, String>(0));
        let taken = body.optional()?.map(|body| from_json::<Transfer>("transfer", &body));
        Ok(taken.transpose()?.map(|taken| taken.from))
    }

    fn counted(&mut self, told: Told, count: &Count) -> Result<(), Error> {
        let Some(place) = count.place() else { return Ok(()) };
        if !self.registered.exists([&count.item])? {
            return Ok(());
        }
        let body = json("count", count)?;
        self.note.execute(params![count.id.as_str(), told.seq, body])?;
        let (zero, handled) = (Decimal::ZERO, count.found);
        let line = Line { place, received: zero, issued: zero, handled };
        let row = Row {
            id: count.id.as_str(),
            source: Source::Count,
            seq: told.seq,
            entered: told.at,
            occurred: count.activity,
        };
        self.enter(&row, &line, &count.item)
    }

    /// A note stands on every page that has the entry that it is about.
    fn corrected(&mut self, told: Told, correction: &Correction) -> Result<(), Error> {
        let body = json("correction", correction)?;
        self.note.execute(params![correction.id.as_str(), told.seq, body])?;
        let (of, id) = (correction.of.as_str(), correction.id.as_str());
        self.correct.execute(params![of, id, told.seq])?;
        let pages = self.pages_of.query_map([of], |row| row.get(0))?;
        let pages: Vec<i64> = pages.collect::<Result<_, _>>()?;
        for page in pages {
            let row = Row {
                id,
                source: Source::Correction,
                seq: told.seq,
                entered: told.at,
                occurred: correction.activity,
            };
            self.enter_on(page, &row, [Decimal::ZERO; 3])?;
        }
        Ok(())
    }

    fn enter(&mut self, row: &Row<'_>, line: &Line, item: &str) -> Result<(), Error> {
        let page = self.page_of(&line.place, item)?;
        self.enter_on(page, row, [line.received, line.issued, line.handled])
    }

    fn page_of(&mut self, place: &Place, item: &str) -> Result<i64, Error> {
        let place = place.to_string();
        let known = self.page.query_row(params![place, item], |row| row.get(0)).optional()?;
        if let Some(page) = known {
            return Ok(page);
        }
        self.begin.execute(params![place, item])?;
        Ok(self.connection.last_insert_rowid())
    }

    fn enter_on(
        &mut self,
        page: i64,
        row: &Row<'_>,
        [received, issued, handled]: [Decimal; 3],
    ) -> Result<(), Error> {
        let last = self.last.query_row([page], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)));
        let (k, balance) = match last.optional()? {
            Some((k, balance)) => (k, decimal(&balance)?),
            None => (0, Decimal::ZERO),
        };
        let balance = balance + received - issued;
        self.enter.execute(params![
            page,
            integer(natural(k) + 1),
            row.seq,
            nanoseconds(row.occurred),
            nanoseconds(row.entered),
            row.source as i64,
            row.id,
            text(received),
            text(issued),
            text(handled),
            text(balance),
        ])?;
        Ok(())
    }
}

/// A decimal as the register keeps it: without needless zeros, so that a number has one look.
fn text(number: Decimal) -> String {
    number.normalize().to_string()
}

fn decimal(text: &str) -> Result<Decimal, Error> {
    text.parse().map_err(|_| Error::Corrupt("a balance of a register".to_owned()))
}
