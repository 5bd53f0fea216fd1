//! ADT^A47: a patient is known by another number from now on.
//!
//! PID-3 holds what is right, MRG-1 what no longer is. A number that stands in both stays.

use medicines::patients::RenumberMessage;
use medicines::{Problem, ProblemCode, Request};

use super::map::identifier;
use super::source::Source;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let (pid, mrg) = (source.need("PID")?, source.need("MRG")?);
    let new = identifier::need_patient(source, &pid)?;
    let mut old = identifier::list(source, &mrg, 1)?;
    if old.is_empty() {
        let text = "the message does not say which number no longer holds";
        return Err(source.problem(ProblemCode::FieldMissing, &mrg, 1, text));
    }
    let same = |number: &fhir::types::Identifier| {
        new.iter().any(|other| other.system == number.system && other.value == number.value)
    };
    old.retain(|number| !same(number));
    Ok(Request::Renumber(RenumberMessage { new, old }))
}
