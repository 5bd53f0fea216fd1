//! MLLP over TCP: a listener for each inbound channel, a connection for each outbound one.
//!
//! This module knows bytes and frames. What a frame means is for a [`Service`] to say.

mod client;
mod framing;
mod receive;
mod server;
mod socket;
mod stop;

use std::time::Duration;

pub(crate) use client::{Client, LinkError};
pub(crate) use receive::{Neighbours, Receiver};
pub use server::{Limits, Listener, Service, Unserved};
pub use stop::{Stop, Stopper};

/// How much is read from a connection at a time, in bytes.
const READ_CHUNK: usize = 16 * 1024;

/// How long a connection may be silent between two messages before it is closed. Peers keep
/// their connection open over quiet nights; a dead one must give its place back some day.
const IDLE_LIMIT: Duration = Duration::from_hours(12);

/// How long the bytes of one message may take to arrive.
const FRAME_LIMIT: Duration = Duration::from_secs(30);

/// How long a connection must have been silent to be closed in favour of a new one, when a
/// listener has as many as it may.
const YIELD_AFTER: Duration = Duration::from_mins(1);

/// How long a peer may take to accept what is written to it.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// How long a listener waits before it accepts again after the system refused it a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long connections may take to finish the message in work when the node stops.
const STOP_GRACE: Duration = Duration::from_secs(10);
