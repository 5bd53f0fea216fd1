//! The figures of the channels.

use channels::{ChannelHealth, ChannelTally, Direction, Health, LinkState};
use engine::Engine;
use jiff::Timestamp;
use watch::exposition::{Exposition, Kind, Unit};

use super::counted;

/// One figure of a channel: its name, its kind, what it is, how it is read.
type Figure = (&'static str, Kind, &'static str, fn(&ChannelHealth, Timestamp) -> Option<String>);

const FIGURES: &[Figure] = &[
    (
        "interlock_channel_received_total",
        Kind::Counter,
        "Messages (inbound) or acknowledgements (outbound) received.",
        |line, _| Some(line.received.to_string()),
    ),
    (
        "interlock_channel_sent_total",
        Kind::Counter,
        "Messages (outbound) or acknowledgements (inbound) sent.",
        |line, _| Some(line.sent.to_string()),
    ),
    (
        "interlock_channel_refused_total",
        Kind::Counter,
        "Messages refused, by us (inbound) or by the peer (outbound).",
        |line, _| Some(line.refused.to_string()),
    ),
    (
        "interlock_channel_errors_total",
        Kind::Counter,
        "What went wrong on the line: noise, half messages, time-outs, strange acknowledgements.",
        |line, _| Some(line.errors.to_string()),
    ),
    ("interlock_channel_connections", Kind::Gauge, "Connections that are open.", |line, _| {
        Some(line.connections.to_string())
    }),
    (
        "interlock_channel_down",
        Kind::Gauge,
        "1 where the last attempt to reach the peer failed.",
        |line, _| Some(u8::from(line.state == LinkState::Down).to_string()),
    ),
    (
        "interlock_channel_last_seen_seconds",
        Kind::Gauge,
        "How long ago the peer last sent something whole; absent before the first time.",
        |line, now| Some(now.duration_since(line.last_seen?).as_secs().max(0).to_string()),
    ),
    (
        "interlock_channel_clock_skew_seconds",
        Kind::Gauge,
        "How far the peer's clock is ahead of ours; below zero where it is behind.",
        |line, _| line.skew_s.map(|skew| skew.to_string()),
    ),
    (
        "interlock_channel_certificate_seconds",
        Kind::Gauge,
        "How long the first certificate of the channel, ours or a peer's, is still good.",
        |line, now| line.certificate.map(|end| end.duration_since(now).as_secs().to_string()),
    ),
    (
        "interlock_queue_messages",
        Kind::Gauge,
        "Messages that wait to be sent, or whose outcome is unknown.",
        |line, _| (line.direction == Direction::Outbound).then(|| line.queue.to_string()),
    ),
    (
        "interlock_queue_oldest_seconds",
        Kind::Gauge,
        "How long the oldest of them waits; 0 where none does.",
        |line, _| {
            let outbound = line.direction == Direction::Outbound;
            outbound.then(|| line.oldest_age_s.unwrap_or_default().to_string())
        },
    ),
];

pub(super) fn write(text: &mut Exposition, health: &Health, engine: &Engine) {
    let now = engine.clock().now();
    let lines = health.all(now);
    for (name, kind, help, read) in FIGURES {
        let samples = lines.iter().filter_map(|line| {
            let value = read(line, now)?;
            Some(([("channel", &*line.name), ("direction", way(line.direction))], value))
        });
        text.family(name, *kind, help, samples);
    }
    stranded(text, &lines, engine);
    tallies(text, &health.tallies());
}

/// What waits on channels that are not there any more: nobody else tells of it.
fn stranded(text: &mut Exposition, lines: &[ChannelHealth], engine: &Engine) {
    let readers = engine.readers();
    // A record that cannot be read stops the engine, which says so itself.
    let queues = readers.as_it_is().and_then(|reader| reader.queues()).unwrap_or_default();
    let sends = |name: &str| {
        let outbound = |line: &&ChannelHealth| line.direction == Direction::Outbound;
        lines.iter().filter(outbound).any(|line| *line.name == *name)
    };
    let gone = queues.iter().filter(|queue| !sends(&queue.channel));
    text.family(
        "interlock_queue_held_messages",
        Kind::Gauge,
        "Messages that are kept for a channel that is not there.",
        gone.map(|queue| ([("channel", queue.channel.as_str())], queue.depth.to_string())),
    );
}

fn tallies(text: &mut Exposition, tallies: &[ChannelTally]) {
    let of = |way: Direction| tallies.iter().filter(move |tally| tally.direction == way);
    text.family(
        "interlock_channel_answered_total",
        Kind::Counter,
        "Acknowledgements given to messages that came in, by MSA-1.",
        of(Direction::Inbound).flat_map(|tally| {
            tally.answered.iter().map(|(code, count)| {
                ([("channel", &*tally.name), ("code", *code)], count.to_string())
            })
        }),
    );
    text.family(
        "interlock_channel_parked_total",
        Kind::Counter,
        "Messages that were kept and not acted on: each has a case.",
        of(Direction::Inbound).map(|tally| ([("channel", &*tally.name)], tally.parked.to_string())),
    );
    text.family(
        "interlock_channel_deliveries_total",
        Kind::Counter,
        "How often messages out came to stand how: delivered, refused, unknown, ….",
        of(Direction::Outbound).flat_map(|tally| {
            tally.outcomes.iter().map(|(outcome, count)| {
                ([("channel", &*tally.name), ("outcome", *outcome)], count.to_string())
            })
        }),
    );
    text.histograms(
        "interlock_channel_acknowledgement_seconds",
        Unit::Microseconds,
        "From a whole message to its acknowledgement (inbound), or from a message that is sent to \
         its acknowledgement (outbound).",
        tallies.iter().map(|tally| {
            let labels = [("channel", &*tally.name), ("direction", way(tally.direction))];
            (labels, counted(&tally.acknowledgement))
        }),
    );
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
    }
}
