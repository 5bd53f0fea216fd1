//! Right medicine: what was scanned is what was ordered, of the brand where the order is of one.

use std::sync::Arc;

use super::super::read::Pack;
use super::super::scan::{Finding, Outcome, Scan};
use super::{Bedside, found};
use crate::command::Context;
use crate::formulary::Item;
use crate::orders::{LiveOrder, dose_of, is_for, ordered_ids};
use crate::patients::identifier_key;
use crate::site::Site;
use crate::state::{OrderState, PatientState, State};

/// The order and the item that the packs are for: what was named, else the only live order that
/// one of the scanned items fits.
pub(in super::super) fn find_order<'a>(
    state: &mut State,
    site: &'a Site,
    ctx: &Context,
    (scan, packs, patient): (&Scan, &[Pack<'a>], &PatientState),
) -> Result<(Arc<OrderState>, &'a Item), Finding> {
    let block = |code: &str, text: &str| Finding::new("medicine", code, Outcome::Block, text);
    let items = items(site, scan, packs)?;
    let named = scan.order.as_ref().and_then(identifier_key);
    let orders: Vec<Arc<OrderState>> = match (&scan.order, named) {
        (Some(_), key) => key.and_then(|key| state.order_by(&key)).into_iter().collect(),
        (None, _) => patient.orders.iter().filter_map(|id| state.order(id)).collect(),
    };
    if scan.order.is_some() && orders.iter().all(|order| order.patient != patient.id) {
        let text = "The order is another patient's, or nobody knows it.";
        return Err(Finding::new("patient", "wrong-patient", Outcome::Block, text));
    }
    let system = site.item_system();
    let mut fits: Vec<(Arc<OrderState>, &Item)> = Vec::new();
    for order in &orders {
        for item in &items {
            if is_for(order, item, &system, ctx.dictionary()) {
                fits.push((Arc::clone(order), item));
            }
        }
    }
    if fits.len() > 1 {
        let live =
            |order: &OrderState| LiveOrder::check(order, scan.activity, &site.policies).is_ok();
        let told = |order: &OrderState, item: &Item| {
            let dose = order.step_at(scan.activity).and_then(|step| step.dose);
            dose.is_some_and(|dose| dose_of(dose, order, item, ctx.dictionary()).is_ok())
        };
        fits.retain(|(order, item)| live(order) && told(order, item));
    }
    match fits.len() {
        0 if scan.order.is_some() => {
            Err(block("not-ordered", "This is not what was ordered: put it back."))
        }
        0 => Err(block("not-ordered", "The patient has no order for this: put it back.")),
        1 => Ok(fits.swap_remove(0)),
        _ => Err(block("ambiguous-order", "More than one order fits: name the order.")),
    }
}

/// The items that every pack may be.
fn items<'a>(site: &'a Site, scan: &Scan, packs: &[Pack<'a>]) -> Result<Vec<&'a Item>, Finding> {
    if let [first, rest @ ..] = packs {
        let mut items = first.items.clone();
        items.retain(|item| rest.iter().all(|pack| pack.items.contains(item)));
        if items.is_empty() && !first.items.is_empty() {
            let text = "The packs are of different medicines: give one after the other.";
            return Err(Finding::new("medicine", "mixed-packs", Outcome::Block, text));
        }
        return Ok(items);
    }
    let item = scan.item.as_deref().and_then(|code| site.item(code));
    item.map(|item| vec![item]).ok_or_else(|| {
        let text = "Scan the pack, or choose the item where it has no code.";
        Finding::new("medicine", "nothing-scanned", Outcome::Block, text)
    })
}

/// The pack itself is of the ordered brand; an item chosen by hand is looked at by eye.
pub(super) fn check(bedside: &Bedside<'_>) -> Vec<Finding> {
    if bedside.packs.is_empty() {
        let text = "The pack was not scanned: compare name, strength, batch and expiry by eye.";
        return found("medicine", "pack-not-scanned", Outcome::Warn, text);
    }
    let Some(index) = bedside.dictionary else { return Vec::new() };
    let ordered: Vec<u64> =
        ordered_ids(bedside.order).filter(|id| index.find(*id).is_some()).collect();
    let another = bedside.packs.iter().filter_map(|pack| pack.product).any(|product| {
        !ordered.is_empty() && !ordered.iter().any(|ordered| index.is_of(*ordered, product))
    });
    if another {
        let text = "The pack is of another brand, strength or form than was ordered.";
        return found("medicine", "wrong-product", Outcome::Block, text);
    }
    Vec::new()
}
