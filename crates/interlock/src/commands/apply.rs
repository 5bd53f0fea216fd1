//! `interlock apply`: the files become what is in force.

use api::{InForce, Wish};

use super::ask::Where;
use super::{Failure, plan, runtime};
use crate::change::{Fates, Force, in_force, render, without_node};
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
    /// Keep the messages that wait on this removed channel until one of that name sends again.
    #[arg(long, value_name = "CHANNEL")]
    hold: Vec<String>,
    /// Have another channel send the messages that wait on a removed one.
    #[arg(long = "move", value_name = "CHANNEL=OTHER", value_parser = pair)]
    reroute: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => {
            Ok((from.to_owned(), to.to_owned()))
        }
        _ => Err("write the removed channel and the one that sends instead, as old=new".to_owned()),
    }
}

impl How {
    fn fates(&self) -> Fates {
        Fates {
            discard: self.discard.clone(),
            hold: self.hold.clone(),
            reroute: self.reroute.iter().cloned().collect(),
        }
    }
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
    if looked.changes.is_empty() && looked.base > 0 && args.how.fates().is_empty() {
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
    let (by, fates) = (how.by.clone(), how.fates());
    if let Some(node) = at.node()? {
        let files = wanted.configuration.bundle.files().clone();
        let Fates { discard, hold, reroute } = fates;
        return node.apply(&Wish { files, plan, by, discard, hold, reroute, back_to });
    }
    let force = Force { client: "interlock apply".to_owned(), by, fates, back_to };
    let applied = runtime()?.block_on(without_node(wanted, force))?;
    Ok(in_force(&applied))
}

/// What is in force now.
pub(super) fn said(applied: &InForce) -> String {
    format!("in force: entry {}, by {}, {}", applied.entry, applied.by, applied.at)
}
