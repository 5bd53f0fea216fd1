//! Files in real folders, in both directions, and what goes wrong on the way.

use std::path::{Path, PathBuf};

use channels::dialect::Dialect;
use channels::{
    BatchConfig, ChannelConfig, Channels, FilesConfig, Health, LinkState, OnUnknown, Resync,
    Running, Setting, Transport,
};
use engine::Engine;
use medicines::deliveries::DeliveryState;

use crate::rig::{Node, adt, engine, node, outbound, until};

fn files(folder: &Path) -> FilesConfig {
    FilesConfig {
        folder: folder.to_owned(),
        ending: ".hl7".to_owned(),
        settle_s: 0,
        poll_ms: 50,
        envelope: false,
        batch: None,
    }
}

/// An inbound channel `lab` that watches a folder.
async fn watching(engine: &Engine, settings: FilesConfig) -> Running {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut lab = ChannelConfig::inbound("lab", any, Dialect::default());
    (lab.listen, lab.transport) = (None, Transport::Files);
    lab.files = Some(settings);
    lab.max_message_bytes = 64 * 1024;
    let (site, processing_id) = ("RXX".to_owned(), "P".to_owned());
    let setting = Setting { site, processing_id, seed: 7, health: Health::new() };
    Channels::start(engine, vec![lab], setting).await.unwrap()
}

/// Puts a file into the folder as a careful sender does.
fn put(folder: &Path, name: &str, contents: &str) {
    let part = folder.join(format!("{name}.part"));
    std::fs::write(&part, contents).unwrap();
    std::fs::rename(part, folder.join(name)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap()).filter(|entry| entry.path().is_file());
    let mut names: Vec<String> =
        files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// How many entries the journal has from the channel.
fn entries(engine: &Engine) -> usize {
    let journal = engine.journal().unwrap();
    let all = journal.read_from(1, 1000).unwrap();
    let ours = |head: &[u8]| medicines::Head::from_json(head).unwrap().channel == "lab";
    all.iter().filter(|entry| ours(&entry.head)).count()
}

fn batch(numbers: &[&str]) -> String {
    let messages: String =
        numbers.iter().map(|number| adt("A01", number, &format!("c-{number}"))).collect();
    let count = numbers.len();
    format!("FHS|^~\\&|LAB\rBHS|^~\\&|LAB|||||||||B1\r{messages}BTS|{count}\rFTS|1\r")
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_taken_answered_and_moved_when_all_of_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    put(&folder, "one.hl7", &adt("A01", "H1", "c1"));
    put(&folder, "two.hl7", &batch(&["H2", "H3"]));
    put(&folder, "three.hl7", &batch(&["H4", "H5"]).replace("BTS|2", "BTS|3"));
    put(&folder, "other.txt", "not ours");
    let running = watching(&engine, files(&folder)).await;
    until("all are moved", || names(&folder) == ["other.txt"]).await;
    assert_eq!(names(&folder.join("done")), ["one.hl7", "two.hl7"]);
    assert_eq!(names(&folder.join("refused")), ["three.hl7"]);
    assert_eq!(names(&folder.join("replies")), ["one.hl7", "three.hl7", "two.hl7"]);
    assert!(read(folder.join("replies/one.hl7")).contains("MSA|AA|c1"));
    let reply = read(folder.join("replies/two.hl7"));
    assert!(reply.starts_with("FHS|") && reply.ends_with("BTS|2\rFTS|1\r"), "{reply}");
    assert!(reply.contains("MSA|AA|c-H2") && reply.contains("MSA|AA|c-H3"), "{reply}");
    let reply = read(folder.join("replies/three.hl7"));
    assert!(reply.contains("MSA|AE|") && reply.contains("BTS-1 of batch 1"), "{reply}");
    assert_eq!(entries(&engine), 4, "of the batch that is not whole nothing was acted on");
    let health = running.health().get("lab", engine.clock().now()).unwrap();
    assert_eq!(health.state, LinkState::Up);
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_takes_the_file_again_and_nothing_has_a_second_effect() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let running = watching(&engine, files(&folder)).await;
    // As a node leaves it that died after two of four messages: those are durable, the file is
    // there, and there is no answer.
    put(&folder, "a.hl7", &batch(&["H1", "H2"]));
    until("it is moved", || names(&folder).is_empty()).await;
    running.shutdown().await;
    std::fs::remove_file(folder.join("done/a.hl7")).unwrap();
    std::fs::remove_file(folder.join("replies/a.hl7")).unwrap();
    put(&folder, "a.hl7", &batch(&["H1", "H2", "H3", "H4"]));
    std::fs::write(folder.join("replies/.interlock-a.hl7"), "half an ans").unwrap();
    let running = watching(&engine, files(&folder)).await;
    until("it is taken again", || names(&folder).is_empty()).await;
    assert_eq!(entries(&engine), 4, "each message once");
    let reply = read(folder.join("replies/a.hl7"));
    assert_eq!(reply.matches("MSA|AA|c-H").count(), 4, "{reply}");
    running.shutdown().await;

    // And as one leaves it that died after the answer and before the move.
    std::fs::rename(folder.join("done/a.hl7"), folder.join("a.hl7")).unwrap();
    let running = watching(&engine, files(&folder)).await;
    until("it is moved after all", || names(&folder).is_empty()).await;
    assert_eq!(entries(&engine), 4);
    assert_eq!(read(folder.join("replies/a.hl7")), reply, "the same answer");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_is_not_taken_and_one_that_is_too_long_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let settings = FilesConfig { settle_s: 3600, ..files(&folder) };
    let running = watching(&engine, settings).await;
    put(&folder, "young.hl7", &adt("A01", "H1", "c1"));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(names(&folder), ["young.hl7"], "it has not been still for an hour");
    running.shutdown().await;
    let mut young = std::fs::OpenOptions::new();
    let young = young.append(true).open(folder.join("young.hl7")).unwrap();
    drop(young);
    let long = format!("{}NTE|1||{}\r", adt("A01", "H2", "c2"), "x".repeat(70_000));
    put(&folder, "long.hl7", &long);
    let running = watching(&engine, files(&folder)).await;
    until("both are moved", || names(&folder).is_empty()).await;
    assert_eq!(names(&folder.join("refused")), ["long.hl7"]);
    let reply = read(folder.join("replies/long.hl7"));
    assert!(reply.contains("MSA|AE|c2") && reply.contains("65536"), "{reply}");
    running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_moved_is_decided_once_and_moved_later() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("in");
    std::fs::create_dir(&folder).unwrap();
    let running = watching(&engine, files(&folder)).await;
    let health = || running.health().get("lab", engine.clock().now()).unwrap();
    // A file in the place of the folder stops everybody, a superuser too.
    std::fs::remove_dir(folder.join("done")).unwrap();
    std::fs::write(folder.join("done"), "").unwrap();
    put(&folder, "a.hl7", &adt("A01", "H1", "c1"));
    until("it is told", || health().last_error == Some("folder-missing")).await;
    let received = health().received;
    until("and tried again", || health().errors > 2).await;
    assert_eq!((received, health().received), (1, 1), "but decided once");
    assert_eq!(names(&folder), ["a.hl7", "done"]);
    std::fs::remove_file(folder.join("done")).unwrap();
    std::fs::create_dir(folder.join("done")).unwrap();
    until("it is moved", || names(&folder.join("done")) == ["a.hl7"]).await;
    until("all is well", || health().last_error.is_none()).await;
    put(&folder, "a.hl7", &adt("A01", "H2", "c2"));
    until("the next of that name", || names(&folder.join("done")).len() == 2).await;
    std::fs::remove_dir_all(&folder).unwrap();
    until("the folder is gone", || health().state == LinkState::Down).await;
    running.shutdown().await;
}

/// A node whose cabinet is a folder.
async fn telling(engine: &Engine, settings: FilesConfig) -> Node {
    let mut config = outbound("127.0.0.1:1".parse().unwrap(), OnUnknown::Hold, Resync::Never);
    (config.connect, config.transport) = (None, Transport::Files);
    config.files = Some(settings);
    node(engine, config).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_becomes_a_whole_file_and_is_delivered_by_that() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join(".interlock-old.hl7"), "half").unwrap();
    let node = telling(&engine, FilesConfig { envelope: true, ..files(&folder) }).await;
    for number in ["H1", "H2", "H3"] {
        node.admit("A01", number, &format!("c-{number}")).await;
    }
    node.stand(&[DeliveryState::Delivered; 3]).await;
    let written = names(&folder);
    assert_eq!(written.len(), 3, "nothing half is left: {written:?}");
    for (name, number) in written.iter().zip(["H1", "H2", "H3"]) {
        let text = read(folder.join(name));
        assert!(text.starts_with("FHS|") && text.ends_with("BTS|1\rFTS|1\r"), "{text}");
        assert!(text.contains(&format!("|{number}^")), "in the order of the queue: {text}");
        let whole = hl7v2::batch::split(text.as_bytes()).unwrap();
        assert_eq!(whole.parts[0].messages.len(), 1);
    }
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_keeps_the_messages_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    let node = telling(&engine, files(&folder)).await;
    node.admit("A01", "H1", "c1").await;
    until("it is told", || node.health().last_error == Some("folder-missing")).await;
    assert_eq!(node.health().state, LinkState::Down);
    assert_eq!(node.states(), [DeliveryState::Waiting], "nothing about it is in doubt");
    std::fs::create_dir(&folder).unwrap();
    node.stand(&[DeliveryState::Delivered]).await;
    // It vanishes while it is in use.
    std::fs::remove_dir_all(&folder).unwrap();
    node.admit("A01", "H2", "c2").await;
    until("it is told again", || node.health().last_error == Some("folder-missing")).await;
    node.stand(&[DeliveryState::Delivered, DeliveryState::Waiting]).await;
    std::fs::create_dir(&folder).unwrap();
    node.stand(&[DeliveryState::Delivered; 2]).await;
    assert_eq!(names(&folder).len(), 1);
    node.running.shutdown().await;
}

/// A disk of 64 KiB, where the one who runs the test may make one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(place: &Path) -> Option<Self> {
        std::fs::create_dir(place).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(place);
        let done = mount.output().is_ok_and(|done| done.status.success());
        done.then(|| SmallDisk(place.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_leaves_no_half_file_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    let Some(_disk) = SmallDisk::new(&folder) else {
        println!("skipped: this test may not mount a disk");
        return;
    };
    let mut ballast = vec![0; 64 * 1024];
    while std::fs::write(folder.join("ballast"), &ballast).is_err() {
        ballast.truncate(ballast.len() - 4096);
    }
    let node = telling(&engine, files(&folder)).await;
    node.admit("A01", "H1", "c1").await;
    until("it is told", || node.health().last_error == Some("disk-full")).await;
    // It is in flight for a moment each time that it is tried; nothing about it is in doubt.
    node.stand(&[DeliveryState::Waiting]).await;
    let all: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(all.len(), 1, "nothing half is left, under a hidden name neither");
    std::fs::remove_file(folder.join("ballast")).unwrap();
    node.stand(&[DeliveryState::Delivered]).await;
    assert!(read(folder.join(names(&folder).remove(0))).contains("|H1^"));
    node.running.shutdown().await;
}

/// A node whose cabinet is a folder that takes batches.
async fn gathering(engine: &Engine, folder: &Path, messages: u32, age_s: u32) -> Node {
    let mut config = outbound("127.0.0.1:1".parse().unwrap(), OnUnknown::Hold, Resync::Never);
    (config.connect, config.transport) = (None, Transport::Files);
    let batch = Some(BatchConfig { messages, age_s });
    config.files = Some(FilesConfig { batch, ..files(folder) });
    node(engine, config).await
}

/// The control ids of each file, in the order of their names; each has to be a whole batch.
fn batches(folder: &Path) -> Vec<Vec<String>> {
    let read = |name: &String| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let batch = hl7v2::batch::split(&bytes).unwrap();
        let [part] = batch.parts.as_slice() else { panic!("{name}") };
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with("FHS|") && text.ends_with("FTS|1\r"), "{text}");
        assert!(text.contains(&format!("BTS|{}\r", part.messages.len())), "{text}");
        let id =
            |message: &[u8]| String::from_utf8_lossy(message).split('|').nth(9).unwrap().to_owned();
        part.messages.iter().map(|message| id(message)).collect()
    };
    names(folder).iter().map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_when_it_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    let node = gathering(&engine, &folder, 3, 86_400).await;
    for n in 1..=7 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    let (delivered, waiting) = (DeliveryState::Delivered, DeliveryState::Waiting);
    let mut states = vec![delivered; 6];
    states.push(waiting);
    node.stand(&states).await;
    let queued: Vec<String> =
        node.deliveries().iter().map(|view| view.delivery.id.to_string()).collect();
    assert_eq!(batches(&folder), [&queued[..3], &queued[3..6]], "in order, each once");
    assert_eq!(node.deliveries()[0].detail.as_deref(), Some("written"));
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_written_when_its_oldest_message_has_waited_long_enough() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    std::fs::create_dir(&folder).unwrap();
    let node = gathering(&engine, &folder, 1000, 2).await;
    for n in 1..=5 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    node.stand(&[DeliveryState::Delivered; 5]).await;
    let queued: Vec<String> =
        node.deliveries().iter().map(|view| view.delivery.id.to_string()).collect();
    assert_eq!(batches(&folder).concat(), queued, "all of them, in order, each once");
    node.running.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_written_waits_whole() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let folder = dir.path().join("out");
    let node = gathering(&engine, &folder, 2, 86_400).await;
    node.admit("A01", "H1", "c1").await;
    node.admit("A01", "H2", "c2").await;
    until("it is told", || node.health().last_error == Some("folder-missing")).await;
    assert!(!node.states().contains(&DeliveryState::Delivered));
    std::fs::create_dir(&folder).unwrap();
    node.stand(&[DeliveryState::Delivered; 2]).await;
    assert_eq!(batches(&folder).concat().len(), 2);
    node.running.shutdown().await;
}
