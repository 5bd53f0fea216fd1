//! What people are told: all that changed since they were told last, in one text.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::board::{Alarm, Change};

/// The most alarms that a notice spells out; of the rest it tells how many they are.
const MOST_LINES: usize = 20;

/// One thing that began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// `began` or `ended`.
    pub change: &'static str,
    /// The code of what it is about.
    pub kind: &'static str,
    /// The channel; empty for the node.
    pub subject: String,
    /// In words.
    pub text: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// One notice. It is also what a webhook gets, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The site's ODS code.
    pub site: String,
    /// When it was written.
    pub at: Timestamp,
    /// How many alarms go on now.
    pub open: usize,
    /// What changed, twenty at most.
    pub changes: Vec<Item>,
    /// How many changes more there were.
    pub more: usize,
}

impl Notice {
    /// A notice of changes; `open` are the alarms that go on.
    pub fn of(site: &str, at: Timestamp, changes: &[Change], open: usize) -> Self {
        Notice {
            site: site.to_owned(),
            at,
            open,
            changes: changes.iter().take(MOST_LINES).map(item).collect(),
            more: changes.len().saturating_sub(MOST_LINES),
        }
    }

    /// The subject of an e-mail.
    pub fn subject(&self) -> String {
        match &*self.changes {
            [one] if self.more == 0 => {
                let whose = if one.subject.is_empty() { "the node" } else { &one.subject };
                format!("Interlock {}: {} {} {whose}", self.site, one.kind, one.change)
            }
            many => {
                let count = many.len() + self.more;
                format!("Interlock {}: {count} changes, {} alarms open", self.site, self.open)
            }
        }
    }

    /// The text of an e-mail. Times are those of the United Kingdom.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for item in &self.changes {
            let whose = if item.subject.is_empty() { "node" } else { &item.subject };
            // Writing to a string never fails.
            let _ = match item.ended {
                Some(ended) => {
                    writeln!(text, "ENDED  {whose}: {} at {}", item.kind, local(ended))
                }
                None => {
                    writeln!(
                        text,
                        "BEGAN  {whose}: {} at {}: {}",
                        item.kind,
                        local(item.since),
                        item.text
                    )
                }
            };
        }
        if self.more > 0 {
            let _ = writeln!(text, "and {} more", self.more);
        }
        let _ = writeln!(text, "\n{} alarms are open. The console shows them.", self.open);
        text
    }
}

fn item(change: &Change) -> Item {
    let (word, alarm, ended): (_, &Alarm, _) = match change {
        Change::Began(alarm) => ("began", alarm, None),
        Change::Ended(alarm, at) => ("ended", alarm, Some(*at)),
    };
    Item {
        change: word,
        kind: alarm.kind.code(),
        subject: alarm.subject.clone(),
        text: alarm.text.clone(),
        since: alarm.since,
        ended,
    }
}

fn local(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/London").unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%-d %B %Y %H:%M:%S %Z").to_string()
}
