//! The sender of an outbound channel: one task, one message in flight.
//!
//! It reads the deliveries that wait from the record, writes each in its peer's dialect, sends
//! it, and tells the engine what became of it. While the journal takes that in, the next message
//! is on its way already; a node that dies in between sends the last few again after its start,
//! with the same control ids, and their peer notices the repeat by them. A message whose
//! acknowledgement was refused or never came is always journaled before anything else is sent.

mod backoff;
mod exchange;
mod link;
mod prepare;
mod queue;

use std::sync::Arc;

use engine::{Command, Engine, Stopped};
use fhir::Id;
use medicines::Request;
use medicines::deliveries::{Delivery, DeliveryState, Outcome};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use crate::config::ChannelConfig;
use crate::health::Meter;
use crate::outbound::Voice;
use crate::transport::{Client, LinkError, Stop};
use exchange::{Exchange, codes, exchange};
use link::Link;
use prepare::{ListError, Listing, list, unasked};
use queue::{MAX_UNRECORDED, Policy, Queue, Ready};

/// The least time between two looks at the record that find nothing, where nobody says that
/// something is there. The record grows many times in a second, and most of what it grows by is
/// not for this channel.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// How long a sender waits after the record could not be read.
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// How long outcomes may take to be journaled when the node stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The task of one outbound channel.
#[derive(Debug)]
pub(crate) struct Sender {
    channel: Arc<str>,
    peer: String,
    config: ChannelConfig,
    voice: Arc<Voice>,
    engine: Engine,
    meter: Meter,
    stop: Stop,
    link: Link,
    queue: Queue,
    outcomes: JoinSet<Result<Id, Stopped>>,
    looked: Option<Instant>,
    /// Something new waits for this channel.
    queued: Arc<Notify>,
}

impl Sender {
    /// A sender for `config`, which must have been checked. The waits between attempts are drawn
    /// from `seed`.
    pub(crate) fn new(
        engine: Engine,
        config: ChannelConfig,
        voice: Voice,
        seed: u64,
        meter: Meter,
        stop: Stop,
    ) -> Self {
        Sender {
            channel: config.name.as_str().into(),
            peer: config.connect.clone().unwrap_or_default(),
            link: Link::new(config.resync, seed),
            queued: engine.queued(&config.name),
            config,
            voice: Arc::new(voice),
            engine,
            meter,
            stop,
            queue: Queue::default(),
            outcomes: JoinSet::new(),
            looked: None,
        }
    }

    /// Sends until it is told to stop or the node cannot write any more.
    pub(crate) async fn run(mut self) {
        if self.work().await.is_err() {
            self.meter.down("node-stopped");
        }
        let outcomes = async { while self.outcomes.join_next().await.is_some() {} };
        // An outcome that is not journaled in time means one repeat after the next start.
        let _ = timeout(STOP_GRACE, outcomes).await;
    }

    async fn work(&mut self) -> Result<(), Stopped> {
        let mut progress = self.engine.progress();
        self.ask().await?;
        while !self.stop.is_set() {
            self.collect()?;
            if self.queue.is_empty() {
                progress.mark_unchanged();
                self.look().await;
            }
            if self.queue.is_empty() && !self.link.resync_now(Instant::now()) {
                self.idle(&mut progress).await?;
            } else if self.connected().await {
                self.step().await?;
            }
        }
        Ok(())
    }

    /// Takes in which outcomes the record knows by now.
    fn collect(&mut self) -> Result<(), Stopped> {
        while let Some(recorded) = self.outcomes.try_join_next() {
            self.recorded(recorded)?;
        }
        Ok(())
    }

    fn recorded(
        &mut self,
        recorded: Result<Result<Id, Stopped>, tokio::task::JoinError>,
    ) -> Result<(), Stopped> {
        // A task that only submits cannot panic; were it so, the id would stay concluded, and
        // the message would not be sent twice.
        if let Ok(id) = recorded {
            self.queue.recorded(&id?);
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        Policy { on_unknown: self.config.on_unknown, max_resends: self.config.max_resends }
    }

    fn listing(&self) -> Listing {
        Listing {
            readers: self.engine.readers(),
            channel: Arc::clone(&self.channel),
            voice: Arc::clone(&self.voice),
            policy: self.policy(),
            concluded: self.queue.concluded().clone(),
        }
    }

    /// Asks a person about what is held although nobody was asked yet.
    async fn ask(&mut self) -> Result<(), Stopped> {
        while !self.stop.is_set() {
            match unasked(self.listing()).await {
                Ok(held) => {
                    for delivery in held {
                        let id = delivery.id.clone();
                        let request = self.unknown(delivery, true, "not-answered");
                        self.submit(request, Some(id), Vec::new()).await?;
                    }
                    return Ok(());
                }
                Err(problem) => self.unreadable(&problem).await,
            }
        }
        Ok(())
    }

    async fn unreadable(&mut self, problem: &ListError) {
        tracing::warn!(channel = %self.channel, %problem, "the record cannot be read");
        self.meter.error("record-unreadable");
        self.pause(RECORD_PAUSE).await;
    }

    /// Reads what waits.
    async fn look(&mut self) {
        self.looked = Some(Instant::now());
        match list(self.listing()).await {
            Ok(page) => {
                self.meter.queue(page.waiting, page.oldest);
                if page.ready.is_empty() && self.link.client.is_some() {
                    self.link.drained();
                }
                self.queue.fill(page.ready);
            }
            Err(problem) => self.unreadable(&problem).await,
        }
    }

    /// Waits for something to do.
    async fn idle(&mut self, progress: &mut watch::Receiver<u64>) -> Result<(), Stopped> {
        let resync_at = self.link.resync_at();
        let resync = async {
            match resync_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let client = self.link.client.as_mut();
        let line = async {
            match client {
                Some(client) => client.receive().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.wait() => {}
            () = resync => {}
            () = self.queued.notified() => {}
            changed = progress.changed() => {
                changed.map_err(|_| Stopped)?;
                if let Some(looked) = self.looked {
                    tokio::select! {
                        () = sleep_until(looked + LOOK_PAUSE) => {}
                        () = self.queued.notified() => {}
                    }
                }
            }
            Some(recorded) = self.outcomes.join_next() => self.recorded(recorded)?,
            unasked = line => match unasked {
                Ok(_) => self.meter.error("ack-late"),
                // Many peers close a line that is not used; that is no failure.
                Err(_) => self.link.client = None,
            },
        }
        Ok(())
    }

    /// Connects where there is no connection; waits and is false where that fails.
    async fn connected(&mut self) -> bool {
        if self.link.client.is_some() {
            return true;
        }
        let opening = Client::open(&self.peer, &self.meter);
        let opened = tokio::select! {
            opened = opening => opened,
            () = self.stop.wait() => return false,
        };
        match opened {
            Ok(client) => {
                self.link.opened(client);
                true
            }
            Err(error) => {
                self.meter.down(error.code());
                self.queue.clear();
                let wait = self.link.lost();
                self.pause(wait).await;
                false
            }
        }
    }

    /// Does the next thing on an open line.
    async fn step(&mut self) -> Result<(), Stopped> {
        let now = Instant::now();
        if self.link.resync_now(now) {
            // The profile must find in the journal what was delivered before it.
            while let Some(recorded) = self.outcomes.join_next().await {
                self.recorded(recorded)?;
            }
            let channel = self.config.name.clone();
            self.submit(Request::LinkUp { channel }, None, Vec::new()).await?;
            self.link.resynced(now);
            // What waited may be superseded by the profile.
            self.queue.clear();
            return Ok(());
        }
        match self.queue.next() {
            Some(ready) => self.tell(ready).await,
            None => Ok(()),
        }
    }

    /// Sends one message and tells what became of it.
    async fn tell(&mut self, ready: Ready) -> Result<(), Stopped> {
        let Ready { delivery, unanswered, message } = ready;
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                let detail = Some(format!("not written: {}", error.code()));
                return self.conclude(delivery, DeliveryState::Refused, detail, Vec::new()).await;
            }
        };
        let Some(client) = self.link.client.as_mut() else {
            return Ok(());
        };
        loop {
            match client.peek() {
                Ok(None) => break,
                Ok(Some(_)) => self.meter.error("ack-late"),
                Err(_) => {
                    // Nothing was in flight: the peer closed a line that was not used.
                    self.link.client = None;
                    self.queue.clear();
                    return Ok(());
                }
            }
        }
        let patience = self.config.ack_timeout();
        let id = delivery.id.clone();
        let sent = exchange(client, &message, &id, patience, &self.meter, &mut self.stop).await;
        match sent {
            Exchange::Answered { ack, raw } => {
                self.link.answered();
                self.meter.seen(self.engine.clock().now());
                let state = if ack.code.is_positive() {
                    self.meter.well();
                    DeliveryState::Delivered
                } else {
                    self.meter.refused();
                    DeliveryState::Refused
                };
                self.conclude(delivery, state, Some(codes(&ack)), raw).await
            }
            Exchange::NotSent => {
                self.meter.down(LinkError::NotSent.code());
                self.queue.clear();
                let wait = self.link.lost();
                self.pause(wait).await;
                Ok(())
            }
            Exchange::Lost => {
                let counts = self.link.is_proven();
                let wait = self.link.lost();
                let code = LinkError::Closed.code();
                self.unanswered(delivery, unanswered, counts, code, wait).await
            }
            Exchange::Silent => {
                // A node that stops does not wait its whole time.
                let counts = !self.stop.is_set();
                let wait = self.link.silent();
                self.unanswered(delivery, unanswered, counts, "ack-timeout", wait).await
            }
        }
    }

    /// A message was sent and not answered: the journal has to know before anything else is
    /// sent. It is told of the first time, and then of each that counts as an attempt. What
    /// follows is read from the record, by the channel's policy.
    async fn unanswered(
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
        self.queue.clear();
        self.pause(wait).await;
        Ok(())
    }

    /// A delivery has ended. The next message does not wait for the journal, unless very many
    /// outcomes are on their way to it.
    async fn conclude(
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
        let outcome =
            Outcome { channel: Arc::clone(&self.channel), delivery, state, held: false, detail };
        let command = self.command(Request::Delivered(outcome), Some(&id), raw);
        let engine = self.engine.clone();
        self.outcomes.spawn(async move { engine.submit(command).await.map(|_| id) });
        Ok(())
    }

    fn unknown(&self, delivery: Delivery, held: bool, code: &str) -> Request {
        let (channel, state) = (Arc::clone(&self.channel), DeliveryState::Unknown);
        Request::Delivered(Outcome {
            channel,
            delivery,
            state,
            held,
            detail: Some(code.to_owned()),
        })
    }

    async fn submit(&self, request: Request, id: Option<Id>, raw: Vec<u8>) -> Result<(), Stopped> {
        self.engine.submit(self.command(request, id.as_ref(), raw)).await.map(|_| ())
    }

    fn command(&self, request: Request, id: Option<&Id>, raw: Vec<u8>) -> Command {
        Command {
            channel: Arc::clone(&self.channel),
            key: None,
            by: self.config.name.clone(),
            message_type: (!raw.is_empty()).then(|| "ACK".to_owned()),
            control_id: id.map(ToString::to_string),
            received: self.engine.clock().now(),
            request,
            raw,
        }
    }

    /// Waits, unless the node stops.
    async fn pause(&mut self, wait: Duration) {
        tokio::select! {
            () = sleep(wait) => {}
            () = self.stop.wait() => {}
        }
    }
}
