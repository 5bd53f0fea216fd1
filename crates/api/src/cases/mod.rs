//! Cases: what somebody has to look at.

pub(crate) mod list;
pub(crate) mod replay;
pub(crate) mod resolution;

use fhir::Id;

use crate::problem::{Problem, code};

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "cases";

/// The id in an address.
fn case_id(text: &str) -> Result<Id, Problem> {
    Id::new(text).map_err(|_| unknown())
}

/// 404 for a case that is not open.
fn unknown() -> Problem {
    let mut problem = Problem::not_found("No open case has this id.");
    problem.code = code::UNKNOWN_CASE;
    problem
}
