//! Acknowledgements that are not the answer to the message in flight.

use std::time::Duration;

use channels::{OnUnknown, Resync};
use medicines::cases::CaseKind;
use medicines::deliveries::DeliveryState::{Delivered, Unknown};

use crate::peer::{Peer, Say, accepts, ack, id};
use crate::rig::{Node, engine, node, outbound, until};

/// The bytes of the entry that the one case about stray acknowledgements leads to, and its count.
fn stray(node: &Node) -> Option<(String, u64, String)> {
    let cases = node.cases();
    let case = cases.iter().find(|case| case.kind == CaseKind::StrayAcknowledgement)?;
    let entry = node.engine.journal().unwrap().get(case.entry).unwrap().unwrap();
    let raw = String::from_utf8(entry.raw.clone()).unwrap();
    Some((raw, case.count.unwrap(), case.reason.clone()))
}

/// A naive engine takes the next acknowledgement for that of the message in flight: the second
/// message is then called delivered although its peer refused it, or never saw it.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_message_ack() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| vec![Say::Now(ack("AA", &format!("x{}", id(message))))]);
    let peer = peer.await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Unknown]).await;
    until("a case keeps the acknowledgement", || stray(&node).is_some()).await;
    let (raw, count, reason) = stray(&node).unwrap();
    assert!(raw.contains(&format!("MSA|AA|x{}", id(&peer.messages()[0]))), "{raw}");
    assert_eq!((count, reason.as_str()), (1, "unknown-message"));
    node.running.shutdown().await;
}

/// A naive engine that gave a message up takes its late acknowledgement for that of the next one,
/// and from then on every acknowledgement for that of the message after it.
#[tokio::test(flavor = "multi_thread")]
async fn late_ack() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    // The first is answered twice: the second answer comes while the next message is in flight,
    // which is never answered.
    let peer = Peer::start(|before, message| match before {
        0 => vec![Say::Now(ack("AA", &id(message)))],
        _ => Vec::new(),
    })
    .await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Delivered]).await;
    node.admit("A01", "H2", "c2").await;
    peer.wait(2).await;
    peer.say(ack("AA", &id(&peer.messages()[0])));
    node.stand(&[Delivered, Unknown]).await;
    until("it is kept", || stray(&node).is_some()).await;
    assert_eq!(stray(&node).unwrap().2, "late");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_acknowledgements_is_one_case_and_few_entries() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(accepts).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Resend, Resync::Never)).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Delivered]).await;
    let before = *engine.progress().borrow();
    for n in 0..300 {
        peer.say(ack("AA", &format!("nobody{n}")));
    }
    until("all are counted", || node.health().errors >= 300).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let entries = *engine.progress().borrow() - before;
    assert!((1..=20).contains(&entries), "{entries} entries");
    let cases = node.cases();
    assert_eq!(cases.len(), 1, "{cases:?}");
    // The channel goes on.
    node.admit("A01", "H2", "c2").await;
    node.stand(&[Delivered, Delivered]).await;
    node.running.shutdown().await;
}
