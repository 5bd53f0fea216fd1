//! The engine on real files: what it answers is durable, once, and makes the same record again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::sync::Arc;

use engine::{Clock, Command, Engine, Options, Receipt};
use fhir::ResourceType;
use fhir::resources::{Encounter, EncounterLocation, EncounterStatus, Patient};
use fhir::types::{Coding, Identifier, Reference};
use journal::Durability;
use medicines::patients::{PatientEvent, PatientMessage};
use medicines::{Answer, Cabinet, Problem, ProblemCode, Request, Site};
use record::Record;

const NHS: &str = "https://fhir.nhs.uk/Id/nhs-number";

fn options(folder: &Path) -> Options {
    let cabinet = Cabinet {
        system: "ADC".into(),
        station: "A1".into(),
        wards: vec!["WARDA".into()],
        channel: Some("to-a".into()),
    };
    Options {
        journal: folder.join("journal.sqlite3"),
        record: folder.join("record.sqlite3"),
        site: Site { code: "RXX".into(), cabinets: vec![cabinet], ..Site::default() },
        clock: Clock::scaled("2026-11-20T08:00:00Z".parse().unwrap(), 1),
        durability: Durability::Full,
    }
}

fn admission(number: usize, engine: &Engine) -> Request {
    let mut patient = Patient::new();
    patient.identifier = vec![Identifier::of(NHS, &format!("99900{number:05}"))];
    let class = Coding::of(fhir::systems::ACT_CODE, "IMP", None);
    let mut encounter = Encounter::new(EncounterStatus::InProgress, class);
    encounter.identifier = vec![Identifier::of("visit", &number.to_string())];
    let ward = Reference::by_identifier(ResourceType::Location, Identifier::of("ward", "WARDA"));
    encounter.location = vec![EncounterLocation::new(ward)];
    Request::Patient(Box::new(PatientMessage {
        event: PatientEvent::A01,
        patient,
        deleted: vec![],
        encounter: Some(encounter),
        ward: Some("WARDA".into()),
        allergies: None,
        activity: engine.clock().now(),
    }))
}

fn command(engine: &Engine, key: &str, raw: &str, request: Request) -> Command {
    Command {
        channel: Arc::from("pas"),
        key: Some(key.to_owned()),
        by: "pas".into(),
        message_type: Some("ADT^A01".into()),
        control_id: Some(key.to_owned()),
        received: engine.clock().now(),
        request,
        raw: raw.as_bytes().to_vec(),
    }
}

fn admit(engine: &Engine, number: usize) -> Receipt {
    let request = admission(number, engine);
    let key = format!("k{number}");
    engine.submit_blocking(command(engine, &key, &key, request)).unwrap()
}

fn dump(folder: &Path) -> Vec<u8> {
    let record = Record::open(&folder.join("record.sqlite3"), "RXX").unwrap();
    let mut out = Vec::new();
    record.dump(&mut out).unwrap();
    out
}

/// Ends an engine and waits until its files are free.
fn end(engine: Engine, folder: &Path) {
    drop(engine);
    // Whoever closes the record last takes its write-ahead file away.
    let written_ahead = folder.join("record.sqlite3-wal");
    for _ in 0..500 {
        if written_ahead.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
            continue;
        }
        let journal = journal::Journal::open(
            &folder.join("journal.sqlite3"),
            "RXX",
            journal::Options::default(),
        );
        if journal.is_ok() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the engine did not end");
}

#[test]
fn an_answer_is_durable_and_visible() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(options(folder.path())).unwrap();
    let receipt = admit(&engine, 1);
    assert_eq!(receipt.answer, Answer::Done);
    let entry = engine.journal().unwrap().get(receipt.seq).unwrap().unwrap();
    assert_eq!(entry.raw, b"k1");
    let readers = engine.readers();
    let reader = readers.get().unwrap();
    assert_eq!(reader.count(ResourceType::Patient).unwrap(), 1);
    assert!(*engine.progress().borrow() >= receipt.seq, "a reader waits for the record");
}

#[test]
fn a_repeat_gets_the_same_answer_and_has_no_effect() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(options(folder.path())).unwrap();
    let first = admit(&engine, 1);
    let again = admit(&engine, 1);
    assert!(again.duplicate && !first.duplicate);
    assert_eq!((again.seq, again.at, &again.answer), (first.seq, first.at, &first.answer));
    end(engine, folder.path());
    let engine = Engine::start(options(folder.path())).unwrap();
    let later = admit(&engine, 1);
    assert!(later.duplicate, "a repeat is known after a restart");
    assert_eq!((later.seq, later.at, later.answer), (first.seq, first.at, first.answer));
    let count = engine.readers().get().unwrap().count(ResourceType::Patient).unwrap();
    assert_eq!(count, 1);
}

#[test]
fn a_key_used_for_another_body_is_kept_and_not_acted_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(options(folder.path())).unwrap();
    admit(&engine, 1);
    let other = || command(&engine, "k1", "other bytes", admission(2, &engine));
    let receipt = engine.submit_blocking(other()).unwrap();
    let Answer::Parked(Problem { code, .. }) = receipt.answer else { panic!("it was acted on") };
    assert_eq!(code, ProblemCode::ControlIdReused);
    let again = engine.submit_blocking(other()).unwrap();
    assert!(again.duplicate && again.seq == receipt.seq, "its repeat opens no second case");
    let reader = engine.readers();
    let reader = reader.get().unwrap();
    assert_eq!(reader.count(ResourceType::Patient).unwrap(), 1);
    assert_eq!(engine.journal().unwrap().get(receipt.seq).unwrap().unwrap().raw, b"other bytes");
}

#[test]
fn a_rebuilt_record_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(options(folder.path())).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let engine = &engine;
            scope.spawn(move || {
                for n in 0..50 {
                    admit(engine, worker * 1000 + n);
                }
            });
        }
    });
    end(engine, folder.path());
    let before = dump(folder.path());
    assert!(before.len() > 100_000);
    let journal = folder.path().join("journal.sqlite3");
    let rebuilt = engine::rebuild(&journal, &folder.path().join("record.sqlite3")).unwrap();
    assert_eq!(rebuilt.entries, 401);
    assert!(dump(folder.path()) == before, "the rebuilt record differs");
}

#[test]
fn a_record_that_is_lost_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::start(options(folder.path())).unwrap();
    admit(&engine, 1);
    end(engine, folder.path());
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("record.sqlite3{suffix}")));
    }
    let engine = Engine::start(options(folder.path())).unwrap();
    assert_eq!(engine.readers().get().unwrap().count(ResourceType::Patient).unwrap(), 1);
}

#[test]
fn a_file_that_is_no_record_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record.sqlite3");
    std::fs::write(&path, "somebody's letters").unwrap();
    let refused = Engine::start(options(folder.path())).unwrap_err();
    assert!(refused.to_string().contains("is not a record"), "{refused}");
    assert_eq!(std::fs::read(&path).unwrap(), b"somebody's letters");
}

#[test]
fn the_configuration_is_a_fact_once() {
    let folder = tempfile::tempdir().unwrap();
    end(Engine::start(options(folder.path())).unwrap(), folder.path());
    let engine = Engine::start(options(folder.path())).unwrap();
    drop(engine.readers().get().unwrap());
    assert_eq!(*engine.progress().borrow(), 1);
    assert_eq!(engine.journal().unwrap().position().unwrap().seq, 1);
}

#[test]
fn a_second_engine_cannot_write_the_same_journal() {
    let folder = tempfile::tempdir().unwrap();
    let _engine = Engine::start(options(folder.path())).unwrap();
    let second = Engine::start(options(folder.path()));
    assert!(second.is_err_and(|error| error.to_string().contains("journal")));
}
