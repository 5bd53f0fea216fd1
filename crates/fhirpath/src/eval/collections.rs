//! Existence, filtering, subsetting and combining (FHIRPath N1 §5.1 to §5.4), with lambdas.

use std::cmp::Ordering;

use super::compare::{compare, contains, equal};
use super::{Eval, EvalError, Evaluated, Items, Scope, single, truth, whole, wrong};
use crate::ast::Expr;
use crate::element::Element;
use crate::function::Function;
use crate::value::Item;

type Maybe<'t> = Result<Option<Items<'t>>, EvalError>;

fn answer<'t>(value: bool) -> Items<'t> {
    vec![Item::Boolean(value)]
}

/// All of the input as truth values.
fn booleans(input: &[Item<'_>]) -> Result<Vec<bool>, EvalError> {
    input
        .iter()
        .map(|item| match item.system() {
            Some(Item::Boolean(value)) => Ok(value),
            _ => wrong("every item has to be a Boolean"),
        })
        .collect()
}

impl<'t> Eval<'_, 't> {
    pub(super) fn collection_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Maybe<'t> {
        Ok(Some(match function {
            Function::Empty => answer(input.is_empty()),
            Function::Exists if arguments.is_empty() => answer(!input.is_empty()),
            Function::AllTrue => answer(booleans(input)?.into_iter().all(|value| value)),
            Function::AnyTrue => answer(booleans(input)?.into_iter().any(|value| value)),
            Function::AllFalse => answer(!booleans(input)?.into_iter().any(|value| value)),
            Function::AnyFalse => answer(!booleans(input)?.into_iter().all(|value| value)),
            Function::Count => vec![whole(input.len())],
            Function::Distinct => self.union(&[], input)?,
            Function::IsDistinct => answer(self.union(&[], input)?.len() == input.len()),
            Function::Single => single(input, "single")?.cloned().into_iter().collect(),
            Function::First => input.first().cloned().into_iter().collect(),
            Function::Last => input.last().cloned().into_iter().collect(),
            Function::Tail => input.iter().skip(1).cloned().collect(),
            Function::Skip | Function::Take => {
                let count = self.argument(arguments, 0, scope)?;
                let Some(Item::Integer(count)) = single(&count, "skip")?.and_then(Item::system)
                else {
                    return wrong("skip and take need one Integer");
                };
                let count = usize::try_from(count).unwrap_or(0).min(input.len());
                let kept =
                    if function == Function::Skip { &input[count..] } else { &input[..count] };
                kept.to_vec()
            }
            Function::Intersect | Function::Exclude | Function::Union | Function::Combine => {
                let other = self.argument(arguments, 0, scope)?;
                self.combined(input, function, &other)?
            }
            Function::SubsetOf | Function::SupersetOf => {
                let other = self.argument(arguments, 0, scope)?;
                self.spend(input.len().saturating_mul(other.len()))?;
                let (part, all) = if function == Function::SubsetOf {
                    (input, &other[..])
                } else {
                    (&other[..], input)
                };
                answer(part.iter().all(|item| contains(all, item)))
            }
            Function::Not => match truth(input)? {
                Some(value) => answer(!value),
                None => Vec::new(),
            },
            _ => return Ok(None),
        }))
    }

    fn combined(
        &self,
        input: &[Item<'t>],
        function: Function,
        other: &[Item<'t>],
    ) -> Evaluated<'t> {
        self.spend(input.len().saturating_mul(other.len()))?;
        Ok(match function {
            Function::Combine => input.iter().chain(other).cloned().collect(),
            Function::Exclude => {
                input.iter().filter(|item| !contains(other, item)).cloned().collect()
            }
            Function::Intersect => {
                let both: Items<'t> =
                    input.iter().filter(|item| contains(other, item)).cloned().collect();
                self.union(&[], &both)?
            }
            _ => self.union(input, other)?,
        })
    }

    pub(super) fn lambda_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Maybe<'t> {
        Ok(Some(match function {
            Function::Exists => {
                let mut found = false;
                for (index, item) in input.iter().enumerate() {
                    let holds = self.lambda(&arguments[0], item, index, scope)?;
                    found = found || truth(&holds)? == Some(true);
                }
                answer(found)
            }
            Function::All => {
                let mut all = true;
                for (index, item) in input.iter().enumerate() {
                    let holds = self.lambda(&arguments[0], item, index, scope)?;
                    all = all && truth(&holds)? == Some(true);
                }
                answer(all)
            }
            Function::Where => {
                let mut kept = Vec::new();
                for (index, item) in input.iter().enumerate() {
                    let holds = self.lambda(&arguments[0], item, index, scope)?;
                    if truth(&holds)? == Some(true) {
                        kept.push(item.clone());
                    }
                }
                kept
            }
            Function::Select => {
                let mut found = Vec::new();
                for (index, item) in input.iter().enumerate() {
                    found.extend(self.lambda(&arguments[0], item, index, scope)?);
                    self.bounded(&found)?;
                }
                found
            }
            Function::Repeat => self.repeat(input, &arguments[0], scope)?,
            Function::Aggregate => self.aggregate(input, arguments, scope)?,
            Function::Iif => self.iif(input, arguments, scope)?,
            Function::Sort => self.sort(input, arguments, scope)?,
            Function::Coalesce => {
                for expr in arguments {
                    let found = self.eval(expr, scope)?;
                    if !found.is_empty() {
                        return Ok(Some(found));
                    }
                }
                Vec::new()
            }
            _ => return Ok(None),
        }))
    }

    fn bounded(&self, items: &[Item<'t>]) -> Result<(), EvalError> {
        if items.len() > self.context.limits.items { Err(EvalError::TooCostly) } else { Ok(()) }
    }

    fn repeat(&self, input: &[Item<'t>], expr: &Expr, scope: &Scope<'_, 't>) -> Evaluated<'t> {
        let mut found: Items<'t> = Vec::new();
        let mut waiting: Items<'t> = input.to_vec();
        while !waiting.is_empty() {
            let mut next = Vec::new();
            for (index, item) in waiting.iter().enumerate() {
                for new in self.lambda(expr, item, index, scope)? {
                    self.spend(found.len() / 8)?;
                    // Nodes are told apart by where they are: two that say the same are two.
                    let met = match new.element() {
                        Some(element) => found.iter().any(|f| f.element() == Some(element)),
                        None => found.iter().any(|f| equal(f, &new) == Some(true)),
                    };
                    if !met {
                        found.push(new.clone());
                        next.push(new);
                    }
                }
                self.bounded(&found)?;
            }
            waiting = next;
        }
        Ok(found)
    }

    fn aggregate(
        &self,
        input: &[Item<'t>],
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        let mut total = self.argument(arguments, 1, scope)?;
        for (index, item) in input.iter().enumerate() {
            let this = std::slice::from_ref(item);
            let inner = Scope { this, index: Some(index), total: Some(&total) };
            total = self.eval(&arguments[0], &inner)?;
        }
        Ok(total)
    }

    fn iif(&self, input: &[Item<'t>], arguments: &[Expr], scope: &Scope<'_, 't>) -> Evaluated<'t> {
        single(input, "iif")?;
        let inner = Scope { this: input, index: scope.index, total: scope.total };
        let criterion = self.eval(&arguments[0], &inner)?;
        let holds = match single(&criterion, "iif")?.and_then(Item::system) {
            None => false,
            Some(Item::Boolean(value)) => value,
            Some(_) => return wrong("the condition of iif is a Boolean"),
        };
        match (holds, arguments.get(2)) {
            (true, _) => self.eval(&arguments[1], &inner),
            (false, Some(otherwise)) => self.eval(otherwise, &inner),
            (false, None) => Ok(Vec::new()),
        }
    }

    /// Sorts by keys; a minus sign before a key turns its order around.
    fn sort(&self, input: &[Item<'t>], arguments: &[Expr], scope: &Scope<'_, 't>) -> Evaluated<'t> {
        let mut rows = Vec::with_capacity(input.len());
        for (index, item) in input.iter().enumerate() {
            let mut keys = Vec::with_capacity(arguments.len());
            for argument in arguments {
                let expr = match argument {
                    Expr::Negate(inner) => inner,
                    other => other,
                };
                keys.push(single(&self.lambda(expr, item, index, scope)?, "sort")?.cloned());
            }
            if arguments.is_empty() {
                keys.push(Some(item.clone()));
            }
            rows.push((keys, item));
        }
        self.spend(rows.len() * 16)?;
        let down: Vec<bool> = arguments.iter().map(|a| matches!(a, Expr::Negate(_))).collect();
        rows.sort_by(|(left, _), (right, _)| {
            let keys =
                left.iter().zip(right).enumerate().map(|(at, (a, b))| {
                    by_key(a.as_ref(), b.as_ref(), down.get(at) == Some(&true))
                });
            keys.fold(Ordering::Equal, Ordering::then)
        });
        Ok(rows.into_iter().map(|(_, item)| item.clone()).collect())
    }

    /// All elements inside, at any depth, from the outside in.
    pub(super) fn descendants(&self, input: &[Item<'t>]) -> Evaluated<'t> {
        let mut found: Vec<Element<'t>> = Vec::new();
        let mut waiting: Vec<Element<'t>> = input.iter().rev().filter_map(Item::element).collect();
        let mut children = Vec::new();
        while let Some(element) = waiting.pop() {
            element.children(&mut children);
            self.spend(children.len())?;
            if found.len() + waiting.len() + children.len() > self.context.limits.items {
                return Err(EvalError::TooCostly);
            }
            found.extend(children.iter().map(|(_, child)| *child));
            waiting.extend(children.drain(..).rev().map(|(_, child)| child));
        }
        Ok(found.into_iter().map(Item::Element).collect())
    }
}

/// Nothing comes before everything, upwards and downwards; what has no order is left as it is.
fn by_key(left: Option<&Item<'_>>, right: Option<&Item<'_>>, down: bool) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => {
            let order = compare(left, right).ok().flatten().unwrap_or(Ordering::Equal);
            if down { order.reverse() } else { order }
        }
        _ => left.is_some().cmp(&right.is_some()),
    }
}
