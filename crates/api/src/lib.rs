//! The HTTP interface: cabinets that ask before they open, doses at the bedside, cases, and a
//! FHIR R4 endpoint to read from.
//!
//! [`ROUTES`] is the one table of all addresses with the role that each needs. Every request
//! passes the door, which knows clients by the SHA-256 of their bearer tokens and journals whom
//! it turns away; every look at patient data is journalled before it is answered. What acts goes
//! to the engine as a command whose key makes a repeat harmless.
//!
//! [`Server`] serves it, with other routes beside it on the same port.

mod admin;
mod audit;
mod bedside;
mod body;
mod cabinet;
mod cases;
mod cd;
mod client;
mod door;
mod fhir;
mod fields;
mod health;
mod messages;
mod observe;
mod openapi;
mod patience;
mod problem;
mod replay;
mod routes;
mod server;
mod state;
mod stock;
mod submit;
mod tally;
mod turns;
mod verification;

pub use admin::{
    AdminError, Administering, Administrator, Change, ChangeKind, FieldChange, Files, InForce,
    PackageTaken, PackageWish, Plan, Release, ReleaseWish, Wish,
};
pub use client::{
    Client, ClientError, Clients, Export, Role, Roster, TokenHash, TokenHashError, Validation,
    covers,
};
pub use engine::{ReplayError, Replayer, Replaying};
pub use fhir::{
    AllowEntry, AllowError, AllowList, Definitions, Exports, FreeBytes, Judge, Policy,
    SubscriptionView, Subscriptions, Telling, Trust, TrustError, USUAL_ATTEMPTS,
};
pub use observe::{Check, Observer, Observing};
pub use replay::{Unreadable, reread};
pub use routes::{ROUTES, Route, Style, Verb};
pub use server::{Server, serve};
pub use state::ApiState;
pub use tally::{RouteTally, Tally};
