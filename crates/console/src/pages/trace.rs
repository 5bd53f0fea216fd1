//! The life of one message, and mending it.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use fhir::Id;
use medicines::{Answer, Fact};
use serde::Deserialize;

use super::inside::Insider;
use super::{Console, Peer};
use crate::door::Right;
use crate::gather::messages;
use crate::render::{TracePage, html};
use crate::view::Place;

/// What may stand beside the life: what went wrong, and the text that somebody tried.
#[derive(Default)]
struct Tried {
    error: Option<String>,
    text: Option<String>,
}

/// `GET /trace/{entry}`.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(entry): Path<String>,
) -> Response {
    match console.insider(Some(Right::Messages), "trace", &peer, &request).await {
        Ok(reader) => show(&console, &reader, &entry, Tried::default()).await,
        Err(refused) => *refused,
    }
}

/// The mended message of a case.
#[derive(Deserialize)]
pub(super) struct Mended {
    case: String,
    /// The text of the form; with `as-it-came` it is not looked at.
    #[serde(default)]
    text: String,
    how: String,
}

/// `POST /trace/{entry}`: acts on a parked message again.
pub(super) async fn replay(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Path(entry): Path<String>,
    Form(mended): Form<Mended>,
) -> Response {
    let reader = match console.insider(Some(Right::Replay), "replay", &peer, &request).await {
        Ok(reader) => reader,
        Err(refused) => return *refused,
    };
    let failed = |error: String| Tried { error: Some(error), text: Some(mended.text.clone()) };
    let bytes = if mended.how == "mended" {
        match bytes_like(&reader, &entry, &mended.text).await {
            Ok(bytes) => Some(bytes),
            Err(why) => return show(&console, &reader, &entry, failed(why.to_owned())).await,
        }
    } else {
        None
    };
    let Ok(case) = Id::new(&mended.case) else {
        return show(&console, &reader, &entry, failed("There is no such case".to_owned())).await;
    };
    let error = match reader.desk.replay(&case, bytes, &reader.who).await {
        Ok(receipt) => match receipt.answer {
            Answer::Parked(problem) => format!("It still cannot be acted on: {}", problem.text),
            _ => return Redirect::to(&format!("/trace/{}", receipt.seq)).into_response(),
        },
        Err(error) => match console.replay_failed(&error) {
            Ok(why) => why,
            Err(notice) => return *notice,
        },
    };
    show(&console, &reader, &entry, failed(error)).await
}

/// The mended text in the form and the character set of the message that it mends: browsers send
/// UTF-8, with a line feed after each carriage return.
async fn bytes_like(reader: &Insider, entry: &str, text: &str) -> Result<Vec<u8>, &'static str> {
    let desk = reader.desk.clone();
    let seq: u64 = entry.parse().map_err(|_| "There is no such message")?;
    let found = tokio::task::spawn_blocking(move || desk.life(seq)).await;
    let Ok(Ok(Some(life))) = found else { return Err("The message cannot be read now") };
    encoded_like(&life.raw, text)
}

fn encoded_like(raw: &[u8], text: &str) -> Result<Vec<u8>, &'static str> {
    let text = text.trim_end().replace("\r\n", "\n");
    let text = if raw.contains(&b'\r') || text.starts_with("MSH") {
        text.replace('\n', "\r") + "\r"
    } else {
        text
    };
    if std::str::from_utf8(raw).is_ok() {
        return Ok(text.into_bytes());
    }
    let byte = |letter: char| u8::try_from(u32::from(letter)).ok();
    text.chars()
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .ok_or("The message is not in UTF-8, and its character set lacks a letter that you entered")
}

async fn show(console: &Console, reader: &Insider, entry: &str, tried: Tried) -> Response {
    let nothing = || {
        console.notice(
            StatusCode::NOT_FOUND,
            "There is no such message",
            "The journal has no entry of this number.",
        )
    };
    let Ok(seq) = entry.parse::<u64>() else { return nothing() };
    let desk = reader.desk.clone();
    let found = tokio::task::spawn_blocking(move || desk.life(seq)).await;
    let life = match found {
        Ok(Ok(Some(life))) => life,
        Ok(Ok(None)) => return nothing(),
        _ => return console.unreadable(),
    };
    let patients = life.head.facts.iter().filter_map(Fact::patient).cloned().collect();
    let detail = format!("trace/{seq}");
    let look = (Right::Messages, detail.as_str());
    if let Err(stopped) = console.journal_looks(&reader.who, look, patients).await {
        return *stopped;
    }
    let mut view = messages::life(&life);
    if let Some(text) = tried.text.filter(|text| !text.is_empty()) {
        view.text = text;
    }
    let status =
        if tried.error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shell = match console.shell(reader, Place::Messages).await {
        Ok(shell) => shell,
        Err(instead) => return *instead,
    };
    let page = TracePage {
        shell: &shell,
        can_replay: reader.rights.has(Right::Replay),
        life: &view,
        error: tried.error.as_deref(),
    };
    (status, Html(html(&page))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &[u8], text: &str, expected: Option<&[u8]>) {
        assert_eq!(encoded_like(raw, text).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn a_mended_text_has_the_form_of_what_it_mends() {
        check(b"MSH|a\rPID|1\r", "MSH|b\r\nPID|\u{eb}\r\n", Some("MSH|b\rPID|\u{eb}\r".as_bytes()));
        check(b"MSH|a\rPID|\xeb\r", "MSH|b\nPID|\u{eb}", Some(b"MSH|b\rPID|\xeb\r"));
        check(b"MSH|a\rPID|\xeb\r", "MSH|\u{142}", None);
        check(b"{\"a\":1}", "{\"a\":\r\n2}", Some(b"{\"a\":\n2}"));
    }
}
