//! The node behind the pages, as far as they need it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use engine::{Command, Engine, Stopped};
use jiff::Timestamp;
use medicines::Request;
use tokio::sync::watch;

use crate::gather::{Gatherer, Trouble};
use crate::view::LiveLoop;
use crate::{Alarms, Channels};

/// The channel under which the console's own commands stand in the journal.
const CHANNEL: &str = "console";

/// An answer that comes later.
pub(crate) type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the pages need of a node. The engine's is [`EngineNode`]; tests have their own.
pub(crate) trait Node: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Timestamp;

    /// Changes whenever there may be something new to show.
    fn progress(&self) -> watch::Receiver<u64>;

    /// Everything on the page, as it is now. Blocks while it reads.
    fn view(&self) -> Result<LiveLoop, Trouble>;

    /// Has a look or a refusal journalled, for whoever `by` names.
    fn note(&self, request: Request, by: &str) -> Later<'static, Result<(), Stopped>>;

    /// Whether the node has stopped or is about to.
    fn has_stopped(&self) -> bool;

    /// Waits until it has.
    fn stopped(&self) -> Later<'static, ()>;
}

/// A node that an engine drives.
pub(crate) struct EngineNode {
    engine: Engine,
    gatherer: Gatherer,
    stop: watch::Receiver<bool>,
}

impl EngineNode {
    pub(crate) fn new(
        engine: Engine,
        channels: Channels,
        alarms: Alarms,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let gatherer = Gatherer::new(engine.clone(), channels, alarms);
        EngineNode { engine, gatherer, stop }
    }
}

impl Node for EngineNode {
    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    fn progress(&self) -> watch::Receiver<u64> {
        self.engine.progress()
    }

    fn view(&self) -> Result<LiveLoop, Trouble> {
        self.gatherer.view()
    }

    fn note(&self, request: Request, by: &str) -> Later<'static, Result<(), Stopped>> {
        let engine = self.engine.clone();
        let command = Command {
            channel: Arc::from(CHANNEL),
            key: None,
            by: by.to_owned(),
            message_type: None,
            control_id: None,
            received: engine.clock().now(),
            request,
            raw: Vec::new(),
        };
        Box::pin(async move { engine.submit(command).await.map(drop) })
    }

    fn has_stopped(&self) -> bool {
        *self.stop.borrow()
            || self.stop.has_changed().is_err()
            || self.engine.stopped().borrow().is_some()
    }

    fn stopped(&self) -> Later<'static, ()> {
        let mut stop = self.stop.clone();
        let mut failed = self.engine.stopped();
        Box::pin(async move {
            // A sender that is gone means the same as its word.
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                _ = failed.wait_for(Option::is_some) => {}
            }
        })
    }
}
