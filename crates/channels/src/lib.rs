//! Transports, dialects, inbound and outbound messages, delivery queues.
//!
//! A message that comes in goes from [`transport`] through [`inbound`] to the engine, and the
//! engine's answer goes back as its acknowledgement. What the engine queued goes through a sender
//! and [`outbound`] to its peer, and what became of it goes to the engine. How each peer writes
//! HL7 is data: its [`dialect`]; where data is not enough, a [`script`]. [`Channels::start`] runs
//! all channels of a node, [`Running::change`] changes some of them, and [`Health`] tells how each
//! of them does.

mod config;
pub mod dialect;
mod health;
pub mod inbound;
mod lines;
pub mod outbound;
mod running;
pub mod script;
mod sender;
mod shape;
mod tally;
pub mod transport;

pub use config::{
    AckWhen, Acknowledgement, BatchConfig, ChannelConfig, ConfigError, FilesConfig, ForwardWhich,
    HttpConfig, HttpFormat, KeySource, MAX_ACK_TIMEOUT_S, MAX_APPLICATION_ACK_TIMEOUT_S,
    MAX_MESSAGE_BYTES, MAX_RESENDS, MAX_RETRIES, MOST_RESENDS, NextAfter, OnRefused, OnUnknown,
    QueueLimit, Resync, SequenceNumbers, TlsConfig, Transport, UnknownPatients, WhenFull,
    check_together,
};
pub use health::{ChannelHealth, Direction, Health, LinkState, Meter};
pub use running::{ChangeError, Channels, Running, Setting, StartError};
pub use tally::ChannelTally;
