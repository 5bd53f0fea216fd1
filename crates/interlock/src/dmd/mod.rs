//! dm+d at the edge: releases as folders and archives, and the index files of the data folder.

mod archive;
mod source;
mod store;
mod take_over;
mod words;

pub use source::{SourceError, read_release};
pub(crate) use store::{Indexes, save, shared};
pub use store::{StoreError, load};
pub(crate) use take_over::{in_use, in_use_of, take_over};
pub(crate) use words::{problems, render};
