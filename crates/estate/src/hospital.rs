//! The estate itself: bound, started, settled, stopped.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rand::RngExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::actors::asking::AskingCabinet;
use crate::actors::bedside::Bedside;
use crate::actors::cabinet::Cabinet;
use crate::actors::director::Director;
use crate::actors::epma::{self, Epma};
use crate::actors::pas::{self, Pas};
use crate::actors::staff::{AnyCabinet, Staff};
use crate::actors::station::Station;
use crate::book::Book;
use crate::chance::generator;
use crate::check::{Difference, differences};
use crate::config::{EstateConfig, ListenerAddresses, NodeAddresses};
use crate::faults::{FaultBoard, Faults};
use crate::plan::Planner;
use crate::site::{CabinetFacts, CabinetKind, EPMA, PAS, cabinet, ward_code};
use crate::stage::Stage;
use crate::ward::{self, WardDay};
use crate::wire::http::HttpClient;
use crate::wire::listener::Listener;
use crate::wire::outbox::Outbox;
use crate::wire::sender::Sender;

/// How long the node has to be silent for the estate to count as quiet, in real time.
const QUIET: Duration = Duration::from_millis(700);
const LOOK: Duration = Duration::from_millis(20);

/// What can go wrong before the estate runs.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// An address cannot be listened on.
    #[error("the estate cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The node has no inbound channel for a dispensing system.
    #[error("no address of the node for the cabinets of {0}")]
    NoChannel(String),
}

/// A simulated hospital.
pub struct Estate;

/// An estate that has its listeners and waits for the node.
pub struct Bound {
    config: EstateConfig,
    epma: TcpListener,
    cabinets: BTreeMap<String, TcpListener>,
    addresses: ListenerAddresses,
}

/// An estate that runs. Dropping it stops it at once.
pub struct EstateHandle {
    stage: Arc<Stage>,
    facts: Vec<CabinetFacts>,
    outboxes: BTreeMap<String, Arc<Outbox>>,
    tasks: JoinSet<()>,
    director: tokio::task::JoinHandle<()>,
}

/// How the end of a run was.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Whether everything was sent and acknowledged and every visit came to its end.
    pub complete: bool,
    /// How many visits did not come to their end, for instance because the node does not answer
    /// over HTTP.
    pub visits: usize,
    /// How many messages the node had still not acknowledged, by link.
    pub unsent: BTreeMap<String, usize>,
    /// What the node told otherwise than it is.
    pub differences: Vec<Difference>,
}

impl Estate {
    /// Binds the listeners, each on a port of its own, so that the node can be told of them.
    pub async fn bind(config: EstateConfig) -> Result<Bound, EstateError> {
        let config = config.held();
        let epma = TcpListener::bind((config.listen, 0)).await?;
        let mut addresses =
            ListenerAddresses { epma: epma.local_addr()?, cabinets: BTreeMap::new() };
        let mut cabinets = BTreeMap::new();
        for facts in (0..config.wards).map(cabinet).filter(CabinetFacts::has_profile) {
            let listener = TcpListener::bind((config.listen, 0)).await?;
            addresses.cabinets.insert(facts.id(), listener.local_addr()?);
            cabinets.insert(facts.id(), listener);
        }
        Ok(Bound { config, epma, cabinets, addresses })
    }

    /// The same, on addresses that the caller chose; a cabinet without one gets its own port.
    pub async fn bind_at(
        config: EstateConfig,
        wanted: &ListenerAddresses,
    ) -> Result<Bound, EstateError> {
        let mut bound = Estate::bind(config).await?;
        bound.epma = TcpListener::bind(wanted.epma).await?;
        bound.addresses.epma = bound.epma.local_addr()?;
        for (id, listener) in &mut bound.cabinets {
            if let Some(address) = wanted.cabinets.get(id) {
                *listener = TcpListener::bind(address).await?;
                bound.addresses.cabinets.insert(id.clone(), listener.local_addr()?);
            }
        }
        Ok(bound)
    }
}

impl Bound {
    /// Where the node finds the ePMA and the cabinets.
    pub fn addresses(&self) -> &ListenerAddresses {
        &self.addresses
    }

    /// The configuration, with every size held to its range.
    pub fn config(&self) -> &EstateConfig {
        &self.config
    }

    /// Starts everything. It needs a Tokio runtime.
    pub fn start(self, node: &NodeAddresses) -> Result<EstateHandle, EstateError> {
        let planner = Planner::new(&self.config);
        let Opened { stage, pas, epma, wards, facts, outboxes, tasks } = self.open(node)?;
        let director = Director {
            stage: stage.clone(),
            planner,
            pas,
            epma,
            wards,
            outboxes: outboxes.clone(),
        };
        let director = tokio::spawn(director.run(stage.closing()));
        Ok(EstateHandle { stage, facts, outboxes, tasks, director })
    }

    /// Acts one day of the wards out to its end, with what is planted in it, and gives what was
    /// planted and the book. The clock has to be a steered one, which the node follows.
    pub async fn live_ward_day(self, node: &NodeAddresses) -> Result<(WardDay, Book), EstateError> {
        let plan = ward::Plan::new(self.config.seed, self.config.clock.start());
        let Opened { stage, pas, epma, wards, outboxes, tasks, .. } = self.open(node)?;
        let http = HttpClient::new(&ward::link(), node.http, &node.token, stage.clone());
        let life = ward::Life { stage: stage.clone(), pas, epma, wards, outboxes, http };
        let day = ward::live(life, plan).await;
        drop(tasks);
        let book = stage.book().clone();
        Ok((day, book))
    }

    /// Opens every link and puts everybody in their place.
    fn open(self, node: &NodeAddresses) -> Result<Opened, EstateError> {
        let stage = Stage::new(self.config);
        let mut opening = Opening {
            stage: stage.clone(),
            outboxes: BTreeMap::new(),
            tasks: JoinSet::new(),
            listeners: self.cabinets,
        };
        let pas = Pas::new(stage.clone(), opening.link(pas::LINK, PAS.application, node.pas));
        let outbox = opening.link(epma::LINK, EPMA.application, node.epma);
        let epma = Arc::new(Epma::new(stage.clone(), outbox));
        let feed = Listener::new(epma::FEED, EPMA, stage.clone(), epma::feed(stage.clone()));
        opening.tasks.spawn(feed.run(self.epma));
        let mut wards = Vec::new();
        let mut facts = Vec::new();
        for ward in 0..stage.config.wards {
            facts.push(cabinet(ward));
            wards.push(Arc::new(opening.ward(ward, node, &epma)?));
        }
        let Opening { outboxes, tasks, .. } = opening;
        Ok(Opened { stage, pas, epma, wards, facts, outboxes, tasks })
    }
}

/// Everybody in their place.
struct Opened {
    stage: Arc<Stage>,
    pas: Pas,
    epma: Arc<Epma>,
    wards: Vec<Arc<Staff>>,
    facts: Vec<CabinetFacts>,
    outboxes: BTreeMap<String, Arc<Outbox>>,
    tasks: JoinSet<()>,
}

/// What is put together while the estate starts.
struct Opening {
    stage: Arc<Stage>,
    outboxes: BTreeMap<String, Arc<Outbox>>,
    tasks: JoinSet<()>,
    listeners: BTreeMap<String, TcpListener>,
}

impl Opening {
    fn link(&mut self, name: &str, application: &'static str, to: SocketAddr) -> Arc<Outbox> {
        let outbox = Outbox::new(self.stage.told.clone());
        self.outboxes.insert(name.to_owned(), outbox.clone());
        let sender = Sender::new(name, application, to, outbox.clone(), self.stage.clone());
        self.tasks.spawn(sender.run());
        outbox
    }

    fn ward(
        &mut self,
        ward: usize,
        node: &NodeAddresses,
        epma: &Arc<Epma>,
    ) -> Result<Staff, EstateError> {
        let facts = cabinet(ward);
        let to = node.cabinets.get(&facts.system);
        let to = *to.ok_or_else(|| EstateError::NoChannel(facts.system.clone()))?;
        let (id, dialect, kind) = (facts.id(), facts.dialect, facts.kind);
        let outbox = self.link(&id, dialect.application, to);
        let stage = self.stage.clone();
        let station = Station::new(ward, facts, stage.clone(), outbox);
        let code = ward_code(ward);
        let link = format!("http/{code}");
        let http = Arc::new(HttpClient::new(&link, node.http, &node.token, stage.clone()));
        let cabinet = if kind == CabinetKind::Asking {
            AnyCabinet::Asking(AskingCabinet::new(station, http.clone()))
        } else {
            let cabinet = Cabinet::new(station);
            if let Some(socket) = self.listeners.remove(&id) {
                let handler = cabinet.handler();
                let name = format!("{id}/profile");
                let listener = Listener::new(&name, dialect, stage.clone(), handler);
                self.tasks.spawn(listener.run(socket));
            }
            self.tasks.spawn(downtimes(id, stage.clone()));
            AnyCabinet::Profiled(cabinet)
        };
        let bedside = Bedside::new(stage.clone(), http, epma.clone(), code);
        Ok(Staff { stage, cabinet, bedside })
    }
}

/// Takes a cabinet down now and then, as its faults say.
async fn downtimes(id: String, stage: Arc<Stage>) {
    let mut rng = generator(stage.config.seed, &format!("downtimes of {id}"));
    loop {
        stage.clock().sleep_until(stage.now() + SignedDuration::from_mins(1)).await;
        let faults = stage.board.of(&id);
        let every = faults.downtime_every_min;
        if every == 0 || rng.random_range(0..every) != 0 || stage.hurries() {
            continue;
        }
        stage.board.set_down(&id, true);
        stage.pause(SignedDuration::from_mins(i64::from(faults.downtime_min))).await;
        stage.board.set_down(&id, false);
    }
}

impl EstateHandle {
    /// The switches of the links.
    pub fn faults(&self) -> FaultBoard {
        self.stage.board.clone()
    }

    /// The truth as it is at this moment.
    pub fn book(&self) -> Book {
        self.stage.book().clone()
    }

    /// What the estate has and the node has not acknowledged, over all links.
    pub fn pending(&self) -> usize {
        self.outboxes.values().map(|outbox| outbox.pending()).sum()
    }

    /// How many people are on their way between cabinet and bed.
    pub fn visits(&self) -> usize {
        self.stage.visits()
    }

    /// What the node has told otherwise than it is at this moment. While messages are under way
    /// there is always something.
    pub fn differences(&self) -> Vec<Difference> {
        let grace = self.stage.config.discharge_grace_h;
        differences(&self.stage.book(), &self.facts, self.stage.now(), grace)
    }

    /// Closes the hospital: nothing new begins, the faults end, every visit comes to its end at
    /// once, everything is sent, and the node has until `patience` (real time) is over to tell
    /// what it has to tell.
    ///
    /// What was forgotten stays forgotten: the node can only notice it when its time is over.
    pub async fn settle(&self, patience: Duration) -> Settled {
        let begun = Instant::now();
        self.stage.board.set_all(Faults::none());
        self.stage.set_hurry(true);
        let complete = loop {
            if self.director.is_finished() && self.visits() == 0 && self.pending() == 0 {
                break true;
            }
            if begun.elapsed() >= patience {
                break false;
            }
            sleep(LOOK).await;
        };
        loop {
            let quiet = self.stage.heard_at().elapsed() >= QUIET;
            let differences = self.differences();
            if (quiet && differences.is_empty()) || begun.elapsed() >= patience {
                let unsent =
                    self.outboxes.iter().map(|(link, box_)| (link.clone(), box_.pending()));
                let unsent = unsent.filter(|(_, pending)| *pending > 0).collect();
                return Settled { complete, visits: self.visits(), unsent, differences };
            }
            sleep(LOOK).await;
        }
    }

    /// Stops everything at once and gives the book.
    pub async fn stop(mut self) -> Book {
        self.director.abort();
        self.tasks.shutdown().await;
        self.book()
    }
}

impl Drop for EstateHandle {
    fn drop(&mut self) {
        self.director.abort();
    }
}
