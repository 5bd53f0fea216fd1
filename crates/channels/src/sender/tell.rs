//! One message on its way, and what becomes of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use engine::{DeliveryTrace, Stopped};
use jiff::Timestamp;
use medicines::Request;
use medicines::deliveries::{Delivery, DeliveryState, Outcome};
use tokio::time::{Duration, Instant};

use super::Sender;
use super::backoff::Backoff;
use super::exchange::{Exchange, Heard, codes, exchange, failed};
use super::queue::{MAX_UNRECORDED, Ready};
use crate::config::{AckWhen, Acknowledgement, ChannelConfig, NextAfter, OnUnknown, Transport};
use crate::outbound::RenderError;
use crate::transport::{LinkError, Outgoing};

/// The first and the longest wait before a message that was refused is sent again.
const DEFER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(5));

impl Sender {
    /// Sends one message and tells what became of it.
    pub(super) async fn tell(&mut self, ready: Ready) -> Result<(), Stopped> {
        let control_id = ready.control_id.clone();
        let Some((delivery, tries, message)) = self.writable(ready).await? else { return Ok(()) };
        if self.hear_before(&delivery).await? || self.link.client.is_none() {
            return Ok(());
        }
        let durable = self.config.on_unknown == OnUnknown::Hold;
        if durable {
            self.place(&delivery, DeliveryState::InFlight, None).await?;
        }
        let began = (self.engine.clock().now(), Instant::now());
        let (sent, heard) = self.exchange(&message, &delivery, &control_id).await;
        self.measure(&delivery, sent.as_ref(), began);
        for other in heard {
            self.hear(other).await?;
        }
        match sent {
            Some(Exchange::NotSent(code)) => {
                if durable {
                    self.place(&delivery, DeliveryState::Waiting, Some("not-sent")).await?;
                }
                self.not_sent(code).await;
                Ok(())
            }
            Some(other) => self.judge(other, delivery, tries).await,
            None if self.config.transport == Transport::Files => {
                self.meter.well();
                self.unacknowledged(delivery, tries, "written").await
            }
            None => self.unacknowledged(delivery, tries, "sent").await,
        }
    }

    /// The message of a delivery; none where it cannot be sent, which is told then.
    pub(super) async fn writable(
        &mut self,
        ready: Ready,
    ) -> Result<Option<(Delivery, u64, Vec<u8>)>, Stopped> {
        let Ready { delivery, tries, message, .. } = ready;
        let (state, why) = match message {
            // It would never get onto the line, and everybody's messages would wait behind it.
            Ok(message)
                if self.config.transport == Transport::Mllp
                    && hl7v2::mllp::encode_into(&message, &mut Vec::new()).is_err() =>
            {
                (DeliveryState::Refused, "not written: unframeable".to_owned())
            }
            // In a batch nobody could tell where it begins.
            Ok(message) if self.config.batches().is_some() && !message.starts_with(b"MSH") => {
                (DeliveryState::Refused, "not written: no-message".to_owned())
            }
            Ok(message) => return Ok(Some((delivery, tries, message))),
            Err(RenderError::Dropped) => {
                (DeliveryState::Superseded, "dropped by the channel's script".to_owned())
            }
            Err(error) => (DeliveryState::Refused, format!("not written: {}", error.code())),
        };
        self.conclude(delivery, state, Some(why), Vec::new()).await?;
        Ok(None)
    }

    /// Nothing left here, or nobody has looked at it: what waits is tried again after a while.
    pub(super) async fn not_sent(&mut self, code: &'static str) {
        self.meter.down(code);
        self.forget();
        let wait = self.lost();
        self.pause(wait).await;
    }

    /// Takes in what came since the last message. True where `delivery` may not be sent now after
    /// all: an earlier message of its patient was refused, or the line is gone.
    async fn hear_before(&mut self, delivery: &Delivery) -> Result<bool, Stopped> {
        while let Some(client) = self.link.client.as_mut() {
            match client.peek().await {
                Ok(None) => break,
                Ok(Some(raw)) => {
                    if self.hear(Heard::read(raw)).await?.is_some_and(|key| key == delivery.key) {
                        return Ok(true);
                    }
                }
                Err(error) => {
                    self.forget();
                    if self.link.is_proven() {
                        // Nothing was in flight: the peer closed a line that was not used.
                        self.link.client = None;
                    } else {
                        // It hung up without a word: it is not asked again at once.
                        self.meter.down(error.code());
                        let wait = self.lost();
                        self.pause(wait).await;
                    }
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Sends a message; waits for its acknowledgement where one is to come on this line, and gives
    /// `None` where none is.
    pub(super) async fn exchange(
        &mut self,
        message: &[u8],
        delivery: &Delivery,
        control_id: &str,
    ) -> (Option<Exchange>, Vec<Heard>) {
        let (mut heard, awaits) = (Vec::new(), self.config.awaits_reply());
        let patience = self.config.ack_timeout();
        let Some(client) = self.link.client.as_mut() else {
            return (Some(Exchange::NotSent("not-sent")), heard);
        };
        let content = self.config.batches().map(|_| hash_of(message));
        let message = Outgoing { bytes: message, id: &delivery.id, at: delivery.at, content };
        if !awaits {
            let sent = client.send(message).await;
            return (sent.err().map(|error| failed(error, &self.meter)), heard);
        }
        let (id, meter, stop) = (control_id, &self.meter, &mut self.stop);
        let sent = exchange(client, message, id, patience, &mut heard, meter, stop).await;
        (Some(sent), heard)
    }

    /// Notes how long an acknowledgement took, and tells who follows the ways of messages.
    fn measure(
        &self,
        delivery: &Delivery,
        sent: Option<&Exchange>,
        (at, since): (Timestamp, Instant),
    ) {
        let outcome = match sent {
            Some(Exchange::Answered { ack, .. }) => {
                self.meter.tally().acknowledged(since.elapsed());
                ack.code.code()
            }
            Some(Exchange::Silent) => "ack-timeout",
            Some(Exchange::Lost) => "connection-lost",
            Some(
                Exchange::NotSent(code)
                | Exchange::Rejected(code)
                | Exchange::Taken(code)
                | Exchange::Unclear(code),
            ) => code,
            None => "sent",
        };
        let Some(tracer) = self.engine.tracer() else { return };
        let trace = DeliveryTrace {
            delivery: delivery.id.clone(),
            channel: self.config.name.clone(),
            kind: delivery.notice.kind(),
            outcome,
            sent: (at, self.engine.clock().now()),
        };
        if trace.entry().is_some_and(|entry| tracer.wants(entry)) {
            tracer.delivery(trace);
        }
    }

    async fn judge(
        &mut self,
        sent: Exchange,
        delivery: Delivery,
        tries: u64,
    ) -> Result<(), Stopped> {
        match sent {
            Exchange::Answered { ack, raw } => {
                self.heard_from();
                self.meter.seen(self.engine.clock().now());
                let detail = codes(&ack);
                if !ack.code.is_positive() {
                    return self.refused(delivery, tries, detail, raw).await;
                }
                self.meter.well();
                if ack.code.is_commit() && self.config.wants_application() {
                    return self.accepted(delivery, tries, detail, raw).await;
                }
                self.conclude(delivery, DeliveryState::Delivered, Some(detail), raw).await
            }
            Exchange::Silent if self.config.silence_is_success() && !self.stop.is_set() => {
                self.heard_from();
                self.unacknowledged(delivery, tries, "no-error").await
            }
            Exchange::Silent => {
                // A node that stops does not wait its whole time.
                let counts = !self.stop.is_set();
                let wait = self.link.silent();
                self.unanswered(delivery, tries, counts, "ack-timeout", wait).await
            }
            Exchange::Rejected(code) => {
                self.heard_from();
                self.meter.seen(self.engine.clock().now());
                self.refused(delivery, tries, code.to_owned(), Vec::new()).await
            }
            Exchange::Taken(code) => {
                self.heard_from();
                self.meter.seen(self.engine.clock().now());
                self.meter.well();
                let detail = Some(code.to_owned());
                self.conclude(delivery, DeliveryState::Delivered, detail, Vec::new()).await
            }
            Exchange::Unclear(code) => {
                let wait = self.link.silent();
                self.unanswered(delivery, tries, true, code, wait).await
            }
            Exchange::Lost | Exchange::NotSent(_) => {
                let counts = self.link.is_proven();
                let wait = self.lost();
                let code = LinkError::Closed.code();
                self.unanswered(delivery, tries, counts, code, wait).await
            }
        }
    }

    /// Nothing says that the peer has the message, and nothing is to say so.
    pub(super) async fn unacknowledged(
        &mut self,
        delivery: Delivery,
        tries: u64,
        code: &str,
    ) -> Result<(), Stopped> {
        let waits = self.config.wants_application()
            && (self.config.accept_ack != AckWhen::Never
                || self.config.application_ack_from.is_some());
        if waits {
            return self.accepted(delivery, tries, code.to_owned(), Vec::new()).await;
        }
        let detail = Some(code.to_owned());
        self.conclude(delivery, DeliveryState::Delivered, detail, Vec::new()).await
    }

    /// The peer has stored the message; its application has still to answer.
    async fn accepted(
        &mut self,
        delivery: Delivery,
        tries: u64,
        detail: String,
        raw: Vec<u8>,
    ) -> Result<(), Stopped> {
        self.lane.outstanding().add(delivery.clone(), tries, Instant::now());
        if self.config.next_after == NextAfter::Commit {
            return self.conclude(delivery, DeliveryState::Accepted, Some(detail), raw).await;
        }
        self.hold_back(delivery, DeliveryState::Accepted, detail, raw).await
    }

    /// The peer, or its application, refused the message.
    pub(super) async fn refused(
        &mut self,
        delivery: Delivery,
        tries: u64,
        detail: String,
        raw: Vec<u8>,
    ) -> Result<(), Stopped> {
        self.meter.refused();
        let state = self.policy().refused(tries);
        if state == DeliveryState::Refused {
            return self.conclude(delivery, state, Some(detail), raw).await;
        }
        self.hold_back(delivery, state, detail, raw).await
    }

    /// Whether a message that was refused before is sent now; where not, it is put off.
    pub(super) fn is_due(&mut self, ready: &Ready) -> bool {
        let id = &ready.delivery.id;
        let mix =
            id.bytes().fold(self.lane.seed(), |mix, byte| mix.rotate_left(7) ^ u64::from(byte));
        let mut waits = Backoff::new(DEFER.0, DEFER.1, mix);
        let wait = (0..ready.tries.min(16)).map(|_| waits.wait()).last().unwrap_or(DEFER.0);
        self.queue.is_due(id, Instant::now() + wait)
    }

    /// A message keeps back those of its patient. The record has to know before another is sent.
    async fn hold_back(
        &mut self,
        delivery: Delivery,
        state: DeliveryState,
        detail: String,
        raw: Vec<u8>,
    ) -> Result<(), Stopped> {
        self.forget_patient(&delivery.key);
        let id = delivery.id.clone();
        let detail = Some(detail);
        let channel = Arc::clone(&self.channel);
        let outcome = Outcome { channel, delivery, state, ahead: false, held: false, detail };
        self.submit(Request::Delivered(outcome), Some(id), raw).await
    }

    /// Journals where a message stands that has not ended.
    pub(super) async fn place(
        &mut self,
        delivery: &Delivery,
        state: DeliveryState,
        detail: Option<&str>,
    ) -> Result<(), Stopped> {
        let outcome = Outcome {
            channel: Arc::clone(&self.channel),
            delivery: delivery.clone(),
            state,
            ahead: false,
            held: false,
            detail: detail.map(ToOwned::to_owned),
        };
        self.submit(Request::Delivered(outcome), Some(delivery.id.clone()), Vec::new()).await
    }

    /// A message was sent and not answered: the journal has to know before anything else is
    /// sent. It is told of the first time, and then of each that counts as an attempt. What
    /// follows is read from the record, by the channel's policy.
    pub(super) async fn unanswered(
        &mut self,
        delivery: Delivery,
        before: u64,
        counts: bool,
        code: &'static str,
        wait: Duration,
    ) -> Result<(), Stopped> {
        self.meter.down(code);
        if before == 0 || counts {
            let id = delivery.id.clone();
            let held = self.policy().holds(before + 1);
            let request = self.unknown(delivery, held, code);
            self.submit(request, Some(id), Vec::new()).await?;
        }
        self.forget();
        self.pause(wait).await;
        Ok(())
    }

    /// A delivery has ended, or the peer has stored it. The next message does not wait for the
    /// journal, unless very many outcomes are on their way to it.
    pub(super) async fn conclude(
        &mut self,
        delivery: Delivery,
        state: DeliveryState,
        detail: Option<String>,
        raw: Vec<u8>,
    ) -> Result<(), Stopped> {
        while self.outcomes.len() >= MAX_UNRECORDED {
            if let Some(recorded) = self.outcomes.join_next().await {
                self.recorded(recorded)?;
            }
        }
        let id = delivery.id.clone();
        self.queue.conclude(id.clone());
        let channel = Arc::clone(&self.channel);
        let outcome = Outcome { channel, delivery, state, ahead: true, held: false, detail };
        let command = self.command(Request::Delivered(outcome), Some(&id), raw);
        let engine = self.engine.clone();
        self.outcomes.spawn(async move { engine.submit_recorded(command).await.map(|_| id) });
        Ok(())
    }

    pub(super) fn unknown(&self, delivery: Delivery, held: bool, code: &str) -> Request {
        let (channel, state) = (Arc::clone(&self.channel), DeliveryState::Unknown);
        let detail = Some(code.to_owned());
        Request::Delivered(Outcome { channel, delivery, state, ahead: false, held, detail })
    }
}

impl ChannelConfig {
    fn is_enhanced(&self) -> bool {
        self.acknowledgement == Acknowledgement::Enhanced
    }

    /// Whether the peer's application owes an answer after the peer has stored a message.
    pub(crate) fn wants_application(&self) -> bool {
        self.is_enhanced() && self.application_ack != AckWhen::Never
    }

    /// Whether something is to come on the line on which a message was sent.
    fn awaits_reply(&self) -> bool {
        let application = self.wants_application() && self.application_ack_from.is_none();
        // A file that has its name is there: nothing more is to come.
        self.transport != Transport::Files
            && (!self.is_enhanced() || self.accept_ack != AckWhen::Never || application)
    }

    /// Whether the peer answers on the line only where something is wrong.
    fn silence_is_success(&self) -> bool {
        self.is_enhanced()
            && match self.accept_ack {
                AckWhen::OnError => true,
                AckWhen::Never => self.application_ack == AckWhen::OnError,
                AckWhen::Always | AckWhen::OnSuccess => false,
            }
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
