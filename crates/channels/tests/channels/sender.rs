//! The sender against peers that behave and peers that do not, with a real engine.

use crate::rig::{Act, Peer, adt, engine, node, outbound, until};
use channels::dialect::Dialect;
use channels::inbound::{self, InboundChannel};
use channels::{LinkState, OnUnknown, Resync};
use medicines::deliveries::DeliveryState;

use DeliveryState::{Delivered, Refused, Superseded, Unknown, Waiting};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_arrives_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.admit("A08", "H1", "c2").await;
    node.admit("A01", "H2", "c3").await;
    until("all is delivered", || {
        let states = node.states();
        states.len() >= 3 && states.iter().all(|state| *state == Delivered)
    })
    .await;
    let of_first: Vec<_> =
        peer.messages().into_iter().filter(|text| text.contains("|H1^")).collect();
    assert!(of_first[0].contains("|ADT^A01^ADT_A01|"), "{of_first:?}");
    assert!(of_first.last().unwrap().contains("|ADT^A08^ADT_A01|"), "{of_first:?}");
    assert!(of_first[0].contains("|WARDC^BAY2^B03|"), "{of_first:?}");
    let health = node.health();
    assert_eq!(health.state, LinkState::Up);
    assert_eq!((health.refused, health.errors, health.last_error), (0, 0, None));
    assert_eq!(health.sent, health.received);
    until("the queue is empty", || node.health().queue == 0).await;
    let ids: Vec<_> = node.deliveries().iter().map(|view| view.delivery.id.to_string()).collect();
    let mut sent = peer.ids();
    sent.sort();
    let mut queued = ids.clone();
    queued.sort();
    assert_eq!(sent, queued, "the control id is the delivery's id, and each is sent once");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_patients_are_each_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    for n in 0..300 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    until("all is delivered", || {
        let states = node.states();
        states.len() >= 300 && states.iter().all(|state| *state == Delivered)
    })
    .await;
    let mut ids = peer.ids();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "nothing was sent twice");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_opens_a_case_and_the_queue_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Answer("AE")]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    peer.wait(1).await;
    node.admit("A01", "H2", "c2").await;
    node.stand(&[Refused, Delivered]).await;
    let refused = &node.deliveries()[0];
    assert_eq!(refused.detail.as_deref(), Some("AE 204"), "codes and no words");
    assert_eq!(node.health().refused, 1);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_message_is_sent_again_where_the_policy_says_so() {
    for first in [Act::Silent, Act::Wrong, Act::Late, Act::Close] {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let peer = Peer::start(&[first, first]).await;
        let node = node(&engine, outbound(peer.address, OnUnknown::Resend, Resync::Never)).await;
        node.admit("A01", "H1", "c1").await;
        node.stand(&[Delivered]).await;
        let ids = peer.ids();
        assert_eq!(ids.len(), 3, "{first:?}");
        assert!(ids.iter().all(|id| *id == ids[0]), "{first:?}: the same control id");
        assert_eq!(peer.connections(), 3, "{first:?}: a line that was given up is not used again");
        // A peer that closes each new connection may be gone altogether: only its first time
        // is told.
        let told = if matches!(first, Act::Close) { 1 } else { 2 };
        assert_eq!(node.deliveries()[0].attempts, told + 1, "{first:?}");
        assert_eq!(node.health().last_error, None, "{first:?}");
        node.running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_message_is_held_where_the_policy_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Silent]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Unknown]).await;
    node.admit("A08", "H1", "c2").await;
    node.admit("A01", "H2", "c3").await;
    node.stand(&[Unknown, Waiting, Delivered]).await;
    assert_eq!(peer.patients(), ["H1", "H2"]);
    until("the queue is told", || node.health().queue == 2).await;

    let case = node.unanswered();
    assert_eq!(case.delivery.as_ref(), Some(&node.deliveries()[0].delivery.id));

    // Somebody has looked at the cabinet: it does not have the message.
    node.settle(&case.id, "resend").await;
    node.stand(&[Delivered, Delivered, Delivered]).await;
    assert_eq!(peer.patients(), ["H1", "H2", "H1", "H1"]);
    assert_eq!(peer.ids()[0], peer.ids()[2], "the same control id");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_message_is_let_go_by_what_a_person_decides() {
    let check = async |words: &str, state: DeliveryState| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let peer = Peer::start(&[Act::Silent]).await;
        let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
        node.admit("A01", "H1", "c1").await;
        node.stand(&[Unknown]).await;
        node.admit("A08", "H1", "c2").await;
        node.settle(&node.unanswered().id, words).await;
        node.stand(&[state, Delivered]).await;
        assert_eq!(peer.count(), 2, "{words}: it is not sent again");
        node.running.shutdown().await;
    };
    check("delivered", Delivered).await;
    check("give-up", Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_and_is_not_answered_again_is_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Silent, Act::Silent]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Unknown]).await;
    let first = node.unanswered().id;
    node.settle(&first, "resend").await;
    until("another case", || node.cases().iter().any(|case| case.id != first)).await;
    node.settle(&node.unanswered().id, "resend").await;
    node.stand(&[Delivered]).await;
    assert_eq!(peer.count(), 3);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_the_peer_cannot_answer_holds_back_its_patient_alone() {
    for act in [Act::Silent, Act::Close] {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let peer = Peer::poisoned("H1", act).await;
        let mut config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
        config.max_resends = 1;
        let node = node(&engine, config.clone()).await;
        node.admit("A01", "H1", "c1").await;
        node.stand(&[Unknown]).await;
        node.admit("A08", "H1", "c2").await;
        node.admit("A01", "H2", "c3").await;
        node.stand(&[Unknown, Waiting, Delivered]).await;
        until("a case is open", || node.cases().len() == 1).await;
        let tried = peer.count();
        node.admit("A01", "H3", "c4").await;
        node.stand(&[Unknown, Waiting, Delivered, Delivered]).await;
        assert_eq!(peer.count(), tried + 1, "{act:?}: it is not tried any more");
        // It is held after a start too.
        node.running.shutdown().await;
        let node = crate::rig::node(&engine, config).await;
        node.admit("A01", "H4", "c5").await;
        node.stand(&[Unknown, Waiting, Delivered, Delivered, Delivered]).await;
        assert_eq!(peer.count(), tried + 2, "{act:?}");
        assert_eq!(node.cases().len(), 1, "{act:?}");
        node.settle(&node.unanswered().id, "give-up").await;
        until("what follows is tried", || peer.patients().ends_with(&["H1".to_owned()])).await;
        node.running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_down_altogether_does_not_use_up_the_attempts() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Close; 5]).await;
    let mut config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    config.max_resends = 1;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Delivered]).await;
    assert_eq!(peer.count(), 6);
    assert_eq!(node.deliveries()[0].attempts, 2, "once unknown, once delivered");
    assert!(node.cases().is_empty());
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_policy_holds_is_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::poisoned("H1", Act::Close).await;
    let mut config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    let first = node(&engine, config.clone()).await;
    first.admit("A01", "H1", "c1").await;
    first.stand(&[Unknown]).await;
    assert!(first.cases().is_empty());
    first.running.shutdown().await;
    config.on_unknown = OnUnknown::Hold;
    for _ in 0..2 {
        let second = node(&engine, config.clone()).await;
        until("a case is open", || !second.cases().is_empty()).await;
        assert_eq!(second.cases().len(), 1);
        second.running.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_of_another_message_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::WrongThenRight, Act::Babble]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Delivered]).await;
    assert_eq!(node.health().errors, 1);
    node.admit("A01", "H2", "c2").await;
    node.stand(&[Delivered, Delivered]).await;
    assert_eq!(node.deliveries()[1].detail.as_deref(), Some("CA"));
    assert_eq!(node.health().errors, 3, "noise, and a message that is no acknowledgement");
    assert_eq!(peer.ids().len(), 2);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_comes_late_gets_everything_and_its_profile() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    // A free port on which nobody listens yet.
    let address = Peer::start(&[]).await.address;
    let node = node(&engine, outbound(address, OnUnknown::Hold, Resync::Reconnect)).await;
    node.admit("A01", "H1", "c1").await;
    until("the peer is missed", || node.health().state == LinkState::Down).await;
    assert_eq!(node.health().last_error, Some("connect-failed"));
    until("the queue is told", || node.health().queue == 1).await;
    let peer = loop {
        // The port is free again once the first listener is gone.
        match tokio::net::TcpListener::bind(address).await {
            Ok(free) => {
                drop(free);
                break Peer::on(address, &[]).await;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    };
    // The message that waited, and the whole profile of the patient.
    node.stand(&[Delivered, Delivered]).await;
    assert!(node.deliveries()[1].delivery.profile);
    assert_eq!(peer.patients(), ["H1", "H1"]);
    assert_eq!(node.health().state, LinkState::Up);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_peer_gets_its_profile_once_and_a_silent_one_none() {
    let check = async |act: Act, profiles: usize| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        // The profile at the start is empty; the first message is answered, the second is not.
        let peer = Peer::start(&[Act::Answer("AA"), act]).await;
        let node =
            node(&engine, outbound(peer.address, OnUnknown::Resend, Resync::Reconnect)).await;
        until("the first profile", || node.health().state == LinkState::Up).await;
        node.admit("A01", "H1", "c1").await;
        node.stand(&[Delivered]).await;
        node.admit("A01", "H2", "c2").await;
        let all = 2 + profiles;
        until("all is delivered", || {
            let states = node.states();
            states.len() == all
                && states.iter().all(|state| matches!(state, Delivered | Superseded))
        })
        .await;
        let views = node.deliveries();
        assert_eq!(views.iter().filter(|view| view.delivery.profile).count(), profiles, "{act:?}");
        node.running.shutdown().await;
    };
    check(Act::Close, 2).await;
    check(Act::Silent, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_survives_a_stop() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Silent]).await;
    let config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    let first = node(&engine, config.clone()).await;
    first.admit("A01", "H1", "c1").await;
    peer.wait(1).await;
    first.admit("A08", "H1", "c2").await;
    first.running.shutdown().await;
    let second = node(&engine, config).await;
    second.stand(&[Delivered, Delivered]).await;
    let ids = peer.ids();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1], "the unanswered one goes first, with its control id");
    second.running.shutdown().await;
}

/// How many messages a second one sender delivers to a peer that answers at once, with the outcome
/// of each journaled. Run by hand, as the listener's measurement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn speed_of_a_sender() {
    const PATIENTS: u32 = 5000;
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let channel = InboundChannel::new("pas", Dialect::default(), "RXX", &[], "P");
    let mut admissions = tokio::task::JoinSet::new();
    for n in 0..PATIENTS {
        let raw = adt("A01", &format!("H{n}"), &format!("c{n}")).into_bytes();
        let request = inbound::read(&raw, &channel).request;
        let command = engine::Command::internal("pas", engine.clock().now(), request);
        let engine = engine.clone();
        admissions.spawn(async move { engine.submit(command).await.unwrap() });
    }
    admissions.join_all().await;
    let peer = Peer::start(&[]).await;
    let began = std::time::Instant::now();
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    let all = usize::try_from(PATIENTS).unwrap();
    until("all is sent", || peer.count() == all).await;
    let sent = f64::from(PATIENTS) / began.elapsed().as_secs_f64();
    until("all is recorded", || node.health().queue == 0).await;
    println!("{sent:.0} messages a second");
    node.running.shutdown().await;
}
