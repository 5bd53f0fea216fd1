//! Where an item is.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::civil::Date;
use medicines::stock::{Account, Lines};
use record::Reader;
use serde::Serialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// Where an item is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockOfItem)]
pub(crate) struct ItemBody {
    /// The local formulary code.
    item: String,
    /// The places that hold some of it, each batch on its own.
    places: Vec<PlaceBody>,
}

/// What a place holds of one batch.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockLine)]
pub(crate) struct PlaceBody {
    /// The place, as `pocket:ADC/WARDA1:3:C17:05`, `ward:WARDA`, `hands:rxx.1042.1`.
    place: String,
    /// The batch; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    /// Its last day, where it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    expiry: Option<Date>,
    /// How much, in the item's unit; below zero for places that are counted elsewhere.
    #[schema(example = "12")]
    quantity: String,
    /// What one unit of the batch cost, where it was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<String>,
    /// Whether a recall of the batch is in force.
    recalled: bool,
}

impl PlaceBody {
    /// The place, as the text of its account.
    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

/// The lines of places, one for each batch.
pub(super) fn lines(
    record: &Reader,
    item: &str,
    held: Vec<(Account, Lines)>,
) -> Result<Vec<PlaceBody>, record::Error> {
    let mut places = Vec::new();
    for (account, lines) in held {
        for line in lines.iter() {
            let known = line.batch.as_deref().map(|batch| record.batch(item, batch)).transpose()?;
            let known = known.flatten();
            places.push(PlaceBody {
                place: account.to_string(),
                batch: line.batch.clone(),
                expiry: known.as_ref().and_then(|known| known.expiry),
                quantity: line.quantity.normalize().to_string(),
                cost: known
                    .as_ref()
                    .and_then(|known| known.cost)
                    .map(|cost| cost.normalize().to_string()),
                recalled: known.is_some_and(|known| known.recall.is_some()),
            });
        }
    }
    Ok(places)
}

/// The patients whom places name.
pub(super) fn patients(held: &[(Account, Lines)]) -> BTreeSet<Id> {
    let of = |account: &Account| match account {
        Account::OwnDrugs(id) | Account::TakeHome(id) | Account::Patient(id) => Some(id.clone()),
        _ => None,
    };
    held.iter().filter_map(|(account, _)| of(account)).collect()
}

/// Tell where an item is, by place and batch.
#[utoipa::path(
    get,
    path = "/stock/items/{item}",
    tag = "stock",
    security(("bearer" = [])),
    params(("item" = String, Path, description = "The local formulary code")),
    responses(
        (status = 200, description = "Where it is", body = ItemBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path(item): Path<String>,
) -> Result<Response, Problem> {
    let code = item.clone();
    let (places, patients) = api
        .ask(move |record| {
            let held = record.holdings(&code)?;
            let patients = patients(&held);
            Ok((lines(record, &code, held)?, patients))
        })
        .await?;
    let seen = Look {
        channel: CHANNEL,
        what: "stock",
        resource_type: None,
        detail: item.clone(),
        patients,
    };
    look(&api, &caller, seen).await?;
    Ok(axum::Json(ItemBody { item, places }).into_response())
}
