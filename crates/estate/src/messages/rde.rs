//! RDE^O11: what the ePMA orders.

use super::{Envelope, pid, pv1, staff};
use crate::clock::zoned_stamp;
use crate::plan::Ask;
use crate::wire::text::{Segment, joined, message};
use crate::world::{Order, Patient};

/// The namespace of the placer's numbers (ORC-2.2).
pub(crate) const NAMESPACE: &str = "EPMA";

/// The order control of a request (HL7 table 0119).
fn control(ask: Ask) -> &'static str {
    match ask {
        Ask::New => "NW",
        Ask::Change => "XO",
        Ask::Hold => "HD",
        Ask::Resume => "RL",
        Ask::Stop => "DC",
        Ask::Cancel => "CA",
        Ask::Replaced => "RP",
        Ask::Replaces { .. } => "RO",
    }
}

/// The number of an order, as ORC-2.
pub(crate) fn number(order: u32) -> String {
    joined(&[&order.to_string(), NAMESPACE])
}

/// Writes what the ePMA tells of orders of one patient, in one message.
pub(crate) fn rde(envelope: &Envelope<'_>, patient: &Patient, orders: &[(Ask, Order)]) -> String {
    let mut segments = vec![
        envelope.header(&["RDE", "O11", "RDE_O11"]),
        pid(patient, envelope.site),
        pv1(patient, envelope.site),
    ];
    for (ask, order) in orders {
        segments.extend([
            orc(envelope, *ask, order),
            rxe(order),
            tq1(order),
            Segment::new("RXR").put(1, order.item().route),
        ]);
    }
    message(&segments)
}

fn orc(envelope: &Envelope<'_>, ask: Ask, order: &Order) -> Segment {
    let mut segment = Segment::new("ORC")
        .put(1, control(ask))
        .raw(2, number(order.number))
        .put(9, &zoned_stamp(envelope.at))
        .raw(10, staff(&order.prescriber))
        .raw(12, staff(&order.prescriber));
    if let Some(pharmacist) = &order.verified_by {
        segment = segment.raw(11, staff(pharmacist));
    }
    if let Ask::Replaces { old } = ask {
        segment = segment.raw(8, format!("{old}&{NAMESPACE}"));
    }
    if matches!(ask, Ask::Stop | Ask::Hold | Ask::Cancel) {
        segment = segment.parts(16, &["", "Clinical decision"]);
    }
    segment
}

/// RXE-2: the product or the moiety in dm+d, and for some orders the local code beside it.
fn give_code(order: &Order) -> String {
    let item = order.item();
    let moiety = item.name.split_whitespace().next().unwrap_or_default();
    let (code, name) = if order.by_moiety { (item.vtm(), moiety) } else { (item.vmp(), item.name) };
    if order.with_local {
        joined(&[&code, name, "DMD", item.code, item.name, "L"])
    } else {
        joined(&[&code, name, "DMD"])
    }
}

fn rxe(order: &Order) -> Segment {
    let (amount, unit) = order.dose();
    let mut segment =
        Segment::new("RXE").raw(2, give_code(order)).put(3, &amount.to_string()).put(5, unit);
    if let Some(most) = order.daily_most() {
        let (amount, unit) = Order { units: most, number: 1, ..order.clone() }.dose();
        segment = segment.parts(19, &[&amount.to_string(), unit]);
    }
    segment
}

fn tq1(order: &Order) -> Segment {
    let segment = Segment::new("TQ1")
        .put(1, "1")
        .put(3, &order.timing.code())
        .put(7, &zoned_stamp(order.begins));
    if order.timing.is_prn() { segment.put(9, "PRN") } else { segment.put(9, "R") }
}
