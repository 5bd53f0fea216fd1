//! Appending, reading back, opening again.

use std::{fs, os::unix::fs::PermissionsExt, thread};

use crate::common::{Place, SITE, draft, stranger};
use journal::{
    Draft, Entry, Error, Journal, MAX_HEAD_BYTES, Options, Position, Reader, entry_hash, genesis,
};
use proptest::prelude::*;
use rusqlite::Connection;

fn numbers(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.seq).collect()
}

#[test]
fn an_empty_journal_stands_at_the_genesis() {
    let place = Place::new();
    let mut journal = place.open();
    let start = Position { seq: 0, hash: genesis(SITE) };
    assert_eq!(journal.position(), start);
    assert_eq!(journal.append(&[]).unwrap(), start);
    let reader = journal.reader().unwrap();
    assert_eq!(reader.site(), SITE);
    assert_eq!(reader.position().unwrap(), start);
    assert_eq!(reader.get(0).unwrap(), None);
    assert_eq!(reader.get(1).unwrap(), None);
    assert_eq!(reader.for_each_from(1, |_| Err(Error::Busy)).unwrap(), start);
    assert_eq!(reader.verify().unwrap().tip, start);
    let (sound, text) = stranger(&place.path, Some(start));
    assert!(sound, "{text}");
}

#[test]
fn entries_come_back_as_they_went_in() {
    let place = Place::new();
    let mut journal = place.open();
    let long = Draft { at: i64::MIN, head: vec![b' '; 100_000], raw: (0..=255).collect() };
    let drafts = [draft(1), long, Draft { at: i64::MAX, head: vec![], raw: vec![] }];
    let tip = journal.append(&drafts).unwrap();
    let reader = journal.reader().unwrap();
    let entries = reader.read_from(1, 10).unwrap();
    assert_eq!(numbers(&entries), [1, 2, 3]);
    let mut hash = genesis(SITE);
    for (entry, draft) in entries.iter().zip(&drafts) {
        assert_eq!((entry.at, &entry.head, &entry.raw), (draft.at, &draft.head, &draft.raw));
        hash = entry_hash(&hash, entry.seq, draft.at, &draft.head, &draft.raw);
        assert_eq!(entry.hash, hash);
        assert_eq!(reader.get(entry.seq).unwrap().as_ref(), Some(entry));
    }
    assert_eq!(tip, Position { seq: 3, hash });
    assert_eq!(entries[2].position(), tip);
}

#[test]
fn a_part_is_read_from_anywhere() {
    let (place, tip) = Place::with_entries(700);
    let reader = place.reader();
    assert_eq!(numbers(&reader.read_from(0, 2).unwrap()), [1, 2]);
    assert_eq!(numbers(&reader.read_from(699, 9).unwrap()), [699, 700]);
    assert!(reader.read_from(701, 9).unwrap().is_empty());
    assert!(reader.read_from(u64::MAX, 9).unwrap().is_empty());
    assert!(reader.read_from(5, 0).unwrap().is_empty());
    let mut seen = Vec::new();
    let end = reader.for_each_from(2, |entry| {
        seen.push(entry.seq);
        Ok::<_, Error>(())
    });
    assert_eq!(end.unwrap(), tip);
    assert!(seen.into_iter().eq(2..=700));
}

#[test]
fn a_visitor_stops_the_reading_with_its_own_error() {
    #[derive(Debug)]
    enum Stop {
        Journal,
        Here(u64),
    }
    impl From<Error> for Stop {
        fn from(_: Error) -> Self {
            Self::Journal
        }
    }
    let (place, _) = Place::with_entries(10);
    let answer = place.reader().for_each_from(1, |entry| match entry.seq {
        7 => Err(Stop::Here(7)),
        _ => Ok(()),
    });
    assert!(matches!(answer, Err(Stop::Here(7))), "{answer:?}");
}

#[test]
fn a_long_answer_is_cut_but_never_empty() {
    let place = Place::new();
    let mut journal = place.open();
    let long = Draft { at: 0, head: vec![b' '; MAX_HEAD_BYTES], raw: vec![1] };
    journal.append(&[long.clone(), draft(2)]).unwrap();
    let reader = journal.reader().unwrap();
    assert_eq!(numbers(&reader.read_from(1, 10).unwrap()), [1]);
    assert_eq!(numbers(&reader.read_from(2, 10).unwrap()), [2]);
}

#[test]
fn a_second_writer_is_refused_by_whatever_name() {
    let place = Place::new();
    let first = place.open();
    let link = place.directory.path().join("link");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    for path in [&place.path, &link] {
        let second = Journal::open(path, SITE, Options::default());
        assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    }
    drop(first);
    Journal::open(&link, SITE, Options::default()).unwrap();
}

#[test]
fn a_writer_that_wakes_up_late_is_fenced() {
    let place = Place::new();
    let mut late = place.open();
    // Without its file the lock no longer holds others off, as on a file system without locks.
    fs::remove_file(place.path.with_extension("journal-lock")).unwrap();
    let mut other = place.open();
    let tip = other.append(&[draft(1)]).unwrap();
    let answer = late.append(&[draft(2)]);
    assert!(matches!(answer, Err(Error::Fenced)), "{answer:?}");
    assert!(matches!(late.append(&[draft(2)]), Err(Error::Poisoned)));
    assert_eq!(other.reader().unwrap().verify().unwrap().tip, tip);
}

#[test]
fn any_error_poisons_the_journal() {
    let place = Place::new();
    let mut journal = place.open();
    let tip = journal.append(&[draft(1)]).unwrap();
    let answer = journal.append(&[draft(2), Draft { at: 0, head: vec![0xff], raw: vec![] }]);
    assert!(matches!(answer, Err(Error::Refused(_))), "{answer:?}");
    assert!(matches!(journal.append(&[draft(2)]), Err(Error::Poisoned)));
    assert!(matches!(journal.append(&[]), Err(Error::Poisoned)));
    assert_eq!(journal.position(), tip);
    drop(journal);
    assert_eq!(place.open().append(&[draft(2)]).unwrap().seq, 2);
}

#[test]
fn another_site_is_refused() {
    let (place, _) = Place::with_entries(1);
    let answer = Journal::open(&place.path, "RYY", Options::default());
    assert!(matches!(answer, Err(Error::Site { .. })), "{answer:?}");
    let long = "x".repeat(201);
    for name in ["", "a\nb", &long] {
        let answer = Journal::open(&place.path, name, Options::default());
        assert!(matches!(answer, Err(Error::SiteName(_))), "{answer:?}");
    }
}

#[test]
fn what_is_no_journal_is_refused_and_left_alone() {
    let place = Place::new();
    let text = "A letter to the chief pharmacist. ".repeat(100);
    fs::write(&place.path, &text).unwrap();
    assert_foreign(&place);
    assert_eq!(fs::read_to_string(&place.path).unwrap(), text);

    let place = Place::new();
    let other = Connection::open(&place.path).unwrap();
    other.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)").unwrap();
    drop(other);
    let before = fs::read(&place.path).unwrap();
    assert_foreign(&place);
    assert_eq!(fs::read(&place.path).unwrap(), before);
}

fn assert_foreign(place: &Place) {
    let answer = Journal::open(&place.path, SITE, Options::default());
    assert!(matches!(answer, Err(Error::NotAJournal { .. })), "{answer:?}");
    let answer = Reader::open(&place.path);
    assert!(matches!(answer, Err(Error::NotAJournal { .. })), "{answer:?}");
    assert!(!stranger(&place.path, None).0);
}

#[test]
fn a_newer_format_is_refused() {
    let (place, _) = Place::with_entries(1);
    Connection::open(&place.path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let answer = Journal::open(&place.path, SITE, Options::default());
    assert!(matches!(answer, Err(Error::Format { found: 3, known: 2 })), "{answer:?}");
    let answer = Reader::open(&place.path);
    assert!(matches!(answer, Err(Error::Format { found: 3, known: 2 })), "{answer:?}");
}

#[test]
fn a_missing_directory_or_journal_is_named() {
    let place = Place::new();
    let absent = place.directory.path().join("absent/site.journal");
    for path in [&absent, place.directory.path()] {
        let answer = Journal::open(path, SITE, Options::default());
        assert!(matches!(answer, Err(Error::Open { .. })), "{answer:?}");
    }
    let answer = Reader::open(&place.path);
    assert!(matches!(answer, Err(Error::Open { .. })), "{answer:?}");
    assert!(!place.path.exists());
}

#[test]
fn an_empty_file_beside_a_written_ahead_one_is_no_new_journal() {
    let place = Place::new();
    let mut journal = place.open();
    journal.append(&[draft(1)]).unwrap();
    let wal = fs::read(place.wal()).unwrap();
    drop(journal);
    fs::write(&place.path, b"").unwrap();
    fs::write(place.wal(), &wal).unwrap();
    let answer = Journal::open(&place.path, SITE, Options::default());
    assert!(matches!(answer, Err(Error::NotAJournal { .. })), "{answer:?}");
    assert_eq!(fs::read(place.wal()).unwrap(), wal);
}

#[test]
fn a_copy_by_vacuum_is_a_journal_too() {
    let (place, tip) = Place::with_entries(3);
    let copy = Place::new();
    let source = Connection::open(&place.path).unwrap();
    source.execute("VACUUM INTO ?1", [copy.path.to_str().unwrap()]).unwrap();
    assert_eq!(copy.reader().verify().unwrap().tip, tip);
    assert_eq!(copy.open().append(&[draft(4)]).unwrap().seq, 4);
    assert_eq!(copy.reader().verify().unwrap().entries, 4);
}

#[test]
fn the_files_are_not_for_everybody() {
    let place = Place::new();
    let mut journal = place.open();
    journal.append(&[draft(1)]).unwrap();
    for file in fs::read_dir(place.directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{mode:o}");
    }
}

#[test]
fn readers_follow_a_writer_through_checkpoints() {
    let place = Place::new();
    let options = Options { checkpoint_bytes: 20_000, ..Options::default() };
    let mut journal = Journal::open(&place.path, SITE, options).unwrap();
    let reader = journal.reader().unwrap();
    let follower = thread::spawn(move || {
        let (mut next, mut rounds) = (1, 0_u64);
        while next <= 2_000 {
            for entry in reader.read_from(next, 50).unwrap() {
                assert_eq!(entry.seq, next);
                next += 1;
            }
            rounds += 1;
            thread::yield_now();
        }
        (reader.verify().unwrap(), rounds)
    });
    let mut tip = journal.position();
    for batch in 0..200 {
        let drafts: Vec<_> = (1..=10).map(|number| draft(batch * 10 + number)).collect();
        tip = journal.append(&drafts).unwrap();
    }
    let (verified, _) = follower.join().unwrap();
    assert_eq!((verified.entries, verified.tip), (2_000, tip));
    let main = fs::metadata(&place.path).unwrap().len();
    assert!(main > 300_000, "the main file grows while the writer runs: {main}");
}

#[test]
fn the_stranger_reads_beside_the_writer() {
    let place = Place::new();
    let mut journal = place.open();
    let first = journal.append(&[draft(1), draft(2)]).unwrap();
    let (sound, text) = stranger(&place.path, Some(first));
    assert!(sound && text.contains(&format!("tip     {first}")), "{text}");
    assert!(text.contains("2023-11-14T22:13:20Z"), "{text}");
    let second = journal.append(&[draft(3)]).unwrap();
    let (sound, text) = stranger(&place.path, Some(first));
    assert!(sound && text.contains(&format!("tip     {second}")), "{text}");
    drop(journal);
    let (sound, text) = stranger(&place.path, Some(second));
    assert!(sound, "{text}");
    assert_eq!(place.open().append(&[draft(4)]).unwrap().seq, 4);
}

#[test]
fn a_full_journal_says_so_and_goes_on_when_there_is_space() {
    let place = Place::new();
    let options = Options { max_pages: Some(20), ..Options::default() };
    let mut journal = Journal::open(&place.path, SITE, options).unwrap();
    let batch: Vec<_> = (0..100).map(draft).collect();
    let mut acknowledged = journal.position();
    let error = loop {
        match journal.append(&batch) {
            Ok(position) => acknowledged = position,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::DiskFull), "{error:?}");
    assert!(acknowledged.seq > 0);
    assert!(matches!(journal.append(&batch), Err(Error::Poisoned)));
    drop(journal);
    let mut journal = place.open();
    assert_eq!(journal.position(), acknowledged, "nothing is half written");
    let tip = journal.append(&batch).unwrap();
    assert_eq!(tip.seq, acknowledged.seq + 100);
    assert_eq!(place.reader().verify().unwrap().tip, tip);
}

fn any_draft() -> impl Strategy<Value = Draft> {
    let bytes = prop_oneof![0..60_usize, 3_900..4_300_usize, 16_000..40_000_usize];
    (any::<i64>(), ".{0,40}", bytes, any::<u8>()).prop_map(|(at, text, length, byte)| Draft {
        at,
        head: text.into_bytes(),
        raw: vec![byte; length],
    })
}

fn any_history() -> impl Strategy<Value = Vec<(Vec<Draft>, bool)>> {
    prop::collection::vec((prop::collection::vec(any_draft(), 0..6), any::<bool>()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever is appended, and however often the journal is opened anew, what is read is what
    /// was written, in order, and the chain holds.
    #[test]
    fn any_history_reads_back_and_verifies(history in any_history(), page in 9..=16_u32) {
        let place = Place::new();
        let options =
            Options { page_bytes: 1 << page, checkpoint_bytes: 30_000, ..Options::default() };
        let mut journal = Journal::open(&place.path, SITE, options.clone()).unwrap();
        let mut written = Vec::new();
        for (batch, reopen) in history {
            let position = journal.append(&batch).unwrap();
            written.extend(batch);
            prop_assert_eq!(position.seq, written.len() as u64);
            if reopen {
                drop(journal);
                journal = Journal::open(&place.path, SITE, options.clone()).unwrap();
                prop_assert_eq!(journal.position(), position);
            }
        }
        let reader = journal.reader().unwrap();
        let read = reader.read_from(1, usize::MAX).unwrap();
        prop_assert!(numbers(&read).into_iter().eq(1..=written.len() as u64));
        for (entry, draft) in read.into_iter().zip(&written) {
            prop_assert_eq!(&Draft { at: entry.at, head: entry.head, raw: entry.raw }, draft);
        }
        let verified = reader.verify_expecting(&journal.position()).unwrap();
        let bytes: usize = written.iter().map(|draft| draft.head.len() + draft.raw.len()).sum();
        prop_assert_eq!(verified.bytes, bytes as u64);
        prop_assert_eq!(verified.first_at, written.first().map(|draft| draft.at));
        prop_assert_eq!(verified.last_at, written.last().map(|draft| draft.at));
    }
}
