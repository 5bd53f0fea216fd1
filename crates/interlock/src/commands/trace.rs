//! `interlock trace`: the life of a message.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, find, life};
use crate::config;
use crate::replay::Voices;

/// The most messages of one control id that are listed.
const MAX_CALLED: usize = 50;

/// Which message.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder.
    data: PathBuf,
    /// The number of a journal entry, a control id, or the id of a delivery.
    message: String,
    /// The configuration file, by whose dialects messages that were sent are written again.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the life is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let voices = match &args.config {
        Some(path) => Some(config::load(path).map_err(|mistakes| {
            let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            format!("{} cannot be used:\n{}", path.display(), lines.join("\n"))
        })?),
        None => None,
    };
    let voices = voices.as_ref().map(|plan| Voices::new(plan, &plan.processing_id));
    let (reader, index) = find::open(&args.data)?;
    let called = reader.entries_called(&index, &args.message, MAX_CALLED)?;
    let seq = match called.as_slice() {
        [] => return Err(format!("no entry, control id or delivery `{}`", args.message).into()),
        [seq] => *seq,
        [newest, older @ ..] => {
            println!("{} entries have this control id; this is the newest.", called.len());
            for seq in older {
                if let Some(message) = reader.message(*seq)? {
                    println!("{}", find::line(&message));
                }
            }
            println!();
            *newest
        }
    };
    let told = reader.life(&index, seq, &|reader, delivery| match &voices {
        Some(voices) => voices.rewrite(reader, delivery),
        None => Err("give --config to have it written again".to_owned()),
    })?;
    let told = told.ok_or_else(|| format!("the journal has no entry {seq}"))?;
    let mut out = std::io::stdout().lock();
    out.write_all(life::text(&told).as_bytes())?;
    Ok(())
}
