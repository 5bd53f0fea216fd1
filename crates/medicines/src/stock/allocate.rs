//! Which batches leave, when somebody takes some units from a place.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{Basis, Lines, Lot};

/// What leaves, and what that says about what the place held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocation {
    /// What leaves, by batch.
    pub(crate) lots: Vec<Lot>,
    /// How the batches are known.
    pub(crate) basis: Basis,
    /// What the ledger had under another batch, or under none, and is of the told batch.
    pub(crate) relabelled: Vec<Lot>,
    /// How much more leaves than the place held; it is among the lots.
    pub(crate) short: Decimal,
}

/// Finds which batches `units` out of `lines` are of: the one that was told, whatever the ledger
/// thought; else the only one; else the one that expires first, which is written down as assumed.
pub(crate) fn allocate(
    lines: &Lines,
    expiry: impl Fn(&str) -> Option<Date>,
    units: Decimal,
    told: Option<&str>,
) -> Allocation {
    let mut held: Vec<Lot> =
        lines.iter().filter(|line| line.quantity > Decimal::ZERO).cloned().collect();
    // An unknown date is taken to be the last, an unknown batch after all known ones.
    held.sort_by_key(|lot| {
        let date = lot.batch.as_deref().and_then(&expiry);
        (lot.batch.is_none(), date.is_none(), date, lot.batch.clone())
    });
    match told {
        Some(batch) => of_told(held, units, batch),
        None => of_held(&held, units),
    }
}

fn of_told(mut held: Vec<Lot>, units: Decimal, batch: &str) -> Allocation {
    let own = held.iter().position(|lot| lot.batch.as_deref() == Some(batch));
    let own = own.map_or(Decimal::ZERO, |at| held.remove(at).quantity);
    // What is of an unknown batch is the first to turn out to be this one.
    let unknown = held.last().is_some_and(|lot| lot.batch.is_none());
    held.rotate_right(usize::from(unknown));
    let missing = (units - own).max(Decimal::ZERO);
    let (relabelled, short) = cut(&held, missing);
    let lots = vec![Lot { batch: Some(batch.to_owned()), quantity: units }];
    Allocation { lots, basis: Basis::Known, relabelled, short }
}

fn of_held(held: &[Lot], units: Decimal) -> Allocation {
    let (mut lots, short) = cut(held, units);
    let basis = if held.len() > 1 && short.is_zero() { Basis::Assumed } else { Basis::Known };
    if short > Decimal::ZERO {
        match lots.iter_mut().find(|lot| lot.batch.is_none()) {
            Some(lot) => lot.quantity += short,
            None => lots.push(Lot { batch: None, quantity: short }),
        }
    }
    Allocation { lots, basis, relabelled: Vec::new(), short }
}

/// The first `units` of the lots, and how many they are too few.
fn cut(held: &[Lot], units: Decimal) -> (Vec<Lot>, Decimal) {
    let mut left = units;
    let mut lots = Vec::new();
    for lot in held {
        let quantity = lot.quantity.min(left);
        if quantity > Decimal::ZERO {
            lots.push(Lot { batch: lot.batch.clone(), quantity });
            left -= quantity;
        }
    }
    (lots, left)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lots as `L1:2 ?:3`.
    fn lots(text: &str) -> Vec<Lot> {
        let lot = |word: &str| {
            let (batch, quantity) = word.split_once(':').unwrap();
            let batch = (batch != "?").then(|| batch.to_owned());
            Lot { batch, quantity: quantity.parse().unwrap() }
        };
        text.split_whitespace().map(lot).collect()
    }

    #[track_caller]
    fn check(held: &str, units: i64, told: Option<&str>, expected: (&str, &str, i64, Basis)) {
        let mut lines = Lines::default();
        for lot in lots(held) {
            lines.add(lot.batch.as_deref(), lot.quantity);
        }
        // L2 expires before L1, and nobody knows when L3 does.
        let expiry = |batch: &str| match batch {
            "L1" => Some(jiff::civil::date(2027, 6, 30)),
            "L2" => Some(jiff::civil::date(2027, 1, 31)),
            _ => None,
        };
        let found = allocate(&lines, expiry, units.into(), told);
        let (leaves, relabelled, short, basis) = expected;
        let short = short.into();
        let expected =
            Allocation { lots: lots(leaves), basis, relabelled: lots(relabelled), short };
        assert_eq!(found, expected, "{units} of {told:?} from {held}");
    }

    #[test]
    fn batches_leave_as_told_or_by_their_date() {
        use Basis::{Assumed, Known};
        check("L1:5", 2, None, ("L1:2", "", 0, Known));
        check("?:5", 2, None, ("?:2", "", 0, Known));
        check("L1:5 L2:1", 2, None, ("L2:1 L1:1", "", 0, Assumed));
        check("L1:5 L3:5", 6, None, ("L1:5 L3:1", "", 0, Assumed));
        check("?:5 L3:1", 2, None, ("L3:1 ?:1", "", 0, Assumed));
        check("L1:5", 7, None, ("L1:5 ?:2", "", 2, Known));
        check("?:-3", 1, None, ("?:1", "", 1, Known));
        check("L1:5", 2, Some("L1"), ("L1:2", "", 0, Known));
        check("L1:1 ?:4", 2, Some("L1"), ("L1:2", "?:1", 0, Known));
        check("L1:1 ?:1 L2:4", 3, Some("L1"), ("L1:3", "?:1 L2:1", 0, Known));
        check("L2:1", 3, Some("L1"), ("L1:3", "L2:1", 2, Known));
        check("", 3, Some("L1"), ("L1:3", "", 3, Known));
    }
}
