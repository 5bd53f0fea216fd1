//! What can be done with resources, one file for each interaction (R4 §3.1.0).

pub(crate) mod capabilities;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod vread;
