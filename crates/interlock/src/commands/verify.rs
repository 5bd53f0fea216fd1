//! `interlock verify`: is the journal whole?

use std::path::PathBuf;

use journal::{Position, Reader};

use super::Failure;
use crate::node::JOURNAL_FILE;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder, or the journal's file.
    data: PathBuf,
    /// A position that the journal must contain, as `NUMBER:HASH`: shows a cut tail.
    #[arg(long)]
    expect: Option<Position>,
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let file = if args.data.is_dir() { args.data.join(JOURNAL_FILE) } else { args.data.clone() };
    let reader = Reader::open(&file)?;
    let verified = match &args.expect {
        Some(expected) => reader.verify_expecting(expected)?,
        None => reader.verify()?,
    };
    let (entries, bytes, tip) = (verified.entries, verified.bytes, verified.tip);
    println!("whole: {entries} entries, {bytes} bytes, tip {tip}");
    Ok(())
}
