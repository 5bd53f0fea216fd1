//! Stock that was sent and has not arrived: which consignments a place waits for.

use fhir::Id;
use rust_decimal::Decimal;

use crate::state::State;

/// How a consignment to a cabinet is addressed: whichever pocket it is put into.
pub(crate) fn to_cabinet(cabinet: &str) -> String {
    format!("cabinet:{cabinet}")
}

/// The consignments of an item on their way to a cabinet, the oldest first, each with what has
/// not arrived of it; those of another batch than the one told are left out.
pub(crate) fn arrivals(
    state: &State,
    cabinet: &str,
    item: &str,
    batch: Option<&str>,
) -> Vec<(Id, Decimal)> {
    let towards = to_cabinet(cabinet);
    let mut found: Vec<_> = state
        .consignments()
        .filter(|sent| {
            let transfer = &sent.transfer;
            let same = |(sent, _): (Option<&str>, Decimal)| {
                sent.is_none() || batch.is_none() || sent == batch
            };
            transfer.item == item
                && transfer.towards.as_ref() == Some(&towards)
                && transfer.parts().any(same)
                && !sent.is_over()
        })
        .map(|sent| (sent.transfer.activity, sent.transfer.id.clone(), sent.left))
        .collect();
    found.sort();
    found.into_iter().map(|(_, id, left)| (id, left)).collect()
}
