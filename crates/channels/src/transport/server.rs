//! The listener of an inbound channel.
//!
//! One task per connection reads, has each message served, and writes its answer before it looks
//! at the next one, so that a peer that sends several at once is served in their order. Nothing
//! is spawned per message, an answer is one write, and what a connection may hold in memory is
//! one message of the largest size and one chunk.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hl7v2::mllp::{Decoder, Ending, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, JoinSet};
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::framing::Framing;
use super::{
    ACCEPT_PAUSE, FRAME_LIMIT, IDLE_LIMIT, READ_CHUNK, STOP_GRACE, Stop, Stopper, WRITE_LIMIT,
    YIELD_AFTER, socket,
};
use crate::health::Meter;

/// What answers the messages of a channel.
pub trait Service: Send + Sync + 'static {
    /// Takes one message in and appends the framed answer to `out`, or nothing where there is
    /// nobody to answer. On `Err` the connection is closed and nothing is written: what could
    /// not be kept must not be acknowledged.
    fn message(
        &self,
        message: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Unserved>> + Send;

    /// A message was longer than `limit` bytes; only its first bytes were kept.
    fn oversized(
        &self,
        head: Vec<u8>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Unserved>> + Send;
}

/// Why a message was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unserved {
    /// The node cannot write any more.
    #[error("the node has stopped")]
    Stopped,
    /// A queue that the message may feed was full for too long.
    #[error("a queue is full")]
    NoRoom,
}

impl From<engine::Stopped> for Unserved {
    fn from(engine::Stopped: engine::Stopped) -> Self {
        Unserved::Stopped
    }
}

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// The most connections at a time.
    pub connections: usize,
    /// How long the bytes of one message may take to arrive.
    pub frame: Duration,
    /// How long a connection must have been silent to be closed in favour of a new one, when
    /// there are as many as there may be.
    pub yield_after: Duration,
}

impl Limits {
    /// The limits of a channel that takes messages of `message_bytes` over as many `connections`:
    /// 30 seconds for a message to arrive, and a minute of silence before a connection gives its
    /// place to a new one.
    pub fn new(message_bytes: usize, connections: usize) -> Self {
        Limits { message_bytes, connections, frame: FRAME_LIMIT, yield_after: YIELD_AFTER }
    }
}

/// The connections that are open, by their tasks. Dropping a [`Stopper`] closes its connection
/// as soon as no message is in work or arriving on it.
#[derive(Default)]
struct Open(HashMap<task::Id, (Stopper, LastHeard)>);

impl Open {
    /// Makes room for one more connection: closes the one that has been silent the longest, where
    /// that is longer than it may. False where there is none.
    fn make_room(&mut self, limits: &Limits) -> bool {
        if self.0.len() < limits.connections {
            return true;
        }
        let silent = self.0.iter().map(|(id, (_, heard))| (heard.silent_for(), *id));
        match silent.max_by_key(|(silent, _)| *silent) {
            Some((silent, id)) if silent > limits.yield_after => self.0.remove(&id).is_some(),
            _ => false,
        }
    }
}

/// When something last came over a connection.
#[derive(Clone)]
struct LastHeard {
    since: Instant,
    /// Milliseconds after `since`.
    after: Arc<AtomicU64>,
}

impl LastHeard {
    fn now() -> Self {
        LastHeard { since: Instant::now(), after: Arc::default() }
    }

    fn heard(&self) {
        let after = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.after.store(after, Ordering::Relaxed);
    }

    fn silent_for(&self) -> Duration {
        let after = Duration::from_millis(self.after.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(after)
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// Why a connection ended.
enum End {
    /// The peer closed it, or was silent for too long, or the node stops.
    Closed,
    /// It broke; the code says how.
    Broken(&'static str),
    /// The node cannot write any more.
    Stopped,
}

impl Listener {
    /// Binds the address; port 0 takes any free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket::listen(address)?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves connections until it is told to stop, then lets each finish the message in work.
    pub async fn run<S: Service>(self, service: S, limits: Limits, meter: Meter, stop: Stop) {
        let service = Arc::new(service);
        let mut connections = JoinSet::new();
        let mut open = Open::default();
        let mut told = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = told.wait() => break,
                Some(ended) = connections.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    open.0.remove(&id);
                    continue;
                }
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok(_) if !open.make_room(&limits) => meter.error("connection-limit"),
                Ok((stream, _)) => {
                    let (stopper, yields) = Stopper::new();
                    let heard = LastHeard::now();
                    let connection = Connection {
                        stream,
                        decoder: Decoder::new(limits.message_bytes, Ending::Proper),
                        framing: Framing::default(),
                        service: Arc::clone(&service),
                        meter: meter.clone(),
                        stop: stop.clone(),
                        yields,
                        heard: heard.clone(),
                        answer: Vec::with_capacity(512),
                        frame_limit: limits.frame,
                        frame_began: None,
                    };
                    let id = connections.spawn(connection.run()).id();
                    open.0.insert(id, (stopper, heard));
                }
                Err(_) => {
                    meter.error("accept-failed");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        let finished = timeout(STOP_GRACE, all).await;
        if finished.is_err() {
            connections.abort_all();
        }
    }
}

struct Connection<S> {
    stream: TcpStream,
    decoder: Decoder,
    framing: Framing,
    service: Arc<S>,
    meter: Meter,
    stop: Stop,
    /// Tells that another connection needs the place.
    yields: Stop,
    heard: LastHeard,
    answer: Vec<u8>,
    frame_limit: Duration,
    /// When the first bytes of the message that is arriving came.
    frame_began: Option<Instant>,
}

impl<S: Service> Connection<S> {
    async fn run(mut self) {
        // An answer is one small write that the peer waits for.
        let _ = self.stream.set_nodelay(true);
        self.meter.opened();
        let end = self.serve().await;
        self.decoder.finish();
        while let Some(event) = self.decoder.next() {
            self.count(&event);
        }
        match end {
            End::Closed => {}
            End::Broken(code) => self.meter.error(code),
            End::Stopped => self.meter.error("node-stopped"),
        }
        self.meter.closed();
    }

    async fn serve(&mut self) -> End {
        let mut input = vec![0; READ_CHUNK];
        loop {
            while let Some(event) = self.decoder.next() {
                if let Err(end) = self.take(event).await {
                    return end;
                }
                if self.stop.is_set() {
                    return End::Closed;
                }
            }
            if self.yields.is_set() && !self.framing.is_inside() {
                return End::Broken("idle-closed");
            }
            match self.read(&mut input).await {
                Ok(count) => {
                    self.heard.heard();
                    self.framing.push(&input[..count]);
                    self.decoder.push(&input[..count]);
                }
                Err(end) => return end,
            }
        }
    }

    /// Reads what has come, within the time that a message or a silence may take.
    async fn read(&mut self, input: &mut [u8]) -> Result<usize, End> {
        let now = Instant::now();
        let inside = self.framing.is_inside();
        // Trickling bytes do not stretch the time: it counts from the first of them.
        let deadline = if inside {
            *self.frame_began.get_or_insert(now) + self.frame_limit
        } else {
            self.frame_began = None;
            now + IDLE_LIMIT
        };
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, self.stream.read(input)) => read,
            () = self.stop.wait() => return Err(End::Closed),
            () = self.yields.wait(), if !inside => return Err(End::Broken("idle-closed")),
        };
        match read {
            Ok(Ok(0)) => Err(End::Closed),
            Ok(Ok(count)) => Ok(count),
            Ok(Err(_)) => Err(End::Broken("connection-broken")),
            Err(_) if inside => Err(End::Broken("message-timeout")),
            Err(_) => Err(End::Closed),
        }
    }

    async fn take(&mut self, event: Event) -> Result<(), End> {
        self.count(&event);
        self.answer.clear();
        let served = match event {
            Event::Frame(message) => {
                // What arrives now is another message, with a time of its own.
                self.frame_began = None;
                self.service.message(message, &mut self.answer).await
            }
            Event::Oversized { head, limit } => {
                self.service.oversized(head, limit, &mut self.answer).await
            }
            Event::Noise { .. } | Event::Restarted { .. } | Event::Half { .. } => Ok(()),
        };
        served.map_err(|why| match why {
            Unserved::Stopped => End::Stopped,
            Unserved::NoRoom => End::Broken("queue-full"),
        })?;
        if self.answer.is_empty() {
            return Ok(());
        }
        match timeout(WRITE_LIMIT, self.stream.write_all(&self.answer)).await {
            Ok(Ok(())) => {
                self.meter.sent();
                Ok(())
            }
            Ok(Err(_)) => Err(End::Broken("answer-not-taken")),
            Err(_) => Err(End::Broken("answer-timeout")),
        }
    }

    fn count(&self, event: &Event) {
        match event {
            Event::Frame(_) => {}
            Event::Noise { .. } => self.meter.error("noise"),
            Event::Oversized { .. } => self.meter.error("oversized"),
            Event::Restarted { .. } | Event::Half { .. } => self.meter.error("half-message"),
        }
    }
}
