//! ADT^A17: two patients change places.
//!
//! Each of the two PID has a PV1 that tells where the patient is now; both are transfers. Parked:
//! one patient or more than two, a PV1 that tells no ward.

use medicines::patients::{PatientEvent, PatientMessage};
use medicines::{Problem, ProblemCode, Request};

use super::map::{pid, pv1};
use super::source::{Source, missing};

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let evn = source.message.segment("EVN");
    let activity = source.activity(&[(evn, 6), (evn, 2)])?;
    let mut moves: Vec<PatientMessage> = Vec::with_capacity(2);
    for group in source.message.groups("PID") {
        let pid = group.segment("PID").ok_or_else(|| missing("PID"))?;
        if moves.len() == 2 {
            let text = "more than two patients change places";
            return Err(source.problem(ProblemCode::BadValue, &pid, 3, text));
        }
        let segment = group.segment("PV1").ok_or_else(|| missing("PV1"))?;
        let ward = pv1::ward(&segment).ok_or_else(|| {
            let text = "the message does not say to which ward the patient moves";
            source.problem(ProblemCode::FieldMissing, &segment, 3, text)
        })?;
        let told = pid::patient(source, &pid)?;
        moves.push(PatientMessage {
            event: PatientEvent::A02,
            patient: told.patient,
            deleted: told.deleted,
            encounter: Some(pv1::encounter(source, &segment, PatientEvent::A02)?),
            ward: Some(ward),
            allergies: None,
            activity,
        });
    }
    let moves: [PatientMessage; 2] = moves.try_into().map_err(|_| {
        let text = "the message names only one of the two patients who change places";
        Problem::new(ProblemCode::SegmentMissing, text).at("PID")
    })?;
    Ok(Request::Swap(Box::new(moves)))
}
