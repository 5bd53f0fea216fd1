//! What the channels of a configuration make of an example.

use std::collections::BTreeMap;

use channels::dialect::{AmbiguousHour, Dialect};
use channels::inbound::{InboundChannel, Understood, answer, read};
use channels::outbound::{RenderError, Versions, Voice, render};
use channels::{ChannelConfig, Direction};
use hl7v2::CharsetChoice;
use hl7v2::time::Certainty;
use jiff::{SignedDuration, Timestamp};
use medicines::deliveries::Delivery;
use medicines::{Decision, Fact, Request};
use serde_json::{Value, json};

use super::example::Example;
use super::hospital::{Hospital, Release};
use crate::node::Plan;

/// When a hospital begins whose first message does not say when it was sent.
const BEGINNING: &str = "2026-01-01T00:00:00Z";
/// The source of messages that are given, where no channel is meant.
const GIVEN: &str = "given";

/// What came of the messages of an example.
#[derive(Debug)]
pub(crate) struct Outcome(pub(crate) Value);

/// Runs an example of the channel of that name. The clock shows what MSH-7 says, and goes on by a
/// second where that is not later; ids are counted from the first message.
///
/// Doses and classes are told by `release`, the one that the node reads.
pub(crate) fn rehearse(
    plan: &Plan,
    channel: &ChannelConfig,
    example: &Example,
    release: &Release,
) -> Outcome {
    let mut run = Run::new(plan, release);
    let (site, processing_id) = (&plan.site.code, &plan.processing_id);
    let standard = InboundChannel::new(GIVEN, Dialect::default(), site, &[], processing_id);
    for given in &example.given {
        run.message(given, &standard);
    }
    let own = match channel.direction {
        Direction::Inbound => channel.reader(site, processing_id),
        // What a channel out is to say follows from messages that come in plain.
        Direction::Outbound => standard,
    };
    let told: Vec<Value> =
        example.messages.iter().map(|message| run.message(message, &own)).collect();
    match channel.direction {
        Direction::Inbound => Outcome(json!({ "messages": told })),
        Direction::Outbound => Outcome(json!({ "messages": only(told, &channel.name) })),
    }
}

/// Of each message only what one channel is to send.
fn only(told: Vec<Value>, channel: &str) -> Vec<Value> {
    let each = told.into_iter().map(|mut told| {
        if let Some(out) = told.get_mut("out").and_then(Value::as_array_mut) {
            out.retain(|sent| sent.get("channel").and_then(Value::as_str) == Some(channel));
        }
        json!({ "in": told["in"], "answer": told["answer"], "out": told["out"] })
    });
    each.collect()
}

struct Run<'p> {
    hospital: Hospital,
    voices: BTreeMap<&'p str, Voice>,
    now: Timestamp,
}

impl<'p> Run<'p> {
    fn new(plan: &'p Plan, release: &Release) -> Self {
        let outbound = plan.channels.iter().filter(|c| c.direction == Direction::Outbound);
        let voice = |config: &'p ChannelConfig| {
            let voice = config.voice(&plan.site.code, &plan.processing_id);
            (config.name.as_str(), voice)
        };
        let mut run = Run {
            hospital: Hospital::new(true, release.clone()),
            voices: outbound.map(voice).collect(),
            now: BEGINNING.parse().expect("a time"),
        };
        run.take("interlock", &Request::Configure(Box::new(plan.site.clone())));
        run
    }

    /// Decides, and takes over what was decided.
    fn take(&mut self, source: &str, request: &Request) -> Decision {
        let decision = self.hospital.decide(source, self.now, request);
        self.hospital.fold(self.hospital.seq() + 1, &decision.facts);
        decision
    }

    /// Lets time pass, with all that falls due in it.
    fn until(&mut self, at: Timestamp) {
        // What is due and makes nothing true must not keep the run busy.
        let mut before = None;
        while let Some(due) = self.hospital.next_due().filter(|due| *due <= at) {
            if before == Some(due) {
                break;
            }
            before = Some(due);
            self.now = self.now.max(due);
            self.take("timer", &Request::Tick);
        }
        self.now = at;
    }

    fn message(&mut self, raw: &[u8], channel: &InboundChannel) -> Value {
        let later = self.now.checked_add(SignedDuration::from_secs(1)).unwrap_or(self.now);
        let sent = sent_at(raw, channel).filter(|sent| *sent >= later);
        self.until(sent.unwrap_or(later));
        let understood = read(raw, channel);
        let told = [understood.message_type.as_deref(), understood.control_id.as_deref()];
        let told = told.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let Understood { request, reply_to, doubts, .. } = understood;
        let decision = self.take(channel.name(), &request);
        let ack = answer(&reply_to, &decision.answer, self.hospital.seq(), self.now);
        let queued = decision.facts.iter().filter_map(|fact| match fact {
            Fact::Queued(delivery) => Some(self.sent(delivery, raw)),
            _ => None,
        });
        json!({
            "in": told,
            "at": self.now.to_string(),
            "doubts": doubts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "answer": decision.answer,
            "ack": ack.map(|ack| lines(&ack, channel.dialect())),
            "facts": decision.facts.iter().filter_map(fact).collect::<Vec<_>>(),
            "out": queued.collect::<Vec<_>>(),
        })
    }

    /// A message as its channel is to send it; `raw` is the one that came.
    fn sent(&self, delivery: &Delivery, raw: &[u8]) -> Value {
        let channel = &*delivery.channel;
        let Some(voice) = self.voices.get(channel) else {
            return json!({ "channel": channel, "not-sent": "no such channel" });
        };
        let fetch = |named: &medicines::deliveries::VersionOf| {
            let found = self.hospital.version(named.resource_type, &named.id, named.version);
            Ok::<_, RenderError>(found)
        };
        let rendered = Versions::fetch(delivery, fetch)
            .map(|versions| versions.with_bytes(Some(raw.to_vec())))
            .and_then(|versions| render(delivery, &versions, voice));
        match rendered {
            Ok(bytes) => {
                json!({ "channel": channel, "message": lines(&bytes, voice.dialect()) })
            }
            Err(error) => json!({ "channel": channel, "not-sent": error.to_string() }),
        }
    }
}

/// The fact as people read it; what is to be sent is told as it is sent.
fn fact(fact: &Fact) -> Option<Value> {
    if matches!(fact, Fact::Queued(_)) {
        return None;
    }
    serde_json::to_value(fact).ok()
}

/// The segments of a message, in the character set of its peer.
fn lines(bytes: &[u8], dialect: &Dialect) -> Vec<String> {
    let segments = bytes.split(|byte| *byte == b'\r').filter(|segment| !segment.is_empty());
    segments.map(|segment| dialect.charset.decode_lossy(segment).into_owned()).collect()
}

/// When a message says that it was sent.
fn sent_at(raw: &[u8], channel: &InboundChannel) -> Option<Timestamp> {
    let charset = CharsetChoice::Always(channel.dialect().charset);
    let message = hl7v2::parse_header(raw, charset).ok()?;
    let hl7v2::Presence::Value(Ok(stated)) = message.header().segment().field(7).time() else {
        return None;
    };
    let resolved = stated.resolve(channel.dialect().time_zone.rules()).ok()?;
    let later = channel.dialect().ambiguous_hour == AmbiguousHour::Later;
    match resolved.certainty {
        Certainty::Ambiguous(second) if later => Some(second),
        _ => Some(resolved.instant),
    }
}
