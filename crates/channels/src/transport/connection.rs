//! One connection of an inbound channel, on which MLLP is spoken.
//!
//! Its task reads, has each message served, and writes its answer before it looks at the next one,
//! so that a peer that sends several at once is served in their order. Nothing is spawned per
//! message, an answer is one write, and what a connection may hold in memory is one message of the
//! largest size and one chunk.

use std::sync::Arc;

use hl7v2::mllp::{self, Decoder, Ending, Event};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use super::framing::Framing;
use super::line::Line;
use super::server::{Arrived, LastHeard};
use super::{IDLE_LIMIT, READ_CHUNK, Service, Stop, WRITE_LIMIT};
use crate::health::Meter;

/// Why a connection ended.
enum End {
    /// The peer closed it, or was silent for too long, or the node stops.
    Closed,
    /// It broke; the code says how.
    Broken(&'static str),
}

/// A connection on which MLLP is spoken.
pub(super) struct Connection<S> {
    stream: Line,
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
    pub(super) fn new(arrived: Arrived<S>, stream: Line) -> Self {
        let Arrived { service, meter, limits, stop, yields, heard } = arrived;
        Connection {
            stream,
            decoder: Decoder::new(limits.message_bytes, Ending::Proper),
            framing: Framing::default(),
            service,
            meter,
            stop,
            yields,
            heard,
            answer: Vec::with_capacity(512),
            frame_limit: limits.frame,
            frame_began: None,
        }
    }

    pub(super) async fn run(mut self) {
        self.meter.opened();
        let end = self.serve().await;
        self.decoder.finish();
        while let Some(event) = self.decoder.next() {
            self.count(&event);
        }
        match end {
            End::Closed => {}
            End::Broken(code) => self.meter.error(code),
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
        let served = match event {
            Event::Frame(message) => {
                // What arrives now is another message, with a time of its own.
                self.frame_began = None;
                self.service.message(message).await
            }
            Event::Oversized { head, limit } => self.service.oversized(head, limit).await,
            Event::Noise { .. } | Event::Restarted { .. } | Event::Half { .. } => return Ok(()),
        };
        self.answer.clear();
        for answer in served.map_err(|why| End::Broken(why.code()))?.answers {
            if mllp::encode_into(&answer, &mut self.answer).is_err() {
                // The sender's own control id holds a framing byte; it cannot be given back to it.
                self.meter.error("unframeable-answer");
            }
        }
        if self.answer.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&self.answer).await?;
            self.stream.flush().await
        };
        match timeout(WRITE_LIMIT, write).await {
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
