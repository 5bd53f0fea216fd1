//! Queues and disks that are full.

use std::time::Duration;

use channels::dialect::Dialect;
use channels::{ChannelConfig, Channels, Health, OnUnknown, QueueLimit, Resync, Setting, WhenFull};
use hl7v2::mllp::encode;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::peer::{Peer, accepts};
use crate::rig::{Node, adt, engine, outbound, until};

/// A node whose inbound channel feeds a queue of at most three.
async fn fed(engine: &engine::Engine, address: std::net::SocketAddr, full: WhenFull) -> Node {
    let mut cabinets = outbound(address, OnUnknown::Resend, Resync::Never);
    cabinets.queue_limit = QueueLimit { messages: Some(3), age_s: None };
    let any = "127.0.0.1:0".parse().unwrap();
    let mut pas = ChannelConfig::inbound("pas", any, Dialect::default());
    (pas.feeds, pas.when_full) = (vec!["cabinets".to_owned()], full);
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    let running = Channels::start(engine, vec![pas, cabinets], setting).await.unwrap();
    Node { engine: engine.clone(), running }
}

/// A naive engine takes in and acknowledges what it cannot hand on until its memory or disk ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_to_its_source() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let address = Peer::start(accepts).await.address;
    let node = fed(&engine, address, WhenFull::Withhold).await;
    for n in 0..3 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    // What was looked at a moment ago still counts for a moment.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut stream = TcpStream::connect(node.running.addresses["pas"]).await.unwrap();
    stream.write_all(&encode(adt("A01", "H4", "c4").as_bytes()).unwrap()).await.unwrap();
    let now = || node.engine.clock().now();
    let withheld = || node.running.health().get("pas", now()).unwrap().last_error;
    until("it is withheld", || withheld() == Some("queue-full")).await;
    assert_eq!(node.deliveries().len(), 3);
    // The destination comes back: the message is taken in, and acknowledged.
    let peer = loop {
        match tokio::net::TcpListener::bind(address).await {
            Ok(free) => {
                drop(free);
                break Peer::on(address, accepts).await;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    let answer = crate::rig::exchange(stream, b"").await.unwrap();
    assert!(answer.contains("MSA|AA|c4"), "{answer}");
    peer.wait(4).await;
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_wait_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let address = Peer::start(accepts).await.address;
    let node = fed(&engine, address, WhenFull::Park).await;
    for n in 0..3 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = node.tell(&adt("A01", "H4", "c4")).await;
    assert!(answer.contains("MSA|AR|c4") && answer.contains("queue-full"), "{answer}");
    assert_eq!(node.cases()[0].reason, "queue-full");
    assert_eq!(node.deliveries().len(), 3);
    node.running.shutdown().await;
}
