//! `interlock verify`: is the journal whole?

use std::path::{Path, PathBuf};

use journal::{Position, PublicKey, Reader, Verified, folder_of};

use super::Failure;
use crate::node::JOURNAL_FILE;

/// What to verify.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder, the journal's file, or a segment.
    data: PathBuf,
    /// A position that the journal must contain, as `NUMBER:HASH`: shows a cut tail.
    #[arg(long)]
    expect: Option<Position>,
    /// The public key, as 64 hexadecimal digits, with which every seal must be signed.
    #[arg(long)]
    key: Option<PublicKey>,
    /// Tell also how many bytes a message takes on the disk.
    #[arg(long)]
    sizes: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let file = if args.data.is_dir() { args.data.join(JOURNAL_FILE) } else { args.data.clone() };
    let verified = if file.extension().is_some_and(|ending| ending == "segment") {
        let verified = Reader::verify_segment(&file)?;
        match &args.expect {
            Some(expected) if verified.tip != *expected => {
                return Err(format!("the segment ends at {}", verified.tip).into());
            }
            _ => verified,
        }
    } else {
        let reader = Reader::open(&file)?;
        match &args.expect {
            Some(expected) => reader.verify_expecting(expected)?,
            None => reader.verify()?,
        }
    };
    print(&verified);
    if let Some(key) = args.key {
        let ours = verified.signed.iter().filter(|signer| **signer == key).count() as u64;
        if ours < verified.seals {
            let others = verified.seals - ours;
            return Err(format!("{others} seals are not signed with the key {key}").into());
        }
    }
    if args.sizes {
        print_sizes(&file, &verified)?;
    }
    Ok(())
}

/// Tells what a verification found.
#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn print(verified: &Verified) {
    let (entries, bytes, tip) = (verified.entries, verified.bytes, verified.tip);
    println!("whole: {entries} entries, {bytes} bytes, tip {tip}");
    let (seals, signed) = (verified.seals, verified.signed.len());
    if seals > 0 {
        println!("seals: {seals}, {signed} of them signed");
    }
    for (first, last) in &verified.away {
        println!("away: entries {first} to {last}, followed by their seal");
    }
    if verified.removed > 0 {
        println!("messages removed when their time was over: {}", verified.removed);
    }
}

/// Tells what the journal takes on the disk for each message, all files together.
#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
fn print_sizes(file: &Path, verified: &Verified) -> Result<(), Failure> {
    let mut bytes = size(file) + size(&beside(file, "-wal"));
    if let Ok(folder) = folder_of(file).read_dir() {
        for found in folder {
            bytes += found?.metadata()?.len();
        }
    }
    let each = |bytes: u64| bytes / verified.messages.max(1);
    println!(
        "on the disk: {bytes} bytes, {} for each of {} messages of {} bytes",
        each(bytes),
        verified.messages,
        each(verified.message_bytes)
    );
    Ok(())
}

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn size(file: &Path) -> u64 {
    file.metadata().map_or(0, |found| found.len())
}
