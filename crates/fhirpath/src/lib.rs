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
pub mod patch;
mod quantity;
mod temporal;
mod value;

use ast::{Expr, Op};

pub use ast::TypeName;
pub use element::{Element, elements};
pub use eval::{Context, EvalError, Host, Limits, NoHost};
pub use parser::{MAX_EXPRESSION_BYTES, ParseError};
pub use quantity::{CalendarUnit, Quantity, Unit, base_units};
pub use temporal::{Precision, Temporal, TemporalKind};
pub use value::Item;

/// A compiled expression.
#[derive(Debug)]
pub struct Expression {
    root: Expr,
}

impl Expression {
    /// Compiles an expression. Unknown functions and wrong numbers of arguments are errors here.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parser::parse(text).map(|root| Self { root })
    }

    /// The expression for resources of one type: alternatives (`|`) that begin with another
    /// resource type, of which nothing can come, are left out. Search parameters name dozens.
    #[must_use]
    pub fn for_type(self, ty: &str) -> Self {
        Self { root: prune(self.root, ty) }
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

fn prune(expr: Expr, ty: &str) -> Expr {
    let Expr::Binary(Op::Union, left, right) = expr else {
        return expr;
    };
    let (left, right) = (prune(*left, ty), prune(*right, ty));
    match (is_of_other(&left, ty), is_of_other(&right, ty)) {
        (false, false) => Expr::Binary(Op::Union, Box::new(left), Box::new(right)),
        // Where both are of others, either says so.
        (false, true) => left,
        (true, _) => right,
    }
}

/// Whether a path begins with a resource type that is not this one.
fn is_of_other(expr: &Expr, ty: &str) -> bool {
    match expr {
        Expr::Child(None, name) => {
            let all = fhir_definitions::r4();
            let named = all.resource(name);
            named.is_some() && &**name != ty
        }
        Expr::Child(Some(base), _)
        | Expr::Call(Some(base), ..)
        | Expr::At(base, _)
        | Expr::Type(_, Some(base), _) => is_of_other(base, ty),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
