//! `interlock plan`: what would change?

use super::Failure;
use super::ask::Where;
use crate::change::{offline, render};
use crate::config::{self, Mistake};
use crate::node::Plan;

/// What to look at.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    at: Where,
}

#[expect(clippy::print_stdout, reason = "what would change is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (_, plan) = look(&args.at)?;
    print!("{}", render(&plan));
    if plan.obstacles.is_empty() { Ok(()) } else { Err("it cannot be applied as it is".into()) }
}

/// The configuration of the files, and what it would change: of the node that runs, else of the
/// data folder.
pub(super) fn look(at: &Where) -> Result<(Plan, api::Plan), Failure> {
    let wanted = config::load(&at.config).map_err(|mistakes| told(&mistakes))?;
    let plan = of(at, &wanted)?;
    Ok((wanted, plan))
}

/// What a configuration would change.
pub(super) fn of(at: &Where, wanted: &Plan) -> Result<api::Plan, Failure> {
    if let Some(node) = at.node()? {
        return node.plan(wanted.configuration.bundle.files());
    }
    Ok(offline(wanted)?.shown())
}

/// All mistakes, a line for each.
pub(super) fn told(mistakes: &[Mistake]) -> Failure {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let count = match lines.len() {
        1 => "one mistake".to_owned(),
        count => format!("{count} mistakes"),
    };
    format!("{count}; nothing is changed\n{}", lines.join("\n")).into()
}
