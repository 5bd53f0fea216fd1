//! The registers of controlled drugs: all pages, one page on the screen and as a file, and the
//! discrepancies with the steps that people take.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use fhir::Id;
use jiff::ToSpan;
use medicines::Request;
use medicines::controlled::{
    ControlledAct, DiscrepancyStatus, Place as Held, Step, day_after, day_begins,
};
use record::{Printed, RegisterWindow};
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::{Console, Peer};
use crate::desk::NotDone;
use crate::door::Right;
use crate::gather::registers;
use crate::render::{DiscrepancyPage, RegisterPage, RegistersPage};
use crate::view::Place;

/// How many days a page shows where nobody says from when, today among them.
const DAYS: i32 = 31;
/// The most entries on a screen.
const MAX_SHOWN: usize = 1_000;
/// The most characters of what is said of a discrepancy.
const MAX_TEXT_CHARS: usize = 1_000;

const RIGHT: Right = Right::Registers;

/// `GET /registers`.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(part): Query<Part>,
) -> Response {
    match console.insider(Some(RIGHT), "registers", &peer, &request).await {
        Ok(insider) => either(show_list(&console, &insider, part).await),
        Err(instead) => *instead,
    }
}

/// Which pages are listed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Part {
    /// Of this place; of all where it is empty.
    #[serde(default)]
    place: String,
    /// After this page, as `place|item`.
    #[serde(default)]
    after: String,
}

async fn show_list(console: &Console, insider: &Insider, part: Part) -> Shown {
    let now = insider.desk.now();
    let place = match part.place.as_str() {
        "" => None,
        text => Some(text.parse::<Held>().map_err(|_| {
            let why = "Choose one of the places in the list.";
            Box::new(console.notice(StatusCode::NOT_FOUND, "There is no such place", why))
        })?),
    };
    let found = insider.desk.read(move |reader| {
        registers::list(reader, place.as_ref(), part.after.rsplit_once('|'), now)
    });
    let found = found.await;
    let (view, patients) = found.map_err(|why| console.trouble(&why))?;
    console.journal_looks(&insider.who, (RIGHT, "registers"), patients).await?;
    let shell = console.shell(insider, Place::Registers).await?;
    Ok(page(&RegistersPage { shell: &shell, registers: &view }, false))
}

/// The days of a page, and how it is wanted.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Window {
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    format: String,
}

/// `GET /registers/{place}/{item}`: on the screen, or with `format` as `pdf` or `csv`.
pub(super) async fn one(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
    Query(window): Query<Window>,
) -> Response {
    match console.insider(Some(RIGHT), "registers/page", &peer, &request).await {
        Ok(insider) => either(show_one(&console, &insider, of, window).await),
        Err(instead) => *instead,
    }
}

async fn show_one(
    console: &Console,
    insider: &Insider,
    (place, item): (String, String),
    mut days: Window,
) -> Shown {
    let nothing = || {
        let text = "No controlled drug of this code was ever at this place.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "There is no such page", text))
    };
    let now = insider.desk.now();
    let zone = insider.desk.read(|reader| Ok(reader.site()?.time_zone)).await;
    let zone = zone.map_err(|why| console.trouble(&why))?;
    if days.from.is_empty() && days.to.is_empty() {
        let today = zone.day_of(now);
        days.from = today.saturating_sub((DAYS - 1).days()).to_string();
        days.to = today.to_string();
    }
    let window = RegisterWindow {
        from: day_begins(&days.from, &zone),
        to: day_after(&days.to, &zone),
        ..RegisterWindow::default()
    };
    let most = if days.format.is_empty() { MAX_SHOWN } else { sheets::MAX_ROWS };
    let asked = registers::Asked {
        place: place.parse::<Held>().map_err(|_| nothing())?,
        item: item.clone(),
        window,
        most,
        owner: console.site_name.clone(),
        now,
    };
    let found = insider.desk.read(move |reader| registers::page(reader, &asked)).await;
    let printed = found.map_err(|why| console.trouble(&why))?.ok_or_else(nothing)?;
    let detail = format!("{place} {item} {} {} {}", days.from, days.to, days.format);
    let look = (RIGHT, detail.trim_end());
    console.journal_looks(&insider.who, look, printed.patients.clone()).await?;
    if !days.format.is_empty() {
        return file(console, &printed, &days).await;
    }
    let shell = console.shell(insider, Place::Registers).await?;
    let view = registers::view(&printed, days.from, days.to);
    Ok(page(&RegisterPage { shell: &shell, register: &view }, false))
}

/// The page as a file.
async fn file(console: &Console, printed: &Printed, days: &Window) -> Shown {
    let too_long = || {
        let text = "A file has at most 20,000 entries. Choose fewer days.";
        Box::new(console.notice(StatusCode::UNPROCESSABLE_ENTITY, "That is too much", text))
    };
    if printed.more {
        return Err(too_long());
    }
    let (bytes, kind) = if days.format == "csv" {
        (printed.csv().into_bytes(), "text/csv; charset=utf-8; header=present")
    } else {
        let sheet = printed.sheet.clone();
        let made = tokio::task::spawn_blocking(move || sheets::pdf(&sheet)).await;
        match made {
            Ok(Ok(bytes)) => (bytes, "application/pdf"),
            why => {
                tracing::error!(?why, "a register could not be printed");
                let text = "The log of this node says why. The CSV has the same entries.";
                let status = StatusCode::SERVICE_UNAVAILABLE;
                return Err(Box::new(console.notice(status, "No PDF can be made now", text)));
            }
        }
    };
    let extension = if days.format == "csv" { "csv" } else { "pdf" };
    let name = format!("attachment; filename=\"register-{}-{}.{extension}\"", days.from, days.to);
    let safe = |letter: char| letter.is_ascii_alphanumeric() || "-.;= \"".contains(letter);
    let name: String = name.chars().filter(|letter| safe(*letter)).collect();
    Ok(([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)], bytes).into_response())
}

/// From where somebody came to a discrepancy.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CameFrom {
    /// What was done just before.
    #[serde(default)]
    done: String,
}

/// `GET /registers/discrepancies/{id}`.
pub(super) async fn discrepancy(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
    Query(from): Query<CameFrom>,
) -> Response {
    match console.insider(Some(RIGHT), "registers/discrepancy", &peer, &request).await {
        Ok(insider) => {
            let found = match from.done.as_str() {
                "count" => Some("The count is entered, and it differs from the register"),
                "receipt" => Some("The receipt is entered, and less came than was sent"),
                _ => None,
            };
            either(show_discrepancy(&console, &insider, &id, (None, found), "").await)
        }
        Err(instead) => *instead,
    }
}

async fn show_discrepancy(
    console: &Console,
    insider: &Insider,
    id: &str,
    (error, found): (Option<&str>, Option<&'static str>),
    text: &str,
) -> Shown {
    let nothing = || {
        let why = "It may be one of another site.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "There is no such discrepancy", why))
    };
    let of = Id::new(id).map_err(|_| nothing())?;
    let now = insider.desk.now();
    let known = insider.desk.read(move |reader| registers::discrepancy(reader, &of, now)).await;
    let view = known.map_err(|why| console.trouble(&why))?.ok_or_else(nothing)?;
    console.journal_looks(&insider.who, (RIGHT, id), BTreeSet::new()).await?;
    let shell = console.shell(insider, Place::Registers).await?;
    let shown = DiscrepancyPage { shell: &shell, discrepancy: &view, found, error, text };
    Ok(page(&shown, error.is_some()))
}

/// The form of a step.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {
    form: String,
    status: String,
    #[serde(default)]
    text: String,
}

/// `POST /registers/discrepancies/{id}`.
pub(super) async fn step(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
    Form(taken): Form<Taken>,
) -> Response {
    match console.insider(Some(RIGHT), "registers/step", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &id, &taken).await),
        Err(instead) => *instead,
    }
}

async fn tell(console: &Console, insider: &Insider, id: &str, taken: &Taken) -> Shown {
    let form = console.form(insider, &taken.form)?;
    let text = taken.text.trim();
    let to = match taken.status.as_str() {
        "investigating" => DiscrepancyStatus::Investigating,
        "resolved" => DiscrepancyStatus::Resolved,
        "escalated" => DiscrepancyStatus::Escalated,
        "closed" => DiscrepancyStatus::Closed,
        _ => {
            let why = "Choose what is done";
            return show_discrepancy(console, insider, id, (Some(why), None), text).await;
        }
    };
    if to.is_over() && text.is_empty() {
        let why = "Enter what was found";
        return show_discrepancy(console, insider, id, (Some(why), None), text).await;
    }
    if text.chars().count() > MAX_TEXT_CHARS {
        let why = format!("The text has at most {MAX_TEXT_CHARS} characters");
        return show_discrepancy(console, insider, id, (Some(&why), None), text).await;
    }
    let Ok(discrepancy) = Id::new(id) else {
        return show_discrepancy(console, insider, id, (None, None), text).await;
    };
    let by = insider.who.clone();
    let said = (!text.is_empty()).then(|| text.to_owned());
    let raw = json!({ "discrepancy": id, "status": to.as_str(), "by": by, "text": said });
    let step = Step { discrepancy, to, by, text: said };
    let request = Request::Controlled(Box::new(ControlledAct::Step(step)));
    match console.act(insider, form, request, &raw).await? {
        Ok(_) => Ok(Redirect::to(&format!("/registers/discrepancies/{id}")).into_response()),
        Err(NotDone::Conflict(why) | NotDone::Refused(why)) => {
            show_discrepancy(console, insider, id, (Some(&why), None), text).await
        }
    }
}
