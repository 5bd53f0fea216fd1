//! Messages that are taken, kept whole and not acted on: charges, accounts, events that change
//! nothing that is known here.
//!
//! They are acknowledged, open no case, and are found by their patient, type and control id.

use medicines::filing::Keep;
use medicines::{Problem, ProblemCode, Request};

use super::map::identifier;
use super::source::Source;

/// DFT, BAR: what a stay costs.
#[expect(clippy::unnecessary_wraps, reason = "the rows of the table have one form")]
pub(super) fn charges(source: &Source<'_, '_>) -> Result<Request, Problem> {
    Ok(keep(source, "charges and accounts are kept and nothing here acts on them"))
}

/// ADT events about accounts, links between records, and bed states.
#[expect(clippy::unnecessary_wraps, reason = "the rows of the table have one form")]
pub(super) fn event(source: &Source<'_, '_>) -> Result<Request, Problem> {
    Ok(keep(source, "this event changes nothing that is known here; the message is kept"))
}

/// MFN of master files other than staff and stock.
#[expect(clippy::unnecessary_wraps, reason = "the rows of the table have one form")]
pub(super) fn master_file(source: &Source<'_, '_>) -> Result<Request, Problem> {
    Ok(keep(source, "this master file is not used here; the message is kept"))
}

/// A type that the channel was set up by name to take.
pub(super) fn unmapped(source: &Source<'_, '_>) -> Request {
    keep(source, "the channel takes messages of this type and nothing here acts on them")
}

/// ADT events after which somebody has to look: nothing here moves a stay or deletes a person on
/// the word of a message.
pub(super) fn by_hand(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let text = match &*source.event() {
        "A29" => {
            "a record that is to be deleted stays: check that nothing is open for the patient, \
             then close the case"
        }
        _ => {
            "stays or numbers move from one patient to another: check both records in the PAS \
             and the patient's orders, then close the case"
        }
    };
    Err(Problem::new(ProblemCode::UnsupportedEvent, text).at("MSH-9"))
}

fn keep(source: &Source<'_, '_>, why: &'static str) -> Request {
    let pid = source.message.segment("PID");
    let patient = pid.and_then(|pid| identifier::of_patient(source, &pid).ok());
    Request::Keep(Keep { patient: patient.unwrap_or_default(), why })
}
