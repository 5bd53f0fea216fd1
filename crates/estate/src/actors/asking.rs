//! The cabinet that asks before it opens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::station::{By, Station};
use crate::book::Finding;
use crate::clock::SimClock;
use crate::formulary::FORMULARY;
use crate::messages::rde::NAMESPACE;
use crate::site::staff_family;
use crate::wire::http::{Answer, HttpClient};
use crate::world::Patient;

/// A cabinet that asks.
pub(crate) struct AskingCabinet {
    pub(crate) station: Station,
    http: Arc<HttpClient>,
    /// One person at a time stands at the cabinet.
    door: Mutex<()>,
    counter: AtomicU64,
}

/// What somebody wants at the cabinet.
#[derive(Debug, Clone)]
pub(crate) struct Question<'a> {
    pub(crate) patient: &'a Patient,
    pub(crate) order: Option<u32>,
    /// The code that is asked for.
    pub(crate) code: &'a str,
    pub(crate) units: Decimal,
    pub(crate) user: &'a str,
    pub(crate) witness: Option<&'a str>,
    pub(crate) reason: Option<&'a str>,
}

/// The identifier of a patient, as JSON.
pub(crate) fn patient_json(patient: &Patient, site: &str) -> Value {
    match &patient.nhs {
        Some(nhs) => json!({"system": "https://fhir.nhs.uk/Id/nhs-number", "value": nhs}),
        None => json!({
            "system": format!("https://{}.nhs.uk/Id/mrn", site.to_lowercase()),
            "value": patient.mrn,
        }),
    }
}

/// The placer's number of an order, as JSON.
pub(crate) fn order_json(order: u32, site: &str) -> Value {
    let (site, namespace) = (site.to_lowercase(), NAMESPACE.to_lowercase());
    json!({
        "system": format!("https://{site}.nhs.uk/Id/order/{namespace}"),
        "value": order.to_string(),
    })
}

/// A drawer that a permit opened.
pub(crate) struct Opened {
    pub(crate) permit: String,
    /// Whether an order permits it.
    pub(crate) by_order: bool,
}

impl AskingCabinet {
    pub(crate) fn new(station: Station, http: Arc<HttpClient>) -> Arc<Self> {
        let (door, counter) = (Mutex::new(()), AtomicU64::new(0));
        Arc::new(AskingCabinet { station, http, door, counter })
    }

    fn key(&self, what: &str) -> String {
        let count = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{}-{what}-{count:06}", self.station.facts.station)
    }

    fn clock(&self) -> SimClock {
        self.station.stage.clock()
    }

    /// Waits for the cabinet to be free and for the node to know all that was done before at it,
    /// so that nothing it is told is out of order.
    pub(crate) async fn enter(&self) -> MutexGuard<'_, ()> {
        let guard = self.door.lock().await;
        self.station.outbox.drained().await;
        guard
    }

    /// Asks for a permit.
    pub(crate) async fn ask(&self, question: &Question<'_>) -> Result<Opened, Answer> {
        let site = &self.station.stage.config.site_code;
        let mut body = json!({
            "cabinet": self.station.id,
            "patient": patient_json(question.patient, site),
            "item": question.code,
            "quantity": question.units.normalize().to_string(),
            "user": question.user,
        });
        if let Some(order) = question.order {
            body["order"] = order_json(order, site);
        }
        if let Some(witness) = question.witness {
            body["witness"] = witness.into();
        }
        if let Some(reason) = question.reason {
            body["overrideReason"] = reason.into();
        }
        let answer = self.http.post("/cabinet/removals", &self.key("ask"), &body).await;
        let permit = answer.body.get("permit").and_then(Value::as_str).map(str::to_owned);
        let by_order = answer.body.get("order").is_some_and(|order| !order.is_null());
        match permit {
            Some(permit) if answer.status == 201 => Ok(Opened { permit, by_order }),
            _ => Err(answer),
        }
    }

    /// Tells what was really taken; `false` where the permit was no longer good.
    pub(crate) async fn complete(&self, permit: &str, item: usize, taken: Decimal) -> bool {
        let address = Station::address(item);
        let body = json!({
            "cabinet": self.station.id,
            "taken": taken.normalize().to_string(),
            "pocket": {
                "drawer": address.drawer,
                "subDrawer": address.sub_drawer,
                "pocket": address.pocket,
            },
            "batch": self.station.batch(item),
            "activity": self.clock().now().to_string(),
        });
        let path = format!("/cabinet/removals/{permit}/completion");
        let answer = self.http.post(&path, &self.key("done"), &body).await;
        if answer.status == 200 {
            return true;
        }
        self.station.stage.finding(if answer.code() == "permit-not-valid" {
            Finding::PermitLapsed { cabinet: self.station.id.clone() }
        } else {
            let (link, message) = (self.station.id.clone(), "completion".to_owned());
            Finding::Rejected { link, message, code: answer.summary() }
        });
        false
    }

    /// Takes what was permitted and tells it. The units leave the pocket whatever the node says:
    /// where the permit had lapsed, the cabinet tells of a vend.
    pub(crate) async fn take(&self, permit: &str, item: usize, units: Decimal, by: By<'_>) {
        self.station.restock_for(item, units);
        self.station.outbox.drained().await;
        if self.complete(permit, item, units).await {
            self.station.take_silently(item, units);
        } else {
            self.station.act('V', item, units, by);
        }
        self.station.restock_for(item, Decimal::ZERO);
    }

    /// The name of an item that no formulary has.
    pub(crate) fn no_such_item(user: &str) -> String {
        format!("NONE{}", staff_family(user).len() + FORMULARY.len())
    }
}
