//! Recalls: which are in force, where a batch is and who had it, starting and ending one.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use medicines::Request;
use medicines::stock::{RecallNotice, StockAct};
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::{Console, Peer};
use crate::desk::NotDone;
use crate::door::Right;
use crate::gather::recalls;
use crate::render::{RecallPage, RecallsPage};
use crate::view::Place;

/// The most characters of a code or a batch.
const MAX_CODE_CHARS: usize = 64;
/// The most characters of a reason.
const MAX_REASON_CHARS: usize = 300;

const RIGHT: Right = Right::Stock;

/// The batch that somebody looks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sought {
    item: Option<String>,
    batch: Option<String>,
}

/// `GET /recalls`: the recalls in force; with an item and a batch, on to the page of the batch.
pub(super) async fn list(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(sought): Query<Sought>,
) -> Response {
    match console.insider(Some(RIGHT), "recalls", &peer, &request).await {
        Ok(insider) => either(show_list(&console, &insider, sought).await),
        Err(instead) => *instead,
    }
}

async fn show_list(console: &Console, insider: &Insider, sought: Sought) -> Shown {
    let asked = sought.item.is_some() || sought.batch.is_some();
    let (item, batch) = (sought.item.unwrap_or_default(), sought.batch.unwrap_or_default());
    let (item, batch) = (item.trim(), batch.trim());
    let fits = |text: &str| !text.is_empty() && text.chars().count() <= MAX_CODE_CHARS;
    if fits(item) && fits(batch) {
        return Ok(Redirect::to(&recalls::href(item, batch)).into_response());
    }
    let error = match (asked, fits(item)) {
        (false, _) => None,
        (true, false) => Some("Choose the item"),
        (true, true) => Some("Enter the batch, with 64 characters at the most"),
    };
    let view = insider.desk.read(recalls::list).await.map_err(|why| console.trouble(&why))?;
    let shell = console.shell(insider, Place::Recalls).await?;
    let shown = RecallsPage { shell: &shell, recalls: &view, item, batch, error };
    Ok(page(&shown, error.is_some()))
}

/// What was done just before.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Before {
    #[serde(default)]
    done: String,
}

/// `GET /recalls/{item}/{batch}`.
pub(super) async fn batch(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
    Query(before): Query<Before>,
) -> Response {
    let done = match before.done.as_str() {
        "recall" => Some("The recall is in force: no cabinet that asks gives the batch out now."),
        "end" => Some("The recall has ended. The batch may be given out again."),
        _ => None,
    };
    match console.insider(Some(RIGHT), "recalls/batch", &peer, &request).await {
        Ok(insider) => {
            either(show_batch(&console, &insider, &of, Tried { done, ..Tried::default() }).await)
        }
        Err(instead) => *instead,
    }
}

/// What stands beside a batch.
#[derive(Debug, Default)]
struct Tried {
    done: Option<&'static str>,
    error: Option<String>,
    reason: String,
}

async fn show_batch(
    console: &Console,
    insider: &Insider,
    (item, batch): &(String, String),
    tried: Tried,
) -> Shown {
    let (now, of) = (insider.desk.now(), (item.clone(), batch.clone()));
    let found = insider.desk.read(move |reader| recalls::batch(reader, &of.0, &of.1, now)).await;
    let (view, patients) = found.map_err(|why| console.trouble(&why))?.ok_or_else(|| {
        let text = "The formulary of this site has no item of this code.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "There is no such item", text))
    })?;
    let detail = format!("{item} {batch}");
    console.journal_looks(&insider.who, (RIGHT, &detail), patients).await?;
    let shell = console.shell(insider, Place::Recalls).await?;
    let shown = RecallPage {
        shell: &shell,
        batch: &view,
        done: tried.done,
        error: tried.error.as_deref(),
        reason: &tried.reason,
    };
    Ok(page(&shown, tried.error.is_some()))
}

/// The form that starts or ends a recall.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    form: String,
    /// `recall` or `end`.
    act: String,
    reason: String,
}

/// `POST /recalls/{item}/{batch}`.
pub(super) async fn act(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(of): Path<(String, String)>,
    Form(asked): Form<Asked>,
) -> Response {
    match console.insider(Some(RIGHT), "recalls/act", &peer, &request).await {
        Ok(insider) => either(tell(&console, &insider, &of, &asked).await),
        Err(instead) => *instead,
    }
}

async fn tell(console: &Console, insider: &Insider, of: &(String, String), asked: &Asked) -> Shown {
    let form = console.form(insider, &asked.form)?;
    let reason = asked.reason.trim();
    let again = |error: String| Tried { error: Some(error), reason: reason.to_owned(), done: None };
    let starts = asked.act == "recall";
    if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
        let what = if starts { "the number of the notice, or why" } else { "why the recall ends" };
        let why = format!("Enter {what}, with {MAX_REASON_CHARS} characters at the most");
        return show_batch(console, insider, of, again(why)).await;
    }
    let (item, batch) = of.clone();
    let raw = json!({
        "item": item, "batch": batch, "reason": reason, "person": insider.who, "lifted": !starts,
    });
    let notice =
        RecallNotice { item, batch, reason: reason.to_owned(), person: insider.who.clone() };
    let act = if starts { StockAct::Recall(notice) } else { StockAct::Lift(notice) };
    match console.act(insider, form, Request::Stock(Box::new(act)), &raw).await? {
        Ok(_) => {
            let done = if starts { "recall" } else { "end" };
            let to = format!("{}?done={done}", recalls::href(&of.0, &of.1));
            Ok(Redirect::to(&to).into_response())
        }
        Err(NotDone::Conflict(why) | NotDone::Refused(why)) => {
            show_batch(console, insider, of, again(why)).await
        }
    }
}
