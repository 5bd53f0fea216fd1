//! Which items an order is for, and how much of an item one dose is.
//!
//! An order names its medicine by a local code or by dm+d; a pocket holds an item of the
//! formulary. Where both are in dm+d the release in use tells whether the item is what was ordered
//! and how many of its units a dose is, exactly. Nothing is rounded and nothing is guessed: what
//! cannot be told has a code that says why.

use rust_decimal::Decimal;
use terminology::{Index, Order};

use crate::Quantity;
use crate::formulary::Item;
use crate::state::OrderState;

/// Units that are measured out: of these a part of one can be taken.
const MEASURED: [&str; 8] = ["ml", "l", "g", "mg", "microgram", "unit", "units", "dose"];

/// One dose in units of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dose {
    /// What is given, exactly: half an ampoule is 0.5.
    pub exact: Decimal,
    /// What has to be taken for it: a whole ampoule, whose rest is wasted.
    pub taken: Decimal,
}

/// Why a dose cannot be told in units of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTold {
    /// The order tells no single dose.
    NoDose,
    /// The dose's unit and the item's have nothing to do with each other.
    Unit,
    /// dm+d would tell it, and no release is in use.
    NoDictionary,
    /// dm+d says why.
    Dictionary(terminology::Refusal),
}

impl NotTold {
    /// The code of the reason, as the interface writes it.
    pub fn code(self) -> String {
        match self {
            NotTold::NoDose => "no-dose".to_owned(),
            NotTold::Unit => "unit".to_owned(),
            NotTold::NoDictionary => "no-dictionary".to_owned(),
            NotTold::Dictionary(refusal) => refusal.to_string(),
        }
    }

    /// Whether the item is not what was ordered, so that another item may be.
    pub fn is_of_item(self) -> bool {
        use terminology::Refusal as R;
        matches!(
            self,
            NotTold::Dictionary(
                R::NotOrdered
                    | R::InvalidProduct
                    | R::Route
                    | R::Form
                    | R::ReleaseNotSaid
                    | R::BrandNeeded
            )
        )
    }
}

/// Whether the order is for the item: one of its codes names it, or dm+d says that the item is
/// what it names.
///
/// dm+d codes are compared by code, since senders write them as dm+d or as SNOMED CT.
pub(crate) fn is_for(
    order: &OrderState,
    item: &Item,
    item_system: &str,
    dictionary: Option<&Index>,
) -> bool {
    let named = order.codings.iter().any(|(system, code)| {
        (system == item_system && *code == item.code)
            || item.codings.iter().any(|(other, known)| known == code && same(system, other))
            || (is_medicines(system) && item.dmd.as_ref() == Some(code))
    });
    named
        || product(item, dictionary)
            .is_some_and(|(index, held)| ids(order).any(|ordered| index.is_of(ordered, held)))
}

/// The product that an item is, where dm+d tells it.
fn product<'a>(item: &Item, dictionary: Option<&'a Index>) -> Option<(&'a Index, u64)> {
    Some((dictionary?, item.dmd_id()?))
}

/// The dm+d ids by which an order names its medicine.
pub(crate) fn ids(order: &OrderState) -> impl Iterator<Item = u64> {
    let medicines = order.codings.iter().filter(|(system, _)| is_medicines(system));
    medicines.filter_map(|(_, code)| code.parse().ok())
}

fn is_medicines(system: &str) -> bool {
    system == fhir::systems::DMD || system == fhir::systems::SNOMED
}

fn same(a: &str, b: &str) -> bool {
    a == b || (is_medicines(a) && is_medicines(b))
}

/// A dose of the order in units of the item, where it is exact.
pub(crate) fn dose_of(
    dose: &Quantity,
    order: &OrderState,
    item: &Item,
    dictionary: Option<&Index>,
) -> Result<Dose, NotTold> {
    if let Some((index, held)) = product(item, dictionary) {
        let ordered = ids(order).find(|ordered| index.is_of(*ordered, held)).unwrap_or(held);
        let route = order.way.as_deref().and_then(|way| way.route.as_deref());
        let wanted = Order {
            product: ordered,
            dose: dose.value,
            unit: if dose.unit.is_empty() { &item.unit } else { &dose.unit },
            route: route.filter(|route| index.has_route(route)),
            form: order.way.as_deref().and_then(|way| way.form.as_deref()),
            halves: item.halves,
        };
        let fit = index.resolve_to(&wanted, held).map_err(NotTold::Dictionary)?;
        let (exact, taken) = fit.counted_in(&item.unit).ok_or(NotTold::Unit)?;
        return Ok(Dose { exact, taken });
    }
    units_of(dose, item).map(|exact| Dose { exact, taken: whole(exact, item) }).ok_or({
        let could = item.dmd.is_some() && dictionary.is_none();
        if could { NotTold::NoDictionary } else { NotTold::Unit }
    })
}

/// What has to be taken for an amount: whole pieces, unless it is measured out.
fn whole(exact: Decimal, item: &Item) -> Decimal {
    let unit = item.unit.to_lowercase();
    if MEASURED.contains(&unit.as_str()) { exact } else { exact.ceil() }
}

/// A quantity in units of the item: by the unit's name, or by mass and the item's strength.
pub(crate) fn units_of(quantity: &Quantity, item: &Item) -> Option<Decimal> {
    if quantity.unit.is_empty() || quantity.unit == item.unit.to_lowercase() {
        return Some(quantity.value);
    }
    quantity.count_of(item.strength.as_ref()?)
}
