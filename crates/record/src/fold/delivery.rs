//! Messages to be sent, and what became of them.

use medicines::deliveries::{Delivery, DeliveryChange, DeliveryState, Which};
use rusqlite::{CachedStatement, Connection, params};

use super::Place;
use crate::Error;
use crate::code::{delivery_state, json, nanoseconds};

pub(super) struct Deliveries<'c> {
    queue: CachedStatement<'c>,
    one: CachedStatement<'c>,
    again: CachedStatement<'c>,
    older_profile: CachedStatement<'c>,
    open: CachedStatement<'c>,
}

impl<'c> Deliveries<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Error> {
        Ok(Self {
            queue: connection.prepare_cached(
                "INSERT INTO delivery \
                 (id, seq, channel, key, at, state, profile, attempts, changed_at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 0, ?5, ?7)",
            )?,
            one: connection.prepare_cached(
                "UPDATE delivery SET state = ?2, attempts = attempts + ?3, changed_at = ?4, \
                 detail = ?5 WHERE id = ?1",
            )?,
            // Only a message whose outcome is unknown can wait again: one that was replaced in
            // the meantime would tell its peer of what is long past.
            again: connection.prepare_cached(
                "UPDATE delivery SET state = 0, attempts = 0, changed_at = ?2, detail = ?3 \
                 WHERE id = ?1 AND state = 1",
            )?,
            // The first conditions are those of the partial index: only open rows are looked at.
            older_profile: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_open_profile \
                 SET state = ?2, changed_at = ?3, detail = ?4 \
                 WHERE state < 2 AND profile = 1 AND channel = ?1 AND seq < ?5",
            )?,
            open: connection.prepare_cached(
                "UPDATE delivery INDEXED BY delivery_open \
                 SET state = ?2, changed_at = ?3, detail = ?4 \
                 WHERE state < 2 AND channel = ?1 AND seq < ?5",
            )?,
        })
    }

    pub(super) fn queued(&mut self, place: Place, delivery: &Delivery) -> Result<(), Error> {
        self.queue.execute(params![
            delivery.id.as_str(),
            place.seq,
            &*delivery.channel,
            delivery.key.as_str(),
            nanoseconds(delivery.at),
            delivery.profile,
            json("delivery", delivery)?,
        ])?;
        Ok(())
    }

    /// A change of a delivery that was never queued changes nothing. One that waits again begins
    /// anew: its attempts are counted from there.
    pub(super) fn changed(&mut self, place: Place, change: &DeliveryChange) -> Result<(), Error> {
        let (state, at) = (delivery_state(change.state), nanoseconds(change.at));
        let (channel, detail) = (&*change.channel, change.detail.as_deref());
        match &change.which {
            Which::One(id) if change.state == DeliveryState::Waiting => {
                self.again.execute(params![id.as_str(), at, detail])?;
            }
            Which::One(id) => {
                let sent = i64::from(was_sent(change.state));
                self.one.execute(params![id.as_str(), state, sent, at, detail])?;
            }
            Which::OlderProfile => {
                self.older_profile.execute(params![channel, state, at, detail, place.seq])?;
            }
            Which::Open => {
                self.open.execute(params![channel, state, at, detail, place.seq])?;
            }
        }
        Ok(())
    }
}

/// Whether the change tells of an attempt to send.
fn was_sent(state: DeliveryState) -> bool {
    match state {
        DeliveryState::Delivered | DeliveryState::Refused | DeliveryState::Unknown => true,
        DeliveryState::Waiting | DeliveryState::Superseded => false,
    }
}
