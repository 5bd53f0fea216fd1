//! The `interlock` command.

use std::process::ExitCode;

use clap::Parser;

/// A message makes hundreds of small pieces on one thread that another thread lets go; the
/// system's allocator takes a third of the engine's time for them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    interlock::start_log();
    interlock::commands::Cli::parse().run()
}
