//! The journal from outside: appending and reading, damage, and death at any moment.
#![expect(clippy::unwrap_used, reason = "what a test cannot do, it says by failing")]

mod append;
mod common;
mod crash;
mod segment;
mod tamper;
