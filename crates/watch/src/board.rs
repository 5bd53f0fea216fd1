//! Alarms that begin and end.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::{SignedDuration, Timestamp};

use crate::limits::Limits;
use crate::reading::Reading;
use crate::rules::{self, Finding, Kind};
use crate::window::Window;

/// How long something has to be well again before its alarm ends: what flaps is one alarm.
const QUIET_S: i64 = 60;

/// An alarm that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// What it is about.
    pub kind: Kind,
    /// The channel; empty for the node.
    pub subject: String,
    /// In words, as they were last true.
    pub text: String,
    /// When it began.
    pub since: Timestamp,
    /// When it was last seen to be so.
    seen: Timestamp,
}

/// What changed on the board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An alarm began.
    Began(Alarm),
    /// An alarm ended at that time.
    Ended(Alarm, Timestamp),
}

/// What is known of one channel from reading to reading.
#[derive(Debug, Clone, Default)]
struct Past {
    window: Window,
    down_since: Option<Timestamp>,
}

/// All alarms of a node.
#[derive(Debug, Clone)]
pub struct Board {
    limits: Limits,
    past: BTreeMap<String, Past>,
    alarms: BTreeMap<(Kind, String), Alarm>,
}

impl Board {
    /// A board without alarms.
    pub fn new(limits: Limits) -> Self {
        Board { limits, past: BTreeMap::new(), alarms: BTreeMap::new() }
    }

    /// Compares a reading with the limits and tells what began and what ended by it.
    pub fn take(&mut self, reading: &Reading) -> Vec<Change> {
        let mut found = rules::of_node(reading, &self.limits);
        self.past.retain(|name, _| reading.lines.iter().any(|line| line.name == *name));
        for line in &reading.lines {
            let past = self.past.entry(line.name.clone()).or_default();
            past.window.take(reading.at, line.messages, line.refused);
            past.down_since = line.down.then(|| past.down_since.unwrap_or(reading.at));
            let line = rules::of_line(line, reading, &self.limits, &past.window, past.down_since);
            found.extend(line);
        }
        let mut changes = self.begin(found, reading.at);
        changes.extend(self.end(reading));
        changes
    }

    /// The alarms that go on, the oldest first.
    pub fn alarms(&self) -> Vec<Alarm> {
        let mut alarms: Vec<Alarm> = self.alarms.values().cloned().collect();
        alarms.sort_by_key(|alarm| alarm.since);
        alarms
    }

    fn begin(&mut self, found: Vec<Finding>, at: Timestamp) -> Vec<Change> {
        let mut began = Vec::new();
        for Finding { kind, subject, text } in found {
            match self.alarms.entry((kind, subject.clone())) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    (known.text, known.seen) = (text, at);
                }
                Entry::Vacant(new) => {
                    let alarm = Alarm { kind, subject, text, since: at, seen: at };
                    began.push(Change::Began(new.insert(alarm).clone()));
                }
            }
        }
        began
    }

    /// Ends what has been well for long enough, and at once what a removed channel had.
    fn end(&mut self, reading: &Reading) -> Vec<Change> {
        let at = reading.at;
        let quiet = SignedDuration::from_secs(QUIET_S);
        let over = |alarm: &Alarm| {
            let there = alarm.subject.is_empty()
                || reading.lines.iter().any(|line| line.name == alarm.subject);
            !there || at.duration_since(alarm.seen) >= quiet
        };
        let ended: Vec<Alarm> = self.alarms.values().filter(|alarm| over(alarm)).cloned().collect();
        for alarm in &ended {
            self.alarms.remove(&(alarm.kind, alarm.subject.clone()));
        }
        ended.into_iter().map(|alarm| Change::Ended(alarm, at)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Line, Way};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn reading(seconds: i64, queue: u64, down: bool) -> Reading {
        let line = Line {
            name: "to-warda1".into(),
            way: Way::Out,
            down,
            last_seen: None,
            queue,
            oldest: None,
            messages: 0,
            refused: 0,
            skew_s: None,
            certificate: None,
        };
        Reading { at: at(seconds), started: at(0), lines: vec![line], disk: None }
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        let show = |change: &Change| match change {
            Change::Began(alarm) => format!("began {}", alarm.kind.code()),
            Change::Ended(alarm, _) => format!("ended {}", alarm.kind.code()),
        };
        changes.iter().map(show).collect()
    }

    #[test]
    fn an_alarm_begins_once_and_ends_once() {
        let mut board = Board::new(Limits::default());
        let steps: &[(i64, u64, &[&str])] = &[
            (0, 10, &[]),
            (10, 1000, &["began queue-depth"]),
            (20, 1001, &[]),
            (30, 10, &[]),
            (80, 1001, &[]),
            (90, 10, &[]),
            (139, 10, &[]),
            (140, 10, &["ended queue-depth"]),
            (150, 10, &[]),
        ];
        for (second, queue, expected) in steps {
            assert_eq!(shown(&board.take(&reading(*second, *queue, false))), *expected, "{second}");
        }
        assert!(board.alarms().is_empty());
    }

    #[test]
    fn a_peer_is_down_since_it_was_first_seen_down() {
        let mut board = Board::new(Limits::default());
        assert!(board.take(&reading(0, 0, true)).is_empty());
        assert!(board.take(&reading(60, 0, false)).is_empty());
        assert!(board.take(&reading(119, 0, true)).is_empty());
        assert!(board.take(&reading(180, 0, true)).is_empty());
        assert_eq!(shown(&board.take(&reading(239, 0, true))), ["began down"]);
        assert_eq!(board.alarms()[0].since, at(239));
    }

    #[test]
    fn the_alarms_of_a_removed_channel_end() {
        let mut board = Board::new(Limits::default());
        board.take(&reading(0, 5000, false));
        let none = Reading { lines: Vec::new(), ..reading(1, 0, false) };
        assert_eq!(shown(&board.take(&none)), ["ended queue-depth"]);
    }
}
