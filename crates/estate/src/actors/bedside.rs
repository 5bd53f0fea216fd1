//! The bedside: tells what was given, through the ePMA or over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rust_decimal::Decimal;
use serde_json::json;

use super::asking::{order_json, patient_json};
use super::epma::Epma;
use crate::book::{Administration, Finding, Given};
use crate::formulary::Item;
use crate::messages::ras::{Dose, reason};
use crate::stage::Stage;
use crate::wire::http::HttpClient;
use crate::world::Patient;

/// The bedside of one ward.
pub(crate) struct Bedside {
    stage: Arc<Stage>,
    http: Arc<HttpClient>,
    epma: Arc<Epma>,
    ward: String,
    counter: AtomicU64,
}

/// What is to be told of a dose.
#[derive(Debug, Clone)]
pub(crate) struct Told<'a> {
    pub(crate) patient: &'a Patient,
    pub(crate) order: Option<u32>,
    pub(crate) item: &'static Item,
    pub(crate) quantity: Decimal,
    pub(crate) given: Given,
    pub(crate) performer: &'a str,
    pub(crate) witness: Option<&'a str>,
    pub(crate) permit: Option<&'a str>,
    pub(crate) by_epma: bool,
}

impl Bedside {
    pub(crate) fn new(
        stage: Arc<Stage>,
        http: Arc<HttpClient>,
        epma: Arc<Epma>,
        ward: String,
    ) -> Self {
        Bedside { stage, http, epma, ward, counter: AtomicU64::new(0) }
    }

    /// Tells it, and writes it into the book.
    pub(crate) async fn tell(&self, told: &Told<'_>) {
        let at = self.stage.now();
        let by_epma = told.by_epma && told.order.is_some();
        self.stage.book().administrations.push(Administration {
            patient: told.patient.index,
            order: told.order,
            item: told.item.code,
            quantity: told.quantity,
            given: told.given,
            by_epma,
            at,
            performer: told.performer.to_owned(),
        });
        match told.order.filter(|_| by_epma) {
            Some(order) => self.epma.tell_dose(&Dose {
                patient: told.patient,
                order,
                item: told.item,
                quantity: told.quantity,
                given: told.given,
                performer: told.performer,
                at,
            }),
            None => self.post(told, at).await,
        }
    }

    async fn post(&self, told: &Told<'_>, at: jiff::Timestamp) {
        let site = &self.stage.config.site_code;
        let status = match told.given {
            Given::Whole => "completed",
            Given::Part => "stopped",
            Given::Refused | Given::Not => "not-done",
        };
        let mut body = json!({
            "patient": patient_json(told.patient, site),
            "item": {
                "system": format!("https://{}.nhs.uk/Id/item", site.to_lowercase()),
                "code": told.item.code,
            },
            "quantity": told.quantity.normalize().to_string(),
            "status": status,
            "performer": told.performer,
            "activity": at.to_string(),
        });
        if let Some(order) = told.order {
            body["order"] = order_json(order, site);
        }
        if let Some(permit) = told.permit {
            body["removal"] = permit.into();
        }
        if let Some(witness) = told.witness {
            body["witness"] = witness.into();
        }
        if let Some((code, text)) = reason(told.given) {
            body["reason"] =
                json!({"system": "http://snomed.info/sct", "code": code, "text": text});
        }
        let count = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let key = format!("{}-bedside-{count:06}", self.ward);
        let answer = self.http.post("/administrations", &key, &body).await;
        if answer.status != 201 {
            self.stage.finding(Finding::Rejected {
                link: format!("http/{}", self.ward),
                message: key,
                code: answer.summary(),
            });
        }
    }
}
