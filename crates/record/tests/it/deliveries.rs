//! What is sent next, and what replaces what.

use medicines::Fact;
use medicines::deliveries::{DeliveryState, Which};

use crate::hand::{Hand, at, change, delivery, id, queued};

#[track_caller]
fn check(hand: &Hand, channel: &str, expected: &[&str]) {
    let next = hand.reader().deliveries(channel, 10, |_| true).unwrap();
    let ids: Vec<String> = next.iter().map(|next| next.delivery.id.to_string()).collect();
    assert_eq!(ids, expected, "{channel}");
}

#[test]
fn the_oldest_comes_first_and_nothing_behind_one_that_holds() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "adc", "p1", 1), queued("a2", "adc", "p1", 1)]);
    hand.entry(&[queued("b1", "adc", "p2", 2), queued("x1", "epma", "p1", 2)]);
    hand.entry(&[queued("c1", "adc", "p3", 3), queued("b2", "adc", "p2", 3)]);
    check(&hand, "adc", &["a1", "a2", "b1", "c1", "b2"]);
    check(&hand, "epma", &["x1"]);
    check(&hand, "nobody", &[]);
    assert_eq!(hand.reader().deliveries("adc", 2, |_| true).unwrap().len(), 2);
    let not_a = |view: &record::DeliveryView| view.delivery.key != id("p1");
    assert_eq!(hand.reader().deliveries("adc", 2, not_a).unwrap()[0].delivery.id, id("b1"));

    hand.entry(&[change("adc", Which::One(id("b1")), DeliveryState::Delivered, 4)]);
    check(&hand, "adc", &["a1", "a2", "c1", "b2"]);
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
    check(&hand, "adc", &["n1", "b1", "b2"]);
    check(&hand, "other", &["x1"]);
}

#[test]
fn only_an_open_delivery_that_was_told_can_wait_again() {
    let check = |state: DeliveryState, after: DeliveryState| {
        let mut hand = Hand::new();
        hand.entry(&[queued("a1", "adc", "p1", 1)]);
        hand.entry(&[change("adc", Which::One(id("a1")), state, 2)]);
        hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Waiting, 3)]);
        let view = hand.reader().delivery(&id("a1")).unwrap().unwrap();
        assert_eq!(view.state, after, "{state:?}");
    };
    for told in [DeliveryState::Unknown, DeliveryState::Parked, DeliveryState::InFlight] {
        check(told, DeliveryState::Waiting);
    }
    check(DeliveryState::Accepted, DeliveryState::Accepted);
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

#[test]
fn what_holds_a_patient_back_holds_that_patient_alone() {
    for held in [DeliveryState::Unknown, DeliveryState::Deferred, DeliveryState::Parked] {
        let mut hand = Hand::new();
        hand.entry(&[queued("a1", "adc", "p1", 1), queued("a2", "adc", "p1", 1)]);
        hand.entry(&[change("adc", Which::One(id("a1")), held, 2)]);
        hand.entry(&[queued("a3", "adc", "p1", 3), queued("b1", "adc", "p2", 3)]);
        check(&hand, "adc", &["a1", "b1"]);
        hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Waiting, 4)]);
        check(&hand, "adc", &["a1", "a2", "a3", "b1"]);
    }
}

#[test]
fn what_the_peer_has_stored_holds_back_others_only_where_it_is_said() {
    let accepted = |ahead: bool| {
        let mut hand = Hand::new();
        hand.entry(&[queued("a1", "adc", "p1", 1), queued("a2", "adc", "p1", 1)]);
        let mut fact = change("adc", Which::One(id("a1")), DeliveryState::Accepted, 2);
        if let Fact::Delivery(change) = &mut fact {
            change.ahead = ahead;
        }
        hand.entry(&[fact]);
        hand
    };
    let mut hand = accepted(false);
    check(&hand, "adc", &["a1"]);
    assert_eq!(hand.reader().accepted("adc", 10).unwrap().len(), 1);
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Delivered, 3)]);
    check(&hand, "adc", &["a2"]);
    assert_eq!(hand.reader().accepted("adc", 10).unwrap().len(), 0);
    check(&accepted(true), "adc", &["a1", "a2"]);
    // The application may be heard before the interface that has stored the message.
    hand.entry(&[change("adc", Which::One(id("a1")), DeliveryState::Accepted, 4)]);
    let view = hand.reader().delivery(&id("a1")).unwrap().unwrap();
    assert_eq!((view.state, view.attempts), (DeliveryState::Delivered, 1));
}

#[test]
fn what_waits_on_one_channel_goes_out_on_another_in_the_order_of_all() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "old", "p1", 1), queued("n1", "new", "p1", 1)]);
    hand.entry(&[queued("a2", "old", "p1", 2), queued("a3", "old", "p2", 2)]);
    hand.entry(&[queued("x1", "epma", "p1", 2), queued("n2", "new", "p2", 2)]);
    hand.entry(&[queued("a4", "old", "p3", 2)]);
    hand.entry(&[change("old", Which::One(id("a1")), DeliveryState::Unknown, 3)]);
    hand.entry(&[change("old", Which::One(id("a4")), DeliveryState::Delivered, 3)]);
    check(&hand, "new", &["n1", "n2"]);
    let rerouted = medicines::deliveries::Rerouted { from: "old".to_owned(), to: "new".to_owned() };
    hand.entry(&[Fact::Rerouted(rerouted), queued("a5", "old", "p1", 4)]);
    // What stood behind the one that is unknown still does, and now n1 does too.
    check(&hand, "new", &["a1", "a3", "n2"]);
    check(&hand, "old", &["a5"]);
    check(&hand, "epma", &["x1"]);
    let depth = |channel| hand.reader().queue(channel).unwrap().map_or(0, |queue| queue.depth);
    assert_eq!((depth("old"), depth("new")), (1, 5));
    let channel = |name| hand.reader().delivery(&id(name)).unwrap().unwrap().delivery.channel;
    assert_eq!((&*channel("a1"), &*channel("a4")), ("new", "old"), "what has ended stays");
    hand.entry(&[change("new", Which::One(id("a1")), DeliveryState::Delivered, 5)]);
    check(&hand, "new", &["n1", "a2", "a3", "n2"]);
}

#[test]
fn two_queues_become_one_when_two_patients_do() {
    let mut hand = Hand::new();
    hand.entry(&[queued("a1", "adc", "p1", 1), queued("b1", "adc", "p2", 1)]);
    hand.entry(&[queued("a2", "adc", "p1", 2), queued("b2", "adc", "p2", 2)]);
    hand.entry(&[queued("x1", "epma", "p2", 2), queued("c1", "adc", "p3", 2)]);
    hand.entry(&[change("adc", Which::One(id("b1")), DeliveryState::Unknown, 3)]);
    check(&hand, "adc", &["a1", "b1", "a2", "c1"]);
    let joined = medicines::deliveries::Joined { from: id("p2"), to: id("p1") };
    hand.entry(&[Fact::Joined(joined), queued("a3", "adc", "p1", 4)]);
    // What stands behind the one that is held waits, whoever it was about.
    check(&hand, "adc", &["a1", "b1", "c1"]);
    let view = hand.reader().delivery(&id("b2")).unwrap().unwrap();
    assert_eq!(view.delivery.key, id("p1"));
    assert_eq!(hand.reader().delivery(&id("x1")).unwrap().unwrap().delivery.key, id("p1"));
    hand.entry(&[change("adc", Which::One(id("b1")), DeliveryState::Delivered, 5)]);
    check(&hand, "adc", &["a1", "a2", "b2", "c1", "a3"]);
    assert_eq!(hand.reader().queue("adc").unwrap().unwrap().depth, 5);
}
