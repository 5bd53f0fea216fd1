//! Channels are changed one by one; the others do not notice.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use channels::dialect::Dialect;
use channels::{ChangeError, ChannelConfig, OnUnknown, Resync};
use hl7v2::mllp::{Decoder, Event, encode};
use medicines::deliveries::DeliveryState::{Delivered, Waiting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::rig::{Node, PATIENCE, Peer, adt, engine, exchange, node, outbound, until};

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn inbound(name: &str, address: SocketAddr) -> ChannelConfig {
    ChannelConfig::inbound(name, address, Dialect::default())
}

async fn change(node: &mut Node, stop: &[&str], start: Vec<ChannelConfig>) {
    let done = async { Ok::<_, String>(()) };
    node.running.change(&names(stop), start, done).await.unwrap();
}

/// Sends a message over a line that is open, and waits for its answer on it.
async fn ask(line: &mut TcpStream, message: &str) -> String {
    line.write_all(&encode(message.as_bytes()).unwrap()).await.unwrap();
    let (mut decoder, mut input) = (Decoder::default(), [0; 4096]);
    loop {
        let count = timeout(PATIENCE, line.read(&mut input)).await.unwrap().unwrap();
        assert!(count > 0, "the line was closed");
        decoder.push(&input[..count]);
        if let Some(Event::Frame(frame)) = decoder.by_ref().next() {
            return String::from_utf8(frame).unwrap();
        }
    }
}

async fn quiet_node(dir: &std::path::Path, peer: &Peer) -> Node {
    node(&engine(dir), outbound(peer.address, OnUnknown::Resend, Resync::Never)).await
}

#[tokio::test]
async fn a_changed_channel_keeps_its_address_and_others_their_lines() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::start(&[]).await;
    let mut node = quiet_node(dir.path(), &peer).await;
    let any = "127.0.0.1:0".parse().unwrap();
    change(&mut node, &[], vec![inbound("lab", any)]).await;
    let (pas, lab) = (node.running.addresses["pas"], node.running.addresses["lab"]);
    let mut line = TcpStream::connect(lab).await.unwrap();
    assert!(ask(&mut line, &adt("A01", "H1", "c1")).await.contains("MSA|AA|c1"));

    let mut orders_only = inbound("pas", pas);
    orders_only.accepts = vec!["RDE".to_owned()];
    change(&mut node, &[], vec![orders_only]).await;

    assert_eq!(node.running.addresses["pas"], pas);
    assert!(node.tell(&adt("A01", "H2", "c2")).await.contains("MSA|AR|c2"));
    assert!(ask(&mut line, &adt("A08", "H1", "c3")).await.contains("MSA|AA|c3"), "the same line");
    let seen = node.running.health().all(node.engine.clock().now());
    assert_eq!(seen.iter().find(|one| &*one.name == "lab").unwrap().received, 2);
    node.running.shutdown().await;
}

#[tokio::test]
async fn a_removed_channel_is_gone_and_a_new_peer_gets_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let peer = Peer::start(&[]).await;
    let to_nobody = outbound(closed, OnUnknown::Resend, Resync::Never);
    let mut node = node(&engine(dir.path()), to_nobody).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Waiting]).await;

    let pas = node.running.addresses["pas"];
    let to_peer = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    change(&mut node, &["pas"], vec![to_peer]).await;

    node.stand(&[Delivered]).await;
    assert_eq!(peer.count(), 1);
    assert!(TcpStream::connect(pas).await.is_err(), "nobody listens there any more");
    assert!(node.running.health().get("pas", node.engine.clock().now()).is_none());
    node.running.shutdown().await;
}

#[tokio::test]
async fn a_change_that_cannot_be_made_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::start(&[]).await;
    let mut node = quiet_node(dir.path(), &peer).await;
    let pas = node.running.addresses["pas"];
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = inbound("pas", taken.local_addr().unwrap());
    let done = async { Ok::<_, String>(()) };
    let refused = node.running.change(&names(&["cabinets"]), vec![elsewhere], done).await;
    assert!(matches!(refused, Err(ChangeError::Start(_))), "{refused:?}");
    node.admit("A01", "H1", "c1").await;

    let not_kept = async { Err("the journal is full".to_owned()) };
    let (stop, start) = (names(&["cabinets"]), vec![inbound("pas", pas)]);
    let refused = node.running.change(&stop, start, not_kept).await;
    assert!(matches!(refused, Err(ChangeError::Commit(_))), "{refused:?}");
    let stream = TcpStream::connect(pas).await.unwrap();
    let answer = exchange(stream, &encode(adt("A08", "H1", "c2").as_bytes()).unwrap()).await;
    assert!(answer.unwrap().contains("MSA|AA|c2"));
    until("the cabinet hears of both", || peer.count() == 2).await;
    node.running.shutdown().await;
}
