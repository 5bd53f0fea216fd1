//! One task gathers and renders for all who watch; without watchers it does nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::node::Node;
use crate::render::Frame;

/// The least time between two updates: two a second are as many as an eye takes in.
pub(crate) const UPDATE_EVERY: Duration = Duration::from_millis(500);
/// How long the page may stay as it is although nothing happens, so that its clock and its ages
/// go on, and so that a page that hears nothing knows that it is stale.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Gathering takes at most about one part in so many of the time, whatever the size of the site.
const REST: u32 = 10;
/// The longest rest after gathering. The page counts itself as stale a little after that.
const LONGEST_REST: Duration = Duration::from_secs(10);
/// The most viewers at a time.
pub(crate) const MAX_VIEWERS: usize = 64;

/// The newest frame, and the task that makes it.
pub(crate) struct Live {
    node: Arc<dyn Node>,
    frames: watch::Sender<Option<Arc<Frame>>>,
    seats: Arc<Semaphore>,
    /// Whether the task runs.
    running: std::sync::Mutex<bool>,
    /// Held while a frame is made, so that one is made at a time.
    making: Mutex<()>,
}

/// Somebody who watches. Dropping it makes room for another one.
pub(crate) struct Watching {
    pub(crate) frames: watch::Receiver<Option<Arc<Frame>>>,
    _seat: OwnedSemaphorePermit,
}

impl Live {
    pub(crate) fn new(node: Arc<dyn Node>) -> Arc<Self> {
        Arc::new(Live {
            node,
            frames: watch::Sender::new(None),
            seats: Arc::new(Semaphore::new(MAX_VIEWERS)),
            running: std::sync::Mutex::new(false),
            making: Mutex::new(()),
        })
    }

    /// Takes a seat; `None` when all are taken.
    pub(crate) fn watch(self: &Arc<Self>) -> Option<Watching> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        let frames = self.frames.subscribe();
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !*running {
            *running = true;
            tokio::spawn(Arc::clone(self).run());
        }
        drop(running);
        Some(Watching { frames, _seat: seat })
    }

    /// A frame for a page that is asked for now: the newest one if it is new enough, else one
    /// that is made for it. `None` when the record cannot be read.
    pub(crate) async fn frame(self: &Arc<Self>) -> Option<Arc<Frame>> {
        let asked = Instant::now();
        let _alone = self.making.lock().await;
        let newest = self.frames.borrow().clone();
        match newest {
            Some(frame) if asked.saturating_duration_since(frame.made) < UPDATE_EVERY => {
                Some(frame)
            }
            before => self.make(before).await,
        }
    }

    async fn run(self: Arc<Self>) {
        let mut progress = self.node.progress();
        loop {
            let began = Instant::now();
            progress.mark_unchanged();
            {
                let _alone = self.making.lock().await;
                let before = self.frames.borrow().clone();
                // A failure was logged; the pages show that they are stale until it is over.
                self.make(before).await;
            }
            let rest = (began.elapsed() * REST).clamp(UPDATE_EVERY, LONGEST_REST);
            sleep_until(began + rest).await;
            if self.rests() {
                return;
            }
            tokio::select! {
                changed = timeout(HEARTBEAT.saturating_sub(rest), progress.changed()) => {
                    if matches!(changed, Ok(Err(_))) {
                        // Nothing will change any more; the streams learn it from the node.
                        sleep_until(began + HEARTBEAT).await;
                    }
                }
                () = self.node.stopped() => {
                    self.running_ends();
                    return;
                }
            }
        }
    }

    /// Whether nobody watches; then the task is no longer said to run.
    fn rests(&self) -> bool {
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // A new watcher subscribes before it looks at `running`, so that none is overlooked.
        let rests = self.frames.receiver_count() == 0;
        *running = !rests;
        rests
    }

    fn running_ends(&self) {
        *self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = false;
    }

    async fn make(&self, before: Option<Arc<Frame>>) -> Option<Arc<Frame>> {
        let node = Arc::clone(&self.node);
        let made = tokio::task::spawn_blocking(move || {
            let view = node.view()?;
            Ok::<_, crate::gather::Trouble>(Frame::of(&view, before.as_deref()))
        });
        match made.await {
            Ok(Ok(frame)) => {
                let frame = Arc::new(frame);
                self.frames.send_replace(Some(Arc::clone(&frame)));
                Some(frame)
            }
            Ok(Err(trouble)) => {
                tracing::error!(%trouble, "the live loop cannot be gathered");
                None
            }
            Err(_) => {
                tracing::error!("gathering the live loop failed: a fault of the program");
                None
            }
        }
    }
}
