//! ADT about one patient: A01, A02, A03, A04, A08, A11, A12, A13, A28, A31.
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
        "A01" => E::A01,
        "A02" => E::A02,
        "A03" => E::A03,
        "A04" => E::A04,
        "A08" => E::A08,
        "A11" => E::A11,
        "A12" => E::A12,
        "A13" => E::A13,
        "A28" => E::A28,
        "A31" => E::A31,
        _ => return None,
    })
}

fn is_about_a_stay(event: PatientEvent) -> bool {
    !matches!(event, PatientEvent::A28 | PatientEvent::A31)
}

fn needs_stay(event: PatientEvent) -> bool {
    is_about_a_stay(event) && event != PatientEvent::A08
}
