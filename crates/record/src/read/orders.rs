//! Orders that wait for a pharmacist.

use fhir::resources::MedicationRequest;
use fhir::{Id, ResourceType, StoredResource};
use medicines::RowKind;
use medicines::orders::VERIFIED_BY;
use medicines::state::OrderState;
use serde::Deserialize;

use super::Reader;
use crate::Error;

/// How many versions before an order's newest one are looked at for one that was verified.
const MAX_BACK: u64 = 20;

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

    /// The version of an order with which a pharmacist compares version `version`: the last one
    /// before it that was verified, among the last 20, else the one before it. None for a new
    /// order.
    pub fn compared_version(
        &self,
        order: &Id,
        version: u64,
    ) -> Result<Option<StoredResource>, Error> {
        let mut before = None;
        for version in (version.saturating_sub(MAX_BACK).max(1)..version).rev() {
            let stored = self.version(ResourceType::MedicationRequest, order, version)?;
            let Some(stored) = stored else { break };
            let read = stored.read::<MedicationRequest>().ok();
            let verified = |order: MedicationRequest| {
                order.extension.iter().any(|extension| extension.url == VERIFIED_BY)
            };
            if read.is_some_and(verified) {
                return Ok(Some(stored));
            }
            before = before.or(Some(stored));
        }
        Ok(before)
    }

    /// The configuration in force, as far as it is recorded.
    pub fn site(&self) -> Result<medicines::Site, Error> {
        let row = self.row(RowKind::Site, "")?;
        let read = row.map(|row| serde_json::from_slice(&row)).transpose();
        Ok(read.map_err(|_| Error::Json { what: "site row" })?.unwrap_or_default())
    }
}
