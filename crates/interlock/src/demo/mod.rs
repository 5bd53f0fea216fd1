//! A node and a simulated hospital that speaks the real protocols to it over loopback.

mod configuration;

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use estate::{Bound, Estate, EstateConfig, EstateHandle, Faults, NodeAddresses, SimClock};
use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;

use crate::config::{self, Mistake};
use crate::dmd;
use crate::node::{JOURNAL_FILE, Node, NodeError};
use crate::secret;

/// How a demonstration runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Everything that the hospital does follows from it.
    pub seed: u64,
    /// The port of the page; 0 takes any free one.
    pub port: u16,
    /// Simulated seconds per second.
    pub speed: u32,
    /// How many wards.
    pub wards: usize,
    /// How many beds each ward has.
    pub beds: u16,
    /// Whether lines fail.
    pub faults: bool,
    /// The folder of the journal, the record and the configuration.
    pub data: PathBuf,
}

/// Why a demonstration cannot start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder cannot be written.
    #[error("the data folder cannot be written: {0}")]
    Folder(#[from] io::Error),
    /// An earlier hospital lived in the folder; a new one would use its numbers again.
    #[error(
        "{0} holds the journal of an earlier hospital: give another folder, or look at it with \
         `interlock serve --config {0}/interlock.toml`"
    )]
    Used(PathBuf),
    /// The simulated hospital cannot start.
    #[error(transparent)]
    Estate(#[from] estate::EstateError),
    /// The configuration that was made is wrong, which is a fault of the program.
    #[error("the configuration that was made is wrong: {0}")]
    Config(Mistake),
    /// The node cannot start.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The made-up release of dm+d cannot be taken over.
    #[error("the made-up release of dm+d cannot be taken over: {0}")]
    Dictionary(String),
    /// The node has no channel for a part of the hospital, which is a fault of the program.
    #[error("the node has no channel `{0}`")]
    NoChannel(String),
}

/// A running demonstration.
pub struct Demo {
    /// The node.
    pub node: Node,
    /// The simulated hospital.
    pub estate: EstateHandle,
    /// The address of the page, with a key that opens it once.
    pub page: String,
    /// A key that opens the page any number of times.
    pub key: String,
    /// The token of the API, with all roles.
    pub token: String,
    /// The data folder.
    pub data: PathBuf,
}

/// A node for a simulated hospital that is bound to its addresses and does not live yet.
pub struct Prepared {
    /// The node.
    pub node: Node,
    /// The hospital.
    pub hospital: Bound,
    /// Where the hospital finds the node.
    pub addresses: NodeAddresses,
    key: String,
    once: String,
}

/// Opens the listeners of a hospital, and starts a node that is configured for it. `clock` shows
/// the time of the hospital's own clock; `policies` are keys of `[site.policies]`.
pub async fn prepare(
    settings: &Settings,
    config: EstateConfig,
    clock: engine::Clock,
    policies: &[(&str, u32)],
) -> Result<Prepared, DemoError> {
    std::fs::create_dir_all(&settings.data)?;
    if settings.data.join(JOURNAL_FILE).exists() {
        return Err(DemoError::Used(settings.data.clone()));
    }
    let facts = config.site();
    let hospital = Estate::bind(config).await?;
    let (token, key, once) = (secret::new_token(), secret::new_token(), secret::new_token());
    let keys = configuration::Keys { token: &token, console: &key, policies };
    let path = configuration::write(&facts, hospital.addresses(), settings, &keys)?;
    let mut plan = config::load(&path).map_err(first)?;
    "interlock demo".clone_into(&mut plan.by);
    plan.clock = clock;
    plan.seed = settings.seed;
    plan.keys.push(secret::console_key(
        configuration::VISITOR,
        &once,
        true,
        console::Rights::all(),
    ));
    let folder = plan.data.clone();
    let node = Node::start(plan).await?;
    take_over(&node, folder).await.map_err(DemoError::Dictionary)?;
    let addresses = addresses(&facts, &node, &token)?;
    Ok(Prepared { node, hospital, addresses, key, once })
}

impl Demo {
    /// Starts the listeners of the hospital, then the node, then the hospital's life.
    pub async fn start(settings: Settings) -> Result<Demo, DemoError> {
        let began = Instant::now();
        let start = morning();
        let mut config =
            EstateConfig::new(settings.seed, SimClock::new(start, began, settings.speed));
        (config.wards, config.beds_per_ward) = (settings.wards, settings.beds);
        if settings.faults {
            config.faults = Faults::all();
        }
        let clock = engine::Clock::anchored(start, began, settings.speed);
        let Prepared { node, hospital, addresses, key, once } =
            prepare(&settings, config, clock, &[]).await?;
        let estate = hospital.start(&addresses)?;
        let page = format!("{}/?key={once}", node.address());
        let token = addresses.token;
        Ok(Demo { node, estate, page, key, token, data: settings.data })
    }

    /// Ends the hospital, then the node.
    pub async fn shutdown(self) {
        self.estate.stop().await;
        self.node.shutdown().await;
    }
}

/// The demonstration knows the made-up medicines that ship with the program.
async fn take_over(node: &Node, data: PathBuf) -> Result<(), String> {
    let folder = data.clone();
    let saved = tokio::task::spawn_blocking(move || {
        let imported = terminology::synthetic::import().map_err(|error| error.to_string())?;
        dmd::save(&folder, &imported.index).map_err(|error| error.to_string())
    });
    let digest = saved.await.unwrap_or_else(|error| Err(error.to_string()))?;
    dmd::take_over(node.engine(), data, digest, None, "interlock demo").await?;
    Ok(())
}

fn first(mistakes: Vec<Mistake>) -> DemoError {
    let unknown = || Mistake::whole("it cannot be read", "nobody knows", "report it");
    DemoError::Config(mistakes.into_iter().next().unwrap_or_else(unknown))
}

/// Where the hospital finds the node.
fn addresses(
    facts: &estate::SiteFacts,
    node: &Node,
    token: &str,
) -> Result<NodeAddresses, DemoError> {
    let of = |channel: &str| {
        let address = node.channels.get(channel).copied();
        address.ok_or_else(|| DemoError::NoChannel(channel.to_owned()))
    };
    let systems = facts.cabinets.iter().map(|cabinet| cabinet.system.clone());
    let cabinets = systems.map(|system| {
        let address = of(&system.to_lowercase())?;
        Ok::<_, DemoError>((system, address))
    });
    Ok(NodeAddresses {
        pas: of("pas")?,
        epma: of("epma")?,
        cabinets: cabinets.collect::<Result<_, _>>()?,
        http: node.http,
        token: token.to_owned(),
    })
}

/// Half past seven this morning, so that the first round is near.
pub fn morning() -> Timestamp {
    let today = engine::Clock::system().now().to_zoned(TimeZone::UTC).date();
    let morning = today.to_datetime(time(7, 30, 0, 0)).to_zoned(TimeZone::UTC);
    morning.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}
