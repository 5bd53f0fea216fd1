//! Segments: sealed, verified by both, read from, moved, dropped, and killed at every step.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use journal::{
    Broken, Draft, Entry, Error, Journal, Keep, Options, Position, Reader, Seal, Sealing,
    SigningKey, Why, segments,
};
use rusqlite::Connection;

use crate::common::{Place, SITE, draft, stranger};

const SIZE: u64 = 40;

fn sealing() -> Sealing {
    Sealing { segment_entries: SIZE, keep_entries: 10, key: None }
}

/// A closed journal of 200 entries, the first four segments of which are sealed.
fn sealed() -> (Place, Position) {
    let (place, tip) = Place::with_entries(200);
    assert_eq!(place.open().seal(&sealing()).unwrap(), 4);
    (place, tip)
}

fn segment_path(place: &Place, nth: usize) -> PathBuf {
    segments(&place.path).unwrap()[nth].path()
}

/// Everything is there, as it was appended, by whatever way it is read.
fn assert_whole(place: &Place, tip: Position) {
    let reader = place.reader();
    let verified = reader.verify_expecting(&tip).unwrap();
    assert_eq!((verified.entries, verified.tip), (tip.seq, tip));
    assert_eq!(verified.away, []);
    assert_same(&reader.read_from(1, usize::MAX).unwrap(), 1..=tip.seq);
    let (sound, text) = stranger(&place.path, Some(tip));
    assert!(sound && text.contains(&format!("entries {}\n", tip.seq)), "{text}");
}

fn assert_same(entries: &[Entry], numbers: impl Iterator<Item = u64>) {
    assert!(entries.iter().map(|entry| entry.seq).eq(numbers));
    for entry in entries {
        let expected = draft(entry.seq);
        assert_eq!((&entry.head, &entry.raw), (&expected.head, &expected.raw));
        assert_eq!((entry.at, entry.removed), (expected.at, None));
    }
}

fn assert_broken(place: &Place, seq: u64, expected: &Why) {
    let Broken { seq: found, why } = place.reader().verify().unwrap_err();
    let same = std::mem::discriminant(&why) == std::mem::discriminant(expected);
    assert!(found == seq && same, "entry {found}: {why:?}");
    let (sound, text) = stranger(&place.path, None);
    assert!(!sound && text.starts_with("BROKEN"), "{text}");
}

#[test]
fn sealed_entries_leave_the_main_file_and_are_read_as_before() {
    let (place, tip) = sealed();
    assert_whole(&place, tip);
    let reader = place.reader();
    assert_eq!(reader.base().unwrap().seq, 160);
    assert_same(&reader.read_from(39, 4).unwrap(), 39..=42);
    assert_same(&reader.read_from(158, 5).unwrap(), 158..=162);
    assert_same(&[reader.get(77).unwrap().unwrap()], 77..=77);
    let mut seen = Vec::new();
    let end = reader.for_each_from(100, |entry| {
        seen.push(entry.seq);
        Ok::<_, Error>(())
    });
    assert_eq!(end.unwrap(), tip);
    assert!(seen.into_iter().eq(100..=200));
    let rows: i64 = Connection::open(&place.path)
        .unwrap()
        .query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 40);
    let mut journal = place.open();
    assert_eq!(journal.position(), tip);
    let tip = journal.append(&[draft(201)]).unwrap();
    drop(journal);
    assert_whole(&place, tip);
}

#[test]
fn a_main_file_of_which_everything_is_sealed_goes_on() {
    let (place, tip) = Place::with_entries(80);
    let all = Sealing { keep_entries: 0, ..sealing() };
    assert_eq!(place.open().seal(&all).unwrap(), 2);
    assert_eq!(place.reader().base().unwrap(), tip);
    assert_eq!(place.reader().position().unwrap(), tip);
    assert_whole(&place, tip);
    let tip = place.open().append(&[draft(81)]).unwrap();
    assert_eq!(tip.seq, 81);
    assert_whole(&place, tip);
}

#[test]
fn the_thread_seals_while_batches_come() {
    let place = Place::new();
    let mut journal = place.open();
    let told = |error: &Error| panic!("{error}");
    journal.seal_beside(sealing(), None, told).unwrap();
    let mut tip = journal.position();
    for batch in 0..400 {
        let drafts: Vec<Draft> = (1..=5).map(|number| draft(batch * 5 + number)).collect();
        tip = journal.append(&drafts).unwrap();
        if batch % 100 == 99 {
            std::thread::sleep(Duration::from_millis(600));
        }
    }
    while segments(&place.path).unwrap().iter().filter(|segment| segment.is_sealed).count() < 49 {
        std::thread::sleep(Duration::from_millis(20));
    }
    for number in 2_001..=2_100 {
        tip = journal.append(&[draft(number)]).unwrap();
    }
    assert!(journal.reader().unwrap().base().unwrap().seq > 0, "the main file was emptied");
    drop(journal);
    assert_whole(&place, tip);
}

#[test]
fn a_segment_is_verified_alone_wherever_it_lies() {
    let (place, _) = sealed();
    let elsewhere = tempfile::tempdir().unwrap();
    let second = &segments(&place.path).unwrap()[1];
    let copy = elsewhere.path().join("copied.segment");
    fs::copy(second.path(), &copy).unwrap();
    let verified = Reader::verify_segment(&copy).unwrap();
    let seal = second.seal().unwrap();
    assert_eq!((verified.entries, verified.tip, verified.seals), (SIZE, seal.to, 0));
    let (sound, text) = stranger(&copy, Some(seal.to));
    assert!(sound && text.contains(&format!("tip     {}", seal.to)), "{text}");

    // With the seal of another segment beside it it does not pass.
    let other = segments(&place.path).unwrap()[2].seal_path();
    fs::copy(other, copy.with_extension("seal")).unwrap();
    assert!(Reader::verify_segment(&copy).is_err());
    assert!(!stranger(&copy, None).0);
}

#[test]
fn a_moved_segment_is_away_and_never_broken() {
    let (place, tip) = sealed();
    let elsewhere = tempfile::tempdir().unwrap();
    let second = segments(&place.path).unwrap()[1].clone();
    let there = second.move_to(elsewhere.path()).unwrap();
    assert_eq!(Reader::verify_segment(&there).unwrap().seals, 1);
    assert!(stranger(&there, None).0);

    let reader = place.reader();
    assert!(matches!(reader.get(41), Err(Error::Moved { seq: 41, .. })));
    assert!(matches!(reader.read_from(30, 20), Err(Error::Moved { seq: 41, .. })));
    assert!(matches!(reader.get(80), Err(Error::Moved { .. })));
    assert_same(&reader.read_from(81, 100).unwrap(), 81..=180);
    let verified = reader.verify_expecting(&tip).unwrap();
    assert_eq!((verified.entries, verified.away), (160, vec![(41, 80)]));
    let (sound, text) = stranger(&place.path, Some(tip));
    assert!(sound && text.contains("away    000000000041-000000000080.segment"), "{text}");
    assert_eq!(place.open().append(&[draft(201)]).unwrap().seq, 201);

    fs::rename(&there, second.path()).unwrap();
    assert_same(&reader.read_from(30, 20).unwrap(), 30..=49);
    let dropped = &segments(&place.path).unwrap()[0];
    dropped.drop_file().unwrap();
    assert_eq!(place.reader().verify().unwrap().away, [(1, 40)]);
}

#[test]
fn damage_in_a_segment_and_in_a_seal_is_found() {
    let check = |nth: usize, damage: &str, seq: u64, why: &Why| {
        let (place, _) = sealed();
        let path = segment_path(&place, nth);
        Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        assert_broken(&place, seq, why);
    };
    let unreadable = Why::Unreadable(String::new());
    check(1, "UPDATE block SET before = zeroblob(32)", 41, &Why::Altered);
    check(1, "UPDATE block SET tip = zeroblob(32)", 41, &Why::Altered);
    check(1, "UPDATE block SET raws = heads", 41, &unreadable);
    check(1, "UPDATE block SET items = substr(items, 2)", 41, &unreadable);
    check(1, "DELETE FROM block", 80, &unreadable);
    check(2, "UPDATE block SET last = 'x'", 120, &Why::Misshapen);

    let (place, _) = sealed();
    let seal = segments(&place.path).unwrap()[1].seal_path();
    let text = fs::read_to_string(&seal).unwrap();
    fs::write(&seal, text.replacen("to 80:", "to 80:0", 1)).unwrap();
    assert_broken(&place, 41, &unreadable);
    fs::remove_file(&seal).unwrap();
    assert_broken(&place, 41, &unreadable);
}

#[test]
fn a_forged_seal_is_no_way_round_the_chain() {
    let (place, _) = sealed();
    let second = &segments(&place.path).unwrap()[1];
    let mut seal: Seal = second.seal().unwrap();
    seal.to.hash = journal::genesis("RYY");
    fs::remove_file(second.path()).unwrap();
    fs::write(second.seal_path(), seal.to_string()).unwrap();
    // What follows on the segment that is away does not follow on the forged end.
    assert_broken(&place, 81, &Why::Altered);
}

/// The commands of the first block of a manual that has this word in it.
fn commands(manual: &str, word: &str) -> String {
    let mut blocks = manual.split("```").skip(1).step_by(2);
    let block = blocks.find(|block| block.contains(word)).unwrap();
    block.split_once('\n').unwrap().1.to_owned()
}

/// Runs commands in a folder: whether the last went well, and what they said.
fn shell(folder: &Path, key: &str, commands: &str) -> (bool, String) {
    let mut run = Command::new("sh");
    run.args(["-e", "-c", commands]).env("KEY", key).current_dir(folder).stdin(Stdio::null());
    let output = run.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// What the manuals say of OpenSSL is run as it stands there: the key is made by it, and it checks
/// what the journal has signed.
#[test]
fn openssl_makes_the_key_and_checks_the_seal_as_the_manuals_say() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: no openssl");
        return;
    }
    let (place, _) = Place::with_entries(60);
    let folder = place.directory.path();
    let making = commands(include_str!("../../../../docs/operate.md"), "openssl genpkey");
    let (made, public) = shell(folder, "", &making);
    let key = SigningKey::read(&folder.join("journal-key.der")).unwrap();
    assert!(made && public == key.public().to_string(), "{public}");
    let signed = Sealing { key: Some(Arc::new(key)), ..sealing() };
    assert_eq!(place.open().seal(&signed).unwrap(), 1);
    let seal = segments(&place.path).unwrap()[0].seal_path();
    let here = folder.join("X.seal");
    fs::copy(&seal, &here).unwrap();

    let manual = include_str!("../../../../docs/journal-format.md");
    let checking = commands(manual, "openssl pkeyutl -verify");
    let check = |key: &str, expected: bool| {
        let (right, said) = shell(folder, key, &checking);
        assert_eq!(right, expected, "{said}");
        assert_eq!(said.contains("Signature Verified Successfully"), expected, "{said}");
    };
    check(&public, true);
    let other = public.replace(['0', '1'], "2");
    check(&other, false);
    let text = fs::read_to_string(&here).unwrap();
    fs::write(&here, text.replace("entries 40", "entries 41")).unwrap();
    check(&public, false);
}

#[test]
fn a_seal_that_was_changed_is_refused() {
    let (place, _) = Place::with_entries(60);
    let key = place.directory.path().join("key.der");
    let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    der.extend([42; 32]);
    fs::write(&key, der).unwrap();
    let key = Arc::new(SigningKey::read(&key).unwrap());
    let public = key.public();
    let signed = Sealing { key: Some(key), ..sealing() };
    assert_eq!(place.open().seal(&signed).unwrap(), 1);
    let segment = &segments(&place.path).unwrap()[0];
    assert!(segment.seal().unwrap().is_signed_by(public));
    let verified = place.reader().verify().unwrap();
    assert_eq!((verified.seals, verified.signed), (1, vec![public]));

    let text = fs::read_to_string(segment.seal_path()).unwrap();
    fs::write(segment.seal_path(), text.replace("times 1", "times 2")).unwrap();
    assert!(matches!(segment.seal(), Err(Error::Seal { .. })));
    assert!(place.reader().verify().is_err());
}

/// Whatever a kill or a power cut leaves of a sealing, the next one goes on from there.
#[test]
fn every_step_of_a_sealing_can_be_the_last() {
    let (place, tip) = sealed();
    let list = segments(&place.path).unwrap();
    let (third, fourth) = (&list[2], &list[3]);
    let whole = fs::read(fourth.path()).unwrap();
    let seal = fs::read(fourth.seal_path()).unwrap();
    let part = |path: PathBuf| PathBuf::from(format!("{}.part", path.display()));

    // The main file as it was before anything was let go of.
    let before = || {
        let (before, same) = Place::with_entries(200);
        assert_eq!(same, tip);
        let folder = journal::folder_of(&before.path);
        fs::create_dir(&folder).unwrap();
        for segment in &list[..3] {
            for path in [segment.path(), segment.seal_path()] {
                fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
            }
        }
        before
    };
    let check = |left: &[(PathBuf, &[u8])]| {
        let place = before();
        for (path, bytes) in left {
            let name = path.file_name().unwrap();
            fs::write(journal::folder_of(&place.path).join(name), bytes).unwrap();
        }
        assert_whole(&place, tip);
        let mut journal = place.open();
        assert_eq!(journal.append(&[]).unwrap(), tip);
        journal.seal(&sealing()).unwrap();
        drop(journal);
        assert_whole(&place, tip);
        let list = segments(&place.path).unwrap();
        assert_eq!(list.len(), 4);
        assert!(list.iter().all(|segment| segment.is_here && segment.is_sealed));
        assert_eq!(place.reader().base().unwrap().seq, 160);
    };
    check(&[]);
    check(&[(part(fourth.path()), &whole[..100])]);
    check(&[(part(fourth.path()), &whole)]);
    check(&[(fourth.path(), &whole)]);
    check(&[(fourth.path(), &whole[..whole.len() / 2])]);
    check(&[(fourth.path(), &whole), (part(fourth.seal_path()), &seal[..30])]);
    check(&[(fourth.path(), &whole), (fourth.seal_path(), &seal)]);
    // Half of a segment was put in the place of a whole one while messages were removed.
    check(&[(part(third.path()), b"SQLite")]);
}

/// The main file is emptied a little with each batch; each state between is whole.
#[test]
fn a_main_file_that_is_emptied_by_half_is_whole() {
    let (place, _) = sealed();
    let (half, _) = Place::with_entries(200);
    let folder = journal::folder_of(&half.path);
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(journal::folder_of(&place.path)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let mut bases = Vec::new();
    for number in 201..=245 {
        let tip = half.open().append(&[draft(number)]).unwrap();
        bases.push(half.reader().base().unwrap().seq);
        assert_whole(&half, tip);
    }
    assert!(bases.is_sorted() && bases[0] > 0 && bases[0] < 40, "{bases:?}");
    assert_eq!(bases.last(), Some(&160));
}

#[test]
fn the_main_file_lets_nothing_go_that_is_not_behind_its_base() {
    let (place, tip) = sealed();
    let connection = Connection::open(&place.path).unwrap();
    for statement in [
        "DELETE FROM entry WHERE seq = 161",
        "UPDATE base SET seq = 100",
        "DELETE FROM base",
        "INSERT INTO base VALUES (2, 0, zeroblob(32))",
    ] {
        assert!(connection.execute_batch(statement).is_err(), "{statement}");
    }
    assert_whole(&place, tip);
    // Who moves the base on without sealing is found out.
    connection
        .execute_batch(
            "UPDATE base SET seq = 170, hash = (SELECT hash FROM entry WHERE seq = 170);
             DELETE FROM entry WHERE seq <= 170",
        )
        .unwrap();
    drop(connection);
    assert!(place.reader().verify().is_err());
    assert!(!stranger(&place.path, None).0);
}

/// Keeps the messages of even entries, and all after entry 100.
struct Even;

impl Keep for Even {
    fn keeps(&mut self, entry: &Entry) -> bool {
        entry.seq.is_multiple_of(2) || entry.seq > 100
    }

    fn latest(&mut self) -> Option<i64> {
        Some(draft(100).at)
    }
}

#[test]
fn messages_whose_time_is_over_go_and_the_chain_holds() {
    let (place, tip) = sealed();
    let before: Vec<u64> = sizes(&place);
    let done = place.open().remove_bodies(&mut Even).unwrap();
    assert!(done.messages > 30 && done.bytes > 100, "{done:?}");
    let reader = place.reader();
    let verified = reader.verify_expecting(&tip).unwrap();
    assert_eq!((verified.entries, verified.removed), (200, done.messages));
    assert!(stranger(&place.path, Some(tip)).0);
    for entry in reader.read_from(1, usize::MAX).unwrap() {
        let expected = draft(entry.seq);
        assert_eq!(entry.head, expected.head);
        match entry.removed {
            Some(removed) => {
                assert!(entry.seq % 2 == 1 && entry.seq <= 100 && entry.raw.is_empty());
                assert_eq!(removed.bytes as usize, expected.raw.len());
            }
            None => assert_eq!(entry.raw, expected.raw),
        }
    }
    let again = place.open().remove_bodies(&mut Even).unwrap();
    assert_eq!((again.messages, again.kept), (0, done.kept));
    assert_eq!(before.len(), sizes(&place).len());
}

fn sizes(place: &Place) -> Vec<u64> {
    let list = segments(&place.path).unwrap();
    list.iter().map(|segment| fs::metadata(segment.path()).unwrap().len()).collect()
}

#[test]
fn a_forged_digest_of_a_removed_message_is_found() {
    let (place, _) = sealed();
    place.open().remove_bodies(&mut Even).unwrap();
    let path = segment_path(&place, 0);
    let segment = Connection::open(&path).unwrap();
    let items: Vec<u8> =
        segment.query_row("SELECT items FROM block", [], |row| row.get(0)).unwrap();
    let mut plain = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::ZlibDecoder::new(&items[..]), &mut plain)
        .unwrap();
    plain[17] ^= 1;
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &plain).unwrap();
    segment.execute("UPDATE block SET items = ?1", [packed.finish().unwrap()]).unwrap();
    assert_broken(&place, 1, &Why::Altered);
}

#[test]
fn a_journal_is_reached_by_a_link_with_its_segments() {
    let (place, tip) = sealed();
    let link = place.directory.path().join("link");
    std::os::unix::fs::symlink(&place.path, &link).unwrap();
    assert_eq!(Reader::open(&link).unwrap().verify().unwrap().tip, tip);
    assert!(stranger(&link, Some(tip)).0);
    let mut journal = Journal::open(&link, SITE, Options::default()).unwrap();
    assert_eq!(journal.append(&[draft(201)]).unwrap().seq, 201);
}
