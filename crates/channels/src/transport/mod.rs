//! Transports: how the bytes of a channel travel.
//!
//! Inbound, a [`Listener`] (MLLP or HTTP, in the open or under TLS) or an inbox (a folder of files)
//! hands whole messages to a [`Service`] and brings its answer back. Outbound, a [`Peer`] is
//! dialled and gives a client that sends a message and waits for its answer, whatever lies
//! between. Another transport (a database, a mail box) is a variant of [`Peer`] and `Client`, or
//! another caller of
//! a [`Service`]: receivers and senders do not see the difference.

mod batch;
mod client;
mod connection;
mod files;
mod framing;
mod http;
mod line;
mod mllp;
mod receive;
mod server;
mod service;
mod socket;
mod stop;
mod tls;

use std::time::Duration;

pub(crate) use client::{Client, LinkError, Outgoing, Peer};
pub(crate) use files::{Inbox, InboxError};
pub(crate) use http::Door;
pub(crate) use receive::{Neighbours, Receiver};
pub use server::{Limits, Listener};
pub use service::{Reply, Service, Unserved};
pub use stop::{Stop, Stopper};
pub(crate) use tls::TlsServer;
pub use tls::{TlsError, TlsIdentity};

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
