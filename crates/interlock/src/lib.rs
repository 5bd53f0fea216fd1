//! The node: configuration, wiring and the command line.

mod change;
pub mod commands;
pub mod config;
pub mod demo;
mod digested;
pub mod dmd;
mod log;
mod node;
mod observe;
pub mod packages;
mod rehearse;
mod replay;
mod secret;
mod watching;

pub use log::start as start_log;
pub use node::{Node, NodeError, Plan};
