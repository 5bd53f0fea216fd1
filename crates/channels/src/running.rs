//! All channels of a node: started together, changed one by one, stopped together.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::Engine;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::config::{ChannelConfig, ConfigError, Transport, check_together};
use crate::health::{Direction, Health, Meter};
use crate::lines::Lines;
use crate::sender::{Lane, Sender};
use crate::transport::{
    Door, Inbox, InboxError, Limits, Listener, Neighbours, Peer, Receiver, Stop, Stopper, TlsServer,
};

/// How often an address is asked for again that a channel of this node held a moment ago.
const BIND_ATTEMPTS: u32 = 20;
/// The pause between two such attempts.
const BIND_PAUSE: Duration = Duration::from_millis(100);

/// What all channels of a node have in common.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The ODS code of the site.
    pub site: String,
    /// The value of MSH-11 in force: `P` on a live node, `T` on one for training; empty takes
    /// any, and sends `P`.
    pub processing_id: String,
    /// From what the waits between attempts are drawn, so that a run can be repeated.
    pub seed: u64,
    /// Where the channels tell how they do.
    pub health: Health,
}

/// Why channels cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A channel's configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error("channel `{name}` cannot listen on {address}: {source}")]
    Listen {
        /// The channel.
        name: String,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A folder cannot be watched.
    #[error("channel `{name}`: {source}")]
    Folder {
        /// The channel.
        name: String,
        /// Why.
        source: InboxError,
    },
}

/// Why running channels were not changed. They run as before.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// A new or changed channel cannot be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What had to be done while they stood still could not be done.
    #[error("{0}")]
    Commit(E),
}

/// Starts channels.
#[derive(Debug)]
pub struct Channels;

/// Channels that run. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Running {
    /// Where each inbound channel listens.
    pub addresses: BTreeMap<String, SocketAddr>,
    engine: Engine,
    setting: Setting,
    lines: Lines,
    channels: BTreeMap<String, One>,
}

/// One channel that runs.
#[derive(Debug)]
struct One {
    config: ChannelConfig,
    stopper: Stopper,
    task: JoinHandle<()>,
}

/// A channel that has all that it needs to run.
struct Ready {
    config: ChannelConfig,
    end: End,
}

/// Our end of a channel.
enum End {
    /// Inbound: peers connect.
    Listener(Listener),
    /// Inbound: peers put files there.
    Inbox(Inbox),
    /// Outbound: we connect.
    Peer(Peer),
}

impl Channels {
    /// Checks every channel, binds every listener, and only then starts all of them. A channel
    /// whose own certificate has ended starts with the others: its peers will refuse it, and its
    /// health tells why.
    #[expect(clippy::unused_async, reason = "sockets and tasks need a runtime, as a future has")]
    pub async fn start(
        engine: &Engine,
        channels: Vec<ChannelConfig>,
        setting: Setting,
    ) -> Result<Running, StartError> {
        check(&channels, engine, true)?;
        check_together(&channels)?;
        let ready: Vec<Ready> = channels.into_iter().map(bind).collect::<Result<_, _>>()?;
        let mut running = Running {
            addresses: BTreeMap::new(),
            engine: engine.clone(),
            setting,
            lines: Lines::default(),
            channels: BTreeMap::new(),
        };
        for one in ready {
            running.start(one);
        }
        Ok(running)
    }
}

/// Each configuration can be used, and each name is there once. `starting` says that what time
/// alone has made wrong is told and not refused.
fn check(channels: &[ChannelConfig], engine: &Engine, starting: bool) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for config in channels {
        config.check()?;
        match config.check_certificates(engine.clock().now()) {
            Err(error) if starting && error.is_of_time() => {
                tracing::error!(channel = %config.name, %error, "its peers will refuse it");
            }
            other => drop(other?),
        }
        if !names.insert(config.name.as_str()) {
            return Err(ConfigError::Twice(config.name.clone()));
        }
    }
    Ok(())
}

/// Takes the address or the folder of an inbound channel, and reads the certificates and the token
/// that a channel names.
fn bind(config: ChannelConfig) -> Result<Ready, StartError> {
    let name = config.name.clone();
    let end = match (config.direction, config.listen) {
        (Direction::Outbound, _) => End::Peer(Peer::new(&config)?),
        (Direction::Inbound, Some(address)) => End::Listener(listener(&config, address)?),
        (Direction::Inbound, None) => {
            let settings = config.files.clone().unwrap_or_default();
            let opened = Inbox::open(settings, config.max_message_bytes);
            End::Inbox(opened.map_err(|source| StartError::Folder { name, source })?)
        }
    };
    Ok(Ready { config, end })
}

fn listener(config: &ChannelConfig, address: SocketAddr) -> Result<Listener, StartError> {
    let name = || config.name.clone();
    let tls = config.tls.as_ref().map(TlsServer::new).transpose();
    let tls = tls.map_err(|error| ConfigError::Tls { name: name(), error })?;
    let http = config.http.clone().unwrap_or_default();
    let door = (config.transport == Transport::Http).then(|| Door::new(&config.name, &http));
    let door = door.transpose()?;
    let bound = Listener::bind(address);
    let bound = bound.map_err(|source| StartError::Listen { name: name(), address, source })?;
    Ok(bound.under(tls).behind(door))
}

/// The same for an address that a channel of this node held until now.
async fn bind_again(config: ChannelConfig) -> Result<Ready, StartError> {
    for _ in 1..BIND_ATTEMPTS {
        if let Ok(ready) = bind(config.clone()) {
            return Ok(ready);
        }
        sleep(BIND_PAUSE).await;
    }
    bind(config)
}

impl Running {
    /// Changes the channels without touching any others: stops those named in `stop` and those of
    /// the same name as one in `start`, has `commit` done while they stand still, then starts
    /// `start`. Each that is stopped finishes the message in work. Addresses that no channel holds
    /// are taken before anything is stopped; where one cannot be had, or `commit` fails, all run as
    /// before.
    ///
    /// It has to run to its end: a future that is dropped on the way leaves channels stopped.
    pub async fn change<E>(
        &mut self,
        stop: &BTreeSet<String>,
        start: Vec<ChannelConfig>,
        commit: impl Future<Output = Result<(), E>>,
    ) -> Result<(), ChangeError<E>> {
        check(&start, &self.engine, false).map_err(StartError::from)?;
        let ending =
            |name: &str| stop.contains(name) || start.iter().any(|config| config.name == name);
        let names: Vec<String> =
            self.channels.keys().filter(|name| ending(name)).cloned().collect();
        let held: BTreeSet<SocketAddr> =
            names.iter().filter_map(|name| self.addresses.get(name)).copied().collect();
        let (later, now): (Vec<_>, Vec<_>) = start
            .into_iter()
            .partition(|config| config.listen.is_some_and(|address| held.contains(&address)));
        let mut ready: Vec<Ready> = now.into_iter().map(bind).collect::<Result<_, _>>()?;
        let stopped = self.stop(&names).await;
        for config in later {
            match bind_again(config).await {
                Ok(bound) => ready.push(bound),
                Err(error) => {
                    drop(ready);
                    self.resume(stopped).await;
                    return Err(error.into());
                }
            }
        }
        if let Err(error) = commit.await {
            drop(ready);
            self.resume(stopped).await;
            return Err(ChangeError::Commit(error));
        }
        for old in &stopped {
            let goes_on =
                |new: &Ready| new.config.name == old.name && new.config.direction == old.direction;
            if !ready.iter().any(goes_on) {
                self.setting.health.remove(&old.name);
            }
        }
        for one in ready {
            self.start(one);
        }
        Ok(())
    }

    /// Stops channels at the same time, and gives back how they were set up; port 0 becomes the
    /// port that the channel had.
    async fn stop(&mut self, names: &[String]) -> Vec<ChannelConfig> {
        let ones: Vec<One> = names.iter().filter_map(|name| self.channels.remove(name)).collect();
        for one in &ones {
            one.stopper.stop();
        }
        let mut stopped = Vec::with_capacity(ones.len());
        for One { mut config, task, .. } in ones {
            end(&config.name, task).await;
            self.lines.remove(&config.name);
            if let Some(address) = self.addresses.remove(&config.name) {
                config.listen = Some(address);
            }
            stopped.push(config);
        }
        stopped
    }

    /// Starts again what was stopped for a change that was not made.
    async fn resume(&mut self, stopped: Vec<ChannelConfig>) {
        for config in stopped {
            let name = config.name.clone();
            match bind_again(config).await {
                Ok(ready) => self.start(ready),
                // Its address went to somebody else in the meantime: people have to know.
                Err(error) => tracing::error!(channel = %name, %error, "it does not run any more"),
            }
        }
    }

    fn start(&mut self, ready: Ready) {
        let Ready { config, end } = ready;
        let (stopper, stop) = Stopper::new();
        let kept = config.clone();
        let task = match end {
            End::Listener(listener) => {
                self.addresses.insert(config.name.clone(), listener.address());
                self.receive(&config, listener, stop)
            }
            End::Inbox(inbox) => self.watch(&config, inbox, stop),
            End::Peer(peer) => self.send(&config, &peer, &stop),
        };
        self.channels.insert(kept.name.clone(), One { config: kept, stopper, task });
    }

    fn receive(&self, config: &ChannelConfig, listener: Listener, stop: Stop) -> JoinHandle<()> {
        let (receiver, meter) = self.receiver(config);
        meter.starts(listener.certificate_ends());
        let limits = Limits::new(config.max_message_bytes, config.max_connections);
        tokio::spawn(listener.run(receiver, limits, meter, stop))
    }

    fn watch(&self, config: &ChannelConfig, inbox: Inbox, stop: Stop) -> JoinHandle<()> {
        let (receiver, meter) = self.receiver(config);
        let clock = self.engine.clock();
        tokio::spawn(inbox.run(receiver, clock, meter, stop))
    }

    /// What answers the messages of an inbound channel, and where it tells how it does.
    fn receiver(&self, config: &ChannelConfig) -> (Receiver, Meter) {
        let setting = &self.setting;
        let name: Arc<str> = config.name.as_str().into();
        let meter = setting.health.register(&name, Direction::Inbound);
        let neighbours = Neighbours::new(self.lines.clone(), config);
        let channel = config.reader(&setting.site, &setting.processing_id);
        (Receiver::new(self.engine.clone(), channel, neighbours, meter.clone()), meter)
    }

    fn send(&self, config: &ChannelConfig, peer: &Peer, stop: &Stop) -> JoinHandle<()> {
        let setting = &self.setting;
        let name: Arc<str> = config.name.as_str().into();
        let meter = setting.health.register(&name, Direction::Outbound);
        meter.starts(peer.certificate_ends());
        self.lines.add(config);
        let voice = Arc::new(config.voice(&setting.site, &setting.processing_id));
        // Channels of one node must not draw the same waits.
        let mix = |seed: u64, byte: u8| seed.rotate_left(5) ^ u64::from(byte);
        let seed = config.name.bytes().fold(setting.seed, mix);
        let senders: Vec<Sender> = Lane::all(config, seed)
            .into_iter()
            .map(|lane| {
                let (engine, config, peer) = (self.engine.clone(), config.clone(), peer.clone());
                let (voice, meter) = (Arc::clone(&voice), meter.clone());
                Sender::new(engine, config, peer, voice, lane, meter, stop.clone())
            })
            .collect();
        tokio::spawn(async move {
            let mut connections: JoinSet<()> = senders.into_iter().map(Sender::run).collect();
            while let Some(ended) = connections.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection's task ended unexpectedly");
                }
            }
        })
    }

    /// How the channels do.
    pub fn health(&self) -> &Health {
        &self.setting.health
    }

    /// Stops all channels. Each finishes the message in work: a listener answers it, a sender
    /// waits a little for its acknowledgement and has the outcome journaled. Call it while the
    /// engine still runs.
    pub async fn shutdown(mut self) {
        let names: Vec<String> = self.channels.keys().cloned().collect();
        self.stop(&names).await;
    }
}

/// Waits for a channel's task.
async fn end(name: &str, task: JoinHandle<()>) {
    if let Err(error) = task.await {
        tracing::error!(channel = %name, %error, "a channel ended unexpectedly");
    }
}
