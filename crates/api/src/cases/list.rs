//! The worklist.

use axum::extract::{Query, RawQuery, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::cases::CaseKind;
use record::CaseView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::{Look, look};
use crate::cases::CHANNEL;
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Cases on a page where the request says nothing else.
const DEFAULT_LIMIT: usize = 50;
/// The most cases on a page; each patient among them is journalled as seen.
const MAX_LIMIT: usize = 200;
/// Every kind of case, for the filter.
const KINDS: [CaseKind; 21] = [
    CaseKind::ParkedMessage,
    CaseKind::DispensedWithoutOrder,
    CaseKind::Override,
    CaseKind::UnverifiedRemoval,
    CaseKind::BedsideDeviation,
    CaseKind::OmittedDose,
    CaseKind::PharmacistQuery,
    CaseKind::PharmacistIntervention,
    CaseKind::UnaccountedDose,
    CaseKind::UnmatchedTransaction,
    CaseKind::Discrepancy,
    CaseKind::Consignment,
    CaseKind::Recall,
    CaseKind::PersonPattern,
    CaseKind::ControlledDrug,
    CaseKind::RefusedDelivery,
    CaseKind::UnknownOutcome,
    CaseKind::ParkedDelivery,
    CaseKind::StrayAcknowledgement,
    CaseKind::UnmappedCode,
    CaseKind::InvalidResource,
];

/// A page of the worklist.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cases)]
pub(crate) struct CasesBody {
    /// The cases: open ones oldest first, all of them newest first.
    cases: Vec<CaseBody>,
    /// The value of `page` that gives the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// Something that somebody has to look at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Case)]
pub(crate) struct CaseBody {
    /// Its id.
    #[schema(value_type = String)]
    id: Id,
    /// Why it is open, as a code: `parked-message`, `unaccounted-dose` and so on.
    kind: &'static str,
    /// The reason, more exactly, as a code.
    reason: String,
    /// When it opened.
    #[schema(value_type = String, format = DateTime)]
    opened: Timestamp,
    /// The number of the journal entry that it is about.
    entry: u64,
    /// The id of the Patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    patient: Option<Id>,
    /// The id of the MedicationRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    order: Option<Id>,
    /// The removal whose units it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    removal: Option<Id>,
    /// The cabinet, `system/station`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cabinet: Option<String>,
    /// The channel of a parked or refused message.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// The local formulary code.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    /// How much it is about, in the item's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    /// The staff number of the person whose act it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    /// What to look at and what to do.
    text: String,
    /// How it ended; absent while it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedBody>,
}

/// The end of a case.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CaseClosed)]
pub(crate) struct ClosedBody {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// By whom: a staff number, a client, or `interlock`.
    by: String,
    /// How it was settled.
    resolution: String,
}

impl From<CaseView> for CaseBody {
    fn from(view: CaseView) -> Self {
        let case = view.case;
        let closed = view.closed.map(|closed| ClosedBody {
            at: closed.at,
            by: closed.by,
            resolution: closed.resolution,
        });
        CaseBody {
            id: case.id,
            kind: case.kind.as_str(),
            reason: case.reason,
            opened: case.opened,
            entry: case.entry,
            patient: case.patient,
            order: case.order,
            removal: case.removal,
            cabinet: case.cabinet,
            channel: case.channel,
            item: case.item,
            quantity: case.quantity.map(|quantity| quantity.normalize().to_string()),
            person: case.person,
            text: case.text,
            closed,
        }
    }
}

/// What the query asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    open: bool,
    kind: Option<CaseKind>,
    page: Option<u64>,
    limit: usize,
}

fn asked(pairs: &[(String, String)]) -> Result<Asked, Problem> {
    let bad = |detail: &str| Problem::bad(code::BAD_QUERY, detail);
    let mut asked = Asked { open: true, kind: None, page: None, limit: DEFAULT_LIMIT };
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(other, _)| other == name) {
            return Err(bad("Each parameter may come only once."));
        }
        match name.as_str() {
            "state" => {
                asked.open = match value.as_str() {
                    "open" => true,
                    "all" => false,
                    _ => return Err(bad("state: open or all.")),
                }
            }
            "kind" => {
                let kind = KINDS.into_iter().find(|kind| kind.as_str() == value);
                asked.kind = Some(kind.ok_or_else(|| bad("kind: no such kind of case."))?);
            }
            "page" => {
                let page = value.parse().map_err(|_| bad("page: the value of `next`."))?;
                asked.page = Some(page);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                asked.limit = limit.ok_or_else(|| bad("limit: 1 to 200."))?;
            }
            _ => return Err(bad("The parameters are state, kind, page and limit.")),
        }
    }
    if asked.kind.is_some() && !asked.open {
        return Err(bad("kind: only with state=open."));
    }
    Ok(asked)
}

/// List cases.
#[utoipa::path(
    get,
    path = "/cases",
    tag = "cases",
    security(("bearer" = [])),
    params(
        ("state" = Option<String>, Query, description = "open (the default) or all"),
        ("kind" = Option<String>, Query, description = "One kind of open case"),
        ("page" = Option<u64>, Query, description = "The value of next of the page before"),
        ("limit" = Option<u32>, Query, description = "Cases on a page, 1 to 200"),
    ),
    responses(
        (status = 200, description = "A page", body = CasesBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map_err(|_| Problem::bad(code::BAD_QUERY, "The query cannot be read."))?;
    let Asked { open, kind, page, limit } = asked(&pairs)?;
    let mut views = api
        .ask(move |record| {
            if open {
                record.open_cases(kind, page, limit + 1)
            } else {
                record.latest_cases(page, limit + 1)
            }
        })
        .await?;
    let more = views.len() > limit;
    views.truncate(limit);
    let next = views.last().filter(|_| more).map(|view| view.n);
    let patients = views.iter().filter_map(|view| view.case.patient.clone()).collect();
    let detail = query.map_or_else(|| "cases".to_owned(), |query| format!("cases?{query}"));
    let seen = Look { channel: CHANNEL, what: "cases", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    let cases = views.into_iter().map(CaseBody::from).collect();
    Ok(axum::Json(CasesBody { cases, next }).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Option<&Asked>) {
        let uri: Uri = format!("/cases?{query}").parse().unwrap();
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
        let found = asked(&pairs);
        assert_eq!(found.as_ref().ok(), expected, "{query}: {found:?}");
    }

    #[test]
    fn the_query_is_strict() {
        let good = |query, open, kind, page, limit| {
            check(query, Some(&Asked { open, kind, page, limit }));
        };
        good("", true, None, None, 50);
        good("state=all&page=9&limit=200", false, None, Some(9), 200);
        good("kind=unaccounted-dose&limit=1", true, Some(CaseKind::UnaccountedDose), None, 1);
        good("kind=unknown-outcome", true, Some(CaseKind::UnknownOutcome), None, 50);
        for bad in [
            "state=closed",
            "kind=x",
            "limit=0",
            "limit=201",
            "limit=-1",
            "page=x",
            "state=open&state=open",
            "patient=9990000018",
            "state=all&kind=override",
        ] {
            check(bad, None);
        }
    }
}
