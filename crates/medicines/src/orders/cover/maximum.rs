//! The most of a substance in 24 hours: the order's own, and the item's.
//!
//! It counts what the patient got of the substance on whatever order, by whatever route, from
//! whatever cabinet, alone or in a combination product. dm+d tells which products hold it and how
//! much; without it only the same item counts, because nothing else is known of the others. What
//! the formulary says at one item of a substance holds for every product of it.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use terminology::{Content, Index};

use super::{Asked, NotCovered};
use crate::Quantity;
use crate::formulary::Item;
use crate::orders::dose::{NotTold, dose_of};
use crate::state::Recent;

/// The span of a daily maximum.
const DAY: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn check(asked: &Asked<'_>) -> Result<(), NotCovered> {
    let item = asked.wanted.item;
    if let Some(own) = asked.step.maximum {
        within(asked, own)?;
    }
    let product = asked.wanted.dictionary.zip(item.dmd_id());
    let held = product.map(|(index, id)| (index, index.contents(id, &item.unit)));
    match held.filter(|(_, contents)| !contents.is_empty()) {
        Some((index, contents)) => {
            contents.iter().try_for_each(|content| of_site(asked, index, content))
        }
        None => item.maximum.iter().try_for_each(|limit| within(asked, limit)),
    }
}

/// The order's maximum, or the item's where dm+d does not tell what it holds.
fn within(asked: &Asked<'_>, limit: &Quantity) -> Result<(), NotCovered> {
    let item = asked.wanted.item;
    let substance = asked.wanted.dictionary.and_then(|index| Substance::only(index, item));
    if let Some(substance) = substance {
        // A limit in units of the item is one in units of the substance.
        let most = substance.amount_of(limit, item).ok_or(untold())?;
        return substance.check(asked, most);
    }
    let most = dose_of(limit, asked.order, item, asked.wanted.dictionary);
    let most = most.map_err(NotCovered::NotTold)?.exact;
    let same = day(asked).filter(|one| *one.item == *item.code);
    let taken: Decimal = same.map(|one| one.units).sum();
    if taken + given(asked) <= most { Ok(()) } else { Err(NotCovered::MaximumReached) }
}

/// The least that the formulary says of a substance, at whichever item that holds nothing else.
fn of_site(asked: &Asked<'_>, index: &Index, content: &Content<'_>) -> Result<(), NotCovered> {
    let limited = asked.wanted.site.items.iter().filter_map(|item| {
        let limit = item.maximum.as_ref()?;
        let of = Substance::only(index, item).filter(|of| of.id == content.substance)?;
        Some((of.amount_of(limit, item), of.unit))
    });
    for (most, unit) in limited {
        let (each, of) = content.amount.ok_or(untold())?;
        let each = Index::convert(each, of, unit).ok_or(untold())?;
        let substance = Substance { index, id: content.substance, each, unit };
        substance.check(asked, most.ok_or(untold())?)?;
    }
    Ok(())
}

/// What the patient got in the day that ends now.
fn day<'a>(asked: &Asked<'a>) -> impl Iterator<Item = &'a Recent> + use<'a> {
    let (at, since) = (asked.at, asked.at.saturating_sub(DAY).unwrap_or(Timestamp::MIN));
    asked.wanted.recent.iter().filter(move |one| one.at > since && one.at <= at)
}

fn untold() -> NotCovered {
    NotCovered::NotTold(NotTold::Unit)
}

/// What is given of what is asked: a dose that is a part of an ampoule counts as the part.
fn given(asked: &Asked<'_>) -> Decimal {
    let units = asked.wanted.units;
    if units == asked.dose.taken { asked.dose.exact } else { units }
}

/// A substance of an item, and how much one unit holds.
struct Substance<'a> {
    index: &'a Index,
    id: u64,
    each: Decimal,
    unit: &'a str,
}

impl<'a> Substance<'a> {
    /// The only one; none where dm+d does not know the item, or tells several or no amount.
    fn only(index: &'a Index, item: &Item) -> Option<Self> {
        let contents = index.contents(item.dmd_id()?, &item.unit);
        let [only] = contents.as_slice() else { return None };
        let (each, unit) = only.amount?;
        Some(Substance { index, id: only.substance, each, unit })
    }

    /// A quantity of the item, or of the substance, in the substance's unit.
    fn amount_of(&self, quantity: &Quantity, item: &Item) -> Option<Decimal> {
        if quantity.unit.is_empty() || quantity.unit.eq_ignore_ascii_case(&item.unit) {
            return quantity.value.checked_mul(self.each);
        }
        Index::convert(quantity.value, &quantity.unit, self.unit)
    }

    /// Whether what was taken of it in all products, with what is asked, stays within a limit.
    fn check(&self, asked: &Asked<'_>, most: Decimal) -> Result<(), NotCovered> {
        let mut sum = self.each.checked_mul(given(asked)).ok_or(untold())?;
        for one in day(asked) {
            let item = asked.wanted.site.item(&one.item);
            let product = item.and_then(|item| Some((item.dmd_id()?, &item.unit)));
            let Some((product, unit)) = product else { continue };
            for content in self.index.contents(product, unit) {
                if content.substance != self.id {
                    continue;
                }
                let amount = content.amount.and_then(|(each, of)| {
                    Index::convert(each.checked_mul(one.units)?, of, self.unit)
                });
                // A product that holds it, nobody can tell how much: a person has to decide.
                sum = amount.and_then(|amount| sum.checked_add(amount)).ok_or(untold())?;
            }
        }
        if sum <= most { Ok(()) } else { Err(NotCovered::MaximumReached) }
    }
}
