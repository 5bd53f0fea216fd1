//! ADT about one patient: A01 to A16, A21 to A23, A25 to A28, A31 to A33, A38, A52 to A55.
//!
//! Takes PID, PV1 and AL1. Admission, transfer, discharge and their cancellations need PV1, a
//! transfer also the ward it leads to. A28 and A31 are about the person and not about a stay, so
//! their PV1 is not read. Parked: no patient identifier, a wrong check digit, a number or a time
//! that cannot be read, an allergy without its allergen.

use medicines::patients::{PatientEvent, PatientMessage};
use medicines::{Problem, ProblemCode, Request};

use super::map::{al1, pid, pv1};
use super::source::{Source, missing};

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let event = event(&source.event()).ok_or_else(|| {
        let text = "messages of this event are not handled";
        Problem::new(ProblemCode::UnsupportedEvent, text).at("MSH-9")
    })?;
    let told = pid::patient(source, &source.need("PID")?)?;
    let segment = source.message.segment("PV1").filter(|_| is_about_a_stay(event));
    if segment.is_none() && needs_stay(event) {
        return Err(missing("PV1"));
    }
    let mut ward = None;
    let mut encounter = None;
    if let Some(pv1) = &segment {
        ward = pv1::ward(pv1);
        if ward.is_none() && event == PatientEvent::A02 {
            let text = "the transfer does not say to which ward";
            return Err(source.problem(ProblemCode::FieldMissing, pv1, 3, text));
        }
        encounter = Some(pv1::encounter(source, pv1, event)?);
    }
    let evn = source.message.segment("EVN");
    Ok(Request::Patient(Box::new(PatientMessage {
        event,
        patient: told.patient,
        deleted: told.deleted,
        encounter,
        ward,
        allergies: al1::allergies(source)?,
        activity: source.activity(&[(evn, 6), (evn, 2)])?,
    })))
}

fn event(code: &str) -> Option<PatientEvent> {
    use PatientEvent as E;
    Some(match code {
        // A class that changes begins a stay of that class, or goes on with it (A06, A07).
        "A01" | "A06" => E::A01,
        "A02" => E::A02,
        "A03" => E::A03,
        "A04" | "A07" => E::A04,
        "A08" | "A54" | "A55" => E::A08,
        // A visit that is deleted was no visit (A23).
        "A11" | "A23" => E::A11,
        "A12" => E::A12,
        "A13" => E::A13,
        "A28" => E::A28,
        // What is only planned, pending, taken back before it happened, or a way through the
        // house tells who the patient is; the stay and its ward are as they were.
        "A31" | "A05" | "A09" | "A10" | "A14" | "A15" | "A16" | "A21" | "A22" | "A25" | "A26"
        | "A27" | "A32" | "A33" | "A38" | "A52" | "A53" => E::A31,
        _ => return None,
    })
}

fn is_about_a_stay(event: PatientEvent) -> bool {
    !matches!(event, PatientEvent::A28 | PatientEvent::A31)
}

fn needs_stay(event: PatientEvent) -> bool {
    is_about_a_stay(event) && event != PatientEvent::A08
}
