//! The registers a part at a time, and what is open now.

use medicines::controlled::Place;
use medicines::stock::{Account, Movement, TransferState};
use medicines::{Fact, RowKind};

use crate::fold::transfer;
use crate::hand::{Hand, row};
use crate::registers::classified;

fn moved(text: &str, item: &str, to: Account) -> Fact {
    let mut moved = transfer(text, Movement::Transfer, TransferState::Posted);
    (moved.item, moved.to) = (item.to_owned(), to);
    Fact::Moved(Box::new(moved))
}

/// A pharmacy, two wards and two patients, each with a page of two items.
fn filled() -> Hand {
    let mut hand = Hand::new();
    hand.entry(&[classified(&["CODE", "MORPH10"], 1)]);
    let places = [
        Account::Pharmacy,
        Account::WardStock("B".into()),
        Account::WardStock("A".into()),
        Account::OwnDrugs(crate::hand::id("p1")),
        Account::TakeHome(crate::hand::id("p2")),
    ];
    for (n, place) in places.into_iter().enumerate() {
        for item in ["MORPH10", "CODE"] {
            hand.entry(&[moved(&format!("t{n}{item}"), item, place.clone())]);
        }
    }
    hand
}

#[test]
fn pages_come_in_their_order_a_part_at_a_time() {
    let hand = filled();
    let reader = hand.reader();
    let all: Vec<(String, String)> = reader
        .registers()
        .unwrap()
        .into_iter()
        .map(|page| (page.place.to_string(), page.item))
        .collect();
    assert_eq!(all.len(), 12, "the cabinet that they came from has its pages too");
    for limit in 1..=5 {
        let (mut found, mut after): (Vec<(String, String)>, _) = (Vec::new(), None);
        loop {
            let from = after
                .as_ref()
                .map(|(place, item): &(String, String)| (place.as_str(), item.as_str()));
            let part = reader.registers_after(None, from, limit).unwrap();
            let part: Vec<_> =
                part.into_iter().map(|page| (page.place.to_string(), page.item)).collect();
            assert!(part.len() <= limit);
            after = part.last().cloned();
            found.extend(part);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, all, "{limit} at a time");
    }
    let ward: Place = "ward:A".parse().unwrap();
    let of_ward = reader.registers_after(Some(&ward), None, 100).unwrap();
    let items: Vec<&str> = of_ward.iter().map(|page| page.item.as_str()).collect();
    assert_eq!(items, ["CODE", "MORPH10"]);
    assert_eq!(reader.register_page(&ward, "CODE").unwrap().as_ref(), of_ward.first());
    assert_eq!(reader.register_page(&ward, "NONE").unwrap(), None);
}

#[test]
fn places_of_patients_are_in_no_list() {
    let reader = filled().reader();
    let places = reader.register_places().unwrap();
    let places: Vec<String> = places.iter().map(Place::to_string).collect();
    assert_eq!(places, ["cabinet:ADC/A1", "pharmacy", "ward:A", "ward:B"]);
    assert!(Hand::new().reader().register_places().unwrap().is_empty());
}

#[test]
fn only_what_is_open_is_in_hands() {
    let removal = |text: &str, in_hands: &str| {
        let moved = transfer(text, Movement::Removal, TransferState::Posted);
        let moved = serde_json::to_value(&moved).unwrap();
        let due = "2026-11-20T12:00:00Z";
        serde_json::json!({ "transfer": moved, "in_hands": in_hands, "due": due }).to_string()
    };
    let mut hand = Hand::new();
    let rows = [
        row(RowKind::Removal, "a", true, &removal("a", "2")),
        row(RowKind::Removal, "b", false, &removal("b", "0")),
        row(RowKind::Removal, "c", true, &removal("c", "0.5")),
    ];
    hand.entry_with(&[], &rows);
    let reader = hand.reader();
    let ids = |wanted: &dyn Fn(&medicines::state::Removal) -> bool| -> Vec<String> {
        let open = reader.open_removals(wanted).unwrap();
        open.iter().map(|one| one.transfer.id.to_string()).collect()
    };
    assert_eq!(ids(&|_| true), ["a", "c"]);
    assert_eq!(ids(&|one| one.in_hands < rust_decimal::Decimal::ONE), ["c"]);
    assert!(reader.open_consignments(|_| true).unwrap().is_empty());
}
