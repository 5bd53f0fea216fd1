//! dm+d at the edge: releases as folders and archives, and the index files of the data folder.

mod archive;
mod source;

pub use source::{SourceError, read_release};
