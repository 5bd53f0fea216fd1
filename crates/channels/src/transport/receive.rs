//! What an inbound channel does with a message: understand, submit, acknowledge.

use std::future::Future;
use std::sync::Arc;

use engine::{Command, Engine, Receipt, Stopped};
use hl7v2::mllp;
use jiff::Timestamp;

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
        let understood = inbound::read(&message, &self.channel);
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
        // What follows the head is not known, so its key is no proof that a repeat is the same.
        understood.key = None;
        self.submit(understood, received, head, out)
    }
}
