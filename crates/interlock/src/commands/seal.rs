//! `interlock seal`: what a running node does by itself, now and to the end.

use std::path::PathBuf;

use journal::{Journal, Options, Reader};

use super::Failure;
use crate::config;
use crate::node::{JOURNAL_FILE, Plan};

/// What to seal.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    config: PathBuf,
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = plan(&args.config)?;
    let mut journal = open(&plan)?;
    let count = journal.seal(&plan.keeping.sealing)?;
    println!("sealed: {count} segments, base {}", journal.reader()?.base()?.seq);
    Ok(())
}

/// Reads the configuration.
pub(super) fn plan(path: &std::path::Path) -> Result<Plan, Failure> {
    config::load(path).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        format!("{} cannot be used:\n{}", path.display(), lines.join("\n")).into()
    })
}

/// Opens the journal for writing, which shows that no node runs.
pub(super) fn open(plan: &Plan) -> Result<Journal, Failure> {
    let path = plan.data.join(JOURNAL_FILE);
    // A journal that is not there must not be made by accident.
    let site = Reader::open(&path)?.site().to_owned();
    Ok(Journal::open(&path, &site, Options::default())?)
}
