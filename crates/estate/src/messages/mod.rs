//! The messages that the estate sends, written from its own books.

pub(crate) mod adt;
pub(crate) mod oms;
pub(crate) mod ras;
pub(crate) mod rde;

use jiff::Timestamp;

use crate::clock::local_stamp;
use crate::site::{DialectFacts, NODE_APPLICATION, staff_family, staff_given, ward_code};
use crate::wire::text::{Segment, joined};
use crate::world::{Patient, Place, Presence};

/// The beds of one bay.
const BEDS_PER_BAY: u16 = 6;

/// Who sends, and what makes the message one of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) dialect: DialectFacts,
    pub(crate) site: &'a str,
    pub(crate) control_id: &'a str,
    /// MSH-7.
    pub(crate) at: Timestamp,
}

impl Envelope<'_> {
    /// The message header; MSH-9.3 came with HL7 2.3.1 and is left out before.
    pub(crate) fn header(&self, kind: &[&str]) -> Segment {
        let kind = if self.dialect.version == "2.3" { &kind[..2] } else { kind };
        Segment::new("MSH")
            .put(3, self.dialect.application)
            .put(4, self.site)
            .put(5, NODE_APPLICATION)
            .put(6, self.site)
            .put(7, &local_stamp(self.at))
            .parts(9, kind)
            .put(10, self.control_id)
            .put(11, "P")
            .put(12, self.dialect.version)
            .put(18, self.dialect.charset.unwrap_or_default())
    }
}

/// PID-3 or MRG-1: the NHS number where there is one, and the hospital number.
pub(crate) fn identifiers(patient: &Patient, site: &str) -> String {
    let mrn = joined(&[&patient.mrn, "", "", site, "MR"]);
    match &patient.nhs {
        Some(nhs) => format!("{}~{mrn}", joined(&[nhs, "", "", "NHS", "NH"])),
        None => mrn,
    }
}

/// PID.
pub(crate) fn pid(patient: &Patient, site: &str) -> Segment {
    let house = format!("{} Sample Street", patient.house);
    Segment::new("PID")
        .put(1, "1")
        .raw(3, identifiers(patient, site))
        .parts(5, &[&patient.family, &patient.given])
        .put(7, &patient.born.strftime("%Y%m%d").to_string())
        .put(8, &patient.sex.to_string())
        .parts(11, &[&house, "", "Testborough", "", "ZZ99 3WZ"])
}

/// A point of care, room and bed (PV1-3).
pub(crate) fn location(place: Place) -> String {
    let bay = format!("BAY{}", (place.bed - 1) / BEDS_PER_BAY + 1);
    joined(&[&ward_code(place.ward), &bay, &format!("B{:02}", place.bed)])
}

/// PV1, as far as every sender knows it.
pub(crate) fn pv1(patient: &Patient, site: &str) -> Segment {
    let (class, here) = match patient.presence {
        Presence::Outpatient => ("E", "ED".to_owned()),
        Presence::InBed(place) | Presence::Discharged { from: place, .. } => ("I", location(place)),
        Presence::Cancelled => ("I", patient.previous.map(location).unwrap_or_default()),
        Presence::Away | Presence::Merged { .. } => ("N", String::new()),
    };
    Segment::new("PV1")
        .put(1, "1")
        .put(2, class)
        .raw(3, here)
        .parts(19, &[&patient.visit_number(), "", "", site, "VN"])
}

/// Somebody of the staff: number, family name, given name.
pub(crate) fn staff(id: &str) -> String {
    joined(&[id, staff_family(id), staff_given(id)])
}
