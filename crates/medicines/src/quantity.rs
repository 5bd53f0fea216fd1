//! Exact quantities with units.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An exact decimal with its unit, for instance `2 tablet` or `0.5 mg`.
///
/// Two quantities are added only when their units are the same text, or both are units of mass
/// that [`Quantity::in_unit_of`] converts exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantity {
    /// The amount; the sign has a meaning only where a field says so.
    pub value: Decimal,
    /// The unit as the formulary or the message writes it, in lower case.
    pub unit: String,
}

/// The most decimals that a number of units can have: a millionth of a unit is nobody's dose.
const MAX_COUNT_SCALE: u32 = 6;

/// Units of mass in micrograms, exact. Abbreviations that are unsafe to write are still read.
const MASS_UG: [(&str, Decimal); 11] = [
    ("kg", Decimal::from_parts(1_000_000_000, 0, 0, false, 0)),
    ("g", Decimal::from_parts(1_000_000, 0, 0, false, 0)),
    ("gram", Decimal::from_parts(1_000_000, 0, 0, false, 0)),
    ("mg", Decimal::from_parts(1_000, 0, 0, false, 0)),
    ("milligram", Decimal::from_parts(1_000, 0, 0, false, 0)),
    ("microgram", Decimal::ONE),
    ("ug", Decimal::ONE),
    ("mcg", Decimal::ONE),
    ("µg", Decimal::ONE),
    ("nanogram", Decimal::from_parts(1, 0, 0, false, 3)),
    ("ng", Decimal::from_parts(1, 0, 0, false, 3)),
];

/// The largest amount that a cabinet or the bedside may tell: a billion units are a slip of the
/// hand, and sums of them stay far inside what a decimal holds.
const MAX_AMOUNT: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Whether an amount can be taken over: not absurdly large, with six decimals at the most.
pub(crate) fn is_plausible(amount: Decimal) -> bool {
    amount.abs() <= MAX_AMOUNT && amount.normalize().scale() <= MAX_COUNT_SCALE
}

impl Quantity {
    /// A quantity whose unit is put into lower case, so that `TABLET` and `tablet` are one unit.
    pub fn new(value: Decimal, unit: &str) -> Self {
        Quantity { value, unit: unit.trim().to_lowercase() }
    }

    /// This amount in the unit of `other`, or `None` where no exact conversion is known.
    pub fn in_unit_of(&self, other: &Quantity) -> Option<Decimal> {
        if self.unit == other.unit {
            return Some(self.value);
        }
        let micrograms = |unit: &str| MASS_UG.iter().find(|(name, _)| *name == unit);
        let (from, to) = (micrograms(&self.unit)?.1, micrograms(&other.unit)?.1);
        self.value.checked_mul(from)?.checked_div(to)
    }

    /// How many of `each` make this quantity: `1 g` is two of `500 mg`.
    pub fn count_of(&self, each: &Quantity) -> Option<Decimal> {
        if each.value <= Decimal::ZERO {
            return None;
        }
        let count = self.in_unit_of(each)?.checked_div(each.value)?.normalize();
        // A quotient with more decimals was rounded, and is not an exact count.
        (count.scale() <= MAX_COUNT_SCALE).then_some(count)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.value.normalize(), self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        let (value, unit) = text.split_once(' ').unwrap();
        Quantity::new(value.parse().unwrap(), unit)
    }

    fn check(dose: &str, each: &str, expected: Option<&str>) {
        let count = quantity(dose).count_of(&quantity(each));
        assert_eq!(count, expected.map(|text| text.parse().unwrap()), "{dose} of {each}");
    }

    #[test]
    fn counts_are_exact_or_absent() {
        check("1 g", "500 mg", Some("2"));
        check("100 microgram", "0.1 mg", Some("1"));
        check("750 mg", "500 mg", Some("1.5"));
        check("2 tablet", "1 tablet", Some("2"));
        check("5 ml", "500 mg", None);
        check("1 g", "0 mg", None);
        check("10 mg", "3 mg", None);
    }
}
