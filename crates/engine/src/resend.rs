//! A selection of messages goes to one destination again.

use std::sync::Arc;

use medicines::deliveries::{Delivery, MAX_RESENT, Resend};
use medicines::{Answer, Fact, Head, Request};
use record::{MessageSearch, Reader};
use serde_json::json;

use crate::command::{Command, Receipt};
use crate::handle::Engine;
use crate::replay::ReplayError;

/// The most messages among which deliveries are looked for.
const MAX_CHOSEN: usize = 5_000;

/// Which messages, to which destination, and why.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The messages that came in, as a search finds them.
    pub search: MessageSearch,
    /// Among these, only the message in this entry.
    pub entry: Option<u64>,
    /// The outbound channel.
    pub channel: String,
    /// Why, in words: it is kept with who asked.
    pub reason: String,
    /// The most messages that may go out, at most [`MAX_RESENT`]: where there are more, none does.
    pub limit: usize,
}

/// What was queued again.
#[derive(Debug, Clone)]
pub struct Resent {
    /// The entry that queued them.
    pub entry: u64,
    /// How many.
    pub messages: usize,
}

/// Queues again what was queued for the channel because of the chosen messages, in the order of
/// old. `source` is the name of the edge, `key` what makes the request idempotent, `by` who asked.
pub async fn resend(
    engine: &Engine,
    chosen: Chosen,
    (source, key): (&str, Option<String>),
    by: &str,
) -> Result<Resent, ReplayError> {
    let raw = told(&chosen, by);
    let channel: Arc<str> = Arc::from(&*chosen.channel);
    let reading = engine.clone();
    let found = tokio::task::spawn_blocking(move || {
        let readers = reading.readers();
        let reader = readers.get().map_err(|error| unreadable(&error))?;
        deliveries(&reading, &reader, &chosen)
    });
    let deliveries = found.await.map_err(|error| unreadable(&error))??;
    let messages = deliveries.len();
    let request = Request::Resend(Box::new(Resend { channel, deliveries }));
    let command = Command {
        channel: Arc::from(source),
        key,
        by: by.to_owned(),
        message_type: None,
        control_id: None,
        received: engine.clock().now(),
        request,
        raw,
    };
    let Receipt { seq, answer, .. } =
        engine.submit(command).await.map_err(|_| ReplayError::Stopped)?;
    match answer {
        Answer::Parked(problem) => Err(ReplayError::NotReplayable(problem.text)),
        _ => Ok(Resent { entry: seq, messages }),
    }
}

/// What the journal keeps of the request.
fn told(chosen: &Chosen, by: &str) -> Vec<u8> {
    let search = &chosen.search;
    let told = json!({
        "resend": { "channel": chosen.channel, "reason": chosen.reason, "by": by,
            "limit": chosen.limit, "entry": chosen.entry },
        "search": { "patient": search.patient, "placer": search.placer, "filler": search.filler,
            "control": search.control_id, "type": search.message_type,
            "channel": search.channel, "outcome": search.outcome, "words": search.words,
            "from": search.from.map(|at| at.to_string()),
            "to": search.to.map(|at| at.to_string()), "before": search.before },
    });
    told.to_string().into_bytes()
}

fn deliveries(
    engine: &Engine,
    reader: &Reader,
    chosen: &Chosen,
) -> Result<Vec<Delivery>, ReplayError> {
    let limit = chosen.limit.clamp(1, MAX_RESENT);
    let too_many = |what: &str| {
        let why = format!("the search finds more than {what}: narrow it");
        Err(ReplayError::NotReplayable(why))
    };
    let mut entries = match chosen.entry {
        Some(entry) => vec![entry],
        None => reader
            .find_entries(engine.messages(), &chosen.search, MAX_CHOSEN + 1)
            .map_err(|error| unreadable(&error))?,
    };
    if entries.len() > MAX_CHOSEN {
        return too_many(&format!("{MAX_CHOSEN} messages"));
    }
    entries.reverse();
    let journal = engine.journal().map_err(|error| unreadable(&error))?;
    let mut found = Vec::new();
    for seq in entries {
        let entry = journal.get(seq).map_err(|error| unreadable(&error))?;
        let Some(entry) = entry else { continue };
        let head = Head::from_json(&entry.head).map_err(|error| unreadable(&error))?;
        for fact in head.facts.iter() {
            match fact {
                Fact::Queued(delivery) if *delivery.channel == *chosen.channel => {
                    found.push(delivery.clone());
                }
                _ => {}
            }
        }
        if found.len() > limit {
            return too_many(&format!("{limit} messages to this channel"));
        }
    }
    Ok(found)
}

fn unreadable(error: &dyn std::fmt::Display) -> ReplayError {
    ReplayError::Unreadable(error.to_string())
}
