//! Where a batch is, and who had it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::stock::{Exposure, Lines, Movement};
use serde::Serialize;
use utoipa::ToSchema;

use super::items::{PlaceBody, lines, patients};
use super::{CHANNEL, account};
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::Problem;
use crate::state::ApiState;

/// The most acts that one answer tells.
const MAX_ACTS: usize = 5_000;

/// Where a batch is, and who had it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TracedBatch)]
pub(crate) struct TracedBody {
    /// The local formulary code.
    item: String,
    /// The batch.
    batch: String,
    /// The recall that is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    recall: Option<RecallInForceBody>,
    /// Where it is.
    places: Vec<PlaceBody>,
    /// Where stock of the item is of which nobody knows the batch.
    perhaps: Vec<PlaceBody>,
    /// What was taken, given and handed out of it, the oldest first.
    acts: Vec<ActBody>,
    /// Whether there is more than the 5,000 acts that are told.
    more: bool,
}

/// A recall that is in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecallInForce)]
pub(crate) struct RecallInForceBody {
    /// Its number.
    #[schema(value_type = String)]
    id: Id,
    /// The notice or the reason.
    reason: String,
    /// Who put it in force.
    by: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Something that was done with the batch, or may have been.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ActWithBatch)]
pub(crate) struct ActBody {
    /// The number of the transfer.
    #[schema(value_type = String)]
    id: Id,
    /// `removal`, `administration` or `transfer`.
    act: &'static str,
    /// The id of the Patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    patient: Option<Id>,
    /// How much, in the item's unit.
    quantity: String,
    /// Where it left.
    from: String,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The staff number of the person.
    person: String,
    /// Whether it was this batch for certain; otherwise the place held it, and nobody told which
    /// batch was taken.
    certain: bool,
}

impl From<Exposure> for ActBody {
    fn from(found: Exposure) -> Self {
        let act = match found.movement {
            Movement::Removal => "removal",
            Movement::Administration => "administration",
            _ => "transfer",
        };
        ActBody {
            id: found.transfer,
            act,
            patient: found.patient,
            quantity: found.quantity.normalize().to_string(),
            from: found.from.to_string(),
            at: found.activity,
            person: found.person,
            certain: found.certain,
        }
    }
}

/// Tell where a batch is and who had it, for certain and perhaps.
#[utoipa::path(
    get,
    path = "/stock/recalls/{item}/{batch}",
    tag = "stock",
    security(("bearer" = [])),
    params(
        ("item" = String, Path, description = "The local formulary code"),
        ("batch" = String, Path, description = "The batch"),
    ),
    responses(
        (status = 200, description = "Where it is and who had it", body = TracedBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((item, batch)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let (code, of) = (item.clone(), batch.clone());
    let (known, [places, perhaps], mut found) = api
        .ask(move |record| {
            let (held, perhaps) = record.batch_places(&code, &of)?;
            let places = [lines(record, &code, held)?, lines(record, &code, perhaps)?];
            Ok((record.batch(&code, &of)?, places, record.batch_acts(&code, &of)?))
        })
        .await?;
    let more = found.len() > MAX_ACTS;
    found.truncate(MAX_ACTS);
    let mut seen: std::collections::BTreeSet<Id> =
        found.iter().filter_map(|act| act.patient.clone()).collect();
    for place in places.iter().chain(&perhaps) {
        let held = account("place", place.place())?;
        seen.extend(patients(&[(held, Lines::default())]));
    }
    let detail = format!("{item} {batch}");
    let seen =
        Look { channel: CHANNEL, what: "recall", resource_type: None, detail, patients: seen };
    look(&api, &caller, seen).await?;
    let recall = known.and_then(|known| known.recall).map(|recall| RecallInForceBody {
        id: recall.id,
        reason: recall.reason,
        by: recall.by,
        since: recall.since,
    });
    let acts = found.into_iter().map(ActBody::from).collect();
    let body = TracedBody { item, batch, recall, places, perhaps, acts, more };
    Ok(axum::Json(body).into_response())
}
