//! A plain reading of search over resources in memory: FHIRPath for each parameter, and rules of
//! comparison in a few lines each. It shares nothing with the search that it is to check.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use fhir::json::Tree;
use fhir_definitions::{SearchKind, SearchParameter, r4, search_parameters};
use fhirpath::{Context, Element, Expression, Host, Item};
use serde_json::Value;

use super::compare::{Val, meets, values_of};

/// A resource as it should be stored.
#[derive(Debug)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) json: String,
}

impl Resource {
    pub(super) fn reference(&self) -> String {
        format!("{}/{}", self.kind, self.id)
    }
}

/// The values of each resource of a type for one parameter.
type Column = Rc<Vec<(usize, Vec<Val>)>>;

/// Resources with what they are found by.
#[derive(Debug)]
pub(super) struct World {
    pub(super) all: Vec<Resource>,
    by_reference: HashMap<String, usize>,
    columns: RefCell<HashMap<(String, String), Column>>,
}

pub(super) type Set = BTreeSet<usize>;

/// Tells the type of what a reference leads to, which is all that expressions ask.
struct ByType(HashMap<&'static str, &'static Tree<'static>>);

impl<'t> Host<'t> for ByType {
    fn resolve(&self, reference: &str) -> Option<Element<'t>> {
        let kind = reference.split('/').next()?;
        self.0.get(kind).map(|tree| Element::resource(tree.root()))
    }
}

impl ByType {
    fn new() -> Self {
        thread_local! {
            static TREES: HashMap<&'static str, &'static Tree<'static>> = r4()
                .types()
                .iter()
                .filter(|ty| r4().resource(ty.name).is_some())
                .map(|ty| {
                    let text = format!(r#"{{"resourceType":"{}"}}"#, ty.name).leak();
                    let tree = Box::new(Tree::parse(text).unwrap());
                    let tree: &'static Tree<'static> = Box::leak(tree);
                    (ty.name, tree)
                })
                .collect();
        }
        Self(TREES.with(Clone::clone))
    }
}

/// The parameter of a type with that name.
pub(super) fn parameter(kind: &str, code: &str) -> Option<&'static SearchParameter> {
    parameters(kind).find(|parameter| parameter.code == code)
}

pub(super) fn parameters(kind: &str) -> impl Iterator<Item = &'static SearchParameter> {
    let bases = [kind.to_owned(), "DomainResource".to_owned(), "Resource".to_owned()];
    search_parameters().iter().filter(move |parameter| {
        parameter.bases.iter().any(|base| bases.iter().any(|one| one == base))
    })
}

impl World {
    pub(super) fn new(all: Vec<Resource>) -> Self {
        let by_reference = all.iter().enumerate().map(|(at, one)| (one.reference(), at)).collect();
        Self { all, by_reference, columns: RefCell::default() }
    }

    pub(super) fn at(&self, reference: &str) -> Option<usize> {
        self.by_reference.get(reference).copied()
    }

    /// How many there are of each type.
    pub(super) fn counts(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        self.all.iter().for_each(|one| *counts.entry(one.kind.as_str()).or_default() += 1);
        counts
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = usize> {
        self.all.iter().enumerate().filter(move |(_, one)| one.kind == kind).map(|(at, _)| at)
    }

    /// The values of all resources of a type for a parameter.
    pub(super) fn column(&self, kind: &str, parameter: &'static SearchParameter) -> Column {
        let key = (kind.to_owned(), parameter.code.to_owned());
        if let Some(known) = self.columns.borrow().get(&key) {
            return Rc::clone(known);
        }
        let host = ByType::new();
        let column: Vec<(usize, Vec<Val>)> =
            self.of_kind(kind).map(|at| (at, read(parameter, &self.all[at].json, &host))).collect();
        let column = Rc::new(column);
        self.columns.borrow_mut().insert(key, Rc::clone(&column));
        column
    }

    /// What meets one parameter of a query.
    pub(super) fn find(&self, kind: &str, name: &str, value: &str) -> Set {
        if let Some(rest) = name.strip_prefix("_has:") {
            let mut parts = rest.splitn(3, ':');
            let (of, by) = (parts.next().unwrap(), parts.next().unwrap());
            let met = self.find(of, parts.next().unwrap(), value);
            let column = self.column(of, parameter(of, by).unwrap());
            let referring = column.iter().filter(|(at, _)| met.contains(at));
            let targets = referring.flat_map(|(_, values)| values).filter_map(|it| self.target(it));
            return targets.filter(|at| self.all[*at].kind == kind).collect();
        }
        if let Some((reference, rest)) = name.split_once('.') {
            let (code, of) = reference.split_once(':').unwrap_or((reference, ""));
            let column = self.column(kind, parameter(kind, code).unwrap());
            let mut met: HashMap<&str, Set> = HashMap::new();
            let mut found = Set::new();
            for (at, values) in column.iter() {
                for target in values.iter().filter_map(|value| self.target(value)) {
                    let kind = self.all[target].kind.as_str();
                    let head = rest.split(['.', ':']).next().unwrap();
                    let fits = of.is_empty() || of == kind;
                    if !fits || parameter(kind, head).is_none() && head != "_has" {
                        continue;
                    }
                    if met
                        .entry(kind)
                        .or_insert_with(|| self.find(kind, rest, value))
                        .contains(&target)
                    {
                        found.insert(*at);
                    }
                }
            }
            return found;
        }
        let (code, modifier) = name.split_once(':').unwrap_or((name, ""));
        if code == "_id" {
            let is = |at: &usize| value.split(',').any(|id| id == self.all[*at].id);
            return self.of_kind(kind).filter(is).collect();
        }
        let parameter = parameter(kind, code).unwrap();
        let column = self.column(kind, parameter);
        let is = |values: &[Val]| meets(modifier, value, values);
        column.iter().filter(|(_, values)| is(values)).map(|(at, _)| *at).collect()
    }

    /// The resource to which a value refers, where it is there.
    pub(super) fn target(&self, value: &Val) -> Option<usize> {
        match value {
            Val::Reference(reference) => self.at(reference),
            _ => None,
        }
    }

    /// The resources to which one refers by a parameter.
    pub(super) fn targets(&self, from: usize, parameter: &'static SearchParameter) -> Set {
        let column = self.column(&self.all[from].kind, parameter);
        let own = column.iter().find(|(at, _)| *at == from);
        own.into_iter().flat_map(|(_, values)| values).filter_map(|it| self.target(it)).collect()
    }
}

/// The values of a resource for a parameter.
fn read(parameter: &'static SearchParameter, json: &str, host: &ByType) -> Vec<Val> {
    let tree = Tree::parse(json).unwrap();
    let resource = Element::resource(tree.root());
    let context = Context::new(host, resource);
    let places = evaluate(parameter.expression, &context, resource);
    if parameter.kind != SearchKind::Composite {
        return places.iter().flat_map(|item| values_of_item(parameter.kind, item)).collect();
    }
    let mut all = Vec::new();
    for place in places.iter().filter_map(Item::element) {
        let parts = parameter.components.iter().map(|component| {
            let part = search_parameters().iter().find(|it| it.id == component.parameter).unwrap();
            let found = evaluate(component.expression, &context, place);
            found.iter().flat_map(|item| values_of_item(part.kind, item)).collect::<Vec<_>>()
        });
        all.push(Val::Together(parts.collect()));
    }
    all
}

fn evaluate<'t>(text: &str, context: &Context<'_, 't>, focus: Element<'t>) -> Vec<Item<'t>> {
    thread_local! {
        static COMPILED: RefCell<HashMap<String, Rc<Expression>>> = RefCell::default();
    }
    let expression = COMPILED.with_borrow_mut(|known| {
        let parse = || Rc::new(Expression::parse(text).unwrap());
        Rc::clone(known.entry(text.to_owned()).or_insert_with(parse))
    });
    expression.evaluate(context, focus).unwrap().into_iter().collect()
}

fn values_of_item(kind: SearchKind, item: &Item<'_>) -> Vec<Val> {
    match item {
        Item::Element(element) => {
            let Some(node) = element.value else { return Vec::new() };
            let mut text = String::new();
            node.write(&mut text);
            let value: Value = serde_json::from_str(&text).unwrap();
            values_of(kind, element.type_name().unwrap_or_default(), &value)
        }
        Item::Boolean(flag) => values_of(kind, "boolean", &Value::Bool(*flag)),
        other => panic!("{other:?}"),
    }
}
