//! Finding messages, and telling the life of one.

use journal::{Draft, Hash, Options};
use medicines::deliveries::{Delivery, DeliveryState, Which};
use medicines::{Answer, Fact, Problem, ProblemCode};
use proptest::prelude::*;
use record::{MessageIndex, MessageIndexer, MessageSearch, Reader};

use crate::hand::{Hand, SITE, at, change, id, patient, queued};

fn hl7(number: &str, order: &str, name: &str) -> String {
    format!(
        "MSH|^~\\&|EPMA|TRUST|HUB|RXX|20261120101500||RDE^O11|A1|P|2.5.1\r\
         PID|1||{number}^^^NHS^NH||{name}||19560412|F\rORC|NW|{order}^EPMA|F{order}\r"
    )
}

impl Hand {
    fn index(&self) -> MessageIndex {
        let entries = journal::Reader::open(&self.folder.path().join("journal")).unwrap();
        let path = self.folder.path().join("messages");
        let mut indexer = MessageIndexer::open(&path, &entries).unwrap();
        while indexer.follow(&entries, u64::MAX).unwrap() {}
        indexer.index()
    }
}

/// A small hospital's messages: numbers 1 to 5.
fn five() -> Hand {
    let mut hand = Hand::new();
    let parked = Answer::Parked(Problem::new(ProblemCode::ControlIdReused, "x"));
    hand.message(
        &hl7("9990000018", "7001", "TESTER^ZOË"),
        &[patient("p1", 1, 1, "9990000018")],
        Answer::Done,
    );
    hand.message(&hl7("9990000026", "7002", "TESTER^ADAM"), &[], Answer::Done);
    hand.entry(&[]);
    hand.message(&hl7("9990000018", "7003", "TESTER^ZOË"), &[], parked);
    hand.message(&hl7("9990000034", "7001", "OTHER^ZOE"), &[], Answer::Done);
    hand
}

#[track_caller]
fn check(reader: &Reader, index: &MessageIndex, search: &MessageSearch, expected: &[u64]) {
    let found = reader.find_messages(index, search, 10).unwrap();
    let found: Vec<u64> = found.messages.iter().map(|message| message.seq).collect();
    assert_eq!(found, expected, "{search:?}");
}

fn by(change: impl FnOnce(&mut MessageSearch)) -> MessageSearch {
    let mut search = MessageSearch::default();
    change(&mut search);
    search
}

#[test]
fn messages_are_found_by_each_of_their_marks() {
    let hand = five();
    let (reader, index) = (hand.reader(), hand.index());
    let check = |search: MessageSearch, expected: &[u64]| check(&reader, &index, &search, expected);
    check(by(|_| ()), &[5, 4, 2, 1]);
    check(by(|s| s.patient = "9990000018".into()), &[4, 1]);
    check(by(|s| s.placer = "7001".into()), &[5, 1]);
    check(by(|s| s.filler = "f7003".into()), &[4]);
    check(by(|s| s.control_id = "K2".into()), &[2]);
    check(by(|s| s.words = "zoe tester".into()), &[4, 1]);
    check(by(|s| s.words = "Zoë".into()), &[5, 4, 1]);
    check(by(|s| s.words = "?".into()), &[]);
    check(by(|s| s.outcome = "parked".into()), &[4]);
    check(by(|s| s.outcome = "duplicate".into()), &[4]);
    check(by(|s| s.message_type = "rde".into()), &[5, 4, 2, 1]);
    check(by(|s| s.message_type = "ADT".into()), &[]);
    check(by(|s| (s.channel, s.everything) = ("epma".into(), true)), &[5, 4, 3, 2, 1]);
    check(by(|s| (s.from, s.to) = (Some(at(2)), Some(at(5)))), &[4, 2]);
    check(by(|s| s.from = Some(at(6))), &[]);
    check(by(|s| s.to = Some(at(1))), &[]);
    check(by(|s| (s.words, s.before) = ("zoe".into(), Some(4))), &[1]);
}

#[test]
fn a_page_leads_to_the_next() {
    let hand = five();
    let (reader, index) = (hand.reader(), hand.index());
    let mut search = MessageSearch::default();
    let mut pages = Vec::new();
    loop {
        let page = reader.find_messages(&index, &search, 3).unwrap();
        pages.push(page.messages.iter().map(|message| message.seq).collect::<Vec<_>>());
        let Some(next) = page.next else { break };
        search.before = Some(next);
    }
    assert_eq!(pages, [vec![5, 4, 2], vec![1]]);
}

#[test]
fn all_numbers_of_a_merged_patient_lead_to_all_messages() {
    let mut hand = five();
    let linked = |text: &str, number: &str, other: &str, kind: &str| {
        let members = format!(
            r#""identifier":[{{"system":"n","value":"{number}"}}],
            "link":[{{"other":{{"reference":"Patient/{other}"}},"type":"{kind}"}}]"#
        );
        let kind = fhir::ResourceType::Patient;
        Fact::Stored(crate::hand::stored(kind, text, 2, at(6), &members))
    };
    let gone = linked("p2", "9990000026", "p1", "replaced-by");
    hand.entry(&[patient("p2", 1, 6, "9990000026")]);
    hand.entry(&[linked("p1", "9990000018", "p2", "replaces"), gone]);
    let (reader, index) = (hand.reader(), hand.index());
    for number in ["9990000018", "9990000026", "p1", "p2"] {
        check(&reader, &index, &by(|s| s.patient = number.into()), &[4, 2, 1]);
    }
    check(&reader, &index, &by(|s| s.patient = "9990000034".into()), &[5]);
}

#[test]
fn a_life_has_what_was_sent_and_what_was_answered() {
    let mut hand = Hand::new();
    hand.entry(&[]);
    let seq = hand.message("MSH|^~\\&|A\r", &[queued("d1", "adc", "p1", 2)], Answer::Done);
    hand.message(
        "MSH|ack",
        &[change("adc", Which::One(id("d1")), DeliveryState::Delivered, 3)],
        Answer::Done,
    );
    let (reader, index) = (hand.reader(), hand.index());
    let rewrite = |_: &Reader, delivery: &Delivery| Ok(format!("to {}", delivery.channel).into());
    let life = reader.life(&index, seq, &rewrite).unwrap().unwrap();
    assert_eq!((life.raw.as_slice(), life.sent.len()), (&b"MSH|^~\\&|A\r"[..], 1));
    let sent = &life.sent[0];
    assert_eq!(sent.message.as_deref(), Ok(&b"to adc"[..]));
    assert_eq!(sent.delivery.state, DeliveryState::Delivered);
    assert_eq!(
        sent.outcomes.iter().map(|o| (o.seq, &*o.raw)).collect::<Vec<_>>(),
        [(3, &b"MSH|ack"[..])]
    );
    assert_eq!(reader.life(&index, 3, &rewrite).unwrap().unwrap().answers.unwrap().delivery.seq, 2);
    assert!(reader.life(&index, 9, &rewrite).unwrap().is_none());
    for (text, expected) in [("2", vec![2]), ("d1", vec![2]), ("k2", vec![2]), ("no", vec![])] {
        assert_eq!(reader.entries_called(&index, text, 5).unwrap(), expected, "{text}");
    }
}

#[test]
fn an_index_of_another_journal_or_form_is_made_anew() {
    let hand = five();
    let path = hand.folder.path().join("messages");
    std::fs::write(
        &path,
        b"no index at all, and longer than a header of SQLite's would have to be \
        to be looked at, which is a hundred bytes",
    )
    .unwrap();
    check(&hand.reader(), &hand.index(), &by(|s| s.placer = "7002".into()), &[2]);
    let other = tempfile::tempdir().unwrap();
    let mut journal =
        journal::Journal::open(&other.path().join("j"), SITE, Options::default()).unwrap();
    let draft = |n: i64| Draft { at: n, head: b"{}".to_vec(), raw: b"first journal".to_vec() };
    let many: Vec<Draft> = (0..33_000).map(draft).collect();
    journal.append(&many).unwrap();
    let mut indexer = MessageIndexer::open(&path, &journal.reader().unwrap()).unwrap();
    while indexer.follow(&journal.reader().unwrap(), u64::MAX).unwrap() {}
    drop(indexer);
    check(&hand.reader(), &hand.index(), &by(|s| s.placer = "7002".into()), &[2]);
}

/// An entry of a synthetic journal.
fn entry(seq: u64, raw: String) -> journal::Entry {
    let head = r#"{"v":1,"channel":"epma","type":"RDE^O11","by":"E","answer":"done","facts":[],
        "received":"2026-11-20T10:00:00Z"}"#;
    let hash = Hash([u8::try_from(seq % 251).unwrap(); 32]);
    journal::Entry { seq, at: 0, head: head.into(), raw: raw.into_bytes(), removed: None, hash }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    /// However the entries are cut into batches, whole segments and the tail answer as one.
    #[test]
    fn segments_and_tail_answer_as_one(cuts in prop::collection::vec(1_usize..9_000, 8..20)) {
        let mut hand = five();
        let (reader, _) = (hand.reader(), hand.entry(&[]));
        let entries = journal::Reader::open(&hand.folder.path().join("journal")).unwrap();
        let path = hand.folder.path().join("other");
        let mut indexer = MessageIndexer::open(&path, &entries).unwrap();
        let mut seq = 0;
        for cut in &cuts {
            let batch: Vec<_> = (0..*cut).map(|_| {
                seq += 1;
                entry(seq, format!("word{} every{} all", seq % 1_000, seq % 2))
            }).collect();
            indexer.take(&batch).unwrap();
        }
        let index = indexer.index();
        prop_assert_eq!(index.position(), seq);
        let asked = [("word7", 1_000, 7), ("every1 all", 2, 1), ("word8 every1", 0, 0)];
        for (words, step, rest) in asked {
            let search = by(|s| s.words = words.into());
            let expected: Vec<u64> = (1..=seq).rev()
                .filter(|seq| step > 0 && seq % step == rest).take(50).collect();
            prop_assert_eq!(reader.find_entries(&index, &search, 50).unwrap(), expected);
        }
    }
}
