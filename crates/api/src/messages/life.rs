//! The life of one message.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use fhir::Id;
use jiff::Timestamp;
use medicines::Fact;
use record::{Again, Life, Sent};
use serde::Serialize;
use utoipa::ToSchema;

use super::CHANNEL;
use crate::audit::{Look, look};
use crate::cases::list::CaseBody;
use crate::door::Caller;
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;

/// A message from its bytes to the last thing that followed from it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Life)]
pub(crate) struct LifeBody {
    /// The number of its journal entry.
    entry: u64,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When it was received.
    #[schema(value_type = String, format = DateTime)]
    received: Timestamp,
    /// The hash of the entry.
    hash: String,
    /// The channel or client from which it came.
    channel: String,
    /// Who sent it.
    by: String,
    /// Its type.
    #[serde(rename = "type")]
    message_type: String,
    /// The sender's control id.
    #[serde(skip_serializing_if = "Option::is_none")]
    control_id: Option<String>,
    /// The entry whose message this one is, acted on again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<u64>,
    /// The answer that was given: a code, or an object whose one member is named by it.
    #[schema(value_type = serde_json::Value)]
    answer: serde_json::Value,
    /// The bytes as they came; what is no UTF-8 is read as Windows-1252.
    message: String,
    /// What became true, in the form of the journal.
    #[schema(value_type = Vec<Object>)]
    facts: Vec<serde_json::Value>,
    /// The messages that were queued because of it.
    sent: Vec<SentBody>,
    /// How many more were queued than are listed.
    sent_more: usize,
    /// The message that this one acknowledges.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<SentBody>,
    /// The cases that it opened or closed.
    cases: Vec<CaseBody>,
    /// The times that it was acted on again.
    replays: Vec<AgainBody>,
}

/// A message that was queued, and what was told of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SentMessage)]
pub(crate) struct SentBody {
    /// The delivery, which is the control id of the message.
    delivery: String,
    /// The entry that queued it.
    entry: u64,
    /// The outbound channel.
    channel: String,
    /// Where it stands.
    #[schema(value_type = String)]
    state: serde_json::Value,
    /// How often it was sent and an outcome was told.
    attempts: u64,
    /// The peer's codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// The message, written again from the versions that it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// Why it cannot be written again.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_written: Option<String>,
    /// What was told of it, acknowledgements among it.
    outcomes: Vec<AgainBody>,
}

/// An entry that is about another one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = About)]
pub(crate) struct AgainBody {
    /// Its number.
    entry: u64,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who.
    by: String,
    /// The answer as a code.
    outcome: String,
    /// Its bytes.
    message: String,
    /// Whether the bytes differ from those of the message that it is about.
    mended: bool,
}

impl From<Again> for AgainBody {
    fn from(again: Again) -> Self {
        AgainBody {
            entry: again.seq,
            at: again.at,
            by: again.by,
            outcome: again.outcome,
            message: record::message_text(&again.raw),
            mended: again.mended,
        }
    }
}

impl From<Sent> for SentBody {
    fn from(sent: Sent) -> Self {
        let (message, not_written) = match sent.message {
            Ok(bytes) => (Some(record::message_text(&bytes)), None),
            Err(why) => (None, Some(why)),
        };
        let view = sent.delivery;
        SentBody {
            delivery: view.delivery.id.to_string(),
            entry: view.seq,
            channel: view.delivery.channel.to_string(),
            state: serde_json::to_value(view.state).unwrap_or_default(),
            attempts: view.attempts,
            detail: view.detail,
            message,
            not_written,
            outcomes: sent.outcomes.into_iter().map(AgainBody::from).collect(),
        }
    }
}

impl From<Life> for LifeBody {
    fn from(life: Life) -> Self {
        let head = life.head;
        let value = |fact: &Fact| serde_json::to_value(fact).unwrap_or_default();
        LifeBody {
            entry: life.seq,
            at: life.at,
            received: head.received,
            hash: life.hash,
            channel: head.channel.into_owned(),
            by: head.by.into_owned(),
            message_type: head.message_type.into_owned(),
            control_id: head.control_id.map(std::borrow::Cow::into_owned),
            again: head.again,
            answer: serde_json::to_value(&*head.answer).unwrap_or_default(),
            message: record::message_text(&life.raw),
            facts: head.facts.iter().map(value).collect(),
            sent: life.sent.into_iter().map(SentBody::from).collect(),
            sent_more: life.sent_more,
            answers: life.answers.map(SentBody::from),
            cases: life.cases.into_iter().map(CaseBody::from).collect(),
            replays: life.again.into_iter().map(AgainBody::from).collect(),
        }
    }
}

/// Tell the life of a message.
#[utoipa::path(
    get,
    path = "/messages/{entry}",
    tag = "messages",
    security(("bearer" = [])),
    params(("entry" = u64, Path, description = "The number of its journal entry")),
    responses(
        (status = 200, description = "Its life", body = LifeBody),
        (status = 404, description = "There is no such entry", body = ProblemBody),
    ),
)]
pub(crate) async fn get(
    State(api): State<ApiState>,
    caller: Caller,
    Path(entry): Path<String>,
) -> Result<Response, Problem> {
    let nothing = || Problem::not_found("The journal has no entry of this number.");
    let seq: u64 = entry.parse().map_err(|_| nothing())?;
    let index = api.engine.messages().clone();
    let replayer = api.replayer.clone();
    let life = api.ask(move |reader| {
        reader.life(&index, seq, &|reader, delivery| match &replayer {
            Some(replayer) => replayer.rewrite(reader, delivery),
            None => Err("this node writes no messages".to_owned()),
        })
    });
    let life = life.await?;
    let patients: BTreeSet<Id> = life
        .iter()
        .flat_map(|life| life.head.facts.iter().filter_map(Fact::patient).cloned())
        .collect();
    let detail = format!("messages/{seq}");
    let seen = Look { channel: CHANNEL, what: "messages", resource_type: None, detail, patients };
    look(&api, &caller, seen).await?;
    let life = life.ok_or_else(nothing)?;
    Ok(axum::Json(LifeBody::from(life)).into_response())
}
