//! The wards at a glance.

use std::borrow::Cow;
use std::collections::BTreeMap;

use fhir::ResourceType;
use medicines::RowKind;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Reader;
use crate::Error;
use crate::code::{count, type_number};

/// A ward and what is live in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ward {
    /// The ward, as PV1-3.1 names it.
    pub ward: String,
    /// How many patients are in it.
    pub inpatients: u64,
    /// How many of their orders are active or on hold.
    pub orders: u64,
}

/// How many orders have a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCount {
    /// The status as FHIR writes it: `active` or `on-hold`.
    pub status: String,
    /// How many orders have it.
    pub orders: u64,
}

/// As much of a patient's row as the overview needs.
#[derive(Deserialize)]
struct Inpatient<'a> {
    #[serde(borrow, default)]
    encounters: Vec<Stay<'a>>,
    #[serde(default)]
    orders: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Stay<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    ward: Option<String>,
}

impl Inpatient<'_> {
    /// The ward where the patient is now: that of the newest stay that is in progress.
    fn ward(self) -> Option<String> {
        self.encounters.into_iter().rev().find(|stay| stay.status == "in-progress")?.ward
    }
}

impl Reader {
    /// Every ward in which there is a patient, in the order of the names. A patient whose ward
    /// nobody told is counted nowhere.
    pub fn wards(&self) -> Result<Vec<Ward>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT body FROM state INDEXED BY state_live WHERE kind = ?1 AND live = 1",
        )?;
        let mut rows = statement.query([RowKind::Patient.number()])?;
        let mut wards: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            let patient: Inpatient<'_> =
                serde_json::from_slice(body).map_err(|_| Error::Json { what: "patient row" })?;
            let live = u64::try_from(patient.orders.len()).unwrap_or(u64::MAX);
            if let Some(ward) = patient.ward() {
                let (inpatients, orders) = wards.entry(ward).or_default();
                *inpatients += 1;
                *orders += live;
            }
        }
        let ward = |(ward, (inpatients, orders))| Ward { ward, inpatients, orders };
        Ok(wards.into_iter().map(ward).collect())
    }

    /// How many orders are active and how many are on hold, in the order of the statuses; the
    /// status of an order that ended is not counted.
    pub fn live_orders(&self) -> Result<Vec<OrderCount>, Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT status, count(*) FROM resource INDEXED BY resource_live \
             WHERE type = ?1 AND status IN ('active', 'on-hold', 'in-progress') \
             GROUP BY status ORDER BY status",
        )?;
        let order_count = |row: &rusqlite::Row<'_>| {
            Ok(OrderCount { status: row.get(0)?, orders: count(row.get(1)?) })
        };
        let rows =
            statement.query_map([type_number(ResourceType::MedicationRequest)], order_count)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
