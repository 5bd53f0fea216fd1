//! What resources are found by: runs of postings that are never changed.
//!
//! Each resource that is stored gets a number `p`, each new version a new one. A posting is a key
//! (`fhir_search::Terms`) and such a number. The postings of a transaction are sorted and written
//! as one run, cut into blocks of a page; runs of like size at the end are merged into a larger
//! one. So nothing is written in random places, whatever the keys are: with a tree of keys each of
//! the dozen keys of a resource would change another page.
//!
//! Numbers of versions that are no longer current lead nowhere, since the row of the resource has
//! the new one; a merge leaves them out. A merge takes the last runs only, so that runs lie in the
//! order of their numbers.

mod block;
mod find;
mod merge;
mod store;

pub(crate) use find::{MAX_POSTINGS, Runs};
pub(crate) use store::Postings;
