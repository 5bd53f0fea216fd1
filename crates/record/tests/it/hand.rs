//! A journal and its record for one test, filled by hand.

use std::sync::Arc;

use fhir::{Id, ResourceType, StoredResource};
use jiff::{SignedDuration, Timestamp};
use journal::{Draft, Journal, Options, Position};
use medicines::deliveries::{Delivery, DeliveryChange, DeliveryState, Notice, VersionOf, Which};
use medicines::{Answer, Fact, Row, RowKind};
use record::{Applied, Head, Reader, Record};
use tempfile::TempDir;

pub(crate) const SITE: &str = "RXX";

/// A journal, and the record that keeps up with it.
pub(crate) struct Hand {
    pub(crate) folder: TempDir,
    pub(crate) record: Record,
    journal: Journal,
}

impl Hand {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = Record::open(&folder.path().join("record"), SITE).unwrap();
        let journal =
            Journal::open(&folder.path().join("journal"), SITE, Options::default()).unwrap();
        Hand { folder, record, journal }
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(self.record.path(), &self.folder.path().join("journal")).unwrap()
    }

    /// Writes one entry with these facts into the journal and the record; answers its number.
    pub(crate) fn entry(&mut self, facts: &[Fact]) -> u64 {
        self.entry_with(facts, &[])
    }

    pub(crate) fn entry_with(&mut self, facts: &[Fact], rows: &[Row]) -> u64 {
        let seq = self.journal.position().seq + 1;
        let key = format!("K{seq}");
        let tip = self.write(seq, &key, facts);
        self.record.apply(&[applied(seq, &key, facts)], rows, tip).unwrap();
        seq
    }

    /// Writes one message with these facts and this answer; answers its number.
    pub(crate) fn message(&mut self, raw: &str, facts: &[Fact], answer: Answer) -> u64 {
        let seq = self.journal.position().seq + 1;
        let key = format!("K{seq}");
        let tip = self.append(seq, &key, facts, answer, raw);
        self.record.apply(&[applied(seq, &key, facts)], &[], tip).unwrap();
        seq
    }

    fn write(&mut self, seq: u64, key: &str, facts: &[Fact]) -> Position {
        self.append(seq, key, facts, Answer::Done, "")
    }

    fn append(
        &mut self,
        seq: u64,
        key: &str,
        facts: &[Fact],
        answer: Answer,
        raw: &str,
    ) -> Position {
        let head = medicines::Head {
            v: medicines::HEAD_VERSION,
            channel: "epma".into(),
            key: Some(key.into()),
            message_type: "RDE^O11".into(),
            control_id: Some(key.into()),
            again: None,
            by: "epma".into(),
            received: at(seq),
            answer: std::borrow::Cow::Owned(answer),
            facts: facts.into(),
        };
        let draft = Draft { at: at(seq).as_microsecond(), head: head.to_json(), raw: raw.into() };
        self.journal.append(&[draft]).unwrap();
        self.journal.position()
    }
}

/// What the record is told of an entry.
pub(crate) fn applied<'a>(seq: u64, key: &'a str, facts: &'a [Fact]) -> Applied<'a> {
    Applied {
        seq,
        at: at(seq),
        head: Head {
            channel: "epma",
            key,
            message_type: "RDE^O11",
            control_id: key,
            outcome: "done",
            patient: facts.iter().find_map(Fact::patient),
        },
        facts,
    }
}

/// The recording time of an entry: a second after the one before it.
pub(crate) fn at(seq: u64) -> Timestamp {
    let start: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_secs(i64::try_from(seq).unwrap())
}

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A version of a resource from its JSON without `resourceType`.
pub(crate) fn stored(
    kind: ResourceType,
    text: &str,
    version: u64,
    updated: Timestamp,
    members: &str,
) -> StoredResource {
    let comma = if members.is_empty() { "" } else { "," };
    let json = format!(r#"{{"resourceType":"{kind}"{comma}{members}}}"#);
    StoredResource::new(&json, id(text), version, updated).unwrap()
}

/// An order of a patient with a number.
pub(crate) fn order(
    text: &str,
    version: u64,
    seq: u64,
    (patient, status, number): (&str, &str, &str),
) -> Fact {
    let members = format!(
        r#""status":"{status}","intent":"order","identifier":[{{"system":"s","value":"{number}"}}],
        "medicationCodeableConcept":{{"coding":[{{"system":"https://dmd.nhs.uk","code":"42"}}]}},
        "authoredOn":"2026-11-{:02}","subject":{{"reference":"Patient/{patient}"}}"#,
        1 + seq % 28,
    );
    Fact::Stored(stored(ResourceType::MedicationRequest, text, version, at(seq), &members))
}

/// A patient with an identifier.
pub(crate) fn patient(text: &str, version: u64, seq: u64, number: &str) -> Fact {
    let members = format!(r#""identifier":[{{"system":"mrn","value":"{number}"}}]"#);
    Fact::Stored(stored(ResourceType::Patient, text, version, at(seq), &members))
}

pub(crate) fn delivery(text: &str, channel: &str, key: &str, seq: u64, profile: bool) -> Delivery {
    let version = |resource_type, text: &str| VersionOf { resource_type, id: id(text), version: 1 };
    Delivery {
        id: id(text),
        channel: Arc::from(channel),
        key: id(key),
        notice: Notice::Dispense {
            dispense: version(ResourceType::MedicationDispense, "d1"),
            patient: version(ResourceType::Patient, key),
        },
        profile,
        at: at(seq),
    }
}

pub(crate) fn queued(text: &str, channel: &str, key: &str, seq: u64) -> Fact {
    Fact::Queued(delivery(text, channel, key, seq, false))
}

pub(crate) fn change(channel: &str, which: Which, state: DeliveryState, seq: u64) -> Fact {
    Fact::Delivery(DeliveryChange {
        channel: Arc::from(channel),
        which,
        state,
        detail: Some("AA".into()),
        ahead: false,
        at: at(seq),
    })
}

pub(crate) fn row(kind: RowKind, key: &str, live: bool, body: &str) -> Row {
    Row { kind, key: key.into(), live, body: body.as_bytes().to_vec().into() }
}
