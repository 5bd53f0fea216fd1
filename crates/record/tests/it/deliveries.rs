//! What is sent next, and what replaces what.

use medicines::Fact;
use medicines::deliveries::{DeliveryState, Which};

use crate::hand::{Hand, at, change, delivery, id, queued};

#[track_caller]
fn check(hand: &Hand, channel: &str, expected: &[&str]) {
    let next = hand.reader().deliveries(channel, 10).unwrap();
    let ids: Vec<String> = next.iter().map(|next| next.delivery.id.to_string()).collect();
    assert_eq!(ids, expected, "{channel}");
}

#[test]
fn the_oldest_of_every_patient_comes_first() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "adc", "p1", 1), queued("a2", "adc", "p1", 1)]);
    hand.entry(&[queued("b1", "adc", "p2", 2), queued("x1", "epma", "p1", 2)]);
    hand.entry(&[queued("c1", "adc", "p3", 3), queued("b2", "adc", "p2", 3)]);
    check(&hand, "adc", &["a1", "b1", "c1"]);
    check(&hand, "epma", &["x1"]);
    check(&hand, "nobody", &[]);
    assert_eq!(hand.reader().deliveries("adc", 2).unwrap().len(), 2);

    hand.entry(&[change("adc", Which::One(id("b1")), DeliveryState::Delivered, 4)]);
    check(&hand, "adc", &["a1", "c1", "b2"]);
    // One whose fate is unknown holds back those of its patient, and nobody else.
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Unknown, 5)]);
    check(&hand, "adc", &["a1", "c1", "b2"]);
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Refused, 6)]);
    check(&hand, "adc", &["a2", "c1", "b2"]);
}

#[test]
fn a_delivery_tells_what_became_of_it() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "adc", "p1", 1)]);
    for (seq, state) in
        [(2, DeliveryState::Unknown), (3, DeliveryState::Waiting), (4, DeliveryState::Delivered)]
    {
        hand.entry(&[change("adc", Which::One(id("a1")), state, seq)]);
        let view = hand.reader().delivery(&id("a1")).unwrap().unwrap();
        assert_eq!((view.state, view.changed_at, view.seq), (state, at(seq), 1));
        assert_eq!(view.detail.as_deref(), Some("AA"));
        assert_eq!(view.delivery, delivery("a1", "adc", "p1", 1, false));
    }
    let view = hand.reader().delivery(&id("a1")).unwrap().unwrap();
    assert_eq!(view.attempts, 1, "one that waits again begins anew");
    assert_eq!(hand.reader().last_delivered("adc").unwrap(), Some(at(4)));
    assert_eq!(hand.reader().last_delivered("epma").unwrap(), None);
    hand.entry(&[change("adc", Which::One(id("never")), DeliveryState::Delivered, 5)]);
    assert_eq!(hand.reader().latest_deliveries(None, 10).unwrap().len(), 1);
}

#[test]
fn a_new_profile_replaces_what_is_left_of_the_older_one() {
    let mut hand = Hand::new();
    let part =
        |text: &str, channel: &str, seq| Fact::Queued(delivery(text, channel, "p1", seq, true));
    hand.entry(&[part("a1", "adc", 1), part("a2", "adc", 1), part("a3", "adc", 1)]);
    hand.entry(&[part("x1", "other", 2), queued("n1", "adc", "p2", 2)]);
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Delivered, 3)]);
    hand.entry(&[change("adc", Which::One(id("a2")), DeliveryState::Unknown, 4)]);
    // The entry queues the new profile first and then says what it replaces.
    hand.entry(&[
        part("b1", "adc", 5),
        change("adc", Which::OlderProfile, DeliveryState::Superseded, 5),
        part("b2", "adc", 5),
    ]);
    let state = |text: &str| hand.reader().delivery(&id(text)).unwrap().unwrap().state;
    for (text, expected) in [
        ("a1", DeliveryState::Delivered),
        ("a2", DeliveryState::Superseded),
        ("a3", DeliveryState::Superseded),
        ("x1", DeliveryState::Waiting),
        ("n1", DeliveryState::Waiting),
        ("b1", DeliveryState::Waiting),
        ("b2", DeliveryState::Waiting),
    ] {
        assert_eq!(state(text), expected, "{text}");
    }
    check(&hand, "adc", &["n1", "b1"]);
    check(&hand, "other", &["x1"]);
}

#[test]
fn only_an_unanswered_delivery_can_wait_again() {
    let check = |state: DeliveryState, after: DeliveryState| {
        let mut hand = Hand::new();
        hand.entry(&[queued("a1", "adc", "p1", 1)]);
        hand.entry(&[change("adc", Which::One(id("a1")), state, 2)]);
        hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Waiting, 3)]);
        let view = hand.reader().delivery(&id("a1")).unwrap().unwrap();
        assert_eq!(view.state, after, "{state:?}");
    };
    check(DeliveryState::Unknown, DeliveryState::Waiting);
    for over in [DeliveryState::Delivered, DeliveryState::Refused, DeliveryState::Superseded] {
        check(over, over);
    }
}

#[test]
fn queues_tell_their_depth_and_age() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "adc", "p1", 1), queued("x1", "epma", "p1", 1)]);
    hand.entry(&[queued("a2", "adc", "p1", 2)]);
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Delivered, 3)]);
    let reader = hand.reader();
    let queues = reader.queues().unwrap();
    let told: Vec<_> = queues.iter().map(|q| (q.channel.as_str(), q.depth, q.oldest)).collect();
    assert_eq!(told, [("adc", 1, at(2)), ("epma", 1, at(1))]);
    assert_eq!(reader.queue("adc").unwrap().as_ref(), queues.first());
    assert_eq!(reader.queue("nobody").unwrap(), None);
    let latest = reader.latest_deliveries(None, 2).unwrap();
    assert_eq!(latest[0].delivery.id, id("a2"));
    let before = reader.latest_deliveries(Some(latest[1].n), 2).unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].delivery.id, id("a1"));
}
