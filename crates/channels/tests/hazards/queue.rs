//! The order of a queue, through everything that happens to it.

use channels::{OnRefused, OnUnknown, Resync};
use hl7v2::mllp::encode;
use medicines::deliveries::DeliveryState::{Delivered, InFlight, Unknown, Waiting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::{Peer, Say, accepts, ack, id, number};
use crate::rig::{Node, adt, engine, node, outbound, until};

/// An address on which nobody listens.
async fn nobody() -> std::net::SocketAddr {
    Peer::start(accepts).await.address
}

/// A peer on an address that was free a moment ago.
async fn later(
    address: std::net::SocketAddr,
    mind: impl Fn(usize, &str) -> Vec<Say> + Send + Sync + Copy + 'static,
) -> Peer {
    loop {
        match tokio::net::TcpListener::bind(address).await {
            Ok(free) => {
                drop(free);
                return Peer::on(address, mind).await;
            }
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

/// Sends many messages over one connection and waits for all their answers.
async fn pour(node: &Node, messages: &[String]) {
    let stream = TcpStream::connect(node.running.addresses["pas"]).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let bytes: Vec<u8> = messages.iter().flat_map(|m| encode(m.as_bytes()).unwrap()).collect();
    let sending = tokio::spawn(async move { writing.write_all(&bytes).await.map(|()| writing) });
    let (mut answers, mut input) = (0, vec![0; 65536]);
    while answers < messages.len() {
        let count = reading.read(&mut input).await.unwrap();
        assert!(count > 0, "closed after {answers} answers");
        answers += input[..count].split(|byte| *byte == 0x1c).count() - 1;
    }
    sending.await.unwrap().unwrap();
}

/// A naive engine has one queue: what its first message waits for, everybody waits for.
#[tokio::test(flavor = "multi_thread")]
async fn head_of_line_block() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| match number(message).as_str() {
        "H1" => vec![Say::Now(ack("AE", &id(message)))],
        _ => vec![Say::Now(ack("AA", &id(message)))],
    })
    .await;
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.on_refused = OnRefused::Hold;
    let node = node(&engine, config).await;
    let mut messages: Vec<_> = (0..200).map(|n| adt("A08", "H1", &format!("a{n}"))).collect();
    messages[0] = adt("A01", "H1", "a0");
    messages.extend((0..20).map(|n| adt("A01", &format!("H2{n}"), &format!("b{n}"))));
    pour(&node, &messages).await;
    let others = || node.states().iter().filter(|state| **state == Delivered).count();
    until("all others are told", || others() == 20).await;
    assert_eq!(node.states().iter().filter(|state| **state == Waiting).count(), 199);
    assert_eq!(peer.count(), 21, "the one that is parked is not tried again");
    node.running.shutdown().await;
}

/// An engine that reads its queue in pages of a thousand and forgets where it was, or that looks
/// no further than a thousand that are held, never sends the thousand and first.
#[tokio::test(flavor = "multi_thread")]
async fn the_1001st_queued_message() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let address = nobody().await;
    let node = node(&engine, outbound(address, OnUnknown::Resend, Resync::Never)).await;
    let mut messages: Vec<_> = (0..1002).map(|n| adt("A08", "H1", &format!("a{n}"))).collect();
    messages[0] = adt("A01", "H1", "a0");
    messages.push(adt("A01", "H2", "b"));
    pour(&node, &messages).await;
    let peer = later(address, accepts).await;
    until("all are told", || peer.count() >= 1003).await;
    let ids: Vec<String> = peer.messages().iter().map(|message| id(message)).collect();
    let mut queued: Vec<(u64, String)> = Vec::new();
    let readers = engine.readers();
    let reader = readers.get().unwrap();
    let mut before = None;
    while let views = reader.latest_deliveries(before, 1000).unwrap()
        && !views.is_empty()
    {
        before = views.last().map(|view| view.n);
        queued.extend(views.into_iter().map(|view| (view.n, view.delivery.id.to_string())));
    }
    queued.sort();
    let queued: Vec<String> = queued.into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids, queued, "each once, in the order in which they were queued");
    node.running.shutdown().await;
}

/// A naive engine loses its place, or sends again what was delivered, or out of order.
#[tokio::test(flavor = "multi_thread")]
async fn restart_in_mid_queue() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(accepts).await;
    let config = outbound(peer.address, OnUnknown::Resend, Resync::Never);
    let mut first = Some(node(&engine, config.clone()).await);
    let mut messages: Vec<_> = (0..300).map(|n| adt("A08", "H1", &format!("a{n}"))).collect();
    messages[0] = adt("A01", "H1", "a0");
    pour(first.as_ref().unwrap(), &messages).await;
    for _ in 0..5 {
        let at = peer.count();
        first.take().unwrap().running.shutdown().await;
        first = Some(node(&engine, config.clone()).await);
        if at < 300 {
            peer.wait(at + 1).await;
        }
    }
    peer.wait(300).await;
    let node = first.unwrap();
    until("all is recorded", || node.states().iter().all(|state| *state == Delivered)).await;
    let mut ids: Vec<String> = peer.messages().iter().map(|message| id(message)).collect();
    ids.dedup();
    let queued: Vec<_> =
        node.deliveries().iter().map(|view| view.delivery.id.to_string()).collect();
    assert_eq!(ids, queued, "a repeat is of the last one before a stop, and nothing is skipped");
    node.running.shutdown().await;
}

/// What was on its way to a peer that would act on a repeat when the power went was perhaps
/// acted on: a naive engine sends it again without a word.
#[tokio::test(flavor = "multi_thread")]
async fn in_flight_at_the_end_of_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, _| Vec::new()).await;
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.ack_timeout_s = 600;
    let first = node(&engine, config.clone()).await;
    first.admit("A01", "H1", "c1").await;
    peer.wait(1).await;
    first.stand(&[InFlight]).await;
    // Without an orderly stop: what the tasks would still have told is not told.
    drop(first.running);
    drop(peer);
    let peer = Peer::start(accepts).await;
    config.connect = Some(peer.address.to_string());
    let second = node(&engine, config).await;
    second.stand(&[Unknown]).await;
    until("a person is asked", || second.cases().len() == 1).await;
    second.admit("A01", "H2", "c2").await;
    second.stand(&[Unknown, Delivered]).await;
    assert_eq!(peer.told(), ["H2 A01"]);
    second.running.shutdown().await;
}

/// A naive engine has two queues for one patient after a merge: what the survivor's queue says
/// overtakes what the merged one's still has to.
#[tokio::test(flavor = "multi_thread")]
async fn merge_in_mid_queue() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|before, message| match before {
        // The merged patient's first message is refused, once.
        0 => vec![Say::Now(ack("AE", &id(message)))],
        _ => vec![Say::Now(ack("AA", &id(message)))],
    })
    .await;
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.on_refused = OnRefused::Hold;
    let node = node(&engine, config).await;
    node.admit("A01", "H2", "c1").await;
    until("it is parked", || !node.cases().is_empty()).await;
    node.admit("A01", "H1", "c2").await;
    peer.wait(2).await;
    node.admit("A08", "H2", "c3").await;
    let merge = "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101600+0000||ADT^A40|c4|P|2.5.1\r\
                 EVN|A40|20261120101600+0000\r\
                 PID|1||H1^^^RXX^MR||TEST^PATIENT||19800101|F\r\
                 MRG|H2^^^RXX^MR\r";
    let answer = node.tell(merge).await;
    assert!(answer.contains("MSA|AA|"), "{answer}");
    node.admit("A08", "H1", "c5").await;
    node.admit("A01", "H3", "c6").await;
    until("the others go on", || peer.told().contains(&"H3 A01".to_owned())).await;
    assert_eq!(peer.told(), ["H2 A01", "H1 A01", "H3 A01"], "one patient, one queue");
    node.settle(&node.cases()[0].id, "resend").await;
    let open = || node.states().iter().any(|state| state.is_open());
    until("all is told", || !open()).await;
    let told = peer.told();
    assert_eq!(told[3..5], ["H2 A01", "H2 A08"], "{told:?}");
    let place = |what: &str| told.iter().rposition(|told| told == what).expect(what);
    assert!(place("H2 A08") < place("H1 A40") && place("H1 A40") < place("H1 A08"), "{told:?}");
    node.running.shutdown().await;
}
