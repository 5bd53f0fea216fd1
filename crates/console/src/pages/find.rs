//! Finding messages, and sending a selection again.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use engine::Chosen;
use fhir::Id;
use medicines::deliveries::MAX_RESENT;
use record::{MessageSearch, MessageView};
use serde::Deserialize;

use super::inside::Insider;
use super::{Console, Peer};
use crate::door::Right;
use crate::render::{FindPage, html};
use crate::view::{Asked, FoundRow, Place};
use crate::words::{encoded, uk_minute};

/// How many messages a page has.
const ROWS: usize = 50;
/// The most characters of a field of the form.
const MAX_FIELD_CHARS: usize = 256;

/// `GET /find`.
pub(super) async fn page(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response {
    let reader = match console.insider(Some(Right::Messages), "find", &peer, &request).await {
        Ok(reader) => reader,
        Err(refused) => return *refused,
    };
    let search = match search(&asked) {
        Ok(search) => search,
        Err(error) => {
            return shown(&console, &reader, &asked, &[], None, Some(&error)).await;
        }
    };
    let desk = reader.desk.clone();
    let found = tokio::task::spawn_blocking(move || desk.find(&search, ROWS)).await;
    let Ok(Ok(found)) = found else { return console.unreadable() };
    let patients = found.messages.iter();
    let patients = patients.filter_map(|message| Id::new(message.patient.as_deref()?).ok());
    let detail = format!("find?{}", given(&asked).join("&"));
    let look = (Right::Messages, detail.as_str());
    if let Err(stopped) = console.journal_looks(&reader.who, look, patients.collect()).await {
        return *stopped;
    }
    let rows: Vec<FoundRow> = found.messages.into_iter().map(row).collect();
    shown(&console, &reader, &asked, &rows, found.next, None).await
}

/// A selection and where it goes.
#[derive(Deserialize)]
pub(super) struct Selection {
    to: String,
    reason: String,
}

/// `POST /find/resend`: the search stands in the address, as it was shown.
pub(super) async fn send_again(
    State(console): State<Arc<Console>>,
    peer: Peer,
    request: HeaderMap,
    Query(asked): Query<Asked>,
    Form(selection): Form<Selection>,
) -> Response {
    let reader = match console.insider(Some(Right::Replay), "resend", &peer, &request).await {
        Ok(reader) => reader,
        Err(refused) => return *refused,
    };
    let (to, reason) = (selection.to.trim(), selection.reason.trim());
    let told =
        async |error: String| shown(&console, &reader, &asked, &[], None, Some(&error)).await;
    if to.is_empty() || reason.is_empty() || reason.chars().count() > MAX_FIELD_CHARS {
        return told("Enter the channel, and why the messages go again".to_owned()).await;
    }
    let search = match search(&asked) {
        Ok(search) => search,
        Err(error) => return told(error).await,
    };
    let chosen = Chosen {
        search,
        entry: None,
        channel: to.to_owned(),
        reason: reason.to_owned(),
        limit: MAX_RESENT,
    };
    match reader.desk.resend(chosen, &reader.who).await {
        Ok(sent) => Redirect::to(&format!("/trace/{}", sent.entry)).into_response(),
        Err(error) => match console.replay_failed(&error) {
            Ok(why) => told(format!("Nothing was sent: {why}")).await,
            Err(notice) => *notice,
        },
    }
}

fn row(view: MessageView) -> FoundRow {
    FoundRow {
        seq: view.seq,
        at: view.at,
        channel: view.channel,
        message_type: view.message_type,
        control_id: view.control_id,
        outcome: view.outcome,
    }
}

async fn shown(
    console: &Console,
    reader: &Insider,
    asked: &Asked,
    rows: &[FoundRow],
    next: Option<u64>,
    error: Option<&str>,
) -> Response {
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let next = next
        .map(|next| format!("/find?{}", query(&Asked { page: next.to_string(), ..asked.clone() })));
    let shell = match console.shell(reader, Place::Messages).await {
        Ok(shell) => shell,
        Err(instead) => return *instead,
    };
    let page = FindPage {
        shell: &shell,
        can_replay: reader.rights.has(Right::Replay),
        query: query(&Asked { page: String::new(), ..asked.clone() }),
        asked,
        rows,
        next,
        error,
    };
    (status, Html(html(&page))).into_response()
}

/// The fields of the form in the order of the page.
fn fields(asked: &Asked) -> [(&'static str, &str); 11] {
    [
        ("words", &asked.words),
        ("patient", &asked.patient),
        ("placer", &asked.placer),
        ("filler", &asked.filler),
        ("control", &asked.control),
        ("type", &asked.message_type),
        ("channel", &asked.channel),
        ("outcome", &asked.outcome),
        ("from", &asked.from),
        ("to", &asked.to),
        ("page", &asked.page),
    ]
}

/// The names of the fields that say something. Their values, among them names and numbers of
/// patients, are not journalled.
fn given(asked: &Asked) -> Vec<&'static str> {
    fields(asked).into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name).collect()
}

/// The query of a page's address.
fn query(asked: &Asked) -> String {
    let given = fields(asked).into_iter().filter(|(_, value)| !value.is_empty());
    let pair = |(name, value): (&str, &str)| format!("{name}={}", encoded(value));
    given.map(pair).collect::<Vec<_>>().join("&")
}

/// What the form asks for; in words what is wrong with it.
fn search(asked: &Asked) -> Result<MessageSearch, String> {
    if fields(asked).iter().any(|(_, value)| value.chars().count() > MAX_FIELD_CHARS) {
        return Err("A field has at most 256 characters".to_owned());
    }
    let time = |text: &str| match text.trim() {
        "" => Ok(None),
        text => uk_minute(text)
            .map(Some)
            .ok_or_else(|| "Enter a time as 2026-11-20T10:15, in UK time".to_owned()),
    };
    let before = match asked.page.trim() {
        "" => None,
        text => Some(text.parse().map_err(|_| "There is no such page".to_owned())?),
    };
    Ok(MessageSearch {
        patient: asked.patient.clone(),
        placer: asked.placer.clone(),
        filler: asked.filler.clone(),
        control_id: asked.control.clone(),
        message_type: asked.message_type.clone(),
        channel: asked.channel.clone(),
        outcome: asked.outcome.clone(),
        words: asked.words.clone(),
        from: time(&asked.from)?,
        to: time(&asked.to)?,
        before,
        everything: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_leads_to_the_same_search() {
        let asked = Asked { words: "zoë & co".into(), page: "7".into(), ..Asked::default() };
        assert_eq!(query(&asked), "words=zo%C3%AB%20%26%20co&page=7");
        let uri: axum::http::Uri = format!("/find?{}", query(&asked)).parse().unwrap();
        assert_eq!(Query::<Asked>::try_from_uri(&uri).unwrap().0, asked);
        assert_eq!(given(&asked), ["words", "page"]);
    }

    #[test]
    fn a_form_is_checked() {
        let check = |from: &str, page: &str, right| {
            let asked = Asked { from: from.into(), page: page.into(), ..Asked::default() };
            assert_eq!(search(&asked).is_ok(), right, "{from} {page}");
        };
        check("", "", true);
        check("2026-11-20T10:15", "9", true);
        check("yesterday", "", false);
        check("", "x", false);
        assert!(search(&Asked { words: "x".repeat(257), ..Asked::default() }).is_err());
    }
}
