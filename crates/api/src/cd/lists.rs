//! What waits: requisitions that are not sent, discrepancies that are not explained; and what
//! happened in a quarter.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::controlled::{
    Csv, Discrepancy, DiscrepancyStatus, Place, Requisition, StepTaken, quarter_of,
};
use record::CaseView;
use serde::Serialize;
use utoipa::ToSchema;

use super::{CHANNEL, Form, csv, form};
use crate::audit::{Look, look};
use crate::cases::list::CaseBody;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;

/// The columns of the list of occurrences.
const COLUMNS: [&str; 14] = [
    "case",
    "kind",
    "reason",
    "opened",
    "item",
    "place",
    "quantity",
    "patient",
    "person",
    "text",
    "closed",
    "closed by",
    "resolution",
    "entry",
];

/// Requisitions of which something is still to be sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Requisitions)]
pub(crate) struct RequisitionsBody {
    /// The requisitions, the oldest first.
    requisitions: Vec<RequisitionBody>,
}

/// A requisition as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Requisition)]
pub(crate) struct RequisitionBody {
    /// Its number.
    #[schema(value_type = String)]
    id: Id,
    /// The ward or the cabinet for which it is.
    place: String,
    /// The local formulary code.
    item: String,
    /// How much was asked for, in the item's unit.
    quantity: String,
    /// Who signed for it.
    person: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How much was sent.
    supplied: String,
    /// The consignments.
    #[schema(value_type = Vec<String>)]
    consignments: Vec<Id>,
}

impl From<Requisition> for RequisitionBody {
    fn from(asked: Requisition) -> Self {
        RequisitionBody {
            place: asked.place.to_string(),
            quantity: asked.quantity.normalize().to_string(),
            supplied: asked.supplied.normalize().to_string(),
            id: asked.id,
            item: asked.item,
            person: asked.person,
            at: asked.at,
            consignments: asked.consignments,
        }
    }
}

/// List the requisitions of which something is still to be sent.
#[utoipa::path(
    get,
    path = "/cd/requisitions",
    tag = "controlled drugs",
    security(("bearer" = [])),
    responses((status = 200, description = "The requisitions", body = RequisitionsBody)),
)]
pub(crate) async fn requisitions(State(api): State<ApiState>) -> Result<Response, Problem> {
    let asked = api.ask(record::Reader::requisitions).await?;
    let requisitions = asked.into_iter().map(RequisitionBody::from).collect();
    Ok(axum::Json(RequisitionsBody { requisitions }).into_response())
}

/// A requisition.
#[utoipa::path(
    get,
    path = "/cd/requisitions/{id}",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The requisition")),
    responses(
        (status = 200, description = "The requisition", body = RequisitionBody),
        (status = 404, description = "There is none of this number", body = ProblemBody),
    ),
)]
pub(crate) async fn requisition(
    State(api): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let nothing = || Problem::not_found("No requisition has this number.");
    let id = Id::new(&id).map_err(|_| nothing())?;
    let asked = api.ask(move |record| record.requisition(&id)).await?.ok_or_else(nothing)?;
    Ok(axum::Json(RequisitionBody::from(asked)).into_response())
}

/// Discrepancies that are not over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Discrepancies)]
pub(crate) struct DiscrepanciesBody {
    /// The discrepancies, the oldest first.
    discrepancies: Vec<DiscrepancyBody>,
}

/// A discrepancy of a controlled drug.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Discrepancy)]
pub(crate) struct DiscrepancyBody {
    /// Its id, which is its case's.
    #[schema(value_type = String)]
    id: Id,
    /// The local formulary code.
    item: String,
    /// The place; absent where it was found on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// How much it is about, in the item's unit; below zero where something is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    /// Why it opened, as a code.
    reason: String,
    /// `open`, `investigating`, `resolved`, `escalated` or `closed`.
    status: &'static str,
    /// When it was found.
    #[schema(value_type = String, format = DateTime)]
    opened: Timestamp,
    /// When it goes to the accountable officer unless it is explained.
    #[schema(value_type = String, format = DateTime)]
    due: Timestamp,
    /// The steps that were taken, the oldest first; only where one discrepancy is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepBody>,
}

/// A step that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscrepancyStep)]
pub(crate) struct StepBody {
    /// Where it stood afterwards.
    status: &'static str,
    /// Who took it: a staff number, or `interlock` where time alone did.
    by: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl DiscrepancyBody {
    fn of(known: Discrepancy, steps: Vec<StepTaken>) -> Self {
        let step = |step: StepTaken| StepBody {
            status: step.discrepancy.status.as_str(),
            by: step.by,
            at: step.at,
            text: step.text,
        };
        DiscrepancyBody {
            id: known.id,
            item: known.item,
            place: known.place,
            quantity: known.quantity.map(|quantity| quantity.normalize().to_string()),
            reason: known.reason,
            status: known.status.as_str(),
            opened: known.opened,
            due: known.due,
            steps: steps.into_iter().map(step).collect(),
        }
    }
}

/// The one parameter that a list takes.
fn one(uri: &Uri, names: &[&str]) -> Result<Vec<(String, String)>, Problem> {
    let bad = |detail: String| Problem::bad(code::BAD_QUERY, detail);
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| bad("The query cannot be read.".to_owned()))?
        .0;
    for (at, (name, _)) in pairs.iter().enumerate() {
        let twice = pairs[..at].iter().any(|(other, _)| other == name);
        if twice || !names.contains(&name.as_str()) {
            return Err(bad(format!("The parameters are {}, each once.", names.join(" and "))));
        }
    }
    Ok(pairs)
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
}

/// The patient whom the place of a discrepancy names.
fn patient(known: &Discrepancy) -> Option<Id> {
    known.place.as_ref()?.parse::<Place>().ok()?.patient().cloned()
}

/// List the discrepancies that are not over.
#[utoipa::path(
    get,
    path = "/cd/discrepancies",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("status" = Option<String>, Query, description = "open, investigating or escalated")),
    responses((status = 200, description = "The discrepancies", body = DiscrepanciesBody)),
)]
pub(crate) async fn discrepancies(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    use DiscrepancyStatus as S;
    let pairs = one(&uri, &["status"])?;
    let wanted = value(&pairs, "status").map(|text| {
        let all = [S::Open, S::Investigating, S::Escalated];
        all.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            Problem::bad(code::BAD_QUERY, "status: open, investigating or escalated.")
        })
    });
    let wanted = wanted.transpose()?;
    let mut known = api.ask(record::Reader::discrepancies).await?;
    known.retain(|one| wanted.is_none_or(|status| one.status == status));
    let patients = known.iter().filter_map(patient).collect();
    let detail = "discrepancies".to_owned();
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    let body = |one| DiscrepancyBody::of(one, Vec::new());
    let discrepancies = known.into_iter().map(body).collect();
    Ok(axum::Json(DiscrepanciesBody { discrepancies }).into_response())
}

/// A discrepancy with its steps.
#[utoipa::path(
    get,
    path = "/cd/discrepancies/{id}",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The discrepancy, which has its case's id")),
    responses(
        (status = 200, description = "The discrepancy", body = DiscrepancyBody),
        (status = 404, description = "There is none of this id", body = ProblemBody),
    ),
)]
pub(crate) async fn discrepancy(
    State(api): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let nothing = || Problem::not_found("No discrepancy has this id.");
    let id = Id::new(&id).map_err(|_| nothing())?;
    let known = api.ask(move |record| record.discrepancy(&id)).await?;
    let (known, steps) = known.ok_or_else(nothing)?;
    let patients = patient(&known).into_iter().collect();
    let detail = format!("discrepancy {}", known.id);
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    Ok(axum::Json(DiscrepancyBody::of(known, steps)).into_response())
}

/// What happened with controlled drugs in a quarter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Occurrences)]
pub(crate) struct OccurrencesBody {
    /// The quarter, as `2026-Q4`.
    quarter: String,
    /// The cases, the oldest first.
    occurrences: Vec<CaseBody>,
    /// Whether there are more than are shown.
    more: bool,
}

/// List what happened with controlled drugs in a quarter and was to be looked at: discrepancies,
/// late entries, missing witnesses, counts and receipts that were overdue, doses that nobody
/// accounted for.
#[utoipa::path(
    get,
    path = "/cd/occurrences",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("quarter" = String, Query, description = "The quarter, as 2026-Q4"),
        ("format" = Option<String>, Query, description = "json (the default) or csv"),
    ),
    responses((status = 200, description = "The occurrences", body = OccurrencesBody)),
)]
pub(crate) async fn occurrences(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let pairs = one(&uri, &["quarter", "format"])?;
    let form = form(value(&pairs, "format"), &headers)?;
    let quarter = value(&pairs, "quarter").unwrap_or_default().to_owned();
    let (from, to) = quarter_of(&quarter, &super::page::zone(&api).await?)
        .ok_or_else(|| Problem::bad(code::BAD_QUERY, "quarter: as 2026-Q4."))?;
    let (views, more) = api.ask(move |record| record.occurrences(from, to)).await?;
    let patients = views.iter().filter_map(|view| view.case.patient.clone()).collect();
    let detail = format!("occurrences {quarter}");
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    Ok(match form {
        Form::Csv => csv(table(&views), "occurrences.csv"),
        Form::Json => {
            let occurrences = views.into_iter().map(CaseBody::from).collect();
            axum::Json(OccurrencesBody { quarter, occurrences, more }).into_response()
        }
    })
}

fn table(views: &[CaseView]) -> String {
    let mut table = Csv::new(&COLUMNS);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    for view in views {
        let case = &view.case;
        let closed = view.closed.as_ref();
        let place = case.place.as_ref().or(case.cabinet.as_ref());
        table.line(&[
            case.id.to_string(),
            case.kind.as_str().to_owned(),
            case.reason.clone(),
            case.opened.to_string(),
            text(&case.item),
            place.cloned().unwrap_or_default(),
            case.quantity.map_or_else(String::new, |quantity| quantity.normalize().to_string()),
            case.patient.as_ref().map_or_else(String::new, Id::to_string),
            text(&case.person),
            case.text.clone(),
            closed.map_or_else(String::new, |closed| closed.at.to_string()),
            closed.map_or_else(String::new, |closed| closed.by.clone()),
            closed.map_or_else(String::new, |closed| closed.resolution.clone()),
            case.entry.to_string(),
        ]);
    }
    table.finish()
}
