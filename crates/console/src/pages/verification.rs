//! The orders that wait for a pharmacist, one of them, and a pharmacist's word.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use fhir::Id;
use medicines::Request;
use medicines::orders::{Verification, Word};
use serde::Deserialize;
use serde_json::json;

use super::inside::{Insider, Shown, either, page};
use super::{Console, Peer};
use crate::desk::NotDone;
use crate::door::Right;
use crate::gather::verification;
use crate::render::{OrderPage, QueuePage};
use crate::view::Place;
use crate::words::encoded;

/// The most characters of what is asked or of why an order is held back.
const MAX_TEXT_CHARS: usize = 500;

/// What may stand in the addresses of these pages.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The ward whose orders are shown.
    #[serde(default)]
    ward: String,
    /// What was done just before.
    #[serde(default)]
    done: String,
}

/// `GET /verification`.
pub(super) async fn queue(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    either(show_queue(&console, &peer, &request, asked).await)
}

async fn show_queue(console: &Console, peer: &Peer, request: &HeaderMap, asked: Asked) -> Shown {
    let right = Right::Verification;
    let insider = console.insider(Some(right), "verification", peer, request).await?;
    let (now, ward) = (insider.desk.now(), asked.ward);
    let found = insider.desk.read(move |reader| verification::queue(reader, &ward, now)).await;
    let (queue, patients) = found.map_err(|why| console.trouble(&why))?;
    console.journal_looks(&insider.who, (right, "verification queue"), patients).await?;
    let shell = console.shell(&insider, Place::Verification).await?;
    let done = match asked.done.as_str() {
        "verify" => Some("The order is verified. It may be taken from cabinets now."),
        "query" => Some("The question is recorded. The order still waits for a pharmacist."),
        "intervene" => Some("The order is held back. No cabinet gives it out on this order."),
        _ => None,
    };
    Ok(page(&QueuePage { shell: &shell, queue: &queue, done }, false))
}

/// `GET /verification/{order}`.
pub(super) async fn order(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let right = Some(Right::Verification);
    let insider = match console.insider(right, "verification/order", &peer, &request).await {
        Ok(insider) => insider,
        Err(instead) => return *instead,
    };
    let tried = Tried { ward: asked.ward, ..Tried::default() };
    either(show_order(&console, &insider, &id, &tried).await)
}

/// What stands beside an order that is shown again.
#[derive(Debug, Default)]
struct Tried {
    ward: String,
    text: String,
    why: Option<NotDone>,
}

async fn show_order(console: &Console, insider: &Insider, id: &str, tried: &Tried) -> Shown {
    let nothing = || {
        let text = "No order has this number. It may be one of another site.";
        Box::new(console.notice(StatusCode::NOT_FOUND, "There is no such order", text))
    };
    let id = Id::new(id).map_err(|_| nothing())?;
    let (now, of) = (insider.desk.now(), id.clone());
    let found = insider.desk.read(move |reader| verification::order(reader, &of, now)).await;
    let (order, patient) = found.map_err(|why| console.trouble(&why))?.ok_or_else(nothing)?;
    let look = (Right::Verification, id.as_str());
    console.journal_looks(&insider.who, look, BTreeSet::from([patient])).await?;
    let shell = console.shell(insider, Place::Verification).await?;
    let (conflict, error) = match &tried.why {
        Some(NotDone::Conflict(text)) => (Some(text.as_str()), None),
        Some(NotDone::Refused(text)) => (None, Some(text.as_str())),
        None => (None, None),
    };
    let shown = OrderPage {
        shell: &shell,
        order: &order,
        ward: &tried.ward,
        conflict,
        error,
        text: &tried.text,
    };
    let mut response = page(&shown, error.is_some());
    if conflict.is_some() {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    Ok(response)
}

/// A pharmacist's word as the form sends it.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    form: String,
    version: u64,
    /// The open questions that the page showed, with blanks between their ids.
    #[serde(default)]
    questions: String,
    word: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    ward: String,
}

/// `POST /verification/{order}`.
pub(super) async fn word(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(id): Path<String>,
    Form(said): Form<Said>,
) -> Response {
    let right = Some(Right::Verification);
    let insider = match console.insider(right, "verification/word", &peer, &request).await {
        Ok(insider) => insider,
        Err(instead) => return *instead,
    };
    either(tell(&console, &insider, &id, said).await)
}

async fn tell(console: &Console, insider: &Insider, id: &str, said: Said) -> Shown {
    let form = console.form(insider, &said.form)?;
    let again = |why| Tried { ward: said.ward.clone(), text: said.text.clone(), why: Some(why) };
    let (word, text) = match read(&said) {
        Ok(read) => read,
        Err(why) => return show_order(console, insider, id, &again(NotDone::Refused(why))).await,
    };
    let Ok(order) = Id::new(id) else {
        return show_order(console, insider, id, &Tried::default()).await;
    };
    let seen: Vec<&str> = said.questions.split_ascii_whitespace().collect();
    let raw = json!({
        "order": id, "version": said.version, "word": said.word, "text": text,
        "by": insider.who, "questions": seen,
    });
    let told = Verification {
        order,
        version: said.version,
        word,
        text,
        by: insider.who.clone(),
        questions: Some(seen.into_iter().filter_map(|id| Id::new(id).ok()).collect()),
    };
    match console.act(insider, form, Request::Verify(Box::new(told)), &raw).await? {
        Ok(_) => {
            let of = encoded(&said.ward);
            let to = format!("/verification?ward={of}&done={}", said.word);
            Ok(Redirect::to(&to).into_response())
        }
        Err(why) => show_order(console, insider, id, &again(why)).await,
    }
}

/// The word and its text, or what is wrong with the form.
fn read(said: &Said) -> Result<(Word, Option<String>), String> {
    let word = match said.word.as_str() {
        "verify" => Word::Verify,
        "query" => Word::Query,
        "intervene" => Word::Intervene,
        _ => return Err("Choose what you say of the order".to_owned()),
    };
    let text = said.text.trim();
    if text.chars().count() > MAX_TEXT_CHARS {
        return Err(format!("The text has at most {MAX_TEXT_CHARS} characters"));
    }
    match word {
        Word::Verify => Ok((word, None)),
        Word::Query if text.is_empty() => Err("Enter what you ask the prescriber".to_owned()),
        Word::Intervene if text.is_empty() => Err("Enter why you hold it back".to_owned()),
        Word::Query | Word::Intervene => Ok((word, Some(text.to_owned()))),
    }
}
