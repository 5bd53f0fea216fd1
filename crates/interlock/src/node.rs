//! A running node: the engine with its channels, its API and its console.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::watch::traces::Exporter;
use ::watch::{Board, Notifier, Pace};
use api::{ApiState, Client, Clients, Policy, Server, Subscriptions};
use channels::{ChannelConfig, Channels, Health, Setting};
use console::{ChannelView, ConsoleParts, Key};
use engine::{Clock, Engine};
use journal::Durability;
use medicines::Site;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::change::{self, Control, ControlParts};
use crate::config::{Configuration, WatchEntry};
use crate::observe::{Figures, Traces};
use crate::packages::Loader;
use crate::replay::Replays;
use crate::secret;
use crate::watching::{Alarms, Watched};

/// How long a peer may be silent, and a message may wait, before the console shows the channel as
/// stale; in seconds of the node's clock.
const STALE_AFTER_S: u32 = 60 * 60;
/// The journal's file in the data folder.
pub(crate) const JOURNAL_FILE: &str = "journal.sqlite3";
/// The record's file in the data folder.
pub(crate) const RECORD_FILE: &str = "record.sqlite3";

/// Everything that a node needs to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The folder of the journal and the record.
    pub data: PathBuf,
    /// The address of the API and the console.
    pub http: SocketAddr,
    /// The address under which clients reach the node; none for the address listened on.
    pub public_url: Option<String>,
    /// The value of MSH-11 in force.
    pub processing_id: String,
    /// The site's name, as people know it.
    pub site_name: String,
    /// The site.
    pub site: Site,
    /// The channels.
    pub channels: Vec<ChannelConfig>,
    /// The systems that may call the API.
    pub clients: Vec<Client>,
    /// The keys that open the console.
    pub keys: Vec<Key>,
    /// From where on something is an alarm, and who is told.
    pub watch: WatchEntry,
    /// Where relative paths of the configuration start.
    pub folder: PathBuf,
    /// Which subscribers may be told.
    pub subscriptions: Policy,
    /// How the journal is kept.
    pub keeping: engine::Keeping,
    /// The clock.
    pub clock: Clock,
    /// From what the waits between attempts are drawn.
    pub seed: u64,
    /// The configuration as it is written.
    pub configuration: Configuration,
    /// Who puts it in force where it is not yet.
    pub by: String,
    /// How hard entries are driven to the disk; anything but full is for control experiments.
    pub durability: Durability,
}

impl Plan {
    /// The journal's file.
    pub fn journal(&self) -> PathBuf {
        self.data.join(JOURNAL_FILE)
    }

    /// The record's file.
    pub fn record(&self) -> PathBuf {
        self.data.join(RECORD_FILE)
    }
}

/// Why a node cannot start.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The data folder cannot be made.
    #[error("the data folder {0} cannot be made: {1}")]
    Folder(PathBuf, std::io::Error),
    /// The engine cannot start.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// The configuration cannot be put in force.
    #[error(transparent)]
    Configuration(#[from] api::AdminError),
    /// A channel cannot start.
    #[error(transparent)]
    Channels(#[from] channels::StartError),
    /// The list of clients cannot be used.
    #[error(transparent)]
    Clients(#[from] api::ClientError),
    /// Nobody could be told of alarms.
    #[error("alarms cannot be told: {0}")]
    Watch(String),
    /// The address of the API cannot be listened on.
    #[error("cannot listen on {0}: {1}; is another node running there?")]
    Listen(SocketAddr, std::io::Error),
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    /// Where the API and the console are.
    pub http: SocketAddr,
    /// Where each inbound channel listens.
    pub channels: BTreeMap<String, SocketAddr>,
    engine: Engine,
    control: Control,
    server: JoinHandle<std::io::Result<()>>,
    watching: JoinHandle<()>,
    telling: api::Telling,
    stop: watch::Sender<bool>,
}

impl Node {
    /// Starts everything. Nothing is listened to before the engine has caught up.
    pub async fn start(plan: Plan) -> Result<Node, NodeError> {
        std::fs::create_dir_all(&plan.data)
            .map_err(|error| NodeError::Folder(plan.data.clone(), error))?;
        let engine = start_engine(&plan).await?;
        let traces = trace(&plan, &engine)?;
        let applied = change::at_start(&engine, &plan).await?;
        let (listener, http) = listen(plan.http).await?;
        let health = Health::new();
        let setting = Setting {
            site: plan.site.code.clone(),
            processing_id: plan.processing_id.clone(),
            seed: plan.seed,
            health: health.clone(),
        };
        let public_url = plan.public_url.clone().unwrap_or_else(|| address(http));
        let clients = Clients::new(plan.clients.clone())?;
        let state = ApiState::new(engine.clone(), clients, &public_url);
        let (watching, alarms) = watch_over(&plan, &health, state.subscriptions())?;
        let running = Channels::start(&engine, plan.channels.clone(), setting).await?;
        let replays = Arc::new(Replays::new(engine.clone(), &plan));
        let channels = running.addresses.clone();
        let replayer = Arc::clone(&replays) as Arc<dyn api::Replayer>;
        let state = state
            .with_replayer(Arc::clone(&replayer))
            .with_definitions(Arc::new(Loader { engine: engine.clone(), data: plan.data.clone() }));
        let figures = Figures {
            engine: engine.clone(),
            health: health.clone(),
            alarms: alarms.clone(),
            tally: state.tally(),
            data: plan.data.clone(),
            started: plan.clock.now(),
            traces,
        };
        let exports = exports(&engine, &plan.data)?;
        let state = state.with_observer(Arc::new(figures)).with_exports(exports);
        let base = change::Base { applied: Some(applied), parts: plan.configuration.parts };
        let (roster, judge) = (state.roster(), state.judge());
        let subscriptions = state.subscriptions();
        subscriptions.replace(Policy { seed: plan.seed, ..plan.subscriptions });
        let parts = ControlParts {
            engine: engine.clone(),
            data: plan.data,
            folder: plan.folder,
            replays,
            roster,
            running,
            base,
            judge,
            subscriptions,
        };
        let control = Control::new(parts);
        let state = state.with_administrator(Arc::new(control.clone()));
        let (stop, stopping) = watch::channel(false);
        let parts = ConsoleParts {
            engine: engine.clone(),
            channels: views(health, plan.clock),
            alarms: alarms.views(),
            replayer: Some(replayer),
            keys: plan.keys,
            site_name: plan.site_name,
            random: Arc::new(secret::fill),
            stop: stopping.clone(),
        };
        let telling = Subscriptions::start(&state);
        let server = Server::new(state).with(console::router(parts));
        let server = tokio::spawn(server.serve(listener, until_true(stopping)));
        Ok(Node { http, channels, engine, control, server, watching, telling, stop })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The address to open in a browser.
    pub fn address(&self) -> String {
        address(self.http)
    }

    /// Waits until the engine or the server ends by itself, and tells why. A node that cannot be
    /// asked any more must not look as if it ran.
    pub async fn failed(&mut self) -> engine::Error {
        let mut stopped = self.engine.stopped();
        tokio::select! {
            why = stopped.wait_for(Option::is_some) => {
                let why = why.ok().and_then(|why| why.clone());
                why.unwrap_or_else(|| engine::Error::Fault("the engine has ended".to_owned()))
            }
            ended = &mut self.server => {
                engine::Error::Fault(format!("the API and the console have ended: {ended:?}"))
            }
        }
    }

    /// Stops in order: channels finish the message in work, requests end, the engine closes.
    pub async fn shutdown(self) {
        self.watching.abort();
        drop(self.telling);
        self.control.shutdown().await;
        self.stop.send_replace(true);
        if !self.server.is_finished() {
            // A server that fails now has said so in the log; there is nothing more to end.
            let _ = self.server.await;
        }
        // What was answered last is in the record too when the node has ended in order: whoever
        // looks at the files then finds it. Where it cannot be, the next start sees to it.
        let readers = self.engine.readers();
        let recorded = move || readers.with_looks().map(drop);
        if !matches!(tokio::task::spawn_blocking(recorded).await, Ok(Ok(()))) {
            tracing::warn!("the node has ended before its record held everything");
        }
    }
}

/// Begins to tell a collector of the ways of messages, where one is configured.
fn trace(plan: &Plan, engine: &Engine) -> Result<Option<Traces>, NodeError> {
    let collector = plan.watch.collector(&plan.folder).map_err(NodeError::Watch)?;
    let Some((place, one_in)) = collector else { return Ok(None) };
    let site = plan.site.code.as_str();
    let resource = [
        ("service.name", "interlock"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("interlock.site", site),
    ];
    let exporter = Exporter::start(place, &resource);
    let exporter = exporter.map_err(|error| NodeError::Watch(error.to_string()))?;
    let traces = Traces::new(site, exporter, one_in);
    engine.trace_to(Arc::new(traces.clone()));
    Ok(Some(traces))
}

/// Begins to watch over the node.
fn watch_over(
    plan: &Plan,
    health: &Health,
    subscriptions: Subscriptions,
) -> Result<(JoinHandle<()>, Alarms), NodeError> {
    let places = plan.watch.places(&plan.folder).map_err(NodeError::Watch)?;
    let notifier = Notifier::start(&plan.site.code, Pace::default(), places);
    let alarms = Alarms::default();
    let watched = Watched {
        health: health.clone(),
        subscriptions,
        clock: plan.clock,
        data: plan.data.clone(),
        board: Board::new(plan.watch.limits.clone()),
        notifier: notifier.map_err(|error| NodeError::Watch(error.to_string()))?,
        alarms: alarms.clone(),
    };
    Ok((watched.start(), alarms))
}

/// Listens, and says where.
async fn listen(at: SocketAddr) -> Result<(TcpListener, SocketAddr), NodeError> {
    let listening = async {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listening.await.map_err(|error| NodeError::Listen(at, error))
}

/// The exports, whose files lie beside the journal.
fn exports(engine: &Engine, data: &Path) -> Result<api::Exports, NodeError> {
    let free = |folder: &Path| crate::watching::disk(folder).map(|disk| disk.free);
    let folder = data.join("exports");
    api::Exports::open(engine, &folder, free).map_err(|error| NodeError::Folder(folder, error))
}

pub(crate) async fn start_engine(plan: &Plan) -> Result<Engine, engine::Error> {
    let options = engine::Options {
        journal: plan.journal(),
        record: plan.record(),
        site: plan.site.clone(),
        clock: plan.clock,
        durability: plan.durability,
    };
    let keeping = plan.keeping.clone();
    let dictionaries = Arc::new(crate::dmd::Indexes::new(plan.data.clone()));
    let start = move || Engine::start_with(options, &keeping, dictionaries);
    let started = tokio::task::spawn_blocking(start).await;
    started.unwrap_or_else(|_| Err(engine::Error::Fault("the engine could not start".to_owned())))
}

fn address(http: SocketAddr) -> String {
    format!("http://{http}")
}

async fn until_true(mut stopping: watch::Receiver<bool>) {
    // A sender that is gone means the same: there is nobody left to serve for.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Channels as the console shows them.
fn views(health: Health, clock: Clock) -> console::Channels {
    Arc::new(move || {
        let now = clock.now();
        health.all(now).iter().map(view).collect()
    })
}

fn view(health: &channels::ChannelHealth) -> ChannelView {
    // A peer to whom there is nothing to say may be silent for ever.
    let idle = health.direction == channels::Direction::Outbound && health.queue == 0;
    ChannelView {
        name: health.name.to_string(),
        direction: match health.direction {
            channels::Direction::Inbound => console::Direction::Inbound,
            channels::Direction::Outbound => console::Direction::Outbound,
        },
        state: match health.state {
            channels::LinkState::Up => console::LinkState::Up,
            channels::LinkState::Down => console::LinkState::Down,
            channels::LinkState::Idle => console::LinkState::Idle,
        },
        last_seen: health.last_seen,
        queue: health.queue,
        oldest: health.oldest,
        stale_after_s: if idle { 0 } else { STALE_AFTER_S },
    }
}
