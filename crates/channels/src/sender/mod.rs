//! The sender of an outbound channel: one task, one message in flight.
//!
//! It reads the deliveries that wait from the record, writes each in its peer's dialect, sends
//! it, and tells the engine what became of it. While the journal takes that in, the next message
//! is on its way already; a node that dies in between sends the last few again after its start,
//! with the same control ids, and their peer notices the repeat by them. A message whose
//! acknowledgement was refused or never came is always journaled before anything else is sent, and
//! where a peer would act on a repeat (`on_unknown = "hold"`), each message is journaled as in
//! flight before it leaves: what a node finds so after its start is asked about and not sent again.
//!
//! In enhanced mode a message that the peer has stored is *accepted*; it has ended when the peer's
//! application has answered too (`outstanding.rs`, `hear.rs`). What the peer sends and nobody waits
//! for is kept as a stray acknowledgement and given to no message.

mod backoff;
mod batch;
mod exchange;
mod hear;
mod lanes;
mod link;
mod outstanding;
mod prepare;
mod queue;
mod strays;
mod tell;

use std::sync::Arc;

use engine::{Command, Engine, Stopped};
use fhir::Id;
use medicines::Request;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep, sleep_until, timeout};

use crate::config::{ChannelConfig, Resync};
use crate::health::Meter;
use crate::outbound::Voice;
use crate::transport::{Peer, Stop};
use batch::BATCH_PAUSE;
pub(crate) use exchange::{Heard, codes};
pub(crate) use hear::commit;
pub(crate) use lanes::Lane;
use link::Link;
use prepare::{ListError, Listing, list, unasked};
pub(crate) use queue::Policy;
use queue::Queue;
pub(crate) use strays::Strays;

/// The least time between two looks at the record that find nothing, where nobody says that
/// something is there. The record grows many times in a second, and most of what it grows by is
/// not for this channel.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// How long a sender waits after the record could not be read.
const RECORD_PAUSE: Duration = Duration::from_secs(1);

/// How long a sender waits for application acknowledgements before it looks whether some came on
/// another connection, when it may not send more without them.
const FULL_PAUSE: Duration = Duration::from_secs(1);

/// How long outcomes may take to be journaled when the node stops.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The task of one outbound channel.
#[derive(Debug)]
pub(crate) struct Sender {
    channel: Arc<str>,
    peer: Peer,
    config: ChannelConfig,
    voice: Arc<Voice>,
    engine: Engine,
    meter: Meter,
    stop: Stop,
    link: Link,
    queue: Queue,
    strays: Strays,
    lane: Lane,
    outcomes: JoinSet<Result<Id, Stopped>>,
    looked: Option<Instant>,
    /// When what is gathered for a batch is due.
    batch_due: Option<Instant>,
    /// Something new waits for this channel.
    queued: Arc<Notify>,
}

impl Sender {
    /// A sender for `config`, which must have been checked: one connection of its channel.
    pub(crate) fn new(
        engine: Engine,
        config: ChannelConfig,
        peer: Peer,
        voice: Arc<Voice>,
        lane: Lane,
        meter: Meter,
        stop: Stop,
    ) -> Self {
        Sender {
            channel: config.name.as_str().into(),
            peer,
            // What the peer has forgotten is told once, by the first connection.
            link: Link::new(
                if lane.is_first() { config.resync } else { Resync::Never },
                lane.seed(),
            ),
            queued: engine.queued(&config.name),
            strays: Strays::new(Instant::now()),
            lane,
            config,
            voice,
            engine,
            meter,
            stop,
            queue: Queue::default(),
            outcomes: JoinSet::new(),
            looked: None,
            batch_due: None,
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
        if self.lane.is_first() {
            self.ask().await?;
            self.remember().await;
            self.lane.begin();
        } else {
            tokio::select! {
                () = self.lane.begun() => {}
                () = self.stop.wait() => {}
            }
        }
        while !self.stop.is_set() {
            self.collect()?;
            if self.lane.is_first() {
                self.overdue().await?;
            }
            if self.lane.take_lost() {
                self.link.forgotten();
            }
            if self.lane.has_changed() {
                self.forget();
            }
            let full = self.is_full() && !self.reconcile().await;
            if self.queue.is_empty() {
                progress.mark_unchanged();
                self.look().await;
            }
            let nothing = self.queue.is_empty() && !self.link.resync_now(Instant::now());
            if nothing || full {
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
            let id = id?;
            self.queue.recorded(&id);
            self.lane.release([&id]);
        }
        Ok(())
    }

    fn policy(&self) -> Policy {
        Policy::of(&self.config)
    }

    fn listing(&mut self) -> Listing {
        Listing {
            readers: self.engine.readers(),
            channel: Arc::clone(&self.channel),
            voice: Arc::clone(&self.voice),
            policy: self.policy(),
            awaits_application: self.config.wants_application(),
            out: self.queue.out(Instant::now()),
            batch: self.config.batches().map(|batch| (batch, self.engine.clock().now())),
            share: self.lane.share(),
        }
    }

    /// Asks a person about what is held although nobody was asked yet.
    async fn ask(&mut self) -> Result<(), Stopped> {
        while !self.stop.is_set() {
            match unasked(self.listing()).await {
                Ok(held) if held.is_empty() => return Ok(()),
                Ok(held) => {
                    for delivery in held {
                        let id = delivery.id.clone();
                        // What was in flight under a policy that asks is asked about under any.
                        let request = self.unknown(delivery, true, "not-answered");
                        self.submit(request, Some(id), Vec::new()).await?;
                    }
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
        let lane = self.lane.clone();
        let turn = lane.turn().await;
        match list(self.listing()).await {
            Ok(page) => {
                self.meter.queue(page.waiting, page.oldest);
                self.batch_due = page.wait.map(|wait| Instant::now() + wait);
                if page.ready.is_empty() && self.link.client.is_some() {
                    self.link.drained();
                }
                let mut ready = page.ready;
                ready.retain(|ready| !ready.deferred || self.is_due(ready));
                lane.hold(ready.iter().map(|ready| &ready.delivery.id));
                self.queue.fill(ready);
            }
            Err(problem) => {
                drop(turn);
                self.unreadable(&problem).await;
            }
        }
    }

    /// Waits for something to do.
    async fn idle(&mut self, progress: &mut watch::Receiver<u64>) -> Result<(), Stopped> {
        let overdue = if self.lane.is_first() { self.lane.outstanding().next_due() } else { None };
        let wake = [self.link.resync_at(), self.queue.next_due(), overdue, self.batch_due];
        let mut wake = wake.into_iter().flatten().min();
        if self.is_full() {
            let soon = Instant::now() + FULL_PAUSE;
            wake = Some(wake.map_or(soon, |at| at.min(soon)));
        }
        let wake = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        // Nobody hurries for a batch that more is gathered for.
        let gathers = self.batch_due.is_some();
        let pause = if gathers { BATCH_PAUSE } else { LOOK_PAUSE };
        let client = self.link.client.as_mut();
        let line = async {
            match client {
                Some(client) => client.receive().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.wait() => {}
            () = wake => {}
            () = self.lane.woken() => {}
            () = self.queued.notified(), if !gathers => self.lane.wake(),
            changed = progress.changed() => {
                changed.map_err(|_| Stopped)?;
                if let Some(looked) = self.looked {
                    tokio::select! {
                        () = sleep_until(looked + pause) => {}
                        () = self.queued.notified(), if !gathers => {}
                        () = self.stop.wait() => {}
                    }
                }
            }
            Some(recorded) = self.outcomes.join_next() => self.recorded(recorded)?,
            unasked = line => match unasked {
                Ok(raw) => {
                    self.hear(Heard::read(raw)).await?;
                }
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
        let opening = self.peer.open(&self.meter);
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
                self.forget();
                let wait = self.lost();
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
            self.lane.resynced();
            // What waited may be superseded by the profile.
            self.forget();
            self.lane.change();
            return Ok(());
        }
        if self.config.batches().is_some() {
            return self.tell_batch().await;
        }
        match self.queue.next() {
            Some(ready) => {
                let id = ready.delivery.id.clone();
                let told = self.tell(ready).await;
                if !self.queue.is_concluded(&id) {
                    self.lane.release([&id]);
                }
                told
            }
            None => Ok(()),
        }
    }

    /// Forgets what was read, so that it is read anew.
    fn forget(&mut self) {
        self.lane.release(&self.queue.clear());
    }

    /// Forgets what was read of a patient: something holds it back.
    fn forget_patient(&mut self, key: &Id) {
        self.lane.release(&self.queue.drop_key(key));
    }

    /// The connection is lost; says how long to wait before the next one.
    fn lost(&mut self) -> Duration {
        self.lane.lost();
        self.link.lost()
    }

    /// The peer has answered a message.
    fn heard_from(&mut self) {
        self.lane.answered();
        self.link.answered();
    }

    /// Whether so much waits for the peer's application that nothing more may be sent.
    fn is_full(&self) -> bool {
        self.lane.outstanding().is_full()
    }

    async fn submit(&self, request: Request, id: Option<Id>, raw: Vec<u8>) -> Result<(), Stopped> {
        self.engine.submit_recorded(self.command(request, id.as_ref(), raw)).await.map(|_| ())
    }

    fn command(&self, request: Request, id: Option<&Id>, raw: Vec<u8>) -> Command {
        if let Request::Delivered(outcome) = &request {
            self.meter.tally().outcome(outcome.state);
        }
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
