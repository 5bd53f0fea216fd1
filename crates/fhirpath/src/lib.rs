//! FHIRPath (N1, with what R4 adds) over FHIR R4 JSON: compiled once, evaluated many times.
//!
//! An [`Expression`] is parsed once and kept. It is evaluated on a [`fhir::json::Tree`], which
//! borrows from the text of the resource; elements know their R4 type, so that `value` finds
//! `valueQuantity` and `is`, `as` and `ofType` answer by the standard. What lies outside the
//! resource (other resources, profiles, value sets, the time) is asked of a [`Host`].
//!
//! Everything is bounded ([`Limits`]): steps, depth, items and the length of strings. Regular
//! expressions run in linear time.

mod ast;
mod element;
mod eval;
mod function;
mod lexer;
mod parser;
mod quantity;
mod temporal;
mod value;

pub use ast::TypeName;
pub use element::{Element, elements};
pub use eval::{Context, EvalError, Host, Limits, NoHost};
pub use parser::{MAX_EXPRESSION_BYTES, ParseError};
pub use quantity::{CalendarUnit, Quantity, Unit};
pub use temporal::{Precision, Temporal, TemporalKind};
pub use value::Item;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    root: ast::Expr,
}

impl Expression {
    /// Compiles an expression. Unknown functions and wrong numbers of arguments are errors here.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(|root| Self { root })
    }

    /// Evaluates it on an element.
    pub fn evaluate<'t>(
        &self,
        context: &Context<'_, 't>,
        focus: Element<'t>,
    ) -> Result<Vec<Item<'t>>, EvalError> {
        eval::run(&self.root, context, focus)
    }

    /// Evaluates it to a truth value: a single item that is no Boolean counts as true, nothing
    /// does as `None` (FHIRPath N1 §5.5).
    pub fn holds<'t>(
        &self,
        context: &Context<'_, 't>,
        focus: Element<'t>,
    ) -> Result<Option<bool>, EvalError> {
        eval::truth(&self.evaluate(context, focus)?)
    }
}

#[cfg(test)]
mod tests;
