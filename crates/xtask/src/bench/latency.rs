//! Who waits how long: a cabinet for an order, a nurse for a permit; idle and beside a load.
//!
//! Beside each sample one entry is appended to a journal of its own on the same disk: what the
//! group commit takes at that time.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use engine::Clock;
use journal::{Draft, Journal};

use super::Effort;
use super::figures::{Samples, Table, millis, rate, say};
use super::hospital::{NURSE, Patient, Removable, SITE, TOKEN, hl7_time, inpatients};
use super::ingest::fill;
use super::load::{self, Content, Plan, Until};
use super::node::{self, Folder, Node, told};
use super::peer::Peers;

/// The load beside which everything is measured again, in messages per second.
const BACKGROUND: u32 = 1_000;
/// The pause between two samples, so that none waits for what the one before set going.
const PAUSE: Duration = Duration::from_millis(20);
/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How many bytes the entry of the commit that is measured has, head and message.
const ENTRY: [usize; 2] = [2_500, 1_000];

pub(super) fn run(effort: Effort) -> Result<(), String> {
    node::build()?;
    let folder = Folder::new()?;
    let peers = Peers::start()?;
    let node = Node::start(folder.path(), Some(peers.addresses))?;
    let watched = effort.pick(100, 4);
    let mut patients = inpatients(watched + effort.pick(1_000, 20));
    let mut background = patients.split_off(watched);
    fill(&node, &mut background, true)?;
    fill(&node, &mut patients, false)?;
    peers.wait_for_quiet();
    let mut bench = Bench {
        epma: connect(&node)?,
        node,
        peers,
        commit: Commit::open(&folder.path().join("commit"))?,
        table: Table::new(&[
            "",
            "samples",
            "p50 ms",
            "p99 ms",
            "commit p50",
            "p99",
            "ratio p50",
            "p99",
        ]),
        asked: 0,
    };
    let beside = patients.split_off(watched / 2);
    bench.phase("idle", patients)?;
    let plan = Plan {
        address: bench.node.channel("epma")?,
        connections: 8,
        content: Content::Daily,
        until: Until::Over,
        pace: Some(BACKGROUND),
    };
    let load = load::start(plan, background);
    std::thread::sleep(Duration::from_secs(1));
    bench.phase("beside 1,000 msg/s", beside)?;
    let (done, _) = load.stop()?;
    bench.table.print();
    say(&format!("the load was {:.0} msg/s\n", rate(done.messages, done.elapsed)));
    Ok(())
}

fn connect(node: &Node) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(node.channel("epma")?).map_err(told)?;
    stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(LIMIT))).map_err(told)?;
    Ok(stream)
}

struct Bench {
    node: Node,
    peers: Peers,
    epma: TcpStream,
    commit: Commit,
    table: Table,
    asked: u32,
}

impl Bench {
    fn phase(&mut self, when: &str, mut patients: Vec<Patient>) -> Result<(), String> {
        let (mut orders, mut acks, mut commits) =
            (Samples::default(), Samples::default(), Samples::default());
        for patient in &mut patients {
            while !patient.is_full() {
                let (cabinet, ack) = self.order(patient)?;
                orders.push(cabinet);
                acks.push(ack);
                commits.push(self.commit.once()?);
                std::thread::sleep(PAUSE);
            }
        }
        self.row(&format!("order to cabinet, {when}"), &mut orders, &mut commits);
        self.row(&format!("order to its ACK, {when}"), &mut acks, &mut commits);
        let (mut permits, mut commits) = (Samples::default(), Samples::default());
        let mut api = Api::connect(&self.node)?;
        for removal in patients.iter().flat_map(Patient::removable) {
            self.asked += 1;
            permits.push(api.ask(&removal, self.asked)?);
            commits.push(self.commit.once()?);
            std::thread::sleep(PAUSE);
        }
        self.row(&format!("removal permit, {when}"), &mut permits, &mut commits);
        Ok(())
    }

    /// Sends a new order; answers how long until the cabinet had it, and until it was
    /// acknowledged.
    fn order(&mut self, patient: &mut Patient) -> Result<(Duration, Duration), String> {
        let mut frame = vec![0x0B];
        let number = patient.order(&hl7_time(Clock::system().now()), &mut frame);
        frame.extend_from_slice(&[0x1C, 0x0D]);
        let come = self.peers.await_order(&number);
        let sent = Instant::now();
        self.epma.write_all(&frame).map_err(told)?;
        let (mut answer, mut input) = (Vec::new(), [0; 1024]);
        while !answer.ends_with(&[0x1C, 0x0D]) {
            match self.epma.read(&mut input).map_err(told)? {
                0 => return Err("the connection was closed".to_owned()),
                count => answer.extend_from_slice(&input[..count]),
            }
        }
        let acknowledged = sent.elapsed();
        let come = come.recv_timeout(LIMIT).map_err(|_| "an order did not come to its cabinet")?;
        Ok((come.saturating_duration_since(sent), acknowledged))
    }

    fn row(&mut self, what: &str, samples: &mut Samples, commits: &mut Samples) {
        let [p50, p99] = [50, 99].map(|percent| samples.percentile(percent));
        let [commit50, commit99] = [50, 99].map(|percent| commits.percentile(percent));
        let ratio = |a: Duration, b: Duration| format!("{:.1}", a.as_secs_f64() / b.as_secs_f64());
        self.table.row([
            what.to_owned(),
            samples.len().to_string(),
            millis(p50),
            millis(p99),
            millis(commit50),
            millis(commit99),
            ratio(p50, commit50),
            ratio(p99, commit99),
        ]);
    }
}

/// A journal to which one entry is appended at a time.
struct Commit(Journal);

impl Commit {
    fn open(path: &Path) -> Result<Commit, String> {
        Journal::open(path, SITE, journal::Options::default()).map(Commit).map_err(told)
    }

    fn once(&mut self) -> Result<Duration, String> {
        let [head, raw] = ENTRY.map(|bytes| vec![b'x'; bytes]);
        let drafts = [Draft { at: 0, head, raw }];
        let began = Instant::now();
        self.0.append(&drafts).map_err(told)?;
        Ok(began.elapsed())
    }
}

/// A connection to the API that is kept alive.
struct Api {
    stream: TcpStream,
    host: String,
}

impl Api {
    fn connect(node: &Node) -> Result<Api, String> {
        let stream = TcpStream::connect(node.http).map_err(told)?;
        stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(LIMIT)))
            .map_err(told)?;
        Ok(Api { stream, host: node.http.to_string() })
    }

    /// Asks for a removal, which must be permitted.
    fn ask(&mut self, removal: &Removable, key: u32) -> Result<Duration, String> {
        let Removable { cabinet, nhs, order, item } = removal;
        let body = format!(
            "{{\"cabinet\":\"{cabinet}\",\"patient\":{{\"system\":\
             \"https://fhir.nhs.uk/Id/nhs-number\",\"value\":\"{nhs}\"}},\"order\":{{\"system\":\
             \"https://rxx.nhs.uk/Id/order/epma\",\"value\":\"{order}\"}},\"item\":\"{item}\",\
             \"quantity\":\"1\",\"user\":\"{NURSE}\"}}"
        );
        let request = format!(
            "POST /cabinet/removals HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: bench-{key}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        let began = Instant::now();
        self.stream.write_all(request.as_bytes()).map_err(told)?;
        let answer = self.answer()?;
        let took = began.elapsed();
        if answer.starts_with("HTTP/1.1 201 ") {
            return Ok(took);
        }
        let first = answer.lines().next().unwrap_or_default();
        Err(format!(
            "a removal was answered {first}: {}",
            answer.lines().last().unwrap_or_default()
        ))
    }

    fn answer(&mut self) -> Result<String, String> {
        let (mut answer, mut input) = (Vec::new(), [0; 4096]);
        loop {
            match self.stream.read(&mut input).map_err(told)? {
                0 => return Err("the API closed the connection".to_owned()),
                count => answer.extend_from_slice(&input[..count]),
            }
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let mut lines = head.lines().map(str::to_ascii_lowercase);
            let length = lines.find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if length.is_none_or(|length: usize| body.len() >= length) {
                return Ok(text.into_owned());
            }
        }
    }
}
