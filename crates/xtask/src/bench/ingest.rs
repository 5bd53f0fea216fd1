//! Durable ingest: MLLP in, journal synced, applied, acknowledged; beside the floor of the same
//! run, in turns, because the disk and the machine are not the same from minute to minute.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Effort;
use super::figures::{Samples, Table, median, millis, number, rate, say};
use super::floor;
use super::hospital::{Patient, inpatients};
use super::load::{self, Content, Done, Plan, Until};
use super::node::{self, Folder, Node, sizes};
use super::peer::Peers;
use super::usage::Usage;

/// How many connections send at a time.
const CONNECTIONS: [usize; 3] = [1, 8, 64];

pub(super) fn run(effort: Effort) -> Result<(), String> {
    node::build()?;
    say("No outbound channel:\n");
    measure(effort, None, effort.pick(3, 1))?;
    say("The same with two cabinets that are sent every order, one message in flight each:\n");
    measure(effort, Some(&Peers::start()?), 1)
}

/// Admits patients and gives each of them all orders that one may have.
pub(super) fn fill(node: &Node, patients: &mut Vec<Patient>, orders: bool) -> Result<Done, String> {
    let plan = |channel: &str, content| {
        let address = node.channel(channel)?;
        Ok::<Plan, String>(Plan {
            address,
            connections: 64,
            content,
            until: Until::Over,
            pace: None,
        })
    };
    let mut done = load::run(plan("pas", Content::Admissions)?, patients)?;
    if orders {
        let more = load::run(plan("epma", Content::FirstOrders)?, patients)?;
        done.messages += more.messages;
    }
    Ok(done)
}

/// What the runs with one number of connections were.
#[derive(Debug, Default)]
struct Runs {
    rates: Vec<f64>,
    latencies: Samples,
    messages: u64,
    processor: Duration,
    threads: BTreeMap<String, Duration>,
}

impl Runs {
    fn add(&mut self, done: Done) {
        self.rates.push(rate(done.messages, done.elapsed));
        self.messages += done.messages;
        self.latencies.extend(done.latencies);
    }

    fn used(&mut self, before: &Usage, after: &Usage) {
        self.processor += after.since(before);
        for (thread, spent) in after.threads_since(before) {
            *self.threads.entry(thread).or_default() += spent;
        }
    }
}

fn measure(effort: Effort, peers: Option<&Peers>, rounds: usize) -> Result<(), String> {
    let time = Duration::from_millis(effort.pick(5_000, 300));
    let folder = Folder::new()?;
    let node = Node::start(folder.path(), peers.map(|peers| peers.addresses))?;
    let (floor, floor_address) = floor::start(&folder.path().join("floor"))?;
    let mut patients = inpatients(effort.pick(2_000, 64));
    let mut messages = fill(&node, &mut patients, true)?.messages;
    settle(peers);
    let mut table = Table::new(&[
        "connections",
        "floor msg/s",
        "p50 ms",
        "p99 ms",
        "node msg/s",
        "p50 ms",
        "p99 ms",
        "ratio",
        "node µs a message",
    ]);
    let mut last = Runs::default();
    for connections in CONNECTIONS {
        let plan = |address| daily(address, connections, time);
        let (mut at_floor, mut at_node) = (Runs::default(), Runs::default());
        for _ in 0..rounds {
            at_floor.add(load::run(plan(floor_address), &mut patients.clone())?);
            let before = node.process.usage()?;
            at_node.add(load::run(plan(node.channel("epma")?), &mut patients)?);
            settle(peers);
            at_node.used(&before, &node.process.usage()?);
        }
        messages += at_node.messages;
        let [floor_rate, node_rate] = [&at_floor, &at_node].map(|runs| median(runs.rates.clone()));
        table.row([
            connections.to_string(),
            format!("{floor_rate:.0}"),
            millis(at_floor.latencies.percentile(50)),
            millis(at_floor.latencies.percentile(99)),
            format!("{node_rate:.0}"),
            millis(at_node.latencies.percentile(50)),
            millis(at_node.latencies.percentile(99)),
            format!("{:.2}", node_rate / floor_rate),
            each(at_node.processor, at_node.messages),
        ]);
        last = at_node;
    }
    table.print();
    threads(&last);
    if let Some(peers) = peers {
        say(&format!("the cabinets were sent {} messages\n", peers.received()));
    }
    drop(floor);
    footprint(node, &folder, messages)
}

fn daily(address: SocketAddr, connections: usize, time: Duration) -> Plan {
    let (content, until) = (Content::Daily, Until::Elapsed(time));
    Plan { address, connections, content, until, pace: None }
}

/// Waits until the cabinets have all that they are to be sent.
fn settle(peers: Option<&Peers>) {
    if let Some(peers) = peers {
        peers.wait_for_quiet();
    }
}

fn threads(runs: &Runs) {
    let mut table = Table::new(&["thread of the node, 64 connections", "processor µs a message"]);
    for (thread, spent) in &runs.threads {
        table.row([thread.clone(), each(*spent, runs.messages)]);
    }
    table.print();
}

fn each(time: Duration, messages: u64) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6 / number(messages.max(1)))
}

/// Memory while it runs, disk once it has ended in order.
fn footprint(node: Node, folder: &Folder, messages: u64) -> Result<(), String> {
    let usage = node.process.usage()?;
    node.process.end()?;
    let (journal, record) = sizes(folder.path());
    let mut table = Table::new(&["after all messages", ""]);
    let mut row = |what: &str, value: String| table.row([what.to_owned(), value]);
    let mib = |kib: u64| format!("{:.1}", number(kib) / 1024.0);
    let bytes = |bytes: u64| (bytes / messages.max(1)).to_string();
    row("messages", messages.to_string());
    row("resident memory, MiB", mib(usage.rss_kib));
    row("the most resident memory, MiB", mib(usage.peak_kib));
    row("journal, bytes a message", bytes(journal));
    row("record, bytes a message", bytes(record));
    table.print();
    Ok(())
}
