//! RDE^O11, and RDE^O01 before HL7 2.4: orders as the pharmacy encodes them.
//!
//! Each ORC begins an order. A new order or a new version needs RXE; its timing is in TQ1, in
//! RXE-1 or in ORC-7. A hold, a release, a stop or a cancellation needs ORC alone.

use medicines::{Problem, Request};

use super::map::order::{Detail, orders};
use super::map::rxe;
use super::source::Source;

const RXE: Detail = Detail { name: "RXE", timing: Some(1), unit: 5, read: rxe::read };

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    orders(source, &RXE)
}
