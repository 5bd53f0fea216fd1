//! Benches that print figures: one file each, one row in [`BENCHES`].

use std::process::ExitCode;

/// One bench: the name that the command line uses, what it measures, and the function that runs it.
#[derive(Debug, Clone, Copy)]
pub struct Bench {
    /// The word on the command line.
    pub name: &'static str,
    /// What is measured, and in which unit.
    pub about: &'static str,
    /// Runs the bench and prints its figures to standard output.
    pub run: fn() -> Result<(), String>,
}

/// Every bench, in the order in which they run.
pub const BENCHES: &[Bench] = &[];

/// Runs the benches that `names` names, or all of them when it names none.
pub fn command(names: &[String]) -> ExitCode {
    if let Some(stranger) = names
        .iter()
        .find(|name| !BENCHES.iter().any(|b| b.name == **name))
    {
        eprintln!("there is no bench `{stranger}`; there are:");
        for bench in BENCHES {
            eprintln!("  {:<12} {}", bench.name, bench.about);
        }
        return ExitCode::from(2);
    }
    if BENCHES.is_empty() {
        eprintln!("no bench is listed in crates/xtask/src/bench/mod.rs yet");
    }
    let mut outcome = ExitCode::SUCCESS;
    for bench in BENCHES {
        if !names.is_empty() && !names.iter().any(|name| name == bench.name) {
            continue;
        }
        eprintln!("== {}: {}", bench.name, bench.about);
        if let Err(reason) = (bench.run)() {
            eprintln!("{} failed: {reason}", bench.name);
            outcome = ExitCode::FAILURE;
        }
    }
    outcome
}
