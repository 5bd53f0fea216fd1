//! Inbound channels with a real engine, over real sockets.

use crate::rig::{adt, engine, node, outbound};
use channels::dialect::Dialect;
use channels::{
    ChannelConfig, Channels, ConfigError, Health, OnUnknown, Resync, Setting, StartError,
};
use hl7v2::mllp::encode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_same_answer_and_has_no_second_effect() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let message = adt("A01", "H1", "c1");
    let first = node.tell(&message).await;
    assert!(first.contains("\rMSA|AA|c1"), "{first}");
    assert_eq!(node.tell(&message).await, first);
    assert_eq!(node.deliveries().len(), 1);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_kept_and_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let ack = node.tell("MSH|^~\\&|PAS|T|I|R|20261120101500||ZZZ^Z01|c1|P|2.5.1\r").await;
    assert!(ack.contains("MSA|AR|c1"), "{ack}");
    let large = format!("{}{}", adt("A01", "H1", "c2"), "x".repeat(2 * 1024 * 1024));
    let ack = node.tell(&large).await;
    assert!(ack.contains("MSA|AE|c2"), "{ack}");
    let ack = node.tell(&adt("A01", "H1", "c2")).await;
    assert!(ack.contains("MSA|AA|c2"), "the same message in a fit size: {ack}");
    let now = node.engine.clock().now();
    let health = node.running.health().get("pas", now).unwrap();
    assert_eq!((health.received, health.refused), (2, 2), "an oversized message was not received");
    assert_eq!(health.last_error, Some("oversized"));
    let readers = node.engine.readers();
    let reader = readers.get().unwrap();
    let cases = reader.open_cases(None, None, 10).unwrap();
    assert_eq!(cases.len(), 2);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_hl7_is_kept_and_the_channel_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let answer = node.tell("GET / HTTP/1.1\r\n").await;
    assert!(answer.contains("MSA|AE|"), "{answer}");
    let answer = node.tell(&adt("A01", "H1", "c1")).await;
    assert!(answer.contains("MSA|AA|c1"), "{answer}");
    let readers = node.engine.readers();
    assert_eq!(readers.get().unwrap().open_cases(None, None, 10).unwrap().len(), 1);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_opens_one_case_however_often_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let large = |text: &str| format!("{text}{}", "x".repeat(2 * 1024 * 1024));
    let first = large(&adt("A01", "H1", "c1"));
    // Garbage, nothing at all, no control id, too long: each of them twice, and another one.
    let messages =
        ["garbage", "", "MSH|^~\\&|PAS|T|I|R|20261120101500||ADT^A01||P|2.5.1\r", &first];
    for message in messages {
        let before = node.tell(message).await;
        assert!(before.contains("MSA|A"), "{before}");
        assert_eq!(node.tell(message).await, before, "the same answer");
    }
    assert_eq!(node.cases().len(), messages.len());
    node.tell("other garbage").await;
    node.tell(&large(&adt("A01", "H2", "c2"))).await;
    assert_eq!(node.cases().len(), messages.len() + 2);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_message_that_is_too_long() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    // Its head alone reads as a whole message.
    let large = format!("{}ZZZ|{}", adt("A01", "H1", "c1"), "x".repeat(2 * 1024 * 1024));
    let ack = node.tell(&large).await;
    assert!(ack.contains("MSA|AE|c1"), "{ack}");
    let [case] = node.cases().try_into().unwrap();
    assert!(case.text.contains("1048576 bytes"), "{}", case.text);
    let entry = node.engine.journal().unwrap().get(case.entry).unwrap().unwrap();
    assert_eq!(entry.raw, b"");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_that_cannot_work_is_refused_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: String::new(),
        seed: 1,
        health: Health::new(),
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let pas = ChannelConfig::inbound("pas", any, Dialect::default());
    let twice = Channels::start(&engine, vec![pas.clone(), pas.clone()], setting.clone()).await;
    assert!(matches!(twice, Err(StartError::Config(ConfigError::Twice(_)))));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = ChannelConfig::inbound("other", taken.local_addr().unwrap(), Dialect::default());
    let bound = Channels::start(&engine, vec![pas, other], setting.clone()).await;
    assert!(matches!(bound, Err(StartError::Listen { name, .. }) if name == "other"));
    assert!(setting.health.all(engine.clock().now()).is_empty(), "nothing was started");
}

/// How many messages a second a channel takes in with everything behind it, over 64 lines, with
/// the clients in the same process. Run by hand, as the listener's measurement.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn speed_of_a_channel_with_its_engine() {
    const LINES: usize = 64;
    const EACH: usize = 1000;
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let nobody = "127.0.0.1:1".parse().unwrap();
    let node = node(&engine, outbound(nobody, OnUnknown::Hold, Resync::Never)).await;
    let address = node.running.addresses["pas"];
    for event in ["A01", "A08"] {
        let began = std::time::Instant::now();
        let mut clients = tokio::task::JoinSet::new();
        for line in 0..LINES {
            clients.spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut input = vec![0; 4096];
                for n in 0..EACH {
                    let message =
                        adt(event, &format!("H{line}.{n}"), &format!("{event}{line}.{n}"));
                    stream.write_all(&encode(message.as_bytes()).unwrap()).await.unwrap();
                    let count = stream.read(&mut input).await.unwrap();
                    assert!(input[..count].windows(7).any(|found| found == b"MSA|AA|"));
                }
            });
        }
        clients.join_all().await;
        let count = f64::from(u32::try_from(LINES * EACH).unwrap());
        println!("{event}: {:.0} messages a second", count / began.elapsed().as_secs_f64());
    }
    node.running.shutdown().await;
}
