//! The clock of the machine is put forward, and back again.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use channels::{Acknowledgement, OnUnknown, Resync};
use engine::{Clock, Engine, Options};
use medicines::deliveries::DeliveryState::{Accepted, Delivered};

use crate::peer::{Peer, Say, ack, id, number};
use crate::rig::{node, outbound, site, until};

#[expect(clippy::default_trait_access, reason = "the journal's own words stay behind the engine")]
fn steered(dir: &std::path::Path, ahead_s: &'static AtomicI64) -> Engine {
    let options = Options {
        journal: dir.join("journal"),
        record: dir.join("record"),
        site: site(),
        clock: Clock::steered("2026-11-20T08:00:00Z".parse().unwrap(), ahead_s),
        durability: Default::default(),
    };
    std::thread::spawn(|| Engine::start(options)).join().unwrap().unwrap()
}

/// A naive engine lets everything time out when the clock is put forward, and sends it all again;
/// when it is put back, its timers and waits stand still, or its entries go out of order.
#[tokio::test(flavor = "multi_thread")]
async fn clock_jump() {
    static AHEAD_S: AtomicI64 = AtomicI64::new(0);
    let dir = tempfile::tempdir().unwrap();
    let engine = steered(dir.path(), &AHEAD_S);
    // H1 is stored and its application is slow; the first try of H2 is not answered.
    let peer = Peer::start(|before, message| match number(message).as_str() {
        "H1" => vec![Say::Now(ack("CA", &id(message)))],
        "H2" if before < 2 => Vec::new(),
        _ => vec![Say::Now(ack("AA", &id(message)))],
    })
    .await;
    let mut config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    config.acknowledgement = Acknowledgement::Enhanced;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Accepted]).await;
    node.admit("A01", "H2", "c2").await;
    peer.wait(2).await;
    AHEAD_S.store(2 * 3600, Ordering::Relaxed);
    node.stand(&[Accepted, Delivered]).await;
    node.admit("A01", "H3", "c3").await;
    node.stand(&[Accepted, Delivered, Delivered]).await;
    AHEAD_S.store(0, Ordering::Relaxed);
    node.admit("A01", "H4", "c4").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    node.admit("A01", "H5", "c5").await;
    node.stand(&[Accepted, Delivered, Delivered, Delivered, Delivered]).await;
    assert_eq!(peer.told(), ["H1 A01", "H2 A01", "H2 A01", "H3 A01", "H4 A01", "H5 A01"]);
    peer.say(ack("AA", &id(&peer.messages()[0])));
    until("the slow one ends", || node.states()[0] == Delivered).await;
    let journal = engine.journal().unwrap();
    let last = *engine.progress().borrow();
    let times: Vec<i64> = (1..=last).map(|seq| journal.get(seq).unwrap().unwrap().at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let queued = node.deliveries();
    let between = queued[4].delivery.at.duration_since(queued[3].delivery.at);
    assert!(between.as_millis() >= 50, "recording time stands still: {between:?}");
    node.running.shutdown().await;
}
