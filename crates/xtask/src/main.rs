//! Development tasks: tidy, benches.
fn main() {}
