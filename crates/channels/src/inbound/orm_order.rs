//! ORM^O01 and OMP^O09 with RXO: orders as the prescriber writes them.
//!
//! As RDE, with RXO in the place of RXE. An ORM^O01 that orders something else (OBR, RQD, ODS) is
//! parked, because no RXO tells a medicine.

use medicines::{Problem, ProblemCode, Request};

use super::map::order::{Detail, orders};
use super::map::rxo;
use super::source::Source;

const RXO: Detail = Detail { name: "RXO", timing: None, unit: 4, read: rxo::read };

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let other = ["OBR", "RQD", "RQ1", "ODS", "ODT"];
    let is_other = source.message.iter().any(|segment| other.contains(&segment.name()));
    if is_other && source.message.segment("RXO").is_none() {
        let text = "this orders no medicine: an order of a medicine has RXO";
        return Err(Problem::new(ProblemCode::SegmentMissing, text).at("RXO"));
    }
    orders(source, &RXO)
}
