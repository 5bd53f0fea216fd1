//! Functions on numbers (FHIRPath N1 §5.7).

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, MathematicalOps, RoundingStrategy};

use super::compare::decimal;
use super::{Eval, EvalError, Items, Scope, single, wrong};
use crate::ast::Expr;
use crate::function::Function;
use crate::quantity::Quantity;
use crate::value::Item;

type Maybe<'t> = Result<Option<Items<'t>>, EvalError>;

impl<'t> Eval<'_, 't> {
    pub(super) fn math_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Maybe<'t> {
        if !is_math_function(function) {
            return Ok(None);
        }
        let Some(item) = single(input, function.name())?.and_then(Item::system) else {
            return Ok(Some(Vec::new()));
        };
        let argument = self.argument(arguments, 0, scope)?;
        let argument = single(&argument, function.name())?.and_then(Item::system);
        if !arguments.is_empty() && argument.is_none() {
            return Ok(Some(Vec::new()));
        }
        if let (Item::Quantity(quantity), Function::Abs) = (&item, function) {
            let value = quantity.value.abs();
            let unit = quantity.unit.clone();
            return Ok(Some(vec![Item::quantity(Quantity { value, unit })]));
        }
        let Some(value) = decimal(&item) else {
            return wrong(&format!("`{}` is for numbers", function.name()));
        };
        let argument = match &argument {
            None => None,
            Some(found) => match decimal(found) {
                Some(value) => Some(value),
                None => return wrong("the argument has to be a number"),
            },
        };
        self.spend(10)?;
        let is_integer = matches!(item, Item::Integer(_));
        let found = compute(function, value, argument, is_integer);
        Ok(Some(found.into_iter().collect()))
    }
}

fn is_math_function(function: Function) -> bool {
    matches!(
        function,
        Function::Abs
            | Function::Ceiling
            | Function::Exp
            | Function::Floor
            | Function::Ln
            | Function::Log
            | Function::Power
            | Function::Round
            | Function::Sqrt
            | Function::Truncate
    )
}

fn compute<'t>(
    function: Function,
    value: Decimal,
    argument: Option<Decimal>,
    is_integer: bool,
) -> Option<Item<'t>> {
    let integer = |value: Decimal| value.to_i64().map(Item::Integer);
    match function {
        Function::Abs if is_integer => integer(value.abs()),
        Function::Abs => Some(Item::Decimal(value.abs())),
        Function::Ceiling => integer(value.ceil()),
        Function::Floor => integer(value.floor()),
        Function::Truncate => integer(value.trunc()),
        Function::Exp => value.checked_exp().map(Item::Decimal),
        Function::Ln => value.checked_ln().map(Item::Decimal),
        Function::Log => logarithm(value, argument?).map(Item::Decimal),
        Function::Power => {
            let found = power(value, argument?)?;
            let whole = is_integer && argument?.fract().is_zero() && found.fract().is_zero();
            if whole { integer(found) } else { Some(Item::Decimal(found)) }
        }
        Function::Round => {
            let digits = argument.unwrap_or_default().to_u32()?.min(28);
            let away = RoundingStrategy::MidpointAwayFromZero;
            Some(Item::Decimal(value.round_dp_with_strategy(digits, away)))
        }
        _ => value.sqrt().map(Item::Decimal),
    }
}

/// The most digits after the point that a logarithm or root is exact to.
const EXACT_DIGITS: u32 = 20;

fn logarithm(value: Decimal, base: Decimal) -> Option<Decimal> {
    let found = value.checked_ln()?.checked_div(base.checked_ln()?)?;
    // The last digits of both logarithms are rounded, so those of their quotient are not exact.
    Some(found.round_dp(EXACT_DIGITS).normalize())
}

fn power(value: Decimal, exponent: Decimal) -> Option<Decimal> {
    if exponent.fract().is_zero() {
        return value.checked_powi(exponent.to_i64()?);
    }
    if value.is_sign_negative() {
        return None;
    }
    value.checked_powd(exponent)
}
