//! What an engine does when the journal's older part is sealed, moved, dropped and thinned out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::{Clock, Command, Engine, Keeping, Options, make_base};
use journal::{Durability, Journal, Keep as _, Sealing, segments};
use medicines::deliveries::Forward;
use medicines::filing::Keep as Kept;
use medicines::{Answer, Item, Problem, ProblemCode, Request, Site};
use record::Record;

fn journal_of(folder: &Path) -> PathBuf {
    folder.join("journal.sqlite3")
}

fn site() -> Site {
    let item = |code: &str, witness| Item {
        code: code.into(),
        name: code.into(),
        unit: "tablet".into(),
        witness,
        ..Item::default()
    };
    Site {
        code: "RXX".into(),
        items: vec![item("OXY5", true), item("PARA", false)],
        ..Site::default()
    }
}

fn start(folder: &Path) -> Engine {
    let options = Options {
        journal: journal_of(folder),
        record: folder.join("record.sqlite3"),
        site: site(),
        clock: Clock::system(),
        durability: Durability::Full,
    };
    Engine::start(options).unwrap()
}

/// Parks a message: an entry with bytes and a case, which is all that is needed here.
fn send(engine: &Engine, key: &str) -> engine::Receipt {
    let problem = Problem::new(ProblemCode::Malformed, "it cannot be read");
    let command = Command {
        channel: Arc::from("pas"),
        key: Some(key.to_owned()),
        by: "pas".into(),
        message_type: Some("ADT^A01".into()),
        control_id: Some(key.to_owned()),
        received: engine.clock().now(),
        request: Request::Park(problem),
        raw: format!("MSH|{key}").into_bytes(),
    };
    engine.submit_blocking(command).unwrap()
}

/// Ends an engine and seals what it wrote in segments of ten entries.
fn end_and_seal(engine: Engine, folder: &Path) -> u64 {
    drop(engine);
    for _ in 0..500 {
        if let Ok(mut journal) =
            Journal::open(&journal_of(folder), "RXX", journal::Options::default())
        {
            let sealing = Sealing { segment_entries: 10, keep_entries: 5, key: None };
            return journal.seal(&sealing).unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the engine did not end");
}

fn dump(folder: &Path) -> Vec<u8> {
    let record = Record::open(&folder.join("record.sqlite3"), "RXX").unwrap();
    let mut out = Vec::new();
    record.dump(&mut out).unwrap();
    out
}

#[test]
fn a_record_is_made_anew_from_a_base_when_the_oldest_segments_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    (0..40).for_each(|number| drop(send(&engine, &format!("k{number}"))));
    assert_eq!(end_and_seal(engine, folder.path()), 3);
    let (journal, record) = (journal_of(folder.path()), folder.path().join("record.sqlite3"));

    // Without a base what is gone is gone, and it is said before anything is put in its place.
    let first = segments(&journal).unwrap()[0].clone();
    let aside = folder.path().join("aside");
    fs::rename(first.path(), &aside).unwrap();
    let error = engine::rebuild(&journal, &record).unwrap_err().to_string();
    assert!(error.contains("no base"), "{error}");
    fs::rename(&aside, first.path()).unwrap();
    engine::rebuild(&journal, &record).unwrap();

    make_base(&journal, &record, None).unwrap();
    let engine = start(folder.path());
    (40..60).for_each(|number| drop(send(&engine, &format!("k{number}"))));
    drop(engine);
    std::thread::sleep(Duration::from_millis(200));
    let lock = Journal::open(&journal, "RXX", journal::Options::default()).unwrap();
    let before = dump(folder.path());
    for segment in &segments(&journal).unwrap()[..2] {
        segment.drop_file().unwrap();
    }
    let rebuilt = engine::rebuild(&journal, &record).unwrap();
    assert_eq!(rebuilt.position, lock.position());
    assert!(dump(folder.path()) == before, "the record is the same to the byte");
    drop(lock);

    // The node goes on, and a repeat of what is gone is not acted on a second time.
    let engine = start(folder.path());
    assert!(send(&engine, "k59").duplicate);
    let again = send(&engine, "k3");
    let Answer::Parked(problem) = &again.answer else { panic!("{again:?}") };
    assert_eq!((again.duplicate, problem.code), (false, ProblemCode::ControlIdReused));
    assert!(send(&engine, "k3").duplicate);
    assert!(engine.stopped().borrow().is_none());
}

#[test]
fn a_base_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    (0..40).for_each(|number| drop(send(&engine, &format!("k{number}"))));
    end_and_seal(engine, folder.path());
    let (journal, record) = (journal_of(folder.path()), folder.path().join("record.sqlite3"));
    let base = make_base(&journal, &record, None).unwrap();
    let snapshot = journal::folder_of(&journal).join(format!("base-{:012}.record", base.seq));
    let changed = with_another_control_id(&snapshot);
    segments(&journal).unwrap()[0].drop_file().unwrap();
    fs::write(&snapshot, changed).unwrap();
    let error = engine::rebuild(&journal, &record).unwrap_err().to_string();
    assert!(error.contains("not what was sealed"), "{error}");
}

/// The snapshot with another control id in it: still a record, but not the one that was sealed.
fn with_another_control_id(snapshot: &Path) -> Vec<u8> {
    let mut bytes = fs::read(snapshot).unwrap();
    for at in 0..bytes.len() - 3 {
        if &bytes[at..at + 3] == b"k17" {
            bytes[at + 2] = b'x';
        }
    }
    bytes
}

#[test]
fn what_is_kept_is_decided_anew_while_the_engine_runs() {
    static AHEAD_S: AtomicI64 = AtomicI64::new(0);
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::steered("2026-11-20T10:00:00Z".parse().unwrap(), &AHEAD_S);
    let options = Options {
        journal: journal_of(folder.path()),
        record: folder.path().join("record.sqlite3"),
        site: site(),
        clock,
        durability: Durability::Full,
    };
    let sealing = Sealing { segment_entries: 10, keep_entries: 5, key: None };
    let keeping = Keeping { sealing, controlled_days: 731, ..Keeping::default() };
    let engine = Engine::start_keeping(options, &keeping).unwrap();
    let receipts: Vec<_> = (0..25).map(|number| send(&engine, &format!("k{number}"))).collect();
    let first = receipts[0].seq;
    let until = |what: &str, is: &dyn Fn() -> bool| {
        let found = (0..3_000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            is()
        });
        assert!(found, "{what}");
    };
    let sealed = || segments(&journal_of(folder.path())).unwrap();
    until("two segments are sealed", &|| {
        sealed().iter().filter(|segment| segment.is_here && segment.is_sealed).count() >= 2
    });
    // What comes next lets go of what is sealed in the main file.
    (25..29).for_each(|number| drop(send(&engine, &format!("k{number}"))));
    // A reader remembers the last block that it read, so that each look is a new one's.
    let read = |seq| engine.journal().unwrap().get(seq).unwrap().unwrap();
    let is_removed = || read(first).removed.is_some();
    AHEAD_S.store(800 * 24 * 60 * 60, Ordering::Relaxed);
    engine.keep_by(&keeping, &site());
    std::thread::sleep(Duration::from_secs(1));
    assert!(!is_removed(), "nobody said that anything may go");

    let shorter = Keeping { retention_days: [("pas".to_owned(), 30)].into(), ..keeping };
    engine.keep_by(&shorter, &site());
    until("what may go now is gone", &is_removed);
    assert!(engine.journal().unwrap().verify().is_ok(), "the chain verifies as before");
    let newest = read(receipts[24].seq);
    assert!(newest.removed.is_none() && !newest.raw.is_empty());
}

#[test]
fn what_waits_to_go_on_as_it_came_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    let send = |key: &str, to: &[&str]| {
        let forward = Forward {
            to: to.iter().map(|name| Arc::from(*name)).collect(),
            patient: Vec::new(),
            request: Box::new(Request::Keep(Kept { why: "no mapper", patient: Vec::new() })),
        };
        let command = Command {
            channel: Arc::from("pas"),
            key: Some(key.to_owned()),
            by: "pas".into(),
            message_type: Some("ZZZ^Z01".into()),
            control_id: Some(key.to_owned()),
            received: engine.clock().now(),
            request: Request::Forward(Box::new(forward)),
            raw: format!("MSH|{key}").into_bytes(),
        };
        engine.submit_blocking(command).unwrap().seq
    };
    let (kept, waits) = (send("k1", &[]), send("k2", &["to-archive"]));
    // The record holds both.
    drop(engine.readers().get().unwrap());
    let keeping = Keeping { retention_days: [("pas".to_owned(), 30)].into(), ..Keeping::default() };
    let aged = |seq: u64, days: i64| {
        let mut entry = engine.journal().unwrap().get(seq).unwrap().unwrap();
        entry.at -= days * 24 * 60 * 60 * 1_000_000;
        entry
    };
    let record = folder.path().join("record.sqlite3");
    let later = Clock::scaled("2100-01-01T00:00:00Z".parse().unwrap(), 1);
    let mut keep = keeping.keep(&site(), later).sparing(&record, &journal_of(folder.path()));
    assert!(keep.latest().is_some());
    assert!(!keep.keeps(&aged(kept, 0)), "its time is over");
    assert!(keep.keeps(&aged(waits, 0)), "it was not sent yet");
    assert!(!keep.keeps(&aged(waits, 1)), "what was queued before the oldest that waits has ended");
    let nowhere = folder.path().join("nowhere");
    let mut blind = keeping.keep(&site(), later).sparing(&nowhere, &journal_of(folder.path()));
    assert!(blind.latest().is_none(), "where the queues cannot be seen nothing goes");
}

/// One release, whatever digest is asked for.
#[derive(Debug)]
struct One(Arc<terminology::Index>);

impl engine::Dictionaries for One {
    fn index(&self, _: &str) -> Option<Arc<terminology::Index>> {
        Some(Arc::clone(&self.0))
    }
}

#[test]
fn what_dmd_alone_calls_a_controlled_drug_is_held_too() {
    let folder = tempfile::tempdir().unwrap();
    let index = terminology::synthetic::import().unwrap().index;
    let two = terminology::ControlledDrug::Schedule2;
    let morphine = index.vmps().find(|vmp| vmp.controlled() == two).unwrap().id();
    let item = |code: &str, dmd: Option<String>| Item {
        code: code.into(),
        name: code.into(),
        unit: "tablet".into(),
        codings: vec![("https://rxx.nhs.uk/Id/fdb".into(), format!("F-{code}"))],
        dmd,
        ..Item::default()
    };
    let items = vec![item("MORPH", Some(morphine.to_string())), item("PARA", None)];
    let site = Site { code: "RXX".into(), items, ..Site::default() };
    let (record, journal) = (folder.path().join("record.sqlite3"), journal_of(folder.path()));
    let options = Options {
        journal: journal.clone(),
        record: record.clone(),
        site: site.clone(),
        clock: Clock::system(),
        durability: Durability::Full,
    };
    let keeping = Keeping { retention_days: [("pas".to_owned(), 30)].into(), ..Keeping::default() };
    let one = Arc::new(One(Arc::new(index)));
    let engine = Engine::start_with(options, &keeping, one).unwrap();
    let receipt = send(&engine, "k1");
    drop(engine.readers().get().unwrap());
    let parked = engine.journal().unwrap().get(receipt.seq).unwrap().unwrap();
    let check = |told: &str, age: i64, expected: bool| {
        let mut keep = keeping.keep(&site, engine.clock()).sparing(&record, &journal);
        assert!(keep.latest().is_some());
        let mut entry = parked.clone();
        entry.at -= age * 24 * 60 * 60 * 1_000_000;
        let mut head: serde_json::Value = serde_json::from_slice(&entry.head).unwrap();
        head["answer"] = "done".into();
        head["type"] = told.into();
        entry.head = serde_json::to_vec(&head).unwrap();
        assert_eq!(keep.keeps(&entry), expected, "{told} of {age} days");
    };
    check("MORPH", 31, false);
    let release = medicines::Dictionary {
        digest: "ab".repeat(32),
        day: None,
        synthetic: true,
        changes: vec![],
        by: "P1".into(),
        at: engine.clock().now(),
    };
    for request in [Request::TakeOver(Box::new(release)), Request::Tick] {
        let command = Command {
            channel: Arc::from("dictionary"),
            key: None,
            by: "P1".into(),
            message_type: None,
            control_id: None,
            received: engine.clock().now(),
            request,
            raw: Vec::new(),
        };
        engine.submit_blocking(command).unwrap();
    }
    drop(engine.readers().get().unwrap());
    check("MORPH", 29, true);
    for told in ["MORPH", "F-MORPH", &morphine.to_string()] {
        check(told, 31, true);
    }
    check("MORPH", 2_558, false);
    check("F-PARA", 31, false);
}

#[test]
fn what_is_kept_and_for_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let engine = start(folder.path());
    let receipt = send(&engine, "k1");
    let journal = engine.journal().unwrap();
    let parked = journal.get(receipt.seq).unwrap().unwrap();
    let day = 24 * 60 * 60 * 1_000_000_i64;
    let entry = |age: i64, text: &str, answer: &str| {
        let mut entry = parked.clone();
        entry.at = engine.clock().now().as_microsecond() - age * day;
        let head = String::from_utf8(parked.head.clone()).unwrap();
        let from = head.find("\"answer\":").unwrap();
        let to = head.find(",\"facts\"").unwrap();
        let head = format!("{}\"answer\":{answer}{}", &head[..from], &head[to..]);
        entry.head = head.replace("it cannot be read", text).into_bytes();
        entry
    };
    let keeping = Keeping { retention_days: [("pas".to_owned(), 30)].into(), ..Keeping::default() };
    let mut keep = keeping.keep(&site(), engine.clock());
    let parked_answer = {
        let head = String::from_utf8(parked.head.clone()).unwrap();
        let from = head.find("\"answer\":").unwrap() + 9;
        head[from..head.find(",\"facts\"").unwrap()].to_owned()
    };
    for (age, text, answer, kept) in [
        (29, "x", "\"done\"", true),
        (31, "x", "\"done\"", false),
        (31, "\\\"PARA\\\"", "\"done\"", false),
        (31, "x", parked_answer.as_str(), true),
        (2_556, "x", parked_answer.as_str(), true),
        (2_558, "x", parked_answer.as_str(), false),
    ] {
        assert_eq!(keep.keeps(&entry(age, text, answer)), kept, "{age} days, {text}, {answer}");
    }
    let mut controlled = entry(31, "x", "\"done\"");
    let head = String::from_utf8(controlled.head.clone()).unwrap();
    controlled.head = head.replace("\"ADT^A01\"", "\"OXY5\"").into_bytes();
    assert!(keep.keeps(&controlled), "what names a controlled drug is held");
    controlled.at -= 2_557 * day;
    assert!(!keep.keeps(&controlled));
    let mut short = Keeping { controlled_days: 1, ..keeping }.keep(&site(), engine.clock());
    controlled.at += 2_557 * day;
    assert!(short.keeps(&controlled), "the legal minimum cannot be set lower");
    let mut other = Keeping::default().keep(&site(), engine.clock());
    assert!(other.latest().is_none() && other.keeps(&entry(9_999, "x", "\"done\"")));
}
