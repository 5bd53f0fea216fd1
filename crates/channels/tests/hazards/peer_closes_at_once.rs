//! A peer, or the proxy before it, accepts every connection and closes it. That must be neither a
//! delivery, nor a storm, nor the end of the queue.

use channels::{LinkState, OnUnknown, Resync};
use medicines::deliveries::DeliveryState;
use tokio::net::TcpListener;

use crate::rig::{Peer, engine, node, outbound, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_hangs_up_loses_nothing_and_is_not_stormed() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closing.local_addr().unwrap();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&count);
    let peer = tokio::spawn(async move {
        loop {
            drop(closing.accept().await.unwrap());
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    });
    let node = node(&engine, outbound(address, OnUnknown::Resend, Resync::Never)).await;
    for number in ["H1", "H2", "H3"] {
        node.admit("A01", number, number).await;
    }
    let tries = || count.load(std::sync::atomic::Ordering::Relaxed);
    until("it is tried again", || tries() >= 4).await;
    until("it is shown", || node.health().state == LinkState::Down).await;
    // Waits grow: in this time a storm would be thousands.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(tries() < 100, "{}", tries());
    assert!(node.states().iter().all(|state| *state != DeliveryState::Delivered));
    assert!(node.cases().is_empty(), "a peer that was never there asks nothing of a person");
    peer.abort();
    let _ = peer.await;
    let peer = Peer::on(address, &[]).await;
    node.stand(&[DeliveryState::Delivered; 3]).await;
    let mut ids = peer.ids();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each arrives once");
    node.running.shutdown().await;
}
