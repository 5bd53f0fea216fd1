//! The `interlock` command.

mod memory;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    memory::give_back_soon();
    interlock::start_log();
    interlock::commands::Cli::parse().run()
}
