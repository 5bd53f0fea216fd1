//! Peers that do not behave.

use std::time::Duration;

use channels::{OnRefused, OnUnknown, Resync};
use medicines::cases::CaseKind;
use medicines::deliveries::DeliveryState::{Delivered, Parked, Refused, Unknown, Waiting};

use crate::peer::{Peer, Say, ack, id, number};
use crate::rig::{engine, node, outbound, until};

/// A naive engine sends again at once, on a new connection, for as long as nobody answers.
#[tokio::test(flavor = "multi_thread")]
async fn resend_storm() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, _| vec![Say::Close]).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Resend, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.admit("A01", "H2", "c2").await;
    peer.wait(1).await;
    let entries = *engine.progress().borrow();
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Waits double from a tenth of a second, each shortened by a half at most: at most seven in
    // three seconds; a storm has thousands.
    assert!(peer.count() <= 12, "{} messages", peer.count());
    assert!(peer.connections() <= 12, "{} connections", peer.connections());
    let grown = *engine.progress().borrow() - entries;
    assert!(grown <= 6, "{grown} entries of a peer that is not there");
    node.running.shutdown().await;
}

/// A naive engine waits for ever, or sends the same message again for ever, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn peer_that_never_answers() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| match number(message).as_str() {
        "H1" => Vec::new(),
        _ => vec![Say::Now(ack("AA", &id(message)))],
    })
    .await;
    let mut config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    config.max_resends = 1;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.admit("A08", "H1", "c2").await;
    node.admit("A01", "H2", "c3").await;
    until("a person is asked", || !node.cases().is_empty()).await;
    node.stand(&[Unknown, Waiting, Delivered]).await;
    assert_eq!(node.unanswered().delivery.unwrap().as_str(), id(&peer.messages()[0]));
    let tried = peer.told().iter().filter(|told| told.starts_with("H1")).count();
    assert_eq!(tried, 2, "once, and once again");
    node.running.shutdown().await;
}

/// A naive engine either drops what is refused without a word, or sends it again without end and
/// blocks everybody behind it.
#[tokio::test(flavor = "multi_thread")]
async fn peer_that_answers_ae_for_ever() {
    for code in ["AE", "AR", "CE", "CR"] {
        for policy in [OnRefused::Skip, OnRefused::Hold, OnRefused::Retry] {
            let dir = tempfile::tempdir().unwrap();
            let engine = engine(dir.path());
            let peer = Peer::start(move |_, message| {
                let code = if number(message) == "H1" { code } else { "AA" };
                vec![Say::Now(ack(code, &id(message)))]
            })
            .await;
            let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
            (config.on_refused, config.max_retries) = (policy, 1);
            let node = node(&engine, config.clone()).await;
            node.admit("A01", "H1", "c1").await;
            node.admit("A08", "H1", "c2").await;
            node.admit("A01", "H2", "c3").await;
            let (states, tried, kind) = match policy {
                OnRefused::Skip => ([Refused, Refused, Delivered], 2, CaseKind::RefusedDelivery),
                OnRefused::Hold => ([Parked, Waiting, Delivered], 1, CaseKind::ParkedDelivery),
                OnRefused::Retry => ([Parked, Waiting, Delivered], 2, CaseKind::ParkedDelivery),
            };
            node.stand(&states).await;
            until("a case", || node.cases().iter().any(|case| case.kind == kind)).await;
            let count = || peer.told().iter().filter(|told| told.starts_with("H1")).count();
            assert_eq!(count(), tried, "{code} {policy:?}");
            // It stays so over a restart, and a person's word lets the others of the patient go.
            node.running.shutdown().await;
            let node = crate::rig::node(&engine, config).await;
            node.admit("A01", "H3", "c4").await;
            peer.wait(tried + 2).await;
            assert_eq!(count(), tried, "{code} {policy:?}: not again after a start");
            if kind == CaseKind::ParkedDelivery {
                node.settle(&node.cases()[0].id, "give-up").await;
                until("the next is tried", || count() > tried).await;
                assert_eq!(node.states()[0], Refused);
            }
            node.running.shutdown().await;
        }
    }
}
