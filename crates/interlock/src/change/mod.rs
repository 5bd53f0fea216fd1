//! From one configuration to another: what differs, and what that does.

mod applied;
mod compare;
mod control;
mod fate;
mod force;
mod words;

pub(crate) use applied::{of_folder, text_of};
pub(crate) use compare::Base;
pub(crate) use control::{Control, Parts as ControlParts};
pub(crate) use fate::Fates;
pub(crate) use force::{Force, at_start, offline, without_node};
pub(crate) use words::{in_force, package, release, render};
