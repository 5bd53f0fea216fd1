//! Queues and disks that are full.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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

/// A small disk of its own; it is unmounted when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// `None` where this machine does not let anything be mounted.
    fn mount(path: &Path) -> Option<Disk> {
        std::fs::create_dir_all(path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(path)
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then(|| Disk(path.to_owned()))
    }

    /// Fills it, and leaves so much.
    fn fill(&self, left: u64) -> PathBuf {
        let path = self.0.join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        let block = vec![1; 64 * 1024];
        while file.write_all(&block).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length - left).unwrap();
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A naive engine acknowledges what it could not write, or is not able to start again.
#[tokio::test(flavor = "multi_thread")]
async fn disk_full() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(&dir.path().join("disk")) else {
        println!("skipped: nothing can be mounted here");
        return;
    };
    let engine = engine(&disk.0);
    let nobody = Peer::start(accepts).await.address;
    let config = outbound(nobody, OnUnknown::Resend, Resync::Never);
    let node = crate::rig::node(&engine, config.clone()).await;
    node.admit("A01", "H0", "c0").await;
    let ballast = disk.fill(512 * 1024);
    let mut acknowledged = 1;
    loop {
        let message = adt("A01", &format!("H{acknowledged}"), &format!("c{acknowledged}"));
        let stream = TcpStream::connect(node.running.addresses["pas"]).await.unwrap();
        let framed = encode(message.as_bytes()).unwrap();
        match crate::rig::exchange(stream, &framed).await {
            Some(answer) => assert!(answer.contains("MSA|AA|"), "{answer}"),
            None => break,
        }
        acknowledged += 1;
        assert!(acknowledged < 900, "the disk is never full");
    }
    let stopped = engine.stopped();
    until("the node says so", || stopped.borrow().is_some()).await;
    node.running.shutdown().await;
    drop((node.engine, engine, stopped));
    // Somebody makes room, and the node is started again.
    std::fs::remove_file(ballast).unwrap();
    let engine = loop {
        let folder = disk.0.clone();
        match std::thread::spawn(move || crate::rig::try_engine(&folder)).join().unwrap() {
            Ok(engine) => break engine,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let node = crate::rig::node(&engine, config).await;
    // The one that was not answered comes again; all the others are there.
    let last = adt("A01", &format!("H{acknowledged}"), &format!("c{acknowledged}"));
    let answer = node.tell(&last).await;
    assert!(answer.contains("MSA|AA|"), "{answer}");
    assert_eq!(node.deliveries().len(), acknowledged + 1);
    node.running.shutdown().await;
    drop((node.engine, engine));
}
