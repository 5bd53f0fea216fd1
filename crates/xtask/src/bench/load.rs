//! Connections that send one message after another, each when the one before is acknowledged.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::Clock;
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::figures::Samples;
use super::hospital::{Patient, hl7_time};
use super::node::told;

/// The bytes that begin and end a frame (MLLP release 1).
const START: u8 = 0x0B;
const END: [u8; 2] = [0x1C, 0x0D];
/// After how many messages a connection reads the clock for the times in them.
const MESSAGES_A_TIME: u64 = 64;
/// The longest that an acknowledgement may take.
const ACK_LIMIT: Duration = Duration::from_secs(30);

/// What the messages of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// The admission of every patient, once.
    Admissions,
    /// New orders until every patient has all that one may have.
    FirstOrders,
    /// What goes on day by day.
    Daily,
}

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// After that time.
    Elapsed(Duration),
    /// After so many messages of all connections together.
    Messages(u64),
    /// When the content is at an end, or the run is stopped.
    Over,
}

/// A run to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) address: SocketAddr,
    pub(super) connections: usize,
    pub(super) content: Content,
    pub(super) until: Until,
    /// Messages per second of all connections together; as fast as they go where there is none.
    pub(super) pace: Option<u32>,
}

/// What a run was.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) messages: u64,
    /// The acknowledgement of a message that was not accepted (an MSA-1 that is not AA).
    refusal: Option<String>,
    pub(super) elapsed: Duration,
    /// From the first byte of a message to the last of its acknowledgement.
    pub(super) latencies: Samples,
}

/// Makes a run with one thread of its own, so that as much as can be is left to the node.
pub(super) fn run(plan: Plan, patients: &mut Vec<Patient>) -> Result<Done, String> {
    let (done, back) = start(plan, std::mem::take(patients)).finish()?;
    *patients = back;
    if let Some(answer) = &done.refusal {
        return Err(format!("a message was not accepted: {answer}"));
    }
    Ok(done)
}

/// A run that goes on beside something else.
#[derive(Debug)]
pub(super) struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<(Done, Vec<Patient>), String>>,
}

impl Running {
    /// Stops it.
    pub(super) fn stop(self) -> Result<(Done, Vec<Patient>), String> {
        self.stop.store(true, Ordering::Relaxed);
        self.finish()
    }

    fn finish(self) -> Result<(Done, Vec<Patient>), String> {
        self.thread.join().map_err(|_| "the load ended unexpectedly".to_owned())?
    }
}

/// Starts a run.
pub(super) fn start(plan: Plan, patients: Vec<Patient>) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(told)?.block_on(all(plan, patients, stopped))
    });
    Running { stop, thread }
}

async fn all(
    plan: Plan,
    patients: Vec<Patient>,
    stop: Arc<AtomicBool>,
) -> Result<(Done, Vec<Patient>), String> {
    let left = match plan.until {
        Until::Messages(messages) => messages,
        Until::Elapsed(_) | Until::Over => u64::MAX,
    };
    let left = Arc::new(AtomicU64::new(left));
    let mut shares: Vec<Vec<Patient>> = vec![Vec::new(); plan.connections];
    for (at, patient) in patients.into_iter().enumerate() {
        shares[at % plan.connections].push(patient);
    }
    let mut lines = Vec::new();
    for patients in shares {
        let stream = TcpStream::connect(plan.address).await.map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        let line = Line::new(plan, stream, patients, Arc::clone(&left), Arc::clone(&stop));
        lines.push(line);
    }
    let began = Instant::now();
    let tasks: Vec<_> = lines.into_iter().map(|line| tokio::spawn(line.run(began))).collect();
    let (mut done, mut shares) = (Done::default(), Vec::new());
    for task in tasks {
        let line = task.await.map_err(told)??;
        done.messages += line.done.messages;
        done.refusal = done.refusal.or(line.done.refusal);
        done.latencies.extend(line.done.latencies);
        shares.push(line.patients.into_iter());
    }
    done.elapsed = began.elapsed();
    Ok((done, in_turn(shares)))
}

/// Patients in the order in which they were before they were shared out.
fn in_turn(mut shares: Vec<std::vec::IntoIter<Patient>>) -> Vec<Patient> {
    let mut patients = Vec::new();
    loop {
        let before = patients.len();
        patients.extend(shares.iter_mut().filter_map(Iterator::next));
        if patients.len() == before {
            return patients;
        }
    }
}

/// One connection and its patients.
struct Line {
    plan: Plan,
    stream: TcpStream,
    patients: Vec<Patient>,
    /// The patient of the next message.
    at: usize,
    now: String,
    left: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    done: Done,
}

impl Line {
    fn new(
        plan: Plan,
        stream: TcpStream,
        patients: Vec<Patient>,
        left: Arc<AtomicU64>,
        stop: Arc<AtomicBool>,
    ) -> Line {
        let (now, done) = (String::new(), Done::default());
        Line { plan, stream, patients, at: 0, now, left, stop, done }
    }

    async fn run(mut self, began: Instant) -> Result<Line, String> {
        let (mut frame, mut answer) = (Vec::with_capacity(2048), Vec::with_capacity(1024));
        while !self.is_over(began) {
            frame.clear();
            frame.push(START);
            if !self.next(&mut frame) {
                break;
            }
            frame.extend_from_slice(&END);
            self.wait_for_turn(began).await;
            let sent = Instant::now();
            exchange(&mut self.stream, &frame, &mut answer).await?;
            self.done.latencies.push(sent.elapsed());
            self.done.messages += 1;
            if memmem::find(&answer, b"\rMSA|AA|").is_none() {
                self.done.refusal = Some(String::from_utf8_lossy(&answer).replace('\r', "; "));
                break;
            }
        }
        Ok(self)
    }

    fn is_over(&self, began: Instant) -> bool {
        if self.patients.is_empty() || self.stop.load(Ordering::Relaxed) {
            return true;
        }
        match self.plan.until {
            Until::Elapsed(time) => began.elapsed() >= time,
            Until::Messages(_) => {
                let take = |left: u64| left.checked_sub(1);
                self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err()
            }
            Until::Over => false,
        }
    }

    /// Where there is a pace, each connection has its share of it.
    async fn wait_for_turn(&self, began: Instant) {
        let Some(pace) = self.plan.pace else { return };
        let connections = u32::try_from(self.plan.connections).unwrap_or(1);
        let turn = u32::try_from(self.done.messages).unwrap_or(u32::MAX);
        let due = Duration::from_secs(1) * connections / pace.max(1) * turn;
        tokio::time::sleep_until((began + due).into()).await;
    }

    /// Writes the next message; `false` when there is none.
    fn next(&mut self, out: &mut Vec<u8>) -> bool {
        if self.done.messages.is_multiple_of(MESSAGES_A_TIME) {
            self.now = hl7_time(Clock::system().now());
        }
        loop {
            let Some(patient) = self.patients.get_mut(self.at) else {
                if self.plan.content == Content::Daily {
                    self.at = 0;
                    continue;
                }
                return false;
            };
            match self.plan.content {
                Content::FirstOrders if patient.is_full() => {
                    self.at += 1;
                    continue;
                }
                Content::FirstOrders => {
                    patient.order(&self.now, out);
                }
                Content::Admissions => {
                    patient.admit(&self.now, out);
                    self.at += 1;
                }
                Content::Daily => {
                    patient.next(&self.now, out);
                    self.at += 1;
                }
            }
            return true;
        }
    }
}

/// Sends a frame and reads the one that answers it.
async fn exchange(
    stream: &mut TcpStream,
    frame: &[u8],
    answer: &mut Vec<u8>,
) -> Result<(), String> {
    answer.clear();
    stream.write_all(frame).await.map_err(told)?;
    while !answer.ends_with(&END) {
        let read = tokio::time::timeout(ACK_LIMIT, stream.read_buf(answer)).await;
        match read {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) => return Err("the connection was closed".to_owned()),
            Ok(Err(error)) => return Err(told(error)),
            Err(_) => return Err("a message was not acknowledged in 30 s".to_owned()),
        }
    }
    Ok(())
}
