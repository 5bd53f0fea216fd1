//! Telling one subscriber: the handshake, then event after event in their order, and heartbeats
//! when there is nothing to tell.
//!
//! An event is told again and again until its endpoint takes it; then a fact says so, and the next
//! one is told. Where the node ends in between, the same event is told again under the same number:
//! a receiver that has seen the number leaves it out.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use engine::{Command, Stopped};
use hyper::Method;
use medicines::Request;
use medicines::subscriptions::{Act, Place, Status, Subscription, Told};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::asked::{Channel, Form};
use super::backoff::Backoff;
use super::plain;
use super::post::{Letter, Missed, Parcel, post};
use super::stream::message;
use super::{Asked, Content, Event, Notice, Type, Unread, barred};
use crate::audit::{Look, look_as};
use crate::fhir::CHANNEL;
use crate::state::ApiState;

/// After how many entries without an event it is journaled how far was looked, so that a start
/// need not look through them again.
const LOOKED_ENTRIES: u64 = 50_000;
/// After how many entries without an event the same is journaled before the next one is told, so
/// that the mark of that event is near to it: one is found again within 32,768 entries of a mark,
/// the distance of the marks with twice as much as this.
const GAP_ENTRIES: u64 = 8_192;
/// The longest wait for an end or a heartbeat before it is looked at again.
const MOST_WAIT: Duration = Duration::from_hours(1);

/// How often a subscription is read again after it could not be, and the pause before.
const TAKE_TRIES: u32 = 5;
const TAKE_PAUSE: Duration = Duration::from_secs(1);

/// That there is nothing more to do: the subscription stands differently, or the node ends.
struct Over;

impl From<Stopped> for Over {
    fn from(_: Stopped) -> Self {
        Over
    }
}

/// Tells one subscriber.
pub(super) struct Pump {
    pub(super) api: ApiState,
    pub(super) one: Subscription,
    pub(super) asked: Arc<Asked>,
    pub(super) seed: u64,
    /// Where a reader of a stream takes what is told; none for an endpoint.
    pub(super) messages: Option<mpsc::Sender<Bytes>>,
}

impl Pump {
    /// Tells until the subscription stands differently.
    pub(super) async fn run(mut self) {
        let told = match self.one.status {
            Status::Requested => self.shake_hands().await,
            Status::Active => self.tell().await,
            Status::Error | Status::Off => return,
        };
        let Err(Over) = told;
    }

    async fn shake_hands(&mut self) -> Result<Never, Over> {
        // Without the guide there is nothing that could be told before an event.
        if self.asked.form == Form::Guide {
            self.deliver(Type::Handshake, &[]).await?;
        }
        self.stand(Status::Active, None).await
    }

    async fn tell(&mut self) -> Result<Never, Over> {
        let mut progress = self.api.engine.progress();
        let mut looked = self.one.looked;
        let mut told = Instant::now();
        loop {
            progress.borrow_and_update();
            let found = match self.after(looked).await {
                Ok(found) => found,
                Err(Unread::Moved) => {
                    let reason = "events-gone: the events have left this node with a part of its \
                                  journal; ask for the subscription anew after switching it off";
                    return self.stand(Status::Error, Some(reason.to_owned())).await;
                }
                Err(Unread::Failed(error)) => {
                    tracing::error!(subscription = %self.one.id, error, "events cannot be read");
                    sleep(Duration::from_secs(5)).await;
                    continue;
                }
            };
            if !found.events.is_empty() {
                if looked.seq.saturating_sub(self.one.looked.seq) >= GAP_ENTRIES {
                    self.take(Vec::new(), looked).await?;
                }
                let waiting = found.events.first().map(|event| event.at);
                self.view(|view| view.waiting = waiting);
                self.deliver(Type::Event, &found.events).await?;
                told = Instant::now();
                let places = found.events.iter().map(|event| event.place).collect();
                looked = found.looked.unwrap_or(looked);
                self.take(places, looked).await?;
                self.view(|view| view.waiting = None);
                continue;
            }
            if let Some(place) = found.looked {
                looked = place;
                if looked.seq.saturating_sub(self.one.looked.seq) >= LOOKED_ENTRIES {
                    self.take(Vec::new(), looked).await?;
                }
                continue;
            }
            let heartbeat = self.asked.heartbeat.map(|period| told + period);
            let end = self.asked.end.map(|end| self.api.engine.clock().until(end));
            let end = Instant::now() + end.unwrap_or(MOST_WAIT).min(MOST_WAIT);
            tokio::select! {
                changed = progress.changed() => changed.map_err(|_| Over)?,
                () = sleep_until(heartbeat.unwrap_or(end).min(end)) => {
                    self.is_over().await?;
                    if heartbeat.is_some_and(|at| at <= Instant::now()) {
                        self.deliver(Type::Heartbeat, &[]).await?;
                        told = Instant::now();
                    }
                }
            }
        }
    }

    async fn after(&self, from: Place) -> Result<super::events::Found, Unread> {
        let (events, asked) = (self.api.subscriptions.events.clone(), Arc::clone(&self.asked));
        let reading = move || events.after(&asked, from, asked.count);
        let read = tokio::task::spawn_blocking(reading).await;
        read.unwrap_or_else(|_| Err(Unread::Failed("the reading ended unexpectedly".to_owned())))
    }

    /// Ends where the subscription's time is over, or its client may not be told any more.
    async fn is_over(&mut self) -> Result<(), Over> {
        if self.asked.end.is_some_and(|end| end <= self.api.engine.clock().now()) {
            let Err(over) = self.stand(Status::Off, None).await;
            return Err(over);
        }
        if let Some(why) = barred(&self.api, &self.one.owner, self.asked.topic) {
            let Err(over) = self.stand(Status::Error, Some(why.to_owned())).await;
            return Err(over);
        }
        Ok(())
    }

    /// Sends a notification until it is taken.
    async fn deliver(&mut self, kind: Type, events: &[Event]) -> Result<(), Over> {
        let mut journaled = false;
        let Some(policy) = self.api.subscriptions.policy() else { return Err(Over) };
        let mut backoff = Backoff::new(policy.first_wait, policy.most_wait, self.seed);
        loop {
            // What a client may do is asked each time, and what it is told is in the journal first.
            self.is_over().await?;
            if !std::mem::replace(&mut journaled, true) {
                self.journal(events).await?;
                sleep(policy.pace).await;
            }
            let Some(policy) = self.api.subscriptions.policy() else { return Err(Over) };
            let missed = match self.attempt(&policy, kind, events).await {
                Ok(()) => {
                    let now = self.api.engine.clock().now();
                    self.view(|view| {
                        (view.down, view.last) = (false, Some(now));
                        view.told += 1;
                    });
                    backoff.reset();
                    return Ok(());
                }
                Err(missed) => missed,
            };
            if self.messages.is_some() {
                // Its reader has gone, or is too slow, and comes again.
                return Err(Over);
            }
            self.view(|view| view.down = true);
            let wait = backoff.wait();
            tracing::info!(
                subscription = %self.one.id,
                attempt = backoff.failed(),
                why = %missed,
                "a subscriber could not be told"
            );
            if missed.is_final() || backoff.failed() >= policy.attempts {
                let reason = Some(missed.to_string());
                let Err(over) = self.stand(Status::Error, reason).await;
                return Err(over);
            }
            sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        policy: &super::Policy,
        kind: Type,
        events: &[Event],
    ) -> Result<(), Missed> {
        let count = u64::try_from(events.len()).unwrap_or_default();
        let notice = Notice {
            base: &self.api.fhir_base,
            subscription: &self.one,
            asked: &self.asked,
            kind,
            content: self.asked.content,
            now: self.api.engine.clock().now(),
            total: self.one.events + count,
            first: self.one.events + 1,
            events,
        };
        let json = notice.bundle();
        if let Some(messages) = &self.messages {
            let number = (count > 0).then_some(notice.total);
            let sent = timeout(self.asked.timeout, messages.send(message(kind, number, &json)));
            return sent.await.map_err(|_| Missed::Timeout)?.map_err(|_| Missed::Broken);
        }
        let Channel::RestHook(endpoint) = &self.asked.channel else { return Err(Missed::Broken) };
        let letter = match (self.asked.form, events) {
            (Form::Plain, [event, ..]) => plain::letter(&self.asked, endpoint, event),
            (Form::Plain, []) => None,
            (Form::Guide, _) => {
                let (path, as_xml) = (endpoint.path.clone(), self.asked.as_xml);
                Some(Letter::of(Method::POST, path, json, as_xml))
            }
        };
        // What says nothing need not be sent.
        let Some(letter) = letter else { return Ok(()) };
        let (headers, patience) = (&self.one.headers, self.asked.timeout);
        let parcel = Parcel { endpoint, headers, letter, patience };
        post(&policy.allow, &policy.trust, parcel).await
    }

    /// Journals whose data the subscriber is about to be told.
    async fn journal(&self, events: &[Event]) -> Result<(), Over> {
        journal(&self.api, &self.one, self.asked.content, events).await.map_err(|_| Over)
    }

    async fn take(&mut self, events: Vec<Place>, looked: Place) -> Result<(), Over> {
        self.one = take(&self.api, &self.one, events, looked).await.ok_or(Over)?;
        Ok(())
    }

    /// Says how the subscription stands; this pump then ends, and the manager looks again.
    async fn stand(&mut self, status: Status, reason: Option<String>) -> Result<Never, Over> {
        stand(&self.api, &self.one, status, reason).await?;
        Err(Over)
    }

    fn view(&self, change: impl FnOnce(&mut super::SubscriptionView)) {
        self.api.subscriptions.view(&self.one.id, change);
    }
}

/// What nothing is.
enum Never {}

/// Journals whose data a subscriber is about to be told. That something happened, and nothing
/// about it, is nobody's data.
pub(crate) async fn journal(
    api: &ApiState,
    one: &Subscription,
    content: Content,
    events: &[Event],
) -> Result<(), crate::problem::Problem> {
    if events.is_empty() || content == Content::Empty {
        return Ok(());
    }
    let seen = Look {
        channel: CHANNEL,
        what: "subscription",
        resource_type: events.first().and_then(|event| event.focus.kind()),
        detail: format!("Subscription/{}", one.id),
        patients: events.iter().filter_map(|event| event.focus.patient()).collect(),
    };
    look_as(api, &one.owner, seen).await
}

/// Says that a subscriber took events. Gives the subscription as it stands then; none where it is
/// another one by now, or another reader of it took events.
pub(crate) async fn take(
    api: &ApiState,
    one: &Subscription,
    events: Vec<Place>,
    looked: Place,
) -> Option<Subscription> {
    let expected = one.events + u64::try_from(events.len()).ok()?;
    let (id, version, after) = (one.id.clone(), one.version, one.events);
    let told = Told { id, version, after, events, looked };
    submit(api, Act::Take(told)).await.ok()?;
    let mut tries = 0;
    let now = loop {
        let id = one.id.clone();
        match api.query(move |record| record.subscription(&id)).await {
            Ok(now) => break now?,
            Err(error) if tries < TAKE_TRIES => {
                tracing::error!(subscription = %one.id, %error, "a subscription cannot be read");
                tries += 1;
                sleep(TAKE_PAUSE).await;
            }
            Err(_) => return None,
        }
    };
    // Where another reader took events meanwhile, the numbers that come next are not known here.
    (now.version == one.version && now.events == expected).then_some(now)
}

/// Says how a subscription stands.
pub(crate) async fn stand(
    api: &ApiState,
    one: &Subscription,
    status: Status,
    reason: Option<String>,
) -> Result<(), Stopped> {
    if let Some(why) = &reason {
        tracing::warn!(subscription = %one.id, why, "a subscription is an error");
    }
    let (id, version) = (one.id.clone(), one.version);
    submit(api, Act::Stand { id, version, status, reason }).await?;
    api.subscriptions.changed();
    Ok(())
}

async fn submit(api: &ApiState, act: Act) -> Result<(), Stopped> {
    let now = api.engine.clock().now();
    let command = Command::internal("subscriptions", now, Request::Subscription(act));
    api.engine.submit_recorded(command).await.map(drop)
}
