//! `interlock retention`: what the journal need not keep here any longer, and letting it go.

use std::path::PathBuf;

use journal::{Keep, Segment, segments};

use super::seal::{open, plan};
use super::{Failure, verify};
use crate::node::Plan;

/// What may go.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    config: PathBuf,
    /// Segments of which the last entry is older than this many days.
    #[arg(long)]
    older_than: Option<u32>,
    /// Move these segments into this folder.
    #[arg(long, requires = "older_than", conflicts_with = "drop")]
    move_to: Option<PathBuf>,
    /// Drop these segments for good, after a base was made from which the record can be rebuilt.
    #[arg(long, requires = "older_than")]
    drop: bool,
    /// Do it; otherwise it is only said. The node must not run.
    #[arg(long = "do")]
    act: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = plan(&args.config)?;
    if args.drop && args.older_than.is_some_and(|days| days < plan.keeping.controlled_days) {
        return Err(format!(
            "segments hold records of controlled drugs, which are kept for {} days: move them \
             instead, or raise --older-than",
            plan.keeping.controlled_days
        )
        .into());
    }
    let old = old_segments(&plan, args.older_than)?;
    if args.act { act(args, &plan, &old) } else { show(&plan, &old) }
}

/// The segments that are here and whose last entry is older than so many days.
fn old_segments(plan: &Plan, days: Option<u32>) -> Result<Vec<Segment>, Failure> {
    let Some(days) = days else { return Ok(Vec::new()) };
    let age = jiff::SignedDuration::from_hours(24 * i64::from(days));
    let before = plan.clock.now().checked_sub(age)?.as_microsecond();
    let mut old = Vec::new();
    for segment in segments(&plan.journal())? {
        if segment.is_here && segment.is_sealed && segment.seal()?.last_at < before {
            old.push(segment);
        }
    }
    Ok(old)
}

#[expect(clippy::print_stdout, reason = "what would be done is the command's output")]
fn show(plan: &Plan, old: &[Segment]) -> Result<(), Failure> {
    let reader = journal::Reader::open(&plan.journal())?;
    let keep = plan.keeping.keep(&plan.site, plan.clock);
    let mut keep = keep.sparing(&plan.record(), &plan.journal());
    let (mut messages, mut bytes) = (0_u64, 0_u64);
    for segment in segments(&plan.journal())? {
        let seal = if segment.is_sealed { Some(segment.seal()?) } else { None };
        let looked_into = keep.latest().is_some_and(|latest| {
            seal.as_ref().is_some_and(|seal| segment.is_here && seal.first_at <= latest)
        });
        let mut next = segment.first;
        while looked_into && next <= segment.last {
            let entries = reader.read_from(next, 256)?;
            let Some(last) = entries.last() else { break };
            next = last.seq + 1;
            let here = entries.iter().filter(|entry| entry.seq <= segment.last);
            for entry in here.filter(|entry| !entry.raw.is_empty()) {
                if !keep.keeps(entry) {
                    messages += 1;
                    bytes += entry.raw.len() as u64;
                }
            }
        }
    }
    println!("messages whose time is over: {messages}, {bytes} bytes uncompressed");
    for segment in old {
        let seal = segment.seal()?;
        let (first, last) = (engine::time_of(seal.first_at), engine::time_of(seal.last_at));
        println!("segment {}-{}: {first} to {last}", segment.first, segment.last);
    }
    println!("nothing was changed; add --do to do it");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
fn act(args: &Args, plan: &Plan, old: &[Segment]) -> Result<(), Failure> {
    let mut journal = open(plan)?;
    let keep = plan.keeping.keep(&plan.site, plan.clock);
    let mut keep = keep.sparing(&plan.record(), &plan.journal());
    let done = journal.remove_bodies(&mut keep)?;
    println!("messages removed: {}, {} bytes uncompressed", done.messages, done.bytes);
    if let Some(folder) = &args.move_to {
        for segment in old {
            println!("moved: {}", segment.move_to(folder)?.display());
        }
    }
    if args.drop && !old.is_empty() {
        let key = plan.keeping.sealing.key.as_deref();
        let base = engine::make_base(&plan.journal(), &plan.record(), key)?;
        if old.iter().any(|segment| segment.last > base.seq) {
            return Err(
                "the record is behind the segments: start the node once, then try again".into()
            );
        }
        println!("base: {base}");
        for segment in old {
            segment.drop_file()?;
            println!("dropped: {}-{}", segment.first, segment.last);
        }
    }
    verify::print(&journal.reader()?.verify()?);
    Ok(())
}
