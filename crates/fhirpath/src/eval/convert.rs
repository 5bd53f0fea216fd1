//! Conversions (FHIRPath N1 §5.5).

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{Eval, EvalError, Items, Scope, single};
use crate::ast::Expr;
use crate::function::Function;
use crate::quantity::{CalendarUnit, Quantity, Unit};
use crate::temporal::{Temporal, TemporalKind};
use crate::value::Item;

impl<'t> Eval<'_, 't> {
    pub(super) fn conversion_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Result<Option<Items<'t>>, EvalError> {
        let (target, asks) = match function {
            Function::ConvertsToBoolean => (Function::ToBoolean, true),
            Function::ConvertsToInteger => (Function::ToInteger, true),
            Function::ConvertsToDecimal => (Function::ToDecimal, true),
            Function::ConvertsToString => (Function::ToString, true),
            Function::ConvertsToDate => (Function::ToDate, true),
            Function::ConvertsToDateTime => (Function::ToDateTime, true),
            Function::ConvertsToTime => (Function::ToTime, true),
            Function::ConvertsToQuantity => (Function::ToQuantity, true),
            Function::ToBoolean
            | Function::ToInteger
            | Function::ToDecimal
            | Function::ToString
            | Function::ToDate
            | Function::ToDateTime
            | Function::ToTime
            | Function::ToQuantity => (function, false),
            _ => return Ok(None),
        };
        let Some(item) = single(input, function.name())?.and_then(Item::system) else {
            return Ok(Some(Vec::new()));
        };
        let mut found = convert(&item, target);
        let unit = self.argument(arguments, 0, scope)?;
        if let Some(unit) = single(&unit, function.name())?.and_then(Item::text) {
            found = found.and_then(|found| in_unit(&found, &unit));
        }
        Ok(Some(if asks {
            vec![Item::Boolean(found.is_some())]
        } else {
            found.into_iter().collect()
        }))
    }
}

fn convert<'t>(item: &Item<'t>, target: Function) -> Option<Item<'t>> {
    match target {
        Function::ToBoolean => boolean(item).map(Item::Boolean),
        Function::ToInteger => integer(item).map(Item::Integer),
        Function::ToDecimal => number(item).map(Item::Decimal),
        Function::ToString => text(item).map(|text| Item::String(text.into())),
        Function::ToQuantity => quantity(item).map(Item::quantity),
        _ => temporal(item, target).map(Item::Temporal),
    }
}

fn boolean(item: &Item<'_>) -> Option<bool> {
    match item {
        Item::Boolean(value) => Some(*value),
        Item::Integer(1) => Some(true),
        Item::Integer(0) => Some(false),
        Item::Decimal(value) if *value == Decimal::ONE => Some(true),
        Item::Decimal(value) if value.is_zero() => Some(false),
        Item::String(text) => match text.to_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn integer(item: &Item<'_>) -> Option<i64> {
    match item {
        Item::Integer(value) => Some(*value),
        Item::Boolean(value) => Some(i64::from(*value)),
        Item::Decimal(value) if value.fract().is_zero() => value.to_i64(),
        Item::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn number(item: &Item<'_>) -> Option<Decimal> {
    match item {
        Item::Integer(value) => Some(Decimal::from(*value)),
        Item::Decimal(value) => Some(*value),
        Item::Boolean(value) => Some(Decimal::from(i64::from(*value))),
        Item::String(text) => {
            let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
            let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
            let form = match unsigned.split_once('.') {
                Some((whole, fraction)) => digits(whole) && digits(fraction),
                None => digits(unsigned),
            };
            if form { text.parse().ok() } else { None }
        }
        _ => None,
    }
}

fn text(item: &Item<'_>) -> Option<String> {
    Some(match item {
        Item::Boolean(value) => value.to_string(),
        Item::Integer(value) => value.to_string(),
        Item::Decimal(value) => value.to_string(),
        Item::String(text) => text.to_string(),
        Item::Temporal(temporal) => temporal.to_string(),
        Item::Quantity(quantity) => quantity.to_string(),
        Item::Element(_) | Item::Type(..) => return None,
    })
}

fn temporal(item: &Item<'_>, target: Function) -> Option<Temporal> {
    match (item, target) {
        (Item::Temporal(found), Function::ToTime) => {
            (found.kind == TemporalKind::Time).then_some(*found)
        }
        (Item::Temporal(found), _) if found.kind == TemporalKind::Time => None,
        (Item::Temporal(found), Function::ToDate) => Some(found.with_kind(TemporalKind::Date)),
        (Item::Temporal(found), _) => Some(found.with_kind(TemporalKind::DateTime)),
        (Item::String(text), Function::ToTime) => {
            Temporal::parse_time(text.strip_prefix('T').unwrap_or(text))
        }
        (Item::String(text), Function::ToDate) => {
            Temporal::parse_date_time(text).map(|found| found.with_kind(TemporalKind::Date))
        }
        (Item::String(text), _) => Temporal::parse_date_time(text),
        _ => None,
    }
}

fn quantity(item: &Item<'_>) -> Option<Quantity> {
    match item {
        Item::Quantity(found) => Some((**found).clone()),
        Item::String(text) => parse_quantity(text),
        other => number(other).map(|value| Quantity { value, unit: Unit::one() }),
    }
}

/// `4`, `4 'mg'` or `4 days` (FHIRPath N1 §5.5.7).
fn parse_quantity(text: &str) -> Option<Quantity> {
    let (digits, unit) = match text.find(' ') {
        Some(at) => (&text[..at], text[at..].trim_start()),
        None => (text, ""),
    };
    let value = number(&Item::String(digits.to_owned().into()))?;
    let unit = if unit.is_empty() {
        Unit::one()
    } else if let Some(code) = unit.strip_prefix('\'').and_then(|u| u.strip_suffix('\'')) {
        Unit::Ucum(code.into())
    } else {
        Unit::Calendar(CalendarUnit::parse(unit)?)
    };
    Some(Quantity { value, unit })
}

fn in_unit<'t>(found: &Item<'t>, unit: &str) -> Option<Item<'t>> {
    let Item::Quantity(quantity) = found else {
        return None;
    };
    let unit = Unit::ucum(unit);
    let one = Quantity { value: Decimal::ONE, unit: unit.clone() };
    let (_, value) = one.aligned(quantity)?;
    Some(Item::quantity(Quantity { value, unit }))
}
