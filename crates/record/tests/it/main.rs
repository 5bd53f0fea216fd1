//! The record as its users see it.

mod deliveries;
mod dump;
mod fold;
mod hand;
mod opening;
mod queries;
mod search;
