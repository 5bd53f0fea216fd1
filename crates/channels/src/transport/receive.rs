//! What an inbound channel does with a message: understand, submit, acknowledge.

use std::fmt::Write;
use std::future::Future;
use std::sync::Arc;

use engine::{Command, Engine, Receipt, Stopped};
use hl7v2::mllp;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Service;
use crate::health::Meter;
use crate::inbound::{self, InboundChannel, Understood};

/// The service of one inbound channel.
#[derive(Debug)]
pub(crate) struct Receiver {
    engine: Engine,
    name: Arc<str>,
    channel: InboundChannel,
    meter: Meter,
}

impl Receiver {
    pub(crate) fn new(engine: Engine, channel: InboundChannel, meter: Meter) -> Self {
        Receiver { engine, name: channel.name().into(), channel, meter }
    }

    /// Has the engine decide, and appends the framed acknowledgement, where one is wanted.
    async fn submit(
        &self,
        understood: Understood,
        received: Timestamp,
        raw: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stopped> {
        for doubt in &understood.doubts {
            tracing::debug!(channel = %self.name, %doubt, "read by an assumption");
        }
        let Understood { key, message_type, control_id, by, request, reply_to, .. } = understood;
        let channel = Arc::clone(&self.name);
        let command =
            Command { channel, key, by, message_type, control_id, received, request, raw };
        let Receipt { seq, at, answer, .. } = self.engine.submit(command).await?;
        if matches!(answer, medicines::Answer::Parked(_) | medicines::Answer::Refused(_)) {
            self.meter.refused();
        }
        if let Some(ack) = inbound::answer(&reply_to, &answer, seq, at)
            && mllp::encode_into(&ack, out).is_err()
        {
            // The sender's own control id holds a framing byte; it cannot be given back to it.
            self.meter.error("unframeable-answer");
        }
        Ok(())
    }
}

impl Service for Receiver {
    fn message(
        &self,
        message: Vec<u8>,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Stopped>> + Send {
        let received = self.engine.clock().now();
        self.meter.seen(received);
        let mut understood = inbound::read(&message, &self.channel);
        if understood.key.is_none() {
            understood.key = Some(key_of(&message));
        }
        if let Some(written) = understood.written {
            self.meter.written(written, received);
        }
        self.submit(understood, received, message, out)
    }

    fn oversized(
        &self,
        head: Vec<u8>,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Stopped>> + Send {
        let received = self.engine.clock().now();
        let mut understood = inbound::oversized(&head, limit, &self.channel);
        // What follows the head is not known: its own key would stand for a message that nobody
        // has read, and a replay of the head would act on a stump. It is known by its head, and
        // nothing of it is kept.
        understood.key = Some(key_of(&head));
        self.submit(understood, received, Vec::new(), out)
    }
}

/// By what a repeat of bytes without a usable control id is known, so that a peer that sends them
/// over and over opens one case and not thousands.
fn key_of(bytes: &[u8]) -> String {
    let mut key = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(key, "{byte:02x}");
    }
    key
}
