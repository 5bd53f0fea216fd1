//! Each kind of fact, and where it can be read afterwards.

use fhir::{ResourceType, StoredResource};
use medicines::cabinet::{Coded, Staff, Transaction, TransactionCode};
use medicines::cases::{Case, CaseClosed, CaseKind};
use medicines::stock::{Account, Movement, PocketAddress, Transfer, TransferState};
use medicines::{Access, Cold, Fact, RowKind};
use record::{AccessSearch, ColdReader, MAX_ACCESS_READS};

use crate::hand::{Hand, at, id, order, patient, row, stored};

pub(crate) fn transfer(text: &str, movement: Movement, state: TransferState) -> Transfer {
    Transfer {
        id: id(text),
        movement,
        item: "MORPH10".into(),
        batch: None,
        lots: vec![],
        basis: medicines::stock::Basis::default(),
        expiry: None,
        cost: None,
        towards: None,
        quantity: "1.50".parse().unwrap(),
        unit: "ampoule".into(),
        dose: None,
        from: Account::Pocket {
            cabinet: "ADC/A1".into(),
            address: PocketAddress { drawer: "3".into(), ..PocketAddress::default() },
        },
        to: Account::Hands(id(text)),
        state,
        patient: Some(id("p1")),
        order: None,
        case: None,
        cabinet: Some("ADC/A1".into()),
        person: "S7".into(),
        witness: None,
        activity: at(0),
    }
}

pub(crate) fn case(text: &str, kind: CaseKind, seq: u64, patient: Option<&str>) -> Case {
    Case {
        id: id(text),
        kind,
        reason: "unknown-patient".into(),
        opened: at(seq),
        entry: seq,
        patient: patient.map(id),
        order: None,
        removal: None,
        cabinet: None,
        place: None,
        channel: Some("epma".into()),
        delivery: None,
        count: None,
        activity: None,
        item: None,
        quantity: Some("0.40".parse().unwrap()),
        dose: None,
        person: None,
        text: "Look at the message.".into(),
    }
}

pub(crate) fn closed(text: &str, seq: u64) -> CaseClosed {
    CaseClosed { id: id(text), at: at(seq), by: "S7".into(), resolution: "replayed".into() }
}

pub(crate) fn activity(station: &str, seq: u64) -> Transaction {
    Transaction {
        code: TransactionCode::Count,
        system: "ADC".into(),
        station: station.into(),
        address: PocketAddress::default(),
        bin: medicines::cabinet::Bin::Pocket,
        item: Coded { code: "MORPH10".into(), text: String::new() },
        expected: Some("7".parse().unwrap()),
        actual: Some("7.0".parse().unwrap()),
        amount: None,
        user: Staff { id: "S7".into(), name: String::new() },
        witness: None,
        total: None,
        activity: at(seq),
        batch: None,
        expiry: None,
        unit: None,
        patient: vec![],
        order: None,
        cancelled: false,
    }
}

pub(crate) fn access(who: &str, patient: Option<&str>, seq: u64) -> Access {
    Access {
        who: who.into(),
        what: "read".into(),
        patient: patient.map(id),
        resource_type: Some(ResourceType::Patient),
        detail: None,
        reason: None,
        at: at(seq),
    }
}

#[test]
fn versions_are_kept_current_and_old() {
    let mut hand = Hand::new();
    let kind = ResourceType::MedicationRequest;
    hand.entry(&[patient("p1", 1, 1, "1"), order("o1", 1, 1, ("p1", "active", "7"))]);
    hand.entry(&[order("o1", 2, 2, ("p1", "on-hold", "7"))]);
    hand.entry(&[
        order("x", 1, 3, ("p1", "active", "8")),
        order("o1", 3, 3, ("p1", "active", "9")),
    ]);
    let reader = hand.reader();
    assert_eq!(reader.read(kind, &id("o1")).unwrap().unwrap().version, 3);
    assert_eq!(reader.versions(kind, &id("o1")).unwrap(), [(1, 1), (2, 2), (3, 3)]);
    for (version, seq, status, number) in
        [(1, 1, "active", "7"), (2, 2, "on-hold", "7"), (3, 3, "active", "9")]
    {
        let read = reader.version(kind, &id("o1"), version).unwrap().unwrap();
        let Fact::Stored(expected) = order("o1", version, seq, ("p1", status, number)) else {
            unreachable!()
        };
        assert_eq!(read, expected);
    }
    assert_eq!(reader.version(kind, &id("o1"), 4).unwrap(), None);
    assert_eq!(reader.version(kind, &id("o2"), 1).unwrap(), None);
    assert_eq!(reader.version(ResourceType::Patient, &id("o1"), 1).unwrap(), None);
    assert_eq!(reader.count(kind).unwrap(), 2);
    assert_eq!(reader.versions(kind, &id("o2")).unwrap(), []);
}

#[test]
fn a_merge_gives_a_resource_another_subject() {
    let mut hand = Hand::new();
    hand.entry(&[patient("p1", 1, 1, "1"), patient("p2", 1, 1, "2")]);
    hand.entry(&[order("o1", 1, 2, ("p1", "active", "7"))]);
    hand.entry(&[order("o1", 2, 3, ("p2", "active", "7"))]);
    let cold = ColdReader::from(hand.reader());
    let names = |text: &str| -> Vec<String> {
        cold.resources_of(&id(text)).iter().map(StoredResource::reference).collect()
    };
    assert_eq!(names("p1"), ["Patient/p1"]);
    assert_eq!(names("p2"), ["Patient/p2", "MedicationRequest/o1"]);
    assert_eq!(names("p3"), [""; 0]);
    let read = cold.resource(ResourceType::Patient, &id("p1")).unwrap();
    assert_eq!(read, hand.reader().read(ResourceType::Patient, &id("p1")).unwrap().unwrap());
    assert!(cold.resource(ResourceType::Patient, &id("o1")).is_none());
}

#[test]
fn a_resource_keeps_its_digits_and_its_time() {
    let mut hand = Hand::new();
    let members = r#""extension":[{"url":"x","valueDecimal":0.40}],"active":true"#;
    let resource = stored(ResourceType::Patient, "p1", 1, at(1), members);
    hand.entry(&[Fact::Stored(resource.clone())]);
    let read = hand.reader().read(ResourceType::Patient, &id("p1")).unwrap().unwrap();
    assert_eq!(read, resource);
    assert!(read.json().contains("0.40"));
}

#[test]
fn a_transfer_stands_where_it_was_last_told() {
    let mut hand = Hand::new();
    let pending = TransferState::Pending { expires: at(9) };
    let told = |text: &str, movement, state| Fact::Moved(Box::new(transfer(text, movement, state)));
    hand.entry(&[told("r1", Movement::Removal, pending)]);
    hand.entry(&[told("r2", Movement::Removal, pending)]);
    hand.entry(&[told("r1", Movement::Removal, TransferState::Posted)]);
    hand.entry(&[told("r2", Movement::Removal, TransferState::Voided)]);
    hand.entry(&[
        told("g1", Movement::Administration, TransferState::Posted),
        told("w1", Movement::Waste, TransferState::Posted),
    ]);
    let reader = hand.reader();
    let view = reader.transfer(&id("r1")).unwrap().unwrap();
    assert_eq!(view.transfer, transfer("r1", Movement::Removal, TransferState::Posted));
    assert_eq!((view.seq, view.told), (3, at(3)));
    assert_eq!(reader.transfer(&id("r9")).unwrap(), None);
    let ids = |of, before| -> Vec<String> {
        let views = reader.latest_transfers(of, before, 10).unwrap();
        views.iter().map(|view| view.transfer.id.to_string()).collect()
    };
    assert_eq!(ids(None, None), ["w1", "g1", "r2", "r1"]);
    assert_eq!(ids(Some(Movement::Removal), None), ["r2", "r1"]);
    assert_eq!(ids(Some(Movement::Removal), Some(2)), ["r1"]);
    assert_eq!(ids(Some(Movement::Return), None), [""; 0]);
    let tally = reader.tally_since(at(0)).unwrap();
    assert_eq!((tally.removed, tally.given, tally.wasted, tally.returned), (1, 1, 1, 0));
    let tally = reader.tally_since(at(4)).unwrap();
    assert_eq!((tally.removed, tally.given, tally.wasted, tally.returned), (0, 1, 1, 0));
}

#[test]
fn pockets_are_listed_by_cabinet() {
    let mut hand = Hand::new();
    for (seq, station) in [(1, "A1"), (2, "B1"), (3, "A1")] {
        hand.entry(&[Fact::PocketActivity(Box::new(activity(station, seq)))]);
    }
    let reader = hand.reader();
    let seqs = |cabinet, before| -> Vec<u64> {
        let views = reader.latest_activity(cabinet, before, 10).unwrap();
        views.iter().map(|view| view.seq).collect()
    };
    assert_eq!(seqs(Some("ADC/A1"), None), [3, 1]);
    assert_eq!(seqs(None, None), [3, 2, 1]);
    assert_eq!(seqs(None, Some(2)), [1]);
    assert_eq!(seqs(Some("ADC/C1"), None), [0; 0]);
    assert_eq!(reader.latest_activity(None, None, 1).unwrap()[0].activity, activity("A1", 3));
}

#[test]
fn cases_open_and_close() {
    let mut hand = Hand::new();
    let open =
        |text: &str, kind, seq, patient| Fact::CaseOpened(Box::new(case(text, kind, seq, patient)));
    hand.entry(&[open("c1", CaseKind::ParkedMessage, 1, None)]);
    hand.entry(&[open("c2", CaseKind::Override, 2, Some("p1"))]);
    hand.entry(&[open("c3", CaseKind::ParkedMessage, 3, Some("p1"))]);
    hand.entry(&[Fact::CaseClosed(closed("c1", 4)), Fact::CaseClosed(closed("never", 4))]);
    let reader = hand.reader();
    let ids = |cases: Vec<record::CaseView>| -> Vec<String> {
        cases.iter().map(|view| view.case.id.to_string()).collect()
    };
    assert_eq!(ids(reader.open_cases(None, None, 10).unwrap()), ["c2", "c3"]);
    assert_eq!(ids(reader.open_cases(Some(CaseKind::ParkedMessage), None, 10).unwrap()), ["c3"]);
    assert_eq!(ids(reader.open_cases(Some(CaseKind::Discrepancy), None, 10).unwrap()), [""; 0]);
    assert_eq!(ids(reader.open_cases(None, Some(2), 10).unwrap()), ["c3"]);
    assert_eq!(ids(reader.latest_cases(None, 2).unwrap()), ["c3", "c2"]);
    assert_eq!(ids(reader.cases_of(&id("p1"), 10).unwrap()), ["c3", "c2"]);
    let view = reader.case(&id("c1")).unwrap().unwrap();
    assert_eq!(view.case, case("c1", CaseKind::ParkedMessage, 1, None));
    assert_eq!(view.closed, Some(closed("c1", 4)));
    assert!(reader.case(&id("never")).unwrap().is_none());
    let counts = reader.case_counts().unwrap();
    let told: Vec<_> = counts.iter().map(|c| (c.kind.as_str(), c.open, c.oldest)).collect();
    assert_eq!(told, [("override", 1, at(2)), ("parked-message", 1, at(3))]);

    hand.entry(&[open("c1", CaseKind::ParkedMessage, 5, None)]);
    assert_eq!(hand.reader().case(&id("c1")).unwrap().unwrap().closed, None);
}

#[test]
fn looks_and_refusals_are_listed_by_patient() {
    let mut hand = Hand::new();
    hand.entry(&[Fact::Seen(access("S1", Some("p1"), 1)), Fact::Seen(access("S2", None, 1))]);
    hand.entry(&[Fact::Refused(access("S3", Some("p1"), 2))]);
    let reader = hand.reader();
    let who = |views: Vec<record::AccessView>| -> Vec<(String, bool)> {
        views.into_iter().map(|view| (view.access.who, view.refused)).collect()
    };
    let s = |who: &str, refused| (who.to_owned(), refused);
    assert_eq!(
        who(reader.accesses(None, 10).unwrap()),
        [s("S3", true), s("S2", false), s("S1", false)]
    );
    let of = |patient: &str| AccessSearch {
        patients: Some(vec![id(patient)]),
        count: 10,
        ..AccessSearch::default()
    };
    let all = reader.accesses_of(&of("p1"), |_| true).unwrap();
    assert_eq!(all.next, None);
    let before = Some(all.accesses[0].place());
    assert_eq!(reader.access(all.accesses[0].n).unwrap().as_ref(), Some(&all.accesses[0]));
    assert_eq!(who(all.accesses), [s("S3", true), s("S1", false)]);
    let rest = reader.accesses_of(&AccessSearch { before, ..of("p1") }, |_| true).unwrap();
    assert_eq!(who(rest.accesses), [s("S1", false)]);
    assert_eq!(who(reader.accesses_of(&of("p2"), |_| true).unwrap().accesses), []);
    assert_eq!(reader.access(9).unwrap(), None);
}

#[test]
fn looks_are_read_by_their_time_a_page_at_a_time() {
    let mut hand = Hand::new();
    // Minute 3 comes last into the journal, and two happened in the same minute.
    for (who, patient, minute) in
        [("a", "p1", 1), ("b", "p2", 2), ("c", "p1", 2), ("d", "p3", 4), ("e", "p1", 3)]
    {
        hand.entry(&[Fact::Seen(access(who, Some(patient), minute))]);
    }
    let reader = hand.reader();
    let check = |search: AccessSearch, expected: &str| {
        let (mut before, mut found) = (search.before, String::new());
        for _ in 0..9 {
            let search = AccessSearch { before, count: 2, ..search.clone() };
            let page = reader.accesses_of(&search, |view| view.access.who != "d").unwrap();
            assert!(page.accesses.len() <= 2);
            found.extend(page.accesses.iter().map(|view| view.access.who.as_str()));
            before = page.next;
            if before.is_none() {
                break;
            }
            found.push(' ');
        }
        assert_eq!(found, expected, "{search:?}");
    };
    let patients = |all: &[&str]| Some(all.iter().map(|it| id(it)).collect::<Vec<_>>());
    let all = AccessSearch::default;
    check(all(), "ec ba");
    check(AccessSearch { patients: patients(&["p1", "p2"]), ..all() }, "ec ba");
    check(AccessSearch { patients: patients(&["p1"]), ..all() }, "ec a");
    check(AccessSearch { patients: patients(&[]), ..all() }, "");
    check(AccessSearch { from: Some(at(2)), to: Some(at(3)), ..all() }, "cb");
    check(AccessSearch { patients: patients(&["p1"]), from: Some(at(3)), ..all() }, "e");
}

#[test]
fn a_page_of_looks_is_made_from_so_many_and_the_next_goes_on() {
    let mut hand = Hand::new();
    let looks: Vec<Fact> =
        (0..MAX_ACCESS_READS + 10).map(|_| Fact::Seen(access("many", None, 2))).collect();
    hand.entry(&[Fact::Refused(access("old", None, 1))]);
    hand.entry(&looks);
    let reader = hand.reader();
    let search = AccessSearch { count: 10, ..AccessSearch::default() };
    let first = reader.accesses_of(&search, |view| view.refused).unwrap();
    assert!(first.accesses.is_empty() && first.next.is_some());
    let second = AccessSearch { before: first.next, ..search };
    let second = reader.accesses_of(&second, |view| view.refused).unwrap();
    assert_eq!((second.accesses.len(), second.next), (1, None));
}

#[test]
fn one_person_is_what_was_merged_both_ways() {
    let mut hand = Hand::new();
    let linked = |name: &str, links: &[(&str, &str)]| {
        let links: Vec<_> = links
            .iter()
            .map(|(kind, to)| {
                let other = format!("Patient/{to}");
                serde_json::json!({ "type": kind, "other": { "reference": other } })
            })
            .collect();
        let body = serde_json::json!({ "resourceType": "Patient", "link": links });
        Fact::Stored(StoredResource::new(&body.to_string(), id(name), 1, at(1)).unwrap())
    };
    hand.entry(&[
        linked("a", &[("replaces", "b"), ("replaces", "x")]),
        linked("b", &[("replaced-by", "a"), ("replaces", "c")]),
        linked("c", &[("replaced-by", "b"), ("seealso", "y")]),
        linked("x", &[]),
        linked("y", &[]),
    ]);
    let reader = hand.reader();
    for of in ["a", "b", "c"] {
        assert_eq!(reader.same_person(&id(of)).unwrap(), ["a", "b", "c"].map(id), "{of}");
    }
    for alone in ["x", "y", "unknown"] {
        assert_eq!(reader.same_person(&id(alone)).unwrap(), [id(alone)]);
    }
}

#[test]
fn rows_are_loaded_by_kind_while_they_live() {
    let mut hand = Hand::new();
    let live = [
        row(RowKind::Order, "o1", true, r#"{"a":1}"#),
        row(RowKind::Patient, "p1", true, "{}"),
        row(RowKind::Order, "o2", true, "{}"),
        row(RowKind::Site, "", true, "{}"),
    ];
    hand.entry_with(&[], &live);
    hand.entry_with(
        &[],
        &[
            row(RowKind::Order, "o2", false, r#"{"b":2}"#),
            row(RowKind::Order, "o1", true, r#"{"a":2}"#),
            row(RowKind::Balance, "waste|M", false, "\"1.5\""),
        ],
    );
    let mut loaded = Vec::new();
    let position = hand.record.load_live(|row| loaded.push(row)).unwrap();
    assert_eq!(position, hand.record.position().unwrap());
    let expected = [
        row(RowKind::Site, "", true, "{}"),
        row(RowKind::Patient, "p1", true, "{}"),
        row(RowKind::Order, "o1", true, r#"{"a":2}"#),
    ];
    assert_eq!(loaded, expected);
    let cold = ColdReader::from(hand.reader());
    let body = |kind, key| cold.row(kind, key).map(|body| String::from_utf8(body).unwrap());
    assert_eq!(body(RowKind::Order, "o2").as_deref(), Some(r#"{"b":2}"#));
    assert_eq!(body(RowKind::Balance, "waste|M").as_deref(), Some("\"1.5\""));
    assert_eq!(body(RowKind::Patient, "o2"), None);

    hand.entry_with(&[], &[row(RowKind::Order, "o2", true, "{}")]);
    let mut loaded = 0;
    hand.record.load_live(|_| loaded += 1).unwrap();
    assert_eq!(loaded, 4, "a thing that comes back to life is loaded again");
}
