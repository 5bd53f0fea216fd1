//! Messages that go on to other systems as they came, through the same queues as all others.

use std::path::Path;

use channels::dialect::Dialect;
use channels::{
    ChannelConfig, Channels, FilesConfig, ForwardWhich, Health, OnRefused, OnUnknown, Resync,
    Setting, Transport,
};
use engine::Engine;
use hl7v2::mllp::encode;
use medicines::cases::CaseKind;
use medicines::deliveries::DeliveryState;
use tokio::net::TcpStream;

use crate::rig::{Act, Node, Peer, adt, engine, exchange, outbound, try_engine, until};

/// A node whose channel `pas` forwards to the outbound channel that is given.
async fn forwarding(engine: &Engine, which: ForwardWhich, to: ChannelConfig) -> Node {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut pas = ChannelConfig::inbound("pas", any, Dialect::default());
    pas.forward_to = vec![to.name.clone()];
    pas.forward = which;
    let (site, processing_id) = ("RXX".to_owned(), "P".to_owned());
    let setting = Setting { site, processing_id, seed: 7, health: Health::new() };
    let running = Channels::start(engine, vec![pas, to], setting).await.unwrap();
    Node { engine: engine.clone(), running }
}

/// A channel to a laboratory, which no cabinet of the site uses.
fn lab(peer: &Peer) -> ChannelConfig {
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    "lab".clone_into(&mut config.name);
    config
}

/// A message of a type that nothing here acts on.
fn unmapped(number: &str, control_id: &str) -> String {
    adt("A01", number, control_id).replace("ADT^A01", "VXU^V04")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nothing_acts_on_is_kept_and_goes_on_with_its_own_control_id() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[]).await;
    let node = forwarding(&engine, ForwardWhich::Unmapped, lab(&peer)).await;
    let message = unmapped("H1", "their-own-id");
    assert!(node.tell(&message).await.contains("MSA|AA|their-own-id"));
    assert!(node.tell(&message).await.contains("MSA|AA|their-own-id"), "a repeat");
    node.admit("A01", "H2", "c2").await;
    until("it has ended", || node.states().contains(&DeliveryState::Delivered)).await;
    assert_eq!(peer.messages(), [message.replace('\r', "\n")], "once, and nothing that is mapped");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_that_go_on_are_those_that_came() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("archive");
    std::fs::create_dir(&folder).unwrap();
    let mut archive = ChannelConfig::outbound("archive", "", Dialect::default());
    (archive.connect, archive.transport) = (None, Transport::Files);
    archive.resync = Resync::Never;
    archive.files = Some(FilesConfig {
        folder: folder.clone(),
        ending: ".hl7".to_owned(),
        settle_s: 0,
        poll_ms: 50,
        envelope: false,
        batch: None,
    });
    let node = forwarding(&engine, ForwardWhich::All, archive).await;
    let mut message = unmapped("H1", "c1").into_bytes();
    // Line feeds, an odd separator, blanks at the end, and bytes of another character set.
    message.extend_from_slice(b"ZZ1|\xE9\\X0A\\||\nZZ2|~~^^\r\n  ");
    let message = String::from_utf8_lossy(&message).replace("2.5.1\r", "2.5.1||||||8859/1\r");
    let mut bytes = message.clone().into_bytes();
    let odd = bytes.windows(3).position(|window| window == "\u{FFFD}".as_bytes()).unwrap();
    bytes.splice(odd..odd + 3, [0xE9]);
    let stream = TcpStream::connect(node.running.addresses["pas"]).await.unwrap();
    let ack = exchange(stream, &encode(&bytes).unwrap()).await.unwrap();
    assert!(ack.contains("MSA|AA|c1"), "{ack}");
    node.stand(&[DeliveryState::Delivered]).await;
    assert_eq!(only_file(&folder), bytes);
    node.running.shutdown().await;
}

fn only_file(folder: &Path) -> Vec<u8> {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    std::fs::read(file.path()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_go_on_where_the_channel_says_so_and_what_is_parked_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[]).await;
    let node = forwarding(&engine, ForwardWhich::All, lab(&peer)).await;
    let parked = adt("A01", "H1", "c0").replace("PID|1||H1^^^RXX^MR", "PID|1||");
    assert!(node.tell(&parked).await.contains("MSA|AE|c0"));
    node.admit("A01", "H1", "c1").await;
    peer.wait(1).await;
    assert_eq!(peer.ids(), ["c1"]);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_patients_messages_wait_behind_a_refusal_and_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::poisoned("H1", Act::Answer("AE")).await;
    let mut to = lab(&peer);
    to.on_refused = OnRefused::Hold;
    let node = forwarding(&engine, ForwardWhich::Unmapped, to).await;
    node.admit("A01", "H3", "known").await;
    for (number, id) in [("H1", "c1"), ("H1", "c2"), ("H2", "c3"), ("H3", "c4"), ("H1", "c5")] {
        assert!(node.tell(&unmapped(number, id)).await.contains("MSA|AA|"));
    }
    until("the others are there", || peer.ids() == ["c1", "c3", "c4"]).await;
    let [case] = node.cases().try_into().unwrap();
    assert_eq!(case.kind, CaseKind::ParkedDelivery);
    node.settle(&case.id, "give-up").await;
    until("the next of that patient", || peer.ids().contains(&"c2".to_owned())).await;
    assert!(!peer.ids().contains(&"c5".to_owned()), "in its order");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_of_another_message_ends_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Wrong]).await;
    let node = forwarding(&engine, ForwardWhich::Unmapped, lab(&peer)).await;
    node.tell(&unmapped("H1", "c1")).await;
    until("nobody knows", || node.states().contains(&DeliveryState::Unknown)).await;
    let kinds: Vec<CaseKind> = node.cases().iter().map(|case| case.kind).collect();
    assert!(kinds.contains(&CaseKind::UnknownOutcome), "{kinds:?}");
    assert!(kinds.contains(&CaseKind::StrayAcknowledgement), "{kinds:?}");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let peer = Peer::start(&[]).await;
    let address = peer.address;
    let to = lab(&peer);
    drop(peer);
    let first = engine(dir.path());
    let node = forwarding(&first, ForwardWhich::Unmapped, to.clone()).await;
    for id in ["c1", "c2", "c3"] {
        node.tell(&unmapped("H1", id)).await;
    }
    let Node { running, engine } = node;
    running.shutdown().await;
    drop((engine, first));
    let peer = Peer::on(address, &[]).await;
    let folder = dir.path().to_owned();
    // The thread of the engine ends when nobody holds it any more, and then lets the files go.
    let second = std::thread::spawn(move || {
        loop {
            match try_engine(&folder) {
                Ok(engine) => return engine,
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        }
    });
    let second = second.join().unwrap();
    let node = forwarding(&second, ForwardWhich::Unmapped, to).await;
    node.stand(&[DeliveryState::Delivered; 3]).await;
    assert_eq!(peer.ids(), ["c1", "c2", "c3"]);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_on_before_the_patient_was_known_stays_before_what_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[Act::Answer("AE")]).await;
    let mut to = lab(&peer);
    to.on_refused = OnRefused::Hold;
    let node = forwarding(&engine, ForwardWhich::Unmapped, to).await;
    node.tell(&unmapped("H1", "c1")).await;
    until("it is parked", || !node.cases().is_empty()).await;
    // Two more from before anybody knew the patient, and two from after.
    node.tell(&unmapped("H1", "c2")).await;
    node.admit("A01", "H1", "known").await;
    for (number, id) in [("H1", "c3"), ("H1", "c4"), ("H2", "d1"), ("H2", "d2")] {
        assert!(node.tell(&unmapped(number, id)).await.contains("MSA|AA|"));
    }
    until("the other patient's are there", || peer.ids().contains(&"d2".to_owned())).await;
    assert_eq!(peer.ids(), ["c1", "d1", "d2"], "one patient, one queue");
    let [case] = node.cases().try_into().unwrap();
    node.settle(&case.id, "resend").await;
    until("all are there", || peer.count() == 7).await;
    assert_eq!(peer.ids()[3..], ["c1", "c2", "c3", "c4"]);
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fits_no_frame_is_refused_alone() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let peer = Peer::start(&[]).await;
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    // A file may hold the bytes that begin and end a frame; a line by MLLP cannot carry them.
    let mut files = ChannelConfig::inbound("files", any, Dialect::default());
    (files.listen, files.transport) = (None, Transport::Files);
    files.files = Some(FilesConfig {
        folder: folder.clone(),
        ending: ".hl7".to_owned(),
        settle_s: 0,
        poll_ms: 50,
        envelope: false,
        batch: None,
    });
    let to = lab(&peer);
    files.forward_to = vec![to.name.clone()];
    let (site, processing_id) = ("RXX".to_owned(), "P".to_owned());
    let setting = Setting { site, processing_id, seed: 7, health: Health::new() };
    let running = Channels::start(&engine, vec![files, to], setting).await.unwrap();
    let node = Node { engine: engine.clone(), running };
    for (name, id, torn) in [("1", "c1", "\x0B"), ("2", "c2", "\x1C"), ("3", "c3", "")] {
        let text = format!("{}NTE|1||torn {torn} here\r", unmapped("H1", id));
        let part = folder.join(format!("{name}.part"));
        std::fs::write(&part, text).unwrap();
        std::fs::rename(part, folder.join(format!("{name}.hl7"))).unwrap();
    }
    until("the whole one is there", || peer.ids() == ["c3"]).await;
    until("none is open", || !node.states().iter().any(|state| state.is_open())).await;
    let (refused, delivered) = (DeliveryState::Refused, DeliveryState::Delivered);
    assert_eq!(node.states(), [refused, refused, delivered]);
    let details: Vec<_> = node.deliveries().into_iter().map(|view| view.detail).collect();
    assert_eq!(details[0].as_deref(), Some("not written: unframeable"));
    node.running.shutdown().await;
}
