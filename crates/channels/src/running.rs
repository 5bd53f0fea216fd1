//! All channels of a node: started together, stopped together.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::Engine;
use tokio::task::JoinSet;

use crate::config::{ChannelConfig, ConfigError};
use crate::health::{Direction, Health};
use crate::inbound::InboundChannel;
use crate::outbound::Voice;
use crate::sender::Sender;
use crate::transport::{Limits, Listener, Receiver, Stop, Stopper};

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
}

/// Starts channels.
#[derive(Debug)]
pub struct Channels;

/// Channels that run. Dropping it stops them without waiting.
#[derive(Debug)]
pub struct Running {
    /// Where each inbound channel listens.
    pub addresses: BTreeMap<String, SocketAddr>,
    health: Health,
    stopper: Stopper,
    tasks: JoinSet<()>,
}

impl Channels {
    /// Checks every channel, binds every listener, and only then starts all of them.
    #[expect(clippy::unused_async, reason = "sockets and tasks need a runtime, as a future has")]
    pub async fn start(
        engine: &Engine,
        channels: Vec<ChannelConfig>,
        setting: Setting,
    ) -> Result<Running, StartError> {
        let mut names = BTreeSet::new();
        for config in &channels {
            config.check()?;
            if !names.insert(config.name.clone()) {
                return Err(ConfigError::Twice(config.name.clone()).into());
            }
        }
        let mut listeners = BTreeMap::new();
        for config in &channels {
            if let (Direction::Inbound, Some(address)) = (config.direction, config.listen) {
                let bound = Listener::bind(address);
                let listener = bound.map_err(|source| {
                    let name = config.name.clone();
                    StartError::Listen { name, address, source }
                })?;
                listeners.insert(config.name.clone(), listener);
            }
        }
        let (stopper, stop) = Stopper::new();
        let mut running = Running {
            addresses: listeners.iter().map(|(n, l)| (n.clone(), l.address())).collect(),
            health: setting.health.clone(),
            stopper,
            tasks: JoinSet::new(),
        };
        for config in channels {
            match listeners.remove(&config.name) {
                Some(listener) => running.receive(engine, config, listener, &setting, &stop),
                None => running.send(engine, config, &setting, &stop),
            }
        }
        Ok(running)
    }
}

impl Running {
    fn receive(
        &mut self,
        engine: &Engine,
        config: ChannelConfig,
        listener: Listener,
        setting: &Setting,
        stop: &Stop,
    ) {
        let name: Arc<str> = config.name.as_str().into();
        let meter = setting.health.register(&name, Direction::Inbound);
        let limits = Limits::new(config.max_message_bytes, config.max_connections);
        let channel = InboundChannel::new(
            &config.name,
            config.dialect,
            &setting.site,
            &config.accepts,
            &setting.processing_id,
        );
        let receiver = Receiver::new(engine.clone(), channel, meter.clone());
        self.tasks.spawn(listener.run(receiver, limits, meter, stop.clone()));
    }

    fn send(&mut self, engine: &Engine, config: ChannelConfig, setting: &Setting, stop: &Stop) {
        let name: Arc<str> = config.name.as_str().into();
        let meter = setting.health.register(&name, Direction::Outbound);
        let voice = Voice::new(config.dialect.clone(), &setting.site, &setting.processing_id);
        // Channels of one node must not draw the same waits.
        let mix = |seed: u64, byte: u8| seed.rotate_left(5) ^ u64::from(byte);
        let seed = config.name.bytes().fold(setting.seed, mix);
        let sender = Sender::new(engine.clone(), config, voice, seed, meter, stop.clone());
        self.tasks.spawn(sender.run());
    }

    /// How the channels do.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Stops all channels. Each finishes the message in work: a listener answers it, a sender
    /// waits a little for its acknowledgement and has the outcome journaled. Call it while the
    /// engine still runs.
    pub async fn shutdown(mut self) {
        self.stopper.stop();
        while self.tasks.join_next().await.is_some() {}
    }
}
