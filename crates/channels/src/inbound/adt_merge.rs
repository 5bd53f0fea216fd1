//! ADT^A40, and A18, A30, A34, A36, A39 of older senders: two patients are one person.
//!
//! PID is the patient who keeps the record, MRG-1 (or MRG-4 of old senders) names the one who
//! ends. A message of several merges is parked, since all of one message take effect or none.

use medicines::patients::MergeMessage;
use medicines::{Problem, ProblemCode, Request};

use super::map::{identifier, pid};
use super::source::Source;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    for name in ["PID", "MRG"] {
        if source.message.segments(name).nth(1).is_some() {
            let text = "the message merges several patients: send each merge in its own message";
            return Err(Problem::new(ProblemCode::BadValue, text).at(format!("{name}[2]")));
        }
    }
    let pid = source.need("PID")?;
    let mrg = source.need("MRG")?;
    let mut merged = identifier::list(source, &mrg, 1)?;
    if merged.is_empty() {
        merged = identifier::list(source, &mrg, 4)?;
    }
    if merged.is_empty() {
        let text = "the merge does not say which patient ends";
        return Err(source.problem(ProblemCode::FieldMissing, &mrg, 1, text));
    }
    let evn = source.message.segment("EVN");
    Ok(Request::Merge(Box::new(MergeMessage {
        survivor: pid::patient(source, &pid)?.patient,
        merged,
        activity: source.activity(&[(evn, 6), (evn, 2)])?,
    })))
}
