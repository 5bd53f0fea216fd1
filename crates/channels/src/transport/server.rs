//! The listener of an inbound channel.
//!
//! One task per connection reads, has each message served, and writes its answer before it looks
//! at the next one, so that a peer that sends several at once is served in their order. Nothing
//! is spawned per message, an answer is one write, and what a connection may hold in memory is
//! one message of the largest size and one chunk.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hl7v2::mllp::{Decoder, Ending, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{ACCEPT_PAUSE, FRAME_LIMIT, IDLE_LIMIT, READ_CHUNK, STOP_GRACE, Stop, WRITE_LIMIT};
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
    ) -> impl Future<Output = Result<(), engine::Stopped>> + Send;

    /// A message was longer than `limit` bytes; only its first bytes were kept.
    fn oversized(
        &self,
        head: Vec<u8>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), engine::Stopped>> + Send;
}

/// What a listener allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// The most connections at a time.
    pub connections: usize,
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
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
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
        let mut told = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = told.wait() => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok(_) if connections.len() >= limits.connections => meter.error("connection-limit"),
                Ok((stream, _)) => {
                    let connection = Connection {
                        stream,
                        decoder: Decoder::new(limits.message_bytes, Ending::Proper),
                        service: Arc::clone(&service),
                        meter: meter.clone(),
                        stop: stop.clone(),
                        answer: Vec::with_capacity(512),
                        frame_began: None,
                    };
                    connections.spawn(connection.run());
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
    service: Arc<S>,
    meter: Meter,
    stop: Stop,
    answer: Vec<u8>,
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
            match self.read(&mut input).await {
                Ok(count) => self.decoder.push(&input[..count]),
                Err(end) => return end,
            }
        }
    }

    /// Reads what has come, within the time that a message or a silence may take.
    async fn read(&mut self, input: &mut [u8]) -> Result<usize, End> {
        let now = Instant::now();
        let inside = self.decoder.partial() > 0;
        // Trickling bytes do not stretch the time: it counts from the first of them.
        let deadline = if inside {
            *self.frame_began.get_or_insert(now) + FRAME_LIMIT
        } else {
            self.frame_began = None;
            now + IDLE_LIMIT
        };
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, self.stream.read(input)) => read,
            () = self.stop.wait() => return Err(End::Closed),
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
            Event::Frame(message) => self.service.message(message, &mut self.answer).await,
            Event::Oversized { head, limit } => {
                self.service.oversized(head, limit, &mut self.answer).await
            }
            Event::Noise { .. } | Event::Restarted { .. } | Event::Half { .. } => Ok(()),
        };
        served.map_err(|_| End::Stopped)?;
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
