//! Every kind of damage is found, by this crate and by the stranger's script, at the same entry.

use std::fs;

use journal::{Broken, Error, Hash, Journal, Options, Position, Reader, Why, entry_hash, genesis};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::common::{Place, SITE, stranger};

const ENTRIES: u64 = 20;

/// A connection that can do what the journal forbids.
fn vandal(place: &Place) -> Connection {
    let connection = Connection::open(&place.path).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER entry_is_never_changed; DROP TRIGGER entry_is_never_deleted;
             DROP TRIGGER meta_is_never_changed; PRAGMA ignore_check_constraints = ON;",
        )
        .unwrap();
    connection
}

/// Both verifications find the damage at entry `seq`.
fn assert_broken(place: &Place, expected: Option<Position>, seq: u64, why: &Why) {
    let reader = place.reader();
    let answer = match expected {
        Some(position) => reader.verify_expecting(&position),
        None => reader.verify(),
    };
    assert_eq!(answer, Err(Broken { seq, why: why.clone() }));
    let (sound, text) = stranger(&place.path, expected);
    assert!(!sound && text.starts_with(&format!("BROKEN entry {seq}: ")), "{text}");
}

fn check(damage: &str, seq: u64, why: &Why) {
    let (place, tip) = Place::with_entries(ENTRIES);
    assert!(stranger(&place.path, Some(tip)).0);
    vandal(&place).execute_batch(damage).unwrap();
    assert_broken(&place, None, seq, why);
    let answer = Journal::open(&place.path, SITE, Options::default());
    assert!(matches!(&answer, Err(Error::Broken(_) | Error::Site { .. })), "{answer:?}");
}

#[test]
fn the_file_itself_refuses_changes() {
    let (place, tip) = Place::with_entries(3);
    let connection = Connection::open(&place.path).unwrap();
    for statement in [
        "UPDATE entry SET at = 0 WHERE seq = 2",
        "DELETE FROM entry WHERE seq = 3",
        "DELETE FROM entry",
        "UPDATE meta SET value = 'RYY' WHERE key = 'site'",
        "DELETE FROM meta",
        "INSERT INTO entry VALUES (2, 0, zeroblob(32), x'', x'')",
        "INSERT INTO entry VALUES (4, 0, zeroblob(31), x'', x'')",
        "INSERT INTO entry VALUES (4, 0, zeroblob(32), 'text', x'')",
        "INSERT INTO entry VALUES (0, 0, zeroblob(32), x'', x'')",
    ] {
        assert!(connection.execute_batch(statement).is_err(), "{statement}");
    }
    assert_eq!(place.reader().verify().unwrap().tip, tip);
}

#[test]
fn a_changed_bit_is_found() {
    for column in ["head", "raw", "hash"] {
        for seq in [1_u64, 8, ENTRIES] {
            let (place, _) = Place::with_entries(ENTRIES);
            let vandal = vandal(&place);
            let select = format!("SELECT {column} FROM entry WHERE seq = ?1");
            let mut bytes: Vec<u8> =
                vandal.query_row(&select, [seq.cast_signed()], |row| row.get(0)).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            let update = format!("UPDATE entry SET {column} = ?1 WHERE seq = ?2");
            vandal.execute(&update, (bytes, seq.cast_signed())).unwrap();
            assert_broken(&place, None, seq, &Why::Altered);
        }
    }
    check("UPDATE entry SET at = at + 1 WHERE seq = 7", 7, &Why::Altered);
    check("UPDATE entry SET hash = x'00' WHERE seq = 7", 7, &Why::Altered);
    check("UPDATE entry SET head = CAST(head || ' ' AS BLOB) WHERE seq = 20", 20, &Why::Altered);
    check("UPDATE entry SET head = raw, raw = head WHERE seq = 1", 1, &Why::Altered);
}

#[test]
fn a_removed_entry_is_found() {
    check("DELETE FROM entry WHERE seq = 1", 1, &Why::Missing { next: 2 });
    check("DELETE FROM entry WHERE seq = 7", 7, &Why::Missing { next: 8 });
    check("DELETE FROM entry WHERE seq BETWEEN 5 AND 19", 5, &Why::Missing { next: 20 });
    check(
        "DELETE FROM entry WHERE seq = 7; UPDATE entry SET seq = seq - 1 WHERE seq > 7",
        7,
        &Why::Altered,
    );
}

#[test]
fn changed_order_and_added_entries_are_found() {
    check(
        "UPDATE entry SET seq = 1000 WHERE seq = 7; UPDATE entry SET seq = 7 WHERE seq = 8;
         UPDATE entry SET seq = 8 WHERE seq = 1000",
        7,
        &Why::Altered,
    );
    check(
        "INSERT INTO entry SELECT 21, at, hash, head, raw FROM entry WHERE seq = 20",
        21,
        &Why::Altered,
    );
    check("UPDATE entry SET seq = 22 WHERE seq = 20", 20, &Why::Missing { next: 22 });
    check(
        "INSERT INTO entry SELECT -5, at, hash, head, raw FROM entry WHERE seq = 20",
        1,
        &Why::Missing { next: -5 },
    );
    check(
        "INSERT INTO entry SELECT 9223372036854775807, at, hash, head, raw FROM entry LIMIT 1",
        21,
        &Why::Missing { next: i64::MAX },
    );
}

#[test]
fn wrong_types_are_found() {
    check("UPDATE entry SET head = CAST(head AS TEXT) WHERE seq = 7", 7, &Why::Misshapen);
    check("UPDATE entry SET raw = 12 WHERE seq = 7", 7, &Why::Misshapen);
    check("UPDATE entry SET at = 'noon' WHERE seq = 7", 7, &Why::Misshapen);
    check("UPDATE entry SET hash = 'short' WHERE seq = 20", 20, &Why::Misshapen);
}

#[test]
fn another_site_does_not_pass() {
    check("UPDATE meta SET value = 'RYY' WHERE key = 'site'", 1, &Why::Altered);
}

#[test]
fn a_tail_that_was_cut_off_is_found_by_who_remembers_it() {
    let (place, tip) = Place::with_entries(ENTRIES);
    vandal(&place).execute_batch("DELETE FROM entry WHERE seq > 15").unwrap();
    assert_eq!(place.reader().verify().unwrap().entries, 15);
    assert!(stranger(&place.path, None).0);
    assert_broken(&place, Some(tip), 16, &Why::Short { expected: tip });
    vandal_again(&place, "DELETE FROM entry");
    assert_broken(&place, Some(tip), 1, &Why::Short { expected: tip });
}

fn vandal_again(place: &Place, damage: &str) {
    Connection::open(&place.path).unwrap().execute_batch(damage).unwrap();
}

#[test]
fn a_chain_that_was_written_anew_is_found_by_who_remembers_it() {
    let (place, tip) = Place::with_entries(ENTRIES);
    let entries = place.reader().read_from(1, 100).unwrap();
    let vandal = vandal(&place);
    let mut hash = genesis(SITE);
    for entry in entries {
        let head = if entry.seq == 7 { b"{}".to_vec() } else { entry.head };
        hash = entry_hash(&hash, entry.seq, entry.at, &head, &entry.raw);
        let update = "UPDATE entry SET head = ?1, hash = ?2 WHERE seq = ?3";
        vandal.execute(update, (head, hash.0, entry.seq.cast_signed())).unwrap();
    }
    drop(vandal);
    assert_eq!(place.reader().verify().unwrap().tip, Position { seq: ENTRIES, hash });
    assert_broken(&place, Some(tip), ENTRIES, &Why::Differs { expected: tip });
}

#[test]
fn an_expected_genesis_is_compared_too() {
    let (place, _) = Place::with_entries(1);
    let start = Position { seq: 0, hash: genesis(SITE) };
    assert!(place.reader().verify_expecting(&start).is_ok());
    assert!(stranger(&place.path, Some(start)).0);
    let other = Position { seq: 0, hash: Hash([0; 32]) };
    assert_broken(&place, Some(other), 0, &Why::Differs { expected: other });
}

#[test]
fn a_damaged_entry_is_never_read_as_data() {
    let (place, _) = Place::with_entries(ENTRIES);
    vandal(&place).execute_batch("UPDATE entry SET raw = x'00' WHERE seq = 7").unwrap();
    let reader = place.reader();
    let is_broken = |error: &Error| matches!(error, Error::Broken(broken) if broken.seq == 7);
    assert!(is_broken(&reader.get(7).unwrap_err()));
    assert!(is_broken(&reader.read_from(1, 100).unwrap_err()));
    assert!(is_broken(&reader.for_each_from(3, |_| Ok::<_, Error>(())).unwrap_err()));
    assert_eq!(reader.get(8).unwrap().unwrap().seq, 8);
    vandal_again(&place, "DELETE FROM entry WHERE seq = 7");
    assert!(is_broken(&reader.get(7).unwrap_err()));
    assert!(is_broken(&reader.read_from(8, 1).unwrap_err()));
}

#[test]
fn opening_checks_the_end_and_not_the_whole() {
    let (place, tip) = Place::with_entries(1_500);
    vandal(&place).execute_batch("UPDATE entry SET at = 0 WHERE seq = 400").unwrap();
    assert_eq!(place.open().position(), tip);
    assert_broken(&place, None, 400, &Why::Altered);
    vandal_again(&place, "UPDATE entry SET at = 0 WHERE seq = 600");
    let answer = Journal::open(&place.path, SITE, Options::default());
    assert!(matches!(&answer, Err(Error::Broken(broken)) if broken.seq == 600), "{answer:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    /// Any bit of the file may change: either a verification fails, or the bit meant nothing and
    /// every entry is as it was.
    #[test]
    fn any_flipped_bit_is_found_or_meant_nothing(place_in_file in 0.0..1.0_f64, bit in 0..8_u8) {
        let (place, tip) = Place::with_entries(ENTRIES);
        let before = place.reader().read_from(1, 100).unwrap();
        let mut bytes = fs::read(&place.path).unwrap();
        #[expect(
            clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss,
            reason = "any index will do"
        )]
        let index = (place_in_file * bytes.len() as f64) as usize;
        bytes[index] ^= 1 << bit;
        fs::write(&place.path, &bytes).unwrap();
        let Ok(reader) = Reader::open(&place.path) else { return Ok(()) };
        if let Ok(verified) = reader.verify_expecting(&tip) {
            prop_assert_eq!(verified.tip, tip);
            prop_assert_eq!(reader.read_from(1, 100).unwrap(), before);
        }
        let _ = Journal::open(&place.path, SITE, Options::default());
    }
}

/// The pages of entries hold hardly anything else, so that nearly every bit there counts.
#[test]
fn the_stranger_finds_flipped_bits_in_the_file() {
    let (place, tip) = Place::with_entries(ENTRIES);
    let sound = fs::read(&place.path).unwrap();
    let needle = b"{\"number\":13,";
    let head = sound.windows(needle.len()).position(|window| window == needle).unwrap();
    for offset in [0, 9, 100, 200] {
        let mut bytes = sound.clone();
        bytes[head + offset] ^= 0x10;
        fs::write(&place.path, &bytes).unwrap();
        assert_broken(&place, Some(tip), 13, &Why::Altered);
    }
    for length in [0, 1, 100, 16_384, sound.len() - 16_384, sound.len() - 1] {
        fs::write(&place.path, &sound[..length]).unwrap();
        let (passed, text) = stranger(&place.path, Some(tip));
        assert!(!passed, "cut to {length} bytes: {text}");
        let verified = Reader::open(&place.path).map(|reader| reader.verify_expecting(&tip));
        assert!(!matches!(verified, Ok(Ok(_))), "cut to {length} bytes: {verified:?}");
    }
    fs::write(&place.path, &sound).unwrap();
    assert!(stranger(&place.path, Some(tip)).0);
}
