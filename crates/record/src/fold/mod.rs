//! Taking facts into the tables, one file for each family of facts.
//!
//! Each family keeps its prepared statements for the length of a batch.

mod access;
mod case;
mod delivery;
mod message;
mod register;
mod resource;
mod state;
mod stock;

use medicines::{Fact, Row};
use rusqlite::Connection;

use crate::body::Packer;
use crate::{Applied, Error};

/// The statements of one batch.
pub(crate) struct Folder<'c> {
    messages: message::Messages<'c>,
    resources: resource::Resources<'c>,
    deliveries: delivery::Deliveries<'c>,
    cases: case::Cases<'c>,
    stock: stock::Stock<'c>,
    registers: register::Registers<'c>,
    access: access::Accesses<'c>,
    state: state::States<'c>,
}

impl<'c> Folder<'c> {
    /// Takes the statements from the connection's cache.
    pub(crate) fn new(connection: &'c Connection, packer: &'c mut Packer) -> Result<Self, Error> {
        Ok(Self {
            messages: message::Messages::new(connection)?,
            resources: resource::Resources::new(connection, packer)?,
            deliveries: delivery::Deliveries::new(connection)?,
            cases: case::Cases::new(connection)?,
            stock: stock::Stock::new(connection)?,
            registers: register::Registers::new(connection)?,
            access: access::Accesses::new(connection)?,
            state: state::States::new(connection)?,
        })
    }

    /// Takes one entry in.
    pub(crate) fn entry(&mut self, entry: &Applied<'_>) -> Result<(), Error> {
        self.messages.received(entry)?;
        for (ordinal, fact) in (0..).zip(entry.facts) {
            let place = Place { seq: crate::code::integer(entry.seq), ordinal, at: entry.at };
            match fact {
                // The configuration in force is a state row; the older ones are in the journal.
                Fact::Configured(_)
                | Fact::Applied(_)
                | Fact::Dictionary(_)
                | Fact::Package(_)
                | Fact::CriticalOverride(_)
                | Fact::Recalled(_)
                | Fact::Subscription(_)
                | Fact::Kept(_) => {}
                Fact::Stored(resource) | Fact::Recorded(resource) => {
                    self.resources.stored(place, resource)?;
                }
                Fact::Deleted(deleted) => self.resources.deleted(place, deleted)?,
                Fact::Moved(transfer) => {
                    self.stock.moved(place, transfer)?;
                    self.registers.moved(place, transfer)?;
                }
                Fact::Controlled(fact) => self.registers.controlled(place, fact)?,
                Fact::PocketActivity(activity) => self.stock.activity(place, activity)?,
                Fact::Queued(delivery) => self.deliveries.queued(place, delivery)?,
                Fact::Delivery(change) => self.deliveries.changed(place, change)?,
                Fact::Joined(joined) => self.deliveries.joined(joined)?,
                Fact::Rerouted(rerouted) => self.deliveries.rerouted(place, rerouted)?,
                Fact::CaseOpened(case) => self.cases.opened(case)?,
                Fact::CaseClosed(closed) => self.cases.closed(closed)?,
                Fact::Seen(access) => self.access.happened(place, access, false)?,
                Fact::Refused(access) => self.access.happened(place, access, true)?,
            }
        }
        Ok(())
    }

    /// Writes what was gathered over the batch.
    pub(crate) fn end(self) -> Result<(), Error> {
        self.resources.end()
    }

    /// Takes one row of the live state in.
    pub(crate) fn row(&mut self, row: &Row) -> Result<(), Error> {
        self.state.put(row)
    }
}

/// Where a fact stands in the journal.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The number of the entry.
    seq: i64,
    /// The index of the fact in its entry, from 0.
    ordinal: i64,
    /// When the entry was recorded.
    at: jiff::Timestamp,
}
