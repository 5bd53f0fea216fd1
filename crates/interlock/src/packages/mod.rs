//! Packages of FHIR definitions at the edge: folders and archives, the files of the data folder,
//! and what the node validates by.

mod definitions;
mod source;
mod store;
mod take_over;

pub(crate) use definitions::Loader;
pub use source::{PackageError, Read, read_package};
pub(crate) use store::save;
pub(crate) use take_over::{Wish, in_use, take_over};
