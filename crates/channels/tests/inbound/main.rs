//! Messages that come in: what each is understood to ask, and how it is answered.

mod controls;
mod corpus;
mod courses;
mod damage;
mod dosages;
mod golden;
#[path = "../../../medicines/tests/hospital/mod.rs"]
mod hospital;
mod parked;
mod shaped;
mod show;
mod times;
mod transactions;
mod twins;
mod zpm;

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, Understood, read};

/// A channel of the site RXX that takes everything.
fn channel(dialect: &str) -> InboundChannel {
    let dialect: Dialect = toml::from_str(dialect).expect("the dialect is TOML");
    InboundChannel::new("test", dialect, "RXX", &[], "P")
}

/// Reads a message whose segments stand on lines of their own.
fn understand(lines: &str, channel: &InboundChannel) -> Understood {
    read(&wire(lines), channel)
}

/// The message as it is sent.
fn wire(lines: &str) -> Vec<u8> {
    let segments = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    segments.flat_map(|line| [line.as_bytes(), b"\r"].concat()).collect()
}
