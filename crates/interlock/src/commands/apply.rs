//! `interlock apply`: the files become what is in force.

use api::{InForce, Wish};

use super::ask::Where;
use super::{Failure, plan, runtime};
use crate::change::{Force, in_force, render, without_node};
use crate::node::Plan;

/// What to apply.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    how: How,
    /// The plan that was looked at: where it is not the same any more, nothing is done.
    #[arg(long)]
    plan: Option<String>,
}

/// Who applies, and what is given up for it.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct How {
    /// The person who wants it, for the journal: a staff number.
    #[arg(long)]
    by: Option<String>,
    /// Give up the messages that wait on this removed channel.
    #[arg(long, value_name = "CHANNEL")]
    discard: Vec<String>,
}

#[expect(clippy::print_stdout, reason = "what was done is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (wanted, looked) = plan::look(&args.at)?;
    print!("{}", render(&looked));
    if args.plan.as_ref().is_some_and(|plan| *plan != looked.plan) {
        let why = "the plan is out of date: somebody applied another configuration, or the files \
                   changed; nothing is done";
        return Err(why.into());
    }
    if looked.changes.is_empty() && looked.base > 0 {
        return Ok(());
    }
    let applied = force(&args.at, &wanted, looked.plan, &args.how, None)?;
    println!("{}", said(&applied));
    Ok(())
}

/// Puts a configuration in force, on the node that runs or in the data folder.
pub(super) fn force(
    at: &Where,
    wanted: &Plan,
    plan: String,
    how: &How,
    back_to: Option<u64>,
) -> Result<InForce, Failure> {
    let How { by, discard } = how.clone();
    if let Some(node) = at.node()? {
        let files = wanted.configuration.bundle.files().clone();
        return node.apply(&Wish { files, plan, by, discard, back_to });
    }
    let force = Force { client: "interlock apply".to_owned(), by, discard, back_to };
    let applied = runtime()?.block_on(without_node(wanted, force))?;
    Ok(in_force(&applied))
}

/// What is in force now.
pub(super) fn said(applied: &InForce) -> String {
    format!("in force: entry {}, by {}, {}", applied.entry, applied.by, applied.at)
}
