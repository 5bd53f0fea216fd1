//! Operators (FHIRPath N1 §6).

use rust_decimal::prelude::ToPrimitive;

use super::compare::{compare, contains, decimal, equal_collections, equivalent_collections};
use super::{Eval, EvalError, Evaluated, Items, Scope, single, truth, wrong};
use crate::ast::{Expr, Op};
use crate::quantity::{Quantity, Unit};
use crate::temporal::Temporal;
use crate::value::Item;

pub(super) fn negate<'t>(items: &[Item<'t>]) -> Evaluated<'t> {
    let Some(item) = single(items, "-")?.and_then(Item::system) else {
        return Ok(Vec::new());
    };
    Ok(match item {
        Item::Integer(value) => value.checked_neg().map(Item::Integer).into_iter().collect(),
        Item::Decimal(value) => vec![Item::Decimal(-value)],
        Item::Quantity(quantity) => {
            vec![Item::quantity(Quantity { value: -quantity.value, unit: quantity.unit })]
        }
        _ => return wrong("a minus sign stands before something that is no number"),
    })
}

pub(super) fn plus(items: Items<'_>) -> Evaluated<'_> {
    match single(&items, "+")?.and_then(Item::system) {
        None | Some(Item::Integer(_) | Item::Decimal(_) | Item::Quantity(_)) => Ok(items),
        _ => wrong("a plus sign stands before something that is no number"),
    }
}

fn boolean<'t>(value: Option<bool>) -> Items<'t> {
    value.map(Item::Boolean).into_iter().collect()
}

impl<'t> Eval<'_, 't> {
    pub(super) fn binary(
        &self,
        op: Op,
        left: &Expr,
        right: &Expr,
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        let left = self.eval(left, scope)?;
        if matches!(op, Op::And | Op::Or | Op::Xor | Op::Implies) {
            return self.logic(op, truth(&left)?, right, scope);
        }
        let right = self.eval(right, scope)?;
        self.spend(left.len() + right.len())?;
        Ok(match op {
            Op::Equal => boolean(equal_collections(&left, &right)),
            Op::NotEqual => boolean(equal_collections(&left, &right).map(|same| !same)),
            Op::Equivalent => boolean(Some(equivalent_collections(&left, &right))),
            Op::NotEquivalent => boolean(Some(!equivalent_collections(&left, &right))),
            Op::Union => self.union(&left, &right)?,
            Op::In => boolean(member(&left, &right)?),
            Op::Contains => boolean(member(&right, &left)?),
            Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
                boolean(order(op, &left, &right)?)
            }
            Op::Concatenate => {
                let text = |items: &[Item<'t>]| match single(items, "&")? {
                    None => Ok(String::new()),
                    Some(item) => match item.text() {
                        Some(text) => Ok(text.into_owned()),
                        None => wrong("`&` joins strings"),
                    },
                };
                let joined = text(&left)? + &text(&right)?;
                self.made(joined)?
            }
            _ => self.arithmetic(op, &left, &right)?,
        })
    }

    fn logic(
        &self,
        op: Op,
        left: Option<bool>,
        right: &Expr,
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        // What the left side alone decides is not evaluated further.
        match (op, left) {
            (Op::And, Some(false)) => return Ok(boolean(Some(false))),
            (Op::Or, Some(true)) | (Op::Implies, Some(false)) => return Ok(boolean(Some(true))),
            _ => {}
        }
        let right = truth(&self.eval(right, scope)?)?;
        Ok(boolean(match op {
            Op::And => match (left, right) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Op::Or => match (left, right) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Op::Xor => left.zip(right).map(|(left, right)| left != right),
            _ => match (left, right) {
                (_, Some(true)) => Some(true),
                (Some(true), found) => found,
                _ => None,
            },
        }))
    }

    /// Appends what is new.
    pub(super) fn union(&self, left: &[Item<'t>], right: &[Item<'t>]) -> Evaluated<'t> {
        let mut all: Items<'t> = Vec::with_capacity(left.len() + right.len());
        for item in left.iter().chain(right) {
            self.spend(all.len())?;
            if !contains(&all, item) {
                all.push(item.clone());
            }
        }
        Ok(all)
    }

    /// A string that was made, within the limit.
    pub(super) fn made(&self, text: String) -> Evaluated<'t> {
        if text.len() > self.context.limits.text {
            return Err(EvalError::TooCostly);
        }
        self.spend(text.len() / 64)?;
        Ok(vec![Item::String(text.into())])
    }

    fn arithmetic(&self, op: Op, left: &[Item<'t>], right: &[Item<'t>]) -> Evaluated<'t> {
        let (Some(left), Some(right)) = (single(left, "+")?, single(right, "+")?) else {
            return Ok(Vec::new());
        };
        let (Some(left), Some(right)) = (left.system(), right.system()) else {
            return Ok(Vec::new());
        };
        match (&left, &right, op) {
            (Item::String(a), Item::String(b), Op::Add) => self.made(format!("{a}{b}")),
            (Item::Temporal(date), Item::Quantity(by), Op::Add | Op::Subtract) => {
                Ok(moved(*date, by, op == Op::Subtract)?.into_iter().collect())
            }
            (Item::Quantity(a), Item::Quantity(b), _) => quantities(op, a, b),
            (Item::Quantity(a), b, Op::Multiply | Op::Divide) if decimal(b).is_some() => {
                let value = decimal(b).unwrap_or_default();
                quantities(op, a, &Quantity { value, unit: Unit::one() })
            }
            (Item::Integer(a), Item::Integer(b), _) if op != Op::Divide => {
                Ok(integers(op, *a, *b).into_iter().collect())
            }
            _ => match (decimal(&left), decimal(&right)) {
                (Some(a), Some(b)) => Ok(decimals(op, a, b).into_iter().collect()),
                _ => wrong("these two cannot be reckoned with"),
            },
        }
    }
}

fn member(item: &[Item<'_>], items: &[Item<'_>]) -> Result<Option<bool>, EvalError> {
    let Some(item) = single(item, "in")? else {
        return Ok(None);
    };
    Ok(Some(contains(items, item)))
}

fn order(op: Op, left: &[Item<'_>], right: &[Item<'_>]) -> Result<Option<bool>, EvalError> {
    let (Some(left), Some(right)) = (single(left, "<")?, single(right, "<")?) else {
        return Ok(None);
    };
    Ok(compare(left, right)?.map(|order| match op {
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn moved<'t>(date: Temporal, by: &Quantity, back: bool) -> Result<Option<Item<'t>>, EvalError> {
    let Some(unit) = by.unit.calendar() else {
        return wrong("a date is moved by a time");
    };
    let (value, unit) = if unit == crate::CalendarUnit::Second {
        // Only seconds count to their parts (FHIRPath N1 §6.6.7), as far as they are written.
        let finer = date.precision == crate::Precision::Millisecond
            && matches!(&by.unit, Unit::Calendar(_));
        if finer {
            let thousand = rust_decimal::Decimal::from(1000);
            (by.value.checked_mul(thousand), crate::CalendarUnit::Millisecond)
        } else {
            (Some(by.value), unit)
        }
    } else {
        (Some(by.value), unit)
    };
    let count = value.and_then(|value| value.trunc().to_i64());
    let count = count.and_then(|count| if back { count.checked_neg() } else { Some(count) });
    Ok(count.and_then(|count| date.add(count, unit)).map(Item::Temporal))
}

fn quantities<'t>(op: Op, left: &Quantity, right: &Quantity) -> Evaluated<'t> {
    let found = match op {
        Op::Add | Op::Subtract => left.aligned(right).and_then(|(a, b)| {
            let value = if op == Op::Add { a.checked_add(b) } else { a.checked_sub(b) };
            value.map(|value| Quantity { value, unit: left.unit.clone() })
        }),
        Op::Multiply => left.combine(right, false),
        Op::Divide => left.combine(right, true),
        _ => return wrong("quantities cannot be reckoned with so"),
    };
    Ok(found.map(Item::quantity).into_iter().collect())
}

fn integers<'t>(op: Op, left: i64, right: i64) -> Option<Item<'t>> {
    let found = match op {
        Op::Add => left.checked_add(right),
        Op::Subtract => left.checked_sub(right),
        Op::Multiply => left.checked_mul(right),
        Op::Div => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    found.map(Item::Integer)
}

fn decimals<'t>(
    op: Op,
    left: rust_decimal::Decimal,
    right: rust_decimal::Decimal,
) -> Option<Item<'t>> {
    match op {
        Op::Add => left.checked_add(right).map(Item::Decimal),
        Op::Subtract => left.checked_sub(right).map(Item::Decimal),
        Op::Multiply => left.checked_mul(right).map(Item::Decimal),
        Op::Divide => left.checked_div(right).map(Item::Decimal),
        Op::Div => left.checked_div(right)?.trunc().to_i64().map(Item::Integer),
        _ => left.checked_rem(right).map(Item::Decimal),
    }
}
