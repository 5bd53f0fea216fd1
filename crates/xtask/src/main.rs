//! The `cargo xtask` command: picks the task that its first argument names.

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <task>

  tidy             check the rules of the house that the compiler cannot; one line per finding
  tidy --list      name every check and what it looks for
  bench [name…]    run all benches, or those named, in a release build
  definitions      make the tables of R4 in crates/fhir-definitions from HL7's definitions
  synthetic        make the made-up release of dm+d in crates/terminology/synthetic from its list
  trial <name>     a long run of the real node under faults, checked from outside
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("tidy") => xtask::tidy::command(rest),
        Some("definitions") => xtask::definitions::command(rest),
        Some("synthetic") => xtask::synthetic::command(rest),
        Some("trial") => xtask::trial::command(rest),
        Some("bench") => xtask::bench::command(rest),
        Some("help" | "--help" | "-h") => {
            eprint!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}
