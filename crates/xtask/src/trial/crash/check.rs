//! What the journal and the record hold, against what the senders know.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use fhir::{Id, ResourceType};
use journal::Entry;
use medicines::cases::CaseKind;
use medicines::stock::{Movement, TransferState};
use medicines::{Answer, Fact, Head};

use super::board::{Deed, Message};
use crate::trial::files::{JOURNAL, RECORD};

/// The most faults that are described; all are counted.
const DESCRIBED: usize = 20;

/// What was found.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    /// Entries of the journal.
    pub entries: u64,
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// Acknowledged and not in the journal.
    pub lost: u64,
    /// In the journal more than once, or with more than one effect.
    pub doubled: u64,
    /// In the journal before an earlier message about the same patient.
    pub reordered: u64,
    /// Anything else that is not as it should be.
    pub wrong: u64,
    /// The first faults in words.
    pub words: Vec<String>,
    /// The MedicationDispense of each removal.
    pub dispenses: Vec<Id>,
}

impl Outcome {
    /// Whether nothing was lost, doubled, reordered or wrong.
    pub fn is_clean(&self) -> bool {
        self.lost + self.doubled + self.reordered + self.wrong == 0
    }

    pub(super) fn say(&mut self, what: impl FnOnce() -> String) {
        if self.words.len() < DESCRIBED {
            self.words.push(what());
        }
    }

    pub(super) fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.wrong += 1;
        self.say(what);
    }

    fn doubled(&mut self, what: impl FnOnce() -> String) {
        self.doubled += 1;
        self.say(what);
    }
}

/// An order as the journal tells it.
struct Order {
    id: Id,
    version: u64,
    status: &'static str,
}

struct Walk<'a> {
    outcome: Outcome,
    sent: HashMap<&'a str, &'a Message>,
    found: HashMap<&'a str, Vec<u64>>,
    orders: HashMap<&'a str, Order>,
    unaccounted: HashMap<Id, u64>,
    removed: HashMap<Id, i64>,
    created: BTreeMap<&'static str, u64>,
}

/// Checks the files of a node that does not write at the moment.
pub(super) fn check(data: &Path, books: &[Vec<Message>]) -> Result<Outcome, String> {
    let mut walk = walk(data, books)?;
    walk.timers();
    walk.record(data)?;
    Ok(walk.outcome)
}

/// How many acknowledged messages the journal alone does not hold.
pub(super) fn lost(data: &Path, books: &[Vec<Message>]) -> Result<u64, String> {
    Ok(walk(data, books)?.outcome.lost)
}

fn walk<'a>(data: &Path, books: &'a [Vec<Message>]) -> Result<Walk<'a>, String> {
    let mut walk = Walk {
        outcome: Outcome::default(),
        sent: books.iter().flatten().map(|m| (m.control_id.as_str(), m)).collect(),
        found: HashMap::new(),
        orders: HashMap::new(),
        unaccounted: HashMap::new(),
        removed: HashMap::new(),
        created: BTreeMap::new(),
    };
    let journal = journal::Reader::open(&data.join(JOURNAL)).map_err(|e| e.to_string())?;
    let tip = journal
        .for_each_from::<WalkError>(1, |entry| walk.entry(&entry))
        .map_err(|WalkError(why)| why)?;
    walk.outcome.entries = tip.seq;
    walk.compare(books);
    Ok(walk)
}

/// Why the journal could not be walked.
struct WalkError(String);

impl From<journal::Error> for WalkError {
    fn from(error: journal::Error) -> Self {
        WalkError(error.to_string())
    }
}

impl<'a> Walk<'a> {
    fn entry(&mut self, entry: &Entry) -> Result<(), WalkError> {
        let head = Head::from_json(&entry.head);
        let head = head.map_err(|error| WalkError(format!("entry {}: {error}", entry.seq)))?;
        for fact in head.facts.iter() {
            if let Fact::CaseOpened(case) = fact
                && case.kind == CaseKind::UnaccountedDose
                && let Some(removal) = &case.removal
            {
                *self.unaccounted.entry(removal.clone()).or_default() += 1;
            }
        }
        if head.channel != "feed" {
            return Ok(());
        }
        let control_id = head.control_id.as_deref().unwrap_or_default();
        let Some((&key, &message)) = self.sent.get_key_value(control_id) else {
            self.outcome.wrong(|| format!("entry {}: nobody sent `{control_id}`", entry.seq));
            return Ok(());
        };
        let found = self.found.entry(key).or_default();
        found.push(entry.seq);
        if found.len() > 1 {
            return Ok(());
        }
        if entry.raw != message.bytes {
            self.outcome.wrong(|| format!("{key}: the bytes of entry {} differ", entry.seq));
        }
        if !matches!(*head.answer, Answer::Done) {
            self.outcome.wrong(|| format!("{key}: {} answered {:?}", entry.seq, head.answer));
            return Ok(());
        }
        self.effect(message, &head.facts, entry.at);
        Ok(())
    }

    /// The facts of the entry are the one effect of the message.
    fn effect(&mut self, message: &'a Message, facts: &[Fact], at: i64) {
        let effects = Effects::of(facts);
        for kind in effects.created.values() {
            *self.created.entry(kind.as_str()).or_default() += 1;
        }
        let key = &message.control_id;
        let expected = match message.deed {
            Deed::Admit => effects.is(&[(ResourceType::Patient, 1), (ResourceType::Encounter, 1)]),
            Deed::Move | Deed::Discharge => effects.revises(ResourceType::Encounter),
            Deed::Place => effects.is(&[(ResourceType::MedicationRequest, 1)]),
            Deed::Change | Deed::Hold | Deed::Resume | Deed::Stop => {
                effects.revises(ResourceType::MedicationRequest)
            }
            Deed::Remove { covered } => {
                effects.is(&[(ResourceType::MedicationDispense, 1)])
                    && effects.removals.len() == 1
                    && effects.cases == usize::from(!covered)
            }
        };
        if !expected {
            self.outcome.wrong(|| format!("{key} ({:?}) had the effect {effects:?}", message.deed));
        }
        if let Some(number) = &message.order {
            self.order(message, number, &effects);
        }
        for removal in effects.removals {
            if self.removed.insert(removal.clone(), at).is_some() {
                self.outcome.doubled(|| format!("{key}: {removal} was taken twice"));
            }
            self.outcome.dispenses.push(removal);
        }
    }

    fn order(&mut self, message: &'a Message, number: &'a str, effects: &Effects) {
        let stored = effects.stored.iter();
        let mut stored = stored.filter(|(kind, ..)| *kind == ResourceType::MedicationRequest);
        let Some((_, id, version)) = stored.next() else { return };
        let status = match message.deed {
            Deed::Place | Deed::Resume => Some("active"),
            Deed::Hold => Some("on-hold"),
            Deed::Stop => Some("stopped"),
            _ => None,
        };
        let before = self.orders.get(number);
        let follows =
            before.map_or(*version == 1, |order| order.id == *id && order.version + 1 == *version);
        if !follows {
            let key = &message.control_id;
            self.outcome.doubled(|| format!("{key}: {id} has version {version} out of turn"));
        }
        let status = status.or(before.map(|order| order.status)).unwrap_or("active");
        self.orders.insert(number, Order { id: id.clone(), version: *version, status });
    }

    /// Lost, doubled, out of order.
    fn compare(&mut self, books: &[Vec<Message>]) {
        let out = &mut self.outcome;
        for book in books {
            let mut newest: HashMap<&str, u64> = HashMap::new();
            for message in book {
                out.sent += 1;
                let key = &message.control_id;
                let found = self.found.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
                if let Some(answer) = &message.answer {
                    out.acknowledged += 1;
                    if found.is_empty() {
                        out.lost += 1;
                        out.say(|| format!("{key}: acknowledged and not in the journal"));
                    }
                    if answer != "AA" {
                        out.wrong(|| format!("{key} ({:?}) was answered {answer}", message.deed));
                    }
                }
                if found.len() > 1 {
                    out.doubled(|| format!("{key}: is in entries {found:?}"));
                }
                let Some(first) = found.first() else { continue };
                let before = newest.insert(&message.patient, *first);
                if before.is_some_and(|before| before > *first) {
                    out.reordered += 1;
                    out.say(|| format!("{key}: entry {first} came before an earlier message"));
                }
            }
        }
    }

    /// No removal is called unaccounted for twice, and none is called so that never happened.
    fn timers(&mut self) {
        for (removal, cases) in &self.unaccounted {
            if *cases > 1 {
                self.outcome.doubled(|| format!("{removal} has {cases} unaccounted-dose cases"));
            }
            if !self.removed.contains_key(removal) {
                self.outcome.wrong(|| format!("{removal} has a case and was never taken"));
            }
        }
    }

    /// The record shows what the journal tells.
    fn record(&mut self, data: &Path) -> Result<(), String> {
        let say = |error: record::Error| error.to_string();
        let record = record::Reader::open(&data.join(RECORD), &data.join(JOURNAL)).map_err(say)?;
        for (number, order) in &self.orders {
            let request = ResourceType::MedicationRequest;
            let versions = record.versions(request, &order.id).map_err(say)?;
            let expected = 1..=order.version;
            if !versions.iter().map(|(version, _)| *version).eq(expected) {
                let count = versions.len();
                self.outcome.wrong(|| format!("order {number} has {count} versions on record"));
            }
            let stored = record.read(request, &order.id).map_err(say)?;
            let shown = stored.is_some_and(|stored| {
                stored.json().contains(&format!("\"status\":\"{}\"", order.status))
            });
            if !shown {
                self.outcome.wrong(|| format!("order {number} is not {} on record", order.status));
            }
        }
        for id in &self.outcome.dispenses.clone() {
            let posted = record.transfer(id).map_err(say)?;
            let posted = posted.is_some_and(|view| view.transfer.state == TransferState::Posted);
            let stored = record.versions(ResourceType::MedicationDispense, id).map_err(say)?;
            if !posted || stored.len() != 1 {
                self.outcome.wrong(|| format!("removal {id} is not once on record"));
            }
        }
        for kind in [
            ResourceType::Patient,
            ResourceType::Encounter,
            ResourceType::MedicationRequest,
            ResourceType::MedicationDispense,
        ] {
            let (shown, told) = (record.count(kind).map_err(say)?, self.created.get(kind.as_str()));
            let told = told.copied().unwrap_or_default();
            if shown != told {
                self.outcome.wrong(|| format!("the record has {shown} {kind}, not {told}"));
            }
        }
        Ok(())
    }
}

/// What an entry made true.
#[derive(Debug)]
struct Effects {
    stored: Vec<(ResourceType, Id, u64)>,
    created: BTreeMap<String, ResourceType>,
    removals: Vec<Id>,
    cases: usize,
}

impl Effects {
    fn of(facts: &[Fact]) -> Self {
        let mut effects = Effects {
            stored: Vec::new(),
            created: BTreeMap::new(),
            removals: Vec::new(),
            cases: 0,
        };
        for fact in facts {
            match fact {
                Fact::Stored(stored) => {
                    let (kind, id) = (stored.resource_type, stored.id.clone());
                    if stored.version == 1 {
                        effects.created.insert(stored.reference(), kind);
                    }
                    effects.stored.push((kind, id, stored.version));
                }
                Fact::Moved(moved) if moved.movement == Movement::Removal => {
                    effects.removals.push(moved.id.clone());
                }
                Fact::CaseOpened(_) => effects.cases += 1,
                _ => {}
            }
        }
        effects
    }

    /// Whether exactly these versions were stored.
    fn is(&self, expected: &[(ResourceType, u64)]) -> bool {
        let stored = self.stored.iter().map(|(kind, _, version)| (*kind, *version));
        stored.eq(expected.iter().copied())
    }

    /// Whether exactly one later version of one resource of that type was stored.
    fn revises(&self, kind: ResourceType) -> bool {
        matches!(self.stored.as_slice(), [(stored, _, 2..)] if *stored == kind)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use journal::{Draft, Journal};

    use super::*;

    fn message(name: &str, acknowledged: bool) -> Message {
        Message {
            control_id: name.to_owned(),
            bytes: name.as_bytes().to_vec(),
            patient: "T1".to_owned(),
            order: None,
            deed: Deed::Admit,
            answer: acknowledged.then(|| "AA".to_owned()),
        }
    }

    fn draft(name: &str, raw: &str) -> Draft {
        let head = Head {
            v: medicines::HEAD_VERSION,
            channel: Cow::Borrowed("feed"),
            key: None,
            message_type: Cow::Borrowed("ADT^A01"),
            control_id: Some(Cow::Borrowed(name)),
            again: None,
            by: Cow::Borrowed("feed"),
            received: jiff::Timestamp::UNIX_EPOCH,
            answer: Cow::Owned(Answer::Done),
            facts: Cow::Owned(Vec::new()),
        };
        Draft { at: 1, head: head.to_json(), raw: raw.as_bytes().to_vec() }
    }

    /// Lost, doubled, reordered for messages (`!` without an answer) and a journal of names.
    fn check(sent: &[&str], kept: &[&str], expected: [u64; 3]) {
        let folder = tempfile::tempdir().unwrap();
        let options = journal::Options::default();
        let mut journal = Journal::open(&folder.path().join(JOURNAL), "RXX", options).unwrap();
        let drafts: Vec<Draft> = kept.iter().map(|name| draft(name, name)).collect();
        journal.append(&drafts).unwrap();
        let book = sent.iter().map(|name| match name.strip_suffix('!') {
            Some(name) => message(name, false),
            None => message(name, true),
        });
        let books = [book.collect::<Vec<_>>()];
        let found = walk(folder.path(), &books).unwrap().outcome;
        let found = [found.lost, found.doubled, found.reordered];
        assert_eq!(found, expected, "{sent:?} {kept:?}");
    }

    #[test]
    fn what_is_lost_doubled_or_reordered_is_found() {
        check(&["a", "b", "c!"], &["a", "b"], [0, 0, 0]);
        check(&["a", "b", "c!"], &["a", "b", "c"], [0, 0, 0]);
        check(&["a", "b"], &["a"], [1, 0, 0]);
        check(&["a", "b"], &["a", "b", "a"], [0, 1, 0]);
        check(&["a", "b", "c"], &["a", "c", "b"], [0, 0, 1]);
    }

    #[test]
    fn an_effect_that_is_missing_and_bytes_that_differ_are_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let options = journal::Options::default();
        let mut journal = Journal::open(&folder.path().join(JOURNAL), "RXX", options).unwrap();
        journal.append(&[draft("a", "a"), draft("b", "x"), draft("z", "z")]).unwrap();
        let books = [vec![message("a", true), message("b", true)]];
        let found = walk(folder.path(), &books).unwrap().outcome;
        // Neither admits anybody, one has other bytes, and one was never sent.
        assert_eq!(found.wrong, 4, "{:?}", found.words);
    }
}
