//! What can be done with resources, one file for each interaction (R4 §3.1.0).

pub(crate) mod batch;
pub(crate) mod binary;
pub(crate) mod capabilities;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod history;
pub(crate) mod patch;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod transaction;
pub(crate) mod update;
pub(crate) mod vread;
