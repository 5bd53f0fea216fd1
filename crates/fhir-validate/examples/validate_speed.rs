//! How long validation takes: `cargo run --release --example validate_speed -- FILE…`.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench tells what it measured")]

use std::time::Instant;

use fhir_validate::{Packages, Validator};

const ROUNDS: u32 = 2_000;

fn main() {
    let start = Instant::now();
    let validator = Validator::new(Packages::r4());
    println!("a validator of R4 is made in {:?}", start.elapsed());
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name).expect("the file is there");
        let issues = validator.validate(&text, &[]).len();
        let start = Instant::now();
        for _ in 0..ROUNDS {
            std::hint::black_box(validator.validate(std::hint::black_box(&text), &[]));
        }
        let each = start.elapsed() / ROUNDS;
        println!("{} bytes, {issues} issues: {each:?}", text.len());
    }
}
