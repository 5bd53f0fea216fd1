//! Right route: a vinca alkaloid is never given into the spine (NPSA rapid response RRR004, 2008),
//! and an order whose route dm+d does not know is not given as if its route had been judged.

use super::super::scan::{Finding, Outcome};
use super::{Bedside, found};

/// What the names of vinca alkaloids begin with.
const VINCAS: [&str; 5] = ["vincristine", "vinblastine", "vindesine", "vinorelbine", "vinflunine"];
/// Routes into the spine, as dm+d names them and as SNOMED CT codes them.
const SPINAL: [&str; 4] = ["intrathecal", "epidural", "72607000", "404820008"];

pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    let route = bedside.order.way.as_deref().and_then(|way| way.route.as_deref());
    let spinal = route.is_some_and(|route| SPINAL.iter().any(|it| route.eq_ignore_ascii_case(it)));
    if spinal && is_vinca(bedside) {
        let text = "Vinca alkaloids kill by this route. Stop, and call the prescriber.";
        return found("route", "vinca-spinal", Outcome::Block, text);
    }
    if route.is_some_and(|route| is_unknown(bedside, route)) {
        let text = "dm+d does not know the route of this order, so that it was not compared with \
                    the product's: compare it by eye, and tell the pharmacy.";
        return found("route", "route-unknown", Outcome::Warn, text);
    }
    Vec::new()
}

/// Whether dm+d lists the routes of what is given, and not the one that is ordered.
fn is_unknown(bedside: &Bedside<'_>, route: &str) -> bool {
    let product = bedside.dictionary.zip(bedside.item.dmd_id());
    product.is_some_and(|(index, id)| {
        let vmp = index.find(id).and_then(|found| found.product.vmp());
        vmp.is_some_and(|vmp| vmp.routes().next().is_some()) && !index.has_route(route)
    })
}

fn is_vinca(bedside: &Bedside<'_>) -> bool {
    let named = |name: &str| VINCAS.iter().any(|vinca| name.to_lowercase().contains(vinca));
    let product = bedside.dictionary.zip(bedside.item.dmd_id());
    let vtm = product.and_then(|(index, id)| index.find(id)?.product.vtm());
    named(&bedside.item.name) || vtm.is_some_and(|vtm| named(vtm.name()))
}
