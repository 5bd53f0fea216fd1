//! The orders that wait for a pharmacist: the riskiest first, then the oldest.

use axum::extract::{Query, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use fhir::{Id, ResourceType};
use jiff::Timestamp;
use medicines::orders::{Change, changes, risk};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CHANNEL;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Orders on a page, where the query does not say.
const DEFAULT_LIMIT: usize = 50;
/// The most orders on a page; each patient among them is journalled as seen.
const MAX_LIMIT: usize = 200;
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    limit: Option<usize>,
}

/// The orders that wait.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerificationQueue)]
pub(crate) struct QueueBody {
    /// The riskiest first, then the oldest.
    orders: Vec<WaitingBody>,
    /// How many wait in all.
    waiting: usize,
}

/// An order that waits for a pharmacist.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WaitingOrder)]
pub(crate) struct WaitingBody {
    /// The id of the MedicationRequest.
    #[schema(value_type = String)]
    order: Id,
    /// The version to be looked at.
    version: u64,
    /// The id of the Patient.
    #[schema(value_type = String)]
    patient: Id,
    /// `high`, `critical` or `routine`, by the formulary.
    #[schema(example = "high")]
    risk: &'static str,
    /// When the prescriber's system entered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    entered: Option<Timestamp>,
    /// What differs from the version that a pharmacist verified last, else from the one before;
    /// empty for a new order.
    changes: Vec<ChangeBody>,
}

/// A part of an order that differs from the version before, as the JSON of FHIR.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OrderChange)]
pub(crate) struct ChangeBody {
    /// The element of the MedicationRequest.
    #[schema(example = "dosageInstruction")]
    element: &'static str,
    /// What it was; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// What it is now; absent where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        ChangeBody { element: change.element, before: change.before, now: change.now }
    }
}

/// List the orders that wait for a pharmacist.
#[utoipa::path(
    get,
    path = "/verification/orders",
    tag = "verification",
    security(("bearer" = [])),
    params(("limit" = Option<u32>, Query, description = "Orders on a page, 1 to 200")),
    responses(
        (status = 200, description = "The orders", body = QueueBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    let bad = || Problem::bad(code::BAD_QUERY, "limit: 1 to 200.");
    let asked = Query::<Asked>::try_from_uri(&uri).map_err(|_| bad())?;
    let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(bad());
    }
    let (orders, waiting) = api
        .ask(move |record| {
            let site = record.site()?;
            let mut orders = record.unverified_orders()?;
            orders.sort_by_cached_key(|order| {
                (std::cmp::Reverse(risk(&site, order)), order.entered(), order.id.clone())
            });
            let waiting = orders.len();
            orders.truncate(limit);
            let kind = ResourceType::MedicationRequest;
            let mut bodies = Vec::with_capacity(orders.len());
            for order in orders {
                let now = record.version(kind, &order.id, order.version)?;
                let before = record.compared_version(&order.id, order.version)?;
                let changes = before.zip(now).map(|(before, now)| changes(&before, &now));
                bodies.push(WaitingBody {
                    risk: risk(&site, &order).as_str(),
                    entered: order.entered(),
                    version: order.version,
                    order: order.id,
                    patient: order.patient,
                    changes: changes
                        .unwrap_or_default()
                        .into_iter()
                        .map(ChangeBody::from)
                        .collect(),
                });
            }
            Ok((bodies, waiting))
        })
        .await?;
    let patients = orders.iter().map(|order| order.patient.clone()).collect();
    let detail = "verification queue".to_owned();
    let resource_type = Some(ResourceType::MedicationRequest);
    let seen = Look { channel: CHANNEL, what: "verification", resource_type, detail, patients };
    look(&api, &caller, seen).await?;
    Ok(axum::Json(QueueBody { orders, waiting }).into_response())
}
