//! Which item a code on a pack stands for, by the formulary alone.

use rust_decimal::Decimal;

use super::Item;
use crate::site::Site;

/// An item that a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// The item.
    pub item: &'a Item,
    /// How many of its units one scan stands for.
    pub units: Decimal,
}

/// The items that a trade item number or a local code stands for. Numbers of 8 to 14 digits are
/// the same with and without leading zeros, as scanners and catalogues write them differently.
pub fn find<'a>(site: &'a Site, code: &str) -> Vec<Known<'a>> {
    let gtin = gs1::Gtin::parse(code.as_bytes()).ok();
    let mut found = Vec::new();
    for item in &site.items {
        let by_number = gtin.is_some_and(|gtin| {
            item.barcodes.iter().any(|known| gs1::Gtin::parse(known.as_bytes()) == Ok(gtin))
        });
        let alias = item.aliases.iter().find(|alias| alias.code == code);
        if by_number || alias.is_some() {
            let units = alias.and_then(|alias| alias.units).unwrap_or(Decimal::ONE);
            found.push(Known { item, units });
        }
    }
    found
}
