//! How much of each substance one unit of a product holds.

use rust_decimal::Decimal;

use super::units;
use crate::index::Index;
use crate::kinds::DoseForm;
use crate::views::{Strength, Vmp};

/// A substance in a unit of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// The id of the substance that the amount counts: the base, where dm+d tells the strength by
    /// it.
    pub substance: u64,
    /// How much of it one unit holds; `None` where dm+d does not tell, or not exactly.
    pub amount: Option<(Decimal, &'a str)>,
}

impl Index {
    /// What one `unit` of a product holds of each substance: one tablet, one ampoule, one ml. Empty
    /// where the release has no such product; without amounts where the unit is not one of it.
    pub fn contents(&self, product: u64, unit: &str) -> Vec<Content<'_>> {
        let found = self.find(product).and_then(|found| found.product.vmp());
        let Some(vmp) = found else { return Vec::new() };
        let content = |strength: Strength<'_>| {
            let substance = strength.basis.or(strength.ingredient)?.id();
            Some((substance, amount(vmp, strength, unit)))
        };
        vmp.strengths()
            .filter_map(|strength| {
                let (substance, amount) = content(strength)?;
                let unit = strength.amount.map_or("", |(_, unit)| unit.name);
                Some(Content { substance, amount: amount.map(|amount| (amount, unit)) })
            })
            .collect()
    }

    /// How much of one unit an amount is, where both measure the same: `1 g` is 1000 of `mg`.
    pub fn convert(amount: Decimal, from: &str, to: &str) -> Option<Decimal> {
        units::convert(amount, from, to)
    }
}

/// The amount in one unit.
fn amount(vmp: Vmp<'_>, strength: Strength<'_>, unit: &str) -> Option<Decimal> {
    let (amount, _) = strength.amount?;
    match vmp.dose_form() {
        DoseForm::Discrete => {
            let piece = vmp.unit_dose()?;
            if !units::is_piece(unit, piece.name) {
                return None;
            }
            let Some((per, per_unit)) = strength.per else { return Some(amount) };
            let (size, size_unit) = vmp.unit_dose_size()?;
            let size = units::convert(size, size_unit.name, per_unit.name)?;
            units::divide(amount.checked_mul(size)?, per)
        }
        DoseForm::Continuous => {
            let (per, per_unit) = strength.per?;
            let one = units::convert(Decimal::ONE, unit, per_unit.name)?;
            units::divide(amount.checked_mul(one)?, per)
        }
        DoseForm::NotApplicable | DoseForm::Unknown(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::synthetic;

    #[test]
    fn a_unit_holds_so_much() {
        let index = synthetic::import().unwrap().index;
        let check = |name: &str, unit: &str, expected: &[&str]| {
            let vmp = index.vmps().find(|vmp| vmp.name() == name).expect(name);
            let contents = index.contents(vmp.id(), unit);
            let told: Vec<String> = contents
                .iter()
                .map(|content| match content.amount {
                    Some((amount, unit)) => format!("{amount} {unit}"),
                    None => "?".to_owned(),
                })
                .collect();
            assert_eq!(told, expected, "{name} by the {unit}");
        };
        check("Paracetamol 500mg tablets", "tablet", &["500 mg"]);
        check("Paracetamol 500mg tablets", "ml", &["?"]);
        check("Paracetamol 120mg/5ml oral suspension", "ml", &["24 mg"]);
        check("Paracetamol 120mg/5ml oral suspension", "bottle", &["?"]);
    }
}
