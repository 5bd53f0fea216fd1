//! Navigation, time, boundaries and types (FHIRPath N1 §5.8, §5.9 and its additions).

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{Eval, EvalError, Evaluated, Items, Scope, single, whole, wrong};
use crate::ast::Expr;
use crate::function::Function;
use crate::quantity::Quantity;
use crate::temporal::TemporalKind;
use crate::value::Item;

impl<'t> Eval<'_, 't> {
    pub(super) fn utility_function(
        &self,
        input: Items<'t>,
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        match function {
            Function::Children => {
                let mut found = Vec::new();
                for element in input.iter().filter_map(Item::element) {
                    element.children(&mut found);
                    self.spend(found.len())?;
                }
                Ok(found.into_iter().map(|(_, element)| Item::Element(element)).collect())
            }
            Function::Descendants => self.descendants(&input),
            Function::Trace => {
                for (index, item) in input.iter().enumerate() {
                    if let Some(projection) = arguments.get(1) {
                        self.lambda(projection, item, index, scope)?;
                    }
                }
                Ok(input)
            }
            Function::Now | Function::Today | Function::TimeOfDay => {
                let now = self.context.host.now();
                let now = now.map(|now| match function {
                    Function::Today => now.with_kind(TemporalKind::Date),
                    Function::TimeOfDay => now.time_of_day(),
                    _ => now,
                });
                Ok(now.map(Item::Temporal).into_iter().collect())
            }
            Function::LowBoundary | Function::HighBoundary => {
                let digits = self.argument(arguments, 0, scope)?;
                let digits = match single(&digits, function.name())?.and_then(Item::system) {
                    None => None,
                    Some(Item::Integer(digits)) => Some(digits),
                    Some(_) => return wrong("the precision is an Integer"),
                };
                boundary(&input, digits, function == Function::HighBoundary)
            }
            Function::Precision => precision(&input),
            Function::Comparable => {
                let other = self.argument(arguments, 0, scope)?;
                let left = single(&input, "comparable")?.and_then(Item::system);
                let right = single(&other, "comparable")?.and_then(Item::system);
                match (left, right) {
                    (Some(Item::Quantity(left)), Some(Item::Quantity(right))) => {
                        Ok(vec![Item::Boolean(left.comparable(&right))])
                    }
                    (None, _) | (_, None) => Ok(Vec::new()),
                    _ => wrong("`comparable` is for quantities"),
                }
            }
            Function::Type => Ok(input
                .iter()
                .map(|item| {
                    let (namespace, name) = item.type_name();
                    Item::Type(namespace, name.into())
                })
                .collect()),
            other => wrong(&format!("`{}` has no meaning here", other.name())),
        }
    }
}

/// The digits after the point to which boundaries are worked out where none are asked for.
const BOUNDARY_DIGITS: i64 = 8;

fn boundary<'t>(input: &[Item<'t>], digits: Option<i64>, high: bool) -> Evaluated<'t> {
    let Some(item) = single(input, "boundary")?.and_then(Item::system) else {
        return Ok(Vec::new());
    };
    let found = match item {
        Item::Temporal(temporal) => temporal.boundary(digits, high).map(Item::Temporal),
        Item::Integer(value) => edge(Decimal::from(value), digits, high).map(Item::Decimal),
        Item::Decimal(value) => edge(value, digits, high).map(Item::Decimal),
        Item::Quantity(quantity) => edge(quantity.value, digits, high)
            .map(|value| Item::quantity(Quantity { value, unit: quantity.unit.clone() })),
        _ => return wrong("boundaries are of numbers, dates and quantities"),
    };
    Ok(found.into_iter().collect())
}

/// The least or greatest number that is written as this one, to so many digits after the point.
fn edge(value: Decimal, digits: Option<i64>, high: bool) -> Option<Decimal> {
    let digits = digits.unwrap_or(BOUNDARY_DIGITS).to_u32().filter(|digits| *digits <= 28)?;
    let half = Decimal::new(5, value.scale().checked_add(1).filter(|scale| *scale <= 28)?);
    let exact = if high { value.checked_add(half)? } else { value.checked_sub(half)? };
    let (towards, cut) = if high {
        (RoundingStrategy::ToPositiveInfinity, RoundingStrategy::ToZero)
    } else {
        (RoundingStrategy::ToNegativeInfinity, RoundingStrategy::ToZero)
    };
    // A number that is nothing but zeros to that many digits stays so.
    let coarse = digits < value.scale() && value.round_dp_with_strategy(digits, cut).is_zero();
    let strategy = if coarse { cut } else { towards };
    let mut found = exact.round_dp_with_strategy(digits, strategy);
    found.rescale(digits);
    (found.scale() == digits).then_some(found)
}

fn precision<'t>(input: &[Item<'t>]) -> Result<Items<'t>, EvalError> {
    let Some(item) = single(input, "precision")?.and_then(Item::system) else {
        return Ok(Vec::new());
    };
    Ok(match item {
        Item::Temporal(temporal) => vec![Item::Integer(temporal.digits())],
        Item::Decimal(value) => vec![Item::Integer(i64::from(value.scale()))],
        Item::Integer(_) => vec![whole(0)],
        _ => return wrong("`precision` is of numbers and dates"),
    })
}
