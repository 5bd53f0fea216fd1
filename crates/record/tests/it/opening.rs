//! Opening, refusing, and coming back after a crash.

use std::fs;
use std::path::Path;

use journal::{Hash, Position, genesis};
use record::{Error, Reader, Record};
use rusqlite::Connection;

use crate::hand::{Hand, SITE, applied, at, id, order, patient};

fn check(prepare: impl Fn(&Path), code: &str, by_itself: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    prepare(&path);
    let error = Record::open(&path, SITE).unwrap_err();
    assert_eq!((error.code(), error.is_cured_by_rebuild()), (code, by_itself), "{error}");
}

fn change(path: &Path, sql: &str) {
    drop(Record::open(path, SITE).unwrap());
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_no_record_of_this_site_and_version_is_refused() {
    check(
        |path| fs::write(path, "no database, but long enough to be one".repeat(40)).unwrap(),
        "REC-02",
        false,
    );
    check(
        |path| {
            Connection::open(path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        },
        "REC-02",
        false,
    );
    check(
        |path| drop(journal::Journal::open(path, SITE, journal::Options::default()).unwrap()),
        "REC-02",
        false,
    );
    check(|path| change(path, "PRAGMA user_version = 99"), "REC-03", true);
    check(|path| drop(Record::open(path, "RYY").unwrap()), "REC-04", false);
    check(|path| change(path, "DELETE FROM meta"), "REC-05", true);
    check(|path| fs::create_dir(path).unwrap(), "REC-01", false);
}

#[test]
fn a_reader_does_not_make_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    assert_eq!(Reader::open(&path, &path).unwrap_err().code(), "REC-01");
    assert!(!path.exists());
}

#[test]
fn a_new_record_stands_at_the_beginning_of_its_journal() {
    let hand = Hand::new();
    let start = Position { seq: 0, hash: genesis(SITE) };
    assert_eq!(hand.record.position().unwrap(), start);
    assert_eq!(hand.reader().position().unwrap(), start);
}

#[test]
fn a_batch_with_a_gap_changes_nothing() {
    let mut hand = Hand::new();
    let facts = [patient("p1", 1, 1, "1")];
    hand.entry(&facts);
    let before = hand.record.position().unwrap();
    let tip = |seq| Position { seq, hash: Hash([1; 32]) };
    let entry = |seq| applied(seq, "K", &facts);
    for (batch, tip) in [
        (vec![entry(1)], tip(1)),
        (vec![entry(3)], tip(3)),
        (vec![entry(2), entry(4)], tip(4)),
        (vec![entry(2)], tip(3)),
        (vec![], tip(2)),
    ] {
        let error = hand.record.apply(&batch, &[], tip).unwrap_err();
        assert!(matches!(error, Error::Gap { .. }), "{error}");
        assert_eq!(hand.record.position().unwrap(), before);
    }
    assert_eq!(hand.reader().message(2).unwrap(), None);
    hand.record.apply(&[entry(2)], &[], tip(2)).unwrap();
    assert_eq!(hand.reader().position().unwrap(), tip(2));
}

#[test]
fn what_the_journal_did_not_take_in_is_not_there() {
    let mut hand = Hand::new();
    let facts = [patient("p1", 1, 1, "1")];
    let before = hand.record.position().unwrap();
    let (tip, wrong) = (Position { seq: 1, hash: Hash([1; 32]) }, Position { seq: 2, ..before });
    let batch = [applied(1, "K", &facts)];
    let reader = hand.reader();
    let mut apply = |durable| {
        let seen = || {
            assert_eq!(reader.message(1).unwrap(), None, "nobody sees it before");
            durable
        };
        hand.record.apply_when(&batch, &[], seen)
    };
    assert_eq!(apply(None).unwrap(), None);
    assert!(matches!(apply(Some(wrong)), Err(Error::Gap { .. })));
    assert_eq!(reader.position().unwrap(), before);
    assert_eq!(apply(Some(tip)).unwrap(), Some(tip));
    assert!(reader.message(1).unwrap().is_some());
}

#[test]
fn what_was_applied_is_there_after_a_crash() {
    let mut hand = Hand::new();
    for seq in 1..=50 {
        hand.entry(&[order(&format!("o{seq}"), 1, seq, ("p1", "active", "7"))]);
    }
    // The files as a killed process leaves them: nothing was closed or copied back.
    let after = tempfile::tempdir().unwrap();
    for name in ["record", "record-wal"] {
        fs::copy(hand.folder.path().join(name), after.path().join(name)).unwrap();
    }
    assert!(fs::metadata(after.path().join("record-wal")).unwrap().len() > 0);
    let mut again = Record::open(&after.path().join("record"), SITE).unwrap();
    assert_eq!(again.position().unwrap(), hand.record.position().unwrap());
    let facts = [order("o51", 1, 51, ("p1", "active", "7"))];
    let tip = Position { seq: 51, hash: Hash([1; 32]) };
    again.apply(&[applied(51, "K", &facts)], &[], tip).unwrap();
    let reader = Reader::open(again.path(), hand.folder.path()).unwrap();
    assert_eq!(reader.resources_of(&id("p1")).unwrap().len(), 51);
    assert_eq!(reader.message(50).unwrap().unwrap().at, at(50));
}

#[test]
fn half_a_transaction_at_the_end_is_left_out() {
    let mut hand = Hand::new();
    hand.entry(&[patient("p1", 1, 1, "1")]);
    let position = hand.record.position().unwrap();
    let whole = fs::metadata(hand.folder.path().join("record-wal")).unwrap().len();
    hand.entry(&[patient("p2", 1, 2, "2")]);
    let after = tempfile::tempdir().unwrap();
    fs::copy(hand.folder.path().join("record"), after.path().join("record")).unwrap();
    let ahead = fs::read(hand.folder.path().join("record-wal")).unwrap();
    let cut = usize::try_from(whole).unwrap() + (ahead.len() - usize::try_from(whole).unwrap()) / 2;
    fs::write(after.path().join("record-wal"), &ahead[..cut]).unwrap();
    let again = Record::open(&after.path().join("record"), SITE).unwrap();
    assert_eq!(again.position().unwrap(), position);
}
