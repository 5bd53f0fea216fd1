//! Subscriptions to topics, by the Subscriptions R5 Backport (1.1.0) for R4.
//!
//! A subscription is a resource that only its client changes ([`intake`]); how it stands and how
//! far its subscriber was told is a fold of the facts (`medicines::subscriptions`). Nothing is
//! queued: events are read from the journal by their places ([`events`]), so that what was not
//! taken is found again after whatever happened, in the same order and under the same numbers. One
//! task tells each subscriber ([`pump`]), and a manager looks after the tasks ([`manager`]);
//! whoever reads a stream has it told there ([`stream`]). What was taken before is found again from
//! marks ([`again`]).

mod again;
mod asked;
mod backoff;
mod events;
mod guard;
pub(crate) mod intake;
mod manager;
mod notice;
mod pages;
mod plain;
mod post;
pub(crate) mod pump;
pub(crate) mod stream;
mod topics;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fhir::Id;
use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};

pub(crate) use again::Again;
pub(crate) use asked::{Asked, Content, GUIDE};
pub(crate) use events::{Event, Events, Unread};
pub use guard::{AllowEntry, AllowError, AllowList};
pub use manager::Telling;
pub(crate) use notice::{Notice, Type};
pub use post::{Trust, TrustError};
use stream::Streams;
pub(crate) use topics::Topic;

use crate::client::Role;
use crate::state::ApiState;

/// The attempts after which a subscription is an error, where the configuration does not say.
pub const USUAL_ATTEMPTS: u32 = 20;

/// What the configuration says of subscriptions.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The endpoints that may be called.
    pub allow: AllowList,
    /// Whose certificates are taken from them.
    pub trust: Trust,
    /// After how many attempts in a row without success a subscription is an error.
    pub attempts: u32,
    /// The wait after the first failed attempt; it doubles with each, up to `most_wait`.
    pub first_wait: Duration,
    /// The longest wait between two attempts.
    pub most_wait: Duration,
    /// The least time between two notifications of one subscription.
    pub pace: Duration,
    /// From what the waits between attempts are drawn.
    pub seed: u64,
}

impl Policy {
    /// The usual policy with these endpoints.
    pub fn new(allow: AllowList, trust: Trust) -> Self {
        Policy {
            allow,
            trust,
            attempts: USUAL_ATTEMPTS,
            first_wait: Duration::from_secs(1),
            most_wait: Duration::from_mins(5),
            pace: Duration::from_millis(50),
            seed: 0,
        }
    }
}

/// A subscription as who watches over the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionView {
    /// Its id.
    pub id: Id,
    /// Whether the last attempt to tell its subscriber failed.
    pub down: bool,
    /// Since when an event waits.
    pub waiting: Option<Timestamp>,
    /// Notifications that were taken since the start.
    pub told: u64,
    /// When one was taken last.
    pub last: Option<Timestamp>,
}

/// The subscriptions of a node. A clone is another handle on the same ones.
#[derive(Debug, Clone)]
pub struct Subscriptions {
    policy: Arc<RwLock<Option<Arc<Policy>>>>,
    /// Counts up when a subscription was written, or the policy is another.
    changed: Arc<watch::Sender<u64>>,
    views: Arc<Mutex<BTreeMap<Id, SubscriptionView>>>,
    pub(crate) events: Events,
    /// Who may look for old events now.
    turns: Arc<Semaphore>,
    streams: Streams,
}

impl Subscriptions {
    pub(crate) fn new(engine: engine::Engine) -> Self {
        Subscriptions {
            policy: Arc::default(),
            changed: Arc::new(watch::Sender::new(0)),
            views: Arc::default(),
            events: Events::new(engine),
            turns: Arc::new(Semaphore::new(again::MAX_LOOKING)),
            streams: Streams::new(),
        }
    }

    /// Follows this policy from now on.
    pub fn replace(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(policy));
        self.changed();
    }

    /// The subscriptions that are told now.
    pub fn views(&self) -> Vec<SubscriptionView> {
        self.lock().values().cloned().collect()
    }

    /// The policy; none where no subscription can be.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that a subscription was written.
    pub(crate) fn changed(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Id, SubscriptionView>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self, id: &Id, change: impl FnOnce(&mut SubscriptionView)) {
        let mut views = self.lock();
        let view = views.entry(id.clone()).or_insert_with(|| SubscriptionView {
            id: id.clone(),
            down: false,
            waiting: None,
            told: 0,
            last: None,
        });
        change(view);
    }
}

/// Why a client may not be told of a topic now, in words; `None` where it may.
pub(crate) fn barred(api: &ApiState, client: &str, topic: Topic) -> Option<&'static str> {
    let Some(client) = api.roster.named(client) else {
        return Some("client-unknown: the configuration has no such client any more");
    };
    let has = |role: Role| client.has(role);
    let may = has(Role::FhirRead) && topic.needs().is_none_or(has);
    (!may).then_some("rights-missing: the client does not have the roles for this topic any more")
}

/// A subscription that is on, of which so many events were taken, the last ones in these entries.
#[cfg(test)]
pub(crate) fn sample(
    events: u64,
    recent: impl IntoIterator<Item = u64>,
) -> medicines::subscriptions::Subscription {
    use medicines::subscriptions::{Place, Status, Subscription};
    let recent: std::collections::VecDeque<_> =
        recent.into_iter().map(|seq| Place { seq, ordinal: 0 }).collect();
    Subscription {
        id: Id::new("s").unwrap(),
        version: 2,
        owner: "app".into(),
        headers: vec![],
        status: Status::Active,
        reason: None,
        looked: recent.back().copied().unwrap_or(Place::end_of(0)),
        events,
        recent,
        marks: std::collections::VecDeque::new(),
    }
}
