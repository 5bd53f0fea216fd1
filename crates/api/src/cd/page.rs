//! The entries of one page of a register.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::Zone;
use medicines::controlled::{COLUMNS, Csv, Place, RegisterEntry, Seen, day_after, day_begins};
use record::{MAX_ENTRIES, RegisterSlice, RegisterWindow};
use serde::Serialize;
use utoipa::ToSchema;

use super::registers::PageBody;
use super::{CHANNEL, Form, asks_for_pdf, csv, file, form};
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Entries of one answer in JSON where the request says nothing else.
const DEFAULT_LIMIT: usize = 200;
/// The most entries of one table; a longer window is asked for in parts.
const MAX_TABLE: usize = 100_000;

/// Entries of a page of a register.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Register)]
pub(crate) struct RegisterBody {
    /// The page.
    page: PageBody,
    /// What the page held before the first of the entries.
    carried: String,
    /// The entries, in the order in which they were entered.
    entries: Vec<EntryBody>,
    /// The value of `after` that gives the next entries; absent where there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    /// The names of the people in the entries, by their staff numbers.
    people: BTreeMap<String, String>,
}

/// An entry. It never changes; what is wrong is corrected by a later one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RegisterEntry)]
pub(crate) struct EntryBody {
    /// Its number on the page, from 1.
    number: u64,
    /// `opening`, `received`, `supplied`, `removed`, `given`, `returned`, `wasted`, `expired`,
    /// `destroyed`, `count`, `discrepancy` or `correction`.
    kind: &'static str,
    /// How much came in, in the item's unit.
    received: String,
    /// How much went out.
    issued: String,
    /// How much of what had gone out before was given, wasted or lost; what was found, for a
    /// count.
    handled: String,
    /// What the page holds after it.
    balance: String,
    /// From where it came or to where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<String>,
    /// The id of the Patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    patient: Option<Id>,
    /// On whose authority.
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<AuthorityBody>,
    /// The staff number of the person who did it.
    actor: String,
    /// The staff number of the second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    witness: Option<String>,
    /// How the second person stood by: `device`, `signed` or `alone`; absent where one was only
    /// named.
    #[serde(skip_serializing_if = "Option::is_none")]
    witnessed: Option<&'static str>,
    /// The witness's signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    signature: Option<Id>,
    /// Why nobody stood by.
    #[serde(skip_serializing_if = "Option::is_none")]
    alone: Option<String>,
    /// Who carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    messenger: Option<String>,
    /// The batches, as far as they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    batches: Vec<String>,
    /// Why it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The number of the transfer, count or correction that it shows.
    #[schema(value_type = String)]
    source: Id,
    /// The number of the journal entry that holds it.
    entry: u64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime)]
    occurred: Timestamp,
    /// When it was entered.
    #[schema(value_type = String, format = DateTime)]
    entered: Timestamp,
    /// Whether it was entered on a later day than it was done.
    late: bool,
    /// The source of the entry that it corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    correction_of: Option<Id>,
    /// The sources of the later entries that correct this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    corrected_by: Vec<Id>,
    /// In words.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// On whose authority something was taken or supplied.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegisterAuthority)]
pub(crate) struct AuthorityBody {
    /// The id of the MedicationRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    order: Option<Id>,
    /// The number of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// Who prescribed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    prescriber: Option<String>,
    /// The requisition.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    requisition: Option<Id>,
}

impl From<RegisterEntry> for EntryBody {
    fn from(entry: RegisterEntry) -> Self {
        let (witnessed, signature, alone) = match entry.witnessed {
            Some(Seen::Device) => (Some("device"), None, None),
            Some(Seen::Signed(signature)) => (Some("signed"), Some(signature), None),
            Some(Seen::Alone(reason)) => (Some("alone"), None, Some(reason)),
            None => (None, None, None),
        };
        let authority = entry.authority.map(|by| AuthorityBody {
            order: by.order,
            number: by.number,
            prescriber: by.prescriber,
            requisition: by.requisition,
        });
        EntryBody {
            number: entry.number,
            kind: entry.kind.as_str(),
            received: entry.received.to_string(),
            issued: entry.issued.to_string(),
            handled: entry.handled.to_string(),
            balance: entry.balance.to_string(),
            counterparty: entry.counterparty,
            patient: entry.patient,
            authority,
            actor: entry.actor,
            witness: entry.witness,
            witnessed,
            signature,
            alone,
            messenger: entry.messenger,
            batches: entry.batches,
            reason: entry.reason,
            source: entry.source,
            entry: entry.entry,
            occurred: entry.occurred,
            entered: entry.entered,
            late: entry.late,
            correction_of: entry.correction_of,
            corrected_by: entry.corrected_by,
            note: entry.note,
        }
    }
}

/// The zone in whose days registers are asked for: the site's.
pub(super) async fn zone(api: &ApiState) -> Result<Zone, Problem> {
    api.ask(|record| Ok(record.site()?.time_zone)).await
}

/// What the query asks for.
#[derive(Debug, Default)]
struct Asked {
    window: RegisterWindow,
    format: Option<String>,
}

fn asked(uri: &Uri, zone: &Zone) -> Result<Asked, Problem> {
    let bad = |detail: &str| Problem::bad(code::BAD_QUERY, detail);
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| bad("The query cannot be read."))?
        .0;
    let mut asked = Asked::default();
    asked.window.limit = DEFAULT_LIMIT;
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(other, _)| other == name) {
            return Err(bad("Each parameter may come only once."));
        }
        let time = |day: fn(&str, &Zone) -> Option<Timestamp>| {
            let time = day(value, zone).or_else(|| value.parse().ok());
            let text = "from and to: a day, as 2026-11-20, or a time with its zone.";
            time.ok_or_else(|| bad(text))
        };
        match name.as_str() {
            "from" => asked.window.from = Some(time(day_begins)?),
            "to" => asked.window.to = Some(time(day_after)?),
            "after" => {
                asked.window.after =
                    value.parse().map_err(|_| bad("after: the value of `next`."))?;
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=MAX_ENTRIES).contains(limit));
                asked.window.limit = limit.ok_or_else(|| bad("limit: 1 to 1000."))?;
            }
            "format" => asked.format = Some(value.clone()),
            _ => return Err(bad("The parameters are from, to, after, limit and format.")),
        }
    }
    Ok(asked)
}

/// Show the entries of a page of a register, in the order in which they were entered.
#[utoipa::path(
    get,
    path = "/cd/registers/{place}/{item}",
    tag = "controlled drugs",
    security(("bearer" = [])),
    params(
        ("place" = String, Path, description = "The place, as ward:WARDA or cabinet:ADC%2FWARDA1"),
        ("item" = String, Path, description = "The local formulary code"),
        ("from" = Option<String>, Query, description = "The first day, or a time with its zone"),
        ("to" = Option<String>, Query,
            description = "The last day, or the time before which it was done"),
        ("after" = Option<u64>, Query, description = "The value of next of the answer before"),
        ("limit" = Option<u32>, Query, description = "Entries of an answer, 1 to 1000"),
        ("format" = Option<String>, Query, description = "json (the default), csv or pdf"),
    ),
    responses(
        (status = 200, description = "The entries", body = RegisterBody),
        (status = 404, description = "There is no such page", body = crate::problem::ProblemBody),
        (status = 422, description = "The table would be too long",
            body = crate::problem::ProblemBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path((place, item)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Asked { window, format } = asked(&uri, &zone(&api).await?)?;
    let pdf = asks_for_pdf(format.as_deref(), &headers);
    let form = if pdf { Form::Csv } else { form(format.as_deref(), &headers)? };
    let nothing = || Problem::not_found("No register has a page of this place and item.");
    let place: Place = place.parse().map_err(|_| nothing())?;
    let detail = format!("{place} {item}");
    if pdf {
        return printed(&api, &caller, (place, item), window, detail).await;
    }
    let slice = api
        .ask(move |record| match form {
            Form::Json => record.register(&place, &item, &window),
            Form::Csv => whole(record, &place, &item, window),
        })
        .await?
        .ok_or_else(nothing)?;
    let patients: BTreeSet<Id> =
        slice.entries.iter().filter_map(|entry| entry.patient.clone()).collect();
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    if form == Form::Csv && slice.next.is_some() {
        let detail = "A table has at most 100,000 entries: ask for a shorter time.";
        return Err(Problem::new(
            axum::http::StatusCode::UNPROCESSABLE_ENTITY,
            code::BAD_QUERY,
            detail,
        ));
    }
    Ok(match form {
        Form::Json => {
            let RegisterSlice { page, entries, carried, next, people } = slice;
            let entries = entries.into_iter().map(EntryBody::from).collect();
            let (page, carried) = (page.into(), carried.normalize().to_string());
            axum::Json(RegisterBody { page, carried, entries, next, people }).into_response()
        }
        Form::Csv => csv(table(&slice), "register.csv"),
    })
}

/// The page on paper: all entries of a window, each sheet with what it is about and the place in
/// the journal to which it belongs.
async fn printed(
    api: &ApiState,
    caller: &Caller,
    (place, item): (Place, String),
    window: RegisterWindow,
    detail: String,
) -> Result<Response, Problem> {
    let now = api.engine.clock().now();
    let most = sheets::MAX_ROWS;
    let read = move |record: &record::Reader| {
        record.register_sheet((&place, &item), &window, most, (None, now))
    };
    let nothing = || Problem::not_found("No register has a page of this place and item.");
    let printed = api.ask(read).await?.ok_or_else(nothing)?;
    let patients = printed.patients;
    let seen = Look { channel: CHANNEL, what: "register", resource_type: None, detail, patients };
    look(api, caller, seen).await?;
    let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    if printed.more {
        let detail = "A PDF has at most 20,000 entries: ask for a shorter time.";
        return Err(Problem::new(status, code::BAD_QUERY, detail));
    }
    let sheet = printed.sheet;
    let made = tokio::task::spawn_blocking(move || sheets::pdf(&sheet)).await;
    match made {
        Ok(Ok(bytes)) => Ok(file(bytes, "application/pdf", "register.pdf")),
        why => {
            tracing::error!(?why, "a register could not be printed");
            Err(Problem::internal())
        }
    }
}

/// All entries of a window, as far as a table holds them.
fn whole(
    record: &record::Reader,
    place: &Place,
    item: &str,
    mut window: RegisterWindow,
) -> Result<Option<RegisterSlice>, record::Error> {
    window.limit = MAX_ENTRIES;
    let Some(mut slice) = record.register(place, item, &window)? else { return Ok(None) };
    while let Some(next) = slice.next.filter(|_| slice.entries.len() < MAX_TABLE) {
        window.after = next;
        let Some(more) = record.register(place, item, &window)? else { break };
        slice.entries.extend(more.entries);
        slice.people.extend(more.people);
        slice.next = more.next;
    }
    Ok(Some(slice))
}

fn table(slice: &RegisterSlice) -> String {
    let page = &slice.page;
    let (place, strength) = (page.place.to_string(), page.strength.clone().unwrap_or_default());
    let mut table = Csv::new(&COLUMNS);
    for entry in &slice.entries {
        table.entry([&place, &page.item, &page.name, &strength, &page.unit], entry);
    }
    table.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_strict_and_days_are_those_of_the_ward() {
        let read = |query: &str| {
            let uri: Uri = format!("/cd/registers/p/i?{query}").parse().unwrap();
            asked(&uri, &Zone::default()).ok()
        };
        let window = read("from=2026-07-01&to=2026-07-02").unwrap().window;
        let text = |at: Option<Timestamp>| at.unwrap().to_string();
        assert_eq!(text(window.from), "2026-06-30T23:00:00Z");
        assert_eq!(text(window.to), "2026-07-02T23:00:00Z");
        let window = read("from=2026-07-01T10:00:00%2B01:00&after=7&limit=2").unwrap().window;
        assert_eq!(text(window.from), "2026-07-01T09:00:00Z");
        assert_eq!((window.after, window.limit), (7, 2));
        for wrong in
            ["from=yesterday", "limit=0", "limit=1001", "x=1", "from=2026-07-01&from=2026-07-01"]
        {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
