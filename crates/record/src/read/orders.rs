//! Orders that wait for a pharmacist.

use medicines::RowKind;
use medicines::state::OrderState;
use serde::Deserialize;

use super::Reader;
use crate::Error;

/// As much of an order's row as tells whether it is verified.
#[derive(Deserialize)]
struct Light {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    verified: bool,
}

impl Reader {
    /// The orders that can still be taken or held and that no pharmacist has verified as they are
    /// now. Each live order is looked at, so this takes some ten milliseconds for a hospital.
    pub fn unverified_orders(&self) -> Result<Vec<OrderState>, Error> {
        let unreadable = |_| Error::Json { what: "order row" };
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM state INDEXED BY state_live WHERE kind = ?1 AND live = 1",
        )?;
        let mut rows = statement.query([RowKind::Order.number()])?;
        let mut orders = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let light: Light = serde_json::from_slice(body).map_err(unreadable)?;
            if light.changes.last().is_some_and(|last| !last.verified) {
                orders.push(serde_json::from_slice(body).map_err(unreadable)?);
            }
        }
        Ok(orders)
    }

    /// The configuration in force, as far as it is recorded.
    pub fn site(&self) -> Result<medicines::Site, Error> {
        let row = self.row(RowKind::Site, "")?;
        let read = row.map(|row| serde_json::from_slice(&row)).transpose();
        Ok(read.map_err(|_| Error::Json { what: "site row" })?.unwrap_or_default())
    }
}
