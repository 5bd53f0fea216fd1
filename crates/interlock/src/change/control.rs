//! The configuration of a running node: what is in force, and changing it without a restart.

use std::path::PathBuf;
use std::sync::Arc;

use api::{
    AdminError, Administering, Administrator, Clients, Files, InForce, PackageTaken, PackageWish,
    Release, ReleaseWish, Roster, Subscriptions, Wish,
};
use channels::{ChangeError, ChannelConfig, Running};
use engine::Engine;
use tokio::sync::Mutex;

use super::applied::{configurations, text_of};
use super::compare::{Base, Comparison, Queues, compare};
use super::force::{Force, put_in_force, queues_of};
use super::words::{in_force, package, release};
use crate::config::{self, Bundle};
use crate::dmd;
use crate::node::Plan;
use crate::packages;
use crate::replay::Replays;

/// What a control steers.
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    /// The folder of the journal and the record.
    pub(crate) data: PathBuf,
    /// The folder at which relative paths start.
    pub(crate) folder: PathBuf,
    pub(crate) replays: Arc<Replays>,
    pub(crate) roster: Roster,
    pub(crate) running: Running,
    pub(crate) base: Base,
    /// Validates what clients write.
    pub(crate) judge: api::Judge,
    /// Tells subscribers.
    pub(crate) subscriptions: Subscriptions,
}

/// Changes the configuration of a running node, one change at a time.
#[derive(Clone)]
pub(crate) struct Control(Arc<Inside>);

struct Inside {
    engine: Engine,
    data: PathBuf,
    folder: PathBuf,
    replays: Arc<Replays>,
    roster: Roster,
    judge: api::Judge,
    subscriptions: Subscriptions,
    live: Mutex<Live>,
}

struct Live {
    /// None once the node has stopped.
    running: Option<Running>,
    base: Base,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl Control {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { engine, data, folder, replays, roster, running, base, judge, subscriptions } =
            parts;
        let live = Mutex::new(Live { running: Some(running), base });
        let inside = Inside { engine, data, folder, replays, roster, judge, subscriptions, live };
        Control(Arc::new(inside))
    }

    /// Stops all channels, after a change that is under way.
    pub(crate) async fn shutdown(&self) {
        let running = self.0.live.lock().await.running.take();
        if let Some(running) = running {
            running.shutdown().await;
        }
    }
}

impl Inside {
    /// Validates by what is in use now.
    async fn renew(&self) -> Result<(), String> {
        let renewed = self.judge.renew().await;
        renewed.map_err(|why| format!("it is in use, and cannot be read for validation: {why}"))
    }

    /// Reads files that came from outside.
    fn read(&self, files: Files) -> Result<Plan, AdminError> {
        let read = Bundle::from_texts(files);
        let read = read.and_then(|bundle| config::read_bundle(bundle, &self.folder));
        read.map_err(|mistakes| {
            AdminError::Mistakes(mistakes.iter().map(ToString::to_string).collect())
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine) -> Result<T, String> + Send + 'static,
    ) -> Result<T, AdminError> {
        let engine = self.engine.clone();
        let read = tokio::task::spawn_blocking(move || read(&engine)).await;
        read.unwrap_or_else(|error| Err(error.to_string())).map_err(AdminError::Unreadable)
    }

    async fn compare(&self, base: &Base, plan: &Plan) -> Result<Comparison, AdminError> {
        let queues: Queues = self
            .blocking(|engine| {
                let readers = engine.readers();
                queues_of(&*readers.get().map_err(|error| error.to_string())?)
            })
            .await?;
        Ok(compare(base, plan, &queues))
    }

    async fn apply(&self, wish: Wish, client: &str) -> Result<InForce, AdminError> {
        let plan = self.read(wish.files.clone())?;
        let clients = Clients::new(plan.clients.clone());
        let clients = clients.map_err(|error| AdminError::Mistakes(vec![error.to_string()]))?;
        let mut live = self.live.lock().await;
        let Live { running, base } = &mut *live;
        let running = running.as_mut().ok_or(AdminError::Stopped)?;
        let comparison = self.compare(base, &plan).await?;
        if comparison.plan.plan != wish.plan {
            return Err(AdminError::Outdated);
        }
        let force = Force::of(&wish, client);
        let obstacles = comparison.obstacles(&force.fates);
        if !obstacles.is_empty() {
            return Err(AdminError::Obstacles(obstacles));
        }
        let nothing = comparison.is_empty() && force.fates.is_empty();
        if let (Some(applied), true) = (&base.applied, nothing) {
            return Ok(in_force(applied));
        }
        // What a channel is to send from now on must not be overtaken by what it holds already.
        let takes_over = |name: &String| force.fates.reroute.values().any(|to| to == name);
        let starts =
            |one: &&ChannelConfig| comparison.started.contains(&one.name) || takes_over(&one.name);
        let started = plan.channels.iter().filter(starts);
        let started = started.cloned().collect();
        let mut applied = None;
        let commit = async {
            applied = Some(put_in_force(&self.engine, &plan, &comparison, force.clone()).await?);
            Ok(())
        };
        running.change(&comparison.removed, started, commit).await.map_err(
            |error| match error {
                ChangeError::Start(error) => AdminError::NotStarted(error.to_string()),
                ChangeError::Commit(error) => error,
            },
        )?;
        self.roster.replace(clients);
        self.subscriptions.replace(plan.subscriptions.clone());
        self.replays.replace(&plan);
        self.engine.keep_by(&plan.keeping, &plan.site);
        *base = Base { applied, parts: plan.configuration.parts };
        base.applied.as_ref().map(in_force).ok_or(AdminError::Stopped)
    }
}

impl Administrator for Control {
    fn plan(&self, files: Files) -> Administering<'_, api::Plan> {
        Box::pin(async move {
            let plan = self.0.read(files)?;
            let base = self.0.live.lock().await.base.clone();
            Ok(self.0.compare(&base, &plan).await?.shown())
        })
    }

    fn apply(&self, wish: Wish, client: &str) -> Administering<'_, InForce> {
        // A caller that hangs up must not leave channels stopped half-way.
        let (inside, client) = (Arc::clone(&self.0), client.to_owned());
        let work = tokio::spawn(async move { inside.apply(wish, &client).await });
        Box::pin(async move {
            work.await.unwrap_or_else(|error| Err(AdminError::Unreadable(error.to_string())))
        })
    }

    fn configurations(&self) -> Administering<'_, Vec<InForce>> {
        Box::pin(async move {
            let read = |engine: &Engine| {
                let readers = engine.readers();
                configurations(&*readers.get().map_err(|error| error.to_string())?)
            };
            let found = self.0.blocking(read).await?;
            Ok(found.iter().rev().map(in_force).collect())
        })
    }

    fn take_over(&self, wish: ReleaseWish, client: &str) -> Administering<'_, Release> {
        let (inside, client) = (Arc::clone(&self.0), client.to_owned());
        let work = tokio::spawn(async move {
            let ReleaseWish { digest, by } = wish;
            let data = inside.data.clone();
            let taken = dmd::take_over(&inside.engine, data, digest, by, &client).await?;
            inside.renew().await?;
            Ok(taken)
        });
        Box::pin(async move {
            let taken = work.await.unwrap_or_else(|error| Err(error.to_string()));
            taken.map(|taken| release(&taken)).map_err(AdminError::Release)
        })
    }

    fn take_package(&self, wish: PackageWish, client: &str) -> Administering<'_, PackageTaken> {
        let (inside, client) = (Arc::clone(&self.0), client.to_owned());
        let work = tokio::spawn(async move {
            let PackageWish { name, version, digest, holds, by } = wish;
            let wish = packages::Wish { name, version, digest, holds, by };
            let data = inside.data.clone();
            let taken = packages::take_over(&inside.engine, data, wish, &client).await?;
            inside.renew().await?;
            Ok(taken)
        });
        Box::pin(async move {
            let taken = work.await.unwrap_or_else(|error| Err(error.to_string()));
            taken.map(|taken| package(&taken)).map_err(AdminError::Package)
        })
    }

    fn files(&self, entry: u64) -> Administering<'_, Files> {
        Box::pin(async move {
            let read = move |engine: &Engine| {
                text_of(&engine.journal().map_err(|error| error.to_string())?, entry)
            };
            let bundle = self.0.blocking(read).await?.ok_or(AdminError::Unknown)?;
            Ok(bundle.files().clone())
        })
    }
}
