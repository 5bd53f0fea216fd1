//! Measured amounts and stretches of time.

use crate::element::{codes, element};
use crate::primitives::{DateTime, Decimal};
use crate::systems;

codes! {
    /// How a quantity's number is to be understood (R4 quantity-comparator).
    pub enum Comparator {
        /// Less than the number.
        Less = "<",
        /// The number or less.
        LessOrEqual = "<=",
        /// The number or more.
        GreaterOrEqual = ">=",
        /// More than the number.
        Greater = ">",
    }
}

element! {
    /// An amount with its unit (R4 Quantity, SimpleQuantity, Duration and Age).
    pub struct Quantity {
        /// The number, exactly as it was written.
        value: Option<Decimal>,
        /// Only where the number is a bound.
        comparator: Option<Comparator>,
        /// The unit as people write it.
        unit: Option<String>,
        /// The code system of `code`.
        system: Option<String>,
        /// The unit as a code.
        code: Option<String>,
    }
}

impl Quantity {
    /// An amount in a UCUM unit, whose code is also shown.
    pub fn ucum(value: Decimal, unit: &str) -> Self {
        Self::of(value, unit, systems::UCUM, unit)
    }

    /// An amount in a coded unit.
    pub fn of(value: Decimal, unit: &str, system: &str, code: &str) -> Self {
        Self {
            value: Some(value),
            comparator: None,
            unit: Some(unit.to_owned()),
            system: Some(system.to_owned()),
            code: Some(code.to_owned()),
        }
    }
}

element! {
    /// From a low to a high amount, both included (R4 Range).
    pub struct Range {
        /// The least.
        low: Option<Quantity>,
        /// The most.
        high: Option<Quantity>,
    }
}

element! {
    /// One amount for each of another, such as millilitres in an hour (R4 Ratio).
    pub struct Ratio {
        /// What is counted.
        numerator: Option<Quantity>,
        /// For each of what.
        denominator: Option<Quantity>,
    }
}

element! {
    /// From a start to an end, both included to their precision (R4 Period).
    pub struct Period {
        /// When it began; absent means unknown.
        start: Option<DateTime>,
        /// When it ended; absent means that it goes on.
        end: Option<DateTime>,
    }
}
