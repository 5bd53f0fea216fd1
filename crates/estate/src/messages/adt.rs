//! ADT: what the PAS tells.

use jiff::Timestamp;

use super::{Envelope, identifiers, location, pid, pv1, staff};
use crate::clock::local_stamp;
use crate::plan::Trigger;
use crate::wire::text::{Segment, message};
use crate::world::{Patient, Presence};

/// The trigger, and the message structure that HL7 2.4 gives it.
fn kind(trigger: Trigger) -> [&'static str; 3] {
    match trigger {
        Trigger::A01 => ["ADT", "A01", "ADT_A01"],
        Trigger::A02 => ["ADT", "A02", "ADT_A02"],
        Trigger::A03 => ["ADT", "A03", "ADT_A03"],
        Trigger::A04 => ["ADT", "A04", "ADT_A01"],
        Trigger::A08 => ["ADT", "A08", "ADT_A01"],
        Trigger::A11 => ["ADT", "A11", "ADT_A09"],
        Trigger::A12 => ["ADT", "A12", "ADT_A12"],
        Trigger::A13 => ["ADT", "A13", "ADT_A01"],
        Trigger::A28 => ["ADT", "A28", "ADT_A05"],
        Trigger::A31 => ["ADT", "A31", "ADT_A05"],
        Trigger::A40 => ["ADT", "A40", "ADT_A39"],
    }
}

/// Whether the event is about a person rather than a visit.
fn is_of_person(trigger: Trigger) -> bool {
    matches!(trigger, Trigger::A28 | Trigger::A31 | Trigger::A40)
}

/// Writes what the PAS tells of `patient` at `at`.
pub(crate) fn adt(
    envelope: &Envelope<'_>,
    trigger: Trigger,
    patient: &Patient,
    merged: Option<&Patient>,
    at: Timestamp,
) -> String {
    let kind = kind(trigger);
    let stamp = local_stamp(at);
    let mut segments = vec![
        envelope.header(&kind),
        Segment::new("EVN").put(1, kind[1]).put(2, &stamp).put(6, &stamp),
        pid(patient, envelope.site),
    ];
    if let Some(merged) = merged {
        segments.push(Segment::new("MRG").raw(1, identifiers(merged, envelope.site)));
    }
    if is_of_person(trigger) {
        // HL7 2.4 §3.3.28 requires PV1 in A28 and A31: class N says that it is not about a visit.
        if trigger != Trigger::A40 {
            segments.push(Segment::new("PV1").put(1, "1").put(2, "N"));
        }
    } else {
        segments.push(visit(trigger, patient, envelope.site));
    }
    let tells_allergies = !matches!(
        trigger,
        Trigger::A02 | Trigger::A03 | Trigger::A11 | Trigger::A12 | Trigger::A40
    );
    if patient.penicillin_allergy && tells_allergies {
        let allergy = Segment::new("AL1")
            .put(1, "1")
            .put(2, "DA")
            .parts(3, &["764146007", "Penicillin", "SCT"])
            .put(4, "SV")
            .put(5, "Rash");
        segments.push(allergy);
    }
    message(&segments)
}

fn visit(trigger: Trigger, patient: &Patient, site: &str) -> Segment {
    let mut segment =
        pv1(patient, site).raw(7, staff(crate::site::doctor_id(patient.index).as_str()));
    if matches!(trigger, Trigger::A02 | Trigger::A12)
        && let Some(previous) = patient.previous
    {
        segment = segment.raw(6, location(previous));
    }
    if let Some(admitted) = patient.admitted {
        segment = segment.put(44, &local_stamp(admitted));
    }
    if let Presence::Discharged { at, .. } = patient.presence {
        segment = segment.put(45, &local_stamp(at));
    }
    segment
}
