//! Enhanced mode: the accept acknowledgement and the application's are two things.

use channels::dialect::Dialect;
use channels::{
    AckWhen, Acknowledgement, ChannelConfig, Channels, Health, NextAfter, OnRefused, OnUnknown,
    Resync, Setting,
};
use hl7v2::mllp::{Decoder, Event, encode};
use medicines::cases::CaseKind;
use medicines::deliveries::DeliveryState::{Accepted, Delivered, Parked, Unknown, Waiting};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::peer::{Peer, Say, ack, conditional, id};
use crate::rig::{Node, PATIENCE, adt, engine, node, outbound, until};

fn enhanced(peer: &Peer) -> ChannelConfig {
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.acknowledgement = Acknowledgement::Enhanced;
    config
}

/// Sends a message and waits for so many answers.
async fn tell_for(node: &Node, message: &str, answers: usize) -> Vec<String> {
    let mut stream = TcpStream::connect(node.running.addresses["pas"]).await.unwrap();
    stream.write_all(&encode(message.as_bytes()).unwrap()).await.unwrap();
    let (mut decoder, mut input, mut found) = (Decoder::default(), [0; 4096], Vec::new());
    while found.len() < answers {
        let read = timeout(PATIENCE, stream.read(&mut input)).await.expect("an answer in time");
        decoder.push(&input[..read.unwrap()]);
        for event in decoder.by_ref() {
            if let Event::Frame(frame) = event {
                found.push(String::from_utf8(frame).unwrap());
            }
        }
    }
    found
}

/// A naive engine takes CA for the end of the matter, and never hears that the application refused.
#[tokio::test(flavor = "multi_thread")]
async fn stored_by_the_peer_is_not_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| {
        // What says that it is stored is not answered.
        let answered = !message.contains("\rMSA|");
        answered.then(|| Say::Now(ack("CA", &id(message)))).into_iter().collect()
    })
    .await;
    let config = enhanced(&peer);
    let first = node(&engine, config.clone()).await;
    first.admit("A01", "H1", "c1").await;
    first.admit("A08", "H1", "c2").await;
    first.stand(&[Accepted, Accepted]).await;
    let messages = peer.messages();
    assert!(messages[0].contains("|P|2.5.1|||AL|AL|"), "{}", messages[0]);
    // The obligation outlives a restart.
    first.running.shutdown().await;
    let second = node(&engine, config).await;
    second.admit("A01", "H2", "c3").await;
    second.stand(&[Accepted, Accepted, Accepted]).await;
    peer.say(conditional("AA", &id(&messages[1]), "own1", "AL"));
    second.stand(&[Accepted, Delivered, Accepted]).await;
    peer.wait(4).await;
    assert!(peer.messages()[3].contains("MSA|CA|own1"), "its own MSH-15 is honoured");
    peer.say(ack("AE", &id(&messages[0])));
    until("the refusal is heard", || !second.cases().is_empty()).await;
    assert_eq!(second.cases()[0].kind, CaseKind::RefusedDelivery);
    second.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_of_a_patient_waits_for_the_application_where_it_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| vec![Say::Now(ack("CA", &id(message)))]).await;
    let mut config = enhanced(&peer);
    config.next_after = NextAfter::Application;
    config.on_refused = OnRefused::Hold;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.admit("A08", "H1", "c2").await;
    node.admit("A01", "H2", "c3").await;
    node.stand(&[Accepted, Waiting, Accepted]).await;
    peer.say(ack("AA", &id(&peer.messages()[0])));
    node.stand(&[Delivered, Accepted, Accepted]).await;
    peer.say(ack("AR", &id(&peer.messages()[2])));
    node.stand(&[Delivered, Parked, Accepted]).await;
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_never_answers_is_asked_about() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| vec![Say::Now(ack("CA", &id(message)))]).await;
    let mut config = enhanced(&peer);
    config.application_ack_timeout_s = 1;
    let node = node(&engine, config).await;
    node.admit("A01", "H1", "c1").await;
    node.stand(&[Unknown]).await;
    assert_eq!(node.deliveries()[0].detail.as_deref(), Some("application-ack-timeout"));
    until("a person is asked", || node.cases().len() == 1).await;
    node.settle(&node.unanswered().id, "delivered").await;
    node.stand(&[Delivered]).await;
    assert_eq!(peer.count(), 1);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_means_what_was_asked_for() {
    use AckWhen::{Always, Never, OnError, OnSuccess};
    use medicines::deliveries::DeliveryState::Refused;

    let check = async |accept: AckWhen, application: AckWhen, code: &'static str, state| {
        let dir = tempfile::tempdir().unwrap();
        let engine = engine(dir.path());
        let peer = Peer::start(move |_, message| match code {
            "" => Vec::new(),
            code => vec![Say::Now(ack(code, &id(message)))],
        })
        .await;
        let mut config = enhanced(&peer);
        (config.accept_ack, config.application_ack) = (accept, application);
        let node = node(&engine, config).await;
        node.admit("A01", "H1", "c1").await;
        node.stand(&[state]).await;
        let asked = format!("|P|2.5.1|||{}|{}|", accept.code(), application.code());
        assert!(peer.messages()[0].contains(&asked), "{asked}");
        node.running.shutdown().await;
    };
    check(Always, Never, "CA", Delivered).await;
    check(Always, Never, "CE", Refused).await;
    check(Always, Always, "AA", Delivered).await;
    check(Never, Never, "", Delivered).await;
    check(Never, Always, "AA", Delivered).await;
    check(Never, OnError, "", Delivered).await;
    check(OnError, Never, "", Delivered).await;
    check(OnError, Always, "", Accepted).await;
    check(OnSuccess, Never, "", Unknown).await;
}

/// The application of many a peer answers over a connection of its own.
#[tokio::test(flavor = "multi_thread")]
async fn the_application_answers_on_another_channel() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(|_, message| vec![Say::Now(ack("CA", &id(message)))]).await;
    let mut config = enhanced(&peer);
    config.application_ack_from = Some("pas".to_owned());
    let any = "127.0.0.1:0".parse().unwrap();
    let other = ChannelConfig::inbound("other", any, Dialect::default());
    let pas = ChannelConfig::inbound("pas", any, Dialect::default());
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    let running = Channels::start(&engine, vec![pas, other, config], setting).await.unwrap();
    let node = Node { engine: engine.clone(), running };
    node.admit("A01", "H1", "c1").await;
    node.admit("A01", "H2", "c2").await;
    node.stand(&[Accepted, Accepted]).await;
    let ids: Vec<String> = peer.messages().iter().map(|message| id(message)).collect();
    let tell = async |text: String| node.tell(&text).await;
    let answer = tell(conditional("AA", &ids[0], "own1", "AL")).await;
    assert!(answer.contains("MSA|CA|own1"), "{answer}");
    node.stand(&[Delivered, Accepted]).await;
    // A repeat gets the same, and a second answer about the same message is nobody's.
    let answer = tell(conditional("AA", &ids[0], "own1", "AL")).await;
    assert!(answer.contains("MSA|CA|own1"), "{answer}");
    assert!(node.cases().is_empty());
    let answer = tell(conditional("AE", &ids[0], "own2", "AL")).await;
    assert!(answer.contains("MSA|CA|own2"), "{answer}");
    assert_eq!(node.cases()[0].kind, CaseKind::StrayAcknowledgement);
    assert_eq!(node.cases()[0].reason, "late");
    assert_eq!(node.states(), [Delivered, Accepted]);
    node.running.shutdown().await;
}

/// A sender that asks for both gets both, and a repeat gets both again.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_asks_for_both_gets_both() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(crate::peer::accepts).await;
    let node = node(&engine, outbound(peer.address, OnUnknown::Hold, Resync::Never)).await;
    let ask = |text: String| text.replacen("|P|2.5.1\r", "|P|2.5.1|||AL|AL\r", 1);
    let good = ask(adt("A01", "H1", "c1"));
    for _ in 0..2 {
        let answers = tell_for(&node, &good, 2).await;
        assert!(
            answers[0].contains("MSA|CA|c1") && answers[1].contains("MSA|AA|c1"),
            "{answers:?}"
        );
        assert_ne!(id(&answers[0]), id(&answers[1]));
    }
    let bad = ask(adt("A01", "H1", "c2")).replace("H1^^^RXX^MR", "");
    let answers = tell_for(&node, &bad, 2).await;
    assert!(answers[0].contains("MSA|CA|c2") && answers[1].contains("MSA|AE|c2"), "{answers:?}");
    let sequence = adt("A01", "H1", "c3").replacen("|P|2.5.1\r", "|P|2.5.1|17\r", 1);
    let answer = node.tell(&sequence).await;
    assert!(answer.contains("MSA|AR|c3") && answer.contains("ERR||MSH^1^13|"), "{answer}");
    let parts = format!("{}DSC|more|F\r", adt("A01", "H1", "c4"));
    let answer = node.tell(&parts).await;
    assert!(answer.contains("MSA|AR|c4") && answer.contains("unsupported-protocol"), "{answer}");
    node.running.shutdown().await;
}
