//! The registers of controlled drugs equal the ledger, whatever happened in whatever order.

use std::collections::BTreeMap;

use fhir::ResourceType;
use medicines::Fact;
use medicines::cases::CaseKind;
use medicines::controlled::{
    Classes, ControlledFact, Correction, Count, EntryKind, Note, Place, RegisterEntry, Schedule,
    Seen,
};
use medicines::stock::{Account, Movement, PocketAddress, Transfer, TransferState};
use proptest::prelude::*;
use record::{MAX_ENTRIES, RegisterWindow};
use rust_decimal::Decimal;

use crate::fold::{case, transfer};
use crate::hand::{Hand, at, id, stored};

fn fact(fact: ControlledFact) -> Fact {
    Fact::Controlled(Box::new(fact))
}

/// From now on these items are controlled drugs of Schedule 2, and no others.
pub(crate) fn classified(items: &[&str], seq: u64) -> Fact {
    let items: Vec<String> = items.iter().map(|&item| item.to_owned()).collect();
    fact(ControlledFact::Classified(Classes {
        items: items.iter().map(|item| (item.clone(), Schedule::Two)).collect(),
        registered: items.into_iter().collect(),
        since: at(seq),
    }))
}

pub(crate) fn counted(text: &str, found: i64, seq: u64) -> Fact {
    fact(ControlledFact::Counted(Count {
        id: id(text),
        account: Account::WardStock("A".into()),
        item: "MORPH10".into(),
        expected: 7.into(),
        found: found.into(),
        person: "S7".into(),
        witness: Some("S8".into()),
        seen: Some(Seen::Signed(id("s1"))),
        activity: at(seq),
    }))
}

pub(crate) fn noted(transfer: &str, corrects: &str, _seq: u64) -> Fact {
    fact(ControlledFact::Noted(Note {
        transfer: Some(id(transfer)),
        reason: Some("why".into()),
        corrects: (corrects != transfer).then(|| id(corrects)),
        ..Note::default()
    }))
}

pub(crate) fn corrected(text: &str, of: &str, seq: u64) -> Fact {
    fact(ControlledFact::Corrected(Correction {
        id: id(text),
        of: id(of),
        item: "MORPH10".into(),
        note: "right".into(),
        person: "S7".into(),
        witness: None,
        seen: None,
        activity: at(seq),
    }))
}

fn account(n: u8, of: &str) -> Account {
    let pocket = |pocket: &str| Account::Pocket {
        cabinet: "ADC/A1".into(),
        address: PocketAddress { pocket: pocket.into(), ..PocketAddress::default() },
    };
    match n % 10 {
        0 => Account::Pharmacy,
        1 => Account::WardStock("A".into()),
        2 => pocket("1"),
        3 => pocket("2"),
        4 => Account::ReturnBin("ADC/A1".into()),
        5 => Account::Hands(id(of)),
        6 => Account::Waste,
        7 => Account::OwnDrugs(id("p1")),
        8 => Account::Discrepancy("ADC/A1".into()),
        _ => Account::Relabelled,
    }
}

fn moved(text: &str, from: Account, to: Account, units: u8, state: TransferState) -> Transfer {
    let movement = if to == Account::Relabelled || from == Account::Relabelled {
        Movement::Relabel
    } else {
        Movement::Transfer
    };
    let quantity = Decimal::new(i64::from(units), 1);
    Transfer { from, to, quantity, ..transfer(text, movement, state) }
}

/// The whole page of a place.
fn page(hand: &Hand, place: &str) -> Vec<RegisterEntry> {
    let window = RegisterWindow { limit: MAX_ENTRIES, ..RegisterWindow::default() };
    let slice = hand.reader().register(&place.parse().unwrap(), "MORPH10", &window).unwrap();
    slice.map(|slice| slice.entries).unwrap_or_default()
}

/// What a step does: from where to where, how much, how it stands, or another fact.
type Step = (u8, u8, u8, u8);

/// Plays the steps, each an entry; relabelling comes in pairs, as the ledger has it.
fn play(steps: &[Step]) -> (Hand, Vec<Transfer>) {
    let mut hand = Hand::new();
    let mut posted = Vec::new();
    for (n, (from, to, units, what)) in steps.iter().enumerate() {
        let seq = u64::try_from(n).unwrap() + 1;
        let text = format!("t{}", what % 7 + 10 * u8::try_from(n % 20).unwrap());
        let (from, to) = (account(*from, "t0"), account(*to, "t0"));
        let units = units % 50 + 1;
        let facts = match what % 8 {
            0 => vec![classified(&["MORPH10"], seq)],
            1 => vec![classified(&[], seq)],
            2 => vec![counted(&format!("n{seq}"), 3, seq)],
            3 => vec![corrected(&format!("k{seq}"), &text, seq)],
            _ if from == to => vec![],
            _ => {
                let name = format!("m{seq}");
                let pending = TransferState::Pending { expires: at(seq) };
                let state = if *what % 8 == 4 { pending } else { TransferState::Posted };
                let one = moved(&name, from, to, units, state);
                let mut all = vec![one.clone()];
                if one.movement == Movement::Relabel && state == TransferState::Posted {
                    all.push(moved(&format!("{name}b"), one.to, one.from, units, state));
                }
                posted.extend(all.iter().filter(|t| t.state == TransferState::Posted).cloned());
                all.into_iter().map(|one| Fact::Moved(Box::new(one))).collect()
            }
        };
        hand.entry(&facts);
    }
    let seq = u64::try_from(steps.len()).unwrap() + 1;
    hand.entry(&[classified(&["MORPH10"], seq)]);
    (hand, posted)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_register_equals_the_ledger(
        steps in proptest::collection::vec(any::<Step>(), 1..60)
    ) {
        let (hand, posted) = play(&steps);
        let mut ledger: BTreeMap<Place, Decimal> = BTreeMap::new();
        for moved in &posted {
            for (account, sign) in [(&moved.from, -Decimal::ONE), (&moved.to, Decimal::ONE)] {
                if let Some(place) = Place::of(account) {
                    *ledger.entry(place).or_default() += sign * moved.quantity;
                }
            }
        }
        let reader = hand.reader();
        for page in reader.registers().unwrap() {
            let expected = ledger.remove(&page.place).unwrap_or_default();
            prop_assert_eq!(page.balance, expected, "{}", page.place);
            let entries = self::page(&hand, &page.place.to_string());
            prop_assert_eq!(u64::try_from(entries.len()).unwrap(), page.entries);
            let mut balance = Decimal::ZERO;
            for (n, entry) in (1..).zip(&entries) {
                balance += entry.received - entry.issued;
                prop_assert_eq!((entry.number, entry.balance), (n, balance));
            }
        }
        for (place, left) in ledger {
            prop_assert_eq!(left, Decimal::ZERO, "{} has no page", place);
        }
    }

    #[test]
    fn nothing_is_altered(steps in proptest::collection::vec(any::<Step>(), 2..50)) {
        let cut = steps.len() / 2;
        let (before, _) = play(&steps[..cut]);
        let (after, _) = play(&steps);
        for page in before.reader().registers().unwrap() {
            let place = page.place.to_string();
            let earlier = self::page(&before, &place);
            let later = self::page(&after, &place);
            // What is told later may be of an item that was no controlled drug meanwhile; the
            // entries that were there stay the first.
            for (one, other) in earlier.iter().zip(&later) {
                let plain = |entry: &RegisterEntry| RegisterEntry {
                    corrected_by: vec![],
                    ..entry.clone()
                };
                prop_assert_eq!(plain(one), plain(other));
            }
            prop_assert!(later.len() >= earlier.len());
        }
    }
}

#[test]
fn an_entry_says_who_stood_by_on_whose_authority_and_why() {
    let mut hand = Hand::new();
    let members = r#""status":"active","intent":"order",
        "identifier":[{"system":"s","value":"7001"}],
        "requester":{"identifier":{"value":"D4"},"display":"Doctor, Dora"},
        "subject":{"reference":"Patient/p1"}"#;
    let order = stored(ResourceType::MedicationRequest, "o1", 1, at(1), members);
    hand.entry(&[Fact::Stored(order), classified(&["MORPH10"], 1)]);
    let mut taken = moved("h1", account(2, ""), account(5, "h1"), 10, TransferState::Posted);
    (taken.movement, taken.order) = (Movement::Removal, Some(id("o1")));
    taken.witness = Some("S8".into());
    let mut other = moved("h2", account(2, ""), account(5, "h2"), 10, TransferState::Posted);
    other.case = Some(id("c1"));
    let opened = Fact::CaseOpened(Box::new(case("c1", CaseKind::Override, 2, None)));
    hand.entry(&[Fact::Moved(Box::new(taken)), opened, Fact::Moved(Box::new(other))]);
    let mut wasted = moved("w1", account(5, "h1"), Account::Waste, 4, TransferState::Posted);
    (wasted.movement, wasted.cabinet) = (Movement::Waste, None);
    let note = Note {
        transfer: Some(id("w1")),
        seen: Some(Seen::Signed(id("s1"))),
        reason: Some("part dose".into()),
        ..Note::default()
    };
    hand.entry(&[Fact::Moved(Box::new(wasted)), fact(ControlledFact::Noted(note))]);
    hand.entry(&[noted("w2", "w1", 4)]);

    let entries = page(&hand, "cabinet:ADC/A1");
    let [removed, alone, waste] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!((removed.kind, removed.issued), (EntryKind::Removed, Decimal::ONE));
    let authority = removed.authority.as_ref().unwrap();
    assert_eq!(authority.number.as_deref(), Some("7001"));
    assert_eq!(authority.prescriber.as_deref(), Some("Doctor, Dora"));
    assert_eq!(removed.witnessed, Some(Seen::Device));
    assert_eq!(
        (alone.reason.as_deref(), alone.authority.as_ref()),
        (Some("unknown-patient"), None)
    );
    assert_eq!((waste.kind, waste.handled), (EntryKind::Wasted, "0.4".parse().unwrap()));
    assert_eq!((waste.balance, waste.issued), ((-2).into(), Decimal::ZERO));
    assert_eq!(waste.witnessed, Some(Seen::Signed(id("s1"))));
    assert_eq!(waste.reason.as_deref(), Some("part dose"));
    assert_eq!(waste.corrected_by, [id("w2")]);
    assert_eq!(
        hand.reader().register(&Place::Pharmacy, "MORPH10", &RegisterWindow::default()).unwrap(),
        None
    );
}
