//! ORM^O01 and OMP^O09 with RXO: orders as the prescriber writes them.
//!
//! As RDE, with RXO in the place of RXE. An ORM^O01 that orders something else (OBR, RQD, ODS) is
//! a request.

use medicines::{Problem, Request};

use super::map::order::{Detail, orders};
use super::map::rxo;
use super::service_request;
use super::source::Source;

const RXO: Detail = Detail { name: "RXO", timing: None, unit: 4, read: rxo::read };

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let other = ["OBR", "RQD", "RQ1", "ODS", "ODT"];
    let is_other = source.message.iter().any(|segment| other.contains(&segment.name()));
    if is_other && source.message.segment("RXO").is_none() {
        return service_request::read(source);
    }
    orders(source, &RXO)
}
