//! Messages tried out: on a small hospital in memory, and over what a journal holds. Nothing is
//! sent, and nothing outside of memory is changed.

mod diff;
mod example;
mod hospital;
mod outbound;
mod run;
mod shadow;

pub(crate) use diff::differences;
pub(crate) use example::{Example, find};
pub(crate) use hospital::Release;
pub(crate) use run::{Outcome, rehearse};
pub(crate) use shadow::{Gone, Shadow, Verdict, Wanted, shadow};
