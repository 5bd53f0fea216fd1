//! What a configuration would change, and what that does to messages that wait.

use std::collections::{BTreeMap, BTreeSet};

use api::{Change, ChangeKind, FieldChange};
use channels::Direction;
use medicines::Applied;
use sha2::{Digest, Sha256};

use super::fate::{Fates, Stranded};
use crate::config::{Fields, Parts, hexadecimal};
use crate::node::Plan;

/// How many hexadecimal digits name a plan: enough to tell two plans of one hospital apart.
const PLAN_DIGITS: usize = 12;

/// The field that says how long a channel's messages stay readable.
const RETENTION: &str = "retention_days";

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
    /// Messages that wait on channels that send no more.
    pub(crate) stranded: Stranded,
    /// Channels that have to be stopped and do not come back.
    pub(crate) removed: BTreeSet<String>,
    /// Channels that have to be started, for the first time or anew.
    pub(crate) started: BTreeSet<String>,
}

impl Comparison {
    /// What keeps the plan from being applied where that is said of messages that wait.
    pub(crate) fn obstacles(&self, fates: &Fates) -> Vec<String> {
        let mut obstacles = self.plan.obstacles.clone();
        obstacles.extend(fates.obstacles(&self.stranded));
        obstacles
    }

    /// The changes in one line each, without values.
    pub(crate) fn lines(&self, fates: &Fates) -> Vec<String> {
        let changes = self.plan.changes.iter().map(line);
        changes.chain(fates.lines(&self.stranded)).collect()
    }

    /// The plan for whoever asks before anything is said of messages that wait.
    pub(crate) fn shown(self) -> api::Plan {
        let obstacles = self.obstacles(&Fates::default());
        api::Plan { obstacles, ..self.plan }
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
            notes: Vec::new(),
        },
        stranded: stranded(base, wanted, queues),
        removed: BTreeSet::new(),
        started: BTreeSet::new(),
    };
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for part in names {
        let Some(mut change) = change(part, old.get(part), new.get(part)) else { continue };
        change.effect = match part.strip_prefix("channel ") {
            Some(channel) => Some(channel_effect(&mut comparison, channel, &change, queues)),
            None => effect(part),
        };
        comparison.plan.changes.push(change);
    }
    for (channel, waiting) in &comparison.stranded.waiting {
        let part = format!("channel {channel}");
        if comparison.stranded.held.contains(channel) {
            comparison.plan.notes.push(format!(
                "{waiting} messages are kept for channel `{channel}`, which is not there"
            ));
        } else if !old.contains_key(&part) && !new.contains_key(&part) {
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
fn stranded(base: &Base, wanted: &Plan, queues: &Queues) -> Stranded {
    let outbound = wanted.channels.iter().filter(|one| one.direction == Direction::Outbound);
    let senders: BTreeSet<String> = outbound.map(|one| one.name.clone()).collect();
    let lost = queues.iter().filter(|(name, waiting)| **waiting > 0 && !senders.contains(*name));
    let held = base.applied.iter().flat_map(|applied| applied.about.held.iter().cloned());
    Stranded {
        waiting: lost.map(|(name, waiting)| (name.clone(), *waiting)).collect(),
        held: held.filter(|name| !senders.contains(name)).collect(),
        senders,
    }
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
    change: &Change,
    queues: &Queues,
) -> String {
    let kind = change.kind;
    let waiting = queues.get(channel).copied().unwrap_or_default();
    let kept = !comparison.stranded.waiting.contains_key(channel);
    let stays = change.fields.iter().find(|field| field.field == RETENTION);
    if let (ChangeKind::Changed, [only]) = (kind, change.fields.as_slice())
        && only.field == RETENTION
    {
        return format!("it runs on; {}", retention_effect(only));
    }
    match kind {
        ChangeKind::Added | ChangeKind::Changed => comparison.started.insert(channel.to_owned()),
        ChangeKind::Removed => comparison.removed.insert(channel.to_owned()),
    };
    let what = match kind {
        ChangeKind::Added => "it starts",
        ChangeKind::Changed => "it finishes the message in work and starts anew",
        ChangeKind::Removed => "it finishes the message in work and ends",
    };
    let mut effect = match (waiting, kept) {
        (0, _) => what.to_owned(),
        (1, true) => format!("{what}; the message that waits goes out then"),
        (waiting, true) => format!("{what}; the {waiting} messages that wait go out then"),
        (waiting, false) => format!("{what}; {waiting} messages wait on it"),
    };
    if let (ChangeKind::Changed, Some(field)) = (kind, stays) {
        effect.push_str("; ");
        effect.push_str(&retention_effect(field));
    }
    effect
}

/// What another time for messages to stay readable does: there is no way back from what goes.
fn retention_effect(field: &FieldChange) -> String {
    match &field.new {
        Some(days) => {
            format!("from now on its messages older than {days} days are removed for good")
        }
        None => "from now on its messages stay readable for ever".to_owned(),
    }
}

/// What the change of another part does, where it is not in force at once.
fn effect(part: &str) -> Option<String> {
    let section = part.split(' ').next().unwrap_or_default();
    match section {
        "node" | "console" | "watch" => Some("in force at the next start".to_owned()),
        "journal" => Some("controlled_days at once, the rest at the next start".to_owned()),
        _ => None,
    }
}
