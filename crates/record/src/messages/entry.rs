//! The terms of one entry of the journal.

use std::borrow::Cow;

use fhir::{Id, ResourceType};
use journal::Entry;
use medicines::Answer;
use medicines::deliveries::Which;
use serde::Deserialize;

use super::terms::{Field, MAX_TERMS, Term, term, text, words_of_bytes};

/// The kind of an entry that holds bytes which came from outside.
pub(super) const MESSAGE: &str = "message";
/// The most bytes of a message in which words are looked for: 1 MiB. What comes later in it is an
/// embedded document.
const MAX_TEXT_BYTES: usize = 1024 * 1024;
/// The most facts, fields and repetitions that are looked at are those of the entry; the terms of
/// all are cut to [`MAX_TERMS`], ids before words.
const ID_FIELDS: [(&[u8; 3], usize, Field); 12] = [
    (b"PID", 2, Field::Identifier),
    (b"PID", 3, Field::Identifier),
    (b"PID", 4, Field::Identifier),
    (b"PID", 18, Field::Identifier),
    (b"MRG", 1, Field::Identifier),
    (b"MRG", 4, Field::Identifier),
    (b"ORC", 2, Field::Placer),
    (b"ORC", 3, Field::Filler),
    (b"OBR", 2, Field::Placer),
    (b"OBR", 3, Field::Filler),
    (b"SCH", 1, Field::Placer),
    (b"SCH", 2, Field::Filler),
];

/// A head, as far as the index needs it. What it skips is most of the head.
#[derive(Deserialize)]
struct Light<'a> {
    #[serde(borrow)]
    channel: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    message_type: Cow<'a, str>,
    #[serde(default, borrow)]
    control_id: Option<Cow<'a, str>>,
    #[serde(default)]
    again: Option<u64>,
    answer: Answer,
    facts: Vec<LightFact>,
}

/// A fact: one member is there, by its name.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct LightFact {
    stored: Option<LightStored>,
    moved: Option<OfPatient>,
    queued: Option<LightQueued>,
    delivery: Option<LightDelivery>,
    case_opened: Option<LightCase>,
    case_closed: Option<LightCase>,
    seen: Option<OfPatient>,
    refused: Option<OfPatient>,
    kept: Option<OfPatient>,
    deleted: Option<OfPatient>,
}

#[derive(Deserialize)]
struct LightStored {
    resource_type: ResourceType,
    id: Id,
}

#[derive(Deserialize)]
struct OfPatient {
    #[serde(default)]
    patient: Option<Id>,
}

#[derive(Deserialize)]
struct LightQueued {
    id: Id,
    key: Id,
}

#[derive(Deserialize)]
struct LightDelivery {
    which: Which,
}

#[derive(Deserialize)]
struct LightCase {
    id: Id,
    #[serde(default)]
    patient: Option<Id>,
}

/// Puts the terms of an entry into `found`, each once, in order. An entry whose head cannot be
/// read is found by its words alone.
pub(super) fn terms_of(entry: &Entry, found: &mut Vec<Term>) {
    found.clear();
    if let Ok(light) = serde_json::from_slice::<Light<'_>>(&entry.head) {
        of_head(&light, found);
    }
    if !entry.raw.is_empty() {
        found.extend(term(Field::Kind, MESSAGE));
        of_numbers(&entry.raw, found);
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(MAX_TERMS);
    let ids = found.len();
    words_of_bytes(&entry.raw[..entry.raw.len().min(MAX_TEXT_BYTES)], found);
    found[ids..].sort_unstable();
    found.dedup();
    found.truncate(MAX_TERMS);
    found.sort_unstable();
    found.dedup();
}

fn of_head(light: &Light<'_>, found: &mut Vec<Term>) {
    let mut add = |field, text: &str| found.extend(term(field, text));
    add(Field::Channel, &light.channel);
    add(Field::Type, &light.message_type);
    if let Some((first, _)) = light.message_type.split_once('^') {
        add(Field::Type, first);
    }
    if let Some(control_id) = &light.control_id {
        add(Field::Control, control_id);
    }
    if let Some(again) = light.again {
        add(Field::Again, &again.to_string());
    }
    add(Field::Outcome, light.answer.code());
    match &light.answer {
        Answer::Parked(problem) => add(Field::Outcome, problem.code.as_str()),
        Answer::Refused(refusal) => add(Field::Outcome, refusal.code.as_str()),
        Answer::Unwritten(fault) => add(Field::Outcome, fault.code.as_str()),
        Answer::Checked(checked) => {
            for one in checked {
                add(Field::Outcome, one.outcome.as_str());
            }
        }
        Answer::Done | Answer::Created(_) | Answer::Permitted(_) | Answer::Written(_) => {}
    }
    for fact in &light.facts {
        let cases = [&fact.case_opened, &fact.case_closed].into_iter().flatten();
        for case in cases.clone() {
            add(Field::Case, &case.id);
        }
        let stored = fact.stored.as_ref().filter(|s| s.resource_type == ResourceType::Patient);
        let of = [&fact.moved, &fact.seen, &fact.refused, &fact.kept, &fact.deleted];
        let of = of.into_iter().flatten();
        let patients = stored.map(|stored| &stored.id).into_iter();
        let patients = patients.chain(of.filter_map(|of| of.patient.as_ref()));
        let patients = patients.chain(cases.filter_map(|case| case.patient.as_ref()));
        for patient in patients.chain(fact.queued.as_ref().map(|queued| &queued.key)) {
            add(Field::Patient, patient);
        }
        if let Some(queued) = &fact.queued {
            add(Field::Delivery, &queued.id);
        }
        if let Some(LightDelivery { which: Which::One(id) }) = &fact.delivery {
            add(Field::Delivery, id);
        }
    }
}

/// The numbers of patients and orders in an HL7 message. It reads the bytes as they are: the
/// index has to find also what no parser took.
fn of_numbers(raw: &[u8], found: &mut Vec<Term>) {
    let (mut field, mut component, mut repetition) = (b'|', b'^', b'~');
    for segment in raw.split(|byte| matches!(byte, b'\r' | b'\n')) {
        if let [b'M', b'S', b'H', own_field, own_component, own_repetition, ..] = segment {
            (field, component, repetition) = (*own_field, *own_component, *own_repetition);
            continue;
        }
        let name = segment.get(..3);
        if !ID_FIELDS.iter().any(|(known, ..)| name == Some(&known[..])) {
            continue;
        }
        for (at, value) in segment.split(|byte| *byte == field).enumerate().skip(1) {
            let wanted =
                ID_FIELDS.iter().find(|(known, n, _)| name == Some(&known[..]) && *n == at);
            let Some((.., kind)) = wanted else { continue };
            for one in value.split(|byte| *byte == repetition) {
                let first = one.split(|byte| *byte == component).next().unwrap_or_default();
                found.extend(term(*kind, &text(first)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use journal::Hash;

    use super::*;

    const RAW: &str = "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11|A1|P|2.5.1\r\
        PID|1||9990000018^^^NHS^NH~MRN77^^^TRUST^MR||TESTER^ZOE||19560412|F\r\
        ORC|NW|7001^EPMA|F9^PH\rRXE||PARA500^Paracetamol|1000||mg\r";

    fn entry(answer: &str, facts: &str, raw: &str) -> Entry {
        let head = format!(
            r#"{{"v":1,"channel":"epma","type":"RDE^O11","control_id":"A1","by":"EPMA",
            "received":"2026-11-20T10:15:00Z","answer":{answer},"facts":[{facts}]}}"#
        );
        let hash = Hash([0; 32]);
        Entry {
            seq: 1,
            at: 0,
            head: head.into_bytes(),
            raw: raw.as_bytes().to_vec(),
            removed: None,
            hash,
        }
    }

    #[track_caller]
    fn check(entry: &Entry, expected: &[(Field, &str)], absent: &[(Field, &str)]) {
        let mut found = Vec::new();
        terms_of(entry, &mut found);
        assert!(found.is_sorted(), "in order");
        for (field, text) in expected {
            assert!(found.contains(&term(*field, text).unwrap()), "{field:?} {text}");
        }
        for (field, text) in absent {
            assert!(!found.contains(&term(*field, text).unwrap()), "{field:?} {text}");
        }
    }

    #[test]
    fn a_message_is_found_by_its_numbers_and_words() {
        check(
            &entry("\"done\"", "", RAW),
            &[
                (Field::Identifier, "9990000018"),
                (Field::Identifier, "mrn77"),
                (Field::Placer, "7001"),
                (Field::Filler, "f9"),
                (Field::Control, "A1"),
                (Field::Type, "RDE^O11"),
                (Field::Type, "rde"),
                (Field::Channel, "epma"),
                (Field::Outcome, "done"),
                (Field::Kind, MESSAGE),
                (Field::Word, "zoe"),
                (Field::Word, "paracetamol"),
            ],
            &[(Field::Placer, "F9"), (Field::Identifier, "1"), (Field::Outcome, "parked")],
        );
        check(&entry("\"done\"", "", ""), &[(Field::Control, "A1")], &[(Field::Kind, MESSAGE)]);
    }

    #[test]
    fn what_became_of_it_is_found() {
        let parked = r#"{"parked":{"code":"unknown-patient","text":"x"}}"#;
        let facts = r#"{"case-opened":{"id":"rxx.1.1","patient":"rxx.7.1","kind":"?"}},
            {"queued":{"id":"rxx.1.2","key":"rxx.8.1","notice":{"any":[1,2]}}},
            {"delivery":{"channel":"a","which":{"one":"rxx.1.3"},"state":"delivered"}},
            {"stored":{"resource_type":"Patient","id":"rxx.9.1","raw":{"a":0.10}}},
            {"configured":{}}"#;
        check(
            &entry(parked, facts, RAW),
            &[
                (Field::Outcome, "parked"),
                (Field::Outcome, "unknown-patient"),
                (Field::Case, "rxx.1.1"),
                (Field::Patient, "rxx.7.1"),
                (Field::Patient, "rxx.8.1"),
                (Field::Patient, "rxx.9.1"),
                (Field::Delivery, "rxx.1.2"),
                (Field::Delivery, "rxx.1.3"),
            ],
            &[],
        );
    }

    #[test]
    fn an_entry_of_another_form_is_found_by_its_words() {
        let mut entry = entry("\"done\"", "", RAW);
        entry.head = b"{}".to_vec();
        check(&entry, &[(Field::Word, "zoe")], &[(Field::Channel, "epma")]);
    }
}
