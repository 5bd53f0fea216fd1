//! The listener of an inbound channel.
//!
//! It accepts connections, keeps their number within the limit, lets TLS be agreed on where the
//! channel has it, and gives each to a task that speaks MLLP or HTTP.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{self, JoinSet};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::connection::Connection;
use super::http;
use super::line::Line;
use super::{
    ACCEPT_PAUSE, Door, FRAME_LIMIT, STOP_GRACE, Service, Stop, Stopper, TlsServer, YIELD_AFTER,
    socket,
};
use crate::health::Meter;

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
pub(super) struct LastHeard {
    since: Instant,
    /// Milliseconds after `since`.
    after: Arc<AtomicU64>,
}

impl LastHeard {
    fn now() -> Self {
        LastHeard { since: Instant::now(), after: Arc::default() }
    }

    pub(super) fn heard(&self) {
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
    tls: Option<TlsServer>,
    /// Where HTTP is spoken and not MLLP.
    door: Option<Arc<Door>>,
}

impl Listener {
    /// Binds the address; port 0 takes any free one.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = socket::listen(address)?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address, tls: None, door: None })
    }

    /// The same listener under TLS, where it is given.
    pub(crate) fn under(mut self, tls: Option<TlsServer>) -> Self {
        self.tls = tls;
        self
    }

    /// The same listener, speaking HTTP where a door is given.
    pub(crate) fn behind(mut self, door: Option<Door>) -> Self {
        self.door = door.map(Arc::new);
        self
    }

    /// When our certificate ends, where it has one.
    pub(crate) fn certificate_ends(&self) -> Option<Timestamp> {
        self.tls.as_ref().and_then(TlsServer::ends)
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
                    let arrived = Arrived {
                        service: Arc::clone(&service),
                        meter: meter.clone(),
                        limits,
                        stop: stop.clone(),
                        yields,
                        heard: heard.clone(),
                    };
                    let id = connections
                        .spawn(arrived.run(stream, self.tls.clone(), self.door.clone()))
                        .id();
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

/// What every connection is given, whatever is spoken on it.
pub(super) struct Arrived<S> {
    pub(super) service: Arc<S>,
    pub(super) meter: Meter,
    pub(super) limits: Limits,
    pub(super) stop: Stop,
    /// Tells that another connection needs the place.
    pub(super) yields: Stop,
    pub(super) heard: LastHeard,
}

impl<S: Service> Arrived<S> {
    async fn run(mut self, stream: TcpStream, tls: Option<TlsServer>, door: Option<Arc<Door>>) {
        // An answer is one small write that the peer waits for.
        let _ = stream.set_nodelay(true);
        let Some(line) = self.agree(stream, tls).await else {
            return;
        };
        match door {
            None => Connection::new(self, line).run().await,
            Some(door) => http::serve(self, line, door).await,
        }
    }

    async fn agree(&mut self, stream: TcpStream, tls: Option<TlsServer>) -> Option<Line> {
        let Some(tls) = tls else {
            return Some(Line::Plain(stream));
        };
        let agreed = tokio::select! {
            agreed = tls.accept(stream, &self.meter) => agreed,
            () = self.stop.wait() => return None,
        };
        let channel = self.meter.name();
        match agreed {
            Ok((line, subject)) => {
                let peer = subject.as_deref().unwrap_or("without a certificate");
                tracing::debug!(channel, peer, "a peer has connected by TLS");
                Some(line)
            }
            Err(code) => {
                tracing::warn!(channel, code, "a peer could not connect by TLS");
                self.meter.error(code);
                None
            }
        }
    }
}
