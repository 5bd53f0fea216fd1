//! The connection of an outbound channel.

use hl7v2::mllp::{self, Decoder, Ending, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::{READ_CHUNK, WRITE_LIMIT, socket};
use crate::health::Meter;

/// The largest acknowledgement taken, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What went wrong on the way to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// No connection could be made.
    Connect,
    /// The message could not be handed over whole, so the peer cannot have acted on it: a half
    /// frame is never a message.
    NotSent,
    /// The peer closed the connection, or it broke.
    Closed,
}

impl LinkError {
    /// The code under which people see it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            LinkError::Connect => "connect-failed",
            LinkError::NotSent => "not-sent",
            LinkError::Closed => "closed-by-peer",
        }
    }
}

/// A connection to a peer.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    input: Vec<u8>,
    frame: Vec<u8>,
    meter: Meter,
}

impl Client {
    /// Connects to `host:port`.
    pub(crate) async fn open(address: &str, meter: &Meter) -> Result<Self, LinkError> {
        let connecting = timeout(CONNECT_LIMIT, socket::connect(address));
        let Ok(Ok(stream)) = connecting.await else {
            return Err(LinkError::Connect);
        };
        // A message is one write whose answer is waited for.
        let _ = stream.set_nodelay(true);
        meter.opened();
        Ok(Client {
            stream,
            decoder: Decoder::new(MAX_ANSWER_BYTES, Ending::Proper),
            input: vec![0; READ_CHUNK],
            frame: Vec::new(),
            meter: meter.clone(),
        })
    }

    /// Hands one message over, in one write where the system takes it whole. A message that
    /// holds a framing byte is not sent.
    pub(crate) async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        self.frame.clear();
        mllp::encode_into(message, &mut self.frame).map_err(|_| LinkError::NotSent)?;
        match timeout(WRITE_LIMIT, self.stream.write_all(&self.frame)).await {
            Ok(Ok(())) => {
                self.meter.sent();
                Ok(())
            }
            _ => Err(LinkError::NotSent),
        }
    }

    /// Waits for the next whole frame. Dropping the future loses nothing that had arrived.
    pub(crate) async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
        loop {
            for event in self.decoder.by_ref() {
                match event {
                    Event::Frame(frame) => return Ok(frame),
                    Event::Noise { .. } => self.meter.error("noise"),
                    Event::Oversized { .. } => self.meter.error("oversized"),
                    Event::Restarted { .. } | Event::Half { .. } => {
                        self.meter.error("half-message");
                    }
                }
            }
            match self.stream.read(&mut self.input).await {
                Ok(count) if count > 0 => self.decoder.push(&self.input[..count]),
                _ => return Err(LinkError::Closed),
            }
        }
    }

    /// A frame that has come without being waited for, or that the peer has closed, without
    /// waiting. `Ok(None)` is the quiet that a line should keep between two messages.
    pub(crate) fn peek(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            for event in self.decoder.by_ref() {
                match event {
                    Event::Frame(frame) => return Ok(Some(frame)),
                    _ => self.meter.error("noise"),
                }
            }
            match self.stream.try_read(&mut self.input) {
                Ok(0) => return Err(LinkError::Closed),
                Ok(count) => self.decoder.push(&self.input[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(None),
                Err(_) => return Err(LinkError::Closed),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.meter.closed();
    }
}
