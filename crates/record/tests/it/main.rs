//! The record as its users see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod budget;
mod deletion;
mod deliveries;
mod dump;
mod fold;
mod hand;
mod messages;
mod opening;
mod queries;
mod registers;
mod search;
mod shelves;
