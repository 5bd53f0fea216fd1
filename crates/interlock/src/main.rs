//! The `interlock` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    interlock::start_log();
    interlock::commands::Cli::parse().run()
}
