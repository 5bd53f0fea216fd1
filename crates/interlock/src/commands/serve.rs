//! `interlock serve`: a node by its configuration.
//!
//! What was applied is in force; the files are what somebody wishes. A node that starts again in
//! the night must not find a file that was half written in the evening.

use std::path::PathBuf;

use super::{Failure, asked_to_end, plan, runtime};
use crate::change::{of_folder, offline, text_of};
use crate::config::{self, Configuration, Mistake, NodeEntry};
use crate::node::{Node, Plan};

/// What to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    config: PathBuf,
    /// Put the files in force where they differ from what was applied last.
    #[arg(long)]
    apply: bool,
    /// How hard entries are driven to the disk: `off` loses acknowledged entries in a power cut
    /// and is for control experiments alone.
    #[arg(long, hide = true, default_value = "full")]
    durability: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let mut plan = choose(args)?;
    if args.durability == "off" {
        plan.durability = journal::Durability::Off;
    }
    runtime()?.block_on(serve(plan))
}

/// What is to be in force: the files where nothing was applied yet, where they are what was
/// applied, or where somebody says so; else what was applied.
fn choose(args: &Args) -> Result<Plan, Failure> {
    let wish = config::load(&args.config);
    let node = config::node_of(&args.config);
    let (node, data) = match (node, &wish) {
        (Ok(node), _) => node,
        (Err(mistake), Ok(_)) => return Err(mistake.to_string().into()),
        (Err(_), Err(mistakes)) => return Err(plan::told(mistakes)),
    };
    let Some(applied) = of_folder(&data)?.pop() else {
        return wish.map(by_serve).map_err(|mistakes| plan::told(&mistakes));
    };
    let wish = match wish {
        Ok(wish) if args.apply => return wanted(wish),
        Ok(wish) => Some(wish),
        Err(mistakes) if args.apply => return Err(plan::told(&mistakes)),
        Err(mistakes) => {
            complain(&mistakes);
            None
        }
    };
    let journal = journal::Reader::open(&data.join(crate::node::JOURNAL_FILE))?;
    let bundle = text_of(&journal, applied.entry)?.ok_or("what was applied is not there")?;
    let in_force = Configuration::of(bundle);
    if let Some(wish) = wish
        && same(&wish.configuration, &in_force)
    {
        return Ok(by_serve(wish));
    }
    tracing::warn!(
        entry = applied.entry,
        "the files differ from what was applied, and what was applied is in force: look with \
         `interlock plan`, then `interlock apply` (or start with `serve --apply`)"
    );
    let plan = config::read_applied(in_force.bundle, config::folder_of(&args.config));
    let plan = plan.map_err(|mistakes| {
        let told = plan::told(&mistakes);
        format!(
            "what was applied by entry {} cannot be used any more: mend the files and start with \
             `serve --apply`; {told}",
            applied.entry
        )
    })?;
    Ok(of_this_machine(plan, node, data))
}

/// Files that are to be in force at once.
fn wanted(wish: Plan) -> Result<Plan, Failure> {
    let obstacles = offline(&wish)?.shown().obstacles;
    if obstacles.is_empty() { Ok(by_serve(wish)) } else { Err(obstacles.join("\n").into()) }
}

fn by_serve(plan: Plan) -> Plan {
    Plan { by: "interlock serve".to_owned(), ..plan }
}

/// `[node]` is of the machine and always comes from its file.
fn of_this_machine(plan: Plan, node: NodeEntry, data: PathBuf) -> Plan {
    let NodeEntry { http, public_url, processing_id, .. } = node;
    Plan { data, http, public_url, processing_id: processing_id.into_inner(), ..plan }
}

/// Whether two configurations say the same, apart from `[node]`.
fn same(a: &Configuration, b: &Configuration) -> bool {
    let site = |one: &Configuration| {
        let mut parts = one.parts.clone();
        parts.remove("node");
        parts
    };
    site(a) == site(b)
}

fn complain(mistakes: &[Mistake]) {
    for mistake in mistakes {
        tracing::warn!(%mistake, "the files cannot be used; what was applied is in force");
    }
}

#[expect(clippy::print_stdout, reason = "the addresses are the command's output")]
async fn serve(plan: Plan) -> Result<(), Failure> {
    let mut node = Node::start(plan).await?;
    // Whoever reads that it is ready may end it at once.
    let asked = asked_to_end()?;
    for (channel, address) in &node.channels {
        println!("channel {channel}: {address}");
    }
    println!("ready: {}", node.address());
    tokio::select! {
        () = asked => {}
        why = node.failed() => return Err(why.into()),
    }
    node.shutdown().await;
    Ok(())
}
