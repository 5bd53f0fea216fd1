//! What an inbound channel does with a message: understand, submit, acknowledge.

use std::fmt::Write;
use std::sync::Arc;

use engine::{Command, Engine, Receipt, Stopped};
use hl7v2::batch;
use jiff::Timestamp;
use medicines::Request;
use sha2::{Digest, Sha256};
use tokio::time::{Duration, Instant, sleep};

use super::{Reply, Service, Unserved};
use crate::config::{ChannelConfig, WhenFull};
use crate::health::Meter;
use crate::inbound::{self, InboundChannel, Understood};
use crate::lines::Lines;
use crate::sender::{Heard, commit};

/// How long a message waits for room in a full queue before its connection is closed without an
/// answer; its sender then sends it again. Shorter than senders usually wait for an answer.
const WITHHOLD_LIMIT: Duration = Duration::from_secs(20);

/// The pause between two looks at a full queue.
const WITHHOLD_PAUSE: Duration = Duration::from_millis(250);

/// What an inbound channel has to do with the outbound ones of its node.
#[derive(Debug)]
pub(crate) struct Neighbours {
    lines: Lines,
    feeds: Vec<String>,
    when_full: WhenFull,
}

impl Neighbours {
    pub(crate) fn new(lines: Lines, config: &ChannelConfig) -> Self {
        // Where messages go on, the queue is one that this channel fills.
        let feeds = config.feeds.iter().chain(&config.forward_to).cloned().collect();
        Neighbours { lines, feeds, when_full: config.when_full }
    }
}

/// The service of one inbound channel.
#[derive(Debug)]
pub(crate) struct Receiver {
    engine: Engine,
    name: Arc<str>,
    channel: InboundChannel,
    meter: Meter,
    neighbours: Neighbours,
}

/// What became of one message.
pub(super) struct Decided {
    pub(super) reply: Reply,
    /// The number of its entry, 0 where there is none, and when that was recorded.
    pub(super) seq: u64,
    pub(super) at: Timestamp,
}

impl Receiver {
    pub(crate) fn new(
        engine: Engine,
        channel: InboundChannel,
        neighbours: Neighbours,
        meter: Meter,
    ) -> Self {
        Receiver { engine, name: channel.name().into(), channel, meter, neighbours }
    }

    /// Holds a message back while a queue that it may feed is full. `Err` closes the connection
    /// without an answer, so that nothing after it can overtake it.
    async fn make_room(&self, understood: &mut Understood) -> Result<(), Unserved> {
        let neighbours = &self.neighbours;
        let until = Instant::now() + WITHHOLD_LIMIT;
        while let Some(full) = neighbours.lines.full(&neighbours.feeds, &self.engine).await {
            if neighbours.when_full == WhenFull::Park {
                understood.request = Request::Park(inbound::queue_full(&full));
                return Ok(());
            }
            self.meter.error("queue-full");
            if Instant::now() >= until {
                return Err(Unserved::NoRoom);
            }
            sleep(WITHHOLD_PAUSE).await;
        }
        Ok(())
    }

    pub(super) fn channel(&self) -> &InboundChannel {
        &self.channel
    }

    /// Takes in one message that is no batch.
    pub(super) async fn single(
        &self,
        message: Vec<u8>,
        received: Timestamp,
    ) -> Result<Decided, Unserved> {
        let began = Instant::now();
        let mut understood = inbound::read(&message, &self.channel);
        if understood.key.is_none() {
            understood.key = Some(key_of(&message));
        }
        if let Some(written) = understood.written {
            self.meter.written(written, received);
        }
        if understood.reply_to.is_silent() {
            return Ok(self.acknowledged(understood, received, message).await?);
        }
        self.make_room(&mut understood).await?;
        let decided = self.submit(understood, received, message).await?;
        self.meter.tally().acknowledged(began.elapsed());
        Ok(decided)
    }

    /// Takes in an acknowledgement that came as a message of its own.
    async fn acknowledged(
        &self,
        understood: Understood,
        received: Timestamp,
        raw: Vec<u8>,
    ) -> Result<Decided, Stopped> {
        let heard = Heard::read(raw);
        let (lines, engine) = (&self.neighbours.lines, &self.engine);
        let request = inbound::acknowledged(&heard, &self.name, lines, engine).await;
        let Heard { raw, ack } = heard;
        let answer = commit(&raw, &format!("{}.ca", self.name), received);
        if matches!(request, Request::Stray(_)) {
            self.meter.error("ack-mismatch");
        }
        let Understood { key, message_type, control_id, by, .. } = understood;
        let channel = Arc::clone(&self.name);
        let command =
            Command { channel, key, by, message_type, control_id, received, request, raw };
        let Receipt { seq, at, .. } = self.engine.submit(command).await?;
        // What answers nothing but that a message is stored is never answered itself.
        let commits = ack.is_some_and(|ack| ack.code.is_commit());
        let answers = answer.filter(|_| !commits).into_iter().collect();
        Ok(Decided { reply: Reply { answers, refused: false }, seq, at })
    }

    /// Has the engine decide, and writes the acknowledgements that are wanted.
    pub(super) async fn submit(
        &self,
        understood: Understood,
        received: Timestamp,
        raw: Vec<u8>,
    ) -> Result<Decided, Stopped> {
        for doubt in &understood.doubts {
            tracing::debug!(channel = %self.name, %doubt, "read by an assumption");
        }
        let Understood { key, message_type, control_id, by, request, reply_to, .. } = understood;
        let channel = Arc::clone(&self.name);
        let command =
            Command { channel, key, by, message_type, control_id, received, request, raw };
        let Receipt { seq, at, answer, .. } = self.engine.submit(command).await?;
        let refused =
            matches!(answer, medicines::Answer::Parked(_) | medicines::Answer::Refused(_));
        if refused {
            self.meter.refused();
        }
        if matches!(answer, medicines::Answer::Parked(_)) {
            self.meter.tally().parked();
        }
        let first = inbound::answer(&reply_to, &answer, seq, at);
        let second = inbound::application(&reply_to, &answer, seq, at);
        let answers: Vec<Vec<u8>> = first.into_iter().chain(second).collect();
        for ack in &answers {
            self.meter.tally().answered(ack);
        }
        Ok(Decided { reply: Reply { answers, refused }, seq, at })
    }
}

impl Service for Receiver {
    async fn message(&self, message: Vec<u8>) -> Result<Reply, Unserved> {
        let received = self.engine.clock().now();
        self.meter.seen(received);
        if batch::is_batch(&message) {
            return self.batch(message, received).await;
        }
        Ok(self.single(message, received).await?.reply)
    }

    async fn oversized(&self, head: Vec<u8>, limit: usize) -> Result<Reply, Unserved> {
        let received = self.engine.clock().now();
        let mut understood = inbound::oversized(&head, limit, &self.channel);
        // What follows the head is not known: its own key would stand for a message that nobody
        // has read, and a replay of the head would act on a stump. It is known by its head, and
        // nothing of it is kept.
        understood.key = Some(key_of(&head));
        Ok(self.submit(understood, received, Vec::new()).await?.reply)
    }

    fn charset(&self, message: &[u8]) -> Option<hl7v2::Charset> {
        let choice = self.channel.dialect().charset_choice();
        hl7v2::parse_header(message, choice).ok().map(|read| read.charset())
    }
}

/// By what a repeat of bytes without a usable control id is known, so that a peer that sends them
/// over and over opens one case and not thousands.
pub(super) fn key_of(bytes: &[u8]) -> String {
    let mut key = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(key, "{byte:02x}");
    }
    key
}
