//! What every handler shares.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use engine::{Command, Engine, Receipt, Replayer, Stopped};
use record::{Lease, Reader, Readers};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::task::{block_in_place, spawn_blocking};

use crate::admin::Administrator;
use crate::client::{Clients, Roster};
use crate::door::Doorbell;
use crate::fhir::{Definitions, Exports, Judge, Subscriptions};
use crate::observe::Observer;
use crate::problem::Problem;
use crate::tally::Tally;
use crate::turns::Turns;

/// The most queries of the record that run at the same time for each core, each on a thread that it
/// may keep waiting: a thread more is a reader and a heap more.
const QUERIES_A_CORE: usize = 2;
/// The same in all, however few cores there are.
const LEAST_QUERIES: usize = 4;

/// What the interface is made of. A clone is another handle to the same: every layer of every
/// request has one.
#[derive(Clone)]
pub struct ApiState(Arc<Parts>);

/// See [`ApiState`].
#[derive(Clone)]
pub struct Parts {
    pub(crate) engine: Engine,
    pub(crate) roster: Roster,
    pub(crate) replayer: Option<Arc<dyn Replayer>>,
    pub(crate) administrator: Option<Arc<dyn Administrator>>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Bulk exports; none where the node has no folder for them.
    pub(crate) exports: Option<Exports>,
    tally: Tally,
    /// Validates resources.
    pub(crate) judge: Judge,
    /// The address of the FHIR endpoint, without a slash at its end.
    pub(crate) fhir_base: Arc<str>,
    pub(crate) doorbell: Arc<Doorbell>,
    /// Who is told of what, as it happens.
    pub(crate) subscriptions: Subscriptions,
    /// For requests of known clients.
    pub(crate) turns: Turns,
    /// For requests that need no client.
    pub(crate) open_turns: Turns,
    queries: Arc<Semaphore>,
    /// Whether the engine left a command without an answer.
    unanswered: Arc<AtomicBool>,
}

impl ApiState {
    /// `public_url` is the address under which clients reach the node, for instance
    /// `https://interlock.rxx.nhs.uk`; links in answers begin with it.
    pub fn new(engine: Engine, clients: Clients, public_url: &str) -> Self {
        ApiState(Arc::new(Parts {
            subscriptions: Subscriptions::new(engine.clone()),
            engine,
            roster: Roster::new(clients),
            replayer: None,
            administrator: None,
            observer: None,
            exports: None,
            tally: Tally::default(),
            judge: Judge::new(None),
            fhir_base: Arc::from(format!("{}/fhir", public_url.trim_end_matches('/'))),
            doorbell: Arc::new(Doorbell::default()),
            turns: Turns::of_clients(),
            open_turns: Turns::of_anybody(),
            queries: Arc::new(Semaphore::new(queries())),
            unanswered: Arc::default(),
        }))
    }

    /// To be changed before it serves.
    fn parts(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    /// Lets parked messages be replayed. Without it, a replay is refused.
    #[must_use]
    pub fn with_replayer(mut self, replayer: Arc<dyn Replayer>) -> Self {
        self.parts().replayer = Some(replayer);
        self
    }

    /// Lets the configuration be changed. Without it, that is refused.
    #[must_use]
    pub fn with_administrator(mut self, administrator: Arc<dyn Administrator>) -> Self {
        self.parts().administrator = Some(administrator);
        self
    }

    /// Lets the node's figures be read, and has `/ready` look at more than whether it runs.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.parts().observer = Some(observer);
        self
    }

    /// Lets clients export in bulk. Without it, that is refused.
    #[must_use]
    pub fn with_exports(mut self, exports: Exports) -> Self {
        self.parts().exports = Some(exports);
        self
    }

    /// Brings definitions to validate by, beside those of R4.
    #[must_use]
    pub fn with_definitions(mut self, definitions: Arc<dyn Definitions>) -> Self {
        self.parts().judge = Judge::new(Some(definitions));
        self
    }

    /// What validates resources, to be made anew when the definitions change.
    pub fn judge(&self) -> Judge {
        self.judge.clone()
    }

    /// The subscriptions of clients. Nobody can subscribe before they have a policy, and nobody is
    /// told before [`Subscriptions::start`].
    pub fn subscriptions(&self) -> Subscriptions {
        self.subscriptions.clone()
    }

    /// How many requests came on which route.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// The clients, to be replaced while the interface serves.
    pub fn roster(&self) -> Roster {
        self.roster.clone()
    }

    /// Has a command decided.
    pub(crate) async fn submit(&self, command: Command) -> Result<Receipt, Stopped> {
        let result = self.engine.submit(command).await;
        if result.is_err() {
            self.note_stop();
        }
        result
    }

    /// Remembers that the engine left a command without an answer. It does so only when it stops,
    /// and a moment before it says why.
    pub(crate) fn note_stop(&self) {
        self.unanswered.store(true, Ordering::Relaxed);
    }

    /// Whether the engine left a command without an answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Runs a query of the record where it may block.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, record::Error> + Send + 'static,
    ) -> Result<T, record::Error> {
        self.query_of(Readers::get, query).await
    }

    /// The same of a record that holds the newest looks at it as well.
    pub(crate) async fn query_looks<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, record::Error> + Send + 'static,
    ) -> Result<T, record::Error> {
        self.query_of(Readers::with_looks, query).await
    }

    async fn query_of<T: Send + 'static>(
        &self,
        lease: for<'r> fn(&'r Readers) -> Result<Lease<'r>, record::Error>,
        query: impl FnOnce(&Reader) -> Result<T, record::Error> + Send + 'static,
    ) -> Result<T, record::Error> {
        // The semaphore is never closed, so the only outcome is a turn.
        let turn = Arc::clone(&self.queries).acquire_owned().await.ok();
        let readers = self.engine.readers();
        let asking = move || {
            let _turn = turn;
            query(&*lease(&readers)?)
        };
        // Most queries take less time than waking a thread for them and being woken by it.
        let answer = if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            block_in_place(|| catch_unwind(AssertUnwindSafe(asking))).ok()
        } else {
            spawn_blocking(asking).await.ok()
        };
        answer.unwrap_or_else(|| Err(fault()))
    }

    /// Runs a query on this very thread, where neither the record nor a reader has to be waited
    /// for. It has to be one that takes a millisecond at the very most, and as a rule less time
    /// than leaving the thread to others does, some ten microseconds.
    pub(crate) fn at_once<T>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, record::Error>,
    ) -> Option<Result<T, record::Error>> {
        let readers = self.engine.readers();
        let reader = readers.at_once()?;
        let asking = || query(&reader);
        Some(catch_unwind(AssertUnwindSafe(asking)).unwrap_or_else(|_| Err(fault())))
    }

    /// Runs a query of the record where no error of the record is the caller's.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, record::Error> + Send + 'static,
    ) -> Result<T, Problem> {
        self.query(query).await.map_err(|error| unreadable(&error))
    }
}

/// How many queries may run at the same time on this machine.
fn queries() -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    cores.saturating_mul(QUERIES_A_CORE).max(LEAST_QUERIES)
}

/// A query that panics is a fault; the log has said so, and the caller gets a 500.
fn fault() -> record::Error {
    record::Error::Database("a query ended unexpectedly".to_owned())
}

impl Deref for ApiState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Writes an error of the record into the log and tells the caller no more than that.
pub(crate) fn unreadable(error: &record::Error) -> Problem {
    tracing::error!(code = error.code(), %error, "the record could not be read");
    match error {
        record::Error::Behind { .. } => Problem::behind(),
        _ => Problem::internal(),
    }
}
