//! The interface over HTTP on the loopback, with a real engine in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod acts;
mod audit_events;
mod bodies;
mod cases;
mod controlled;
mod corpus;
mod documents;
mod doors;
mod export_faults;
mod exports;
mod formats;
mod harness;
mod matching;
mod operations;
mod orders;
mod patches;
mod plain_subscriptions;
mod reads;
mod searches;
mod secrets;
mod serving;
mod stock;
mod streams;
mod subscriptions;
mod synthea;
mod transactions;
mod validation;
mod writes;
