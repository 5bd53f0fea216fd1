//! Transfers, and what cabinets told about their pockets.

use medicines::cabinet::Transaction;
use medicines::stock::Transfer;
use rusqlite::{CachedStatement, Connection, params};

use super::Place;
use crate::Error;
use crate::code::{json, movement, nanoseconds, transfer_state};

pub(super) struct Stock<'c> {
    transfer: CachedStatement<'c>,
    activity: CachedStatement<'c>,
}

impl<'c> Stock<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            // A pending transfer that is posted or voided keeps its number; `seq` and `told` are
            // those of the entry that said so.
            transfer: connection.prepare_cached(
                "INSERT INTO transfer (id, seq, state, movement, told, item, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                 ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, state = excluded.state, \
                 movement = excluded.movement, told = excluded.told, body = excluded.body",
            )?,
            activity: connection.prepare_cached(
                "INSERT INTO pocket_activity (seq, cabinet, body) VALUES (?1, ?2, ?3)",
            )?,
        })
    }

    pub(super) fn moved(&mut self, place: Place, transfer: &Transfer) -> Result<(), Error> {
        self.transfer.execute(params![
            transfer.id.as_str(),
            place.seq,
            transfer_state(transfer.state),
            movement(transfer.movement),
            nanoseconds(place.at),
            transfer.item.as_str(),
            json("transfer", transfer)?,
        ])?;
        Ok(())
    }

    pub(super) fn activity(&mut self, place: Place, told: &Transaction) -> Result<(), Error> {
        let body = json("pocket transaction", told)?;
        self.activity.execute(params![place.seq, told.cabinet(), body])?;
        Ok(())
    }
}
