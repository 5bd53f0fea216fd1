//! The message index, the wards, the pool.

use medicines::RowKind;
use record::{Readers, Record};

use crate::hand::{Hand, SITE, applied, at, id, order, patient, row};

#[test]
fn a_key_leads_to_its_first_entry() {
    let mut hand = Hand::new();
    let facts = [patient("p1", 1, 1, "1")];
    let tip = |seq| journal::Position { seq, hash: journal::Hash([1; 32]) };
    let batch =
        [applied(1, "K", &facts), applied(2, "", &[]), applied(3, "", &[]), applied(4, "K", &[])];
    hand.record.apply(&batch, &[], tip(4)).unwrap();
    let reader = hand.reader();
    assert_eq!(reader.find_key("epma", "K").unwrap(), Some(1));
    assert_eq!(reader.find_key("epma", "k").unwrap(), None);
    assert_eq!(reader.find_key("pas", "K").unwrap(), None);
    assert_eq!(reader.find_key("epma", "").unwrap(), None);
    let keys = [Some(("epma", "K")), None, Some(("pas", "K"))];
    assert_eq!(reader.find_keys(keys).unwrap(), [Some(1), None, None]);

    let view = reader.message(1).unwrap().unwrap();
    assert_eq!((view.seq, view.at, view.patient.as_deref()), (1, at(1), Some("p1")));
    assert_eq!((view.channel.as_str(), view.message_type.as_str()), ("epma", "RDE^O11"));
    assert_eq!((view.key.as_str(), view.control_id.as_str()), ("K", "K"));
    assert_eq!(view.outcome, "done");
    let seqs = |before, limit| -> Vec<u64> {
        reader.messages(before, limit).unwrap().iter().map(|view| view.seq).collect()
    };
    assert_eq!(seqs(None, 3), [4, 3, 2]);
    assert_eq!(seqs(Some(2), 3), [1]);
    assert_eq!(reader.message(5).unwrap(), None);
}

#[test]
fn a_key_is_found_however_it_is_kept() {
    let mut hand = Hand::new();
    let one = |seq, key: &'static str, control_id: &'static str| {
        let mut one = applied(seq, key, &[]);
        one.head.control_id = control_id;
        one
    };
    // The hashes of these two are the same.
    let (a, b) = ("E|T|91116", "E|T|150688");
    let ends = |key: &'static str| key.rsplit('|').next().unwrap();
    let all = [
        one(1, "request-77", ""),
        one(2, a, ends(a)),
        one(3, b, ends(b)),
        one(4, "EPMA|TRUST|7#ab", "7"),
        one(5, "", "8"),
    ];
    let tip = journal::Position { seq: 5, hash: journal::Hash([1; 32]) };
    hand.record.apply(&all, &[], tip).unwrap();
    let reader = hand.reader();
    for one in &all[..4] {
        assert_eq!(reader.find_key("epma", one.head.key).unwrap(), Some(one.seq));
    }
    for one in &all {
        let view = reader.message(one.seq).unwrap().unwrap();
        let found = (view.key.as_str(), view.control_id.as_str());
        assert_eq!(found, (one.head.key, one.head.control_id));
    }
    assert_eq!(reader.find_key("epma", "8").unwrap(), None);
}

#[test]
fn wards_count_those_who_are_there() {
    let mut hand = Hand::new();
    let patient = |key: &str, live, encounters: &str, orders: &str| {
        let body = format!(
            r#"{{"id":"{key}","version":1,"encounters":[{encounters}],"orders":[{orders}]}}"#
        );
        row(RowKind::Patient, key, live, &body)
    };
    let stay = |status: &str, ward: &str| {
        format!(r#"{{"id":"e","version":1,"visit":"","status":"{status}","ward":"{ward}"}}"#)
    };
    let (there, moved) = (stay("in-progress", "A"), stay("finished", "B"));
    hand.entry_with(
        &[
            order("o1", 1, 1, ("p1", "active", "1")),
            order("o2", 1, 1, ("p1", "on-hold", "2")),
            order("o3", 1, 1, ("p1", "active", "3")),
            order("o4", 1, 1, ("p1", "completed", "4")),
        ],
        &[
            patient("p1", true, &format!("{moved},{there}"), r#""o1","o2""#),
            patient("p2", true, &stay("in-progress", "A"), ""),
            patient("p3", true, &stay("in-progress", "C\\u00e9"), r#""o3""#),
            patient("p4", true, &moved, r#""o4""#),
            patient("p5", true, r#"{"id":"e","version":1,"visit":"","status":"in-progress"}"#, ""),
            patient("p6", false, &there, ""),
        ],
    );
    let wards = hand.reader().wards().unwrap();
    let told: Vec<_> = wards.iter().map(|w| (w.ward.as_str(), w.inpatients, w.orders)).collect();
    assert_eq!(told, [("A", 2, 2), ("C\u{e9}", 1, 1)]);

    hand.entry(&[order("o3", 2, 2, ("p1", "stopped", "3"))]);
    let orders = hand.reader().live_orders().unwrap();
    let told: Vec<_> = orders.iter().map(|o| (o.status.as_str(), o.orders)).collect();
    assert_eq!(told, [("active", 1), ("on-hold", 1)]);
    let latest = hand.reader().latest(fhir::ResourceType::MedicationRequest, 2).unwrap();
    let ids: Vec<_> = latest.iter().map(|resource| resource.id.clone()).collect();
    assert_eq!(ids, [id("o3"), id("o4")]);
}

#[test]
fn readers_are_used_again_and_see_what_is_new() {
    let mut hand = Hand::new();
    let journal = hand.folder.path().join("journal");
    let readers = Readers::open(hand.record.path(), &journal).unwrap();
    let first = readers.get().unwrap();
    let second = readers.get().unwrap();
    hand.entry(&[patient("p1", 1, 1, "1")]);
    for reader in [&first, &second] {
        assert_eq!(reader.position().unwrap().seq, 1);
    }
    drop((first, second));
    hand.entry(&[patient("p2", 1, 2, "2")]);
    assert_eq!(readers.get().unwrap().position().unwrap().seq, 2);
    // Other threads read while the writer writes.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut last = 0;
                while last < 40 {
                    let seq = readers.get().unwrap().position().unwrap().seq;
                    assert!(seq >= last);
                    last = seq;
                }
            });
        }
        for seq in 3..=40 {
            hand.entry(&[patient("p3", seq - 2, seq, "3")]);
        }
    });
    hand.record.checkpoint().unwrap();
    drop(readers);
    let path = hand.record.path().to_owned();
    drop(hand.record);
    assert_eq!(Record::open(&path, SITE).unwrap().position().unwrap().seq, 40);
}
