//! Operations beside the interactions, one file for each (R4 §3.2).

pub(crate) mod everything;
pub(crate) mod meta;
