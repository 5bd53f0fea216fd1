//! The pages of the registers.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::controlled::{Csv, Section};
use record::RegisterPage;
use serde::Serialize;
use utoipa::ToSchema;

use super::{CHANNEL, Form, csv, form};
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The columns of the list of pages.
const COLUMNS: [&str; 13] = [
    "place",
    "section",
    "item",
    "name",
    "strength",
    "unit",
    "schedule",
    "entries",
    "balance",
    "last entered",
    "last count",
    "count due",
    "overdue",
];

/// The pages of the registers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Registers)]
pub(crate) struct RegistersBody {
    /// The pages, in the order of the places and items.
    pages: Vec<PageBody>,
}

/// A page of a register: one place, one item and strength.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RegisterPage)]
pub(crate) struct PageBody {
    /// The place: `pharmacy`, `robot:NAME`, `cabinet:SYSTEM/STATION`, `ward:WARD`, `own:PATIENT`,
    /// `take-home:PATIENT`, `expired`.
    #[schema(example = "ward:WARDA")]
    pub(super) place: String,
    /// `stock`, or `patients-own` for what patients brought along.
    pub(super) section: &'static str,
    /// The local formulary code.
    pub(super) item: String,
    /// The name on the shelf.
    pub(super) name: String,
    /// The strength of one unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strength: Option<String>,
    /// The unit in which it is counted.
    pub(super) unit: String,
    /// The schedule: `1`, `2`, `3`, `4-1`, `4-2`, `5`; absent where it is a controlled drug no
    /// more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<&'static str>,
    /// How many entries there are.
    pub(super) entries: u64,
    /// What the page holds, in its unit.
    #[schema(example = "12")]
    pub(super) balance: String,
    /// When the newest entry was entered.
    #[schema(value_type = String, format = DateTime)]
    pub(super) last_entered: Timestamp,
    /// When it was last counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) last_count: Option<Timestamp>,
    /// By when it has to be counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) count_due: Option<Timestamp>,
    /// The case that asks for a count, where it is overdue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(super) overdue: Option<Id>,
}

impl From<RegisterPage> for PageBody {
    fn from(page: RegisterPage) -> Self {
        PageBody {
            section: page.place.section().as_str(),
            place: page.place.to_string(),
            item: page.item,
            name: page.name,
            strength: page.strength,
            unit: page.unit,
            schedule: page.schedule.map(medicines::controlled::Schedule::as_str),
            entries: page.entries,
            balance: page.balance.normalize().to_string(),
            last_entered: page.last_entered,
            last_count: page.last_count,
            count_due: page.count_due,
            overdue: page.overdue,
        }
    }
}

/// What the query asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    section: Option<String>,
    place: Option<String>,
    format: Option<String>,
}

fn asked(uri: &Uri) -> Result<Asked, Problem> {
    let bad = |detail: &str| Problem::bad(code::BAD_QUERY, detail);
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| bad("The query cannot be read."))?;
    let mut asked = Asked::default();
    for (name, value) in pairs.0 {
        let part = match name.as_str() {
            "section" => {
                let known = [Section::Stock, Section::PatientsOwn].map(Section::as_str);
                if !known.contains(&value.as_str()) {
                    return Err(bad("section: stock or patients-own."));
                }
                &mut asked.section
            }
            "place" => &mut asked.place,
            "format" => &mut asked.format,
            _ => return Err(bad("The parameters are section, place and format.")),
        };
        if part.replace(value).is_some() {
            return Err(bad("Each parameter may come only once."));
        }
    }
    Ok(asked)
}

/// List the pages of the registers, with their balances and counts.
#[utoipa::path(
    get,
    path = "/cd/registers",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("section" = Option<String>, Query, description = "stock or patients-own"),
        ("place" = Option<String>, Query, description = "One place, as ward:WARDA"),
        ("format" = Option<String>, Query, description = "json (the default) or csv"),
    ),
    responses((status = 200, description = "The pages", body = RegistersBody)),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = asked(&uri)?;
    let form = form(asked.format.as_deref(), &headers)?;
    let mut pages = api.ask(record::Reader::registers).await?;
    pages.retain(|page| {
        asked.section.as_ref().is_none_or(|section| page.place.section().as_str() == section)
            && asked.place.as_ref().is_none_or(|place| page.place.to_string() == *place)
    });
    let patients = pages.iter().filter_map(|page| page.place.patient().cloned()).collect();
    let detail = "registers".to_owned();
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    let pages: Vec<PageBody> = pages.into_iter().map(PageBody::from).collect();
    Ok(match form {
        Form::Json => axum::Json(RegistersBody { pages }).into_response(),
        Form::Csv => csv(table(&pages), "registers.csv"),
    })
}

fn table(pages: &[PageBody]) -> String {
    let mut table = Csv::new(&COLUMNS);
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    for page in pages {
        table.line(&[
            page.place.clone(),
            page.section.to_owned(),
            page.item.clone(),
            page.name.clone(),
            page.strength.clone().unwrap_or_default(),
            page.unit.clone(),
            page.schedule.unwrap_or_default().to_owned(),
            page.entries.to_string(),
            page.balance.clone(),
            page.last_entered.to_string(),
            time(page.last_count),
            time(page.count_due),
            page.overdue.as_ref().map_or_else(String::new, Id::to_string),
        ]);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_strict() {
        let check = |query: &str, right: bool| {
            let uri: Uri = format!("/cd/registers?{query}").parse().unwrap();
            assert_eq!(asked(&uri).is_ok(), right, "{query}");
        };
        for right in ["", "section=stock", "section=patients-own&format=csv", "place=ward:A"] {
            check(right, true);
        }
        for wrong in ["section=x", "page=1", "section=stock&section=stock"] {
            check(wrong, false);
        }
    }
}
