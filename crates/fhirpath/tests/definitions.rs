//! Every expression of R4's definitions compiles, and those of search parameters can be evaluated
//! on every published example.

use std::path::{Path, PathBuf};

use fhir::json::Tree;
use fhir_definitions::{r4, search_parameters};
use fhirpath::{Context, Element, Expression, Item, NoHost};

#[test]
fn invariants_and_search_parameters_compile() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut compile = |name: &str, text: &str| {
        count += 1;
        if let Err(error) = Expression::parse(text) {
            wrong.push(format!("{name}: {error}: {text}"));
        }
    };
    for ty in r4().types() {
        let inside = ty.elements.iter().flat_map(|element| &element.invariants);
        for invariant in ty.invariants.iter().chain(inside) {
            compile(invariant.key, invariant.expression);
        }
    }
    for parameter in search_parameters() {
        if !parameter.expression.is_empty() {
            compile(parameter.id, parameter.expression);
        }
        for component in &parameter.components {
            compile(component.parameter, component.expression);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count > 1700, "{count}");
}

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("INTERLOCK_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = named.unwrap_or(beside).join("fhir/r4-official/instances");
    folder.is_dir().then_some(folder)
}

#[test]
fn search_parameters_are_evaluated_on_every_example() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus");
        return;
    };
    let parameters: Vec<_> = search_parameters()
        .iter()
        .filter(|parameter| !parameter.expression.is_empty())
        .map(|parameter| (parameter, Expression::parse(parameter.expression).unwrap()))
        .collect();
    let (mut values, mut failed) = (0, Vec::new());
    for entry in std::fs::read_dir(corpus).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let tree = Tree::parse(&text).unwrap();
        let resource = Element::resource(tree.root());
        let Some(ty) = resource.definition() else { continue };
        let context = Context::new(&NoHost, resource);
        for (parameter, expression) in &parameters {
            let of = |base: &str| r4().find(base).is_some_and(|base| r4().is_a(ty.id, base));
            if !parameter.bases.iter().any(|base| of(base)) {
                continue;
            }
            match expression.evaluate(&context, resource) {
                Ok(found) => values += found.iter().filter(|item| known(item)).count(),
                Err(error) => failed.push(format!("{}: {error}", parameter.id)),
            }
        }
    }
    failed.sort();
    failed.dedup();
    println!("{values} values");
    assert_eq!(failed, Vec::<String>::new());
    assert!(values > 3000, "{values}");
}

/// What a search parameter finds has a type.
fn known(item: &Item<'_>) -> bool {
    item.element().is_none_or(|element| element.type_name().is_some())
}
