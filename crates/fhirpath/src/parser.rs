//! Tokens to an expression (FHIRPath N1 §13, the operators by their precedence).

use rust_decimal::Decimal;

use crate::ast::{Expr, Op, TypeName, TypeOp};
use crate::function::Function;
use crate::lexer::{Kind, Token, tokens};
use crate::quantity::{CalendarUnit, Quantity, Unit};
use crate::temporal::Temporal;
use crate::value::Item;

/// The longest expression, in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 64 * 1024;
/// The most tokens of an expression, so that it cannot become a tree that is too deep to walk.
const MAX_TOKENS: usize = 5000;
/// How deep the parts of an expression may lie in each other.
const MAX_DEPTH: usize = 100;

/// Why a text is not an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct ParseError {
    /// What is wrong.
    pub problem: String,
    /// Where.
    pub at: usize,
}

type Parsed = Result<Expr, ParseError>;

pub(crate) fn parse(text: &str) -> Parsed {
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(ParseError { problem: "the expression is too long".to_owned(), at: 0 });
    }
    let tokens =
        tokens(text).map_err(|(problem, at)| ParseError { problem: problem.to_owned(), at })?;
    if tokens.len() > MAX_TOKENS {
        return Err(ParseError { problem: "the expression is too long".to_owned(), at: 0 });
    }
    let mut parser = Parser { tokens, next: 0, depth: 0 };
    let whole = parser.expression(0)?;
    if parser.kind() != &Kind::End {
        return parser.fail("an operator or the end was expected");
    }
    Ok(whole)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

/// The operator that a token is, with how strongly it binds.
fn operator(kind: &Kind) -> Option<(Op, u8)> {
    let text = match kind {
        Kind::Sign(sign) => *sign,
        Kind::Name { text, quoted: false } => text.as_str(),
        _ => return None,
    };
    Some(match text {
        "implies" => (Op::Implies, 1),
        "or" => (Op::Or, 2),
        "xor" => (Op::Xor, 2),
        "and" => (Op::And, 3),
        "in" => (Op::In, 4),
        "contains" => (Op::Contains, 4),
        "=" => (Op::Equal, 5),
        "!=" => (Op::NotEqual, 5),
        "~" => (Op::Equivalent, 5),
        "!~" => (Op::NotEquivalent, 5),
        "<" => (Op::Less, 6),
        "<=" => (Op::LessOrEqual, 6),
        ">" => (Op::Greater, 6),
        ">=" => (Op::GreaterOrEqual, 6),
        "|" => (Op::Union, 7),
        "+" => (Op::Add, 9),
        "-" => (Op::Subtract, 9),
        "&" => (Op::Concatenate, 9),
        "*" => (Op::Multiply, 10),
        "/" => (Op::Divide, 10),
        "div" => (Op::Div, 10),
        "mod" => (Op::Mod, 10),
        _ => return None,
    })
}

/// How strongly `is` and `as` bind: between union and addition.
const TYPE_POWER: u8 = 8;

impl Parser {
    fn kind(&self) -> &Kind {
        &self.tokens[self.next].kind
    }

    fn advance(&mut self) -> Kind {
        let kind = self.tokens[self.next].kind.clone();
        if self.next + 1 < self.tokens.len() {
            self.next += 1;
        }
        kind
    }

    fn fail<T>(&self, problem: &str) -> Result<T, ParseError> {
        Err(ParseError { problem: problem.to_owned(), at: self.tokens[self.next].at })
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.kind(), Kind::Sign(found) if *found == sign)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), ParseError> {
        if !self.is_sign(sign) {
            return self.fail(&format!("`{sign}` was expected"));
        }
        self.advance();
        Ok(())
    }

    /// Reads operators that bind more strongly than `least`.
    fn expression(&mut self, least: u8) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("the expression is nested too deeply");
        }
        let mut left = self.unary()?;
        let mut length = 0;
        loop {
            length += 1;
            if length > 1000 {
                return self.fail("the expression has too many operators");
            }
            if let Kind::Name { text, quoted: false } = self.kind()
                && let Some(op) = type_operator(text)
                && TYPE_POWER > least
            {
                self.advance();
                let name = self.type_name()?;
                left = Expr::Type(op, Some(Box::new(left)), name);
                continue;
            }
            let Some((op, power)) = operator(self.kind()).filter(|(_, power)| *power > least)
            else {
                break;
            };
            self.advance();
            let right = self.expression(power)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn type_name(&mut self) -> Result<TypeName, ParseError> {
        let Kind::Name { text: first, .. } = self.advance() else {
            return self.fail("the name of a type was expected");
        };
        if !self.is_sign(".") {
            return Ok(TypeName { namespace: None, name: first.into() });
        }
        self.advance();
        let Kind::Name { text: name, .. } = self.advance() else {
            return self.fail("the name of a type was expected");
        };
        Ok(TypeName { namespace: Some(first.into()), name: name.into() })
    }

    fn unary(&mut self) -> Parsed {
        let negate = self.is_sign("-");
        if !negate && !self.is_sign("+") {
            return self.path();
        }
        self.advance();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.fail("the expression is nested too deeply");
        }
        let inner = Box::new(self.unary()?);
        self.depth -= 1;
        Ok(if negate { Expr::Negate(inner) } else { Expr::Plus(inner) })
    }

    /// A term and what follows it by points and brackets.
    fn path(&mut self) -> Parsed {
        let mut left = self.term()?;
        // A long path makes a tree as deep as it is long, which evaluation walks.
        let mut steps = 0;
        loop {
            steps += 1;
            if steps > MAX_DEPTH {
                return self.fail("the path is too long");
            }
            if self.is_sign(".") {
                self.advance();
                left = self.invocation(Some(Box::new(left)))?;
            } else if self.is_sign("[") {
                self.advance();
                let index = self.expression(0)?;
                self.expect("]")?;
                left = Expr::At(Box::new(left), Box::new(index));
            } else {
                return Ok(left);
            }
        }
    }

    fn term(&mut self) -> Parsed {
        match self.kind().clone() {
            Kind::Sign("(") => {
                self.advance();
                let inner = self.expression(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Kind::Sign("{") => {
                self.advance();
                self.expect("}")?;
                Ok(Expr::Empty)
            }
            Kind::Text(text) => {
                self.advance();
                Ok(Expr::Literal(Item::String(text.into())))
            }
            Kind::Number(digits) => {
                self.advance();
                self.number(&digits)
            }
            Kind::Temporal(text) => {
                let found = Temporal::parse_literal(&text);
                let Some(found) = found else {
                    return self.fail("there is no such date or time");
                };
                self.advance();
                Ok(Expr::Literal(Item::Temporal(found)))
            }
            Kind::Variable(name) => {
                self.advance();
                Ok(Expr::Variable(name.into()))
            }
            Kind::Name { text, quoted: false } if text == "true" || text == "false" => {
                self.advance();
                Ok(Expr::Literal(Item::Boolean(text == "true")))
            }
            _ => self.invocation(None),
        }
    }

    fn number(&mut self, digits: &str) -> Parsed {
        let Ok(value) = digits.parse::<Decimal>() else {
            return self.fail("the number has too many digits");
        };
        let unit = match self.kind() {
            Kind::Text(unit) => Some(Unit::ucum(unit)),
            Kind::Name { text, quoted: false } => CalendarUnit::parse(text).map(Unit::Calendar),
            _ => None,
        };
        if let Some(unit) = unit {
            self.advance();
            return Ok(Expr::Literal(Item::quantity(Quantity { value, unit })));
        }
        if digits.contains('.') {
            return Ok(Expr::Literal(Item::Decimal(value)));
        }
        match digits.parse::<i64>() {
            Ok(value) => Ok(Expr::Literal(Item::Integer(value))),
            Err(_) => self.fail("the number has too many digits"),
        }
    }

    /// A name, a function or `$this` and its like.
    fn invocation(&mut self, base: Option<Box<Expr>>) -> Parsed {
        match self.kind().clone() {
            Kind::Special(name) => {
                let found = match name.as_str() {
                    "this" => Expr::This,
                    "index" => Expr::Index,
                    "total" => Expr::Total,
                    _ => return self.fail("`$` is followed by this, index or total"),
                };
                self.advance();
                Ok(found)
            }
            Kind::Name { text, .. } => {
                self.advance();
                if self.is_sign("(") {
                    self.call(base, &text)
                } else {
                    Ok(Expr::Child(base, text.into()))
                }
            }
            _ => self.fail("a value or a name was expected"),
        }
    }

    fn call(&mut self, base: Option<Box<Expr>>, name: &str) -> Parsed {
        self.advance();
        let op = match name {
            "ofType" => Some(TypeOp::OfType),
            other => type_operator(other),
        };
        if let Some(op) = op {
            let name = self.type_name()?;
            self.expect(")")?;
            return Ok(Expr::Type(op, base, name));
        }
        let Some((function, least, most)) = Function::find(name) else {
            return self.fail(&format!("there is no function `{name}`"));
        };
        let mut arguments = Vec::new();
        while !self.is_sign(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.expression(0)?);
        }
        self.advance();
        if arguments.len() < least || arguments.len() > most {
            return self.fail(&format!("`{name}` takes {least} to {most} arguments"));
        }
        Ok(Expr::Call(base, function, arguments))
    }
}

fn type_operator(name: &str) -> Option<TypeOp> {
    match name {
        "is" => Some(TypeOp::Is),
        "as" => Some(TypeOp::As),
        _ => None,
    }
}
