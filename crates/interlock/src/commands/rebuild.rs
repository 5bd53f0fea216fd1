//! `interlock rebuild`: the record anew, from the journal alone.

use std::path::PathBuf;

use super::Failure;
use crate::node::{JOURNAL_FILE, RECORD_FILE};

/// What to rebuild.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder.
    data: PathBuf,
    /// Write the record's logical dump to this file: the same journal gives the same bytes.
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Only dump the record as it is; rebuild nothing.
    #[arg(long, requires = "dump")]
    dump_only: bool,
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let journal = args.data.join(JOURNAL_FILE);
    let record = args.data.join(RECORD_FILE);
    // The lock shows that no node writes while the record is taken away.
    let site = journal::Reader::open(&journal)?.site().to_owned();
    let lock = journal::Journal::open(&journal, &site, journal::Options::default())?;
    if !args.dump_only {
        let rebuilt = engine::rebuild(&journal, &record)?;
        println!("rebuilt: {} entries, tip {}", rebuilt.entries, rebuilt.position);
    }
    if let Some(path) = &args.dump {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        record::Record::open(&record, &site)?.dump(&mut out)?;
        std::io::Write::flush(&mut out)?;
        println!("dumped: {}", path.display());
    }
    drop(lock);
    Ok(())
}
