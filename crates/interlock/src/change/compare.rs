//! What a configuration would change, and what that does to messages that wait.

use std::collections::{BTreeMap, BTreeSet};

use api::{Change, ChangeKind, FieldChange};
use channels::Direction;
use medicines::Applied;
use sha2::{Digest, Sha256};

use crate::config::{Fields, Parts, hexadecimal};
use crate::node::Plan;

/// How many hexadecimal digits name a plan: enough to tell two plans of one hospital apart.
const PLAN_DIGITS: usize = 12;

/// The configuration in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Base {
    /// Where it stands in the journal; none before the first one.
    pub(crate) applied: Option<Applied>,
    /// What it says.
    pub(crate) parts: Parts,
}

/// How many messages wait, by channel.
pub(crate) type Queues = BTreeMap<String, u64>;

/// What would change.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// For whoever asked. Its obstacles are those that nobody can wave away.
    pub(crate) plan: api::Plan,
    /// Channels that go, with the messages that wait on them.
    pub(crate) waiting: Queues,
    /// Channels that have to be stopped and do not come back.
    pub(crate) removed: BTreeSet<String>,
    /// Channels that have to be started, for the first time or anew.
    pub(crate) started: BTreeSet<String>,
}

impl Comparison {
    /// What keeps the plan from being applied where these channels are given up.
    pub(crate) fn obstacles(&self, discard: &[String]) -> Vec<String> {
        let mut obstacles = self.plan.obstacles.clone();
        for (channel, waiting) in &self.waiting {
            if !discard.contains(channel) {
                obstacles.push(format!(
                    "channel `{channel}` goes and {waiting} messages wait on it: let it send them \
                     first, or give them up with `--discard {channel}`"
                ));
            }
        }
        for channel in discard.iter().filter(|channel| !self.waiting.contains_key(*channel)) {
            obstacles.push(format!(
                "`--discard {channel}`: no messages wait on a removed channel of this name; leave \
                 it out"
            ));
        }
        obstacles
    }

    /// The changes in one line each, without values.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.plan.changes.iter().map(line).collect()
    }

    /// Whether there is anything to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.plan.changes.is_empty()
    }
}

/// A change in one line.
pub(super) fn line(change: &Change) -> String {
    let sign = match change.kind {
        ChangeKind::Added => '+',
        ChangeKind::Changed => '~',
        ChangeKind::Removed => '-',
    };
    format!("{sign} {}", change.part)
}

/// Compares the configuration in force with one that is wanted.
pub(crate) fn compare(base: &Base, wanted: &Plan, queues: &Queues) -> Comparison {
    let (old, new) = (&base.parts, &wanted.configuration.parts);
    let mut comparison = Comparison {
        plan: api::Plan {
            plan: name(base, wanted),
            base: base.applied.as_ref().map_or(0, |applied| applied.entry),
            changes: Vec::new(),
            obstacles: obstacles(old, new),
        },
        waiting: lost(wanted, queues),
        removed: BTreeSet::new(),
        started: BTreeSet::new(),
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for part in names {
        let Some(mut change) = change(part, old.get(part), new.get(part)) else { continue };
        change.effect = match part.strip_prefix("channel ") {
            Some(channel) => Some(channel_effect(&mut comparison, channel, change.kind, queues)),
            None => effect(part),
        };
        comparison.plan.changes.push(change);
    }
    for (channel, waiting) in &comparison.waiting {
        let part = format!("channel {channel}");
        if !old.contains_key(&part) && !new.contains_key(&part) {
            let effect = format!("{waiting} messages wait on it, and it is not there any more");
            let (kind, fields) = (ChangeKind::Removed, Vec::new());
            comparison.plan.changes.push(Change { part, kind, effect: Some(effect), fields });
        }
    }
    comparison
}

/// The plan's name: of what it was made against and of what is wanted.
fn name(base: &Base, wanted: &Plan) -> String {
    let against = base.applied.as_ref().map(|applied| (applied.entry, &applied.about.digest));
    let text = format!("{against:?} {}", wanted.configuration.bundle.digest());
    let mut name = hexadecimal(&Sha256::digest(text.as_bytes()));
    name.truncate(PLAN_DIGITS);
    name
}

/// The messages that wait on channels that send no more.
fn lost(wanted: &Plan, queues: &Queues) -> Queues {
    let sends = |name: &str| {
        let outbound = |direction| direction == Direction::Outbound;
        wanted.channels.iter().any(|one| one.name == name && outbound(one.direction))
    };
    let lost = queues.iter().filter(|(channel, waiting)| **waiting > 0 && !sends(channel));
    lost.map(|(channel, waiting)| (channel.clone(), *waiting)).collect()
}

fn obstacles(old: &Parts, new: &Parts) -> Vec<String> {
    let code = |parts: &Parts| parts.get("site").and_then(|site| site.get("code")).cloned();
    match (code(old), code(new)) {
        (Some(old), Some(new)) if !old.eq_ignore_ascii_case(&new) => vec![format!(
            "the site's code cannot change from {old} to {new}: every id and the journal begin \
             with it; give the other site a data folder of its own"
        )],
        _ => Vec::new(),
    }
}

fn change(part: &str, old: Option<&Fields>, new: Option<&Fields>) -> Option<Change> {
    let none = Fields::new();
    let kind = match (old, new) {
        (None, _) => ChangeKind::Added,
        (_, None) => ChangeKind::Removed,
        (Some(old), Some(new)) if old == new => return None,
        _ => ChangeKind::Changed,
    };
    let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
    let mut fields = Vec::new();
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for field in names {
        let (old, new) = (old.get(field).cloned(), new.get(field).cloned());
        // What goes is told by its name alone.
        if old != new && kind != ChangeKind::Removed {
            fields.push(FieldChange { field: field.clone(), old, new });
        }
    }
    Some(Change { part: part.to_owned(), kind, effect: None, fields })
}

fn channel_effect(
    comparison: &mut Comparison,
    channel: &str,
    kind: ChangeKind,
    queues: &Queues,
) -> String {
    let waiting = queues.get(channel).copied().unwrap_or_default();
    let kept = !comparison.waiting.contains_key(channel);
    match kind {
        ChangeKind::Added | ChangeKind::Changed => comparison.started.insert(channel.to_owned()),
        ChangeKind::Removed => comparison.removed.insert(channel.to_owned()),
    };
    let what = match kind {
        ChangeKind::Added => "it starts",
        ChangeKind::Changed => "it finishes the message in work and starts anew",
        ChangeKind::Removed => "it finishes the message in work and ends",
    };
    match (waiting, kept) {
        (0, _) => what.to_owned(),
        (1, true) => format!("{what}; the message that waits goes out then"),
        (waiting, true) => format!("{what}; the {waiting} messages that wait go out then"),
        (waiting, false) => format!("{what}; {waiting} messages wait on it"),
    }
}

/// What the change of another part does, where it is not in force at once.
fn effect(part: &str) -> Option<String> {
    let section = part.split(' ').next().unwrap_or_default();
    let later = matches!(section, "node" | "console" | "watch");
    later.then(|| "in force at the next start".to_owned())
}
