//! The channels from outside: real sockets, a real engine, peers that follow a script.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod changes;
mod connections;
mod files;
mod forward;
mod http;
mod outbound;
mod pki;
mod receiver;
mod rig;
mod round_trip;
mod sender;
mod tls;
mod transport;
