//! `interlock rollback`: what was in force before is in force again.

use api::InForce;

use super::apply::{How, force, said};
use super::ask::Where;
use super::{Failure, plan};
use crate::change::{in_force, of_folder, render, text_of};
use crate::config::{self, Bundle};

/// Where to go back to.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    how: How,
    /// How many configurations to go back.
    #[arg(default_value_t = 1)]
    steps: usize,
    /// Only list the configurations that were in force.
    #[arg(long)]
    list: bool,
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let list = configurations(&args.at)?;
    if args.list {
        for one in &list {
            let back = one.back_to.map(|entry| format!(", back to entry {entry}"));
            let changes = one.changes.join(", ");
            let (entry, at, by) = (one.entry, &one.at, &one.by);
            println!("entry {entry}, {at}, by {by}{}: {changes}", back.unwrap_or_default());
        }
        return Ok(());
    }
    let target = target(&list, args.steps).ok_or_else(|| {
        let (steps, known) = (args.steps, list.len());
        format!("there is no configuration {steps} before the one in force: {known} are known")
    })?;
    let bundle = text(&args.at, target)?;
    let wanted = config::read_bundle(bundle, config::folder_of(&args.at.config));
    let wanted = wanted.map_err(|mistakes| plan::told(&mistakes))?;
    let looked = plan::of(&args.at, &wanted)?;
    print!("{}", render(&looked));
    let applied = force(&args.at, &wanted, looked.plan, &args.how, Some(target))?;
    println!("{}: what entry {target} was", said(&applied));
    println!("The files are as they were: mend them, or `interlock apply` brings them back.");
    Ok(())
}

/// The configurations that were in force, the newest first.
fn configurations(at: &Where) -> Result<Vec<InForce>, Failure> {
    if let Some(node) = at.node()? {
        return node.configurations();
    }
    let (_, data) = config::node_of(&at.config).map_err(|mistake| mistake.to_string())?;
    Ok(of_folder(&data)?.iter().rev().map(in_force).collect())
}

fn text(at: &Where, entry: u64) -> Result<Bundle, Failure> {
    if let Some(node) = at.node()? {
        let files = node.files(entry)?;
        return Bundle::from_texts(files).map_err(|mistakes| plan::told(&mistakes));
    }
    let (_, data) = config::node_of(&at.config).map_err(|mistake| mistake.to_string())?;
    let journal = journal::Reader::open(&data.join(crate::node::JOURNAL_FILE))?;
    Ok(text_of(&journal, entry)?.ok_or("the journal has no configuration there")?)
}

/// The entry of the configuration so many steps before the one in force. One that went back to
/// another counts as that one, so that going back twice does not come forward again.
fn target(newest_first: &[InForce], steps: usize) -> Option<u64> {
    let mut at = 0;
    for step in 0..=steps {
        if step > 0 {
            at += 1;
        }
        while let Some(back_to) = newest_first.get(at)?.back_to {
            at = newest_first.iter().position(|one| one.entry == back_to)?;
        }
    }
    newest_first.get(at).map(|one| one.entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_back_twice_does_not_come_forward_again() {
        let one = |entry, back_to| InForce {
            entry,
            at: String::new(),
            by: String::new(),
            digest: String::new(),
            changes: Vec::new(),
            back_to,
        };
        let check = |list: &[(u64, Option<u64>)], steps, expected| {
            let list: Vec<InForce> = list.iter().map(|(entry, to)| one(*entry, *to)).collect();
            assert_eq!(target(&list, steps), expected, "{steps} back in {list:?}");
        };
        check(&[(9, None), (5, None), (1, None)], 1, Some(5));
        check(&[(9, None), (5, None), (1, None)], 2, Some(1));
        check(&[(9, None), (5, None), (1, None)], 3, None);
        check(&[(12, Some(5)), (9, None), (5, None), (1, None)], 0, Some(5));
        check(&[(12, Some(5)), (9, None), (5, None), (1, None)], 1, Some(1));
        check(&[(14, None), (12, Some(5)), (9, None), (5, None), (1, None)], 1, Some(5));
        check(&[(12, Some(3)), (9, None)], 1, None);
        check(&[], 1, None);
    }
}
