//! What was sent, beside what a changed configuration would send in its place.
//!
//! A delivery names versions of resources, which never change, so that its message can be written
//! again as it was written then: by the configuration that was in force, whose text the journal
//! has. The changed configuration writes it from the same versions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medicines::deliveries::Delivery;
use record::Reader;
use serde_json::{Map, Value, json};

use super::diff::{Difference, differences};
use super::shadow::{Shadow, Verdict};
use crate::config::{self, Bundle};
use crate::node::{Plan, RECORD_FILE};
use crate::replay::Voices;

/// Compares messages out of two configurations.
pub(super) struct Outbound {
    /// Has the versions; none where there is no record beside the journal.
    record: Option<Reader>,
    folder: PathBuf,
    /// As the configuration in force at the entry writes them; none before the first one, and
    /// where it cannot be read any more.
    then: Option<Voices>,
    now: Voices,
}

/// A message as it is written, or why it is not.
type Written = Result<Vec<u8>, String>;

impl Outbound {
    pub(super) fn new(plan: &Plan, journal: &Path) -> Self {
        let record = Reader::open(&journal.with_file_name(RECORD_FILE), journal);
        Outbound {
            record: record.ok(),
            folder: plan.folder.clone(),
            then: None,
            now: Voices::new(plan, &plan.processing_id),
        }
    }

    /// An entry put this configuration in force.
    pub(super) fn applied(&mut self, text: &[u8]) {
        let bundle = Bundle::from_json(text).ok();
        let speaking = bundle.and_then(|bundle| config::channels_of(&bundle, &self.folder));
        self.then = speaking.map(|speaking| {
            Voices::of(&speaking.channels, &speaking.site, &speaking.processing_id)
        });
    }

    /// What would become of one message that was queued by entry `seq`.
    pub(super) fn compare(&self, seq: u64, delivery: &Delivery) -> Shadow {
        let channel = &*delivery.channel;
        let (verdict, differences) = match (&self.record, &self.then) {
            (Some(record), Some(then)) if then.has(channel) && self.now.has(channel) => {
                let before = then.rewrite(record, delivery);
                let after = self.now.rewrite(record, delivery);
                let told = told(
                    &shown(&before, then, channel),
                    &shown(&after, &self.now, channel),
                    before == after,
                );
                (verdict(&before, &after), told)
            }
            _ => (Verdict::NotRead, Vec::new()),
        };
        Shadow {
            seq,
            channel: channel.to_owned(),
            message_type: delivery.notice.kind().to_owned(),
            control_id: delivery.id.to_string(),
            verdict,
            differences,
        }
    }
}

fn verdict(before: &Written, after: &Written) -> Verdict {
    match (before, after) {
        (before, after) if before == after => Verdict::Same,
        (Ok(_), Err(_)) => Verdict::NoLongerSent,
        (Err(_), Ok(_)) => Verdict::NewlySent,
        _ => Verdict::SentOtherwise,
    }
}

fn told(before: &Value, after: &Value, same: bool) -> Vec<Difference> {
    let mut told = differences(before, after);
    if told.is_empty() && !same {
        // The same words in other bytes: another character set.
        told.push(Difference { path: "/bytes".to_owned(), expected: None, found: None });
    }
    told
}

/// A message by its segments and fields, so that a difference has its place: `/OBX[2]/5`.
fn shown(written: &Written, voices: &Voices, channel: &str) -> Value {
    let bytes = match written {
        Ok(bytes) => bytes,
        Err(why) => return json!({ "not-sent": why }),
    };
    let decoded = |segment: &[u8]| match voices.dialect(channel) {
        Some(dialect) => dialect.charset.decode_lossy(segment).into_owned(),
        None => String::from_utf8_lossy(segment).into_owned(),
    };
    let segments = bytes.split(|byte| *byte == b'\r').filter(|segment| !segment.is_empty());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut message = Map::new();
    let mut separator = '|';
    for text in segments.map(decoded) {
        if text.starts_with("MSH") {
            separator = text.chars().nth(3).unwrap_or(separator);
        }
        let mut fields = text.split(separator);
        let name = fields.next().unwrap_or_default().to_owned();
        // The separator itself is MSH-1.
        let first = if name == "MSH" { 2 } else { 1 };
        let fields = (first..).zip(fields).filter(|(_, field)| !field.is_empty());
        let fields: Map<String, Value> =
            fields.map(|(number, field)| (number.to_string(), field.into())).collect();
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        let place = if *count == 1 { name } else { format!("{name}[{count}]") };
        message.insert(place, Value::Object(fields));
    }
    Value::Object(message)
}
