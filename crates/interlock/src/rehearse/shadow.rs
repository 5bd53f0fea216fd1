//! What came in through a changed configuration, beside what was made of it then; and what was
//! sent, beside what would be sent in its place (`outbound.rs`).
//!
//! The journal is read from its first entry: its facts make the state that each message met. Each
//! message in question is read anew by the changed channel and decided on the state of that time;
//! then the state goes on with what really became true. Ids are those of the entry, so that what
//! is the same is the same to the letter.

use std::collections::BTreeMap;
use std::path::Path;

use channels::Direction;
use channels::inbound::{InboundChannel, is_oversized, read};
use jiff::Timestamp;
use medicines::{Answer, Fact, Head};
use serde_json::{Value, json};

use super::diff::{Difference, differences};
use super::hospital::{Hospital, Release};
use super::outbound::Outbound;
use crate::node::Plan;

/// Which messages are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Those that were recorded at this time or later.
    pub(crate) since: Option<Timestamp>,
    /// Those of this channel, in or out.
    pub(crate) channel: Option<String>,
    /// The most of them.
    pub(crate) limit: usize,
}

/// What would become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The same as then.
    Same,
    /// It would be understood in another way.
    Different,
    /// It was parked, and would be acted on.
    Mended,
    /// It was acted on, and would be parked.
    Broken,
    /// It was parked, and would be for another reason.
    ParkedOtherwise,
    /// It would be sent in another form.
    SentOtherwise,
    /// It was sent, and would not be.
    NoLongerSent,
    /// It was not sent, and would be.
    NewlySent,
    /// Its channel is not in the new configuration, or it was not kept whole.
    NotRead,
}

/// One message that would not be the same.
#[derive(Debug)]
pub(crate) struct Shadow {
    /// Its entry.
    pub(crate) seq: u64,
    pub(crate) channel: String,
    pub(crate) message_type: String,
    pub(crate) control_id: String,
    pub(crate) verdict: Verdict,
    pub(crate) differences: Vec<Difference>,
}

/// Why a journal cannot be gone through.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShadowError {
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error("entry {0} cannot be read: {1}")]
    Entry(u64, String),
}

/// How often each verdict was found.
type Counts = BTreeMap<Verdict, u64>;

/// What came of all messages.
#[derive(Debug, Default)]
pub(crate) struct Gone {
    /// How often each verdict was found.
    pub(crate) counts: Counts,
    /// How many messages were decided without the release of dm+d of their time, because its file
    /// is gone: a node keeps those of the last two.
    pub(crate) without_release: u64,
}

/// Goes through a journal, and tells of each message that would not be the same.
pub(crate) fn shadow(
    plan: &Plan,
    journal: &Path,
    wanted: &Wanted,
    mut told: impl FnMut(Shadow),
) -> Result<Gone, ShadowError> {
    let reader = journal::Reader::open(journal)?;
    let end = reader.position()?.seq;
    let channels = channels(plan);
    let release = Release::Told(journal.parent().unwrap_or(Path::new("")).to_owned());
    let mut hospital = Hospital::new(false, release);
    let mut outbound = Outbound::new(plan, journal);
    let mut gone = Gone::default();
    let mut left = wanted.limit;
    let mut note = |shadow: Shadow, counts: &mut Counts| {
        *counts.entry(shadow.verdict).or_default() += 1;
        if shadow.verdict != Verdict::Same {
            told(shadow);
        }
    };
    reader.for_each_from(1, |entry| {
        // What a running node appends meanwhile is not yesterday's.
        if left == 0 || entry.seq > end {
            return Ok(());
        }
        let unreadable = |why: String| ShadowError::Entry(entry.seq, why);
        let head = Head::from_json(&entry.head).map_err(|error| unreadable(error.to_string()))?;
        let at = Timestamp::from_microsecond(entry.at).map_err(|e| unreadable(e.to_string()))?;
        if is_wanted(&head, &entry.raw, at, wanted, plan) {
            left -= 1;
            let channel = channels.get(&*head.channel);
            gone.without_release += u64::from(hospital.lacks_release());
            let shadow = one(&mut hospital, entry.seq, at, &head, &entry.raw, channel);
            note(shadow, &mut gone.counts);
        }
        for fact in head.facts.iter() {
            match fact {
                Fact::Applied(_) => outbound.applied(&entry.raw),
                Fact::Queued(delivery) if left > 0 && wanted.has(&delivery.channel, at) => {
                    left -= 1;
                    note(outbound.compare(entry.seq, delivery), &mut gone.counts);
                }
                _ => {}
            }
        }
        hospital.fold(entry.seq, &head.facts);
        Ok::<_, ShadowError>(())
    })?;
    Ok(gone)
}

fn channels(plan: &Plan) -> BTreeMap<&str, InboundChannel> {
    let inbound = plan.channels.iter().filter(|config| config.direction == Direction::Inbound);
    let reader = inbound.map(|config| {
        let channel = config.reader(&plan.site.code, &plan.processing_id);
        (config.name.as_str(), channel)
    });
    reader.collect()
}

/// A message that came in on a channel: acknowledgements of what was sent, what came through the
/// API, and parked messages that were replayed (they have no key) are none.
fn is_wanted(head: &Head<'_>, raw: &[u8], at: Timestamp, wanted: &Wanted, plan: &Plan) -> bool {
    let sender = plan
        .channels
        .iter()
        .any(|config| config.direction == Direction::Outbound && config.name == *head.channel);
    let message = has_header(raw);
    !sender && message && head.key.is_some() && wanted.has(&head.channel, at)
}

impl Wanted {
    /// Whether messages of that channel and that time are asked for.
    fn has(&self, channel: &str, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since)
            && self.channel.as_ref().is_none_or(|wanted| *wanted == *channel)
    }
}

/// Whether a line begins with MSH.
fn has_header(raw: &[u8]) -> bool {
    raw.split(|byte| matches!(byte, b'\r' | b'\n')).any(|line| line.starts_with(b"MSH"))
}

fn one(
    hospital: &mut Hospital,
    seq: u64,
    at: Timestamp,
    head: &Head<'_>,
    raw: &[u8],
    channel: Option<&InboundChannel>,
) -> Shadow {
    let (verdict, differences) = match channel {
        Some(channel) if !was_cut(&head.answer) && hospital.seq() + 1 == seq => {
            let understood = read(raw, channel);
            let decision = hospital.decide(&head.channel, at, &understood.request);
            let then = made(&head.answer, &head.facts);
            let now = made(&decision.answer, &decision.facts);
            let differences = differences(&then, &now);
            (verdict(&head.answer, &decision.answer, differences.is_empty()), differences)
        }
        _ => (Verdict::NotRead, Vec::new()),
    };
    Shadow {
        seq,
        channel: head.channel.to_string(),
        message_type: head.message_type.to_string(),
        control_id: head.control_id.as_deref().unwrap_or("-").to_owned(),
        verdict,
        differences,
    }
}

fn was_cut(answer: &Answer) -> bool {
    matches!(answer, Answer::Parked(problem) if is_oversized(problem)
        || problem.code == medicines::ProblemCode::ControlIdReused)
}

fn verdict(then: &Answer, now: &Answer, same: bool) -> Verdict {
    let parked = |answer: &Answer| matches!(answer, Answer::Parked(_));
    match (parked(then), parked(now)) {
        _ if same => Verdict::Same,
        (true, true) => Verdict::ParkedOtherwise,
        (true, false) => Verdict::Mended,
        (false, true) => Verdict::Broken,
        (false, false) => Verdict::Different,
    }
}

/// What was made of a message, to be compared: each fact under its kind, so that one more or less
/// does not make all that follow differ.
fn made(answer: &Answer, facts: &[Fact]) -> Value {
    let mut by_kind: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for fact in facts {
        let Ok(Value::Object(fact)) = serde_json::to_value(fact) else { continue };
        for (kind, value) in fact {
            let resource = value.get("resource_type").or_else(|| value.get("resourceType"));
            let kind = match resource.and_then(Value::as_str) {
                Some(resource) => format!("{kind} {resource}"),
                None => kind,
            };
            by_kind.entry(kind).or_default().push(value);
        }
    }
    json!({ "answer": answer, "facts": by_kind })
}
