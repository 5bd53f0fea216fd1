//! Two folds of one journal give the same bytes.

use std::collections::BTreeMap;

use journal::{Hash, Position};
use medicines::cases::CaseKind;
use medicines::deliveries::{DeliveryState, Which};
use medicines::stock::{Movement, TransferState};
use medicines::{Fact, Row, RowKind};
use proptest::prelude::*;
use record::{Applied, Record};

use crate::fold::{access, activity, case, closed, transfer};
use crate::hand::{Hand, SITE, applied, at, change, delivery, id, order, patient, row};
use crate::registers::{classified, corrected, counted, noted};

/// A fact of the entry `seq` about one of a few things, so that they meet.
fn fact(choice: u8, thing: u8, seq: u64, version: u64) -> Fact {
    let (channel, state) = [
        ("adc", DeliveryState::Delivered),
        ("adc", DeliveryState::Unknown),
        ("epma", DeliveryState::Refused),
    ][usize::from(thing % 3)];
    let patient_of = format!("p{}", thing % 3);
    let of = |kind: &str| format!("{kind}{thing}");
    match choice % 15 {
        0 => patient(&patient_of, version, seq, &thing.to_string()),
        1 => order(&of("o"), version, seq, (&patient_of, "active", "7")),
        2 => order(&of("o"), version, seq, (&patient_of, "stopped", &of(""))),
        3 => Fact::Queued(delivery(
            &format!("d{seq}.{version}"),
            channel,
            &patient_of,
            seq,
            thing.is_multiple_of(2),
        )),
        4 => change(channel, Which::One(id(&format!("d{}.1", seq / 2))), state, seq),
        5 => change(channel, Which::OlderProfile, DeliveryState::Superseded, seq),
        6 => Fact::CaseOpened(Box::new(case(&of("c"), CaseKind::Override, seq, Some(&patient_of)))),
        7 => Fact::CaseClosed(closed(&of("c"), seq)),
        8 => {
            let pending = TransferState::Pending { expires: at(seq) };
            let state = [pending, TransferState::Posted][usize::from(thing % 2)];
            Fact::Moved(Box::new(transfer(&of("t"), Movement::Removal, state)))
        }
        9 => Fact::PocketActivity(Box::new(activity(&of("A"), seq))),
        11 => classified(&["MORPH10"][..usize::from(thing % 2)], seq),
        12 => counted(&format!("n{seq}.{version}"), 7, seq),
        13 => noted(&of("t"), &of("t"), seq),
        14 => corrected(&format!("k{seq}.{version}"), &of("t"), seq),
        _ => Fact::Refused(access(&of("S"), Some(&patient_of), seq)),
    }
}

fn rows(choice: u8, seq: u64) -> Vec<Row> {
    let body = format!("{seq}");
    (0..choice % 3)
        .map(|n| {
            let key = format!("k{}", (choice / 3).wrapping_add(n) % 5);
            row(RowKind::Order, &key, choice.is_multiple_of(2), &body)
        })
        .collect()
}

type Entry = (Vec<Fact>, Vec<Row>);

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let fact_choice = (any::<u8>(), 0..6_u8, 1..4_u64);
    let entry = (prop::collection::vec(fact_choice, 0..4), any::<u8>());
    prop::collection::vec(entry, 1..25).prop_map(|choices| {
        let mut made = Vec::new();
        for (seq, (facts, row_choice)) in (1..).zip(choices) {
            // Ids of deliveries are unique: the ordinal stands for the version there.
            let facts = (1..).zip(facts).map(|(ordinal, (choice, thing, version))| {
                fact(choice, thing, seq, if choice % 15 == 3 { ordinal } else { version })
            });
            made.push((facts.collect(), rows(row_choice, seq)));
        }
        made
    })
}

/// Applies the entries in batches of these sizes, over and over, and dumps the record.
fn fold(entries: &[Entry], sizes: &[usize], reopen: bool) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("record");
    let mut record = Record::open(&path, SITE).unwrap();
    let mut sizes = sizes.iter().cycle();
    let mut seq = 0;
    let mut rest = entries;
    while !rest.is_empty() {
        let (batch, left) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = left;
        // The engine gives each row once a batch, as it is after the last entry.
        let mut last = BTreeMap::new();
        let mut taken: Vec<Applied<'_>> = Vec::new();
        for (facts, rows) in batch {
            seq += 1;
            taken.push(applied(seq, "K", facts));
            for row in rows {
                last.insert((row.kind, row.key.clone()), row.clone());
            }
        }
        let rows: Vec<Row> = last.into_values().collect();
        record.apply(&taken, &rows, Position { seq, hash: Hash([9; 32]) }).unwrap();
        if reopen {
            drop(record);
            record = Record::open(&path, SITE).unwrap();
        }
    }
    let mut out = Vec::new();
    record.dump(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn batches_make_no_difference(
        entries in entries(),
        sizes in prop::collection::vec(1..9_usize, 1..4),
    ) {
        let whole = fold(&entries, &[entries.len()], false);
        let parts = fold(&entries, &sizes, true);
        prop_assert_eq!(whole, parts);
    }
}

#[test]
fn every_change_shows_in_the_dump() {
    let dump = |facts: &[Fact], rows: &[Row]| fold(&[(facts.to_vec(), rows.to_vec())], &[1], false);
    let nothing = dump(&[], &[]);
    assert_eq!(nothing, dump(&[], &[]));
    let mut seen = vec![nothing];
    for choice in [0, 1, 2, 3, 6, 8, 9, 10] {
        let dumped = dump(&[fact(choice, 1, 1, 1)], &[]);
        assert!(!seen.contains(&dumped), "{choice}");
        seen.push(dumped);
    }
    for live in [true, false] {
        let dumped = dump(&[], &[row(RowKind::Order, "k", live, "1")]);
        assert!(!seen.contains(&dumped), "{live}");
        seen.push(dumped);
    }
}

#[test]
fn a_line_of_the_dump_is_a_row_as_json() {
    let mut hand = Hand::new();
    hand.entry(&[patient("p2", 1, 1, "1"), patient("p1", 1, 1, "2")]);
    hand.entry(&[patient("p2", 2, 2, "1")]);
    let mut out = Vec::new();
    hand.record.dump(&mut out).unwrap();
    let lines: Vec<serde_json::Value> = out
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    let of =
        |table: &str| -> Vec<_> { lines.iter().filter(|line| line["table"] == table).collect() };
    let ids: Vec<_> =
        of("resource").iter().map(|line| line["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["p1", "p2"]);
    assert_eq!(of("version").len(), 1);
    assert_eq!(of("version")[0]["id"], "p2");
    assert_eq!(of("identifier").len(), 2);
    assert_eq!(of("position")[0]["seq"], 2);
    assert_eq!(of("message")[0]["channel"], "epma");
    assert_eq!((of("message_kind").len(), of("message_key").len()), (1, 2));
    assert_eq!(of("meta")[0]["value"], SITE);
}
