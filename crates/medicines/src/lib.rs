//! The medicines domain: orders, cabinets, bedside, stock, cases; state and its fold.
//!
//! [`decide`] is a pure function of the live [`State`] and a [`Request`]; it answers with
//! [`Fact`]s. [`State::fold`] takes facts in. Nothing here does I/O, reads a clock or draws a
//! random number: time and the entry's number come in with the [`Context`].
//!
//! One verb, one file: what a nurse's removal at a cabinet needs is decided in
//! `cabinet/remove.rs`, what a stopped order changes in `orders/stop.rs`.

pub mod bedside;
pub mod cabinet;
pub mod cases;
mod command;
mod configuration;
pub mod controlled;
mod decide;
pub mod deliveries;
mod dictionary;
mod fact;
mod facts;
pub mod filing;
pub mod formulary;
mod head;
pub mod orders;
mod package;
pub mod patients;
mod quantity;
mod resources;
mod site;
pub mod state;
pub mod stock;
pub mod store;
pub mod subscriptions;
mod timers;
mod vigilance;
mod zone;

pub use command::{Answer, Context, Decision, Problem, ProblemCode, Request};
pub use configuration::{About, Application, Applied, MAX_CONFIGURATIONS};
pub use decide::decide;
pub use dictionary::{Dictionary, DictionaryInUse};
pub use fact::{Access, Fact};
pub use formulary::Item;
pub use head::{HEAD_VERSION, Head};
pub use package::{MAX_PACKAGES, Package, PackageInUse};
pub use quantity::Quantity;
pub use site::{Cabinet, Policies, Recorder, Site};
pub use state::UnreadableRow;
pub use state::{Body, Cold, NoCold, Row, RowKind, State};
pub use zone::Zone;
