//! A million messages: what is kept in memory and on the disk, and how long a restart takes.

use std::time::Duration;

use super::Effort;
use super::figures::{Table, millis, number, rate, say};
use super::hospital::{Patient, inpatients};
use super::ingest::fill;
use super::load::{self, Content, Plan, Until};
use super::node::{self, Folder, Node, sizes};

/// How many connections send.
const CONNECTIONS: usize = 64;
/// How many restarts of one kind; all are printed.
const RESTARTS: usize = 3;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    node::build()?;
    let marks = effort.pick([100_000, 1_000_000], [5_000, 10_000]);
    let folder = Folder::new()?;
    let mut node = Node::start(folder.path(), None)?;
    let mut patients = inpatients(effort.pick(2_000, 64));
    let mut messages = fill(&node, &mut patients, true)?.messages;
    let mut growth = Table::new(&[
        "messages",
        "msg/s",
        "RSS MiB",
        "most RSS MiB",
        "journal MB",
        "record MB",
        "end ms",
    ]);
    let mut restarts = Table::new(&["messages", "ended by", "ready after, ms"]);
    for mark in marks {
        let (added, speed) = send(&node, &mut patients, mark - messages.min(mark))?;
        messages += added;
        let usage = node.process.usage()?;
        let ended = node.process.end()?;
        let (journal, record) = sizes(folder.path());
        let [rss, peak] =
            [usage.rss_kib, usage.peak_kib].map(|kib| format!("{:.1}", number(kib) / 1024.0));
        let [journal, record] =
            [journal, record].map(|bytes| format!("{:.0}", number(bytes) / 1e6));
        let speed = format!("{speed:.0}");
        growth.row([messages.to_string(), speed, rss, peak, journal, record, millis(ended)]);
        for _ in 0..RESTARTS {
            let again = Node::start(folder.path(), None)?;
            let took = again.process.ready_after;
            again.process.end()?;
            restarts.row([messages.to_string(), "SIGTERM".to_owned(), millis(took)]);
        }
        node = Node::start(folder.path(), None)?;
    }
    let after_kill = effort.pick(20_000, 500);
    for _ in 0..RESTARTS {
        messages += send(&node, &mut patients, after_kill)?.0;
        node.process.kill()?;
        node = Node::start(folder.path(), None)?;
        let took = millis(node.process.ready_after);
        restarts.row([messages.to_string(), "SIGKILL".to_owned(), took]);
    }
    growth.print();
    restarts.print();
    let usage = node.process.usage()?;
    say(&format!("RSS after the last restart: {:.1} MiB\n", number(usage.rss_kib) / 1024.0));
    node.process.end().map(drop::<Duration>)
}

/// Sends so many messages of daily traffic; answers how many and how many per second.
fn send(node: &Node, patients: &mut Vec<Patient>, messages: u64) -> Result<(u64, f64), String> {
    let plan = Plan {
        address: node.channel("epma")?,
        connections: CONNECTIONS,
        content: Content::Daily,
        until: Until::Messages(messages),
        pace: None,
    };
    let done = load::run(plan, patients)?;
    Ok((done.messages, rate(done.messages, done.elapsed)))
}
