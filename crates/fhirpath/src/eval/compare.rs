//! Equality, equivalence and order of items (FHIRPath N1 §6.1, §6.2).

use std::cmp::Ordering;

use fhir::json::Kind;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{EvalError, wrong};
use crate::element::Element;
use crate::quantity::{CalendarUnit, Quantity, Unit};
use crate::value::Item;

/// Whether both are the same; `None` where that cannot be said.
pub(crate) fn equal(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    if let (Item::Element(a), Item::Element(b)) = (left, right)
        && !(a.has_value() && b.has_value())
    {
        return Some(same_element(*a, *b));
    }
    let (left, right) = (left.system()?, right.system()?);
    Some(match (&left, &right) {
        (Item::Boolean(a), Item::Boolean(b)) => a == b,
        (Item::String(a), Item::String(b)) => a == b,
        (Item::Integer(a), Item::Integer(b)) => a == b,
        (Item::Temporal(a), Item::Temporal(b)) => {
            if (a.kind == crate::TemporalKind::Time) != (b.kind == crate::TemporalKind::Time) {
                return Some(false);
            }
            return a.compare(*b).map(Ordering::is_eq);
        }
        (Item::Quantity(a), Item::Quantity(b)) => return equal_quantities(a, b),
        (Item::Type(a, b), Item::Type(c, d)) => a == c && b == d,
        (Item::Quantity(quantity), other) | (other, Item::Quantity(quantity)) => {
            let Some(number) = decimal(other) else {
                return Some(false);
            };
            return equal_quantities(quantity, &Quantity { value: number, unit: Unit::one() });
        }
        _ => match (decimal(&left), decimal(&right)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
    })
}

fn equal_quantities(left: &Quantity, right: &Quantity) -> Option<bool> {
    // A month of the calendar and UCUM's mean month cannot be compared (FHIRPath N1 §6.1.1).
    let calendar =
        |unit: &Unit| matches!(unit, Unit::Calendar(CalendarUnit::Month | CalendarUnit::Year));
    if calendar(&left.unit) != calendar(&right.unit) {
        return None;
    }
    match left.compare(right) {
        Some(order) => Some(order.is_eq()),
        None => Some(false),
    }
}

/// Whether both elements hold the same, but for the order of what is in objects.
fn same_element(left: Element<'_>, right: Element<'_>) -> bool {
    match (left.has_value(), right.has_value()) {
        (true, true) => return equal(&Item::Element(left), &Item::Element(right)) == Some(true),
        (false, false) => {}
        _ => return false,
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    left.children(&mut ours);
    right.children(&mut theirs);
    ours.len() == theirs.len()
        && ours.iter().all(|(name, one)| {
            // Of several with one name, those in the same place are compared.
            let place = ours.iter().filter(|(n, _)| n == name).position(|(_, e)| e == one);
            let other = theirs.iter().filter(|(n, _)| n == name).nth(place.unwrap_or(0));
            other.is_some_and(|(_, other)| same_element(*one, *other))
        })
}

/// Whether both collections are the same, item by item.
pub(crate) fn equal_collections(left: &[Item<'_>], right: &[Item<'_>]) -> Option<bool> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    if left.len() != right.len() {
        return Some(false);
    }
    let mut known = true;
    for (a, b) in left.iter().zip(right) {
        match equal(a, b) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => known = false,
        }
    }
    known.then_some(true)
}

/// Whether an item is in a collection.
pub(crate) fn contains(items: &[Item<'_>], item: &Item<'_>) -> bool {
    items.iter().any(|other| equal(other, item) == Some(true))
}

/// Whether both mean the same.
pub(crate) fn equivalent(left: &Item<'_>, right: &Item<'_>) -> bool {
    let (Some(a), Some(b)) = (left.system(), right.system()) else {
        return equal(left, right).unwrap_or(false);
    };
    match (&a, &b) {
        (Item::String(a), Item::String(b)) => folded(a) == folded(b),
        (Item::Quantity(a), Item::Quantity(b)) => {
            a.aligned(b).is_some_and(|(a, b)| equivalent_decimals(a, b))
        }
        (Item::Element(a), Item::Element(b)) => equivalent_elements(*a, *b),
        _ => match (decimal(&a), decimal(&b)) {
            (Some(a), Some(b)) => equivalent_decimals(a, b),
            _ => equal(&a, &b).unwrap_or(false),
        },
    }
}

fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Numbers are compared to the digits of the one that has fewer.
fn equivalent_decimals(left: Decimal, right: Decimal) -> bool {
    let digits = left.normalize().scale().min(right.normalize().scale());
    let round = |value: Decimal| {
        value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
    };
    round(left) == round(right)
}

fn equivalent_elements(left: Element<'_>, right: Element<'_>) -> bool {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    left.children(&mut ours);
    right.children(&mut theirs);
    let ids = |found: &mut Vec<(&str, Element<'_>)>| found.retain(|(name, _)| *name != "id");
    ids(&mut ours);
    ids(&mut theirs);
    ours.len() == theirs.len()
        && ours.iter().all(|(name, one)| {
            let mut others = theirs.iter().filter(|(n, _)| n == name);
            others.any(|(_, other)| equivalent(&Item::Element(*one), &Item::Element(*other)))
        })
}

/// Whether both collections mean the same in any order.
pub(crate) fn equivalent_collections(left: &[Item<'_>], right: &[Item<'_>]) -> bool {
    let mut rest: Vec<&Item<'_>> = right.iter().collect();
    left.len() == right.len()
        && left.iter().all(|item| match rest.iter().position(|other| equivalent(item, other)) {
            Some(at) => {
                rest.swap_remove(at);
                true
            }
            None => false,
        })
}

/// The number that an Integer or Decimal is.
pub(crate) fn decimal(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(value) => Some(Decimal::from(*value)),
        Item::Decimal(value) => Some(*value),
        _ => None,
    }
}

/// Which comes first; `None` where it cannot be said. Things that have no order are an error.
pub(crate) fn compare(left: &Item<'_>, right: &Item<'_>) -> Result<Option<Ordering>, EvalError> {
    let (Some(a), Some(b)) = (left.system(), right.system()) else {
        return Ok(None);
    };
    Ok(match (&a, &b) {
        (Item::String(a), Item::String(b)) => Some(a.cmp(b)),
        (Item::Temporal(a), Item::Temporal(b)) => a.compare(*b),
        (Item::Quantity(a), Item::Quantity(b)) => a.compare(b),
        (Item::Quantity(quantity), other) if decimal(other).is_some() => {
            let value = decimal(other).unwrap_or_default();
            quantity.compare(&Quantity { value, unit: Unit::one() })
        }
        _ => match (decimal(&a), decimal(&b)) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            // A date of FHIR that is none is a string, which has no order with a date.
            _ if matches!((&a, &b), (Item::Temporal(_), Item::String(_))) => None,
            _ => return wrong("these two have no order"),
        },
    })
}

/// Whether an element has something in it at all.
pub(crate) fn is_empty_object(element: Element<'_>) -> bool {
    element
        .value
        .is_some_and(|node| matches!(node.kind(), Kind::Object) && node.children().next().is_none())
}
