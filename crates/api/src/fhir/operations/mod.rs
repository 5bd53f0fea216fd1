//! Operations beside the interactions, one file for each (R4 §3.2).

pub(crate) mod document;
pub(crate) mod everything;
pub(crate) mod lastn;
pub(crate) mod matching;
pub(crate) mod meta;
pub(crate) mod meta_change;
pub(crate) mod parameters;
pub(crate) mod stream;
pub(crate) mod subscription;
pub(crate) mod validate;
