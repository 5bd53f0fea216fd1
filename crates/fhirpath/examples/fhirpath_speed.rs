//! How long the search parameters of a resource take: `cargo run --release --example
//! fhirpath_speed -- FILE…`.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench tells what it measured")]

use std::time::Instant;

use fhir::json::Tree;
use fhir_definitions::{r4, search_parameters};
use fhirpath::{Context, Element, Expression, NoHost};

const ROUNDS: u32 = 20_000;

fn main() {
    let start = Instant::now();
    let all: Vec<_> = search_parameters()
        .iter()
        .filter_map(|parameter| Expression::parse(parameter.expression).ok())
        .collect();
    println!("{} expressions compiled in {:?}", all.len(), start.elapsed());
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name).expect("the file is there");
        let tree = Tree::parse(&text).expect("the file is JSON");
        let resource = Element::resource(tree.root());
        let ty = resource.definition().expect("the file is a resource");
        let of = |base: &str| r4().find(base).is_some_and(|base| r4().is_a(ty.id, base));
        let own: Vec<_> = search_parameters()
            .iter()
            .filter(|parameter| parameter.bases.iter().any(|base| of(base)))
            .filter_map(|parameter| Expression::parse(parameter.expression).ok())
            .map(|expression| expression.for_type(ty.name))
            .collect();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(Tree::parse(std::hint::black_box(&text)).expect("as before"));
        }
        let parsing = start.elapsed() / ROUNDS;
        let start = Instant::now();
        let mut found = 0;
        for _ in 0..ROUNDS {
            let context = Context::new(&NoHost, resource);
            for expression in &own {
                found += expression.evaluate(&context, resource).map_or(0, |items| items.len());
            }
        }
        let evaluating = start.elapsed() / ROUNDS;
        println!(
            "{}: {} bytes, parsed in {parsing:?}; {} expressions, {} values in {evaluating:?}",
            ty.name,
            text.len(),
            own.len(),
            found / ROUNDS as usize,
        );
    }
}
