//! What an account holds of one item, by batch.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Lot;

/// The quantities of one item in one account, by batch, in the order of the batches; what is of
/// an unknown batch comes first. No line is zero.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lines(Vec<Lot>);

impl Lines {
    /// Adds a quantity, negative for what leaves, to the line of a batch.
    pub fn add(&mut self, batch: Option<&str>, quantity: Decimal) {
        match self.0.binary_search_by(|line| line.batch.as_deref().cmp(&batch)) {
            Ok(at) => {
                self.0[at].quantity += quantity;
                if self.0[at].quantity.is_zero() {
                    self.0.remove(at);
                }
            }
            Err(_) if quantity.is_zero() => {}
            Err(at) => self.0.insert(at, Lot { batch: batch.map(str::to_owned), quantity }),
        }
    }

    /// All batches together, in the item's unit.
    pub fn total(&self) -> Decimal {
        self.0.iter().map(|line| line.quantity).sum()
    }

    /// How much of one batch there is.
    pub fn of(&self, batch: Option<&str>) -> Decimal {
        let line = self.0.iter().find(|line| line.batch.as_deref() == batch);
        line.map_or(Decimal::ZERO, |line| line.quantity)
    }

    /// The lines, what is of an unknown batch first.
    pub fn iter(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    /// Whether there is nothing, above or below zero.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_comes_to_nothing_goes() {
        let mut lines = Lines::default();
        for (batch, quantity) in [(Some("L2"), 3), (None, 2), (Some("L1"), 1), (None, -2)] {
            lines.add(batch, Decimal::from(quantity));
        }
        let batches: Vec<_> = lines.iter().map(|line| line.batch.as_deref().unwrap()).collect();
        assert_eq!((batches, lines.total()), (vec!["L1", "L2"], Decimal::from(4)));
        assert_eq!((lines.of(Some("L2")), lines.of(None)), (Decimal::from(3), Decimal::ZERO));
        lines.add(Some("L1"), Decimal::ZERO);
        assert_eq!(lines.iter().count(), 2);
    }
}
