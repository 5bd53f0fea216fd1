//! A scripted node: it takes everything, keeps it once, and tells cabinets and ePMA what a node
//! would. It permits every removal, so that a wrong permission shows.

#![expect(clippy::unwrap_used, reason = "a broken harness should fail the test that uses it")]

mod web;
mod wire;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use estate::site::{CabinetFacts, OrderWords};
use estate::{ListenerAddresses, NodeAddresses, SiteFacts};
use hl7v2::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) const TOKEN: &str = "token of the test";

/// An order as the ePMA told it last.
#[derive(Clone, Default)]
struct Ordered {
    patient: String,
    item: String,
    dose: String,
    unit: String,
    timing: String,
    held: bool,
}

/// A patient as the PAS told of them last.
#[derive(Clone, Default)]
struct Here {
    ward: Option<String>,
    pid: String,
    pv1: String,
}

#[derive(Default)]
pub(crate) struct State {
    /// Channel, control id and text of every message, in the order in which it was first seen.
    pub log: Vec<(String, String, String)>,
    /// How often a message came again.
    pub repeats: usize,
    /// What ought not to have happened.
    pub problems: Vec<String>,
    /// The last counts told for each pocket: cabinet and item to ZPM-13.
    pub counts: BTreeMap<(String, String), String>,
    /// Requests by their idempotency key: body and answer.
    pub requests: HashMap<String, (String, String)>,
    seen: HashMap<(String, String), String>,
    patients: BTreeMap<String, Here>,
    orders: BTreeMap<String, Ordered>,
    outgoing: u64,
}

pub(crate) struct Shared {
    pub state: Mutex<State>,
    cabinets: Vec<CabinetFacts>,
    /// Where to send, by cabinet id; the ePMA is `epma`.
    lines: BTreeMap<String, mpsc::UnboundedSender<(String, String)>>,
}

pub(crate) struct Hub {
    pub shared: Arc<Shared>,
    pub addresses: NodeAddresses,
    _tasks: JoinSet<()>,
}

impl Hub {
    pub(crate) async fn start(site: &SiteFacts, listeners: &ListenerAddresses) -> Hub {
        let mut tasks = JoinSet::new();
        let mut lines = BTreeMap::new();
        let peers = listeners.cabinets.iter().map(|(id, to)| (id.clone(), *to));
        for (name, to) in peers.chain([("epma".to_owned(), listeners.epma)]) {
            let (sender, receiver) = mpsc::unbounded_channel();
            tasks.spawn(wire::send(to, receiver));
            lines.insert(name, sender);
        }
        let cabinets = site.cabinets.clone();
        let shared = Arc::new(Shared { state: Mutex::default(), cabinets, lines });
        let mut channels = BTreeMap::new();
        for name in ["pas", "epma", "ADCA", "ADCB", "ASK"] {
            channels.insert(name.to_owned(), listen(&mut tasks, name, &shared).await);
        }
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let http = socket.local_addr().unwrap();
        tasks.spawn(web::serve(socket, shared.clone()));
        let (pas, epma) = (channels.remove("pas").unwrap(), channels.remove("epma").unwrap());
        let token = TOKEN.to_owned();
        let addresses = NodeAddresses { pas, epma, cabinets: channels, http, token };
        Hub { shared, addresses, _tasks: tasks }
    }

    pub(crate) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap()
    }
}

async fn listen(tasks: &mut JoinSet<()>, name: &str, shared: &Arc<Shared>) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tasks.spawn(wire::serve(socket, name.to_owned(), shared.clone()));
    address
}

impl Shared {
    /// Takes a message once; the answer is the acknowledgement code.
    fn take(&self, channel: &str, bytes: &[u8]) -> Option<(String, &'static str)> {
        let (message, issues) = hl7v2::parse(bytes).ok()?;
        let control_id = message.header().control_id().into_owned();
        if control_id.starts_with("X-") {
            return Some((control_id, "AE"));
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        let mut state = self.state.lock().unwrap();
        let key = (channel.to_owned(), control_id.clone());
        if let Some(before) = state.seen.get(&key) {
            if *before != text {
                state.problems.push(format!("{channel} {control_id} came with another text"));
            }
            state.repeats += 1;
            return Some((control_id, "AA"));
        }
        if !issues.is_empty() {
            state.problems.push(format!("{channel} {control_id}: {issues:?}"));
        }
        state.seen.insert(key, text.clone());
        state.log.push((channel.to_owned(), control_id.clone(), text));
        match message.header().code().as_ref() {
            "ADT" => self.patient(&mut state, &message),
            "RDE" => self.orders(&mut state, &message),
            "OMS" => self.pocket(&mut state, channel, &message),
            "RAS" => {}
            other => state.problems.push(format!("{channel} {control_id}: {other}")),
        }
        Some((control_id, "AA"))
    }

    fn send(&self, state: &mut State, to: &str, kind: &str, segments: &[String]) {
        state.outgoing += 1;
        let control_id = format!("HUB{}", state.outgoing);
        let header = format!("MSH|^~\\&|INTERLOCK|RXX|||20261120||{kind}|{control_id}|P|2.5\r");
        let line = &self.lines[to];
        let _ = line.send((control_id, header + &segments.join("\r") + "\r"));
    }

    fn cabinet_of(&self, ward: Option<&str>) -> Option<&CabinetFacts> {
        let mut profiled = self.cabinets.iter().filter(|cabinet| cabinet.has_profile());
        profiled.find(|cabinet| ward.is_some_and(|ward| cabinet.wards[0] == ward))
    }

    fn patient(&self, state: &mut State, message: &Message<'_>) {
        let trigger = message.header().trigger().into_owned();
        if matches!(trigger.as_str(), "A28" | "A31" | "A40") {
            return;
        }
        let key = hospital_number(message);
        let ward = message.get("PV1-3.1").text().into_owned();
        let stays = !matches!(trigger.as_str(), "A03" | "A11");
        let here = Here {
            ward: stays.then_some(ward),
            pid: raw(message, "PID"),
            pv1: raw(message, "PV1"),
        };
        let before = state.patients.insert(key.clone(), here.clone()).unwrap_or_default();
        let wards = [before.ward.as_deref(), here.ward.as_deref()];
        let mut told: Vec<String> =
            wards.iter().filter_map(|ward| self.cabinet_of(*ward)).map(CabinetFacts::id).collect();
        told.dedup();
        let segments = [here.pid.clone(), here.pv1.clone()];
        for cabinet in told {
            self.send(state, &cabinet, &format!("ADT^{trigger}"), &segments);
        }
        if before.ward == here.ward {
            return;
        }
        let orders: Vec<(String, Ordered)> = state
            .orders
            .iter()
            .filter(|(_, order)| order.patient == key)
            .map(|(number, order)| (number.clone(), order.clone()))
            .collect();
        for (number, order) in orders {
            self.tell(state, &number, &order, |words| words.new);
            if order.held {
                self.tell(state, &number, &order, |words| words.hold);
            }
        }
    }

    fn orders(&self, state: &mut State, message: &Message<'_>) {
        for group in message.groups("ORC") {
            let text = |segment: &str, field, component| {
                let segment = group.segment(segment);
                segment.map_or(String::new(), |s| s.text(field, component).into_owned())
            };
            let number = text("ORC", 2, 1);
            let old = state.orders.get(&number).cloned();
            let mut order = Ordered {
                patient: hospital_number(message),
                item: text("RXE", 2, 1),
                dose: text("RXE", 3, 1),
                unit: text("RXE", 5, 1),
                timing: text("TQ1", 3, 1),
                held: old.as_ref().is_some_and(|old| old.held),
            };
            let control = text("ORC", 1, 1);
            if matches!(control.as_str(), "NW" | "RO") == old.is_some() {
                let line = format!("{control} for {number}, known: {}", old.is_some());
                state.problems.push(line);
            }
            let word: fn(&OrderWords) -> &'static str = match control.as_str() {
                "NW" | "RO" => |words| words.new,
                "XO" => |words| words.change,
                "HD" => |words| words.hold,
                "RL" => |words| words.resume,
                "CA" => |words| words.cancel,
                _ => |words| words.stop,
            };
            match control.as_str() {
                "HD" => order.held = true,
                "RL" => order.held = false,
                _ => {}
            }
            if matches!(control.as_str(), "DC" | "CA" | "RP") {
                state.orders.remove(&number);
            } else {
                state.orders.insert(number.clone(), order.clone());
            }
            self.tell(state, &number, &order, word);
        }
    }

    /// Tells the cabinet of the patient's ward of an order, in its dialect.
    fn tell(
        &self,
        state: &mut State,
        number: &str,
        order: &Ordered,
        word: impl Fn(&OrderWords) -> &'static str,
    ) {
        let here = state.patients.get(&order.patient).cloned().unwrap_or_default();
        let Some(cabinet) = self.cabinet_of(here.ward.as_deref()) else {
            return;
        };
        let control = word(&cabinet.dialect.words);
        let Ordered { item, dose, unit, timing, .. } = order;
        let (first, last) = if cabinet.dialect.tq1 {
            (String::new(), format!("TQ1|1||{timing}"))
        } else {
            (format!("{dose}^{timing}"), String::from("NTE|1"))
        };
        let segments = [
            here.pid,
            here.pv1,
            format!("ORC|{control}|{number}^EPMA"),
            format!("RXE|{first}|{item}^x^DMD|{dose}||{unit}"),
            last,
        ];
        self.send(state, &cabinet.id(), "RDE^O11", &segments);
    }

    fn pocket(&self, state: &mut State, channel: &str, message: &Message<'_>) {
        let shift = if channel == "ADCB" { 3 } else { 0 };
        let zpm = message.segment("ZPM").expect("ZPM");
        let text = |field| zpm.text(field, 1).into_owned();
        let cabinet = format!("{}/{}", text(2), text(3));
        let item = text(6);
        state.counts.insert((cabinet, item.clone()), text(13 + shift));
        let amount = text(if shift == 0 { 10 } else { 11 });
        if text(1) == "V" {
            let order = message.get("ORC-2.1").text().into_owned();
            self.dispensed(state, &order, &item, &amount);
        }
    }

    fn dispensed(&self, state: &mut State, order: &str, item: &str, amount: &str) {
        let orc = format!("ORC|RE|{order}^EPMA");
        let rxd = format!("RXD|1|{item}^x^L|20261120|{amount}|unit||{order}|||N1001");
        self.send(state, "epma", "RDS^O13", &[orc, rxd]);
    }

    fn administered(&self, state: &mut State, order: &str, item: &str, amount: &str) {
        let orc = format!("ORC|RE|{order}^EPMA");
        let rxa = format!("RXA|0|1|20261120|20261120|{item}|{amount}||||||||||||||CP|A");
        self.send(state, "epma", "RAS^O17", &[orc, rxa]);
    }
}

fn hospital_number(message: &Message<'_>) -> String {
    let pid = message.segment("PID").expect("PID");
    let repetitions: Vec<_> = pid.field(3).repetitions().collect();
    let local = repetitions.iter().find(|id| id.component(5).text() == "MR");
    local.expect("a hospital number").component(1).text().into_owned()
}

fn raw(message: &Message<'_>, name: &str) -> String {
    let segment = message.segment(name).expect("the segment is there");
    String::from_utf8_lossy(segment.raw()).into_owned()
}
