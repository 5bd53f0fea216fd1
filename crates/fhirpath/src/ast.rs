//! What an expression is after parsing.

use crate::function::Function;
use crate::value::Item;

/// A part of an expression.
#[derive(Debug)]
pub(crate) enum Expr {
    /// `{}`
    Empty,
    /// A value that is written out.
    Literal(Item<'static>),
    /// `$this`
    This,
    /// `$index`
    Index,
    /// `$total`
    Total,
    /// `%name`
    Variable(Box<str>),
    /// Elements by name, of what is before the point or of the focus.
    Child(Option<Box<Expr>>, Box<str>),
    /// A function.
    Call(Option<Box<Expr>>, Function, Vec<Expr>),
    /// `[index]`
    At(Box<Expr>, Box<Expr>),
    /// A minus sign before something.
    Negate(Box<Expr>),
    /// A plus sign before something.
    Plus(Box<Expr>),
    /// An operator between two.
    Binary(Op, Box<Expr>, Box<Expr>),
    /// A question for the type: the operators and the functions `is`, `as` and `ofType`.
    Type(TypeOp, Option<Box<Expr>>, TypeName),
}

/// What is asked of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeOp {
    Is,
    As,
    OfType,
}

/// A type that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// `FHIR` or `System`, where it was written.
    pub namespace: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
}

/// An operator between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Implies,
    Or,
    Xor,
    And,
    In,
    Contains,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Union,
    Add,
    Subtract,
    Concatenate,
    Multiply,
    Divide,
    Div,
    Mod,
}
