//! Evaluation.

mod collections;
mod compare;
mod convert;
mod fhir;
mod math;
mod operators;
mod regexes;
mod strings;
mod utility;

use std::cell::Cell;

use crate::ast::{Expr, TypeName, TypeOp};
use crate::element::Element;
use crate::function::Function;
use crate::temporal::Temporal;
use crate::value::Item;

/// What an evaluation may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Steps: parts of the expression evaluated and items looked at.
    pub steps: u64,
    /// Items in a collection.
    pub items: usize,
    /// Bytes of a string that is made.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 2_000_000, items: 200_000, text: 4 * 1024 * 1024 }
    }
}

/// Why an evaluation has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A function or operator got what it cannot take.
    #[error("{0}")]
    Type(String),
    /// A single item was needed and several were there.
    #[error("`{0}` needs a single item")]
    NotSingle(&'static str),
    /// More was used up than [`Limits`] allow.
    #[error("the evaluation takes too much")]
    TooCostly,
}

pub(crate) type Items<'t> = Vec<Item<'t>>;
pub(crate) type Evaluated<'t> = Result<Items<'t>, EvalError>;

/// What an expression may ask of the world outside the resource.
pub trait Host<'t> {
    /// The resource to which a reference leads.
    fn resolve(&self, reference: &str) -> Option<Element<'t>> {
        let _ = reference;
        None
    }

    /// Whether an element conforms to a profile; `None` when the profile is not known.
    fn conforms_to(&self, element: Element<'t>, profile: &str) -> Option<bool> {
        let _ = (element, profile);
        None
    }

    /// Whether a code, Coding or CodeableConcept is in a value set; `None` when that is not known.
    fn member_of(&self, item: &Item<'t>, value_set: &str) -> Option<bool> {
        let _ = (item, value_set);
        None
    }

    /// Whether the first code subsumes the second; `None` when that is not known.
    fn subsumes(&self, above: &Item<'t>, below: &Item<'t>) -> Option<bool> {
        let _ = (above, below);
        None
    }

    /// The time that `now()` and `today()` tell, as a DateTime to the millisecond with its zone.
    fn now(&self) -> Option<Temporal> {
        None
    }

    /// The value of a `%variable` that the standard does not define.
    fn variable(&self, name: &str) -> Option<Vec<Item<'t>>> {
        let _ = name;
        None
    }
}

/// A host that knows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHost;

impl Host<'_> for NoHost {}

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub struct Context<'c, 't> {
    /// The world outside the resource.
    pub host: &'c dyn Host<'t>,
    /// `%resource`: the resource that directly holds the focus.
    pub resource: Element<'t>,
    /// `%rootResource`: the outermost of the resources around it.
    pub root: Element<'t>,
    /// Names that the type of an element does not have are errors, and so is `as` of several items.
    /// Off, as R4's own expressions need it, they are empty and a filter.
    pub strict: bool,
    /// What may be used up.
    pub limits: Limits,
}

impl<'c, 't> Context<'c, 't> {
    /// A context of one resource.
    pub fn new(host: &'c dyn Host<'t>, resource: Element<'t>) -> Self {
        let limits = Limits::default();
        Self { host, resource, root: resource, strict: false, limits }
    }
}

/// What `$this` and its like are, in one evaluation of an expression.
pub(crate) struct Scope<'s, 't> {
    this: &'s [Item<'t>],
    index: Option<usize>,
    total: Option<&'s [Item<'t>]>,
}

pub(crate) struct Eval<'c, 't> {
    context: &'c Context<'c, 't>,
    focus: Element<'t>,
    steps: Cell<u64>,
    depth: Cell<usize>,
}

/// How deep evaluations may lie in each other; the parser bounds the expression, so only lambdas
/// in lambdas come near it.
const MAX_DEPTH: usize = 200;

pub(crate) fn run<'t>(root: &Expr, context: &Context<'_, 't>, focus: Element<'t>) -> Evaluated<'t> {
    let eval = Eval { context, focus, steps: Cell::new(0), depth: Cell::new(0) };
    let this = [Item::Element(focus)];
    eval.eval(root, &Scope { this: &this, index: None, total: None })
}

/// The truth value of a collection.
pub(crate) fn truth(items: &[Item<'_>]) -> Result<Option<bool>, EvalError> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(match item.system() {
            Some(Item::Boolean(value)) => value,
            _ => true,
        })),
        _ => Err(EvalError::NotSingle("a condition")),
    }
}

pub(crate) fn wrong<T>(what: &str) -> Result<T, EvalError> {
    Err(EvalError::Type(what.to_owned()))
}

impl<'t> Eval<'_, 't> {
    /// Counts steps.
    pub(crate) fn spend(&self, steps: usize) -> Result<(), EvalError> {
        let total = self.steps.get() + 1 + steps as u64;
        self.steps.set(total);
        if total > self.context.limits.steps { Err(EvalError::TooCostly) } else { Ok(()) }
    }

    pub(crate) fn eval(&self, expr: &Expr, scope: &Scope<'_, 't>) -> Evaluated<'t> {
        self.depth.set(self.depth.get() + 1);
        if self.depth.get() > MAX_DEPTH {
            return Err(EvalError::TooCostly);
        }
        let found = self.step(expr, scope)?;
        self.depth.set(self.depth.get() - 1);
        if found.len() > self.context.limits.items {
            return Err(EvalError::TooCostly);
        }
        self.spend(found.len())?;
        Ok(found)
    }

    fn step(&self, expr: &Expr, scope: &Scope<'_, 't>) -> Evaluated<'t> {
        match expr {
            Expr::Empty => Ok(Vec::new()),
            Expr::Literal(item) => Ok(vec![item.clone()]),
            Expr::This => Ok(scope.this.to_vec()),
            Expr::Index => Ok(scope.index.map(whole).into_iter().collect()),
            Expr::Total => Ok(scope.total.unwrap_or_default().to_vec()),
            Expr::Variable(name) => self.variable(name),
            Expr::Child(None, name) => self.first_name(name, scope),
            Expr::Child(Some(base), name) => {
                let input = self.eval(base, scope)?;
                self.names(&input, name)
            }
            Expr::Call(base, function, arguments) => {
                let input = self.base(base.as_deref(), scope)?;
                if self.context.strict {
                    ordered(base.as_deref(), *function)?;
                }
                self.call(input, *function, arguments, scope)
            }
            Expr::At(base, index) => {
                let input = self.eval(base, scope)?;
                let index = self.eval(index, scope)?;
                match index.first().and_then(Item::system) {
                    Some(Item::Integer(at)) if index.len() == 1 => {
                        let at = usize::try_from(at).ok();
                        Ok(at.and_then(|at| input.into_iter().nth(at)).into_iter().collect())
                    }
                    None => Ok(Vec::new()),
                    _ => wrong("an index is one Integer"),
                }
            }
            Expr::Negate(inner) => operators::negate(&self.eval(inner, scope)?),
            Expr::Plus(inner) => operators::plus(self.eval(inner, scope)?),
            Expr::Binary(op, left, right) => self.binary(*op, left, right, scope),
            Expr::Type(op, base, name) => {
                let input = self.base(base.as_deref(), scope)?;
                of_type(*op, input, name, self.context.strict)
            }
        }
    }

    fn base(&self, base: Option<&Expr>, scope: &Scope<'_, 't>) -> Evaluated<'t> {
        match base {
            Some(base) => self.eval(base, scope),
            None => Ok(scope.this.to_vec()),
        }
    }

    /// A name at the beginning of a path: the type of the focus, or an element of it.
    fn first_name(&self, name: &str, scope: &Scope<'_, 't>) -> Evaluated<'t> {
        if name.starts_with(|c: char| c.is_ascii_uppercase()) {
            let same = |item: &&Item<'t>| item.element().is_some_and(|e| is_named(e, name));
            let found: Items<'t> = scope.this.iter().filter(same).cloned().collect();
            if !found.is_empty() {
                return Ok(found);
            }
            if self.context.strict {
                return wrong("the path begins with another type than the focus has");
            }
        }
        self.names(scope.this, name)
    }

    fn names(&self, input: &[Item<'t>], name: &str) -> Evaluated<'t> {
        let mut found = Vec::new();
        let mut out = Vec::new();
        let mut known = false;
        for item in input {
            match item {
                Item::Element(element) => {
                    known |= element.child(name, &mut found);
                    out.extend(found.drain(..).map(Item::Element));
                }
                Item::Type(namespace, of) => match name {
                    "namespace" => out.push(Item::String((*namespace).into())),
                    "name" => out.push(Item::String(of.to_string().into())),
                    _ => {}
                },
                Item::Quantity(quantity) if name == "value" => {
                    out.push(Item::Decimal(quantity.value));
                }
                _ => {}
            }
        }
        let elements = input.first().is_some_and(|item| item.element().is_some());
        if self.context.strict && elements && !known {
            return wrong(&format!("there is no element `{name}`"));
        }
        Ok(out)
    }

    fn variable(&self, name: &str) -> Evaluated<'t> {
        let text = |text: &str| Ok(vec![Item::String(text.to_owned().into())]);
        match name {
            "resource" => Ok(vec![Item::Element(self.context.resource)]),
            "rootResource" => Ok(vec![Item::Element(self.context.root)]),
            "context" => Ok(vec![Item::Element(self.focus)]),
            "sct" => text("http://snomed.info/sct"),
            "loinc" => text("http://loinc.org"),
            "ucum" => text("http://unitsofmeasure.org"),
            _ => {
                if let Some(id) = name.strip_prefix("vs-") {
                    return text(&format!("http://hl7.org/fhir/ValueSet/{id}"));
                }
                if let Some(id) = name.strip_prefix("ext-") {
                    return text(&format!("http://hl7.org/fhir/StructureDefinition/{id}"));
                }
                let found = self.context.host.variable(name);
                found.ok_or_else(|| EvalError::Type(format!("there is no variable `{name}`")))
            }
        }
    }

    /// An argument that is evaluated once, outside the items of the input.
    pub(crate) fn argument(
        &self,
        arguments: &[Expr],
        at: usize,
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        arguments.get(at).map_or(Ok(Vec::new()), |expr| self.eval(expr, scope))
    }

    /// Evaluates a lambda on one item.
    pub(crate) fn lambda(
        &self,
        expr: &Expr,
        item: &Item<'t>,
        index: usize,
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        let this = std::slice::from_ref(item);
        self.eval(expr, &Scope { this, index: Some(index), total: scope.total })
    }

    fn call(
        &self,
        input: Items<'t>,
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Evaluated<'t> {
        // Each family answers `None` for what is not its own.
        if let Some(found) = self.collection_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        if let Some(found) = self.lambda_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        if let Some(found) = self.string_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        if let Some(found) = self.math_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        if let Some(found) = self.conversion_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        if let Some(found) = self.fhir_function(&input, function, arguments, scope)? {
            return Ok(found);
        }
        self.utility_function(input, function, arguments, scope)
    }
}

pub(crate) fn whole<'t>(count: usize) -> Item<'t> {
    Item::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The single item of a collection; several are an error.
pub(crate) fn single<'a, 't>(
    items: &'a [Item<'t>],
    what: &'static str,
) -> Result<Option<&'a Item<'t>>, EvalError> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(item)),
        _ => Err(EvalError::NotSingle(what)),
    }
}

/// In strict mode what depends on an order is refused where there is none.
fn ordered(base: Option<&Expr>, function: Function) -> Result<(), EvalError> {
    let depends = matches!(
        function,
        Function::Skip | Function::Take | Function::First | Function::Last | Function::Tail
    );
    let unordered =
        matches!(base, Some(Expr::Call(_, Function::Children | Function::Descendants, _)));
    if depends && unordered { wrong("children have no order") } else { Ok(()) }
}

/// Whether an element is of a type or of one that specialises it.
fn is_named(element: Element<'_>, name: &str) -> bool {
    let Some(ty) = element.definition() else {
        return element.value.and_then(|node| node.text("resourceType")) == Some(name);
    };
    let r4 = fhir_definitions::r4();
    ty.name == name || r4.find(name).is_some_and(|ancestor| r4.is_a(ty.id, ancestor))
}

fn of_type<'t>(op: TypeOp, input: Items<'t>, name: &TypeName, strict: bool) -> Evaluated<'t> {
    let system = name.namespace.as_deref() == Some("System")
        || matches!(
            &*name.name,
            "Boolean" | "String" | "Integer" | "Decimal" | "Date" | "DateTime" | "Time"
        );
    let known = system || fhir_definitions::r4().find(&name.name).is_some();
    if !known {
        return wrong(&format!("there is no type `{}`", name.name));
    }
    match op {
        TypeOp::OfType => Ok(input.into_iter().filter(|item| item.is_of(name, true)).collect()),
        TypeOp::As => {
            // Search parameters of R4 ask it of several items at once.
            if strict {
                single(&input, "as")?;
            }
            Ok(input.into_iter().filter(|item| item.is_of(name, true)).collect())
        }
        TypeOp::Is => {
            let item = single(&input, "is")?;
            Ok(item.map(|item| Item::Boolean(item.is_of(name, false))).into_iter().collect())
        }
    }
}
