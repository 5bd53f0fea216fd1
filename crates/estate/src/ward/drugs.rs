//! What the plan names of the formulary.

use rust_decimal::Decimal;

use crate::formulary::{FORMULARY, Timing};

/// The place of an item in the formulary.
pub(crate) fn index(code: &str) -> usize {
    FORMULARY.iter().position(|item| item.code == code).expect("the plan names items that are kept")
}

/// Ordinary medicines: the item, one dose in its units, how often.
pub(crate) const ORDINARY: [(&str, i64, Timing); 7] = [
    ("PARA500", 2, Timing::Qds),
    ("AMOX500", 1, Timing::Tds),
    ("OMEP20", 1, Timing::Od),
    ("FURO40", 1, Timing::Od),
    ("METF500", 1, Timing::Bd),
    ("LACT", 15, Timing::Bd),
    ("SALB25", 1, Timing::Qds),
];

/// The item of which a batch is recalled.
pub(crate) const RECALLED: &str = "FLUC500";
/// Its batch.
pub(crate) const RECALLED_BATCH: &str = "LR7001";
/// The item of which a batch is out of date.
pub(crate) const EXPIRED: &str = "ATOR20";
/// Its batch.
pub(crate) const EXPIRED_BATCH: &str = "LE6001";

/// Half a unit.
pub(crate) fn half() -> Decimal {
    Decimal::new(5, 1)
}

/// What is taken for a dose: pieces come whole.
pub(crate) fn taken(item: usize, dose: Decimal) -> Decimal {
    if FORMULARY[item].unit == "ml" { dose } else { dose.ceil() }
}
