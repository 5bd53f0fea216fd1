//! The peer of an outbound channel and the way to it.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::files::{FileClient, Outbox};
use super::http::{HttpClient, Target};
use super::line::Line;
use super::mllp::MllpClient;
use super::socket;
use super::tls::TlsClient;
use crate::config::{ChannelConfig, ConfigError, Transport};
use crate::health::Meter;

/// The largest acknowledgement taken, in bytes.
pub(super) const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What went wrong on the way to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// No connection could be made.
    Connect,
    /// The two sides could not agree on TLS, so the peer has looked at nothing; the code says why.
    Refused(&'static str),
    /// The message could not be handed over whole, so the peer cannot have acted on it: a half
    /// frame is never a message. The code says why.
    NotSent(&'static str),
    /// The peer closed the connection, or it broke.
    Closed,
    /// The peer has looked at the message and does not take it; it says so by other means than an
    /// acknowledgement.
    Rejected(&'static str),
    /// No failure: the peer has taken the message, and says so by other means than an
    /// acknowledgement.
    Taken(&'static str),
    /// The peer has answered, and nobody can tell from it what became of the message.
    Unclear(&'static str),
}

impl LinkError {
    /// The code under which people see it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            LinkError::Connect => "connect-failed",
            LinkError::Refused(code)
            | LinkError::NotSent(code)
            | LinkError::Rejected(code)
            | LinkError::Taken(code)
            | LinkError::Unclear(code) => code,
            LinkError::Closed => "closed-by-peer",
        }
    }
}

/// Where the messages of an outbound channel go, and how.
#[derive(Debug, Clone)]
pub(crate) enum Peer {
    /// To `host:port`, over MLLP.
    Mllp { address: String, tls: Option<TlsClient> },
    /// To `host:port`, over HTTP.
    Http { address: String, tls: Option<TlsClient>, target: Arc<Target> },
    /// Into a folder.
    Files(Arc<Outbox>),
}

impl Peer {
    /// The peer of a channel whose settings were checked.
    pub(crate) fn new(config: &ChannelConfig) -> Result<Self, ConfigError> {
        let address = config.connect.clone().unwrap_or_default();
        let tls = config.tls.as_ref().map(|tls| TlsClient::new(tls, &address)).transpose();
        let tls = tls.map_err(|error| ConfigError::Tls { name: config.name.clone(), error })?;
        Ok(match config.transport {
            Transport::Mllp => Peer::Mllp { address, tls },
            Transport::Http => Peer::Http { address, tls, target: Arc::new(Target::new(config)?) },
            Transport::Files => {
                Peer::Files(Arc::new(Outbox::new(&config.files.clone().unwrap_or_default())))
            }
        })
    }

    /// When our certificate ends, where we have one.
    pub(crate) fn certificate_ends(&self) -> Option<Timestamp> {
        match self {
            Peer::Mllp { tls, .. } | Peer::Http { tls, .. } => {
                tls.as_ref().and_then(TlsClient::ends)
            }
            Peer::Files(_) => None,
        }
    }

    /// Connects.
    pub(crate) async fn open(&self, meter: &Meter) -> Result<Client, LinkError> {
        Ok(match self {
            Peer::Mllp { address, tls } => {
                let line = dial(address, tls.as_ref(), meter).await?;
                Client::Mllp(MllpClient::new(line, meter))
            }
            Peer::Http { address, tls, target } => {
                let line = dial(address, tls.as_ref(), meter).await?;
                Client::Http(HttpClient::new(line, Arc::clone(target), meter).await?)
            }
            Peer::Files(outbox) => Client::Files(FileClient::open(outbox, meter).await?),
        })
    }
}

async fn dial(address: &str, tls: Option<&TlsClient>, meter: &Meter) -> Result<Line, LinkError> {
    let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, socket::connect(address)).await else {
        return Err(LinkError::Connect);
    };
    secure(stream, tls, meter).await.inspect_err(|error| {
        let code = error.code();
        tracing::warn!(channel = %meter.name(), code, "the peer could not be reached by TLS");
    })
}

async fn secure(
    stream: TcpStream,
    tls: Option<&TlsClient>,
    meter: &Meter,
) -> Result<Line, LinkError> {
    // A message is one write whose answer is waited for.
    let _ = stream.set_nodelay(true);
    match tls {
        None => Ok(Line::Plain(stream)),
        Some(tls) => tls.connect(stream, meter).await.map_err(LinkError::Refused),
    }
}

/// A message on its way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outgoing<'m> {
    /// The message, without framing.
    pub(crate) bytes: &'m [u8],
    /// The delivery that it is of; a repeat has the same.
    pub(crate) id: &'m str,
    /// When the delivery was queued.
    pub(crate) at: Timestamp,
    /// What tells a batch from another one that begins with the same delivery.
    pub(crate) content: Option<u64>,
}

/// A way to a peer that is open.
#[derive(Debug)]
pub(crate) enum Client {
    Mllp(MllpClient),
    Http(HttpClient),
    Files(FileClient),
}

impl Client {
    /// Hands one message over.
    pub(crate) async fn send(&mut self, message: Outgoing<'_>) -> Result<(), LinkError> {
        match self {
            Client::Mllp(client) => client.send(message.bytes).await,
            Client::Http(client) => client.send(message).await,
            Client::Files(client) => client.send(message).await,
        }
    }

    /// Answers something that the peer has sent, where it has sent it as a message of its own and
    /// not as the answer to ours.
    pub(crate) async fn reply(&mut self, message: &[u8]) {
        if let Client::Mllp(client) = self {
            // A peer that does not get it sends its message again.
            let _ = client.send(message).await;
        }
    }

    /// Waits for the next whole answer. Dropping the future loses nothing that had arrived.
    pub(crate) async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        match self {
            Client::Mllp(client) => client.receive().await,
            Client::Http(client) => client.receive().await,
            // A folder answers nothing.
            Client::Files(_) => std::future::pending().await,
        }
    }

    /// An answer that has come without being waited for, or that the peer has closed, without
    /// waiting. `Ok(None)` is the quiet that a line should keep between two messages.
    pub(crate) async fn peek(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        match self {
            Client::Mllp(client) => client.peek().await,
            Client::Http(client) => client.peek(),
            Client::Files(_) => Ok(None),
        }
    }
}
