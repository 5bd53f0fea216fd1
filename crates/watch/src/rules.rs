//! One function a rule: what is wrong by a reading and the limits.

use jiff::Timestamp;

use crate::limits::Limits;
use crate::reading::{Disk, Line, Reading, Way};
use crate::window::{WINDOW_MIN, Window};

/// The fewest messages of which a share of refused ones says something.
const FEWEST_MESSAGES: u64 = 20;

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A channel that should speak does not.
    Silence,
    /// A peer cannot be reached.
    Down,
    /// Too many messages wait.
    QueueDepth,
    /// A message waits for too long.
    QueueAge,
    /// Too many messages are refused.
    Refused,
    /// A peer's clock is wrong, or ours.
    Skew,
    /// A certificate ends soon.
    Certificate,
    /// The disk is nearly full.
    Disk,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::Silence,
        Kind::Down,
        Kind::QueueDepth,
        Kind::QueueAge,
        Kind::Refused,
        Kind::Skew,
        Kind::Certificate,
        Kind::Disk,
    ];

    /// Its code, as notices and pages carry it.
    pub fn code(self) -> &'static str {
        match self {
            Kind::Silence => "silence",
            Kind::Down => "down",
            Kind::QueueDepth => "queue-depth",
            Kind::QueueAge => "queue-age",
            Kind::Refused => "refused",
            Kind::Skew => "clock-skew",
            Kind::Certificate => "certificate",
            Kind::Disk => "disk",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The channel; empty for the node.
    pub subject: String,
    /// In words, with what to do.
    pub text: String,
}

/// Everything that is wrong with one channel.
pub(crate) fn of_line(
    line: &Line,
    reading: &Reading,
    limits: &Limits,
    window: &Window,
    down_since: Option<Timestamp>,
) -> Vec<Finding> {
    let limits = limits.of(&line.name);
    let at = reading.at;
    let found = [
        (Kind::Silence, silence(line, reading, &limits)),
        (Kind::Down, down(at, down_since, &limits)),
        (Kind::QueueDepth, queue_depth(line, &limits)),
        (Kind::QueueAge, queue_age(line, at, &limits)),
        (Kind::Refused, refused(window, &limits)),
        (Kind::Skew, skew(line, &limits)),
        (Kind::Certificate, certificate(line, at, &limits)),
    ];
    let finding = |(kind, text): (Kind, Option<String>)| {
        text.map(|text| Finding { kind, subject: line.name.clone(), text })
    };
    found.into_iter().filter_map(finding).collect()
}

/// Everything that is wrong with the node itself.
pub(crate) fn of_node(reading: &Reading, limits: &Limits) -> Vec<Finding> {
    let text = reading.disk.and_then(|disk| disk_full(disk, limits));
    text.map(|text| Finding { kind: Kind::Disk, subject: String::new(), text })
        .into_iter()
        .collect()
}

fn minutes(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_mins()
}

fn silence(line: &Line, reading: &Reading, limits: &Limits) -> Option<String> {
    let limit = i64::from(limits.silence_min);
    let last = line.last_seen.unwrap_or(reading.started).max(reading.started);
    let silent = minutes(last, reading.at);
    (line.way == Way::In && limit > 0 && silent >= limit).then(|| {
        format!(
            "nothing was heard for {silent} minutes: ask whether the sender runs, and look \
        at the line"
        )
    })
}

fn down(at: Timestamp, since: Option<Timestamp>, limits: &Limits) -> Option<String> {
    let limit = i64::from(limits.down_min);
    let gone = minutes(since?, at);
    (limit > 0 && gone >= limit).then(|| {
        format!(
            "the peer cannot be reached since {gone} minutes; messages to it wait and none is lost"
        )
    })
}

fn queue_depth(line: &Line, limits: &Limits) -> Option<String> {
    let (queue, limit) = (line.queue, limits.queue_depth);
    (limit > 0 && queue >= limit).then(|| {
        format!("{queue} messages wait; {limit} are the limit: look whether the peer acknowledges")
    })
}

fn queue_age(line: &Line, at: Timestamp, limits: &Limits) -> Option<String> {
    let limit = i64::from(limits.queue_age_min);
    let age = minutes(line.oldest?, at);
    (limit > 0 && age >= limit).then(|| {
        format!(
            "a message waits for {age} minutes: look for a case about it, or for a peer \
        that does not answer"
        )
    })
}

fn refused(window: &Window, limits: &Limits) -> Option<String> {
    let (messages, refused) = window.counts();
    let limit = u64::from(limits.refused_percent);
    let too_many = refused.saturating_mul(100) >= messages.saturating_mul(limit);
    (limit > 0 && refused > 0 && messages >= FEWEST_MESSAGES && too_many).then(|| {
        format!(
            "{refused} of {messages} messages of the last {WINDOW_MIN} minutes were \
        refused: look at the cases of this channel"
        )
    })
}

fn skew(line: &Line, limits: &Limits) -> Option<String> {
    let skew = line.skew_s?;
    let way = if skew > 0 { "ahead of" } else { "behind" };
    let apart = skew.unsigned_abs();
    (limits.skew_s > 0 && apart >= u64::from(limits.skew_s)).then(|| {
        format!("the peer's clock is {apart} seconds {way} ours: set both by the same time service")
    })
}

fn certificate(line: &Line, at: Timestamp, limits: &Limits) -> Option<String> {
    let ends = line.certificate?;
    let left = ends.duration_since(at);
    let days = left.as_hours().div_euclid(24);
    let text = if left.is_negative() {
        format!("its certificate ended at {ends}: no connection can be made until it is renewed")
    } else {
        format!("its certificate ends in {days} days, at {ends}: renew it")
    };
    (limits.certificate_days > 0 && days < i64::from(limits.certificate_days)).then_some(text)
}

fn disk_full(disk: Disk, limits: &Limits) -> Option<String> {
    let percent = disk.free.saturating_mul(100) / disk.size.max(1);
    let gigabytes = disk.free / 1_000_000_000;
    (percent < u64::from(limits.disk_free_percent)).then(|| {
        format!(
            "{percent} % of the disk of the data folder are free, {gigabytes} GB: when it \
        is full nothing is acknowledged any more; move sealed journal files away or give it \
        more room"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn line(way: Way) -> Line {
        Line {
            name: "pas".into(),
            way,
            down: false,
            last_seen: Some(at(0)),
            queue: 0,
            oldest: None,
            messages: 0,
            refused: 0,
            skew_s: None,
            certificate: None,
        }
    }

    /// The kinds found, and a part of the first text.
    #[track_caller]
    fn check(change: impl Fn(&mut Line), minute: i64, expected: &[(Kind, &str)]) {
        let mut line = line(Way::In);
        change(&mut line);
        let reading =
            Reading { at: at(minute), started: at(0), lines: vec![line.clone()], disk: None };
        let mut window = Window::default();
        window.take(at(minute - 10), 0, 0);
        window.take(at(minute), line.messages, line.refused);
        let down = line.down.then(|| at(0));
        let found = of_line(&line, &reading, &Limits::default(), &window, down);
        let kinds: Vec<Kind> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
        for (finding, (_, part)) in found.iter().zip(expected) {
            assert!(finding.text.contains(part), "{}", finding.text);
        }
    }

    #[test]
    fn each_rule_has_its_limit() {
        use Kind::{Certificate, Down, QueueAge, QueueDepth, Refused, Silence, Skew};
        check(|_| {}, 59, &[]);
        check(|_| {}, 60, &[(Silence, "for 60 minutes")]);
        check(|l| l.last_seen = None, 60, &[(Silence, "for 60 minutes")]);
        check(|l| l.way = Way::Out, 600, &[]);
        check(|l| l.down = true, 1, &[]);
        check(|l| l.down = true, 2, &[(Down, "since 2 minutes")]);
        check(|l| l.queue = 999, 1, &[]);
        check(|l| l.queue = 1000, 1, &[(QueueDepth, "1000 messages wait")]);
        check(|l| l.oldest = Some(at(0)), 14, &[]);
        check(|l| l.oldest = Some(at(0)), 15, &[(QueueAge, "for 15 minutes")]);
        check(|l| (l.messages, l.refused) = (19, 19), 1, &[]);
        check(|l| (l.messages, l.refused) = (100, 19), 1, &[]);
        check(|l| (l.messages, l.refused) = (100, 20), 1, &[(Refused, "20 of 100")]);
        check(|l| l.skew_s = Some(119), 1, &[]);
        check(|l| l.skew_s = Some(120), 1, &[(Skew, "120 seconds ahead of")]);
        check(|l| l.skew_s = Some(-3600), 1, &[(Skew, "3600 seconds behind")]);
        check(|l| l.certificate = Some(at(31 * 24 * 60)), 1, &[]);
        check(|l| l.certificate = Some(at(30 * 24 * 60)), 1, &[(Certificate, "in 29 days")]);
        check(|l| l.certificate = Some(at(0)), 1, &[(Certificate, "ended at")]);
    }

    #[test]
    fn a_disk_that_fills_is_told_of() {
        let of = |free| {
            let disk = Some(Disk { free, size: 100_000_000_000 });
            let reading = Reading { at: at(0), started: at(0), lines: Vec::new(), disk };
            of_node(&reading, &Limits::default()).len()
        };
        assert_eq!(of(10_000_000_000), 0);
        assert_eq!(of(9_999_999_999), 1);
    }
}
