//! The connection of an outbound channel on which MLLP is spoken.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use hl7v2::mllp::{self, Decoder, Ending, Event};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use super::client::{LinkError, MAX_ANSWER_BYTES};
use super::line::Line;
use super::{READ_CHUNK, WRITE_LIMIT, tls};
use crate::health::Meter;

/// A connection to a peer.
#[derive(Debug)]
pub(crate) struct MllpClient {
    stream: Line,
    decoder: Decoder,
    input: Vec<u8>,
    frame: Vec<u8>,
    meter: Meter,
}

impl MllpClient {
    pub(super) fn new(stream: Line, meter: &Meter) -> Self {
        meter.opened();
        MllpClient {
            stream,
            decoder: Decoder::new(MAX_ANSWER_BYTES, Ending::Proper),
            input: vec![0; READ_CHUNK],
            frame: Vec::new(),
            meter: meter.clone(),
        }
    }

    /// Hands one message over, in one write where the system takes it whole. A message that
    /// holds a framing byte is not sent.
    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), LinkError> {
        self.frame.clear();
        mllp::encode_into(message, &mut self.frame)
            .map_err(|_| LinkError::NotSent("unframeable"))?;
        let write = async {
            self.stream.write_all(&self.frame).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_LIMIT, write).await {
            Ok(Ok(())) => {
                self.meter.sent();
                Ok(())
            }
            _ => Err(LinkError::NotSent("not-sent")),
        }
    }

    /// Waits for the next whole frame. Dropping the future loses nothing that had arrived.
    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, LinkError> {
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
                // In TLS 1.3 a client hears of its refusal after it has begun to send.
                Err(error) if tls::is_refusal(&error) => {
                    return Err(LinkError::Refused(tls::code_of(&error)));
                }
                _ => return Err(LinkError::Closed),
            }
        }
    }

    /// A frame that has come without being waited for, or that the peer has closed, without
    /// waiting. `Ok(None)` is the quiet that a line should keep between two messages.
    pub(super) async fn peek(&mut self) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            for event in self.decoder.by_ref() {
                match event {
                    Event::Frame(frame) => return Ok(Some(frame)),
                    _ => self.meter.error("noise"),
                }
            }
            match self.glance().await {
                None => return Ok(None),
                Some(0) => return Err(LinkError::Closed),
                Some(count) => self.decoder.push(&self.input[..count]),
            }
        }
    }

    /// Reads what has come, without waiting: how many bytes, 0 where the line is closed, nothing
    /// where it is quiet.
    async fn glance(&mut self) -> Option<usize> {
        let (stream, input) = (&mut self.stream, &mut self.input);
        let look = poll_fn(|cx| {
            let mut input = ReadBuf::new(input);
            Poll::Ready(match Pin::new(&mut *stream).poll_read(cx, &mut input) {
                Poll::Ready(Ok(())) => Some(input.filled().len()),
                Poll::Ready(Err(_)) => Some(0),
                Poll::Pending => None,
            })
        });
        // Out of turn, or a task that has done much would see a quiet line.
        tokio::task::unconstrained(look).await
    }
}

impl Drop for MllpClient {
    fn drop(&mut self) {
        self.meter.closed();
    }
}
