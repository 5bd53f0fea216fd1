//! A simulated hospital that speaks the real protocols over real TCP and HTTP.
//!
//! A PAS, an ePMA, cabinets of three kinds and the staff of the wards act out what a [`plan`]
//! decides from a seed, at the pace of a [`SimClock`]. The lines between them and the node have
//! [`Faults`] that can be switched at any time. The estate keeps its own [`Book`] of what really
//! happened, so that the end of a run can be compared with what the node believes.
//!
//! ```no_run
//! # async fn run(clock: estate::SimClock, node: estate::NodeAddresses)
//! # -> Result<(), estate::EstateError> {
//! let config = estate::EstateConfig::new(7, clock);
//! let site = config.site(); // what the node has to be configured with
//! let bound = estate::Estate::bind(config).await?;
//! let listeners = bound.addresses().clone(); // where the node's outbound channels go
//! let running = bound.start(&node)?;
//! running.faults().set_all(estate::Faults::all());
//! let settled = running.settle(std::time::Duration::from_secs(60)).await;
//! assert!(settled.complete && settled.differences.is_empty());
//! # Ok(()) }
//! ```

mod actors;
pub mod book;
mod chance;
mod check;
mod clock;
mod config;
mod faults;
pub mod formulary;
mod hospital;
pub mod identity;
mod messages;
pub mod plan;
pub mod site;
mod stage;
pub mod ward;
mod wire;
pub mod world;

pub use actors::profile::{Listed, Profile, Shown};
pub use book::Book;
pub use check::Difference;
pub use clock::{MAX_SPEED, SimClock};
pub use config::{EstateConfig, ListenerAddresses, MAX_BEDS, MAX_WARDS, NodeAddresses};
pub use faults::{FaultBoard, Faults};
pub use hospital::{Bound, Estate, EstateError, EstateHandle, Settled};
pub use plan::Planner;
pub use site::SiteFacts;
pub use ward::WardDay;
