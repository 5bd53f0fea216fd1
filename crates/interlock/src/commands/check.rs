//! `interlock check`: is this configuration right?

use std::path::PathBuf;

use super::Failure;
use crate::config;

/// What to check.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    config: PathBuf,
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    match config::load(&args.config) {
        Ok(plan) => {
            let (channels, cabinets) = (plan.channels.len(), plan.site.cabinets.len());
            println!("right: {channels} channels, {cabinets} cabinets");
            Ok(())
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                println!("{mistake}");
            }
            Err(format!("{} mistakes; nothing was started", mistakes.len()).into())
        }
    }
}
