//! Several connections of one outbound channel: patients side by side, each one's messages in
//! their order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use channels::{OnUnknown, Resync};
use hl7v2::mllp::{Decoder, Event, encode};
use medicines::deliveries::DeliveryState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::rig::{Node, engine, node, outbound, until};

/// What happened at the peer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Happened {
    /// A message of the patient came.
    Came(String),
    /// It was answered.
    Answered(String),
}

#[derive(Debug, Default)]
struct Desk {
    events: Vec<Happened>,
    ids: Vec<String>,
    in_hand: BTreeMap<String, usize>,
    /// The most messages that were in hand at a time.
    most: usize,
    /// Patients of whom two messages were in hand at a time.
    overlapped: BTreeSet<String>,
}

/// Which patients' messages are answered.
#[derive(Debug, Clone, Default)]
enum Open {
    /// Nobody's.
    #[default]
    Nobody,
    /// All but this one's.
    But(String),
    /// Everybody's.
    All,
}

/// A peer that takes messages on several connections and answers when the gate is open.
struct Peer {
    address: SocketAddr,
    desk: Arc<Mutex<Desk>>,
    gate: watch::Sender<Open>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (desk, gate) = (Arc::new(Mutex::new(Desk::default())), watch::Sender::default());
        let (own, opened) = (Arc::clone(&desk), gate.subscribe());
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                lines.spawn(line(stream, Arc::clone(&own), opened.clone()));
            }
        });
        Peer { address, desk, gate, task }
    }

    fn in_hand(&self) -> Vec<String> {
        self.desk.lock().unwrap().in_hand.keys().cloned().collect()
    }

    fn open(&self, open: Open) {
        self.gate.send_replace(open);
    }
}

async fn line(mut stream: TcpStream, desk: Arc<Mutex<Desk>>, mut gate: watch::Receiver<Open>) {
    let mut decoder = Decoder::default();
    let mut input = [0; 4096];
    loop {
        for event in decoder.by_ref() {
            let Event::Frame(frame) = event else { panic!("{event:?}") };
            let text = String::from_utf8(frame).unwrap();
            let id = text.split('|').nth(9).unwrap().to_owned();
            let patient = patient(&text);
            desk.lock().unwrap().came(&patient, &id);
            let may = |open: &Open| match open {
                Open::Nobody => false,
                Open::But(held) => *held != patient,
                Open::All => true,
            };
            let _ = gate.wait_for(may).await;
            desk.lock().unwrap().answers(&patient);
            let ack = format!("MSH|^~\\&|A|W|I|RXX|20261120101500||ACK|a|P|2.5.1\rMSA|AA|{id}\r");
            if stream.write_all(&encode(ack.as_bytes()).unwrap()).await.is_err() {
                return;
            }
        }
        match stream.read(&mut input).await {
            Ok(count) if count > 0 => decoder.push(&input[..count]),
            _ => return,
        }
    }
}

impl Desk {
    fn came(&mut self, patient: &str, id: &str) {
        self.events.push(Happened::Came(patient.to_owned()));
        self.ids.push(id.to_owned());
        let count = self.in_hand.entry(patient.to_owned()).or_default();
        *count += 1;
        if *count > 1 {
            self.overlapped.insert(patient.to_owned());
        }
        self.most = self.most.max(self.in_hand.len());
    }

    fn answers(&mut self, patient: &str) {
        self.events.push(Happened::Answered(patient.to_owned()));
        let left = self.in_hand.get_mut(patient).map(|count| {
            *count -= 1;
            *count
        });
        if left == Some(0) {
            self.in_hand.remove(patient);
        }
    }
}

/// The first hospital number of a message.
fn patient(text: &str) -> String {
    let start = text.find("PID|1||").expect("every message has a patient") + 7;
    text[start..].split('^').next().unwrap_or_default().to_owned()
}

async fn rig(dir: &std::path::Path, connections: u32) -> (Node, Peer) {
    let engine = engine(dir);
    let peer = Peer::start().await;
    let mut config = outbound(peer.address, OnUnknown::Hold, Resync::Never);
    config.ack_timeout_s = 600;
    config.connections = connections;
    (node(&engine, config).await, peer)
}

async fn all_delivered(node: &Node) {
    until("all is delivered", || {
        node.states().iter().all(|state| *state == DeliveryState::Delivered)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_go_side_by_side_and_each_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (node, peer) = rig(dir.path(), 4).await;
    for (turn, event) in ["A01", "A08", "A08"].into_iter().enumerate() {
        for n in 0..16 {
            node.admit(event, &format!("H{n}"), &format!("c{turn}.{n}")).await;
        }
    }
    // With one connection there would never be two.
    until("several are in hand", || peer.in_hand().len() >= 3).await;
    assert!(node.deliveries().len() >= 16);
    peer.open(Open::All);
    all_delivered(&node).await;
    let queued = node.deliveries();
    node.running.shutdown().await;
    let desk = peer.desk.lock().unwrap();
    assert_eq!(desk.overlapped, BTreeSet::new(), "one at a time of each patient");
    assert!(desk.most <= 4, "{}", desk.most);
    let mut once = desk.ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), desk.ids.len(), "nothing is sent twice");
    // Ids of deliveries are in the order of the entries that queued them, patient by patient.
    let entry = |id: &String| id.split('.').nth(1).unwrap().parse::<u64>().unwrap();
    for key in queued.iter().map(|view| &view.delivery.key).collect::<BTreeSet<_>>() {
        let own: BTreeSet<String> = queued
            .iter()
            .filter(|view| view.delivery.key == *key)
            .map(|view| view.delivery.id.to_string())
            .collect();
        let sent: Vec<u64> = desk.ids.iter().filter(|id| own.contains(*id)).map(entry).collect();
        assert!(sent.is_sorted(), "{key}: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_while_a_message_is_in_hand_keeps_the_order() {
    let dir = tempfile::tempdir().unwrap();
    let (node, peer) = rig(dir.path(), 8).await;
    for n in 0..8 {
        node.admit("A01", &format!("H{n}"), &format!("c{n}")).await;
    }
    until("two are in hand", || peer.in_hand().len() >= 2).await;
    // They go over different connections.
    let [merged, survivor] = peer.in_hand()[..2].to_vec().try_into().unwrap();
    peer.open(Open::But(String::clone(&merged)));
    until("only one is in hand", || peer.in_hand() == [merged.clone()]).await;
    let merge = format!(
        "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^A40|m1|P|2.5.1\r\
         EVN|A40|20261120101500+0000\rPID|1||{survivor}^^^RXX^MR||TEST^PATIENT||19800101|F\r\
         MRG|{merged}^^^RXX^MR\r"
    );
    let ack = node.tell(&merge).await;
    assert!(ack.contains("MSA|AA|"), "{ack}");
    node.admit("A08", &survivor, "u1").await;
    // By the time that half of these have gone, the others have looked what they may send; those
    // that go over the connection which still waits for its answer wait behind it.
    for n in 20..52 {
        node.admit("A01", &format!("H{n}"), &format!("z{n}")).await;
    }
    until("the others went on", || {
        let desk = peer.desk.lock().unwrap();
        let gone = (20..52).filter(|n| desk.events.contains(&Happened::Answered(format!("H{n}"))));
        gone.count() >= 16
    })
    .await;
    peer.open(Open::All);
    all_delivered(&node).await;
    node.running.shutdown().await;
    let desk = peer.desk.lock().unwrap();
    let at = |event: Happened| desk.events.iter().rposition(|other| *other == event).unwrap();
    let answered =
        desk.events.iter().position(|event| *event == Happened::Answered(merged.clone())).unwrap();
    assert!(at(Happened::Came(survivor)) > answered, "what came after waits: {:?}", desk.events);
}
