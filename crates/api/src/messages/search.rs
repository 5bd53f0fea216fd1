//! Finding messages.

use std::collections::BTreeSet;

use axum::extract::{Query, RawQuery, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use record::{MessageSearch, MessageView};
use serde::Serialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// Messages on a page where the request says nothing else.
const DEFAULT_LIMIT: usize = 50;
/// The most messages on a page; each patient among them is journalled as seen.
const MAX_LIMIT: usize = 200;
/// The most characters of one value.
const MAX_VALUE_CHARS: usize = 256;

/// A page of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Messages)]
pub(crate) struct MessagesBody {
    /// The messages, newest first.
    messages: Vec<MessageBody>,
    /// The value of `page` that gives the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// A message as the index has it, without its bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    /// The number of its journal entry.
    entry: u64,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The channel or client from which it came.
    channel: String,
    /// Its type, for instance `RDE^O11`.
    #[serde(rename = "type")]
    message_type: String,
    /// The sender's control id, or empty.
    control_id: String,
    /// The answer as a code: `done`, `parked`, `permitted`, `refused`.
    outcome: String,
    /// The id of the Patient, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    patient: Option<String>,
}

impl From<MessageView> for MessageBody {
    fn from(view: MessageView) -> Self {
        MessageBody {
            entry: view.seq,
            at: view.at,
            channel: view.channel,
            message_type: view.message_type,
            control_id: view.control_id,
            outcome: view.outcome,
            patient: view.patient,
        }
    }
}

/// What a query asks for: the search, and how many on a page.
pub(super) fn asked(pairs: &[(String, String)]) -> Result<(MessageSearch, usize), Problem> {
    let bad = |detail: &str| Problem::bad(code::BAD_QUERY, detail);
    let mut search = MessageSearch::default();
    let mut limit = DEFAULT_LIMIT;
    for (at, (name, value)) in pairs.iter().enumerate() {
        if pairs[..at].iter().any(|(other, _)| other == name) {
            return Err(bad("Each parameter may come only once."));
        }
        if value.chars().count() > MAX_VALUE_CHARS {
            return Err(bad("A value has at most 256 characters."));
        }
        let time = || {
            let detail = "from, to: a time with its zone, as 2026-11-20T10:15:00Z.";
            value.parse::<Timestamp>().map_err(|_| bad(detail))
        };
        match name.as_str() {
            "patient" => search.patient.clone_from(value),
            "placer" => search.placer.clone_from(value),
            "filler" => search.filler.clone_from(value),
            "control" => search.control_id.clone_from(value),
            "type" => search.message_type.clone_from(value),
            "channel" => search.channel.clone_from(value),
            "outcome" => search.outcome.clone_from(value),
            "words" => search.words.clone_from(value),
            "from" => search.from = Some(time()?),
            "to" => search.to = Some(time()?),
            "all" => search.everything = value == "true",
            "page" => {
                let page = value.parse().map_err(|_| bad("page: the value of `next`."))?;
                search.before = Some(page);
            }
            "limit" => {
                let wanted = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit = wanted.ok_or_else(|| bad("limit: 1 to 200."))?;
            }
            _ => {
                return Err(bad("The parameters are patient, placer, filler, control, type, \
                                channel, outcome, words, from, to, all, page and limit."));
            }
        }
    }
    Ok((search, limit))
}

/// The names of the parameters of a search, without their values: numbers and names of patients
/// are among these.
fn names(query: Option<&str>) -> String {
    let names = query.unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
    let known: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    if known.is_empty() { "messages".to_owned() } else { format!("messages?{}", known.join("&")) }
}

/// Find messages.
#[utoipa::path(
    get,
    path = "/messages",
    tag = "messages",
    security(("bearer" = [])),
    params(
        ("patient" = Option<String>, Query, description = "Any number of the patient"),
        ("placer" = Option<String>, Query, description = "The placer's order number"),
        ("filler" = Option<String>, Query, description = "The filler's order number"),
        ("control" = Option<String>, Query, description = "The control id (MSH-10)"),
        ("type" = Option<String>, Query, description = "The type: RDE^O11, or RDE"),
        ("channel" = Option<String>, Query, description = "The channel or client"),
        ("outcome" = Option<String>, Query, description = "The answer, its reason, or duplicate"),
        ("words" = Option<String>, Query, description = "Words, all of which the message has"),
        ("from" = Option<String>, Query, description = "Recorded at this time or later"),
        ("to" = Option<String>, Query, description = "Recorded before this time"),
        ("all" = Option<bool>, Query, description = "Also entries that came as no message"),
        ("page" = Option<u64>, Query, description = "The value of next of the page before"),
        ("limit" = Option<u32>, Query, description = "Messages on a page, 1 to 200"),
    ),
    responses(
        (status = 200, description = "A page", body = MessagesBody),
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
    let (search, limit) = asked(&pairs)?;
    let index = api.engine.messages().clone();
    let page = api.ask(move |record| record.find_messages(&index, &search, limit)).await?;
    let patients: BTreeSet<Id> = page
        .messages
        .iter()
        .filter_map(|message| Id::new(message.patient.as_deref()?).ok())
        .collect();
    let detail = names(query.as_deref());
    let seen = Look { channel: CHANNEL, what: "messages", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    let messages = page.messages.into_iter().map(MessageBody::from).collect();
    Ok(axum::Json(MessagesBody { messages, next: page.next }).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Option<(&str, usize)>) {
        let uri: Uri = format!("/messages?{query}").parse().unwrap();
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&uri).unwrap();
        let found = asked(&pairs).ok().map(|(search, limit)| (search.patient, limit));
        let expected = expected.map(|(patient, limit)| (patient.to_owned(), limit));
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn the_query_is_strict() {
        check("", Some(("", 50)));
        check(
            "patient=9990000018&limit=7&page=9&from=2026-11-20T10:15:00Z",
            Some(("9990000018", 7)),
        );
        let long = format!("words={}", "x".repeat(257));
        for bad in ["limit=0", "limit=201", "page=x", "from=today", "name=x", "all=1&all=1", &long]
        {
            check(bad, None);
        }
    }

    #[test]
    fn the_journal_keeps_no_value_of_a_search() {
        assert_eq!(names(Some("patient=9990000018&words=tester&")), "messages?patient&words");
        assert_eq!(names(None), "messages");
    }
}
