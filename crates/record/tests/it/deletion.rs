//! Resources that clients write, delete and bring back.

use fhir::ResourceType;
use fhir_search::SearchRequest;
use jiff::Timestamp;
use medicines::Fact;
use medicines::store::Deleted;
use record::{HistorySearch, Place, Record, Revision};

use crate::hand::{Hand, SITE, applied, at, id, patient, stored};

const KIND: ResourceType = ResourceType::Observation;

fn recorded(version: u64, seq: u64) -> Fact {
    let members = r#""status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},
        "identifier":[{"system":"s","value":"7"}]"#;
    Fact::Recorded(stored(KIND, "o1", version, at(seq), members))
}

fn deleted(version: u64, seq: u64) -> Fact {
    let patient = Some(id("p"));
    let (id, at) = (id("o1"), at(seq));
    Fact::Deleted(Deleted { resource_type: KIND, id, version, at, patient })
}

/// Two versions, the end, a second beginning; a patient between them.
fn life() -> Vec<Vec<Fact>> {
    vec![
        vec![patient("p", 1, 1, "1"), recorded(1, 1)],
        vec![recorded(2, 2)],
        vec![deleted(3, 3)],
        vec![recorded(4, 4)],
    ]
}

fn found(hand: &Hand) -> usize {
    let number = [("identifier".to_owned(), "s|7".to_owned())];
    let search = SearchRequest::parse(KIND, &number).unwrap();
    hand.reader().search(&search).unwrap().resources.len()
}

#[test]
fn what_is_deleted_is_found_by_nothing_and_keeps_its_versions() {
    let mut hand = Hand::new();
    for facts in &life()[..3] {
        hand.entry(facts);
    }
    let (reader, o1) = (hand.reader(), id("o1"));
    assert_eq!(reader.read(KIND, &o1).unwrap(), None);
    let end = reader.deleted(KIND, &o1).unwrap().unwrap();
    assert_eq!((end.version, end.at), (3, at(3)));
    assert_eq!((found(&hand), reader.count(KIND).unwrap()), (0, 0));
    assert_eq!(reader.resources_of(&id("p")).unwrap().len(), 1, "the patient alone");
    assert_eq!(reader.version(KIND, &o1, 2).unwrap().unwrap().version, 2);
    assert_eq!(reader.version(KIND, &o1, 3).unwrap(), None);
    assert!(matches!(reader.revision(KIND, &o1, 3).unwrap(), Some(Revision::Deleted(_))));
    assert_eq!(reader.versions(KIND, &o1).unwrap(), [(1, 1), (2, 2), (3, 3)]);

    hand.entry(&life()[3]);
    let reader = hand.reader();
    assert_eq!(reader.read(KIND, &o1).unwrap().unwrap().version, 4);
    assert_eq!(reader.deleted(KIND, &o1).unwrap(), None);
    assert_eq!((found(&hand), reader.count(KIND).unwrap()), (1, 1));
    assert!(matches!(reader.revision(KIND, &o1, 3).unwrap(), Some(Revision::Deleted(_))));
    // A resource that comes next has a place of its own.
    let other = stored(KIND, "o2", 1, at(5), r#""status":"final","code":{"text":"x"}"#);
    hand.entry(&[Fact::Recorded(other)]);
    assert_eq!(hand.reader().versions(KIND, &id("o2")).unwrap(), [(1, 5)]);
}

#[test]
fn a_fold_at_once_gives_the_same_bytes() {
    let mut hand = Hand::new();
    for facts in life() {
        hand.entry(&facts);
    }
    let dump = |record: &Record| {
        let mut out = Vec::new();
        record.dump(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut again = Record::open(&folder.path().join("record"), SITE).unwrap();
    let life = life();
    let keys: Vec<String> = (1..=life.len()).map(|seq| format!("K{seq}")).collect();
    let batch: Vec<_> = life
        .iter()
        .zip(&keys)
        .zip(1..)
        .map(|((facts, key), seq)| applied(seq, key, facts))
        .collect();
    again.apply(&batch, &[], hand.record.position().unwrap()).unwrap();
    assert_eq!(dump(&again), dump(&hand.record));
}

#[test]
fn a_history_is_read_from_the_newest_on() {
    let mut hand = Hand::new();
    for facts in life() {
        hand.entry(&facts);
    }
    let reader = hand.reader();
    let page = |search: HistorySearch| {
        let page = reader.history(&HistorySearch { count: 2, ..search }).unwrap();
        let versions: Vec<u64> = page.revisions.iter().map(|revision| revision.is().2).collect();
        (versions, page.next, page.total)
    };
    let one = || HistorySearch {
        resource_type: Some(KIND),
        id: Some(id("o1")),
        ..HistorySearch::default()
    };
    let of_type = || HistorySearch { resource_type: Some(KIND), ..HistorySearch::default() };
    let place = |seq, ordinal| Some(Place { seq, ordinal });
    assert_eq!(page(one()), (vec![4, 3], place(3, 0), Some(4)));
    assert_eq!(page(HistorySearch { before: place(3, 0), ..one() }), (vec![2, 1], None, Some(4)));
    let (first, next, total) = page(of_type());
    assert_eq!((first, total), (vec![4, 3], None));
    let rest = page(HistorySearch { before: next, ..of_type() });
    assert_eq!(rest, (vec![2, 1], None, None));
    let (last, _, _) = page(HistorySearch { before: place(2, 0), ..HistorySearch::default() });
    assert_eq!(last, [1, 1], "the observation, then the patient, of one entry");
    let during = |from: Timestamp, to: Timestamp, search: HistorySearch| {
        page(HistorySearch { at: Some((from, to)), ..search }).0
    };
    for search in [one, of_type] {
        assert_eq!(page(HistorySearch { since: Some(at(4)), ..search() }).0, [4]);
        assert_eq!(during(at(2), at(2), search()), [2]);
        assert_eq!(during(at(3), at(9), search()), [4, 3]);
    }
}
