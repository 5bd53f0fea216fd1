//! A ward's day with irregularities planted in it. `cargo xtask trial ward` lives through more.

use std::path::PathBuf;

use xtask::trial::ward::run;

#[test]
fn every_irregularity_of_a_ward_ends_as_its_case_and_nothing_else_is_raised() {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_interlock"));
    let found = run(21, &binary).unwrap();
    assert!(found.is_clean(), "{found:#?}");
    assert!(found.planted > 10 && found.wanted > found.planted, "{found:#?}");
}
